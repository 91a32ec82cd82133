package sctp

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// A rangeSet against a set of numbers, near the wrap.
func TestRangeSet(t *testing.T) {
	const n = 300
	base := uint32(0xFFFFFF80)
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 0))
		var s rangeSet
		var have [n]bool
		for range 200 {
			switch rng.IntN(10) {
			case 0:
				k := rng.Uint32N(n / 4)
				s.removeTo(base + k)
				clear(have[:k+1])
			case 1:
				a := rng.Uint32N(n - 20)
				b := a + rng.Uint32N(20)
				s.addRange(base+a, base+b)
				for i := a; i <= b; i++ {
					have[i] = true
				}
			default:
				if k := rng.Uint32N(n); !s.contains(base + k) {
					s.add(base + k)
					have[k] = true
				}
			}
			var want []tsnRange
			for i := range uint32(n) {
				if s.contains(base+i) != have[i] {
					t.Fatalf("seed %d: contains(%d) = %v", seed, base+i, !have[i])
				}
				switch {
				case !have[i]:
				case i > 0 && have[i-1]:
					want[len(want)-1].last = base + i
				default:
					want = append(want, tsnRange{base + i, base + i})
				}
			}
			require.True(t, slices.Equal(want, s.ranges()), "seed %d: got %v, want %v", seed, s.ranges(), want)
		}
	}
}

func TestSizeClass(t *testing.T) {
	last := -1
	for n := 1; n < 3<<20; n += 1 + n/300 {
		class, size := sizeClass(n)
		require.GreaterOrEqual(t, size, n)
		require.LessOrEqual(t, size, max(64, n+n/4+1))
		require.GreaterOrEqual(t, class, last)
		again, same := sizeClass(size)
		require.Equal(t, class, again)
		require.Equal(t, size, same)
		last = class
	}
	var p bufferPool
	b := p.get(1000)
	b[0] = 1
	p.put(b)
	require.Equal(t, 1024, p.held)
	c := p.get(900)
	require.Len(t, c, 900)
	require.Equal(t, 1024, cap(c), "1000 and 900 have the same class")
	require.Zero(t, p.held)
	p.put(make([]byte, 10, 100)) // not one of its own
	p.put(nil)
	require.Zero(t, p.held)
}

func TestQueue(t *testing.T) {
	var q queue[int]
	next, want := 0, 0
	rng := rand.New(rand.NewPCG(1, 1))
	for range 10_000 {
		if rng.IntN(2) == 0 {
			q.push(next)
			next++
		} else if v, ok := q.pop(); ok {
			require.Equal(t, want, v)
			want++
		}
		require.Equal(t, next-want, q.len())
	}
}

func TestStreamSet(t *testing.T) {
	var s streamSet
	require.False(t, s.has(5))
	s.remove(5)
	s.add(5)
	s.add(5)
	s.add(65535)
	require.Equal(t, 2, s.n)
	require.True(t, s.has(5) && s.has(65535) && !s.has(6))
	s.remove(5)
	require.False(t, s.has(5))
	require.Equal(t, 1, s.n)
}
