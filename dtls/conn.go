package dtls

import "time"

// Conn is one side of a DTLS connection. It must be made by [NewConn]. A Conn is
// not safe for concurrent use.
type Conn struct {
	cfg Config
}

// NewConn returns a connection that is ready for the handshake. A client owes
// its first datagram at once; a server waits for the client.
func NewConn(now time.Time, cfg Config) (*Conn, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Conn{cfg: cfg}, nil
}

// HandlePacket takes a datagram from the peer. It does not keep b and does not
// change it. Bytes handed out by earlier events become invalid.
func (c *Conn) HandlePacket(now time.Time, b []byte) {}

// HandleTimeout tells the connection that time has passed.
func (c *Conn) HandleTimeout(now time.Time) {}

// AppendPacket appends the next datagram to send to dst, which may hold
// other bytes already. It reports false, and returns dst as it was, if nothing
// is owed.
func (c *Conn) AppendPacket(now time.Time, dst []byte) ([]byte, bool) { return dst, false }

// AppendData seals plaintext as one record of application data and appends it to
// dst. The result is a datagram that can be sent; several records may be
// put into one. dst must not overlap plaintext. Neither is kept. It returns
// ErrNotConnected before EventHandshakeDone, ErrClosed after the end, and
// ErrRecordTooLarge for more than 16,384 bytes.
func (c *Conn) AppendData(now time.Time, dst, plaintext []byte) ([]byte, error) {
	return dst, ErrNotConnected
}

// Overhead is the number of bytes by which a record of application data is
// longer than its content. Before the version is known it is the larger of both.
func (c *Conn) Overhead() int { return 37 }

// NextEvent returns the next event, if there is one.
func (c *Conn) NextEvent() (Event, bool) { return Event{}, false }

// Deadline is when HandleTimeout has to be called next. Zero means never.
func (c *Conn) Deadline() time.Time { return time.Time{} }

// Close ends the connection: a close_notify is owed, and EventClosed follows. The
// answer of the peer is not waited for. Calling it again does nothing.
func (c *Conn) Close(now time.Time) {}

// SetRTT tells the connection an estimate of the round-trip time, as
// Config.RTT.
func (c *Conn) SetRTT(rtt time.Duration) { c.cfg.RTT = rtt }

// State describes the connection.
func (c *Conn) State() ConnectionState { return ConnectionState{} }

// Stats returns the counters of the connection.
func (c *Conn) Stats() Stats { return Stats{} }

// ExportKeyingMaterial returns n bytes of keying material (RFC 5705, RFC 8446
// section 7.5). A nil context means none, which differs from an empty one in
// DTLS 1.2. It returns ErrNotConnected before EventHandshakeDone.
func (c *Conn) ExportKeyingMaterial(label string, context []byte, n int) ([]byte, error) {
	return nil, ErrNotConnected
}
