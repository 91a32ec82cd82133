package rtc_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/internal/simnet"
)

// A peer that says goodbye in SCTP only, as some do, ends a session that has nothing but data
// channels, at once and in good order. A session with media goes on.
func TestPeerEndsAssociation(t *testing.T) {
	for _, withMedia := range []bool{false, true} {
		w := newWorld(t, worldConfig{link: simnet.LinkConfig{Delay: ms}})
		changes := rtc.Changes{DataChannels: true}
		if withMedia {
			changes.AddMedia = []rtc.MediaConfig{{Kind: rtc.Audio}}
		}
		w.negotiate(w.l, changes)
		w.until(time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
		w.net.Run(time.Second)

		w.l.ClearPacket()
		w.r.Close(w.net.Now())
		abort := w.r.PollOutput()
		for abort.Kind == rtc.OutputEvent {
			abort = w.r.PollOutput()
		}
		require.Equal(t, rtc.OutputTransmit, abort.Kind)
		w.l.HandleInput(rtc.Input{Now: w.net.Now(), Local: w.l.addr, Remote: w.r.addr, Data: abort.Transmit.Data})
		w.l.host.Wake()
		w.net.Run(ms / 2) // before the close_notify comes
		require.Equal(t, !withMedia, w.l.closed)
		require.NoError(t, w.l.err)
	}
}
