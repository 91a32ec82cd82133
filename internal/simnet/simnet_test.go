package simnet

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const ms = time.Millisecond

var (
	addrA = netip.MustParseAddr("10.0.0.1")
	addrB = netip.MustParseAddr("10.0.0.2")
	portA = netip.AddrPortFrom(addrA, 5000)
	portB = netip.AddrPortFrom(addrB, 6000)
)

// puppet is a node that sends numbered datagrams at a steady pace and notes
// what it receives.
type puppet struct {
	from, to netip.AddrPort
	size     int
	every    time.Duration
	count    int // to send in all

	sent     uint32
	nextAt   time.Time
	buf      []byte
	queue    []Packet // sent before anything else
	got      []uint32
	gotAt    []time.Time
	gotFrom  []netip.AddrPort
	kept     []byte // the slice of the last datagram, against the rules
	advanced int
	deadline func(now time.Time) time.Time
}

func (p *puppet) Receive(now time.Time, in Packet) {
	p.kept = in.Data
	p.gotFrom = append(p.gotFrom, in.From)
	p.gotAt = append(p.gotAt, now)
	if len(in.Data) >= 4 {
		p.got = append(p.got, binary.BigEndian.Uint32(in.Data))
	}
}

func (p *puppet) Advance(now time.Time) { p.advanced++ }

func (p *puppet) Poll(now time.Time) (Packet, bool) {
	if len(p.queue) > 0 {
		out := p.queue[0]
		p.queue = p.queue[1:]
		return out, true
	}
	if int(p.sent) == p.count || now.Before(p.nextAt) {
		return Packet{}, false
	}
	if p.nextAt.IsZero() {
		p.nextAt = now
	}
	p.nextAt = p.nextAt.Add(p.every)
	if p.buf == nil {
		p.buf = make([]byte, max(p.size, 4))
	}
	binary.BigEndian.PutUint32(p.buf, p.sent)
	p.sent++
	return Packet{From: p.from, To: p.to, Data: p.buf}, true
}

func (p *puppet) Deadline() time.Time {
	if p.deadline != nil {
		return p.deadline(p.nextAt)
	}
	if int(p.sent) == p.count {
		return time.Time{}
	}
	return p.nextAt
}

// pair links a sender A to a receiver B.
func pair(seed uint64, cfg LinkConfig, count, size int, every time.Duration) (*Net, *puppet, *puppet, *Host, *Host) {
	n := New(seed)
	a := &puppet{from: portA, to: portB, count: count, size: size, every: every}
	b := &puppet{from: portB, to: portA}
	ha, hb := n.Host("A", a, addrA), n.Host("B", b, addrB)
	n.Link(ha, hb, cfg)
	return n, a, b, ha, hb
}

func inOrder(got []uint32) bool {
	for i := 1; i < len(got); i++ {
		if got[i] <= got[i-1] {
			return false
		}
	}
	return true
}

func TestDelay(t *testing.T) {
	n, _, b, _, _ := pair(1, LinkConfig{Delay: 20 * ms}, 3, 100, 5*ms)
	n.Run(time.Second)
	var got []time.Duration
	for _, at := range b.gotAt {
		got = append(got, at.Sub(Epoch))
	}
	require.Equal(t, []time.Duration{20 * ms, 25 * ms, 30 * ms}, got)
	require.Equal(t, []uint32{0, 1, 2}, b.got)
	require.Equal(t, time.Second, n.Elapsed(), "Run lets the whole time pass")
}

func TestJitterKeepsOrderAndRange(t *testing.T) {
	n, _, b, _, _ := pair(1, LinkConfig{Delay: 10 * ms, Jitter: 30 * ms}, 2000, 100, ms)
	n.Run(time.Minute)
	require.Len(t, b.got, 2000)
	require.True(t, inOrder(b.got))
	least, most := time.Hour, time.Duration(0)
	for i, at := range b.gotAt {
		d := at.Sub(Epoch) - time.Duration(i)*ms
		least, most = min(least, d), max(most, d)
	}
	require.GreaterOrEqual(t, least, 10*ms)
	require.LessOrEqual(t, most, 40*ms)
	require.Greater(t, most, 35*ms, "the jitter uses its range")
}

func TestRate(t *testing.T) {
	// 1,000 datagrams of 1,250 bytes are 10 Mbit: ten seconds at 1 Mbit/s.
	n, _, b, _, _ := pair(1, LinkConfig{Rate: 1_000_000, Delay: 5 * ms}, 1000, 1250, 0)
	n.Run(time.Minute)
	require.Len(t, b.got, 1000)
	require.Equal(t, 10*time.Second+5*ms, b.gotAt[999].Sub(Epoch))
}

