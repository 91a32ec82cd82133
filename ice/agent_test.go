package ice

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sansrtc/rtc/stun"
	"github.com/stretchr/testify/require"
)

const ms = time.Millisecond

// Both descriptions known, it takes one round trip until both sides have validated
// and selected the path, and nothing more is needed.
func TestConnectInOneRoundTrip(t *testing.T) {
	w := newWorld(t, 1)
	l, r := w.pair()
	w.connect(l, r)
	require.Equal(t, 2*w.delay, w.since())
	for _, n := range []*node{l, r} {
		w.run(0)
		require.Equal(t, StateCompleted, n.agent.State())
		require.Equal(t, []State{StateChecking, StateConnected, StateCompleted}, n.states)
		require.Equal(t, 2*w.delay, n.agent.RTT())
		path, ok := n.agent.SendPath()
		require.True(t, ok)
		require.True(t, n.agent.Validated(path))
		require.False(t, n.agent.Requested(path))
	}
	// A check, a triggered check and two answers from each side.
	w.run(time.Second)
	require.LessOrEqual(t, w.sent, 8)
	require.Equal(t, []string{
		"0.000 UfragAdded " + r.agent.LocalCredentials().Ufrag,
		"0.000 StateChanged checking",
		"0.050 PathValidated 10.0.0.2:2000 10.0.0.1:1000",
		"0.050 PathSelected 10.0.0.2:2000 10.0.0.1:1000",
		"0.050 StateChanged connected",
		"0.050 StateChanged completed",
	}, r.events)
}

func TestConnectUnderLoss(t *testing.T) {
	var times []time.Duration
	for seed := range uint64(200) {
		w := newWorld(t, seed)
		w.loss = 0.2
		l, r := w.pair()
		w.connect(l, r)
		times = append(times, w.since())
	}
	slices.Sort(times)
	t.Logf("20%% loss, 50 ms RTT, 200 seeds: p50 %v p90 %v max %v", times[100], times[180], times[199])
	require.LessOrEqual(t, times[100], 200*ms, "median")
	require.LessOrEqual(t, times[180], 500*ms, "p90")
	require.LessOrEqual(t, times[199], 2*time.Second, "maximum")
}

func TestStaysConnectedUnderLoss(t *testing.T) {
	for seed := range uint64(10) {
		w := newWorld(t, seed)
		l, r := w.pair()
		w.connect(l, r)
		w.loss = 0.2
		w.run(5 * time.Minute)
		for _, n := range w.nodes {
			require.NotEqual(t, StateFailed, n.agent.State(), "seed %d\n%s", seed, w.story())
		}
	}
}

// An idle pair sends consent checks and their answers, and nothing else.
func TestQuiet(t *testing.T) {
	w := newWorld(t, 1)
	l, r := w.pair()
	w.connect(l, r)
	w.run(time.Second)
	before := w.sent
	w.run(100 * time.Second)
	// 17 to 25 checks from each side, each answered once.
	require.LessOrEqual(t, w.sent-before, 100)
	require.GreaterOrEqual(t, w.sent-before, 64)
}

func TestDeterministic(t *testing.T) {
	run := func() string {
		w := newWorld(t, 7)
		w.loss = 0.1
		l := w.add("L", Config{Controlling: true}, "10.0.0.1:1", "10.1.0.1:1", "[2001:db8::1]:1", "10.2.0.1:9")
		r := w.add("R", Config{Controlling: true}, "10.0.0.2:2", "[2001:db8::2]:2", "10.1.0.2:2")
		w.connect(l, r)
		w.run(time.Minute)
		require.NoError(t, l.agent.Restart(w.now, Credentials{}))
		require.NoError(t, r.agent.Restart(w.now, Credentials{}))
		w.connect(l, r)
		w.run(time.Minute)
		return w.log.String() + w.story()
	}
	first := run()
	require.Greater(t, strings.Count(first, "\n"), 100)
	require.Equal(t, first, run())
}

// pump shuttles packets between two connected agents outside of a world, without
// any allocation of its own.
func pump(t *testing.T, w *world, from, to *node, buf []byte) (n int) {
	for {
		b, path, ok := from.agent.AppendPacket(w.now, buf[:0])
		if !ok {
			return n
		}
		to.agent.HandlePacket(w.now, Path{Local: path.Remote, Remote: path.Local}, b)
		n++
	}
}

