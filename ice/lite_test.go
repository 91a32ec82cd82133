package ice

import (
	"testing"
	"time"

	"github.com/sansrtc/rtc/stun"
	"github.com/stretchr/testify/require"
)

func TestLite(t *testing.T) {
	for seed := range uint64(20) {
		w := newWorld(t, seed)
		w.loss = float64(seed%2) * 0.2
		l := w.add("L", Config{Lite: true}, "10.0.0.1:1")
		l.onPacket = func(m stun.Message, _ Path) {
			require.NotEqual(t, stun.Request, m.Class(), "a lite agent sends no checks")
		}
		r := w.add("R", Config{}, "10.0.0.2:2", "[2001:db8::2]:2")
		w.connect(l, r)
		if w.loss == 0 {
			require.Equal(t, 2*w.delay, w.since())
		}
		w.run(time.Minute)
		require.NotContains(t, l.states, StateFailed)
		path, _ := l.agent.SendPath()
		require.Equal(t, addr("10.0.0.2:2"), path.Remote)
	}
}

// A lite agent fails after 30 s without an authenticated request.
func TestLiteFails(t *testing.T) {
	p := newPeer(t, Config{Lite: true})
	p.nominate()
	require.True(t, p.agent.Validated(p.path), "an authenticated request validates")
	require.True(t, p.agent.AppendPairs(nil)[0].Selected)
	p.want("answer")
	p.advance(14 * time.Second)
	p.wantIdle("nothing to keep alive yet")
	require.Equal(t, StateConnected, p.agent.State(), "one of the peer's checks may be lost")
	p.advance(time.Second)
	require.Equal(t, StateDisconnected, p.agent.State())
	require.Equal(t, stun.Indication, p.want("keepalive").Class())
	p.wantIdle("one")
	p.advance(14999 * ms)
	require.True(t, p.agent.Validated(p.path))
	p.advance(ms)
	require.Equal(t, StateFailed, p.agent.State())
	_, ok := p.agent.SendPath()
	require.False(t, ok)
	p.wantIdle("nothing")
	p.request(nil)
	require.True(t, p.agent.Validated(p.path), "the peer may come back")

	p = newPeer(t, Config{Lite: true})
	p.advance(29 * time.Second)
	require.Equal(t, StateChecking, p.agent.State())
	require.Equal(t, p.now.Add(time.Second), p.agent.Deadline())
	p.advance(time.Second)
	require.Equal(t, StateFailed, p.agent.State())
}

func TestLiteNoiseDoesNotValidate(t *testing.T) {
	p := newPeer(t, Config{Lite: true})
	p.agent.HandlePacket(p.now, p.path, buildCheck(t, p.agent.LocalCredentials().Ufrag, peerPwd, nil))
	require.False(t, p.agent.Validated(p.path))
	p.wantIdle("silence")
}

// Restarts of a session with a lite agent, in which nothing but requests says that
// the peer has moved on.
func TestLiteRestart(t *testing.T) {
	w := newWorld(t, 1)
	l := w.add("L", Config{Lite: true}, "10.0.0.1:1")
	r := w.add("R", Config{}, "10.0.0.2:2")
	w.connect(l, r)
	for range 3 {
		w.run(20 * time.Second)
		require.NoError(t, l.agent.Restart(w.now, Credentials{}))
		w.run(time.Second)
		_, ok := l.agent.SendPath()
		require.True(t, ok)
		require.NoError(t, r.agent.Restart(w.now, Credentials{}))
		w.connect(l, r)
	}
	w.run(time.Minute)
	for _, n := range w.nodes {
		require.Equal(t, StateCompleted, n.agent.State())
		require.NotContains(t, n.states, StateDisconnected)
		require.Nil(t, n.agent.old)
	}
}

func TestBothLite(t *testing.T) {
	p := newPeer(t, Config{Lite: true})
	require.NoError(t, p.agent.Restart(p.now, Credentials{}))
	require.ErrorIs(t, p.agent.SetRemoteCredentials(p.now, Credentials{"peer", peerPwd}, true), ErrBothLite)
}
