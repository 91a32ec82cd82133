package main

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The heap must agree with a list that is searched from end to end.
func TestTimers(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	start := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	sessions := make([]*session, 20)
	for i := range sessions {
		sessions[i] = new(session)
	}
	want := make(map[*session]time.Time)
	var timers timers
	for step := range 10_000 {
		p := sessions[rng.IntN(len(sessions))]
		switch rng.IntN(4) {
		case 0:
			timers.set(p, time.Time{})
			delete(want, p)
		case 1, 2:
			at := start.Add(time.Duration(rng.IntN(1000)) * time.Millisecond)
			timers.set(p, at)
			want[p] = at
		case 3:
			now := start.Add(time.Duration(rng.IntN(1000)) * time.Millisecond)
			for p := timers.expired(now); p != nil; p = timers.expired(now) {
				require.False(t, want[p].After(now), "step %d: %v is early", step, want[p])
				delete(want, p)
			}
			for _, at := range want {
				require.True(t, at.After(now), "step %d: %v has expired", step, at)
			}
		}
		var earliest time.Time
		for _, at := range want {
			if earliest.IsZero() || at.Before(earliest) {
				earliest = at
			}
		}
		require.True(t, timers.earliest().Equal(earliest), "step %d: earliest is %v, want %v", step, timers.earliest(), earliest)
		require.Len(t, timers, len(want), "step %d", step)
	}
}
