package sctp

import (
	"encoding/binary"
	"maps"
	"math/bits"
	"slices"
	"time"

	"github.com/sansrtc/rtc/internal/seqnum"
)

// Parameters and results of RE-CONFIG (RFC 6525 sections 4 and 4.4).
const (
	paramOutgoingReset = 13
	paramIncomingReset = 14
	paramTSNReset      = 15
	paramResetResponse = 16
	paramAddOutgoing   = 17
	paramAddIncoming   = 18

	resultNothing    = 0
	resultPerformed  = 1
	resultDenied     = 2
	resultBusy       = 4
	resultBadSeq     = 5
	resultInProgress = 6
)

const (
	maxResetStreams = 64 // in one request of ours
	maxResponses    = 2  // owed at once: a chunk has at most two requests

	// closingPatience is how long the peer may take to reset its side of a
	// channel, after it reset ours, before the application is told that the
	// channel is closed. The stream stays taken until it does.
	closingPatience = 10 * time.Second
)

// resetState is the state of stream reconfiguration. One request of each side
// is outstanding at most.
type resetState struct {
	// Ours.
	nextSeq  uint32   // of our next request
	out      bool     // a request is out
	owed     bool     // it is to be sent, or sent again
	streams  []uint16 // in it
	lastTSN  uint32
	inFlight bool   // sent at least once
	again    bool   // answered "in progress": to be asked again, with a new number
	doneTSN  uint32 // lastTSN of the last request that was performed

	// The peer's.
	peerSeq    uint32 // of its next request
	lastResult uint32 // of the one before
	deferred   bool   // a request waits for the DATA before it
	late       bool   // the last request that was performed had waited
	waitTSN    uint32
	waitFor    []uint16 // its streams; empty: all
	responses  [maxResponses]resetResponse
	nResponses int
}

type resetResponse struct{ seq, result uint32 }

func (r *resetState) begin(peerTSN uint32) { r.peerSeq = peerTSN }

// resetIfSent asks for the reset of our stream of a closing channel once all
// that was queued on it has TSNs.
func (a *Association) resetIfSent(ch *channel) {
	if ch.state != channelClosing || ch.head != nil || !ch.resetOwed || ch.resetOut || ch.outReset || !a.state.connected() {
		return
	}
	if !a.peerReconfig {
		a.dropChannel(ch, ch.closeErr) // there is no other way
		return
	}
	a.makeReset()
}

// makeReset makes a request for all streams that wait for one, unless one is
// out already.
func (a *Association) makeReset() {
	r := &a.reset
	if r.out || !a.state.sendsData() {
		return
	}
	r.streams = r.streams[:0]
	for _, ch := range a.channels {
		if len(r.streams) == maxResetStreams {
			break
		}
		if ch.state == channelClosing && ch.head == nil && ch.resetOwed && !ch.outReset {
			ch.resetOut = true
			r.streams = append(r.streams, ch.stream)
		}
	}
	for i := 0; a.refused.n > 0 && i < len(a.refused.bits) && len(r.streams) < maxResetStreams; i++ {
		for word := a.refused.bits[i]; word != 0 && len(r.streams) < maxResetStreams; word &= word - 1 {
			r.streams = append(r.streams, uint16(i*64+bits.TrailingZeros64(word)))
		}
	}
	if len(r.streams) == 0 {
		return
	}
	r.out, r.owed, r.inFlight = true, true, false
	// "Sender's Last Assigned TSN … the last TSN that the sender has assigned
	// before the reset" (https://www.rfc-editor.org/rfc/rfc6525#section-4.1).
	r.lastTSN = a.sent.nextTSN - 1
}

// reconfigTimeout sends the request again.
func (a *Association) reconfigTimeout(t instant) {
	a.timers.reconfig = 0
	r := &a.reset
	if !r.out || !a.state.connected() {
		return
	}
	if r.again {
		r.again = false
		r.nextSeq++
		r.owed = true
		return
	}
	a.stats.Timeouts++
	if a.failed() {
		return
	}
	a.rtt.backOff(a.cfg.MaxRTO)
	r.owed = true
}

// reconfigSize is the size of the chunk that is owed.
func (a *Association) reconfigSize() int {
	n := chunkHeader + 12*a.reset.nResponses
	if a.reset.owed {
		n += 16 + padded(2*len(a.reset.streams))
	}
	return n
}

