package dtls

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Conn is one side of a DTLS connection. It must be made by [NewConn]. A Conn is
// not safe for concurrent use.
type Conn struct {
	cfg   Config
	now   time.Time // the latest that a caller has named
	state state
	stats Stats

	version Version // zero: not negotiated yet, as for the next two
	suite   CipherSuite
	group   Group
	profile SRTPProfile
	peer    [][]byte // the peer's certificates

	hs  *handshake // what is needed only until the handshake is complete
	in  inbox
	out uint16 // message_seq of our next message

	flight flight
	acks   ackState
	rtt    time.Duration // zero: unknown

	plainSeq uint64 // next sequence number of epoch 0
	// Keys. DTLS 1.2 has epoch 1 only, and uses readApp and writeApp. DTLS 1.3
	// has handshake keys in epoch 2, application keys from epoch 3 on.
	readHandshake, writeHandshake *protection
	readApp, writeApp             *protection
	readOld                       *protection // before the peer's last KeyUpdate
	update                        keyUpdate
	exporter                      exporter

	handshakeBy time.Time // when the handshake has failed; zero: no limit
	lingerUntil time.Time // when the peer no longer needs our last flight
	started     bool      // something has been sent, or received in order

	closed     bool
	alert      Alert // owed if alertOwed
	alertFatal bool
	alertOwed  bool

	queue eventQueue
}

// NewConn returns a connection that is ready for the handshake. A client owes
// its first datagram at once; a server waits for the client.
func NewConn(now time.Time, cfg Config) (*Conn, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &Conn{cfg: cfg, now: now, rtt: cfg.RTT, hs: new(handshake), state: serverWaitHello}
	if cfg.Client {
		if err := c.startClient(); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// advance moves the clock. Time does not go back.
func (c *Conn) advance(now time.Time) {
	if now.After(c.now) {
		c.now = now
	}
}

// HandlePacket takes a datagram from the peer. It does not keep b and does not
// change it. Bytes handed out by earlier events become invalid.
func (c *Conn) HandlePacket(now time.Time, b []byte) {
	c.advance(now)
	c.queue.reclaim()
	c.handleDatagram(b)
	c.replayHeld()
	if c.state == connected {
		c.hs = nil
	}
	c.runTimers()
}

// HandleTimeout tells the connection that time has passed.
func (c *Conn) HandleTimeout(now time.Time) {
	c.advance(now)
	c.runTimers()
}

// AppendPacket appends the next datagram to send to dst, which may hold
// other bytes already. It reports false, and returns dst as it was, if nothing
// is owed.
func (c *Conn) AppendPacket(now time.Time, dst []byte) ([]byte, bool) {
	c.advance(now)
	start := len(dst)
	dst = c.appendFlight(dst, start)
	if c.acks.owed && !c.closed {
		dst = c.appendACK(dst, start)
	}
	if c.alertOwed && (len(dst) == start || !c.flight.owed()) {
		dst = c.appendAlert(dst, start)
	}
	return dst, len(dst) > start
}

// AppendData seals plaintext as one record of application data and appends it to
// dst. The result is a datagram that can be sent; several records may be
// put into one. dst must not overlap plaintext. Neither is kept. It returns
// ErrNotConnected before EventHandshakeDone, ErrClosed after the end,
// ErrRecordTooLarge for more than 16,384 bytes, and ErrKeyLimit, with which the
// connection ends, if too much has been sent with the present keys.
//
// As long as the close_notify of [Conn.Close] is still owed, the connection is not at
// its end: the protocol above can say goodbye first.
func (c *Conn) AppendData(now time.Time, dst, plaintext []byte) ([]byte, error) {
	c.advance(now)
	switch {
	case c.closed && !(c.alertOwed && c.alert == AlertCloseNotify):
		return dst, ErrClosed
	case c.state != connected:
		return dst, ErrNotConnected
	case len(plaintext) > maxPlaintext:
		return dst, ErrRecordTooLarge
	}
	p := c.writeApp
	if p.next >= p.limits.soft && !c.renewKeys() {
		return dst, ErrKeyLimit
	}
	return p.seal(dst, recordApplicationData, plaintext), nil
}

// Overhead is the number of bytes by which a record of application data is
// longer than its content. Before the version is known it is the larger of both.
func (c *Conn) Overhead() int {
	if c.version == VersionDTLS13 {
		return overhead13
	}
	return overhead12
}

// NextEvent returns the next event, if there is one.
func (c *Conn) NextEvent() (Event, bool) { return c.queue.pop() }

// Deadline is when HandleTimeout has to be called next. Zero means never.
func (c *Conn) Deadline() time.Time {
	if c.closed {
		return time.Time{}
	}
	var first time.Time
	for _, t := range [...]time.Time{c.flight.timer, c.acks.at, c.handshakeBy, c.lingerUntil} {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

// Close ends the connection: a close_notify is owed, and EventClosed follows. The
// answer of the peer is not waited for. Calling it again does nothing.
func (c *Conn) Close(now time.Time) {
	c.advance(now)
	if !c.closed {
		c.end(nil, AlertCloseNotify, false)
	}
}

// SetRTT tells the connection an estimate of the round-trip time, as
// Config.RTT. Zero and less is ignored.
func (c *Conn) SetRTT(rtt time.Duration) {
	if rtt > 0 {
		c.rtt = rtt
	}
}

// State describes the connection.
func (c *Conn) State() ConnectionState {
	return ConnectionState{
		HandshakeDone:    c.state == connected,
		Client:           c.cfg.Client,
		Version:          c.version,
		CipherSuite:      c.suite,
		Group:            c.group,
		SRTPProfile:      c.profile,
		PeerCertificates: slices.Clone(c.peer),
	}
}

// Stats returns the counters of the connection.
func (c *Conn) Stats() Stats { return c.stats }

// fail ends the connection because the peer has broken the protocol, or because
// something of ours has failed.
func (c *Conn) fail(err error) {
	var refusal *AlertError
	if !errors.As(err, &refusal) {
		refusal = &AlertError{Alert: AlertInternalError, Err: err}
	}
	c.end(refusal, refusal.Alert, true)
}

// end ends the connection with an alert for the peer.
func (c *Conn) end(err error, alert Alert, fatal bool) {
	if fatal {
		c.flight = flight{}
	}
	c.alert, c.alertFatal = alert, fatal
	// Nobody is there to be told, before the first datagram.
	c.alertOwed = c.started
	c.finish(err)
}

// finish ends the connection without one.
func (c *Conn) finish(err error) {
	c.closed = true
	c.hs = nil
	c.in = inbox{}
	c.acks = ackState{}
	c.queue.err = err
	c.queue.push(queued{kind: EventClosed})
}

// timeOut ends a handshake that took too long.
func (c *Conn) timeOut() {
	err := ErrHandshakeTimeout
	if c.hs != nil && c.hs.alert != nil {
		err = fmt.Errorf("%w, after an alert that is not authenticated: %w", err, c.hs.alert)
	}
	c.flight = flight{}
	c.finish(err)
}
