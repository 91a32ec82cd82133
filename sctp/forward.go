package sctp

import (
	"encoding/binary"
	"time"

	"github.com/sansrtc/rtc/internal/seqnum"
)

// handleForwardTSN takes a FORWARD-TSN chunk: the peer will not send what is
// missing up to a TSN (RFC 3758 section 3.6).
func (a *Association) handleForwardTSN(t instant, b []byte) {
	r := &a.recv
	if !a.peerForwardTSN {
		a.stats.DroppedState++
		return
	}
	cum := binary.BigEndian.Uint32(b)
	d := cum - r.cumTSN
	if d > maxForward && d <= 1<<31 {
		// Nobody has that many chunks outstanding.
		a.stats.DroppedMalformed++
		return
	}
	a.gotData = true
	a.sackNow = true
	if d == 0 || d > 1<<31 {
		return // out of date: the SACK says so
	}
	// What is unfinished up to there stays unfinished.
	if r.open != nil {
		a.dropRun(r.open)
	}
	for n := uint32(1); n <= min(d, uint32(len(r.ring))); n++ {
		// The first fragment met of a run is its head. What is here of the
		// message above the new point goes with it: all of it is abandoned.
		if f := r.slot(r.cumTSN + n); f != nil {
			a.dropRun(f)
		}
	}
	r.cumTSN = cum
	r.highest = seqnum.Max(r.highest, cum)
	r.ranges.removeTo(cum)
	for b = b[4:]; len(b) >= 4 && a.state != stateDone; b = b[4:] {
		a.skipTo(binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:]))
	}
	if a.state == stateDone {
		return
	}
	if rest := r.ranges.ranges(); len(rest) > 0 && rest[0].first == cum+1 {
		a.advanceTo(rest[0].last)
		return
	}
	a.checkDeferredReset()
}

// appendForwardTSN appends the FORWARD-TSN chunk that is owed, of at most room
// bytes.
func (a *Association) appendForwardTSN(b []byte, room int) []byte {
	s := &a.sent
	s.forwardOwed = false
	// "If … the Advanced.Peer.Ack.Point is greater than the Cumulative TSN ACK carried in the
	// received SACK, the sender MUST send the peer a FORWARD TSN chunk": when the answer is overdue.
	// https://www.rfc-editor.org/rfc/rfc3758#section-3.5
	s.forwardAt = a.now.add(max(2*a.rtt.srtt, 20*time.Millisecond))
	start := len(b)
	b = appendChunkHeader(b, chunkForwardTSN, 0)
	b = binary.BigEndian.AppendUint32(b, 0)
	list := len(b)
	cum := s.cumTSN
	for tsn := s.cumTSN + 1; seqnum.LessEqual(tsn, s.advTSN); tsn++ {
		c := s.at(tsn)
		if c.flags&flagUnordered == 0 && !a.reset.covers(tsn, c.stream) {
			// "the last … stream sequence number … for the stream": one entry
			// for each.
			i := list
			for i < len(b) && binary.BigEndian.Uint16(b[i:]) != c.stream {
				i += 4
			}
			if i == len(b) {
				if len(b)-start+4 > room {
					break // as far as it fits; the rest is owed next
				}
				b = binary.BigEndian.AppendUint16(b, c.stream)
				b = append(b, 0, 0)
			}
			binary.BigEndian.PutUint16(b[i+2:], c.ssn)
		}
		cum = tsn
	}
	binary.BigEndian.PutUint32(b[start+4:], cum)
	if a.timers.rtx == 0 {
		a.timers.rtx = a.now.add(a.rtt.rto)
	}
	return endChunk(b, start)
}
