package dtls

import "time"

// keyUpdate is the state of the change of keys in DTLS 1.3 (RFC 9147 section 8).
type keyUpdate struct {
	readSecret, writeSecret []byte // traffic secrets of the current application keys
	owed                    bool   // we want new keys for sending
	sent                    bool   // the current flight is a KeyUpdate
}

// handlePostHandshake handles a message after the handshake, in DTLS 1.3.
func (c *Conn) handlePostHandshake(typ uint8, body []byte) error {
	switch {
	case typ == typeKeyUpdate:
		return c.handleKeyUpdate(body)
	case typ == typeNewSessionTicket && c.cfg.Client:
		if err := checkNewSessionTicket(body); err != nil {
			return err
		}
		c.acks.owe() // and that is all: there is no resumption
		return nil
	}
	// We have not offered post_handshake_auth.
	return refuse(AlertUnexpectedMessage, errUnexpectedMessage)
}

// handleKeyUpdate changes the keys for receiving. The old ones are kept for
// records that are under way.
func (c *Conn) handleKeyUpdate(body []byte) error {
	requested, err := parseKeyUpdate(body)
	if err != nil {
		return err
	}
	secret, err := c.nextSecret(c.update.readSecret)
	if err != nil {
		return err
	}
	p, err := newProtection13(c.suite, c.readApp.epoch+1, secret)
	if err != nil {
		return err
	}
	c.update.readSecret = secret
	c.readOld, c.readApp = c.readApp, p
	c.in.setEpoch(p.epoch)
	c.acks.owe()
	c.stats.KeyUpdates++
	if requested {
		// Any number of requests can be answered by one KeyUpdate: one is owed, or
		// none.
		c.update.owed = true
		c.startKeyUpdate()
	}
	return nil
}

// nextSecret is the traffic secret after the given one.
// https://www.rfc-editor.org/rfc/rfc8446#section-7.2
func (c *Conn) nextSecret(secret []byte) ([]byte, error) {
	k := keySchedule{hash: c.suite.hash(), prefix: labelPrefix}
	return k.expand(secret, "traffic upd", nil, c.suite.hash().Size())
}

// startKeyUpdate sends the KeyUpdate that is owed, unless another flight is not
// acknowledged yet.
func (c *Conn) startKeyUpdate() {
	if !c.update.owed || !c.flight.empty() {
		return
	}
	c.update.owed, c.update.sent = false, true
	c.addMessage(typeKeyUpdate, c.writeApp.epoch, []byte{0}) // update_not_requested
	c.sendFlight()
}

// acknowledged: the peer has acknowledged all of the current flight.
func (c *Conn) acknowledged() {
	c.flight = flight{}
	if c.state != connected {
		return // our flight is there, the peer's next one is awaited
	}
	c.handshakeBy = time.Time{}
	if c.cfg.Client {
		c.readHandshake, c.writeHandshake = nil, nil
	}
	// "implementations MUST NOT send records with the new keys … until the previous
	// KeyUpdate has been acknowledged": now.
	// https://www.rfc-editor.org/rfc/rfc9147#section-8
	if c.update.sent {
		c.update.sent = false
		if err := c.changeWriteKeys(); err != nil {
			c.fail(err)
			return
		}
	}
	c.startKeyUpdate()
}

func (c *Conn) changeWriteKeys() error {
	secret, err := c.nextSecret(c.update.writeSecret)
	if err != nil {
		return err
	}
	p, err := newProtection13(c.suite, c.writeApp.epoch+1, secret)
	if err != nil {
		return err
	}
	c.update.writeSecret, c.writeApp = secret, p
	c.stats.KeyUpdates++
	return nil
}

// renewKeys is called when many records have been sent with the current keys. It
// reports whether more may be.
func (c *Conn) renewKeys() bool {
	p := c.writeApp
	if p.next >= p.limits.hard {
		c.end(ErrKeyLimit, AlertInternalError, true)
		return false
	}
	if p.v13 && !c.update.sent {
		c.update.owed = true
		c.startKeyUpdate()
	}
	return true
}
