package rtc_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/internal/simnet"
	"github.com/sansrtc/rtc/rtp"
)

// Media may overtake the last flight of the handshake: its beginning is held until there are keys.
func TestMediaBeforeTheKeys(t *testing.T) {
	w := newWorld(t, worldConfig{seed: 9, link: simnet.LinkConfig{Delay: ms}})
	w.negotiate(w.l, rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Video}}})
	now := w.net.Now()
	var section *rtc.MediaChanged
	connected := false
	watch := func(ev rtc.Event) {
		switch ev := ev.(type) {
		case *rtc.MediaChanged:
			section = ev
		case *rtc.Connected:
			connected = true
		}
	}
	// R is the client, which has the keys first; what it says then is lost.
	isLost := func(b []byte) bool { return connected && 20 <= b[0] && b[0] <= 63 }
	for i := 0; i < 100 && !connected; i++ {
		now = now.Add(10 * ms)
		w.l.HandleInput(rtc.Input{Now: now})
		w.r.HandleInput(rtc.Input{Now: now})
		exchange(now, w.l, w.r, nil, nil)
		exchange(now, w.r, w.l, isLost, watch)
	}
	require.True(t, connected)
	for n := range 20 {
		h := rtp.Header{PayloadType: section.Codecs[0].Send.PayloadType, SequenceNumber: uint16(n)}
		require.NoError(t, w.r.WriteRTP(now, section.ID, "", &h, []byte{0x10, byte(n)}))
	}
	exchange(now, w.r, w.l, isLost, nil)
	require.EqualValues(t, 4, w.l.Stats().Dropped.Media, "sixteen are held")

	now = now.Add(2 * time.Second)
	w.r.HandleInput(rtc.Input{Now: now})
	exchange(now, w.r, w.l, nil, nil)
	var got []byte
	exchange(now, w.l, w.r, nil, func(ev rtc.Event) {
		if p, ok := ev.(*rtc.RTPReceived); ok {
			got = append(got, p.Payload[1])
		}
	})
	require.Equal(t, []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, got)
	require.EqualValues(t, 4, w.l.Stats().Dropped.Media)
}
