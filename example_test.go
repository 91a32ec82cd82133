package rtc_test

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/ice"
	"github.com/sansrtc/rtc/sctp"
)

// Two sessions connect without a network: what one transmits is the other's input. A
// program with sockets has the same loop, see the package documentation.
func Example() {
	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	var peers [2]*rtc.Rtc
	for i := range peers {
		r, err := rtc.New(now, rtc.Config{})
		if err != nil {
			panic(err)
		}
		addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)}), 5000)
		if err := r.AddLocalCandidate(now, ice.Candidate{Type: ice.Host, Addr: addr}); err != nil {
			panic(err)
		}
		peers[i] = r
	}

	// The one who offers opens a channel; a message sent now waits for the session.
	channel, err := peers[0].OpenChannel(now, sctp.ChannelConfig{Label: "chat"})
	if err != nil {
		panic(err)
	}
	if err := peers[0].Send(now, channel, false, []byte("hello")); err != nil {
		panic(err)
	}
	offer, err := peers[0].CreateOffer(now, rtc.Changes{})
	if err != nil {
		panic(err)
	}
	answer, err := peers[1].AcceptOffer(now, offer.SDP())
	if err != nil {
		panic(err)
	}
	if err := peers[0].AcceptAnswer(now, offer, answer); err != nil {
		panic(err)
	}

	for ended := [2]bool{}; ended != [2]bool{true, true}; {
		var deadline time.Time
		for i, r := range peers {
			for drained := ended[i]; !drained; {
				switch out := r.PollOutput(); out.Kind {
				case rtc.OutputTransmit:
					peers[1-i].HandleInput(rtc.Input{
						Now: now, Local: out.Transmit.Remote, Remote: out.Transmit.Local, Data: out.Transmit.Data,
					})
				case rtc.OutputEvent:
					if ev, ok := out.Event.(*rtc.ChannelMessage); ok {
						fmt.Printf("%d received %q\n", i, ev.Data)
						r.Close(now)
					}
				case rtc.OutputTimeout:
					drained = true
					if deadline.IsZero() || !out.Deadline.IsZero() && out.Deadline.Before(deadline) {
						deadline = out.Deadline
					}
				case rtc.OutputClosed:
					drained, ended[i] = true, true
					fmt.Printf("%d closed: %v\n", i, out.Err)
				}
			}
		}
		// Nothing is due before the deadline, so that is when it continues.
		if deadline.After(now) {
			now = deadline
		}
		for _, r := range peers {
			r.HandleInput(rtc.Input{Now: now})
		}
	}

	// Output:
	// 1 received "hello"
	// 1 closed: <nil>
	// 0 closed: <nil>
}