func TestQueueDropsTheTail(t *testing.T) {
	n, _, b, ha, hb := pair(1, LinkConfig{Rate: 1_000_000, Queue: 10_000}, 100, 1000, 0)
	n.Run(time.Minute)
	require.Equal(t, []uint32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, b.got)
	require.Equal(t, 90, n.LinkStats(ha, hb).Overflowed)
}

func TestRandomLoss(t *testing.T) {
	n, _, b, ha, hb := pair(7, LinkConfig{Loss: RandomLoss(0.1)}, 20_000, 100, ms)
	n.Run(time.Minute)
	share := 1 - float64(len(b.got))/20_000
	require.InDelta(t, 0.1, share, 0.01)
	require.Equal(t, 20_000-len(b.got), n.LinkStats(ha, hb).Lost)
}

func TestBurstLoss(t *testing.T) {
	n, _, b, _, _ := pair(7, LinkConfig{Loss: BurstLoss(0.1, 5)}, 50_000, 100, ms)
	n.Run(time.Minute)
	share := 1 - float64(len(b.got))/50_000
	require.InDelta(t, 0.1, share, 0.015)
	bursts := 0
	for i := 1; i < len(b.got); i++ {
		if b.got[i] != b.got[i-1]+1 {
			bursts++
		}
	}
	mean := (50_000 - float64(len(b.got))) / float64(bursts)
	require.InDelta(t, 5, mean, 0.5, "mean length of a burst")
}

func TestDuplicateAndReorder(t *testing.T) {
	n, _, b, ha, hb := pair(3, LinkConfig{Duplicate: 0.2}, 5000, 100, ms)
	n.Run(time.Minute)
	require.InDelta(t, 6000, len(b.got), 150)
	require.Equal(t, len(b.got)-5000, n.LinkStats(ha, hb).Duplicated)

	n, _, b, _, _ = pair(3, LinkConfig{Reorder: 0.1}, 5000, 100, ms)
	n.Run(time.Minute)
	require.Len(t, b.got, 5000)
	require.False(t, inOrder(b.got))
}

func TestCorruptFlipsOneBit(t *testing.T) {
	n, _, b, _, _ := pair(3, LinkConfig{Corrupt: 1}, 1, 4, ms)
	n.Run(time.Second)
	require.Len(t, b.got, 1)
	v := b.got[0]
	require.True(t, v != 0 && v&(v-1) == 0, "datagram 0 arrived as %#x", v)
}

func TestLinkMTU(t *testing.T) {
	n, _, b, ha, hb := pair(3, LinkConfig{MTU: 1000}, 2, 1001, ms)
	n.Run(time.Second)
	require.Empty(t, b.got)
	require.Equal(t, 2, n.LinkStats(ha, hb).TooBig)
}

func transcript(seed uint64) string {
	cfg := LinkConfig{Delay: 10 * ms, Jitter: 9 * ms, Rate: 800_000, Queue: 3000,
		Loss: BurstLoss(0.1, 3), Duplicate: 0.1, Reorder: 0.1, Corrupt: 0.1}
	n, _, _, ha, _ := pair(seed, cfg, 500, 200, ms)
	ha.Schedule = Schedule{DrainEvery: 3, LateTick: 5 * ms, ExtraTick: 20 * ms}
	var log strings.Builder
	n.Trace = func(at time.Time, fate Fate, h *Host, p Packet) {
		fmt.Fprintf(&log, "%v %v %s %x\n", at.Sub(Epoch), fate, h.Name, p.Data)
	}
	n.Run(10 * time.Second)
	return log.String()
}

func TestDeterministic(t *testing.T) {
	one := transcript(1)
	require.Equal(t, one, transcript(1))
	require.NotEqual(t, one, transcript(2))
	for _, fate := range []Fate{Sent, Delivered, Lost, Overflowed} {
		require.Contains(t, one, " "+fate.String()+" ")
	}
}

func TestReceivedBytesAreOverwritten(t *testing.T) {
	n, _, b, _, _ := pair(1, LinkConfig{}, 1, 4, ms)
	n.Run(ms)
	require.Equal(t, []uint32{0}, b.got)
	require.Equal(t, []byte{scribble, scribble, scribble, scribble}, b.kept)
}

