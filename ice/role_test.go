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
