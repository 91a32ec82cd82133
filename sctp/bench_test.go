package sctp

import (
	"testing"
	"time"
)

// memoryPair is a connected pair joined by nothing but function calls.
type memoryPair struct {
	now  time.Time
	a, b *Association
	id   ChannelID
	buf  []byte
	got  int
	n    int // packets
}

func newMemoryPair(t testing.TB) *memoryPair {
	p := newPair(t, 1, linkConfig{})
	p.connect()
	id, _ := p.open(0, ChannelConfig{})
	return &memoryPair{now: p.now, a: p.ends[0], b: p.ends[1], id: id, buf: make([]byte, 0, 2048)}
}

func (m *memoryPair) pump() {
	for moved := true; moved; {
		moved = false
		for {
			b, ok := m.a.AppendPacket(m.now, m.buf[:0])
			if !ok {
				break
			}
			moved = true
			m.n++
			m.b.HandlePacket(m.now, b)
		}
		for {
			ev, ok := m.b.NextEvent()
			if !ok {
				break
			}
			m.got += len(ev.Data)
		}
		for {
			b, ok := m.b.AppendPacket(m.now, m.buf[:0])
			if !ok {
				break
			}
			moved = true
			m.n++
			m.a.HandlePacket(m.now, b)
		}
		for {
			if _, ok := m.a.NextEvent(); !ok {
				break
			}
		}
	}
}

func BenchmarkPair16KiB(b *testing.B) {
	m := newMemoryPair(b)
	msg := make([]byte, 16<<10)
	b.SetBytes(int64(len(msg)))
	b.ReportAllocs()
	for b.Loop() {
		m.now = m.now.Add(50 * time.Microsecond)
		m.a.HandleTimeout(m.now)
		m.b.HandleTimeout(m.now)
		if err := m.a.Send(m.now, m.id, true, msg); err != nil {
			b.Fatal(err)
		}
		m.pump()
	}
}

func BenchmarkPair1KiB(b *testing.B) {
	m := newMemoryPair(b)
	msg := make([]byte, 1<<10)
	b.SetBytes(int64(len(msg)))
	b.ReportAllocs()
	for b.Loop() {
		m.now = m.now.Add(10 * time.Microsecond)
		m.a.HandleTimeout(m.now)
		m.b.HandleTimeout(m.now)
		if err := m.a.Send(m.now, m.id, true, msg); err != nil {
			b.Fatal(err)
		}
		m.pump()
	}
}
