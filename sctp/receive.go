package sctp

import (
	"encoding/binary"
	"time"

	"github.com/sansrtc/rtc/internal/seqnum"
)

const (
	// ackDelay is how long the acknowledgement of a single packet waits for
	// company: "SHOULD NOT … exceed 200 ms", and less than any sender's
	// retransmission timeout.
	ackDelay = 40 * time.Millisecond

	// fragmentOverhead is what a stored fragment is charged beyond its bytes.
	fragmentOverhead = 128

	maxDuplicates = 16 // reported in one SACK
	maxForward    = 1 << 17
)

// recvState is the receiver's view of the peer's DATA.
type recvState struct {
	cumTSN  uint32
	ring    []*fragment // by TSN modulo its length; only TSNs above cumTSN of unfinished messages
	ranges  rangeSet    // TSNs above cumTSN that are here
	highest uint32      // the highest TSN received
	open    *fragment   // head of the unfinished message that cumTSN is part of

	used       int // bytes charged against the receive buffer
	advertised int // the window in the last SACK

	ssn     ssnTable
	waiting map[uint16]*waitList // complete ordered messages that others must precede

	dups  [maxDuplicates]uint32
	nDups int

	packets int // with DATA, since the last SACK
}

func (r *recvState) begin(tsn uint32) {
	r.cumTSN, r.highest = tsn-1, tsn-1
}

// slot returns the fragment with a TSN above the cumulative one, if it is
// here and its message is unfinished.
func (r *recvState) slot(tsn uint32) *fragment {
	if d := tsn - r.cumTSN; d == 0 || int64(d) > int64(len(r.ring)) {
		return nil
	}
	if f := r.ring[int(tsn)&(len(r.ring)-1)]; f != nil && f.tsn == tsn {
		return f
	}
	return nil
}

func (r *recvState) setSlot(tsn uint32, f *fragment) {
	if d := tsn - r.cumTSN; d == 0 || int64(d) > int64(len(r.ring)) {
		return
	}
	r.ring[int(tsn)&(len(r.ring)-1)] = f
}

// reach makes the ring hold TSNs up to tsn.
func (r *recvState) reach(tsn uint32) {
	d := int(tsn - r.cumTSN)
	if d <= len(r.ring) {
		return
	}
	n := max(8, len(r.ring))
	for n < d {
		n *= 2
	}
	old := r.ring
	r.ring = make([]*fragment, n)
	for i := range old {
		if f := old[i]; f != nil {
			r.ring[int(f.tsn)&(n-1)] = f
		}
	}
}

// window is the receive window to advertise.
func (a *Association) window() int {
	return max(0, a.cfg.ReceiveBuffer-a.recv.used)
}

// maxAhead is how many TSNs above the cumulative one are taken at most: as
// many as fit the receive buffer when charged for nothing but the overhead.
func (a *Association) maxAhead() uint32 {
	return uint32(min(a.cfg.ReceiveBuffer/fragmentOverhead, maxOutstanding))
}

// handleData takes a DATA chunk.
func (a *Association) handleData(t instant, c chunk) {
	r := &a.recv
	tsn := binary.BigEndian.Uint32(c.value)
	data := c.value[12:]
	if len(data) == 0 {
		// "An endpoint MUST NOT send a DATA chunk with no user data part", and
		// it is answered with an ABORT
		// (https://www.rfc-editor.org/rfc/rfc9260#section-6.2).
		a.abort(causeNoUserData, c.value[:4], "")
		return
	}
	a.gotData = true
	if c.flags&flagImmediate != 0 {
		a.sackNow = true
	}
	d := tsn - r.cumTSN
	if d == 0 || d > 1<<31 || r.ranges.contains(tsn) {
		a.duplicate(tsn)
		return
	}
	_, size := sizeClass(len(data))
	charge := size + fragmentOverhead
	if d > a.maxAhead() || !a.fits(tsn, charge) {
		// Dropped, and the SACK tells what is left of the window.
		a.stats.DroppedWindow++
		a.sackNow = true
		return
	}
	f := a.newFragment()
	f.tsn, f.flags = tsn, c.flags&(flagBegin|flagEnd|flagUnordered)
	f.stream = binary.BigEndian.Uint16(c.value[4:])
	f.ssn = binary.BigEndian.Uint16(c.value[6:])
	f.ppid = binary.BigEndian.Uint32(c.value[8:])
	f.data = a.pool.get(len(data))
	copy(f.data, data)
	f.size = len(data)
	r.used += charge
	if seqnum.Less(r.highest, tsn) {
		r.highest = tsn
	}
	if d == 1 && r.ranges.empty() {
		// In order, with no gap: nothing to look up.
		head := a.join(f)
		a.passed(tsn, head)
		a.checkDeferredReset()
		return
	}
	r.ranges.add(tsn)
	r.reach(tsn)
	r.setSlot(tsn, f)
	a.join(f)
	// "If the endpoint detects a gap … it SHOULD send a SACK immediately", and
	// so when one is filled.
	a.sackNow = true
	if d == 1 && a.state != stateDone {
		a.advanceTo(r.ranges.ranges()[0].last)
	}
}

// fits reports whether a chunk may be stored.
func (a *Association) fits(tsn uint32, charge int) bool {
	r := &a.recv
	if r.used+charge <= a.cfg.ReceiveBuffer {
		return true
	}
	// What fills a gap was sent in a window that we gave, in which the peer
	// did not count our overhead; taking it is what moves things on.
	return seqnum.Less(tsn, r.highest) && r.used+charge <= 2*a.cfg.ReceiveBuffer
}

