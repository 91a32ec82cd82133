package rtc_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/internal/simnet"
	"github.com/sansrtc/rtc/sctp"
)

// A game sends small unreliable messages for minutes over a link that loses some. What was given
// up is skipped although FORWARD-TSNs get lost too: neither the send buffer nor the SACKs grow.
func TestPartialReliabilityLasts(t *testing.T) {
	for _, loss := range []float64{0.01, 0.05, 0.2} {
		w := newWorld(t, worldConfig{seed: 5, link: simnet.LinkConfig{Delay: 25 * ms, Loss: simnet.RandomLoss(loss)}})
		w.connect()
		l, _ := w.open(sctp.ChannelConfig{Label: "game", Unordered: true, MaxRetransmits: new(uint16(0))})
		const messages = 20 * 180
		before := w.r.Stats()
		for range messages {
			require.NoError(t, w.l.Send(w.net.Now(), l, true, make([]byte, 100)))
			w.net.Run(50 * ms)
			require.Less(t, w.l.Stats().SCTP.SendBufferUsed, 16<<10, "loss %v, after %v", loss, w.net.Elapsed())
		}
		perMessage := float64(w.r.Stats().BytesSent-before.BytesSent) / messages
		require.Less(t, perMessage, 80.0, "bytes that R sends for each message it gets, with loss %v", loss)
		w.net.Run(5 * time.Second)
		require.Zero(t, w.l.Stats().SCTP.SendBufferUsed)
	}
}
