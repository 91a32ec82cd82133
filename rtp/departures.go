package rtp

import (
	"time"

	"github.com/sansrtc/rtc/internal/seqnum"
)

const (
	departuresMin = 256
	departuresMax = 16384
	// departureAge is how long a packet is worth to be remembered.
	departureAge = 10 * time.Second
	// forgetTogether is how many packets are forgotten at once.
	forgetTogether = 16
)

// A DepartureHistory numbers the packets of a session with transport-wide sequence numbers
// and remembers when each one left and how large it was, until the feedback on it comes. It
// holds the packets of the last ten seconds, at most 16,384.
//
// The zero value is ready for use.
type DepartureHistory struct {
	time timeline
	ring []departure // by sequence number, modulo its length
	next uint64      // number of the next packet
	low  uint64      // the first one in the ring

	reference int64 // of the latest feedback, unwrapped
	feedback  bool  // there was one
	inFlight  int   // bytes without feedback
}

type departure struct {
	at   int64
	size uint32
	// Feedback tells of a packet more than once when reports overlap. Its arrival is final; its
	// loss may be taken back.
	told, arrived bool
}

// A PacketResult is what became of a packet.
type PacketResult struct {
	Sequence uint64        // transport-wide, extended
	Size     int           // as given to Add
	Sent     time.Time     // as given to Add
	Received bool          // it has arrived; it was lost, or is late, otherwise
	Arrival  time.Duration // by the peer's clock, since an instant that is the same for all; if Received
	Again    bool          // it was told to be lost before
}

// Add takes a packet of size bytes as sent, and returns its number.
func (d *DepartureHistory) Add(now time.Time, size int) uint16 {
	at := d.time.advance(now)
	if d.ring == nil {
		d.ring = make([]departure, departuresMin)
		d.next, d.low = 1<<16, 1<<16
	}
	if d.next-d.low == uint64(len(d.ring)) {
		if d.young(at) && len(d.ring) < departuresMax {
			d.grow()
		} else {
			d.forget()
			// Some more that are old: what is done to neighbours is quicker.
			for n := 1; n < forgetTogether && !d.young(at); n++ {
				d.forget()
			}
		}
	}
	*d.slot(d.next) = departure{at: at, size: uint32(size)}
	d.inFlight += size
	d.next++
	return uint16(d.next - 1)
}

// Next returns the number that Add will return.
func (d *DepartureHistory) Next() uint16 { return uint16(d.next) }

// InFlight returns the bytes of which no feedback has come yet.
func (d *DepartureHistory) InFlight() int { return d.inFlight }

func (d *DepartureHistory) slot(n uint64) *departure { return &d.ring[n&uint64(len(d.ring)-1)] }

// young reports whether the oldest packet is still worth to be remembered.
func (d *DepartureHistory) young(at int64) bool { return at-d.slot(d.low).at < int64(departureAge) }

// forget drops the oldest packet.
func (d *DepartureHistory) forget() {
	if p := d.slot(d.low); !p.told {
		d.inFlight -= int(p.size)
	}
	d.low++
}

func (d *DepartureHistory) grow() {
	ring := make([]departure, 2*len(d.ring))
	for n := d.low; n < d.next; n++ {
		ring[n&uint64(len(ring)-1)] = *d.slot(n)
	}
	d.ring = ring
}

// Find returns the extended number of a packet that has been sent and is remembered.
func (d *DepartureHistory) Find(number uint16) (uint64, bool) {
	if d.next == d.low {
		return 0, false
	}
	n := seqnum.Extend(d.next-1, number)
	return n, n >= d.low && n < d.next
}

// AppendResults appends what a feedback packet tells anew of the packets that were sent and are
// remembered, to dst. However many packets it claims to be about, the work is bounded by
// those remembered.
func (d *DepartureHistory) AppendResults(t TransportCC, dst []PacketResult) []PacketResult {
	if d.next == d.low {
		return dst
	}
	// The times of a packet count from its reference, which wraps around.
	unwrap := d.unwrap(t.Reference) - time.Duration(t.Reference)*referenceTick
	for c := t.Packets(); ; {
		p, ok := c.Next()
		if !ok {
			return dst
		}
		if n, ok := d.Find(p.SequenceNumber); ok {
			if r, ok := d.result(n, p.Received, p.Arrival+unwrap); ok {
				dst = append(dst, r)
			}
		} else if n >= d.next {
			return dst
		}
	}
}

// referenceTick is the unit of reference times.
const referenceTick = 64 * time.Millisecond

// result takes what is told of a packet. It returns false if that is nothing new.
func (d *DepartureHistory) result(n uint64, received bool, arrival time.Duration) (PacketResult, bool) {
	p := d.slot(n)
	if p.arrived || p.told && !received {
		return PacketResult{}, false
	}
	r := PacketResult{Sequence: n, Size: int(p.size), Sent: d.time.time(p.at), Received: received, Again: p.told}
	if received {
		r.Arrival = arrival
	}
	if !p.told {
		d.inFlight -= int(p.size)
	}
	p.told, p.arrived = true, received
	return r, true
}

// unwrap returns a reference time, of 24 bits, as the time since an instant that is the same
// for all feedback.
func (d *DepartureHistory) unwrap(reference int32) time.Duration {
	if !d.feedback {
		d.feedback = true
		d.reference = int64(reference)
	}
	d.reference += int64((reference - int32(d.reference)) << 8 >> 8)
	return time.Duration(d.reference) * referenceTick
}
