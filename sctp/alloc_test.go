package sctp

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A message costs no allocation in either association, nor does a packet.
func TestNoAllocations(t *testing.T) {
	for _, size := range []int{0, 100, 1 << 10, 16 << 10, 64 << 10} {
		m := newMemoryPair(t)
		msg := make([]byte, size)
		send := func() {
			m.now = m.now.Add(100 * time.Microsecond)
			m.a.HandleTimeout(m.now)
			m.b.HandleTimeout(m.now)
			if err := m.a.Send(m.now, m.id, true, msg); err != nil {
				t.Fatal(err)
			}
			m.pump()
		}
		for range 200 {
			send()
		}
		if got := testing.AllocsPerRun(500, send); got != 0 {
			t.Errorf("message of %d bytes: %v allocations", size, got)
		}
	}
}

// An idle tick costs nothing.
func TestIdleTickAllocations(t *testing.T) {
	m := newMemoryPair(t)
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		m.now = m.now.Add(time.Second)
		m.a.HandleTimeout(m.now)
		m.b.HandleTimeout(m.now)
		m.pump()
	}))
}

// An idle association with one channel is small, also after a transfer.
func TestIdleMemory(t *testing.T) {
	const n = 50
	measure := func() uint64 {
		runtime.GC()
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return s.HeapAlloc
	}
	before := measure()
	pairs := make([]*memoryPair, n)
	for i := range pairs {
		m := newMemoryPair(t)
		msg := make([]byte, 64<<10)
		if i%2 == 0 {
			for range 20 {
				require.NoError(t, m.a.Send(m.now, m.id, true, msg))
			}
			m.pump()
		}
		m.buf = nil
		for range 3 {
			m.now = m.now.Add(trimAfter)
			m.a.HandleTimeout(m.now)
			m.b.HandleTimeout(m.now)
		}
		pairs[i] = m
	}
	each := (measure() - before) / (2 * n)
	t.Logf("%d bytes an association", each)
	require.Less(t, each, uint64(8<<10))
	runtime.KeepAlive(pairs)
}
