package ice

import (
	"testing"
	"time"

	"github.com/sansrtc/rtc/stun"
	"github.com/stretchr/testify/require"
)

func TestRestart(t *testing.T) {
	for seed := range uint64(20) {
		w := newWorld(t, seed)
		w.loss = float64(seed%2) * 0.2
		l, r := w.pair()
		w.connect(l, r)
		w.run(10 * time.Second)
		oldL, oldR := l.agent.LocalCredentials(), r.agent.LocalCredentials()
		path, _ := l.agent.SendPath()
		l.states, l.events = nil, nil

		require.NoError(t, l.agent.Restart(w.now, Credentials{}))
		require.NotEqual(t, oldL, l.agent.LocalCredentials())
		require.Zero(t, l.agent.RemoteCredentials())
		got, ok := l.agent.SendPath()
		require.True(t, ok, "the old pair carries data")
		require.Equal(t, path, got)
		require.True(t, l.agent.Validated(path))
		w.run(20 * time.Second) // the answer takes its time; consent goes on
		require.NotContains(t, l.states, StateFailed)

		require.NoError(t, r.agent.Restart(w.now, Credentials{}))
		w.connect(l, r)
		w.run(10 * time.Second)
		w.loss = 0
		w.run(10 * time.Second)
		for _, n := range w.nodes {
			require.Nil(t, n.agent.old)
			require.Equal(t, StateCompleted, n.agent.State())
			_, ok := n.agent.SendPath()
			require.True(t, ok)
			require.NotContains(t, n.states, StateFailed)
		}
		if seed%2 == 0 {
			require.Equal(t, []string{
				"10.050 UfragAdded " + l.agent.LocalCredentials().Ufrag,
				"10.050 StateChanged connected",
				"30.100 StateChanged completed",
				"35.100 UfragRemoved " + oldL.Ufrag,
			}, l.events, "the path stays valid all the time")
		}
		require.NotEqual(t, oldR, r.agent.LocalCredentials())
	}
}

// Packets of the old generation count during the overlap, then no more.
func TestRestartOverlap(t *testing.T) {
	p := newPeer(t, Config{})
	p.connect()
	old := p.agent.LocalCredentials()
	oldKey := p.agentKey
	require.NoError(t, p.agent.Restart(p.now, Credentials{"nextUfrag", "nextnextnextnextnextnext"}))
	oldRequest := func() {
		b := buildCheck(t, old.Ufrag, old.Pwd, func(b *stun.Builder) {
			b.Uint64(stun.AttrICEControlling, 5)
			b.Uint32(stun.AttrPriority, 1)
		})
		p.agent.HandlePacket(p.now, p.path, b)
	}
	oldRequest()
	m := p.want("the old generation is answered")
	require.True(t, oldKey.Verify(m))
	p.wantIdle("and triggers nothing")
	known := p.path
	p.path.Remote = addr("10.0.0.9:9000")
	oldRequest()
	p.wantIdle("the old generation learns no more")
	require.False(t, p.agent.Requested(p.path))
	p.path = known

	// The new generation gets a pair on another path; the old one keeps the data
	// until then.
	before := p.path
	var err error
	p.agentKey, err = stun.NewKey("nextnextnextnextnextnext")
	require.NoError(t, err)
	require.NoError(t, p.agent.SetRemoteCredentials(p.now, Credentials{"peer", peerPwd}, false))
	p.path.Remote = addr("10.0.0.7:7000")
	p.request(nil)
	p.want("answer")
	check := p.wantCheck("triggered")
	p.answer(check)
	path, _ := p.agent.SendPath()
	require.Equal(t, before, path, "valid is not selected")
	p.nominate()
	p.want("answer")
	path, _ = p.agent.SendPath()
	require.Equal(t, p.path, path)
	require.True(t, p.agent.Validated(before), "data of the old path is accepted in the overlap")

	next := p.path
	p.path = before
	oldRequest()
	p.want("still answered")
	p.advance(5 * time.Second)
	oldRequest()
	require.EqualValues(t, 1, p.agent.Stats().Dropped[DropUsername])
	require.False(t, p.agent.Validated(before))
	p.path = next
	for {
		b, path, ok := p.agent.AppendPacket(p.now, nil)
		if !ok {
			break
		}
		require.Equal(t, next, path, "%x", b)
	}
}

// A restart that is never answered ends with the old generation's consent.
func TestRestartUnanswered(t *testing.T) {
	w := newWorld(t, 1)
	l, r := w.pair()
	w.connect(l, r)
	require.NoError(t, l.agent.Restart(w.now, Credentials{}))
	require.NoError(t, l.agent.Restart(w.now, Credentials{}))
	require.NotNil(t, l.agent.old)
	w.run(2 * time.Minute)
	require.Equal(t, StateConnected, l.agent.State())
	r.agent.Close(w.now)
	w.run(40 * time.Second)
	require.Equal(t, StateFailed, l.agent.State())
	require.Nil(t, l.agent.old)
	require.Equal(t, "UfragRemoved", l.events[len(l.events)-1][len("000.000 "):][:12])
}

func TestRestartAfterFailure(t *testing.T) {
	w := newWorld(t, 1)
	l, r := w.pair()
	w.loss = 1
	w.introduce(l, r)
	w.introduce(r, l)
	w.run(40 * time.Second)
	for _, n := range w.nodes {
		require.Equal(t, []State{StateChecking, StateFailed}, n.states)
		require.LessOrEqual(t, n.agent.Stats().ChecksSent, uint64(40))
		require.NoError(t, n.agent.Restart(w.now, Credentials{}))
		require.Equal(t, StateNew, n.agent.State())
	}
	w.loss = 0
	w.connect(l, r)
	require.Equal(t, StateCompleted, l.agent.State())
}
