package rtc_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/internal/simnet"
	"github.com/sansrtc/rtc/rtp"
)

// A media packet costs no allocation, from WriteRTP to the event at the other end, with the
// reports and the feedback that belong to it.
func TestMediaPacketDoesNotAllocate(t *testing.T) {
	w := newWorld(t, worldConfig{seed: 5, link: simnet.LinkConfig{Delay: ms}})
	l := watchMedia(w.l)
	w.negotiate(w.l, rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Audio}, {Kind: rtc.Video}}})
	w.until(time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
	w.net.Run(time.Second)
	section := l.sections[rtc.Video]
	now, got := w.net.Now(), 0
	h := rtp.Header{PayloadType: section.Codecs[0].Send.PayloadType}
	payload := make([]byte, 1000)
	exchange := func() {
		now = now.Add(5 * ms)
		w.l.HandleInput(rtc.Input{Now: now})
		w.r.HandleInput(rtc.Input{Now: now})
		h.SequenceNumber++
		h.Timestamp += 450
		if err := w.l.WriteRTP(now, section.ID, "", &h, payload); err != nil {
			t.Fatal(err)
		}
		for _, pair := range [][2]*rtc.Rtc{{w.l.Rtc, w.r.Rtc}, {w.r.Rtc, w.l.Rtc}} {
			for {
				out := pair[0].PollOutput()
				if _, ok := out.Event.(*rtc.RTPReceived); ok {
					got++
				}
				if out.Kind == rtc.OutputTransmit {
					pair[1].HandleInput(rtc.Input{Now: now, Local: out.Transmit.Remote, Remote: out.Transmit.Local, Data: out.Transmit.Data})
				}
				if out.Kind == rtc.OutputTimeout {
					break
				}
			}
		}
	}
	for range 5000 {
		exchange() // fills the cache
	}
	got = 0
	const runs = 2000
	allocs := testing.AllocsPerRun(runs, exchange)
	require.Equal(t, runs+1, got)
	require.Zero(t, allocs, "allocations for a packet")
}
