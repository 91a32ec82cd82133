package simnet

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"
)

// A Schedule says how well the event loop around a machine behaves. The zero
// value is a loop that drains after every input and is never late.
type Schedule struct {
	DrainEvery int           // inputs taken before a drain; 0 means 1
	DrainDelay time.Duration // but an input waits no longer than this; 0 means 1 ms
	LateTick   time.Duration // deadlines are served up to this much late
	ExtraTick  time.Duration // the machine is told the time about this often, unasked
}

// A Host is one machine with its addresses and its event loop.
type Host struct {
	Name     string
	MTU      int // largest datagram it may send; 0 means 1472
	Schedule Schedule

	// Counters of datagrams.
	Sent, Received int

	net    *Net
	node   Node
	rand   *rand.Rand
	ifaces []*iface

	told     time.Time // the time the machine was last told
	wake     bool      // to be drained before anything else happens
	inputs   int       // taken since the last drain
	drainAt  time.Time // when they have waited long enough
	tickAt   time.Time // when the machine's deadline is served
	extraAt  time.Time
	deadline time.Time
}

// An iface is one address of a host, in the public network or behind a NAT.
type iface struct {
	host *Host
	addr netip.Addr
	nat  *NAT
}

// Host adds a machine with public addresses.
func (n *Net) Host(name string, node Node, addrs ...netip.Addr) *Host {
	h := &Host{Name: name, net: n, node: node, rand: n.rand(), told: n.now, wake: true}
	n.hosts = append(n.hosts, h)
	for _, addr := range addrs {
		h.Attach(addr, nil)
	}
	return h
}

// Attach gives the host an address: a public one, or one behind nat.
func (h *Host) Attach(addr netip.Addr, nat *NAT) {
	h.ifaces = append(h.ifaces, &iface{host: h, addr: addr, nat: nat})
}

// Detach takes an address away. Datagrams in flight to it are lost.
func (h *Host) Detach(addr netip.Addr) {
	for i, f := range h.ifaces {
		if f.addr == addr {
			h.ifaces = append(h.ifaces[:i:i], h.ifaces[i+1:]...)
			return
		}
	}
}

func (h *Host) iface(addr netip.Addr) *iface {
	for _, f := range h.ifaces {
		if f.addr == addr {
			return f
		}
	}
	return nil
}

// Wake says that the machine was called from outside the network, so that it
// is drained next. Run and RunUntil begin with it for every host.
func (h *Host) Wake() { h.wake = true }

// next is when the host needs the processor, zero for not at all.
func (h *Host) next() time.Time {
	at := h.tickAt
	if h.inputs > 0 && (at.IsZero() || h.drainAt.Before(at)) {
		at = h.drainAt
	}
	if !h.extraAt.IsZero() && (at.IsZero() || h.extraAt.Before(at)) {
		at = h.extraAt
	}
	return at
}

// tick does what next promised.
func (h *Host) tick() {
	now := h.net.now
	if h.inputs > 0 && !h.drainAt.After(now) {
		h.drain()
		return
	}
	if !h.tickAt.IsZero() && !h.tickAt.After(now) {
		h.tickAt = time.Time{} // until the drain renews it
	}
	if !h.extraAt.IsZero() && !h.extraAt.After(now) {
		h.armExtra()
	}
	h.told = now
	h.node.Advance(now)
	h.input()
}

// input counts a call of the machine, and drains it when enough have come.
func (h *Host) input() {
	h.inputs++
	if h.inputs >= h.Schedule.DrainEvery {
		h.drain()
		return
	}
	if h.inputs == 1 {
		delay := h.Schedule.DrainDelay
		if delay == 0 {
			delay = time.Millisecond
		}
		h.drainAt = h.net.now.Add(delay)
	}
}

// drain takes all the machine has to send, and holds it to its promises.
func (h *Host) drain() {
	n := h.net
	mtu := h.MTU
	if mtu == 0 {
		mtu = defaultMTU
	}
	h.wake, h.inputs = false, 0
	for count := 0; ; count++ {
		p, ok := h.node.Poll(n.now)
		if !ok {
			break
		}
		if count == maxDrain {
			h.fail("a drain does not end: %d datagrams", count)
		}
		if len(p.Data) > mtu {
			h.fail("a datagram of %d bytes exceeds the MTU of %d", len(p.Data), mtu)
		}
		if len(p.Data) == 0 {
			h.fail("an empty datagram")
		}
		h.Sent++
		n.send(h, p)
	}
	h.deadline = h.node.Deadline()
	if !h.deadline.IsZero() && !h.deadline.After(h.told) {
		h.fail("after a drain the deadline is %v, and it was told that it is %v", h.deadline.Sub(Epoch), h.told.Sub(Epoch))
	}
	h.tickAt = h.deadline
	if late := h.Schedule.LateTick; late > 0 && !h.tickAt.IsZero() {
		h.tickAt = h.tickAt.Add(time.Duration(h.rand.Int64N(int64(late))))
	}
	if h.Schedule.ExtraTick > 0 && h.extraAt.IsZero() {
		h.armExtra()
	}
}

func (h *Host) armExtra() {
	every := int64(h.Schedule.ExtraTick)
	if every <= 0 {
		h.extraAt = time.Time{}
		return
	}
	h.extraAt = h.net.now.Add(time.Duration(every/2 + 1 + h.rand.Int64N(every)))
}

func (h *Host) fail(format string, args ...any) {
	panic(fmt.Sprintf("simnet: %v %s: ", h.net.Elapsed(), h.Name) + fmt.Sprintf(format, args...))
}
