package ice

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sansrtc/rtc/stun"
	"github.com/stretchr/testify/require"
)

// A world is two or more agents, a clock and the network between them.
type world struct {
	t     testing.TB
	start time.Time
	now   time.Time
	rng   *rand.Rand

	delay time.Duration // one way
	loss  float64
	// block drops what it is true for.
	block func(from, to netip.AddrPort) bool

	nodes   []*node
	flights flights
	sent    int
	log     strings.Builder // every packet, as hex
}

// A node is an agent with its addresses, perhaps behind a NAT.
type node struct {
	name   string
	agent  *Agent
	nat    map[netip.AddrPort]netip.AddrPort // base to what the world sees
	opened map[[2]netip.AddrPort]bool        // where the NAT lets packets in from
	events []string
	states []State
	// onPacket sees each STUN packet that the node sends.
	onPacket func(m stun.Message, path Path)
}

type flight struct {
	at        time.Time
	seq       int
	from, to  netip.AddrPort
	transport Transport
	data      []byte
}

type flights []flight

func (f flights) Len() int { return len(f) }
func (f flights) Less(i, j int) bool {
	return f[i].at.Before(f[j].at) || f[i].at.Equal(f[j].at) && f[i].seq < f[j].seq
}
func (f flights) Swap(i, j int) { f[i], f[j] = f[j], f[i] }
func (f *flights) Push(x any)   { *f = append(*f, x.(flight)) }
func (f *flights) Pop() any {
	last := (*f)[len(*f)-1]
	*f = (*f)[:len(*f)-1]
	return last
}

func newWorld(t testing.TB, seed uint64) *world {
	start := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	return &world{t: t, start: start, now: start, rng: rand.New(rand.NewPCG(seed, 1)), delay: 25 * time.Millisecond}
}

// seeded is a reproducible source of random bytes.
func seeded(seed uint64) *rand.ChaCha8 {
	var b [32]byte
	for i := range 8 {
		b[i] = byte(seed >> (8 * i))
	}
	return rand.NewChaCha8(b)
}

