package sctp

import (
	"time"

	"github.com/sansrtc/rtc/internal/seqnum"
)

// lossState finds lost chunks by time, as RACK-TLP does for TCP (RFC 8985): a
// chunk is lost if one that was sent sufficiently later has arrived. That
// finds lost retransmissions too, and needs no counting of reports.
type lossState struct {
	// The newest transmission known to have arrived, and its round-trip time.
	newest   uint64
	newestAt instant
	rtt      time.Duration

	highest   uint32 // TSN: the highest acknowledged in any way
	reordered bool   // chunks are known to arrive out of order
	window    int    // reordering window in quarters of the least RTT, grown by duplicates

	probed    bool // a tail loss probe is out
	probeOwed bool
	recovery  uint64 // order of the last transmission before the last reduction
	recover   uint32 // recovery lasts until this TSN is acknowledged
	inRecover bool
}

// dupThresh is how many chunks must have overtaken a hole for it to be a loss
// at once, where chunks are not known to be reordered.
const dupThresh = 3

// acked notes the arrival of a chunk.
func (l *lossState) acked(t instant, tsn uint32, c *sentChunk, rtt *rttState) {
	if seqnum.Less(l.highest, tsn) {
		l.highest = tsn
	} else if c.rtx == 0 {
		l.reordered = true
	}
	d := t.sub(c.sentAt)
	if c.rtx > 0 && d < rtt.minRTT {
		return // more likely the acknowledgement of an earlier transmission
	}
	if c.order > l.newest {
		l.newest, l.newestAt, l.rtt = c.order, c.sentAt, d
	}
}

// duplicates notes that a SACK reports duplicate TSNs: a retransmission was
// spurious, so the reordering window grows.
func (l *lossState) duplicates() {
	l.window = min(l.window+1, 16)
}

// reorderWindow is how much later than a chunk another one must have been sent
// to prove its loss.
func (a *Association) reorderWindow() time.Duration {
	l := &a.loss
	if !l.reordered && (l.inRecover || a.sent.nGaps >= dupThresh) {
		return 0
	}
	return min(time.Duration(1+l.window)*a.rtt.minRTT/4, a.rtt.srtt)
}

// detectLoss marks chunks as lost, and arms the timer for those that will be
// unless something arrives.
func (a *Association) detectLoss(t instant) {
	s, l := &a.sent, &a.loss
	if l.inRecover && seqnum.LessEqual(l.recover, s.cumTSN) {
		l.inRecover = false
	}
	a.timers.reorder = 0
	slack := a.reorderWindow()
	lostBytes, newestLost := 0, uint64(0)
	for s.flying.n > 0 {
		tsn := s.flying.first
		c := s.at(tsn)
		if c.order >= l.newest {
			break
		}
		at := c.sentAt.add(l.rtt + slack)
		if at > t {
			a.timers.reorder = at
			break
		}
		lostBytes += c.size()
		newestLost = max(newestLost, c.order)
		s.lose(tsn)
	}
	if lostBytes == 0 {
		return
	}
	a.cc.onLoss(lostBytes)
	if newestLost > l.recovery {
		a.reduce(t)
	}
	a.abandonExpired()
}

// reduce is the reaction to congestion, once for each window of data: losses
// among what was sent before the last reaction belong to it.
func (a *Association) reduce(t instant) {
	a.cc.reduce(a)
	a.loss.recovery = a.sent.order
	a.loss.recover = a.sent.nextTSN - 1
	a.loss.inRecover = true
}

// armProbe arms the timer of the tail loss probe: if the last chunks of a
// burst are lost, nothing later arrives to prove it (RFC 8985 section 7).
func (a *Association) armProbe(t instant) {
	s := &a.sent
	a.timers.probe = 0
	if !a.state.sendsData() || s.flying.n == 0 || s.lost.n > 0 || a.loss.probed || a.errors > 0 || a.rtt.srtt == 0 || s.window == 0 {
		return
	}
	pto := 2*a.rtt.srtt + 10*time.Millisecond
	if pto >= a.rtt.rto {
		return
	}
	a.timers.probe = t.add(pto)
}

func (a *Association) probeTimeout(t instant) {
	a.timers.probe = 0
	if a.sent.flying.n == 0 || a.sent.lost.n > 0 || !a.state.sendsData() {
		return
	}
	a.loss.probed = true
	a.loss.probeOwed = true
	a.stats.TailProbes++
	a.timers.rtx = t.add(a.rtt.rto)
}

// rtxTimeout is the expiry of T3-rtx.
func (a *Association) rtxTimeout(t instant) {
	s := &a.sent
	a.timers.rtx = 0
	if s.len() == 0 {
		return
	}
	a.stats.Timeouts++
	if a.failed() {
		return
	}
	// "the SCTP sender SHOULD … retransmit the FORWARD TSN chunk"
	// (https://www.rfc-editor.org/rfc/rfc3758#section-3.5).
	if s.advTSN != s.cumTSN {
		s.forwardOwed = true
	}
	a.rtt.backOff(a.cfg.MaxRTO)
	a.timers.probe, a.timers.reorder = 0, 0
	a.loss.probed, a.loss.probeOwed = false, false
	if s.flying.n > 0 && s.window > 0 {
		a.cc.timeout(a)
	}
	a.loss.recovery = s.order
	a.loss.recover = s.nextTSN - 1
	a.loss.inRecover = true
	a.loss.newest = 0
	a.loseAll()
	a.advancePoint()
	a.timers.rtx = t.add(a.rtt.rto)
}

// failed counts a silence of the peer, and reports whether it was the last.
func (a *Association) failed() bool {
	a.errors++
	if a.cfg.MaxRetransmits < 0 || a.errors <= a.cfg.MaxRetransmits {
		return false
	}
	a.finish(ErrTimeout)
	return true
}
