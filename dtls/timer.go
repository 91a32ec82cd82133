package dtls

import "time"

const (
	// minRTO is where retransmission starts. A handshake is a few small
	// datagrams, so that a needless one costs less than a late one.
	minRTO = 50 * time.Millisecond
	// maxRTO bounds the doubling, while a handshake goes on and after it.
	maxRTO     = time.Second
	maxIdleRTO = 16 * time.Second
	maxRTT     = 2 * time.Second
)

// baseRTO is the time after which a flight without an answer is sent again.
func (c *Conn) baseRTO() time.Duration {
	return max(minRTO, min(c.rtt, maxRTT)*3/2)
}

// rto is the same after the repetitions so far.
func (c *Conn) rto() time.Duration {
	limit := maxRTO
	if c.state == connected && c.handshakeBy.IsZero() {
		limit = maxIdleRTO
	}
	base := c.baseRTO()
	return max(base, min(base<<min(c.flight.repeats, 10), limit))
}

// runTimers does what is due.
func (c *Conn) runTimers() {
	if c.closed {
		return
	}
	if c.due(c.handshakeBy) {
		c.handshakeBy = time.Time{}
		if c.state != connected || !c.heardData() {
			c.timeOut()
			return
		}
		c.acknowledged() // the peer talks to us, but does not say so
	}
	if c.due(c.flight.timer) {
		c.flight.timer = time.Time{}
		c.flight.repeats++
		c.flight.resend()
	}
	if c.due(c.acks.at) {
		c.acks.owe()
	}
	if c.due(c.lingerUntil) {
		c.endLinger()
	}
}

func (c *Conn) due(t time.Time) bool { return !t.IsZero() && !c.now.Before(t) }

// heardData reports whether the peer has used its application keys.
func (c *Conn) heardData() bool { return c.readApp != nil && c.readApp.window.next > 0 }

// endLinger drops what was kept for a peer that might miss the end of the
// handshake.
func (c *Conn) endLinger() {
	c.lingerUntil = time.Time{}
	c.readHandshake = nil
	if c.version == VersionDTLS12 {
		c.flight = flight{}
	}
}

// start starts the time limit of the handshake.
func (c *Conn) start() {
	if !c.started {
		c.started = true
		c.handshakeBy = c.now.Add(c.cfg.HandshakeTimeout)
	}
}

// answered ends the current flight: the peer has received it.
func (c *Conn) answered() {
	f := &c.flight
	if !f.first.IsZero() {
		switch {
		case !f.repeated:
			c.sampleRTT(c.now.Sub(f.last))
		case c.rtt == 0:
			// Which transmission was answered is not known: take the middle.
			c.sampleRTT((c.now.Sub(f.first) + c.now.Sub(f.last)) / 2)
		}
	}
	c.flight = flight{}
}

func (c *Conn) sampleRTT(d time.Duration) {
	if d > 0 {
		c.rtt = min(d, maxRTT)
	}
}

// nudge sends the flight again at once, because the peer seems to miss it. It
// does so less often than the timer would, so that two sides cannot keep one
// another busy.
func (c *Conn) nudge() {
	f := &c.flight
	if f.empty() || f.last.IsZero() || c.now.Sub(f.last) < c.baseRTO()/2 {
		return
	}
	f.resend()
}
