// Command consumer is what a user of the module writes first: two sessions that meet and
// pass a message. .ci/run builds it against the packed module, outside the checkout. In
// place of sockets it carries the datagrams by hand.
package main

import (
	"crypto/fips140"
	"errors"
	"fmt"
	"log"
	"net/netip"
	"time"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/ice"
	"github.com/sansrtc/rtc/sctp"
)

type peer struct {
	*rtc.Rtc
	addr     netip.AddrPort
	deadline time.Time
	outbox   []datagram
	got      string
}

type datagram struct {
	from, to netip.AddrPort
	data     []byte
}

func main() {
	now := time.Now()
	if fips140.Enforced() {
		if _, err := rtc.New(now, rtc.Config{}); !errors.Is(err, rtc.ErrFIPS140Only) {
			log.Fatalf("New under fips140=only: %v", err)
		}
		fmt.Println("New says that fips140=only is not possible")
		return
	}
	a, b := newPeer(now, "10.0.0.1:5000"), newPeer(now, "10.0.0.2:5000")
	channel, err := a.OpenChannel(now, sctp.ChannelConfig{Label: "chat"})
	check(err)
	offer, err := a.CreateOffer(now, rtc.Changes{})
	check(err)
	answer, err := b.AcceptOffer(now, offer.SDP())
	check(err)
	check(a.AcceptAnswer(now, offer, answer))

	for sent := false; b.got == ""; {
		a.drain(now)
		b.drain(now)
		if !sent {
			sent = a.Send(now, channel, false, []byte("hello")) == nil
			continue
		}
		now = step(now, a, b)
	}
	fmt.Println("received:", b.got)
}

func newPeer(now time.Time, addr string) *peer {
	r, err := rtc.New(now, rtc.Config{})
	check(err)
	p := &peer{Rtc: r, addr: netip.MustParseAddrPort(addr)}
	check(r.AddLocalCandidate(now, ice.Candidate{Type: ice.Host, Addr: p.addr}))
	return p
}

// drain does what the session asks.
func (p *peer) drain(now time.Time) {
	for {
		out := p.PollOutput()
		switch out.Kind {
		case rtc.OutputTransmit:
			t := out.Transmit
			p.outbox = append(p.outbox, datagram{t.Local, t.Remote, append([]byte(nil), t.Data...)})
		case rtc.OutputEvent:
			if m, ok := out.Event.(*rtc.ChannelMessage); ok {
				p.got = string(m.Data)
			}
		case rtc.OutputTimeout:
			p.deadline = out.Deadline
			return
		case rtc.OutputClosed:
			log.Fatalf("%v closed: %v", p.addr, out.Err)
		}
	}
}

// step carries the datagrams over, or lets time pass if there are none.
func step(now time.Time, a, b *peer) time.Time {
	moved := false
	for _, pair := range [][2]*peer{{a, b}, {b, a}} {
		from, to := pair[0], pair[1]
		for _, d := range from.outbox {
			moved = true
			to.HandleInput(rtc.Input{Now: now, Local: d.to, Remote: d.from, Data: d.data})
		}
		from.outbox = nil
	}
	if moved {
		return now
	}
	next := a.deadline
	if next.IsZero() || !b.deadline.IsZero() && b.deadline.Before(next) {
		next = b.deadline
	}
	if next.IsZero() {
		log.Fatal("nothing moves and no timer runs")
	}
	a.HandleInput(rtc.Input{Now: next})
	b.HandleInput(rtc.Input{Now: next})
	return next
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
