package rtp

import (
	"time"

	"github.com/sansrtc/rtc/internal/seqnum"
)

// renumberings is how many dropped packets, or runs of such, a rewriter remembers for
// packets that come out of order.
const renumberings = 64

// A renumbering maps the numbers of a source to numbers without gaps, where some of the
// source are left out and where one source follows another.
type renumbering struct {
	started bool
	in      uint64 // highest number of the source, forwarded or dropped
	out     uint64 // highest number forwarded
	first   uint64 // where the source begins
	// steps holds, in a ring, from which number on how much is to be subtracted. Subtraction
	// wraps around.
	steps [renumberings]step
	count int // of steps ever made for this source
}

type step struct{ from, offset uint64 }

// begin makes number in of a new source follow what was forwarded. The very first one keeps
// its number.
func (r *renumbering) begin(in uint64) {
	out := r.out + 1
	if !r.started {
		r.started, out = true, in
	}
	r.first, r.in, r.out, r.count = in, in-1, out-1, 1
	r.steps[0] = step{in, in - out}
}

// offset returns what to subtract at a number, which is first or above.
func (r *renumbering) offset(in uint64) (uint64, bool) {
	for i := r.count - 1; i >= max(0, r.count-renumberings); i-- {
		if s := r.steps[i%renumberings]; s.from <= in {
			return s.offset, true
		}
	}
	return 0, false
}

// forward returns the new number of a packet, false if it is before the source begins or
// too far in the past.
func (r *renumbering) forward(in uint64) (uint64, bool) {
	if !r.started || in < r.first {
		return 0, false
	}
	offset, ok := r.offset(in)
	if !ok {
		return 0, false
	}
	r.in, r.out = max(r.in, in), max(r.out, in-offset)
	return in - offset, true
}

// drop leaves a number out. If later ones have been forwarded already, that cannot be: then
// gap is true, and out the number that nobody will use.
func (r *renumbering) drop(in uint64) (out uint64, gap bool) {
	if !r.started || in < r.first {
		return 0, false
	}
	if in <= r.in {
		offset, ok := r.offset(in)
		if ok {
			r.out = max(r.out, in-offset)
		}
		return in - offset, ok
	}
	last := &r.steps[(r.count-1)%renumberings]
	if last.from == in {
		last.from, last.offset = in+1, last.offset+1
	} else {
		offset := last.offset
		r.steps[r.count%renumberings] = step{in + 1, offset + 1}
		r.count++
	}
	r.in = in
	return 0, false
}

// A Rewriter gives a stream that is put together from others, such as the layers of a
// simulcast, continuous sequence numbers and timestamps: a receiver sees one stream without
// gaps, but for those of the network. There is one for each stream forwarded to a receiver.
//
// Sequence numbers go in extended, see [Arrival], and come out so. The zero value with a clock
// rate is ready for use.
type Rewriter struct {
	ClockRate uint32 // of the timestamps of all sources, in Hz

	time    timeline
	numbers renumbering
	stamp   uint32 // to be added to the source's timestamps

	latest   uint32 // highest timestamp forwarded
	latestAt int64  // when it was, for the first time
}

// Switch makes the packets of another source follow, beginning with the one of the given sequence
// number and timestamp, which is best the first of a key frame. It is also called for the first
// source, and for a source that restarts. Timestamps go on by the time that has passed since the
// last frame.
//
// The first source keeps its numbers and timestamps, unless they are set by Continue.
func (r *Rewriter) Switch(now time.Time, seq uint64, timestamp uint32) {
	at := r.time.advance(now)
	if r.numbers.started {
		elapsed := (at - r.latestAt) / 1000 * int64(r.ClockRate) / 1e6
		// A frame must not have the time of the one before.
		next := r.latest + uint32(max(elapsed, 1))
		r.stamp = next - timestamp
	}
	r.numbers.begin(seq)
	r.latest, r.latestAt = timestamp+r.stamp, at
}

// Continue sets what the stream has been sent with so far, before the first Switch: the extended
// sequence number and the timestamp of the last packet, which was sent now.
func (r *Rewriter) Continue(now time.Time, seq uint64, timestamp uint32) {
	r.numbers = renumbering{started: true, out: seq}
	r.latest, r.latestAt = timestamp, r.time.advance(now)
}

// Forward returns the sequence number and the timestamp with which a packet of the present source
// is to be sent. It returns false if the packet is not to be: it is from before the switch, or too
// late.
func (r *Rewriter) Forward(now time.Time, seq uint64, timestamp uint32) (newSeq uint64, newTimestamp uint32, ok bool) {
	at := r.time.advance(now)
	newSeq, ok = r.numbers.forward(seq)
	if !ok {
		return 0, 0, false
	}
	newTimestamp = timestamp + r.stamp
	if seqnum.Less(r.latest, newTimestamp) {
		r.latest, r.latestAt = newTimestamp, at
	}
	return newSeq, newTimestamp, true
}

// Drop leaves out a packet of the present source, and lets the following ones close up. If packets
// behind it have been forwarded, it is too late for that: then gap is true, and an empty packet
// should be sent with the number newSeq, for which the receiver would ask in vain otherwise.
func (r *Rewriter) Drop(seq uint64) (newSeq uint64, gap bool) { return r.numbers.drop(seq) }