func TestScheduleDelaysDrains(t *testing.T) {
	n, a, b, _, hb := pair(1, LinkConfig{}, 7, 4, ms)
	hb.Schedule = Schedule{DrainEvery: 3, DrainDelay: 10 * ms}
	answers := 0
	n.Trace = func(_ time.Time, fate Fate, h *Host, _ Packet) {
		if fate == Sent && h == hb {
			answers++
		}
	}
	b.queue = []Packet{} // drained first by the wake that starts a run
	n.Run(0)
	b.queue = append(b.queue, Packet{From: portB, To: portA, Data: make([]byte, 8)})
	hb.wake = false
	n.step(Epoch.Add(time.Second))
	for len(b.got) < 3 {
		require.Zero(t, answers, "B was drained after %d inputs", len(b.got))
		n.step(Epoch.Add(time.Second))
	}
	n.step(Epoch.Add(time.Second))
	require.Equal(t, 1, answers)
	n.Run(time.Second)
	require.Len(t, b.got, 7)
	require.Len(t, a.got, 1)
}

func TestExtraAndLateTicks(t *testing.T) {
	n, a, b, ha, _ := pair(1, LinkConfig{}, 10, 4, 100*ms)
	ha.Schedule = Schedule{LateTick: 50 * ms, ExtraTick: 10 * ms}
	n.Run(2 * time.Second)
	require.Len(t, b.got, 10)
	require.Greater(t, a.advanced, 100)
	late := 0
	for i, at := range b.gotAt {
		d := at.Sub(Epoch) - time.Duration(i)*100*ms
		require.True(t, d >= 0 && d < 50*ms, "datagram %d left %v late", i, d)
		if d > 0 {
			late++
		}
	}
	require.Positive(t, late)
}

func TestBrokenPromisesPanic(t *testing.T) {
	tests := []struct {
		name, want string
		change     func(*puppet)
	}{
		{"deadline now", "the deadline is 0s, and it was told that it is 0s", func(p *puppet) {
			p.deadline = func(time.Time) time.Time { return Epoch }
		}},
		{"MTU", "exceeds the MTU", func(p *puppet) { p.size = 1473 }},
		{"endless drain", "does not end", func(p *puppet) { p.every = -1; p.count = 1 << 30 }},
		{"empty datagram", "empty", func(p *puppet) { p.queue = []Packet{{From: portA, To: portB}} }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			n, a, _, _, _ := pair(1, LinkConfig{}, 1, 4, ms)
			test.change(a)
			defer func() {
				got := fmt.Sprint(recover())
				require.Contains(t, got, test.want)
				require.Contains(t, got, "simnet: 0s A: ")
			}()
			n.Run(time.Second)
		})
	}
}

func TestInject(t *testing.T) {
	n, _, b, _, _ := pair(1, LinkConfig{Loss: RandomLoss(1)}, 0, 4, ms)
	attacker := netip.MustParseAddrPort("203.0.113.66:666")
	data := []byte{0, 0, 0, 9}
	n.Inject(Packet{From: attacker, To: portB, Data: data})
	n.Run(ms)
	require.Equal(t, []uint32{9}, b.got)
	require.Equal(t, []netip.AddrPort{attacker}, b.gotFrom)
	require.Equal(t, []byte{0, 0, 0, 9}, data, "the caller's bytes are left alone")
	require.Panics(t, func() { n.Inject(Packet{To: attacker}) })
}

func TestDetach(t *testing.T) {
	n, _, b, _, hb := pair(1, LinkConfig{Delay: 10 * ms}, 10, 4, ms)
	n.Run(14 * ms)
	hb.Detach(addrB)
	n.Run(time.Second)
	require.Equal(t, []uint32{0, 1, 2, 3, 4}, b.got)
}

// TestNAT sends from behind each class of NAT to one server port, and then has
// three others answer: that port, another port of the same address, and another
// address. What passes is the definition of the class.
func TestNAT(t *testing.T) {
	const (
		free    = EndpointIndependent
		address = AddressDependent
		port    = AddressAndPortDependent
	)
	tests := []struct {
		mapping, filtering Behavior
		passes             []uint32
		ports              int // external ports used towards three destinations
	}{
		{free, free, []uint32{1, 2, 3}, 1},
		{free, address, []uint32{1, 2}, 1},
		{free, port, []uint32{1}, 1},
		{address, address, []uint32{1, 2}, 2},
		{port, port, []uint32{1}, 3},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.mapping, test.filtering), func(t *testing.T) {
			n := New(1)
			nat := n.NAT(NATConfig{External: netip.MustParseAddr("192.0.2.1"),
				Mapping: test.mapping, Filtering: test.filtering})
			inner := netip.MustParseAddrPort("192.168.1.2:5000")
			other := netip.MustParseAddrPort("10.0.0.3:6000")
			a, b, c := &puppet{}, &puppet{}, &puppet{}
			ha := n.Host("A", a)
			ha.Attach(inner.Addr(), nat)
			n.Host("B", b, addrB)
			n.Host("C", c, other.Addr())
			say := func(from, to netip.AddrPort, v byte) Packet {
				return Packet{From: from, To: to, Data: []byte{0, 0, 0, v}}
			}
			portB2 := netip.AddrPortFrom(addrB, 6001)

			a.queue = append(a.queue, say(inner, portB, 0))
			n.Run(ms)
			external := b.gotFrom[0]
			require.Equal(t, "192.0.2.1", external.Addr().String())
			b.queue = append(b.queue, say(portB, external, 1), say(portB2, external, 2))
			c.queue = append(c.queue, say(other, external, 3))
			b.queue = append(b.queue, say(portB, inner, 4)) // a private address leads nowhere
			n.Run(ms)
			require.Equal(t, test.passes, a.got)

			a.queue = append(a.queue, say(inner, portB2, 0), say(inner, other, 0))
			n.Run(ms)
			ports := map[netip.AddrPort]bool{}
			for _, from := range append(b.gotFrom, c.gotFrom...) {
				ports[from] = true
			}
			require.Len(t, ports, test.ports)

			a.got = nil
			n.Run(3 * time.Minute)
			b.queue = append(b.queue, say(portB, external, 1))
			n.Run(ms)
			require.Empty(t, a.got, "the mapping has expired")
		})
	}
}

