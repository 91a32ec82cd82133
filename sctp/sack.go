package sctp

import (
	"encoding/binary"
	"time"

	"github.com/sansrtc/rtc/internal/seqnum"
)

// ackResult is what one SACK told.
type ackResult struct {
	bytes     int // newly acknowledged, in flight terms
	rtt       time.Duration
	rttOrder  uint64 // of the chunk that was measured
	newest    uint64 // order of the newest chunk acknowledged
	advanced  bool   // the cumulative TSN moved
	flightWas int
}

// validSack reports whether a SACK makes sense: its counts fit, its blocks
// ascend and acknowledge nothing that was not sent. Nothing of another is
// used.
func (s *sentState) validSack(b []byte) bool {
	gaps, dups := int(binary.BigEndian.Uint16(b[8:])), int(binary.BigEndian.Uint16(b[10:]))
	if len(b) != 12+4*gaps+4*dups {
		return false
	}
	cum := binary.BigEndian.Uint32(b)
	if !seqnum.Less(cum, s.nextTSN) {
		return false
	}
	end := uint32(0)
	for i := range gaps {
		first, last := uint32(binary.BigEndian.Uint16(b[12+4*i:])), uint32(binary.BigEndian.Uint16(b[14+4*i:]))
		if first <= end || last < first || first < 2 {
			return false
		}
		end = last
	}
	return gaps == 0 || end <= s.nextTSN-1-cum
}

func (a *Association) handleSack(t instant, b []byte) {
	s := &a.sent
	if !s.validSack(b) {
		a.stats.DroppedMalformed++
		return
	}
	cum := binary.BigEndian.Uint32(b)
	// "If the Cumulative TSN Ack is less than the Cumulative TSN Ack Point,
	// then drop the SACK" (https://www.rfc-editor.org/rfc/rfc9260#section-6.2.1).
	if seqnum.Less(cum, s.cumTSN) {
		return
	}
	r := ackResult{flightWas: s.flight}
	a.ackTo(t, cum, &r)
	gaps := int(binary.BigEndian.Uint16(b[8:]))
	for i := range gaps {
		first, last := binary.BigEndian.Uint16(b[12+4*i:]), binary.BigEndian.Uint16(b[14+4*i:])
		a.ackGap(t, cum+uint32(first), cum+uint32(last), &r)
	}
	a.reneged()
	if len(b) > 12+4*gaps {
		a.loss.duplicates()
	}
	s.window = int(min(binary.BigEndian.Uint32(b[4:]), unlimitedWindow))
	a.acked(t, &r)
}

// acked draws the conclusions from acknowledgements.
func (a *Association) acked(t instant, r *ackResult) {
	s := &a.sent
	a.errors = 0 // a sign of life
	if r.newest != 0 || r.advanced {
		a.rtt.reset()
		if r.rtt > 0 {
			a.rtt.sample(r.rtt)
			a.rtt.sampleMin(t, r.rtt)
			a.cc.sampleRTT(r.rtt, &a.rtt)
		}
		s.delivered += uint64(r.bytes)
		a.loss.probed = false
		reduced := a.loss.recovery
		a.detectLoss(t)
		a.cc.onAck(a, t, r, a.loss.recovery == reduced)
		a.timers.rtx = 0
		if s.flying.n > 0 || s.advTSN != s.cumTSN {
			a.timers.rtx = t.add(a.rtt.rto)
		}
		a.armProbe(t)
	}
	a.advancePoint()
	if s.len() == 0 {
		a.timers.rtx, a.timers.probe, a.timers.reorder = 0, 0, 0
		a.drained(t)
	}
	a.checkRoom()
}

// ackTo acknowledges all chunks up to cum for good.
func (a *Association) ackTo(t instant, cum uint32, r *ackResult) {
	s := &a.sent
	for seqnum.Less(s.cumTSN, cum) {
		tsn := s.cumTSN + 1
		c := s.at(tsn)
		switch c.state {
		case inFlight, lost:
			a.ackChunk(t, tsn, c, r)
		case gapAcked:
			s.nGaps--
		case abandoned:
			s.abandons--
		}
		s.cumTSN = tsn
		if m := c.msg; m != nil {
			c.msg = nil
			m.refs--
			a.releaseMessage(m)
		}
		r.advanced = true
	}
	if r.advanced {
		s.gaps.removeTo(cum)
	}
}

// ackGap marks the chunks from first to last as received. What is known
// already is stepped over range by range, so that the work is in proportion
// to what is new.
func (a *Association) ackGap(t instant, first, last uint32, r *ackResult) {
	s := &a.sent
	if seqnum.Less(last, s.cumTSN+1) {
		return
	}
	i := s.gaps.search(first)
	known := s.gaps.ranges()
	fresh := false
	for tsn := first; seqnum.LessEqual(tsn, last); {
		if i < len(known) && seqnum.LessEqual(known[i].first, tsn) {
			tsn = known[i].last + 1
			i++
			continue
		}
		stop := last
		if i < len(known) {
			stop = seqnum.Min(stop, known[i].first-1)
		}
		for ; seqnum.LessEqual(tsn, stop); tsn++ {
			c := s.at(tsn)
			if c.state == abandoned {
				continue
			}
			a.ackChunk(t, tsn, c, r)
			c.state = gapAcked
			s.nGaps++
		}
		fresh = true
	}
	if fresh {
		s.gaps.addRange(first, last)
	}
}

// ackChunk notes the first acknowledgement of a chunk.
func (a *Association) ackChunk(t instant, tsn uint32, c *sentChunk, r *ackResult) {
	s := &a.sent
	s.land(tsn)
	r.bytes += c.size()
	s.unacked -= int(c.n)
	if c.rtx == 0 && c.order > r.rttOrder {
		r.rttOrder, r.rtt = c.order, t.sub(c.sentAt)
	}
	r.newest = max(r.newest, c.order)
	a.loss.acked(t, tsn, c, &a.rtt)
}

// reneged undoes the acknowledgement of chunks that the receiver has taken
// back. If it had the one right after its cumulative TSN, that would be its
// cumulative TSN.
func (a *Association) reneged() {
	s := &a.sent
	known := s.gaps.ranges()
	if len(known) == 0 || known[0].first != s.cumTSN+1 {
		return
	}
	for tsn := known[0].first; ; tsn++ {
		if c := s.at(tsn); c.state == gapAcked {
			c.state = lost
			s.nGaps--
			s.unacked += int(c.n)
			s.append(&s.lost, tsn)
		}
		if tsn == known[0].last {
			break
		}
	}
	s.gaps.removeTo(known[0].last)
}
