package rtp

import (
	"encoding/binary"
	"time"
)

// transportCCTick is the unit of arrival times.
const transportCCTick = 250 * time.Microsecond

// ticksPerReference is how many units of arrival times one of reference times, 64 ms, has.
const ticksPerReference = 256

// TransportCC is transport-wide feedback: which packets of a transport have arrived, and when.
// https://datatracker.ietf.org/doc/html/draft-holmer-rmcat-transport-wide-cc-extensions-01#section-3.1
type TransportCC struct {
	Sender, Media uint32
	Base          uint16 // transport-wide sequence number of the first packet reported on
	Count         uint16 // of packets reported on
	Reference     int32  // time that the first arrival refers to, in 64 ms; 24 bits, signed
	Number        uint8  // counts feedback packets

	chunks []byte // and, behind them, the deltas and padding
	deltas int    // where those begin
}

// Symbols of packet status. https://datatracker.ietf.org/doc/html/draft-holmer-rmcat-transport-wide-cc-extensions-01#section-3.1.1
const (
	symbolLost  = 0
	symbolSmall = 1 // a delta of one byte, unsigned
	symbolLarge = 2 // a delta of two bytes, signed
	// 3 is reserved
)

// TransportCC decodes transport-wide feedback. It is refused as a whole if it does not hold a
// delta for each packet that it says has arrived.
func (p RTCPPacket) TransportCC() (t TransportCC, ok bool) {
	f, ok := p.feedback(RTCPTransportFeedback, FormatTransportCC)
	if !ok || len(f.Control) < 8 {
		return t, false
	}
	t = TransportCC{
		Sender:    f.Sender,
		Media:     f.Media,
		Base:      binary.BigEndian.Uint16(f.Control),
		Count:     binary.BigEndian.Uint16(f.Control[2:]),
		Reference: int32(binary.BigEndian.Uint32(f.Control[4:])) >> 8,
		Number:    f.Control[7],
		chunks:    f.Control[8:],
	}
	need := 0 // bytes of deltas
	for left := int(t.Count); left > 0; {
		if len(t.chunks)-t.deltas < 2 {
			return TransportCC{}, false
		}
		chunk := statusChunk(binary.BigEndian.Uint16(t.chunks[t.deltas:]))
		t.deltas += 2
		n, size, ok := chunk.measure(left)
		if !ok {
			return TransportCC{}, false
		}
		left -= n
		need += size
	}
	if len(t.chunks)-t.deltas < need {
		return TransportCC{}, false
	}
	return t, true
}

// A statusChunk holds the symbols of some packets: a run of one symbol, 14 symbols of one
// bit, or 7 of two.
type statusChunk uint16

func (c statusChunk) isRun() bool { return c>>15 == 0 }

// len returns the number of symbols.
func (c statusChunk) len() int {
	switch {
	case c.isRun():
		return int(c & 0x1fff)
	case c>>14&1 == 0:
		return 14
	default:
		return 7
	}
}

// symbol returns symbol i.
func (c statusChunk) symbol(i int) uint8 {
	switch {
	case c.isRun():
		return uint8(c >> 13 & 3)
	case c>>14&1 == 0:
		return uint8(c >> (13 - i) & 1)
	default:
		return uint8(c >> (12 - 2*i) & 3)
	}
}

// measure returns how many of the packets left the chunk is about, and the bytes of their
// deltas. It returns false for reserved symbols.
func (c statusChunk) measure(left int) (n, size int, ok bool) {
	n = min(c.len(), left)
	if c.isRun() {
		// The symbols of lost and received packets are the sizes of their deltas.
		s := int(c.symbol(0))
		return n, n * s, s <= symbolLarge
	}
	for i := range n {
		s := int(c.symbol(i))
		if s > symbolLarge {
			return 0, 0, false
		}
		size += s
	}
	return n, size, true
}

// A PacketStatus is what transport-wide feedback says of one packet.
type PacketStatus struct {
	SequenceNumber uint16 // transport-wide
	Received       bool
	// Arrival is when the packet came, if it did: the time since an epoch of the receiver's,
	// to be compared with other arrivals only. It wraps with the reference time, every 2^24
	// times 64 ms.
	Arrival time.Duration
}

// Packets returns a cursor over the packets that the feedback is about. There are as many as
// Count says, which may be 65535: stop at the last packet that has been sent.
func (t TransportCC) Packets() TransportCCCursor {
	return TransportCCCursor{
		chunks: t.chunks[:t.deltas],
		deltas: t.chunks[t.deltas:],
		seq:    t.Base,
		left:   int(t.Count),
		at:     int64(t.Reference) * ticksPerReference,
	}
}

// A TransportCCCursor walks over the packets that feedback is about.
type TransportCCCursor struct {
	chunks, deltas []byte
	seq            uint16
	left           int // packets
	chunk          statusChunk
	next, end      int // symbols of chunk
	at             int64
}

// Next returns the next packet, in order of sequence numbers, and false at the end.
func (c *TransportCCCursor) Next() (PacketStatus, bool) {
	if c.left == 0 {
		return PacketStatus{}, false
	}
	for c.next == c.end {
		if len(c.chunks) < 2 {
			return PacketStatus{}, false
		}
		c.chunk = statusChunk(binary.BigEndian.Uint16(c.chunks))
		c.chunks = c.chunks[2:]
		c.next, c.end = 0, c.chunk.len()
	}
	symbol := c.chunk.symbol(c.next)
	if len(c.deltas) < int(symbol) {
		return PacketStatus{}, false
	}
	p := PacketStatus{SequenceNumber: c.seq}
	switch symbol {
	case symbolSmall:
		c.at += int64(c.deltas[0])
	case symbolLarge:
		c.at += int64(int16(binary.BigEndian.Uint16(c.deltas)))
	}
	if symbol != symbolLost {
		p.Received, p.Arrival = true, time.Duration(c.at)*transportCCTick
	}
	c.deltas = c.deltas[symbol:]
	c.next++
	c.seq++
	c.left--
	return p, true
}
