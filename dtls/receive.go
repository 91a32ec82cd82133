package dtls

import (
	"encoding/binary"
	"slices"
	"time"
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
			c.handleUnified(h, b[:n])
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
func (c *Conn) handleUnified(h unified, record []byte) {
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

// handleAlert handles an alert.
func (c *Conn) handleAlert(content []byte, protected bool) {
	if len(content) != 2 {
		if protected {
			c.fail(refuse(AlertDecodeError, errAlertSize))
			return
		}
		c.stats.RecordsMalformed++
		return
	}
	fatal, alert := content[0] == 2, Alert(content[1])
	if !protected {
		c.handlePlainAlert(fatal, alert)
		return
	}
	switch {
	case alert == AlertCloseNotify:
		var err error
		if c.state != connected {
			err = &AlertError{Alert: alert, Peer: true}
		}
		c.end(err, AlertCloseNotify, false)
	case alert == AlertUserCanceled:
		// A close_notify follows.
	case fatal || c.version == VersionDTLS13:
		// "All alerts defined in this section below, as well as all unknown
		// alerts, are universally considered fatal".
		// https://www.rfc-editor.org/rfc/rfc8446#section-6
		c.flight = flight{}
		c.finish(&AlertError{Alert: alert, Peer: true})
	}
}

// handlePlainAlert handles an alert that anybody can have sent. It ends the
// connection only if there are no keys that a genuine one would use.
func (c *Conn) handlePlainAlert(fatal bool, alert Alert) {
	switch {
	case !fatal && alert != AlertCloseNotify, !c.started:
		c.stats.RecordsIgnored++
	case c.readApp == nil && c.readHandshake == nil:
		c.flight = flight{}
		c.finish(&AlertError{Alert: alert, Peer: true})
	default:
		c.stats.RecordsUnprotected++
		if c.hs != nil {
			c.hs.alert = &AlertError{Alert: alert, Peer: true} // explains a timeout
		}
	}
}

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
	// What has been dropped must come again, hence is not acknowledged. A
	// ClientHello is not acknowledged at all.
	if (news || known) && !dropped && (c.cfg.Client || number.epoch > 0) {
		if c.state == connected && news && !c.acks.owed {
			c.acks.reset() // what was there belongs to an earlier flight
		}
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

// handleACK handles an ACK of DTLS 1.3, which came in the given epoch.
func (c *Conn) handleACK(content []byte, epoch uint64) {
	entries, ok := consumeACK(content)
	if !ok {
		c.fail(refuse(AlertDecodeError, errMalformed))
		return
	}
	if len(entries) == 0 {
		c.nudge()
		return
	}
	f := &c.flight
	var latest time.Time
	news := false
	for i := 0; i < maxAckEntries && len(entries) > 0; i++ {
		n := recordNumber{binary.BigEndian.Uint64(entries), binary.BigEndian.Uint64(entries[8:])}
		entries = entries[ackEntrySize:]
		// "ACK records MUST be sent with an epoch that is equal to or higher than
		// the record which is being acknowledged."
		// https://www.rfc-editor.org/rfc/rfc9147#section-7.1
		if n.epoch > epoch {
			continue
		}
		at, isNews := f.acknowledge(n)
		news = news || isNews
		if at.After(latest) {
			latest = at
		}
	}
	if !news {
		return
	}
	if f.complete() {
		c.sampleRTT(c.now.Sub(latest))
		c.acknowledged()
		return
	}
	f.resendUpTo(latest)
}