// appendReconfig appends the RE-CONFIG chunks that are owed.
func (a *Association) appendReconfig(t instant, b []byte) []byte {
	r := &a.reset
	start := len(b)
	b = appendChunkHeader(b, chunkReconfig, 0)
	for _, resp := range r.responses[:r.nResponses] {
		b = binary.BigEndian.AppendUint16(b, paramResetResponse)
		b = binary.BigEndian.AppendUint16(b, 12)
		b = binary.BigEndian.AppendUint32(b, resp.seq)
		b = binary.BigEndian.AppendUint32(b, resp.result)
	}
	r.nResponses = 0
	if !r.owed {
		return endChunk(b, start)
	}
	if len(b)-start > chunkHeader {
		// A chunk holds a pair of parameters at most (RFC 6525 section 3.1).
		b = endChunk(b, start)
		start = len(b)
		b = appendChunkHeader(b, chunkReconfig, 0)
	}
	b = binary.BigEndian.AppendUint16(b, paramOutgoingReset)
	b = binary.BigEndian.AppendUint16(b, uint16(16+2*len(r.streams)))
	b = binary.BigEndian.AppendUint32(b, r.nextSeq)
	b = binary.BigEndian.AppendUint32(b, r.peerSeq-1)
	b = binary.BigEndian.AppendUint32(b, r.lastTSN)
	for _, s := range r.streams {
		b = binary.BigEndian.AppendUint16(b, s)
	}
	r.owed, r.inFlight = false, true
	a.timers.reconfig = t.add(a.rtt.rto)
	return endChunk(b, start)
}

func (a *Association) handleReconfig(t instant, b []byte) {
	if !a.state.connected() || !a.peerReconfig {
		a.stats.DroppedState++
		return
	}
	for i := 0; i < 2 && len(b) > 0; i++ {
		typ, value, n := consumeParam(b)
		if n < 0 {
			a.stats.DroppedMalformed++
			return
		}
		b = b[n:]
		switch {
		case typ == paramResetResponse && len(value) >= 8:
			a.resetAnswered(t, binary.BigEndian.Uint32(value), binary.BigEndian.Uint32(value[4:]))
		case typ == paramOutgoingReset && len(value) >= 12 && len(value)%2 == 0:
			a.resetRequested(binary.BigEndian.Uint32(value), binary.BigEndian.Uint32(value[8:]), value[12:])
		case (typ == paramIncomingReset || typ == paramTSNReset || typ == paramAddOutgoing || typ == paramAddIncoming) && len(value) >= 4:
			// Not used by data channels: "the method to close a channel is to
			// reset the outgoing stream".
			a.answerRequest(binary.BigEndian.Uint32(value), resultDenied)
		}
		if a.state == stateDone {
			return
		}
	}
}

// respond owes the peer the answer to a request.
func (a *Association) respond(seq, result uint32) {
	r := &a.reset
	for i := range r.responses[:r.nResponses] {
		if r.responses[i].seq == seq {
			r.responses[i].result = result
			return
		}
	}
	if r.nResponses == maxResponses {
		copy(r.responses[:], r.responses[1:])
		r.nResponses--
	}
	r.responses[r.nResponses] = resetResponse{seq, result}
	r.nResponses++
}

// inSequence checks the sequence number of a request. It reports whether the
// request is new; others are answered here: the last one, repeated, as it was
// before, and any other with an error.
func (a *Association) inSequence(seq uint32) bool {
	r := &a.reset
	if r.deferred && seq == r.peerSeq+1 {
		// The request that waits is asked again, with a new number.
		r.deferred = false
		r.peerSeq++
		r.lastResult = resultInProgress
	}
	switch seq {
	case r.peerSeq:
		return true
	case r.peerSeq - 1:
		a.respond(seq, r.lastResult)
	default:
		a.respond(seq, resultBadSeq)
	}
	return false
}

func (a *Association) answerRequest(seq, result uint32) {
	if a.inSequence(seq) {
		a.reset.peerSeq++
		a.reset.lastResult = result
		a.respond(seq, result)
	}
}

// resetRequested takes the peer's request to reset its streams. "If the
// Sender's Last Assigned TSN is greater than the cumulative acknowledgment
// point", it waits for the DATA before it
// (https://www.rfc-editor.org/rfc/rfc6525#section-5.2.2).
func (a *Association) resetRequested(seq, lastTSN uint32, streams []byte) {
	if !a.inSequence(seq) {
		return
	}
	r := &a.reset
	if r.late && lastTSN == r.waitTSN && sameStreams(r.waitFor, streams) {
		// It was deferred, and has been performed meanwhile, which the peer
		// did not notice. Since then the streams may be in use again.
		r.late = false
		a.answerRequest(seq, resultPerformed)
		return
	}
	if !r.deferred {
		r.deferred, r.waitTSN = true, lastTSN
		r.waitFor = r.waitFor[:0]
		for ; len(streams) >= 2; streams = streams[2:] {
			r.waitFor = append(r.waitFor, binary.BigEndian.Uint16(streams))
		}
	}
	a.checkDeferredReset()
	r.late = false
	if r.deferred {
		a.respond(seq, resultInProgress)
	}
}

