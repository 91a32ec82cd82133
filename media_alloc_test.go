package rtc_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/internal/simnet"
	"github.com/sansrtc/rtc/rtp"
	"github.com/sansrtc/rtc/rtp/codec"
)

// A machine is what a loop drives.
type machine interface {
	HandleInput(in rtc.Input)
	PollOutput() rtc.Output
}

// alone is an endpoint with one session.
type alone struct{ rtc.Endpoint[int] }

func (a *alone) PollOutput() rtc.Output {
	_, out := a.Endpoint.PollOutput()
	return out
}

// A media packet costs no allocation, from WriteRTP to the event at the other end, with the
// reports and the feedback that belong to it. Nor does an endpoint that the session is in.
func TestMediaPacketDoesNotAllocate(t *testing.T) {
	t.Run("session", func(t *testing.T) {
		testMediaPacketDoesNotAllocate(t, func(r *rtc.Rtc) machine { return r })
	})
	t.Run("endpoint", func(t *testing.T) {
		testMediaPacketDoesNotAllocate(t, func(r *rtc.Rtc) machine {
			e := &alone{}
			e.Add(r, 0)
			return e
		})
	})
}

func testMediaPacketDoesNotAllocate(t *testing.T, receiver func(*rtc.Rtc) machine) {
	w := newWorld(t, worldConfig{seed: 5, link: simnet.LinkConfig{Delay: ms}})
	l := watchMedia(w.l)
	w.negotiate(w.l, rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Audio}, {Kind: rtc.Video}}})
	w.until(time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
	w.net.Run(time.Second)
	section := l.sections[rtc.Video]
	r := receiver(w.r.Rtc)
	now, got := w.net.Now(), 0
	h := rtp.Header{PayloadType: section.Codecs[0].Send.PayloadType}
	payload := make([]byte, 1000)
	exchange := func() {
		now = now.Add(5 * ms)
		w.l.HandleInput(rtc.Input{Now: now})
		r.HandleInput(rtc.Input{Now: now})
		h.SequenceNumber++
		h.Timestamp += 450
		if err := w.l.WriteRTP(now, section.ID, "", &h, payload); err != nil {
			t.Fatal(err)
		}
		for _, pair := range [][2]machine{{w.l.Rtc, r}, {r, w.l.Rtc}} {
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

// Nor does a frame, with the header extensions of its packets.
func TestMediaFrameDoesNotAllocate(t *testing.T) {
	w := newWorld(t, worldConfig{seed: 5, link: simnet.LinkConfig{Delay: ms}, change: func(_, r *rtc.Config) {
		r.AcceptMedia = func(rtc.MediaOffer) (rtc.MediaConfig, bool) { return rtc.MediaConfig{Frames: true}, true }
	}})
	l := watchMedia(w.l)
	w.negotiate(w.l, rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Video}}})
	w.until(time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
	w.net.Run(time.Second)
	section := l.sections[rtc.Video]
	now, got, extended := w.net.Now(), 0, 0
	f := codec.Frame{Data: vp8Frame(0, 3000, true)}
	exchange := func() {
		now = now.Add(33 * ms)
		w.l.HandleInput(rtc.Input{Now: now})
		w.r.HandleInput(rtc.Input{Now: now})
		f.Timestamp += 3000
		if err := w.l.WriteFrame(now, section.ID, "", section.Codecs[0].Send.PayloadType, f); err != nil {
			t.Fatal(err)
		}
		for _, pair := range [][2]*rtc.Rtc{{w.l.Rtc, w.r.Rtc}, {w.r.Rtc, w.l.Rtc}} {
			for {
				out := pair[0].PollOutput()
				if ev, ok := out.Event.(*rtc.FrameReceived); ok {
					got++
					extended += len(ev.Extensions.Data)
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
	for range 2000 {
		exchange()
	}
	got = 0
	const runs = 1000
	allocs := testing.AllocsPerRun(runs, exchange)
	require.Equal(t, runs+1, got)
	require.NotZero(t, extended)
	require.Zero(t, allocs, "allocations for a frame")
}
