package rtp

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/sansrtc/rtc/internal/seqnum"
)

// A TransportCCRecorder remembers when packets arrive and makes transport-wide feedback of it.
// The zero value is ready. When to send feedback is the owner's to say.
//
// It remembers at most the latest 4,096 sequence numbers, in 16 KiB, and less as long as less
// is outstanding.
type TransportCCRecorder struct {
	start    time.Time // of ticks
	arrivals []uint32  // in ticks, by sequence number modulo its length, a power of two; 0: not come
	first    uint64    // next to be reported on; sequence numbers are extended
	next     uint64    // one past the highest that has come; 0: none
	fresh    bool      // something has come since the last feedback
	number   uint8

	chunks statusChunks
	deltas []byte // scratch
}

const (
	minRecorderSize = 128
	maxRecorderSize = 4096
)

// Record notes the arrival of a packet with a transport-wide sequence number. A packet that
// comes late, when feedback has said that it is missing, is told about in the next, together
// with what came after it.
func (r *TransportCCRecorder) Record(now time.Time, number uint16) {
	if r.next == 0 {
		r.start = now
		r.first = 1<<16 | uint64(number) // with room for those before it
		r.next = r.first
		if r.arrivals == nil {
			r.arrivals = make([]uint32, minRecorderSize)
		}
	}
	seq := seqnum.Extend(r.next-1, number)
	if seq >= r.next {
		r.advance(seq + 1)
	} else if seq < r.first {
		if !r.rewind(seq) {
			return
		}
	}
	slot := r.slot(seq)
	if *slot == 0 {
		// Ticks wrap after twelve days, of which one is given the value beside zero.
		*slot = max(1, uint32(now.Sub(r.start)/transportCCTick))
		r.fresh = true
	}
}

// slot returns where the arrival of a packet is noted.
func (r *TransportCCRecorder) slot(seq uint64) *uint32 {
	return &r.arrivals[seq&uint64(len(r.arrivals)-1)]
}

// advance makes room up to next, forgetting what is too old to be kept.
func (r *TransportCCRecorder) advance(next uint64) {
	if next > maxRecorderSize {
		r.first = max(r.first, next-maxRecorderSize)
	}
	r.grow(next - r.first)
	size := uint64(len(r.arrivals))
	if next-r.next >= size {
		clear(r.arrivals)
	} else {
		for seq := r.next; seq < next; seq++ {
			*r.slot(seq) = 0
		}
	}
	r.next = next
}

// rewind makes seq, which is before first, the first again. It returns false if seq is too old.
func (r *TransportCCRecorder) rewind(seq uint64) bool {
	if r.next-seq > maxRecorderSize {
		return false
	}
	r.grow(r.next - seq)
	r.first = seq
	return true
}

// grow makes room for n sequence numbers up to next, at most maxRecorderSize. What is known of
// those from next-len(arrivals) on is kept.
func (r *TransportCCRecorder) grow(n uint64) {
	old := uint64(len(r.arrivals))
	if n <= old {
		return
	}
	size := old
	for size < n {
		size *= 2
	}
	grown := make([]uint32, size)
	for seq := r.next - min(r.next, old); seq < r.next; seq++ {
		grown[seq&(size-1)] = *r.slot(seq)
	}
	r.arrivals = grown
}

// Pending reports whether packets have arrived that no feedback has told about.
func (r *TransportCCRecorder) Pending() bool { return r.fresh }

