package dtls

// handleHandshake handles a record of handshake messages and fragments.
func (c *Conn) handleHandshake(content []byte, number recordNumber) {
	if c.state == connected && c.version == VersionDTLS12 {
		c.handleLateHandshake12(content)
		return
	}
	var news, known, old, dropped bool
	for len(content) > 0 {
		f, n := consumeFragment(content)
		if n < 0 {
			c.stats.FragmentsDropped++
			dropped = true
			break
		}
		content = content[n:]
		old = old || int16(f.seq-c.in.next) < 0
		switch c.in.add(f, number.epoch) {
		case fragmentAccepted:
			news = true
		case fragmentKnown:
			c.stats.HandshakeDuplicates++
			known = true
		case fragmentDropped:
			c.stats.FragmentsDropped++
			dropped = true
		case fragmentOversized:
			c.start()
			c.fail(refuse(AlertIllegalParameter, errMessageSize))
			return
		}
	}
	if c.state == connected && news && !c.acks.owed {
		c.acks.reset() // what is there belongs to an earlier flight
	}
	// What has been dropped must come again, hence is not acknowledged. A
	// ClientHello is not acknowledged at all.
	if (news || known) && !dropped && (c.cfg.Client || number.epoch > 0) {
		c.acks.add(number)
	}
	if news {
		c.start()
		c.restartTimer()
	}
	c.handleMessages()
	if c.closed {
		return
	}
	if old && known {
		c.handleRepeated()
	}
	if c.version == VersionDTLS13 && len(c.acks.numbers) > 0 && (news || known) && (c.state != connected || c.in.waiting()) {
		c.scheduleACK()
	}
}

// handleRepeated: the peer repeats messages that we have handled. So it misses
// our answer to them, be it a flight or an ACK.
func (c *Conn) handleRepeated() {
	switch {
	case !c.flight.empty() && !c.update.sent:
		c.nudge()
	case c.state == connected && len(c.acks.numbers) > 0:
		c.acks.owe()
	}
}

// handleLateHandshake12 handles handshake messages after the handshake, in
// DTLS 1.2. The only thing that matters is that the client repeats its last
// flight, missing ours. Renegotiation does not exist.
func (c *Conn) handleLateHandshake12(content []byte) {
	f, n := consumeFragment(content)
	if n > 0 && f.typ == typeFinished && !c.lingerUntil.IsZero() {
		c.stats.HandshakeDuplicates++
		c.nudge()
		return
	}
	c.stats.RecordsIgnored++
}

// handleMessages handles the messages that are complete, in order.
func (c *Conn) handleMessages() {
	for !c.closed {
		m, seq, ok := c.in.take()
		if !ok {
			return
		}
		if err := c.handleMessage(m.typ, seq, m.body); err != nil {
			c.fail(err)
			return
		}
		if c.hs != nil {
			c.hs.progress = true
		}
	}
}
