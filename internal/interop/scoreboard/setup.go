package main

import (
	"net/netip"
	"runtime"
	"time"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/dtls"
	"github.com/sansrtc/rtc/ice"
	"github.com/sansrtc/rtc/internal/simnet"
	"github.com/sansrtc/rtc/sctp"
)

// rtcEnd is one Rtc as a machine of the virtual network.
type rtcEnd struct {
	*rtc.Rtc
	net      *simnet.Net
	deadline time.Time

	connected bool
	opened    int       // channels
	message   time.Time // when the first arrived
	version   dtls.Version
}

func (b *board) newRtcEnd(net *simnet.Net, cfg rtc.Config, name, addr string) (*rtcEnd, *simnet.Host) {
	r, err := rtc.New(net.Now(), cfg)
	b.must(err)
	local := netip.MustParseAddrPort(addr)
	b.must(r.AddLocalCandidate(net.Now(), ice.Candidate{Addr: local}))
	e := &rtcEnd{Rtc: r, net: net}
	return e, net.Host(name, e, local.Addr())
}

// Receive, Advance, Poll and Deadline make it a simnet.Node.
func (e *rtcEnd) Receive(now time.Time, p simnet.Packet) {
	e.HandleInput(rtc.Input{Now: now, Local: p.To, Remote: p.From, Data: p.Data})
}

func (e *rtcEnd) Advance(now time.Time) { e.HandleInput(rtc.Input{Now: now}) }

func (e *rtcEnd) Poll(now time.Time) (simnet.Packet, bool) {
	for {
		switch out := e.PollOutput(); out.Kind {
		case rtc.OutputTransmit:
			return simnet.Packet{From: out.Transmit.Local, To: out.Transmit.Remote, Data: out.Transmit.Data}, true
		case rtc.OutputEvent:
			switch ev := out.Event.(type) {
			case *rtc.Connected:
				e.connected, e.version = true, ev.DTLS.Version
			case *rtc.ChannelOpened:
				e.opened++
			case *rtc.ChannelMessage:
				if e.message.IsZero() {
					e.message = now
				}
			}
		case rtc.OutputTimeout:
			e.deadline = out.Deadline
			return simnet.Packet{}, false
		case rtc.OutputClosed:
			panic(out.Err)
		}
	}
}

func (e *rtcEnd) Deadline() time.Time { return e.deadline }

// rtcPair makes two sessions, each with a channel and a message waiting on it, and
// gives both the descriptions, now.
func (b *board) rtcPair(net *simnet.Net, cfg rtc.Config) (offerer, answerer *rtcEnd) {
	offerer, one := b.newRtcEnd(net, cfg, "offerer", "10.0.0.1:5000")
	answerer, two := b.newRtcEnd(net, cfg, "answerer", "10.0.0.2:5000")
	net.Link(one, two, simnet.LinkConfig{Delay: rtt / 2})
	for _, e := range []*rtcEnd{offerer, answerer} {
		id, err := e.OpenChannel(net.Now(), sctp.ChannelConfig{Label: "first"})
		b.must(err)
		b.must(e.Send(net.Now(), id, false, []byte("hello")))
	}
	offer, err := offerer.CreateOffer(net.Now(), rtc.Changes{DataChannels: true})
	b.must(err)
	answer, err := answerer.AcceptOffer(net.Now(), offer.SDP())
	b.must(err)
	b.must(offerer.AcceptAnswer(net.Now(), offer, answer))
	return offerer, answerer
}

// setupRows measure the time from both descriptions known to the first message, in
// round trips of 50 ms. The number is that of the slower direction.
func setupRows(b *board) {
	toAnswerer, toOfferer := b.pionSetup()
	pion := roundTrips(max(toAnswerer, toOfferer))
	for _, v := range []struct {
		name    string
		version dtls.Version
		server  bool
	}{
		{"dtls13", dtls.VersionDTLS13, false},
		{"dtls13.passive", dtls.VersionDTLS13, true}, // the answerer is the DTLS server
		{"dtls12", dtls.VersionDTLS12, false},
	} {
		toAnswerer, toOfferer := b.setup(rtc.Config{
			MinDTLSVersion: v.version, MaxDTLSVersion: v.version, PreferDTLSServer: v.server,
		})
		slower := roundTrips(max(toAnswerer, toOfferer))
		if v.version == dtls.VersionDTLS13 {
			b.atMost("setup."+v.name, slower, "round trips", 4, pion)
		} else {
			b.shown("setup."+v.name, slower, "round trips", pion)
		}
	}
}

// setup returns when the first message arrived, in each direction.
func (b *board) setup(cfg rtc.Config) (toAnswerer, toOfferer time.Duration) {
	net := simnet.New(1)
	offerer, answerer := b.rtcPair(net, cfg)
	if !net.RunUntil(time.Minute, func() bool {
		return !offerer.message.IsZero() && !answerer.message.IsZero()
	}) {
		b.t.Fatal("no message arrived")
	}
	if offerer.version != cfg.MaxDTLSVersion {
		b.t.Fatalf("negotiated %v", offerer.version)
	}
	return answerer.message.Sub(simnet.Epoch), offerer.message.Sub(simnet.Epoch)
}

func roundTrips(d time.Duration) float64 { return float64(d) / float64(rtt) }

// idleRows measure what a connected session holds: live heap and stacks, and
// goroutines, after the network that carried it is gone.
func idleRows(b *board) {
	pairs := b.idlePairs()
	pionKiB, pionGoroutines := b.pionIdle(pairs, b.pionChannel)
	before, running := settledMemory(), runtime.NumGoroutine()
	var all []*rtc.Rtc
	for range pairs {
		net := simnet.New(1)
		offerer, answerer := b.rtcPair(net, rtc.Config{})
		net.Run(10 * time.Second)
		if offerer.opened != 2 || answerer.opened != 2 {
			b.t.Fatal("the channels did not open")
		}
		all = append(all, offerer.Rtc, answerer.Rtc)
	}
	n := float64(len(all))
	b.atMost("idle.heap", (settledMemory()-before)/n/1024, "KiB", 64, pionKiB)
	b.atMost("idle.goroutines", float64(runtime.NumGoroutine()-running)/n, "", 0, pionGoroutines)
	runtime.KeepAlive(all)
}

// idlePairs is how many pairs of sessions are made to weigh one.
func (b *board) idlePairs() int {
	if b.short {
		return 20
	}
	return 50
}
