package rtc_test

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/ice"
	"github.com/sansrtc/rtc/rtp/codec"
	"github.com/sansrtc/rtc/sctp"
	"github.com/sansrtc/rtc/sdp"
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

// Two sessions that have agreed on sound by means of their own: one sends it, the other receives.
func ExampleRtc_AddMedia() {
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

	voice := rtc.MediaParameters{MID: "voice", MediaConfig: rtc.MediaConfig{
		Kind: rtc.Audio, Frames: true,
		Codecs: []sdp.Codec{{PayloadType: 96, Name: "opus", ClockRate: 48000, Channels: 2}},
	}}
	var ids [2]rtc.MediaID
	for i, r := range peers {
		role := rtc.Role{Controlling: i == 0, DTLSClient: i == 0}
		if err := r.Start(now, peers[1-i].LocalParameters(), role); err != nil {
			panic(err)
		}
		voice.Direction = []sdp.Direction{sdp.SendOnly, sdp.RecvOnly}[i]
		id, err := r.AddMedia(now, voice)
		if err != nil {
			panic(err)
		}
		ids[i] = id
	}
	// What is written now waits for the session.
	if err := peers[0].WriteFrame(now, ids[0], "", 96, codec.Frame{Data: []byte("sound")}); err != nil {
		panic(err)
	}
	runInMemory(now, peers, func(i int, ev rtc.Event) (done bool) {
		if ev, ok := ev.(*rtc.FrameReceived); ok {
			fmt.Printf("%d received %q of %s\n", i, ev.Frame.Data, ev.Codec.Name)
			return true
		}
		return false
	})

	// Output:
	// 1 received "sound" of opus
}

// runInMemory makes each peer's datagrams the other's input until handle is done.
func runInMemory(now time.Time, peers [2]*rtc.Rtc, handle func(i int, ev rtc.Event) (done bool)) {
	for {
		for i, r := range peers {
			r.HandleInput(rtc.Input{Now: now})
			for out := r.PollOutput(); out.Kind != rtc.OutputTimeout; out = r.PollOutput() {
				switch out.Kind {
				case rtc.OutputTransmit:
					t := out.Transmit
					peers[1-i].HandleInput(rtc.Input{Now: now, Local: t.Remote, Remote: t.Local, Data: t.Data})
				case rtc.OutputEvent:
					if handle(i, out.Event) {
						return
					}
				case rtc.OutputClosed:
					panic(out.Err)
				}
			}
		}
		now = now.Add(time.Millisecond)
	}
}
