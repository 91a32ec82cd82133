package sctp

import (
	"bytes"
	"hash/fnv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The same seed gives the same packets, byte for byte, and the same events.
func TestDeterministic(t *testing.T) {
	run := func() (uint64, uint64) {
		s := runStress(t, 5, 150)
		return s.sum, uint64(s.n)
	}
	sum, n := run()
	for range 3 {
		again, m := run()
		require.Equal(t, sum, again)
		require.Equal(t, n, m)
	}
}

// How often the associations are polled, and ticks that come for no reason or
// late, do not change what arrives.
func TestDrainSchedule(t *testing.T) {
	for _, every := range []int{1, 2, 7} {
		for _, late := range []time.Duration{0, 50 * time.Millisecond} {
			p := newPair(t, 3, linkConfig{delay: 10 * time.Millisecond, loss: 0.05})
			p.connect()
			id, _ := p.open(0, ChannelConfig{})
			sum, got := fnv.New64a(), 0
			p.events = func(i int, ev Event) {
				if ev.Kind == EventMessage {
					sum.Write(ev.Data)
					got++
				}
			}
			for i := range 50 {
				require.NoError(t, p.ends[0].Send(p.now, id, true, bytes.Repeat([]byte{byte(i)}, i*300)))
			}
			p.drain()
			for n := 0; got < 50 && n < 100_000; n++ {
				// The packets that are due, unpolled, then ticks, then a poll.
				until := p.now.Add(time.Millisecond)
				for len(p.heap) > 0 && !p.heap[0].at.After(until) {
					f := p.heap[0]
					p.popFlight()
					if f.at.After(p.now) {
						p.now = f.at
					}
					p.ends[f.to].HandlePacket(p.now, f.buf)
				}
				p.now = until
				for _, a := range p.ends {
					if d := a.Deadline(); late == 0 || !d.IsZero() && p.now.Sub(d) > late {
						a.HandleTimeout(p.now)
					}
				}
				if n%every == 0 {
					p.poll()
				}
			}
			require.Equal(t, 50, got, "every %d, late %v", every, late)
			want := fnv.New64a()
			for i := range 50 {
				want.Write(bytes.Repeat([]byte{byte(i)}, i*300))
			}
			require.Equal(t, want.Sum64(), sum.Sum64())
		}
	}
}

// AppendPacket appends, and changes nothing before.
func TestAppendOnly(t *testing.T) {
	test := newPeer(t)
	test.a.Connect(test.now)
	dst := append(make([]byte, 0, 4096), "before"...)
	b, ok := test.a.AppendPacket(test.now, dst)
	require.True(t, ok)
	require.Equal(t, "before", string(b[:6]))
	require.Equal(t, "INIT tsn=100", describe(b[6:]))
	b, ok = test.a.AppendPacket(test.now, dst)
	require.False(t, ok)
	require.Equal(t, "before", string(b))
}

// Time that goes back stands still.
func TestTimeGoesBack(t *testing.T) {
	test := newWithChannel(t, ChannelConfig{})
	test.now = test.now.Add(time.Hour)
	test.a.HandleTimeout(test.now)
	test.discard()
	back := test.now.Add(-2 * time.Hour)
	require.NoError(t, test.a.Send(back, 1, false, []byte("x")))
	b, ok := test.a.AppendPacket(back, nil)
	require.True(t, ok)
	require.Contains(t, describe(b), "DATA tsn=100")
	require.True(t, test.a.Deadline().After(test.now))
	test.a.HandleTimeout(back)
	_, ok = test.a.AppendPacket(back, nil)
	require.False(t, ok)
}

// An idle pair sends heartbeats, and nothing else.
func TestQuiet(t *testing.T) {
	p := newPair(t, 1, linkConfig{delay: 10 * time.Millisecond})
	p.connect()
	p.open(0, ChannelConfig{})
	p.run(10*time.Second, nil)
	before, steps := p.sent, p.steps
	p.run(10*time.Minute, nil)
	for i := range before {
		require.LessOrEqual(t, p.sent[i]-before[i], 45, "a heartbeat and an echo each 30 s")
		require.GreaterOrEqual(t, p.sent[i]-before[i], 10)
	}
	require.Less(t, p.steps-steps, 400, "few wake-ups")
}

// A link that is down for a while: all that was queued arrives afterwards.
func TestOutage(t *testing.T) {
	p := newPair(t, 1, linkConfig{delay: 10 * time.Millisecond})
	p.connect()
	id, _ := p.open(0, ChannelConfig{})
	got := 0
	p.events = func(i int, ev Event) {
		if ev.Kind == EventMessage {
			got++
		}
	}
	down := true
	p.onSend = func(int, []byte) bool { return !down }
	for range 100 {
		require.NoError(t, p.ends[0].Send(p.now, id, true, make([]byte, 5000)))
	}
	p.run(20*time.Second, nil)
	require.Zero(t, got)
	down = false
	require.True(t, p.run(11*time.Second, func() bool { return got == 100 }), "%d messages", got)
}
