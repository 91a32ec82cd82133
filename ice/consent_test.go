package ice

import (
	"net/netip"
	"testing"
	"time"

	"github.com/sansrtc/rtc/stun"
	"github.com/stretchr/testify/require"
)

// "Consent expires after 30 seconds" https://www.rfc-editor.org/rfc/rfc7675#section-5.1
// To a silent peer checks go every 4 to 6 seconds, then nothing at all.
func TestConsentExpires(t *testing.T) {
	p := newPeer(t, Config{Controlling: true})
	p.connect()
	connected := p.now
	last := p.now
	var intervals []time.Duration
	var check stun.Message
	for d := p.agent.Deadline(); !d.IsZero(); d = p.agent.Deadline() {
		require.True(t, d.After(p.now))
		p.advance(d.Sub(p.now))
		if b, _, ok := p.agent.AppendPacket(p.now, nil); ok {
			intervals = append(intervals, p.now.Sub(last))
			last = p.now
			// Answers that anybody could forge do not help.
			check = b
			p.answerWith(p.path, check.TransactionID(), p.agentKey, stun.Success)
			p.answerWith(p.path, p.id(), p.key, stun.Success)
		}
		_, ok := p.agent.SendPath()
		require.Equal(t, p.now.Sub(connected) < 30*time.Second, ok, "after %v", p.now.Sub(connected))
	}
	require.GreaterOrEqual(t, len(intervals), 5)
	distinct := map[time.Duration]bool{}
	for _, d := range intervals {
		require.GreaterOrEqual(t, d, 4*time.Second)
		require.LessOrEqual(t, d, 6*time.Second)
		distinct[d] = true
	}
	require.Greater(t, len(distinct), 3, "intervals are random")
	require.Equal(t, StateFailed, p.agent.State())
	require.Equal(t, PairExpired, p.agent.AppendPairs(nil)[0].State)
	require.False(t, p.agent.Validated(p.path))

	p.answer(check)
	require.False(t, p.agent.Validated(p.path), "an answer that comes too late")

	// "the same ICE credentials MUST NOT be used on the affected 5-tuple again"
	p.request(nil)
	require.Equal(t, stun.Success, p.want("requests are still answered").Class())
	p.wantIdle("but trigger nothing")
	require.Equal(t, StateFailed, p.agent.State())
}

func TestDisconnectedAndBack(t *testing.T) {
	p := newPeer(t, Config{Controlling: true})
	p.connect()
	p.advance(7 * time.Second)
	p.agent.NoteData(p.now, p.path)
	p.advance(7 * time.Second)
	require.Equal(t, StateCompleted, p.agent.State(), "data shows that the peer is there")
	p.advance(time.Second)
	require.Equal(t, StateDisconnected, p.agent.State())
	_, ok := p.agent.SendPath()
	require.True(t, ok, "consent is not lost yet")
	p.agent.NoteData(p.now, p.path)
	require.Equal(t, StateCompleted, p.agent.State())
}

// A check that got lost is repeated when the peer shows that it is there.
func TestRecheck(t *testing.T) {
	p := newPeer(t, Config{Controlling: true})
	p.connect()
	p.advance(6 * time.Second)
	p.wantCheck("consent check, lost")
	p.request(nil)
	p.want("answer")
	p.wantIdle("too early to call it lost")
	p.advance(300 * ms)
	p.request(nil)
	p.want("answer")
	p.wantCheck("the peer is there")
	p.agent.NoteData(p.now, p.path)
	p.wantIdle("one is enough")
	p.advance(time.Second)
	p.agent.NoteData(p.now, p.path)
	p.answer(p.wantCheck("data shows the same"))
	p.agent.NoteData(p.now.Add(2*time.Second), p.path)
	p.wantIdle("answered")
}

// When the selected pair falls silent, a valid one takes over; that it was not the
// best is no reason to wait for the end of consent.
func TestFailover(t *testing.T) {
	w := newWorld(t, 3)
	l := w.add("L", Config{Controlling: true}, "10.0.0.1:1", "10.1.0.1:1")
	r := w.add("R", Config{}, "10.0.0.2:2")
	w.connect(l, r)
	w.run(10 * time.Second)
	first, _ := l.agent.SendPath()
	require.Equal(t, addr("10.0.0.1:1"), first.Local)
	w.block = func(from, to netip.AddrPort) bool { return from == first.Local || to == first.Local }
	w.run(15 * time.Second)
	for _, n := range w.nodes {
		path, ok := n.agent.SendPath()
		require.True(t, ok)
		require.Contains(t, []any{path.Local, path.Remote}, addr("10.1.0.1:1"), w.story())
		require.Contains(t, []State{StateConnected, StateCompleted}, n.agent.State())
	}
	// The first pair expires where it is asked; the session does not.
	w.run(2 * time.Minute)
	require.NotContains(t, l.states, StateFailed)
}

