package rtp

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// Packets that are still in the cache keep their bytes, and the memory follows what is held.
func TestPacketMemory(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var m packetMemory
	type packet struct {
		seq uint64
		buf []byte
	}
	var live []packet
	bytes := 0
	for n := range uint64(50_000) {
		keep := 400 // packets, fewer in every other phase
		if n/5000%2 == 1 {
			keep = 10
		}
		seq, low := n+1, n+1
		if len(live) > 0 {
			low = live[0].seq
		}
		size := 1 + rng.IntN(1400)
		if n%1000 == 0 {
			size = maxChunk + 1
		}
		p := packet{seq, m.take(seq, size, low)}
		require.Len(t, p.buf, size)
		require.Equal(t, size, cap(p.buf), "a packet must not grow into the next")
		for i := range p.buf {
			p.buf[i] = byte(seq)
		}
		live = append(live, p)
		bytes += size
		for len(live) > keep {
			for _, b := range live[0].buf {
				if b != byte(live[0].seq) {
					t.Fatalf("packet %d was overwritten while it was in the cache", live[0].seq)
				}
			}
			bytes -= len(live[0].buf)
			live = live[1:]
		}
		require.LessOrEqual(t, m.held(), 1<<20)
		if n%5000 > 500 { // it gives back what is too much as it goes on
			require.LessOrEqual(t, m.held(), 2*bytes+4*maxChunk)
		}
	}
	m.empty()
	require.LessOrEqual(t, m.held(), maxChunk+1)
}

// A stream of one size takes no new memory once it has what it needs.
func TestPacketMemoryIsReused(t *testing.T) {
	var m packetMemory
	seq := uint64(0)
	take := func() {
		seq++
		m.take(seq, 1200, max(seq, 64)-63)
	}
	for range 1000 {
		take()
	}
	require.Zero(t, testing.AllocsPerRun(1000, take))
}

func TestSequenceQueue(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var q sequenceQueue
	var model []uint64
	next := uint64(100)
	for range 100_000 {
		switch {
		case len(model) > 0 && (rng.IntN(2) == 0 || len(model) > 40):
			require.Equal(t, model[0], q.pop())
			model = model[1:]
		default:
			if next++; rng.IntN(4) == 0 {
				next = uint64(rng.IntN(1000))
			}
			q.push(next)
			model = append(model, next)
		}
		require.Equal(t, len(model), q.count)
	}
	require.LessOrEqual(t, len(q.ring), 64)
}
