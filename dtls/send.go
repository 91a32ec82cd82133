package dtls

import "time"

// addMessage adds a handshake message to the flight in preparation, and to the
// transcript.
func (c *Conn) addMessage(typ uint8, epoch uint64, body []byte) {
	if c.hs != nil && c.hs.transcript.started() {
		c.hs.transcript.add(typ, c.out, body)
	}
	c.flight.messages = append(c.flight.messages, outMessage{
		typ: typ, version: VersionDTLS12, seq: c.out, epoch: epoch, body: body,
	})
	c.out++
}

// sendFlight makes the flight in preparation owed.
func (c *Conn) sendFlight() {
	c.flight.cut(c.cfg.MTU, c.version == VersionDTLS13)
}

// writer returns the keys of an epoch, nil for epoch 0.
func (c *Conn) writer(epoch uint64) *protection {
	switch {
	case c.writeApp != nil && c.writeApp.epoch == epoch:
		return c.writeApp
	case c.writeHandshake != nil && c.writeHandshake.epoch == epoch:
		return c.writeHandshake
	}
	return nil
}

// appendFlight appends as many owed records of the flight as fit into the
// datagram that begins at start.
func (c *Conn) appendFlight(dst []byte, start int) []byte {
	f := &c.flight
	sent := false
	for i := range f.records {
		r := &f.records[i]
		if !r.owed {
			continue
		}
		size := recordOverhead(r.epoch, c.version == VersionDTLS13) + len(r.payload)
		if sent && len(dst)-start+size > c.cfg.MTU {
			break
		}
		var number recordNumber
		dst, number = c.appendRecord(dst, r.typ, r.version, r.epoch, r.payload)
		if len(r.sent) > 0 {
			f.repeated = true
			c.stats.Retransmissions++
		}
		r.note(transmission{number, c.now})
		r.owed, sent = false, true
	}
	if sent {
		c.flightSent()
	}
	return dst
}

// flightSent arms the timer after a part of the flight has been sent.
func (c *Conn) flightSent() {
	f := &c.flight
	if f.first.IsZero() {
		f.first = c.now
	}
	f.last = c.now
	c.start()
	if c.expectsAnswer() {
		f.timer = c.now.Add(c.rto())
	}
}

// expectsAnswer reports whether the current flight is sent again by the timer. The
// server's last flight of DTLS 1.2 has no answer, and the request to repeat a hello
// goes to somebody who has proven nothing: both are sent again only if the client asks for
// it by sending its own flight again.
func (c *Conn) expectsAnswer() bool {
	if c.closed || c.state == serverWaitSecondHello {
		return false
	}
	return c.version != VersionDTLS12 || c.state != connected
}

// appendRecord appends one record. The caller has checked that the epoch has keys.
func (c *Conn) appendRecord(dst []byte, typ uint8, v Version, epoch uint64, payload []byte) ([]byte, recordNumber) {
	if p := c.writer(epoch); p != nil {
		n := recordNumber{epoch, p.next}
		return p.seal(dst, typ, payload), n
	}
	n := recordNumber{0, c.plainSeq}
	dst = appendPlainHeader(dst, typ, v, 0, c.plainSeq, len(payload))
	c.plainSeq++
	return append(dst, payload...), n
}

// appendACK appends an ACK, if there is room for it in the datagram that begins
// at start.
func (c *Conn) appendACK(dst []byte, start int) []byte {
	p := c.currentWriter()
	if p == nil {
		c.acks.owed = false
		return dst
	}
	room := c.cfg.MTU - (len(dst) - start) - p.overhead()
	if room < 2+ackEntrySize {
		return dst
	}
	var buf [2 + maxAcks*ackEntrySize]byte
	return p.seal(dst, recordACK, c.acks.appendACK(buf[:0], room))
}

// currentWriter returns the newest keys for sending that the peer can be expected
// to have, or nil.
func (c *Conn) currentWriter() *protection {
	switch c.state {
	case serverWaitHello, serverWaitSecondHello, clientWaitHello:
		return nil // no ServerHello has been sent, even if it has been prepared
	case clientWaitFinished:
		return c.writeHandshake // the others begin after our Finished
	}
	if c.writeApp != nil {
		return c.writeApp
	}
	return c.writeHandshake
}

// appendAlert appends the owed alert.
func (c *Conn) appendAlert(dst []byte, start int) []byte {
	level := byte(1)
	if c.alertFatal {
		level = 2
	}
	var epoch uint64
	if p := c.currentWriter(); p != nil {
		epoch = p.epoch
	}
	if size := overhead12 + 2; len(dst) > start && len(dst)-start+size > c.cfg.MTU {
		return dst
	}
	c.alertOwed = false
	dst, _ = c.appendRecord(dst, recordAlert, VersionDTLS12, epoch, []byte{level, byte(c.alert)})
	return dst
}

// restartTimer gives the peer time, since it is sending.
func (c *Conn) restartTimer() {
	if t := c.flight.timer; !t.IsZero() {
		if later := c.now.Add(c.rto()); later.After(t) {
			c.flight.timer = later
		}
	}
}

// scheduleACK makes an ACK owed soon, unless the flight of the peer becomes
// complete before.
func (c *Conn) scheduleACK() {
	if c.acks.at.IsZero() && !c.acks.owed {
		c.acks.at = c.now.Add(ackDelay(c.baseRTO()))
	}
}

// ackDelay is the time to wait for the rest of a flight. Datagrams overtake one
// another by less.
func ackDelay(rto time.Duration) time.Duration { return rto / 4 }
