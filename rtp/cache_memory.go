package rtp

// packetMemory is where the packets of a cache lie: one behind the other, in the order in which they are written. With
// many streams the memory of each has left the processor's caches when its next packet comes, and what is
// written in order is several times as quick then. It is a queue of chunks, of which one is used again when all
// packets in it have left the cache.
type packetMemory struct {
	full    []chunk // the oldest first
	current chunk   // being filled
	rest    []byte  // of it
	size    int     // of new chunks
}

type chunk struct {
	bytes []byte
	last  uint64 // the highest sequence number in it
}

// A few chunks hold what a stream keeps.
const (
	minChunk  = 2 << 10
	maxChunk  = 32 << 10
	fewChunks = 4
)

// take returns memory for a packet, with anything in it. Packets before low have left.
func (m *packetMemory) take(seq uint64, size int, low uint64) []byte {
	if len(m.rest) < size {
		m.next(size, low)
	}
	b := m.rest[:size:size]
	m.rest = m.rest[size:]
	m.current.last = max(m.current.last, seq)
	return b
}

// next goes on to another chunk, one that is free or else a new one.
func (m *packetMemory) next(size int, low uint64) {
	if m.current.bytes != nil {
		m.full = append(m.full, m.current)
	}
	free := 0
	for free < len(m.full) && m.full[free].last < low {
		free++
	}
	// More than half of the chunks are not kept in reserve, nor those from when the stream was smaller.
	drop := 0
	for ; drop < free; drop++ {
		if kept := free - drop; len(m.full[drop].bytes) >= max(m.size, size) && (kept == 1 || 2*kept <= len(m.full)-drop) {
			break
		}
	}
	if drop < free {
		m.current = chunk{bytes: m.full[drop].bytes}
		drop++
	} else {
		m.current = chunk{bytes: m.grow(size, len(m.full)-drop)}
	}
	m.full = append(m.full[:0], m.full[drop:]...)
	clear(m.full[len(m.full):cap(m.full)])
	m.rest = m.current.bytes
}

// grow returns a new chunk, with room for a packet.
func (m *packetMemory) grow(size, full int) []byte {
	switch {
	case m.size == 0:
		m.size = minChunk
	case full >= fewChunks:
		m.size = min(2*m.size, maxChunk)
	}
	return make([]byte, max(m.size, size))
}

// empty is called when all packets have left. It keeps one chunk.
func (m *packetMemory) empty() { m.full, m.rest = nil, m.current.bytes }

// held returns how many bytes the chunks take.
func (m *packetMemory) held() int {
	n := len(m.current.bytes)
	for _, c := range m.full {
		n += len(c.bytes)
	}
	return n
}