func addr(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func host(s string) Candidate { return Candidate{Type: Host, Addr: addr(s)} }

// add makes an agent with host candidates.
func (w *world) add(name string, cfg Config, addrs ...string) *node {
	w.t.Helper()
	if cfg.Rand == nil {
		cfg.Rand = seeded(uint64(len(w.nodes)) + w.rng.Uint64())
	}
	agent, err := New(w.now, cfg)
	require.NoError(w.t, err)
	n := &node{name: name, agent: agent}
	for _, s := range addrs {
		require.NoError(w.t, agent.AddLocalCandidate(w.now, host(s)))
	}
	w.nodes = append(w.nodes, n)
	return n
}

// pair makes two agents at one address each, which do not know of one another yet.
func (w *world) pair() (l, r *node) {
	return w.add("L", Config{Controlling: true}, "10.0.0.1:1000"), w.add("R", Config{}, "10.0.0.2:2000")
}

// introduce gives to everything about from: what a description would carry.
func (w *world) introduce(from, to *node) {
	w.t.Helper()
	require.NoError(w.t, to.agent.SetRemoteCredentials(w.now, from.agent.LocalCredentials(), from.agent.cfg.Lite))
	for _, c := range from.agent.AppendLocalCandidates(nil) {
		parsed, err := ParseCandidate(c.String())
		require.NoError(w.t, err)
		require.NoError(w.t, to.agent.AddRemoteCandidate(w.now, parsed))
	}
	to.agent.EndOfRemoteCandidates(w.now)
}

// connect introduces both and runs until both have selected a path.
func (w *world) connect(l, r *node) {
	w.t.Helper()
	w.introduce(l, r)
	w.introduce(r, l)
	require.True(w.t, w.runUntil(10*time.Second, func() bool {
		return l.agent.cur.selected != nil && r.agent.cur.selected != nil
	}), "not connected after 10 s:\n%s", w.story())
}

// drain sends all that is owed, collects events, and checks the promises.
func (w *world) drain(n *node) {
	w.t.Helper()
	prefix := []byte("prefix")
	for i := 0; ; i++ {
		b, path, ok := n.agent.AppendPacket(w.now, prefix)
		if !ok {
			break
		}
		require.Less(w.t, i, 1000, "no end of packets")
		require.Equal(w.t, "prefix", string(b[:6]))
		w.send(n, path, slices.Clone(b[6:]))
	}
	for ev, ok := n.agent.NextEvent(); ok; ev, ok = n.agent.NextEvent() {
		n.note(w, ev)
	}
	if d := n.agent.Deadline(); !d.IsZero() && !d.After(w.now) {
		w.t.Fatalf("%s: deadline %v is not after now %v in state %v", n.name, d.Sub(w.start), w.now.Sub(w.start), n.agent.State())
	}
	checkInvariants(w.t, n.agent)
}

func (n *node) note(w *world, ev Event) {
	what := ev.Kind.String()
	switch ev.Kind {
	case StateChanged:
		n.states = append(n.states, ev.State)
		what += " " + ev.State.String()
	case PathSelected, PathValidated, PathLost:
		what += " " + ev.Path.Local.String() + " " + ev.Path.Remote.String()
	case UfragAdded, UfragRemoved, ResolveHostname:
		what += " " + ev.Name
	case NoEvent:
		w.t.Fatal("NoEvent with ok")
	}
	n.events = append(n.events, fmt.Sprintf("%.3f %s", w.now.Sub(w.start).Seconds(), what))
}

func (w *world) send(n *node, path Path, b []byte) {
	w.t.Helper()
	m, err := stun.Parse(b)
	require.NoError(w.t, err, "agent sent something that does not parse")
	require.Less(w.t, len(b), 700)
	if n.onPacket != nil {
		n.onPacket(m, path)
	}
	w.sent++
	fmt.Fprintf(&w.log, "%v %v %v %x\n", w.now.Sub(w.start), path.Local, path.Remote, b)
	from := path.Local
	if out, ok := n.nat[from]; ok {
		n.opened[[2]netip.AddrPort{out, path.Remote}] = true
		from = out
	}
	if w.rng.Float64() < w.loss || w.block != nil && w.block(from, path.Remote) {
		return
	}
	heap.Push(&w.flights, flight{w.now.Add(w.delay), w.sent, from, path.Remote, path.Transport, b})
}

// deliver gives a packet to whoever has the address. NATs are port-restricted.
func (w *world) deliver(f flight) {
	for _, n := range w.nodes {
		for _, c := range n.agent.locals {
			to := c.Base
			if out, ok := n.nat[to]; ok {
				if !n.opened[[2]netip.AddrPort{out, f.from}] {
					continue
				}
				to = out
			}
			if to != f.to || c.Transport != f.transport {
				continue
			}
			kept := slices.Clone(f.data)
			n.agent.HandlePacket(w.now, Path{f.transport, c.Base, f.from}, f.data)
			require.Equal(w.t, kept, f.data, "HandlePacket changed its input")
			w.drain(n)
			return
		}
	}
}

// runUntil lets time pass until done, but no longer than d.
func (w *world) runUntil(d time.Duration, done func() bool) bool {
	w.t.Helper()
	end := w.now.Add(d)
	for _, n := range w.nodes {
		n.agent.HandleTimeout(w.now)
		w.drain(n)
	}
	for !done() {
		next := end
		var due *node
		for _, n := range w.nodes {
			if d := n.agent.Deadline(); !d.IsZero() && d.Before(next) {
				next, due = d, n
			}
		}
		if len(w.flights) > 0 && !w.flights[0].at.After(next) {
			f := heap.Pop(&w.flights).(flight)
			w.now = f.at
			w.deliver(f)
			continue
		}
		w.now = next
		if due == nil {
			return done()
		}
		due.agent.HandleTimeout(w.now)
		w.drain(due)
	}
	return true
}

func (w *world) run(d time.Duration) {
	w.t.Helper()
	w.runUntil(d, func() bool { return false })
}

// since returns the time since the world began.
func (w *world) since() time.Duration { return w.now.Sub(w.start) }

// story is what happened, for failures.
func (w *world) story() string {
	var s strings.Builder
	for _, n := range w.nodes {
		fmt.Fprintf(&s, "%s: %v\n  %s\n", n.name, n.agent.State(), strings.Join(n.events, "\n  "))
		for _, p := range n.agent.AppendPairs(nil) {
			fmt.Fprintf(&s, "  pair %v->%v %v sent %d\n", p.Path.Local, p.Path.Remote, p.State, p.ChecksSent)
		}
	}
	return s.String()
}

// checkInvariants holds an agent to what the type's documentation says.
func checkInvariants(t testing.TB, a *Agent) {
	t.Helper()
	a.generations(func(g *generation) {
		require.LessOrEqual(t, len(g.pairs), a.cfg.MaxPairs)
		require.LessOrEqual(t, len(g.remotes), a.cfg.MaxRemoteCandidates+a.cfg.MaxPeerReflexive)
		require.LessOrEqual(t, g.checks, a.cfg.MaxChecks)
		require.True(t, slices.IsSortedFunc(g.pairs, func(p, q *pair) int {
			if p.priority < q.priority {
				return 1
			}
			return -1
		}) || len(g.pairs) < 2 || slices.IsSortedFunc(g.pairs, func(p, q *pair) int {
			return int(min(1, max(-1, int64(q.priority>>1)-int64(p.priority>>1))))
		}), "pairs are not in order of priority")
		if s := g.selected; s != nil {
			require.True(t, slices.Contains(g.pairs, s), "selected pair does not exist")
			require.Equal(t, PairSucceeded, s.state)
		}
		for _, p := range g.pairs {
			if p.state == PairSucceeded {
				require.True(t, a.Validated(p.path), "valid pair without valid path")
				require.True(t, p.requested || p.responsesReceived > 0)
			}
			require.Contains(t, a.locals, p.local)
			require.Contains(t, g.remotes, p.remote)
		}
	})
	require.LessOrEqual(t, len(a.responses), maxResponses)
	require.LessOrEqual(t, len(a.news.paths), 4*a.cfg.MaxPairs)
	if p := a.cur.selected; p != nil && a.state != StateClosed {
		path, ok := a.SendPath()
		require.True(t, ok)
		require.Equal(t, p.path, path)
	}
}
