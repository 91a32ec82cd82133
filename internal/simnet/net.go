// Package simnet is a virtual network for tests: machines without input or
// output of their own, joined by links that delay, lose, repeat, reorder and
// damage datagrams, under a clock that jumps from one occurrence to the next.
//
// Everything follows from the seed and from the calls: the same program prints
// the same transcript. There is no goroutine, and a minute of virtual time
// costs what the packets in it cost.
//
// After every drain the network checks what each machine owes its caller: the
// deadline is zero or later than the time it was told, a drain ends, no
// datagram exceeds the host's MTU. A breach panics with the host's name and the
// time. Bytes given to a machine are overwritten as soon as the call returns.
package simnet

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"
)

// Epoch is the time at which every virtual clock starts.
var Epoch = time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)

const (
	defaultMTU   = 1472 // an Ethernet frame less the IPv4 and UDP headers
	maxDrain     = 10_000
	scribble     = 0xa5
	bufferLength = 2048
)

// A Packet is one datagram.
type Packet struct {
	From, To  netip.AddrPort
	Transport uint8 // carried along for the machine; no meaning here
	ECN       uint8 // likewise
	Data      []byte
}

// A Node is a machine under test.
type Node interface {
	// Receive handles a datagram. p.Data is overwritten once Receive returns.
	Receive(now time.Time, p Packet)
	// Advance tells the machine the time, without input.
	Advance(now time.Time)
	// Poll returns the next datagram to send; false means drained. The
	// network copies the bytes before it calls again.
	Poll(now time.Time) (p Packet, ok bool)
	// Deadline is asked after a drain. Zero means none.
	Deadline() time.Time
}

// Fate is what became of a datagram, as told to Net.Trace.
type Fate uint8

const (
	Sent       Fate = iota // a host has handed it to the network
	Delivered              // the receiver is about to handle it
	Lost                   // the link dropped it at random
	Overflowed             // the link's queue had no room
	TooBig                 // it exceeds the link's MTU
	Filtered               // a NAT did not let it in
	Unroutable             // nobody has that address
)

func (f Fate) String() string {
	return [...]string{"sent", "delivered", "lost", "overflowed", "too big", "filtered", "unroutable"}[f]
}

// Net is a virtual network. It is not safe for concurrent use.
type Net struct {
	// Trace, if set, is told the fate of every datagram. p.Data is valid
	// during the call.
	Trace func(at time.Time, fate Fate, h *Host, p Packet)

	seed   uint64
	now    time.Time
	hosts  []*Host
	nats   []*NAT
	links  map[[2]*iface]*direction
	flight packetHeap
	count  uint64 // orders what happens at the same instant
	free   [][]byte
}

// New returns a network without hosts, at Epoch.
func New(seed uint64) *Net {
	return &Net{seed: seed, now: Epoch, links: map[[2]*iface]*direction{}}
}

// Now returns the virtual time.
func (n *Net) Now() time.Time { return n.now }

// Elapsed returns the virtual time since Epoch.
func (n *Net) Elapsed() time.Duration { return n.now.Sub(Epoch) }

// rand returns a generator of its own for each user, so that one link's
// traffic does not disturb another's fate.
func (n *Net) rand() *rand.Rand {
	n.count++
	return rand.New(rand.NewPCG(n.seed, n.count))
}

// Run lets d of virtual time pass.
func (n *Net) Run(d time.Duration) {
	limit := n.now.Add(d)
	n.wakeAll()
	for n.step(limit) {
	}
}

// RunUntil runs until done reports true, at most for limit, and returns what
// done said last.
func (n *Net) RunUntil(limit time.Duration, done func() bool) bool {
	end := n.now.Add(limit)
	n.wakeAll()
	for !done() {
		if !n.step(end) {
			return done()
		}
	}
	return true
}

// wakeAll drains every host next, because the test may have called their
// machines since the last run.
func (n *Net) wakeAll() {
	for _, h := range n.hosts {
		h.Wake()
	}
}

// step does the next thing due at or before limit: one call of one machine.
// Without such a thing it moves the clock to limit and returns false.
func (n *Net) step(limit time.Time) bool {
	n.drainWoken()
	at, host := time.Time{}, (*Host)(nil)
	for _, h := range n.hosts {
		if t := h.next(); !t.IsZero() && (host == nil || t.Before(at)) {
			at, host = t, h
		}
	}
	if len(n.flight) > 0 && (host == nil || !n.flight[0].at.After(at)) {
		at, host = n.flight[0].at, nil
	} else if host == nil {
		n.now = limit
		return false
	}
	if at.After(limit) {
		n.now = limit
		return false
	}
	if at.After(n.now) {
		n.now = at
	}
	if host != nil {
		host.tick()
	} else {
		n.arrive(n.flight.pop())
	}
	return true
}