func TestAllocs(t *testing.T) {
	w := newWorld(t, 1)
	l, r := w.pair()
	w.connect(l, r)
	w.run(20 * time.Second)
	buf := make([]byte, 0, 1500)
	checks := 0
	allocs := testing.AllocsPerRun(200, func() {
		w.now = w.now.Add(time.Second)
		for _, n := range w.nodes {
			n.agent.HandleTimeout(w.now)
			n.agent.Deadline()
		}
		checks += pump(t, w, l, r, buf) + pump(t, w, r, l, buf) + pump(t, w, l, r, buf)
		for _, n := range w.nodes {
			path, _ := n.agent.SendPath()
			n.agent.NoteData(w.now, path)
			if !n.agent.Validated(path) {
				t.Fatal("lost")
			}
			n.agent.NextEvent()
		}
	})
	require.Greater(t, checks, 100, "consent checks and answers")
	require.Zero(t, allocs)
}

func TestAllocsUnderNoise(t *testing.T) {
	w := newWorld(t, 1)
	l, r := w.pair()
	w.connect(l, r)
	path := Path{Local: addr("10.0.0.1:1000"), Remote: addr("6.6.6.6:6666")}
	forged := buildCheck(t, l.agent.LocalCredentials().Ufrag, "wrong password of the forger", nil)
	var junk [64]byte
	allocs := testing.AllocsPerRun(100, func() {
		l.agent.HandlePacket(w.now, path, forged)
		l.agent.HandlePacket(w.now, path, junk[:])
		l.agent.HandlePacket(w.now, path, forged[:40])
	})
	require.Zero(t, allocs)
	_, _, ok := l.agent.AppendPacket(w.now, nil)
	require.False(t, ok, "noise was answered")
}

// buildCheck builds a connectivity check by hand.
func buildCheck(t testing.TB, ufrag, pwd string, change func(b *stun.Builder)) []byte {
	t.Helper()
	key, err := stun.NewKey(pwd)
	require.NoError(t, err)
	b := stun.NewBuilder(nil, stun.Request, stun.Binding, stun.TransactionID{1, 2, 3})
	b.Username(ufrag, "peer")
	if change != nil {
		change(&b)
	} else {
		b.Uint64(stun.AttrICEControlled, 1)
		b.Uint32(stun.AttrPriority, 1845501695)
	}
	b.Integrity(key)
	b.Fingerprint()
	return b.Bytes()
}

// Golden bytes of a check: this is what peers have learned to expect.
func TestCheckBytes(t *testing.T) {
	now := time.Unix(0, 0)
	a, err := New(now, Config{Rand: seeded(1), Controlling: true,
		Credentials: Credentials{"oURs", "theirsAndOurs0123456789+/"}})
	require.NoError(t, err)
	require.NoError(t, a.AddLocalCandidate(now, host("192.0.2.1:5000")))
	require.NoError(t, a.SetRemoteCredentials(now, Credentials{"tHEm/+", "0123456789abcdefghijkl"}, false))
	require.NoError(t, a.AddRemoteCandidate(now, Candidate{Addr: addr("198.51.100.1:6000"), Priority: 2130706431}))
	b, path, ok := a.AppendPacket(now, nil)
	require.True(t, ok)
	require.Equal(t, Path{UDP, addr("192.0.2.1:5000"), addr("198.51.100.1:6000")}, path)
	require.Equal(t, goldenCheck, fmt.Sprintf("%x", b))
}

func TestRandFails(t *testing.T) {
	_, err := New(time.Time{}, Config{})
	require.ErrorIs(t, err, ErrConfig)
	_, err = New(time.Time{}, Config{Rand: strings.NewReader("short")})
	require.Error(t, err)
	a, err := New(time.Unix(0, 0), Config{Rand: io.LimitReader(seeded(1), 32+8)})
	require.NoError(t, err)
	require.NoError(t, a.AddLocalCandidate(time.Unix(0, 0), host("192.0.2.1:5000")))
	require.NoError(t, a.SetRemoteCredentials(time.Unix(0, 0), Credentials{"abcd", "0123456789abcdefghijkl"}, false))
	require.NoError(t, a.AddRemoteCandidate(time.Unix(0, 0), host("192.0.2.2:5000")))
	_, _, ok := a.AppendPacket(time.Unix(0, 0), nil)
	require.False(t, ok)
	require.Equal(t, StateClosed, a.State())
}

