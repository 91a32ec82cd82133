package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"time"

	"github.com/sansrtc/rtc/internal/simnet"
	"github.com/sansrtc/rtc/sctp"
)

const (
	messageSize = 16 << 10
	sctpMTU     = 1191 // Pion's default: 1,228 less what it reserves for the layers below

	linkRate  = 100_000_000 // bits per second
	linkQueue = 250_000     // bytes
)

// sctpEnd is one association as a machine of the virtual network. The sender keeps
// its send buffer full until it has sent what it is to send.
type sctpEnd struct {
	*sctp.Association
	addr, peer netip.AddrPort
	buf        []byte

	channel     sctp.ChannelID
	established bool
	send        int // messages still to be sent
	received    int // messages that arrived
	message     []byte
}

func newSCTPEnd(client bool, addr, peer string) *sctpEnd {
	a, err := sctp.New(sctp.Config{Rand: rand.Reader, Client: client, MTU: sctpMTU})
	if err != nil {
		panic(err)
	}
	return &sctpEnd{
		Association: a, message: make([]byte, messageSize),
		addr: netip.MustParseAddrPort(addr), peer: netip.MustParseAddrPort(peer),
	}
}

// settle takes the events and writes what there is room for.
func (e *sctpEnd) settle(now time.Time) {
	for {
		ev, ok := e.NextEvent()
		if !ok {
			break
		}
		switch ev.Kind {
		case sctp.EventConnected:
			e.established = true
		case sctp.EventMessage:
			if len(ev.Data) != messageSize {
				panic(fmt.Sprintf("scoreboard: %d bytes delivered of %d", len(ev.Data), messageSize))
			}
			e.received++
		case sctp.EventClosed:
			panic(fmt.Sprintf("scoreboard: association closed: %v", ev.Err))
		}
	}
	for e.send > 0 {
		err := e.Send(now, e.channel, true, e.message)
		if errors.Is(err, sctp.ErrBufferFull) {
			return
		}
		if err != nil {
			panic(err)
		}
		e.send--
	}
}

// Receive, Advance and Poll make it a simnet.Node, with Deadline of the association.
func (e *sctpEnd) Receive(now time.Time, p simnet.Packet) {
	e.HandlePacket(now, p.Data)
	e.settle(now)
}

func (e *sctpEnd) Advance(now time.Time) {
	e.HandleTimeout(now)
	e.settle(now)
}

func (e *sctpEnd) Poll(now time.Time) (simnet.Packet, bool) {
	b, ok := e.AppendPacket(now, e.buf[:0])
	e.buf = b[:0]
	return simnet.Packet{From: e.addr, To: e.peer, Data: b}, ok
}

// cell is a cell of the table of virtual links.
type cell struct {
	rtt  time.Duration
	loss float64
}

func (c cell) String() string {
	return fmt.Sprintf("rtt%d.loss%g", c.rtt.Milliseconds(), 100*c.loss)
}

// sctpLinkRows measure throughput in virtual time over a link of 100 Mbit/s, with a
// drop-tail queue of 250 KB before it and random loss in both directions.
func sctpLinkRows(b *board) {
	seeds := 5
	if b.short {
		seeds = 1
	}
	for _, loss := range []float64{0, 0.001, 0.01, 0.03} {
		for _, ms := range []int{10, 50, 100} {
			c := cell{time.Duration(ms) * time.Millisecond, loss}
			pion := b.pionLink(c, 16, seeds)
			b.atLeast("link16."+c.String(), sctpLink(c, 16, seeds), "MB/s", pion, pion)
		}
	}
	for _, ms := range []int{10, 50} {
		c := cell{time.Duration(ms) * time.Millisecond, 0}
		b.atLeast("link64."+c.String(), sctpLink(c, 64, 1), "MB/s", 9, b.pionLink(c, 64, 1))
	}
}

