package sctp

import "time"

// Association is one end of an SCTP association and its data channels. It is
// not safe for concurrent use.
type Association struct {
	cfg   Config
	stats Stats
}

// New returns an association that waits for Connect, or for the peer's INIT.
// Channels may be opened and messages queued at once.
func New(cfg Config) (*Association, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Association{cfg: cfg}, nil
}

// SetClient says whether this side is the DTLS client, before Connect.
func (a *Association) SetClient(now time.Time, client bool) error { a.cfg.Client = client; return nil }

// SetRemoteMaxMessageSize sets Config.RemoteMaxMessageSize.
func (a *Association) SetRemoteMaxMessageSize(n int) { a.cfg.RemoteMaxMessageSize = n }

// Connect starts the association: an INIT is owed. Calling it again is harmless.
func (a *Association) Connect(now time.Time) {}

// HandlePacket takes one SCTP packet of the peer. b is neither kept nor changed.
func (a *Association) HandlePacket(now time.Time, b []byte) {}

// HandleTimeout lets time pass.
func (a *Association) HandleTimeout(now time.Time) {}

// AppendPacket appends the next packet owed to the peer to dst.
func (a *Association) AppendPacket(now time.Time, dst []byte) ([]byte, bool) { return dst, false }

// NextEvent returns the next event.
func (a *Association) NextEvent() (Event, bool) { return Event{}, false }

// Deadline returns when to call HandleTimeout next; zero: never.
func (a *Association) Deadline() time.Time { return time.Time{} }

// Open opens a data channel.
func (a *Association) Open(now time.Time, cfg ChannelConfig) (ChannelID, error) { return 0, ErrClosed }

// Send queues a copy of data as one message on a channel.
func (a *Association) Send(now time.Time, id ChannelID, binary bool, data []byte) error {
	return ErrNoChannel
}

// CloseChannel closes a channel once what is queued on it is sent.
func (a *Association) CloseChannel(now time.Time, id ChannelID) error { return ErrNoChannel }

// BufferedAmount returns the bytes queued on a channel and not yet sent.
func (a *Association) BufferedAmount(id ChannelID) int { return 0 }

// SetBufferedAmountLowThreshold sets when EventBufferedAmountLow is due.
func (a *Association) SetBufferedAmountLowThreshold(id ChannelID, n int) error { return ErrNoChannel }

// Shutdown ends the association once everything queued is delivered.
func (a *Association) Shutdown(now time.Time) {}

// Close ends the association at once: an ABORT is owed to the peer.
func (a *Association) Close(now time.Time) {}