func TestClose(t *testing.T) {
	w := newWorld(t, 1)
	l, r := w.pair()
	w.connect(l, r)
	w.run(time.Second)
	path, _ := l.agent.SendPath()
	l.events = nil
	l.agent.Close(w.now)
	l.agent.Close(w.now)
	w.run(0)
	ufrag := l.agent.LocalCredentials().Ufrag
	require.Equal(t, []string{
		"1.050 StateChanged closed",
		"1.050 PathLost 10.0.0.1:1000 10.0.0.2:2000",
		"1.050 UfragRemoved " + ufrag,
	}, l.events)
	got, ok := l.agent.SendPath()
	require.True(t, ok, "the layers above still have to say goodbye")
	require.Equal(t, path, got)
	require.Zero(t, l.agent.Deadline())
	require.ErrorIs(t, l.agent.AddLocalCandidate(w.now, host("10.0.0.9:9")), ErrClosed)
	require.ErrorIs(t, l.agent.AddRemoteCandidate(w.now, host("10.0.0.9:9")), ErrClosed)
	require.ErrorIs(t, l.agent.Restart(w.now, Credentials{}), ErrClosed)
	l.agent.HandlePacket(w.now, path, nil)
	l.agent.HandleTimeout(w.now.Add(time.Hour))
	l.agent.NoteData(w.now, path)
	l.agent.EndOfRemoteCandidates(w.now)
	require.Equal(t, StateClosed, l.agent.State())
	require.EqualValues(t, 1, l.agent.Stats().Dropped[DropClosed])

	// The peer notices by silence.
	w.run(40 * time.Second)
	require.Equal(t, []State{StateChecking, StateConnected, StateCompleted, StateDisconnected, StateFailed}, r.states)
	_, ok = r.agent.SendPath()
	require.False(t, ok)
}

func TestCredentials(t *testing.T) {
	w := newWorld(t, 1)
	l, _ := w.pair()
	good := Credentials{"abcd", "0123456789abcdefghij+/"}
	for _, c := range []Credentials{{}, {"abc", good.Pwd}, {"abcd", good.Pwd[:21]}, {"ab-d", good.Pwd},
		{"abcd", good.Pwd + ":"}, {strings.Repeat("a", 257), good.Pwd}} {
		require.ErrorIs(t, l.agent.SetRemoteCredentials(w.now, c, false), ErrCredentials, "%q", c)
		if c != (Credentials{}) {
			_, err := New(w.now, Config{Rand: seeded(1), Credentials: c})
			require.ErrorIs(t, err, ErrCredentials)
			require.ErrorIs(t, l.agent.Restart(w.now, c), ErrCredentials)
		}
	}
	require.NoError(t, l.agent.SetRemoteCredentials(w.now, good, false))
	require.NoError(t, l.agent.SetRemoteCredentials(w.now, good, false))
	require.ErrorIs(t, l.agent.SetRemoteCredentials(w.now, Credentials{"efgh", good.Pwd}, false), ErrRemoteCredentials)
	require.ErrorIs(t, l.agent.Restart(w.now, l.agent.LocalCredentials()), ErrSameCredentials)
	require.Equal(t, good, l.agent.RemoteCredentials())
}

// Several addresses on both sides: the best pair that works wins on both sides.
func TestBestPairWins(t *testing.T) {
	for seed := range uint64(20) {
		w := newWorld(t, seed)
		w.loss = 0.1
		l := w.add("L", Config{Controlling: true}, "10.0.0.1:1", "[2001:db8::1]:1", "10.0.1.1:1")
		r := w.add("R", Config{}, "10.0.0.2:2", "10.0.1.2:2", "[2001:db8::2]:2")
		// The first of all pairs does not work.
		w.block = func(from, to netip.AddrPort) bool {
			return from.Port()+to.Port() == 3 && from.Addr().Is4() && to.Addr().Is4() && (from == addr("10.0.0.1:1") || to == addr("10.0.0.1:1"))
		}
		w.connect(l, r)
		w.run(10 * time.Second)
		lp, _ := l.agent.SendPath()
		rp, _ := r.agent.SendPath()
		require.Equal(t, lp.Local, rp.Remote, "seed %d: the sides chose different pairs\n%s", seed, w.story())
		require.Equal(t, lp.Remote, rp.Local)
		require.NotEqual(t, addr("10.0.0.1:1"), lp.Local)
	}
}