// sameStreams reports whether the streams of a request are those of an earlier
// one.
func sameStreams(earlier []uint16, b []byte) bool {
	if len(b) != 2*len(earlier) {
		return false
	}
	for i, stream := range earlier {
		if binary.BigEndian.Uint16(b[2*i:]) != stream {
			return false
		}
	}
	return true
}

// checkDeferredReset performs the peer's reset when all DATA before it is
// here.
func (a *Association) checkDeferredReset() {
	r := &a.reset
	if !r.deferred || seqnum.Less(a.recv.cumTSN, r.waitTSN) || a.state == stateDone {
		return
	}
	r.deferred, r.late = false, true
	seq := r.peerSeq
	r.peerSeq++
	r.lastResult = resultPerformed
	a.respond(seq, resultPerformed)
	if len(r.waitFor) == 0 {
		waiting := slices.Sorted(maps.Keys(a.recv.waiting))
		for _, stream := range waiting {
			a.flushWaiting(stream)
		}
		a.recv.ssn = ssnTable{}
		for i := len(a.channels) - 1; i >= 0 && a.state != stateDone; i = min(i, len(a.channels)) - 1 {
			a.remotelyReset(a.channels[i])
		}
		return
	}
	for _, stream := range r.waitFor {
		a.flushWaiting(stream)
		a.recv.ssn.set(stream, 0)
		if ch := a.byStream[stream]; ch != nil {
			a.remotelyReset(ch)
		}
		a.burnt.remove(stream)
	}
}

// resetAnswered takes the peer's answer to our request.
func (a *Association) resetAnswered(t instant, seq, result uint32) {
	r := &a.reset
	pending := result == resultInProgress || result == resultBusy
	if !r.out || !r.inFlight || seq != r.nextSeq {
		return
	}
	a.errors = 0
	a.rtt.reset()
	if pending {
		// The peer waits for DATA before the reset. RFC 6525 says to repeat
		// the request until it says something else; the browsers' SCTP takes
		// the number as used, and wants a new one, while others give their
		// final answer to the old one when they are ready. So we wait for
		// that a while, and then ask again with a new number.
		r.owed, r.again = false, true
		a.timers.reconfig = t.add(a.rtt.rto)
		return
	}
	r.again = false
	a.timers.reconfig = 0
	r.out, r.owed = false, false
	r.nextSeq++
	a.resetDone()
	for _, stream := range r.streams {
		a.refused.remove(stream)
		ch := a.byStream[stream]
		if ch == nil || !ch.resetOut {
			continue
		}
		ch.outReset, ch.resetOut, ch.resetOwed = true, false, false
		ch.resetAt = t
		if result != resultPerformed && result != resultNothing {
			// The peer's sequence numbers go on: the stream is of no more use.
			a.burnt.add(stream)
			ch.inReset = true
		}
		a.closedIfReset(ch)
		if ch.state == channelClosing && a.timers.closing == 0 {
			a.timers.closing = t.add(closingPatience)
		}
	}
	a.makeReset()
}

// resetDone notes that the peer performed the reset that is out, so that it has
// all TSNs before it: FORWARD-TSN must not speak of the streams as they were.
func (a *Association) resetDone() {
	if seqnum.Less(a.reset.doneTSN, a.reset.lastTSN) {
		a.reset.doneTSN = a.reset.lastTSN
	}
}

// covers reports whether a TSN of a stream lies before a reset of the stream
// that the peer has performed, or may have: then its SSN says nothing, and
// FORWARD-TSN would skip those that come after the reset.
func (r *resetState) covers(tsn uint32, stream uint16) bool {
	return seqnum.LessEqual(tsn, r.doneTSN) ||
		r.out && r.inFlight && seqnum.LessEqual(tsn, r.lastTSN) && slices.Contains(r.streams, stream)
}

// closingTimeout tells the application that channels are closed of which the
// peer does not reset its side.
func (a *Association) closingTimeout(t instant) {
	a.timers.closing = 0
	for _, ch := range a.channels {
		if ch.state != channelClosing || !ch.outReset || ch.silent {
			continue
		}
		if at := ch.resetAt.add(closingPatience); at > t {
			if a.timers.closing == 0 || at < a.timers.closing {
				a.timers.closing = at
			}
			continue
		}
		a.pushClosed(ch, ch.closeErr)
	}
}