// drainWoken drains until no machine has woken another.
func (n *Net) drainWoken() {
	for again := true; again; {
		again = false
		for _, h := range n.hosts {
			if h.wake {
				h.drain()
				again = true
			}
		}
	}
}

// Inject delivers p to the host that has the address p.To, now and past any
// link and NAT, as an attacker on the last hop would. It keeps no bytes of p.
func (n *Net) Inject(p Packet) {
	for _, h := range n.hosts {
		if to := h.iface(p.To.Addr()); to != nil {
			p.Data = n.copyOf(p.Data)
			n.count++
			n.flight.push(flying{at: n.now, order: n.count, to: to, realm: to.nat, Packet: p})
			return
		}
	}
	panic(fmt.Sprintf("simnet: nobody has the address %v", p.To))
}

// send routes a datagram that h has just handed out.
func (n *Net) send(h *Host, p Packet) {
	n.trace(Sent, h, p)
	from := h.iface(p.From.Addr())
	if from == nil {
		n.trace(Unroutable, h, p)
		return
	}
	realm := from.nat
	to := n.lookup(realm, p.To.Addr())
	for to == nil && realm != nil {
		p.From = realm.outbound(n.now, p.From, p.To)
		realm = realm.outer
		to = n.lookup(realm, p.To.Addr())
	}
	if to == nil {
		n.trace(Unroutable, h, p)
		return
	}
	n.direction(from, to).send(n, h, flying{to: to, realm: realm, Packet: p})
}

// lookup finds who has an address within a realm: the public network (nil) or
// the inside of a NAT. For the outside of a NAT it is the interface behind it.
func (n *Net) lookup(realm *NAT, addr netip.Addr) *iface {
	for _, h := range n.hosts {
		for _, f := range h.ifaces {
			if f.nat == realm && f.addr == addr {
				return f
			}
		}
	}
	for _, nat := range n.nats {
		if nat.outer == realm && nat.cfg.External == addr {
			return nat.behind(n)
		}
	}
	return nil
}

// arrive ends the flight of a datagram.
func (n *Net) arrive(f flying) {
	h := f.to.host
	defer n.release(f.Data)
	if f.realm != f.to.nat {
		inside, to := n.admit(f)
		if inside == nil {
			n.trace(Filtered, h, f.Packet)
			return
		}
		h, f.To = inside.host, to
	}
	if h.iface(f.To.Addr()) == nil {
		n.trace(Unroutable, h, f.Packet) // the address has been given up meanwhile
		return
	}
	n.trace(Delivered, h, f.Packet)
	h.Received++
	h.told = n.now
	h.node.Receive(n.now, f.Packet)
	for i := range f.Data {
		f.Data[i] = scribble
	}
	h.input()
}

// admit takes a datagram inwards through the NATs it was sent to.
func (n *Net) admit(f flying) (*iface, netip.AddrPort) {
	realm, to := f.realm, f.To
	for {
		nat := n.natAt(realm, to.Addr())
		if nat == nil {
			return n.lookup(realm, to.Addr()), to
		}
		inner, ok := nat.inbound(n.now, f.From, to)
		if !ok {
			return nil, to
		}
		realm, to = nat, inner
	}
}

func (n *Net) natAt(realm *NAT, addr netip.Addr) *NAT {
	for _, nat := range n.nats {
		if nat.outer == realm && nat.cfg.External == addr {
			return nat
		}
	}
	return nil
}

func (n *Net) trace(fate Fate, h *Host, p Packet) {
	if n.Trace != nil {
		n.Trace(n.now, fate, h, p)
	}
}

func (n *Net) copyOf(b []byte) []byte {
	if len(n.free) > 0 && len(b) <= bufferLength {
		last := len(n.free) - 1
		buf := n.free[last]
		n.free = n.free[:last]
		return append(buf, b...)
	}
	return append(make([]byte, 0, max(bufferLength, len(b))), b...)
}

func (n *Net) release(b []byte) {
	if cap(b) == bufferLength {
		n.free = append(n.free, b[:0])
	}
}