// AppendFeedback appends one feedback packet of at most size bytes, which must be at least 40,
// about packets not told about so far, and reports whether there was anything to tell. As long
// as Pending reports true, there is more. The SSRCs are of who sends it, and of any source of
// the transport.
func (r *TransportCCRecorder) AppendFeedback(dst []byte, sender, media uint32, size int) ([]byte, bool) {
	at, ok := r.firstArrival()
	if !r.fresh || !ok {
		return dst, false
	}
	dst, start := beginFeedback(dst, RTCPTransportFeedback, FormatTransportCC, sender, media)
	// Reference times are of 24 bits, and wrap.
	reference := at / ticksPerReference
	at = reference * ticksPerReference
	fields := len(dst)
	dst = binary.BigEndian.AppendUint16(dst, uint16(r.first))
	dst = append(dst, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, reference<<8|uint32(r.number))

	r.chunks, r.deltas = statusChunks{}, r.deltas[:0]
	seq, limit := r.first, min(r.next, r.first+math.MaxUint16)
	for ; seq < limit; seq++ {
		symbol := uint8(symbolLost)
		var delta int32
		if arrival := *r.slot(seq); arrival != 0 {
			delta = int32(arrival - at)
			switch {
			case delta >= 0 && delta <= math.MaxUint8:
				symbol = symbolSmall
			case delta >= math.MinInt16 && delta <= math.MaxInt16:
				symbol = symbolLarge
			}
			if symbol == symbolLost {
				break // too far from the one before: for feedback with another reference
			}
			at = arrival
		}
		// Two chunks are the most that may be pending, after this symbol, and 3 bytes fill up.
		if len(dst)-start+4+len(r.deltas)+int(symbol)+3 > size {
			break
		}
		dst = r.chunks.append(dst, symbol)
		switch symbol {
		case symbolSmall:
			r.deltas = append(r.deltas, byte(delta))
		case symbolLarge:
			r.deltas = binary.BigEndian.AppendUint16(r.deltas, uint16(delta))
		}
	}
	dst = r.chunks.flush(dst)
	binary.BigEndian.PutUint16(dst[fields+2:], uint16(seq-r.first))
	dst = append(dst, r.deltas...)
	r.first = seq
	r.number++
	_, r.fresh = r.firstArrival()
	return endRTCP(dst, start), true
}

// firstArrival returns when the first packet came of those to be reported on.
func (r *TransportCCRecorder) firstArrival() (uint32, bool) {
	for seq := r.first; seq < r.next; seq++ {
		if at := *r.slot(seq); at != 0 {
			return at, true
		}
	}
	return 0, false
}

// statusChunks packs symbols into chunks: into runs, and where they differ, into vectors of
// the kind that holds them.
type statusChunks struct {
	symbols [14]uint8 // pending; of a run only the first
	n       int       // of symbols pending, which fit into a run or a vector
	mixed   bool      // they differ, so that it is a vector
	large   bool      // a symbol of two bits is among them
}

// append adds a symbol, after appending chunks to dst until it fits with those pending.
func (c *statusChunks) append(dst []byte, symbol uint8) []byte {
	for !c.fits(symbol) {
		dst = c.emit(dst, false)
	}
	c.add(symbol)
	return dst
}

func (c *statusChunks) fits(symbol uint8) bool {
	switch {
	case c.n < 7:
		return true
	case c.n < 14 && !c.large && symbol != symbolLarge:
		return true
	default:
		return c.n < 0x1fff && !c.mixed && symbol == c.symbols[0]
	}
}

func (c *statusChunks) add(symbol uint8) {
	if c.n < len(c.symbols) {
		c.symbols[c.n] = symbol
	}
	c.mixed = c.mixed || symbol != c.symbols[0]
	c.large = c.large || symbol == symbolLarge
	c.n++
}

// emit appends a chunk of as many pending symbols as it can hold. Only the last one may be a
// vector that is not full.
func (c *statusChunks) emit(dst []byte, last bool) []byte {
	n, chunk := c.n, uint16(0)
	switch {
	case !c.mixed:
		chunk = uint16(c.symbols[0])<<13 | uint16(n)
	case n == 14 || last && !c.large:
		chunk = 1 << 15
		for i, symbol := range c.symbols[:n] {
			chunk |= uint16(symbol) << (13 - i)
		}
	default:
		n, chunk = min(n, 7), 3<<14
		for i, symbol := range c.symbols[:n] {
			chunk |= uint16(symbol) << (12 - 2*i)
		}
	}
	was := *c
	*c = statusChunks{}
	if was.mixed {
		for _, symbol := range was.symbols[n:was.n] {
			c.add(symbol)
		}
	}
	return binary.BigEndian.AppendUint16(dst, chunk)
}

// flush appends the chunks of what is pending.
func (c *statusChunks) flush(dst []byte) []byte {
	for c.n > 0 {
		dst = c.emit(dst, true)
	}
	return dst
}