func TestRemoveLocalCandidate(t *testing.T) {
	w := newWorld(t, 3)
	l := w.add("L", Config{Controlling: true}, "10.0.0.1:1", "10.1.0.1:1")
	srflx := Candidate{Type: ServerReflexive, Addr: addr("192.0.2.1:1"), Base: addr("10.0.0.1:1")}
	require.NoError(t, l.agent.AddLocalCandidate(w.now, srflx))
	r := w.add("R", Config{}, "10.0.0.2:2")
	w.connect(l, r)
	w.run(10 * time.Second)
	l.events = nil
	require.ErrorIs(t, l.agent.RemoveLocalCandidate(w.now, host("10.9.9.9:9")), ErrNoCandidate)
	require.NoError(t, l.agent.RemoveLocalCandidate(w.now, host("10.0.0.1:1")))
	path, ok := l.agent.SendPath()
	require.True(t, ok, "takes over at once")
	require.Equal(t, addr("10.1.0.1:1"), path.Local)
	require.Len(t, l.agent.AppendLocalCandidates(nil), 1, "the reflexive candidate goes with its base")
	w.run(100 * ms)
	require.Equal(t, []string{
		"10.050 StateChanged connected",
		"10.050 PathLost 10.0.0.1:1 10.0.0.2:2",
		"10.100 PathSelected 10.1.0.1:1 10.0.0.2:2", // nominated a round trip later
		"10.100 StateChanged completed",
	}, l.events)
	w.run(20 * time.Second)
	rp, _ := r.agent.SendPath()
	require.Equal(t, addr("10.1.0.1:1"), rp.Remote, "the peer follows")

	// Without any candidate the agent waits for a new one, and recovers with it.
	require.NoError(t, l.agent.RemoveLocalCandidate(w.now, host("10.1.0.1:1")))
	_, ok = l.agent.SendPath()
	require.False(t, ok)
	require.Equal(t, StateDisconnected, l.agent.State())
	w.run(5 * time.Second)
	require.NoError(t, l.agent.AddLocalCandidate(w.now, host("10.3.0.1:3")))
	w.run(time.Second)
	path, _ = l.agent.SendPath()
	require.Equal(t, addr("10.3.0.1:3"), path.Local, w.story())
	require.Equal(t, StateCompleted, l.agent.State())
	require.NoError(t, l.agent.RemoveLocalCandidate(w.now, host("10.3.0.1:3")))
	w.run(29 * time.Second)
	require.Equal(t, StateDisconnected, l.agent.State())
	w.run(time.Second + ms)
	require.Equal(t, StateFailed, l.agent.State())
}

// A reflexive candidate can be withdrawn without its base, and the other way round
// its pairs live on with what is left at the base.
func TestRemoveReflexive(t *testing.T) {
	p := newPeer(t, Config{Controlling: true})
	srflx := Candidate{Type: ServerReflexive, Addr: addr("192.0.2.1:1"), Base: addr("10.0.0.1:1000")}
	require.NoError(t, p.agent.AddLocalCandidate(p.now, srflx))
	p.connect()
	require.NoError(t, p.agent.RemoveLocalCandidate(p.now, srflx))
	require.True(t, p.agent.Validated(p.path))
	checkInvariants(t, p.agent)
}

// The controlled side uses, of several nominated pairs, the one that carries the
// peer's data, as long as it is responsive.
func TestControlledFollowsData(t *testing.T) {
	p := newPeer(t, Config{})
	other := p.path
	other.Remote = addr("10.0.0.3:3000")
	for _, path := range []Path{p.path, other} {
		p.path = path
		p.connect()
		p.advance(p.agent.cfg.CheckInterval)
	}
	p.path = other
	want := func(path Path, why string) {
		t.Helper()
		got, ok := p.agent.SendPath()
		require.True(t, ok)
		require.Equal(t, path, got, why)
	}
	first := p.agent.AppendPairs(nil)[0].Path
	second := p.path
	if first == second {
		second = Path{Local: p.path.Local, Remote: addr("10.0.0.2:2000")}
	}
	want(first, "priority decides without data")
	p.agent.NoteData(p.now, second)
	want(second, "data decides")
	p.now = p.now.Add(ms)
	p.agent.NoteData(p.now, first)
	want(first, "the latest data")
	p.now = p.now.Add(5 * time.Second)
	p.path = second
	p.nominate()
	want(first, "a nomination alone does not move data that came elsewhere")
	p.advance(3100 * ms)
	want(second, "the first pair is silent")
}

// After a change of roles the new controlling side nominates what is valid already.
func TestNominatesAfterRoleChange(t *testing.T) {
	p := newPeer(t, Config{})
	p.request(nil)
	p.want("answer")
	p.answer(p.wantCheck("check"))
	require.False(t, p.agent.AppendPairs(nil)[0].Nominated)
	p.agent.SetControlling(p.now, true)
	check := p.wantCheck("nomination, at once")
	require.True(t, has(check, stun.AttrUseCandidate))
	p.advance(100 * ms)
	check = p.wantCheck("repeated until answered")
	p.answer(check)
	require.True(t, p.agent.AppendPairs(nil)[0].Selected)
	p.advance(time.Second)
	p.wantIdle("done")
}

// When a better pair turns up, the controlling side moves there and says so.
func TestControllingTellsOfBetterPair(t *testing.T) {
	p := newPeer(t, Config{Controlling: true})
	better, worse := p.path, p.path
	worse.Remote = addr("10.0.0.3:3000")
	require.NoError(t, p.agent.AddRemoteCandidate(p.now, Candidate{Addr: better.Remote, Priority: 200}))
	require.NoError(t, p.agent.AddRemoteCandidate(p.now, Candidate{Addr: worse.Remote, Priority: 100}))
	first := p.wantCheck("the better pair comes first")
	p.path = worse
	p.advance(50 * ms)
	p.answer(p.wantCheck("then the other"))
	path, _ := p.agent.SendPath()
	require.Equal(t, worse, path)
	p.path = better
	p.answer(first)
	path, _ = p.agent.SendPath()
	require.Equal(t, better, path)
	require.True(t, has(p.wantCheck("nominated once more, at once"), stun.AttrUseCandidate))
	p.path = worse
	p.advance(6 * time.Second)
	for {
		b, path, ok := p.agent.AppendPacket(p.now, nil)
		if !ok {
			break
		}
		require.Equal(t, path == better, has(stun.Message(b), stun.AttrUseCandidate), "only the selected pair is nominated")
	}
}
