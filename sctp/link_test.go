package sctp

import (
	"container/heap"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// seeded is a deterministic source of random bytes.
func seeded(seed uint64) *rand.ChaCha8 {
	var key [32]byte
	binary.BigEndian.PutUint64(key[:], seed)
	return rand.NewChaCha8(key)
}

// linkConfig describes one direction of a link.
type linkConfig struct {
	delay    time.Duration
	jitter   time.Duration // uniform, reorders
	rate     float64       // bytes per second; zero: no limit
	queue    int           // bytes; drop-tail; zero: no limit
	loss     float64
	dup      float64
	overhead int // bytes added to each packet on the line
}

type flight struct {
	at  time.Time
	n   int // order of sending, for equal times
	to  int
	buf []byte
}

type flightHeap []flight

func (h flightHeap) Len() int { return len(h) }
func (h flightHeap) Less(i, j int) bool {
	return h[i].at.Before(h[j].at) || h[i].at.Equal(h[j].at) && h[i].n < h[j].n
}
func (h flightHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *flightHeap) Push(v any)   { *h = append(*h, v.(flight)) }
func (h *flightHeap) Pop() any {
	old := *h
	v := old[len(old)-1]
	*h = old[:len(old)-1]
	return v
}

// pair is two associations joined by a virtual link.
type pair struct {
	t      testing.TB
	now    time.Time
	ends   [2]*Association
	links  [2]linkConfig // from end i
	busy   [2]time.Time  // when the line of end i is free
	rng    *rand.Rand
	heap   flightHeap
	n      int
	free   [][]byte
	buf    []byte
	onSend func(from int, packet []byte) bool // false: drop
	events func(end int, ev Event)
	log    [2][]string // events but messages
	steps  int
	sent   [2]int
	fast   bool // do not check all invariants after each step
}

func newPair(t testing.TB, seed uint64, link linkConfig, cfg ...Config) *pair {
	p := &pair{t: t, now: epoch, rng: rand.New(rand.NewPCG(seed, 1)), links: [2]linkConfig{link, link}}
	for i := range p.ends {
		var c Config
		if len(cfg) > 0 {
			c = cfg[i%len(cfg)]
		}
		c.Rand = seeded(seed*2 + uint64(i))
		c.Client = i == 0
		a, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		p.ends[i] = a
	}
	return p
}

// drain takes what both ends owe, and checks what must always hold.
func (p *pair) drain() {
	for i, a := range p.ends {
		p.drainEnd(i, a)
	}
}

func (p *pair) drainEnd(i int, a *Association) {
	a.HandleTimeout(p.now)
	for n := 0; ; n++ {
		if n > 20000 {
			p.t.Fatalf("end %d does not come to rest", i)
		}
		if ev, ok := a.NextEvent(); ok {
			if ev.Kind != EventMessage {
				p.log[i] = append(p.log[i], fmt.Sprintf("%v %d %v", ev.Kind, ev.ID, ev.Err))
			}
			if p.events != nil {
				p.events(i, ev)
			}
			continue
		}
		b, ok := a.AppendPacket(p.now, p.buf[:0])
		if !ok {
			break
		}
		p.buf = b
		if len(b) > a.cfg.MTU {
			p.t.Fatalf("end %d sent %d bytes, over the MTU %d", i, len(b), a.cfg.MTU)
		}
		p.sent[i]++
		if p.onSend != nil && !p.onSend(i, b) {
			continue
		}
		p.transmit(i, b)
	}
	if !p.fast {
		checkInvariants(p.t, a)
	}
	if d := a.Deadline(); !d.IsZero() && !d.After(p.now) {
		p.t.Fatalf("end %d: deadline %v is not after now %v: %+v paced=%v", i, d.Sub(epoch), p.now.Sub(epoch), a.timers, a.paced)
	}
}

func (p *pair) transmit(from int, b []byte) {
	l := &p.links[from]
	copies := 1
	if l.dup > 0 && p.rng.Float64() < l.dup {
		copies = 2
	}
	for range copies {
		if l.loss > 0 && p.rng.Float64() < l.loss {
			continue
		}
		at := p.now
		if l.rate > 0 {
			if at.Before(p.busy[from]) {
				at = p.busy[from]
			}
			if l.queue > 0 && at.Sub(p.now).Seconds()*l.rate > float64(l.queue) {
				continue
			}
			at = at.Add(time.Duration(float64(len(b)+l.overhead) / l.rate * 1e9))
			p.busy[from] = at
		}
		at = at.Add(l.delay)
		if l.jitter > 0 {
			at = at.Add(time.Duration(p.rng.Int64N(int64(l.jitter))))
		}
		var buf []byte
		if n := len(p.free); n > 0 {
			buf, p.free = p.free[n-1], p.free[:n-1]
		}
		p.n++
		heap.Push(&p.heap, flight{at, p.n, 1 - from, append(buf[:0], b...)})
	}
}

func (p *pair) popFlight() { heap.Pop(&p.heap) }

// poll takes what both ends owe, without ticks and without checks.
func (p *pair) poll() {
	for i, a := range p.ends {
		for {
			ev, ok := a.NextEvent()
			if !ok {
				break
			}
			if p.events != nil {
				p.events(i, ev)
			}
		}
		for {
			b, ok := a.AppendPacket(p.now, p.buf[:0])
			if !ok {
				break
			}
			p.buf = b
			p.transmit(i, b)
		}
	}
}

// step goes to the next packet or deadline, not after until. It is false if
// there is none.
func (p *pair) step(until time.Time) bool {
	p.steps++
	next := until
	who := -1
	for i, a := range p.ends {
		if d := a.Deadline(); !d.IsZero() && d.Before(next) {
			next, who = d, i
		}
	}
	if len(p.heap) > 0 && !p.heap[0].at.After(next) {
		f := heap.Pop(&p.heap).(flight)
		if f.at.After(p.now) {
			p.now = f.at
		}
		p.ends[f.to].HandlePacket(p.now, f.buf)
		for i := range f.buf {
			f.buf[i] = 0xDD // it must not have been kept
		}
		p.free = append(p.free, f.buf)
		p.drainEnd(f.to, p.ends[f.to])
		return true
	}
	if who < 0 {
		if until.After(p.now) {
			p.now = until
		}
		return false
	}
	if next.After(p.now) {
		p.now = next
	}
	p.drainEnd(who, p.ends[who])
	return true
}

// run runs for a time, or until done says so.
func (p *pair) run(d time.Duration, done func() bool) bool {
	p.t.Helper()
	until := p.now.Add(d)
	p.drain()
	for {
		if done != nil && done() {
			return true
		}
		if !p.step(until) {
			return done != nil && done()
		}
	}
}

func (p *pair) connect() {
	p.t.Helper()
	for _, a := range p.ends {
		a.Connect(p.now)
	}
	if !p.run(time.Minute, p.connected) {
		p.t.Fatalf("not connected after a minute: %v, %v", p.ends[0].state, p.ends[1].state)
	}
}

func (p *pair) connected() bool {
	return p.ends[0].state == stateEstablished && p.ends[1].state == stateEstablished
}

// open opens a channel on one end and waits for it on the other.
func (p *pair) open(end int, cfg ChannelConfig) (local, remote ChannelID) {
	p.t.Helper()
	local, err := p.ends[end].Open(p.now, cfg)
	if err != nil {
		p.t.Fatal(err)
	}
	old := p.events
	p.events = func(i int, ev Event) {
		if i != end && ev.Kind == EventChannelOpened && ev.Remote {
			remote = ev.ID
		}
		if old != nil {
			old(i, ev)
		}
	}
	if !p.run(time.Minute, func() bool { return remote != 0 }) {
		p.t.Fatal("channel did not open")
	}
	p.events = old
	return local, remote
}