// Two homes behind one carrier NAT reach each other by the carrier's inner
// addresses, and by its outer ones through a hairpin.
func TestNestedNATAndHairpin(t *testing.T) {
	n := New(1)
	carrier := n.NAT(NATConfig{External: netip.MustParseAddr("192.0.2.1")})
	home1 := n.NAT(NATConfig{External: netip.MustParseAddr("100.64.0.1"), Outer: carrier})
	home2 := n.NAT(NATConfig{External: netip.MustParseAddr("100.64.0.2"), Outer: carrier})
	inner := netip.MustParseAddrPort("192.168.1.2:5000") // in both homes
	a, b, s := &puppet{}, &puppet{}, &puppet{}
	n.Host("A", a).Attach(inner.Addr(), home1)
	n.Host("B", b).Attach(inner.Addr(), home2)
	n.Host("S", s, addrB)

	b.queue = []Packet{{From: inner, To: portB, Data: []byte{0, 0, 0, 1}}}
	n.Run(ms)
	require.Len(t, s.gotFrom, 1)
	require.Equal(t, "192.0.2.1", s.gotFrom[0].Addr().String())
	for _, to := range []netip.AddrPort{
		s.gotFrom[0], // by the carrier's outside
		netip.AddrPortFrom(netip.MustParseAddr("100.64.0.2"), 40000), // by its inside
	} {
		a.queue = []Packet{{From: inner, To: to, Data: []byte{0, 0, 0, 2}}}
		n.Run(ms)
	}
	require.Equal(t, []uint32{2, 2}, b.got)
}

// A machine that a test calls from another machine's callback is drained
// without time passing.
func TestWakeFromCallback(t *testing.T) {
	n, a, b, ha, _ := pair(1, LinkConfig{Delay: 10 * ms}, 0, 4, ms)
	b.queue = []Packet{{From: portB, To: portA, Data: []byte{0, 0, 0, 1}}}
	n.Trace = func(_ time.Time, fate Fate, h *Host, _ Packet) {
		if fate == Sent && h.Name == "B" {
			a.queue = append(a.queue, Packet{From: portA, To: portB, Data: []byte{0, 0, 0, 2}})
			ha.Wake()
		}
	}
	n.Run(time.Second)
	require.Equal(t, Epoch.Add(10*ms), b.gotAt[0])
}

func TestSteadyStateDoesNotAllocate(t *testing.T) {
	n, _, b, _, _ := pair(1, LinkConfig{Delay: 10 * ms, Rate: 100_000_000}, 1<<30, 1200, 100*time.Microsecond)
	n.Run(time.Second)
	b.got, b.gotAt, b.gotFrom = make([]uint32, 0, 1e6), make([]time.Time, 0, 1e6), make([]netip.AddrPort, 0, 1e6)
	if allocs := testing.AllocsPerRun(100, func() { n.Run(10 * ms) }); allocs != 0 {
		t.Errorf("10 ms of traffic allocate %v times", allocs)
	}
}

func BenchmarkDatagram(b *testing.B) {
	b.ReportAllocs()
	n, _, rx, _, _ := pair(1, LinkConfig{Delay: 10 * ms, Rate: 100_000_000, Loss: RandomLoss(0.01)}, 1<<30, 1200, 100*time.Microsecond)
	for b.Loop() {
		n.Run(100 * time.Microsecond)
		rx.got, rx.gotAt, rx.gotFrom = rx.got[:0], rx.gotAt[:0], rx.gotFrom[:0]
	}
}
