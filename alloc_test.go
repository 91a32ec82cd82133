package rtc_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/internal/simnet"
	"github.com/sansrtc/rtc/sctp"
)

// connectedPair returns two sessions with one open channel and nothing left to do.
func connectedPair(t *testing.T) (w *world, l, r sctp.ChannelID) {
	w = newWorld(t, worldConfig{link: simnet.LinkConfig{Delay: ms}})
	w.connect()
	l, r = w.open(sctp.ChannelConfig{Label: "chat"})
	w.net.Run(time.Second)
	return w, l, r
}

// carry takes every datagram that one session owes to the other. It returns the number of
// messages that arrived there.
func carry(now time.Time, from, to *rtc.Rtc) (messages int) {
	for {
		out := from.PollOutput()
		if out.Kind != rtc.OutputTransmit {
			break
		}
		to.HandleInput(rtc.Input{Now: now, Local: out.Transmit.Remote, Remote: out.Transmit.Local, Data: out.Transmit.Data})
	}
	for {
		// What the receiver owes stays owed: an acknowledgement is carried later.
		out := to.PollOutput()
		switch out.Kind {
		case rtc.OutputEvent:
			if _, ok := out.Event.(*rtc.ChannelMessage); ok {
				messages++
			}
		case rtc.OutputTransmit:
			from.HandleInput(rtc.Input{Now: now, Local: out.Transmit.Remote, Remote: out.Transmit.Local, Data: out.Transmit.Data})
		default:
			return messages
		}
	}
}

// A message costs no allocation, from Send to the event at the other end, with all the
// acknowledgements, in both directions.
func TestMessageDoesNotAllocate(t *testing.T) {
	for _, size := range []int{0, 100, 1000, 16_384} {
		w, l, r := connectedPair(t)
		now, data, got := w.net.Now(), make([]byte, size), 0
		exchange := func() {
			now = now.Add(10 * ms)
			for _, end := range []struct {
				from, to *rtc.Rtc
				id       sctp.ChannelID
			}{{w.l.Rtc, w.r.Rtc, l}, {w.r.Rtc, w.l.Rtc, r}} {
				end.from.HandleInput(rtc.Input{Now: now})
				end.to.HandleInput(rtc.Input{Now: now})
				if err := end.from.Send(now, end.id, true, data); err != nil {
					t.Fatal(err)
				}
				for range 20 {
					got += carry(now, end.from, end.to)
				}
			}
		}
		for range 200 {
			exchange() // lets buffers grow to their size
		}
		got = 0
		const runs = 100
		allocs := testing.AllocsPerRun(runs, exchange)
		require.Equal(t, 2*(runs+1), got, "messages of %d bytes delivered", size)
		require.Zero(t, allocs, "allocations for a message of %d bytes each way", size)
	}
}

// A tick of an idle session allocates nothing, consent checks and their answers included.
func TestIdleTickDoesNotAllocate(t *testing.T) {
	w, _, _ := connectedPair(t)
	now := w.net.Now()
	second := func() {
		now = now.Add(time.Second)
		for _, pair := range [][2]*rtc.Rtc{{w.l.Rtc, w.r.Rtc}, {w.r.Rtc, w.l.Rtc}} {
			pair[0].HandleInput(rtc.Input{Now: now})
			carry(now, pair[0], pair[1])
		}
	}
	for range 60 {
		second()
	}
	sent := w.l.Stats().DatagramsSent
	allocs := testing.AllocsPerRun(600, second)
	require.Greater(t, w.l.Stats().DatagramsSent, sent+200, "checks were made and answered")
	require.Zero(t, allocs, "allocations in an idle second")
}