// duplicate notes a TSN that was received before.
func (a *Association) duplicate(tsn uint32) {
	r := &a.recv
	a.stats.DuplicateTSNs++
	if r.nDups < maxDuplicates {
		r.dups[r.nDups] = tsn
		r.nDups++
	}
	// "When a packet arrives with duplicate DATA chunk(s) and with no new DATA
	// chunk(s), the endpoint MUST immediately send a SACK with no delay"
	// (https://www.rfc-editor.org/rfc/rfc9260#section-6.2).
	a.sackNow = true
}

// advanceTo moves the cumulative TSN up over chunks that are here.
func (a *Association) advanceTo(last uint32) {
	r := &a.recv
	for r.cumTSN != last && a.state != stateDone {
		tsn := r.cumTSN + 1
		if r.open != nil && seqnum.LessEqual(tsn, r.open.last.tsn) {
			// The rest of this message is here, as far as it goes.
			for stop := seqnum.Min(r.open.last.tsn, last); r.cumTSN != stop; {
				r.setSlot(r.cumTSN+1, nil)
				r.cumTSN++
			}
			continue
		}
		a.passed(tsn, r.slot(tsn))
	}
	r.ranges.removeTo(r.cumTSN)
	a.checkDeferredReset()
}

// passed moves the cumulative TSN to tsn, which is here, and sees that no
// message is left that can never be complete. head is the head of the run that
// tsn belongs to, nil if its message is complete.
func (a *Association) passed(tsn uint32, head *fragment) {
	r := &a.recv
	r.setSlot(tsn, nil)
	r.cumTSN = tsn
	if old := r.open; old != nil && old != head {
		// Another message begins before that one ended.
		r.open = nil
		a.broken(old)
	}
	if head == nil || a.state == stateDone {
		return
	}
	if head.flags&flagBegin == 0 {
		a.broken(head) // nothing precedes it
		return
	}
	r.open = head
}

// broken ends a message that can never be complete, since what should precede
// or follow it is something else. Where messages may be abandoned, this is
// what it looks like when the peer gave one up; elsewhere the stream is no
// longer reliable, which its application must not mistake for success.
func (a *Association) broken(head *fragment) {
	stream, ordered, ssn, begun := head.stream, head.flags&flagUnordered == 0, head.ssn, head.flags&flagBegin != 0
	a.dropRun(head)
	a.stats.DroppedMessages++
	if ch := a.byStream[stream]; ch != nil && ch.reliable() && !ch.inReset && ch.state == channelOpen {
		a.abort(causeProtocolViolation, nil, "message is not contiguous")
		return
	}
	if ordered && begun {
		a.skipTo(stream, ssn)
	}
}

// sackAfterPacket decides once for each packet received whether to acknowledge now
// or with the next one.
func (a *Association) sackAfterPacket(t instant) {
	if !a.gotData {
		return
	}
	a.gotData = false
	r := &a.recv
	r.packets++
	a.sackPending = true
	if r.packets >= 2 || !r.ranges.empty() || a.state == stateShutdownSent {
		a.sackNow = true
	}
	if !a.sackNow && a.timers.sack == 0 {
		a.timers.sack = t.add(ackDelay)
	}
}

// appendSack appends a SACK chunk of at most room bytes.
func (a *Association) appendSack(b []byte, room int) []byte {
	r := &a.recv
	start := len(b)
	b = appendChunkHeader(b, chunkSack, 0)
	b = binary.BigEndian.AppendUint32(b, r.cumTSN)
	r.advertised = a.window()
	b = binary.BigEndian.AppendUint32(b, uint32(r.advertised))
	b = append(b, 0, 0, 0, 0)
	gaps := 0
	for _, g := range r.ranges.ranges() {
		if len(b)-start+4 > room || g.last-r.cumTSN > 0xFFFF {
			break
		}
		b = binary.BigEndian.AppendUint16(b, uint16(g.first-r.cumTSN))
		b = binary.BigEndian.AppendUint16(b, uint16(g.last-r.cumTSN))
		gaps++
	}
	dups := 0
	for ; dups < r.nDups && len(b)-start+4 <= room; dups++ {
		b = binary.BigEndian.AppendUint32(b, r.dups[dups])
	}
	binary.BigEndian.PutUint16(b[start+12:], uint16(gaps))
	binary.BigEndian.PutUint16(b[start+14:], uint16(dups))
	r.nDups, r.packets = 0, 0
	a.sackNow, a.sackPending = false, false
	a.timers.sack = 0
	return endChunk(b, start)
}

// windowOpened owes the peer a SACK if the window was nearly shut and is open
// again.
func (a *Association) windowOpened() {
	if !a.state.takesData() {
		return
	}
	w := a.window()
	if a.recv.advertised < a.cfg.ReceiveBuffer/4 && w >= a.recv.advertised+a.cfg.ReceiveBuffer/4 {
		a.sackNow = true
	}
}

// clear drops everything that was received and not handed out.
func (r *recvState) clear(a *Association) {
	if r.open != nil {
		a.dropRun(r.open)
	}
	for i, f := range r.ring {
		if f != nil {
			r.ring[i] = nil
			a.freeFragment(f)
		}
	}
	for _, w := range r.waiting {
		for _, head := range w.msgs {
			a.freeRun(head)
		}
	}
	used, cum := r.used, r.cumTSN
	*r = recvState{used: used}
	r.begin(cum + 1)
}
