package ice

import (
	"testing"
	"time"

	"github.com/sansrtc/rtc/stun"
	"github.com/stretchr/testify/require"
)

func TestRoleConflict(t *testing.T) {
	for _, test := range []struct {
		name        string
		controlling bool
	}{
		{"both controlling", true},
		{"both controlled", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			for seed := range uint64(50) {
				w := newWorld(t, seed)
				w.loss = float64(seed%3) * 0.1
				l := w.add("L", Config{Controlling: test.controlling}, "10.0.0.1:1")
				r := w.add("R", Config{Controlling: test.controlling}, "10.0.0.2:2")
				w.connect(l, r)
				w.loss = 0
				w.run(10 * time.Second)
				require.NotEqual(t, l.agent.Controlling(), r.agent.Controlling(), "seed %d", seed)
				larger := l.agent.tieBreaker > r.agent.tieBreaker
				if seed%3 == 0 { // else a late 487 may have drawn a new tie-breaker
					require.Equal(t, larger, l.agent.Controlling(), "the larger tie-breaker controls")
				}
				require.Equal(t, StateCompleted, l.agent.State())
				require.Equal(t, StateCompleted, r.agent.State())
			}
		})
	}
}

// constant is a source of randomness that gives both sides equal tie-breakers, for
// ever, and distinct transaction ids.
type constant struct{ n byte }

func (c *constant) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 7
	}
	if len(b) == 12 {
		c.n++
		b[0] = c.n
	}
	return len(b), nil
}

// An attacker, or a broken random source, cannot make two agents dispute for ever.
func TestEqualTieBreakersEnd(t *testing.T) {
	for _, controlling := range []bool{true, false} {
		w := newWorld(t, 1)
		pwd := "0123456789abcdefghijklmn"
		l := w.add("L", Config{Controlling: controlling, Rand: &constant{}, Credentials: Credentials{"left", pwd}}, "10.0.0.1:1")
		r := w.add("R", Config{Controlling: controlling, Rand: &constant{}, Credentials: Credentials{"right", pwd}}, "10.0.0.2:2")
		w.introduce(l, r)
		w.introduce(r, l)
		w.run(20 * time.Second)
		require.LessOrEqual(t, l.agent.Stats().RoleConflicts, uint64(maxRoleConflicts))
		for _, n := range w.nodes {
			_, ok := n.agent.SendPath()
			require.True(t, ok, w.story())
		}
		before := w.sent
		w.run(20 * time.Second)
		require.LessOrEqual(t, w.sent-before, 30, "no endless dispute")
	}
}

// A lite agent does not control, whatever the tie-breakers say.
func TestRoleOfLite(t *testing.T) {
	w := newWorld(t, 1)
	l := w.add("L", Config{Lite: true, Controlling: true}, "10.0.0.1:1")
	r := w.add("R", Config{}, "10.0.0.2:2")
	require.False(t, l.agent.Controlling())
	w.connect(l, r)
	require.True(t, r.agent.Controlling())
	require.False(t, l.agent.Controlling())
	l.agent.SetControlling(w.now, true)
	r.agent.SetControlling(w.now, false)
	require.True(t, r.agent.Controlling())
	require.False(t, l.agent.Controlling())
}

// A peer that is controlled and asks for the other role hears 487 if it lost, and its
// request changes nothing else.
func TestRoleConflictAnswer(t *testing.T) {
	p := newPeer(t, Config{Controlling: true})
	p.request(func(b *stun.Builder) {
		b.Uint64(stun.AttrICEControlling, 0)
		b.Uint32(stun.AttrPriority, 1)
	})
	m := p.want("an answer")
	require.Equal(t, stun.Error, m.Class())
	require.Equal(t, 487, p.errorCode(m))
	require.True(t, p.agentKey.Verify(m))
	require.True(t, p.agent.Controlling())
	require.False(t, p.agent.Requested(p.path))

	p.request(func(b *stun.Builder) {
		b.Uint64(stun.AttrICEControlling, 1<<64-1)
		b.Uint32(stun.AttrPriority, 1)
	})
	require.Equal(t, stun.Success, p.want("an answer").Class())
	require.False(t, p.agent.Controlling())
	require.True(t, p.agent.Requested(p.path))
}

// Equal tie-breakers: the controlling side stays so, and tells the peer.
func TestEqualTieBreaker(t *testing.T) {
	for _, controlling := range []bool{true, false} {
		p := newPeer(t, Config{Controlling: controlling})
		role := stun.AttrICEControlled
		if controlling {
			role = stun.AttrICEControlling
		}
		p.request(func(b *stun.Builder) {
			b.Uint64(role, p.agent.tieBreaker)
			b.Uint32(stun.AttrPriority, 1)
		})
		require.True(t, p.agent.Controlling())
		if controlling {
			require.Equal(t, 487, p.errorCode(p.want("answer")))
		} else {
			require.Equal(t, stun.Success, p.want("answer").Class())
		}
	}
}

// A lite agent answers 487 to a peer that does not control, even with the smaller
// tie-breaker.
func TestLiteStaysControlled(t *testing.T) {
	p := newPeer(t, Config{Lite: true})
	p.request(func(b *stun.Builder) {
		b.Uint64(stun.AttrICEControlled, 0)
		b.Uint32(stun.AttrPriority, 1)
	})
	require.Equal(t, 487, p.errorCode(p.want("answer")))
	require.False(t, p.agent.Controlling())
	require.False(t, p.agent.Validated(p.path))
}

// The side that is told 487 changes its role and its tie-breaker, and checks again.
func TestRoleConflictLost(t *testing.T) {
	p := newPeer(t, Config{Controlling: true})
	require.NoError(t, p.agent.AddRemoteCandidate(p.now, host("10.0.0.2:2000")))
	check := p.wantCheck("first check")
	before := p.agent.tieBreaker
	refuse := func(m stun.Message, key *stun.Key) {
		b := stun.NewBuilder(nil, stun.Error, stun.Binding, m.TransactionID())
		b.ErrorCode(487, "Role Conflict")
		b.Integrity(key)
		b.Fingerprint()
		p.agent.HandlePacket(p.now, p.path, b.Bytes())
	}
	refuse(check, p.agentKey)
	require.True(t, p.agent.Controlling(), "forged")
	refuse(check, p.key)
	require.False(t, p.agent.Controlling())
	require.NotEqual(t, before, p.agent.tieBreaker)
	check = p.wantCheck("again, at once")
	require.True(t, has(check, stun.AttrICEControlled))
	require.False(t, has(check, stun.AttrUseCandidate))
	p.answer(check)
	require.True(t, p.agent.Validated(p.path))
}

// A role that changes while all is well is nominated for anew.
func TestRoleConflictLate(t *testing.T) {
	p := newPeer(t, Config{})
	p.connect()
	p.advance(time.Second)
	p.request(func(b *stun.Builder) {
		b.Uint64(stun.AttrICEControlled, 0)
		b.Uint32(stun.AttrPriority, 1)
	})
	require.True(t, p.agent.Controlling())
	require.Equal(t, stun.Success, p.want("answer").Class())
	check := p.wantCheck("nomination")
	require.True(t, has(check, stun.AttrUseCandidate))
	p.answer(check)
	require.True(t, p.agent.AppendPairs(nil)[0].Selected)
}
