package rtp

import "github.com/sansrtc/rtc/internal/seqnum"

const (
	// windowSize is how many sequence numbers back a packet is told from its duplicate.
	// Older ones are not accepted.
	windowSize = 2048
	// maxDropout is the largest gap that is believed at once.
	// https://www.rfc-editor.org/rfc/rfc3550#appendix-A.1
	maxDropout = 3000
)

// A window remembers which of the latest windowSize numbers have been seen.
type window [windowSize / 64]uint64

func (w *window) has(n uint64) bool { return w[n/64%uint64(len(w))]>>(n%64)&1 != 0 }
func (w *window) set(n uint64)      { w[n/64%uint64(len(w))] |= 1 << (n % 64) }
func (w *window) unset(n uint64)    { w[n/64%uint64(len(w))] &^= 1 << (n % 64) }

// slide makes room for the numbers behind last up to next.
func (w *window) slide(last, next uint64) {
	if next-last >= windowSize {
		clear(w[:])
		return
	}
	for n := last + 1; n <= next; n++ {
		w.unset(n)
	}
}

// A reception follows the sequence numbers of one SSRC, and counts as RFC 3550 section A.3
// does.
type reception struct {
	started bool
	highest uint64 // sequence number, extended; starts with a roll-over in hand
	base    uint64 // the first one counted
	seen    window

	suspect    bool   // the last packet was far from the stream,
	suspectSeq uint16 // and this would be the next

	received uint64 // packets since base, without duplicates and retransmissions
	earlier  uint64 // packets expected before base was set anew
	fresh    bool   // something has been received since the last report

	priorExpected, priorReceived uint64 // at the last report
}

// place says where a packet stands in its stream.
type place uint8

const (
	placeNext    place = iota // the highest so far
	placeBefore               // not seen yet
	placeSeen                 // a duplicate
	placeFar                  // not believed yet
	placeJumped               // the highest, after a leap that a second packet confirmed
	placeRestart              // the first of a new sequence
)

// sequence extends a sequence number and says where it stands. Only a packet that opens
// the stream, or a gap, changes anything.
func (r *reception) sequence(number uint16) (seq uint64, at place) {
	if !r.started {
		r.begin(1<<16 | uint64(number))
		return r.highest, placeNext
	}
	seq = seqnum.Extend(r.highest, number)
	switch {
	case seq > r.highest && seq-r.highest < maxDropout:
		r.suspect = false
		r.seen.slide(r.highest, seq)
		r.highest = seq
		return seq, placeNext
	case seq <= r.highest && r.highest-seq < windowSize:
		if r.seen.has(seq) {
			return seq, placeSeen
		}
		return seq, placeBefore
	}
	// "Two sequential packets -- assume that the other side restarted without telling us so
	// just re-sync"
	// https://www.rfc-editor.org/rfc/rfc3550#appendix-A.1
	if !r.suspect || r.suspectSeq != number {
		r.suspect, r.suspectSeq = true, number+1
		return seq, placeFar
	}
	r.suspect = false
	if seq > r.highest {
		r.seen.slide(r.highest, seq)
		r.highest = seq
		return seq, placeJumped
	}
	r.restart(number)
	return r.highest, placeRestart
}

func (r *reception) begin(seq uint64) {
	r.started, r.highest, r.base = true, seq, seq
}

// restart begins a new sequence. Its extended numbers are above all earlier ones.
func (r *reception) restart(number uint16) {
	r.earlier += r.highest - r.base + 1
	r.seen = window{}
	r.begin((r.highest>>16+2)<<16 | uint64(number))
}

// resync begins a new sequence with the next packet, whatever its number. What was not
// received between the two is not counted as lost.
func (r *reception) resync(number uint16) uint64 {
	seq := seqnum.Extend(r.highest, number)
	if seq <= r.highest {
		r.restart(number)
		return r.highest
	}
	r.earlier += r.highest - r.base + 1
	for i := range r.seen {
		r.seen[i] = ^uint64(0) // what was before may have been there
	}
	r.begin(seq)
	return seq
}

// count takes a packet as received.
func (r *reception) count(seq uint64) {
	r.seen.set(seq)
	r.received++
	r.fresh = true
}

// repair takes a packet as there, which the network had lost.
func (r *reception) repair(seq uint64) { r.seen.set(seq) }

// expected returns the number of packets that the peer has sent, as far as is known.
func (r *reception) expected() uint64 {
	if !r.started {
		return 0
	}
	return r.earlier + r.highest - r.base + 1
}

// lost returns the number of packets that the network has lost.
func (r *reception) lost() int64 { return int64(r.expected()) - int64(r.received) }

// report fills in what a report block says of losses, for the time since the last one.
func (r *reception) report(b *ReportBlock) {
	expected := r.expected()
	sent, got := expected-r.priorExpected, r.received-r.priorReceived
	r.priorExpected, r.priorReceived, r.fresh = expected, r.received, false
	if sent > got {
		b.FractionLost = uint8(min((sent-got)<<8/sent, 255))
	}
	// "it should be clamped at 0x7fffff for positive loss or 0x800000 for negative loss rather
	// than wrapping around" https://www.rfc-editor.org/rfc/rfc3550#appendix-A.3
	b.TotalLost = int32(min(max(r.lost(), -0x800000), 0x7fffff))
	b.HighestSequence = uint32(r.highest - 1<<16)
}
