package dtls

import "slices"

// hold keeps a record for which there are no keys yet.
func (c *Conn) hold(record []byte) {
	h := c.hs
	// Before the first message of the peer nothing can be protected by keys
	// that we will have.
	if h == nil || !c.started || len(h.held) == maxHeldRecords || h.heldBytes+len(record) > maxHeldBytes {
		c.stats.RecordsIgnored++
		return
	}
	h.held = append(h.held, slices.Clone(record))
	h.heldBytes += len(record)
	// Something protected before the ServerHello: that one is lost, or just
	// late. Ask for it soon.
	if c.state == clientWaitHello && !c.flight.timer.IsZero() {
		if soon := c.now.Add(ackDelay(c.baseRTO())); soon.Before(c.flight.timer) {
			c.flight.timer = soon
		}
	}
}

// replayHeld handles the held records again as long as the handshake goes on.
func (c *Conn) replayHeld() {
	for c.hs != nil && c.hs.progress && !c.closed {
		held := c.hs.held
		c.hs.held, c.hs.heldBytes, c.hs.progress = nil, 0, false
		for _, record := range held {
			if c.closed {
				return
			}
			c.handleRecord(record)
		}
	}
}