// sctpLink returns our speed over the virtual link in MB/s: the median of some seeds.
func sctpLink(c cell, megabytes, seeds int) float64 {
	var speeds []float64
	for seed := range seeds {
		net := simnet.New(uint64(seed))
		one := newSCTPEnd(true, "10.0.0.1:5000", "10.0.0.2:5000")
		two := newSCTPEnd(false, "10.0.0.2:5000", "10.0.0.1:5000")
		a := net.Host("sender", one, one.addr.Addr())
		z := net.Host("receiver", two, two.addr.Addr())
		net.Link(a, z, simnet.LinkConfig{
			Delay: c.rtt / 2, Rate: linkRate, Queue: linkQueue, Loss: simnet.RandomLoss(c.loss),
		})
		connect(net.Now(), one, two)
		messages := megabytes * 1_000_000 / messageSize
		if !net.RunUntil(time.Minute, func() bool { return one.established && two.established }) {
			panic("scoreboard: no association")
		}
		start := net.Now()
		one.send = messages
		one.settle(net.Now())
		if !net.RunUntil(time.Hour, func() bool { return two.received == messages }) {
			panic("scoreboard: the transfer did not end")
		}
		speeds = append(speeds, float64(megabytes)/net.Now().Sub(start).Seconds())
	}
	return median(speeds)
}

// connect opens a channel and starts both associations.
func connect(now time.Time, one, two *sctpEnd) {
	id, err := one.Open(now, sctp.ChannelConfig{Label: "speed"})
	if err != nil {
		panic(err)
	}
	one.channel = id
	one.Connect(now)
	two.Connect(now)
}

// sctpMemoryRows measure the processor's part: a pair of associations in memory, no
// link between them, messages of 16 KiB.
func sctpMemoryRows(b *board) {
	megabytes, repeats := 64, 11
	if b.short {
		megabytes, repeats = 32, 5
	}
	pair := newMemoryPair()
	pair.transfer(16 << 20 / messageSize) // until the buffers have their sizes
	var ours, pion []float64
	var allocs, pionAllocs float64
	for range repeats {
		cpu, a := pair.measure(megabytes)
		ours, allocs = append(ours, cpu), a
		cpu, pionAllocs = b.pionMemory(megabytes)
		pion = append(pion, cpu)
	}
	b.atMost("sctp.cpu", median(ours), "ms/MB", 1.5, median(pion))
	b.atMost("sctp.allocs", round(allocs), "per packet", 0, pionAllocs)
}

// memoryPair is two associations joined by a loop.
type memoryPair struct {
	one, two *sctpEnd
	now      time.Time
	packets  int
	buf      []byte
}

func newMemoryPair() *memoryPair {
	p := &memoryPair{
		one: newSCTPEnd(true, "10.0.0.1:5000", "10.0.0.2:5000"),
		two: newSCTPEnd(false, "10.0.0.2:5000", "10.0.0.1:5000"),
		now: simnet.Epoch,
	}
	connect(p.now, p.one, p.two)
	return p
}

// measure returns the processor time per megabyte (2²⁰ bytes, as for the peer) in ms
// and the allocations per packet.
func (p *memoryPair) measure(megabytes int) (cpu, allocs float64) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	packets, start := p.packets, cpuTime()
	p.transfer(megabytes << 20 / messageSize)
	used := cpuTime() - start
	runtime.ReadMemStats(&after)
	return milliseconds(used) / float64(megabytes), float64(after.Mallocs-before.Mallocs) / float64(p.packets-packets)
}

// transfer sends messages from one to two. A turn of the loop takes 100 µs of virtual
// time, which is the round trip; without any packet, time jumps to the next deadline.
func (p *memoryPair) transfer(messages int) {
	want := p.two.received + messages
	p.one.send = messages
	for p.two.received < want {
		p.now = p.now.Add(100 * time.Microsecond)
		p.one.Advance(p.now)
		p.two.Advance(p.now)
		moved := p.carry(p.one, p.two)
		moved = p.carry(p.two, p.one) || moved
		if next := earliest(p.one.Deadline(), p.two.Deadline()); !moved && next.After(p.now) {
			p.now = next
		}
	}
}

// carry takes every packet that from owes to to.
func (p *memoryPair) carry(from, to *sctpEnd) (moved bool) {
	for {
		b, ok := from.AppendPacket(p.now, p.buf[:0])
		p.buf = b[:0]
		if !ok {
			return moved
		}
		moved = true
		p.packets++
		to.HandlePacket(p.now, b)
		to.settle(p.now)
	}
}

func earliest(a, b time.Time) time.Time {
	if b.IsZero() || !a.IsZero() && a.Before(b) {
		return a
	}
	return b
}
