package dtls

import (
	"encoding/binary"
	"slices"
)

// handleDatagram handles the records of a datagram.
func (c *Conn) handleDatagram(b []byte) {
	for len(b) > 0 {
		if c.closed {
			c.stats.RecordsIgnored++
			return
		}
		n := c.handleRecord(b)
		if n < 0 {
			// Where the next record would begin cannot be told.
			c.stats.RecordsMalformed++
			return
		}
		b = b[n:]
	}
}

// handleRecord handles the first record in b and returns its length, or n < 0 if
// it cannot be decoded.
// https://www.rfc-editor.org/rfc/rfc9147#section-4.1
func (c *Conn) handleRecord(b []byte) (n int) {
	if b[0]&unifiedMask == unifiedFixed {
		h, n := parseUnified(b)
		if n > 0 {
			c.handleUnified(&h, b[:n])
		}
		return n
	}
	typ := b[0]
	switch typ {
	case recordChangeCipherSpec, recordAlert, recordHandshake, recordApplicationData, recordACK:
	default:
		return -1
	}
	if len(b) < plainHeaderSize {
		return -1
	}
	n = plainHeaderSize + int(binary.BigEndian.Uint16(b[11:]))
	if n > len(b) || n > plainHeaderSize+maxCiphertext {
		return -1
	}
	number := binary.BigEndian.Uint64(b[3:])
	switch epoch := number >> 48; {
	case b[1] != 0xfe: // the major version
		c.stats.RecordsMalformed++
	case epoch == 0:
		c.handlePlain(typ, number&maxSequence, b[plainHeaderSize:n])
	case epoch == 1 && c.version != VersionDTLS13 && Version(binary.BigEndian.Uint16(b[1:])) != VersionDTLS12:
		// The version is part of the additional data, for which we take a constant.
		c.stats.RecordsMalformed++
	case epoch == 1 && c.version != VersionDTLS13:
		c.handleProtected12(b[:n], typ, number&maxSequence)
	default:
		c.stats.RecordsIgnored++
	}
	return n
}

// handlePlain handles a record without protection.
func (c *Conn) handlePlain(typ uint8, seq uint64, content []byte) {
	if len(content) > maxPlaintext {
		c.stats.RecordsMalformed++
		return
	}
	switch typ {
	case recordHandshake:
		if c.state == connected {
			c.stats.RecordsUnprotected++
			return
		}
		c.handleHandshake(content, recordNumber{0, seq})
	case recordChangeCipherSpec:
		c.handleChangeCipherSpec(content)
	case recordAlert:
		c.handleAlert(content, false)
	case recordACK:
		// It cannot acknowledge anything, being forgeable. But a client that
		// misses our ServerHello sends an empty one.
		// https://www.rfc-editor.org/rfc/rfc9147#section-7.1
		c.stats.RecordsUnprotected++
		if c.state != connected {
			c.nudge()
		}
	default: // application data, which is never valid in epoch 0
		c.stats.RecordsUnprotected++
	}
}

// handleChangeCipherSpec notes that the peer has changed to epoch 1. Since records
// overtake one another, it may come early: it takes effect when the Finished
// message is the one to come. DTLS 1.3 does not use it.
func (c *Conn) handleChangeCipherSpec(content []byte) {
	switch {
	case c.state == connected || c.version != VersionDTLS12:
		c.stats.RecordsUnprotected++
	case len(content) != 1 || content[0] != 1:
		c.stats.RecordsMalformed++
	default:
		c.hs.changed = true
		c.hs.progress = true
	}
}

// handleProtected12 handles a record of epoch 1 of DTLS 1.2. record is all of it.
func (c *Conn) handleProtected12(record []byte, typ uint8, seq uint64) {
	p := c.readApp
	switch {
	case c.state == connected:
	case !c.awaitsFinished12() || !c.hs.changed || typ == recordApplicationData:
		c.hold(record)
		return
	}
	if p.window.seen(seq) {
		c.stats.RecordsReplayed++
		return
	}
	lo := c.grow(len(record))
	out, ok := p.open12(c.queue.arena, typ, seq, record[plainHeaderSize:])
	if !ok {
		c.undecryptable(p)
		return
	}
	p.window.add(seq)
	c.queue.arena = out
	c.deliver(typ, lo, recordNumber{1, seq})
}

// handleUnified handles a protected record of DTLS 1.3. record is all of it.
func (c *Conn) handleUnified(h *unified, record []byte) {
	if c.version == VersionDTLS12 || !c.cfg.allows(VersionDTLS13) {
		c.stats.RecordsIgnored++
		return
	}
	p := c.reader(h.first)
	if p == nil || p.epoch > 2 && c.state != connected {
		c.hold(record)
		return
	}
	seq := p.number(h, record)
	if seq > maxSequence {
		c.stats.RecordsIgnored++
		return
	}
	if p.window.seen(seq) {
		c.stats.RecordsReplayed++
		return
	}
	lo := c.grow(len(h.body))
	out, typ, ok := p.open13(c.queue.arena, h, seq)
	if !ok {
		c.undecryptable(p)
		return
	}
	p.window.add(seq)
	c.queue.arena = out
	c.deliver(typ, lo, recordNumber{p.epoch, seq})
}

// reader returns the keys for the epoch of which a unified header has two bits.
func (c *Conn) reader(first byte) *protection {
	for _, p := range [...]*protection{c.readApp, c.readOld, c.readHandshake} {
		if p != nil && byte(p.epoch)&unifiedEpoch == first&unifiedEpoch {
			return p
		}
	}
	return nil
}

// grow makes room for n more bytes in the arena, and returns where it ends.
func (c *Conn) grow(n int) int {
	c.queue.arena = slices.Grow(c.queue.arena, n)
	return len(c.queue.arena)
}

// undecryptable counts a record that failed authentication.
func (c *Conn) undecryptable(p *protection) {
	c.stats.RecordsUndecryptable++
	p.failures++
	if p.failures >= maxForgeries {
		c.end(ErrKeyLimit, AlertInternalError, true)
	}
}

// deliver handles the content of a protected record, which is the arena from lo
// on.
func (c *Conn) deliver(typ uint8, lo int, number recordNumber) {
	content := c.queue.arena[lo:]
	if len(content) > maxPlaintext {
		c.fail(refuse(AlertRecordOverflow, errRecordSize))
		return
	}
	if typ == recordApplicationData && c.state == connected && (c.version == VersionDTLS12 || number.epoch > 2) {
		c.deliverData(lo)
		return
	}
	c.queue.arena = c.queue.arena[:lo]
	switch {
	case typ == recordHandshake:
		c.handleHandshake(content, number)
	case typ == recordAlert:
		c.handleAlert(content, true)
	case typ == recordACK && c.version == VersionDTLS13:
		c.handleACK(content, number.epoch)
	default:
		c.fail(refuse(AlertUnexpectedMessage, errUnexpectedRecord))
	}
}

// deliverData queues the arena from lo on as an EventData.
func (c *Conn) deliverData(lo int) {
	q := &c.queue
	hi := len(q.arena)
	switch {
	case q.full(hi - lo):
		c.stats.DataDropped++
		q.arena = q.arena[:lo]
	case hi > lo:
		q.push(queued{kind: EventData, lo: lo, hi: hi})
	}
	// A client that sends data has received our last flight.
	if c.version == VersionDTLS12 && !c.lingerUntil.IsZero() {
		c.endLinger()
	}
}
