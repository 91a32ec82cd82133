package sctp

import (
	"time"

	"github.com/sansrtc/rtc/internal/seqnum"
)

// congestion is the congestion control of RFC 9260 section 7.2 with three
// changes, which the delay on the path makes safe:
//
//   - Slow start ends when the round-trip time begins to rise (as HyStart++,
//     RFC 9406), not only when the queue overflows.
//   - While no queue stands on the path (the least round-trip time of a round
//     is near the least ever) and few chunks are lost, the link is not full,
//     and the window grows by an eighth in each round trip, in proportion to
//     its size. Once a queue stands, it grows by one packet, like any TCP.
//   - On loss the window falls by three tenths (as CUBIC, RFC 9438), but not
//     below what the path has just delivered in one round trip without queue
//     (as TCP Westwood). A loss that is not due to a queue of ours costs little
//     by this, one that is empties the queue. If a tenth of all is lost, this
//     holds no longer.
//
// Sending is paced, so that a window that opens at once does not go out as one
// burst.
type congestion struct {
	mtu            int
	cwnd, ssthresh int
	credit         int // bytes acknowledged towards the next packet of growth

	// A round ends when what was sent at its start is acknowledged.
	roundEnd       uint32
	roundAt        instant
	roundDelivered uint64
	roundMin       time.Duration // least RTT in this round
	queueing       time.Duration // least RTT of the last round above the least ever
	samples        int
	recent         [8]time.Duration // the last samples
	rate, prevRate int64            // bytes per second delivered in the last two rounds

	lostBytes, sentBytes int // of the loss estimate
	lossPermille         int
	limited              bool // the window kept us from sending
}

const (
	initialWindowPackets = 10 // as RFC 6928, and as browsers
	unlimitedWindow      = 1 << 30
	fastLossPermille     = 50  // above it growth is slow
	highLossPermille     = 100 // above it what is delivered is no excuse
	lossSample           = 256 // packets over which loss is estimated
)

func (c *congestion) init(mtu int) {
	*c = congestion{mtu: mtu, cwnd: initialWindowPackets * mtu, ssthresh: unlimitedWindow}
}

func (c *congestion) slowStart() bool { return c.cwnd < c.ssthresh }

// queueLimit is the rise of the round-trip time that tells a queue from noise.
func queueLimit(minRTT time.Duration) time.Duration {
	return min(max(minRTT/8, 4*time.Millisecond), 16*time.Millisecond)
}

func (c *congestion) sampleRTT(d time.Duration, r *rttState) {
	if c.roundMin == 0 || d < c.roundMin {
		c.roundMin = d
	}
	c.recent[c.samples%len(c.recent)] = d
	c.samples++
	if !c.slowStart() || c.samples < len(c.recent) {
		return
	}
	least := c.recent[0]
	for _, v := range c.recent {
		least = min(least, v)
	}
	if least > r.minRTT+queueLimit(r.minRTT) {
		c.ssthresh = c.cwnd
		c.queueing = least - r.minRTT
	}
}

// onAck takes what was acknowledged, and lets the window grow if grow is true.
func (c *congestion) onAck(a *Association, t instant, r *ackResult, grow bool) {
	c.sentBytes += r.bytes
	if c.sentBytes+c.lostBytes > lossSample*c.mtu {
		c.lossPermille = int(int64(c.lostBytes) * 1000 / int64(c.sentBytes+c.lostBytes))
		c.lostBytes, c.sentBytes = 0, 0
	}
	c.round(a, t)
	// "An SCTP sender MUST … increase cwnd only if the current cwnd is being
	// fully utilized" (https://www.rfc-editor.org/rfc/rfc9260#section-7.2.1).
	if !grow || !c.limited && r.flightWas+4*c.mtu < c.cwnd {
		return
	}
	c.limited = false
	fast := c.queueing < queueLimit(a.rtt.minRTT) && c.lossPermille < fastLossPermille
	switch {
	case c.slowStart():
		c.cwnd += r.bytes
	case fast && c.cwnd >= 8*c.mtu:
		c.cwnd += r.bytes / 8
	case !a.loss.inRecover || c.lossPermille < highLossPermille:
		c.credit += r.bytes
		if c.credit >= c.cwnd {
			c.credit -= c.cwnd
			c.cwnd += c.mtu
		}
	}
	c.cwnd = min(c.cwnd, unlimitedWindow)
}

// round notes the end of a round trip.
func (c *congestion) round(a *Association, t instant) {
	s := &a.sent
	if c.roundAt != 0 && seqnum.Less(s.cumTSN, c.roundEnd) && seqnum.Less(a.loss.highest, c.roundEnd) {
		return
	}
	if d := t.sub(c.roundAt); c.roundAt != 0 && d > 0 {
		c.prevRate = c.rate
		c.rate = int64(s.delivered-c.roundDelivered) * int64(time.Second) / int64(d)
		if c.roundMin != 0 {
			c.queueing = c.roundMin - min(c.roundMin, a.rtt.minRTT)
		}
	}
	c.roundAt, c.roundDelivered, c.roundMin = t, s.delivered, 0
	c.roundEnd = s.nextTSN
}

func (c *congestion) onLoss(n int) { c.lostBytes += n }

// afterLoss is the window that a loss leaves.
func (c *congestion) afterLoss(a *Association) int {
	w := c.cwnd / 10 * 7
	if c.lossPermille < highLossPermille {
		pipe := max(c.rate, c.prevRate) * int64(a.rtt.minRTT) / int64(time.Second)
		w = max(w, min(c.cwnd, int(min(pipe, unlimitedWindow))))
	}
	return max(w, 4*c.mtu)
}

func (c *congestion) reduce(a *Association) {
	c.ssthresh = c.afterLoss(a)
	c.cwnd = c.ssthresh
	c.credit = 0
}

// timeout is the reaction to T3-rtx.
func (c *congestion) timeout(a *Association) {
	c.ssthresh = c.afterLoss(a)
	c.cwnd = c.mtu
	c.credit = 0
	c.roundAt = 0
}

// interval is how long a packet of n bytes keeps the line busy.
func (c *congestion) interval(n int, srtt time.Duration) time.Duration {
	rate := int64(c.cwnd) * 5 / 4
	if c.slowStart() {
		rate = int64(c.cwnd) * 2
	}
	return time.Duration(int64(n) * int64(srtt) / rate)
}
