package sctp

import (
	"errors"
	"io"
	"time"
)

// Config sets up an [Association]. It is copied by [New].
type Config struct {
	// Rand is the source of verification tags, initial TSNs, heartbeat nonces
	// and the key of the state cookie. It must not be nil.
	Rand io.Reader

	// Client says that this side is the DTLS client, which opens channels on
	// even stream identifiers; the server uses odd ones (RFC 8832 section 6).
	// It is not needed before Connect: see [Association.SetClient].
	Client bool

	// LocalPort and RemotePort are the SCTP ports. If zero, 5000.
	LocalPort, RemotePort uint16

	// MTU is the size in bytes of the largest SCTP packet to build, without
	// the bytes that the layers below add. If zero, 1188. At least 256.
	MTU int

	// MaxMessageSize is the size in bytes of the largest message accepted from
	// the peer (the a=max-message-size we announce). A larger one closes its
	// channel. If zero, 262144.
	MaxMessageSize int

	// RemoteMaxMessageSize is the size in bytes of the largest message the
	// peer accepts. If zero, 65536, which is what RFC 8841 section 6.1 lets us
	// assume of a peer that says nothing. If negative, there is no limit.
	RemoteMaxMessageSize int

	// SendBuffer limits the bytes held for the peer, from Send until they are
	// acknowledged, over all channels, including what the bookkeeping of each
	// message costs. A single message larger than this is accepted while the
	// buffer is empty. If zero, 8 MiB.
	SendBuffer int

	// ReceiveBuffer limits the bytes held for the application, over all
	// channels, including bookkeeping. The peer is told how much is left. If
	// zero, 5 MiB. It is raised to hold a message of MaxMessageSize.
	ReceiveBuffer int

	// RTT is a hint of the round-trip time, such as the one measured by ICE.
	// It sets the first retransmission timeout. If zero, that is 500 ms.
	RTT time.Duration

	// MinRTO and MaxRTO bound the retransmission timeout. If zero, 200 ms and
	// 10 s.
	MinRTO, MaxRTO time.Duration

	// MaxRetransmits is how many times in a row the retransmission timer may
	// expire, without a sign of life in between, before the association is
	// given up (Association.Max.Retrans), and how often an INIT or
	// COOKIE-ECHO is repeated. If zero, 24, which is more than a minute. If
	// negative, there is no limit: the caller decides, for instance by ICE
	// consent.
	MaxRetransmits int

	// HeartbeatInterval is the pause between heartbeats on an idle
	// association. If zero, 30 s. If negative, there are none.
	HeartbeatInterval time.Duration

	// MaxChannels limits the number of channels that exist at once; past it an
	// OPEN of the peer is refused by a stream reset. If zero, 1024.
	MaxChannels int
}

const (
	defaultPort              = 5000
	defaultMTU               = 1188
	minMTU                   = 256
	maxMTU                   = 65536 - 4
	defaultMaxMessageSize    = 256 << 10
	defaultRemoteMessageSize = 64 << 10
	defaultSendBuffer        = 8 << 20
	defaultReceiveBuffer     = 5 << 20
	defaultMaxRetransmits    = 24
	defaultMaxChannels       = 1024
	defaultHeartbeat         = 30 * time.Second
	defaultMinRTO            = 200 * time.Millisecond
	defaultMaxRTO            = 10 * time.Second
)

var errConfig = errors.New("sctp: invalid Config")

func orDefault[T int | uint16 | time.Duration](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

// withDefaults fills in the defaults and refuses what makes no sense.
func (c Config) withDefaults() (Config, error) {
	orDefault(&c.LocalPort, defaultPort)
	orDefault(&c.RemotePort, defaultPort)
	orDefault(&c.MTU, defaultMTU)
	orDefault(&c.MaxMessageSize, defaultMaxMessageSize)
	orDefault(&c.RemoteMaxMessageSize, defaultRemoteMessageSize)
	orDefault(&c.SendBuffer, defaultSendBuffer)
	orDefault(&c.ReceiveBuffer, defaultReceiveBuffer)
	orDefault(&c.MaxRetransmits, defaultMaxRetransmits)
	orDefault(&c.MaxChannels, defaultMaxChannels)
	orDefault(&c.HeartbeatInterval, defaultHeartbeat)
	orDefault(&c.MinRTO, defaultMinRTO)
	orDefault(&c.MaxRTO, defaultMaxRTO)
	switch {
	case c.Rand == nil, c.MTU < minMTU, c.MTU > maxMTU, c.MaxMessageSize < 0,
		c.SendBuffer < 0, c.ReceiveBuffer < 0, c.RTT < 0, c.MaxChannels < 0,
		c.MinRTO < 0, c.MaxRTO < c.MinRTO:
		return c, errConfig
	}
	c.MTU &^= 3 // chunks are padded to four bytes
	// A message is handed out whole, so it must fit whole, beside a second one
	// that arrives meanwhile. The same again goes for its fragments' overhead.
	need := 2*c.MaxMessageSize + c.MaxMessageSize/2
	c.ReceiveBuffer = max(c.ReceiveBuffer, need, 64<<10)
	return c, nil
}

// ChannelID is the handle of a data channel in its association. It is never
// reused, other than the stream identifier, and never zero.
type ChannelID uint32

// ChannelConfig describes a data channel (RFC 8832 section 5.1).
type ChannelConfig struct {
	// Label and Protocol are UTF-8 strings of at most 65535 bytes each; their
	// sum must fit the peer's maximum message size.
	Label, Protocol string

	// Unordered lets messages overtake one another.
	Unordered bool

	// MaxRetransmits is how often a lost part of a message is sent again
	// before the message is abandoned. If nil, there is no limit. At most one
	// of MaxRetransmits and MaxLifetime may be set.
	MaxRetransmits *uint16

	// MaxLifetime is how long after Send a message is sent or sent again
	// before it is abandoned, in whole milliseconds. If nil, there is no
	// limit.
	MaxLifetime *time.Duration

	// Negotiated says that both sides open the channel with the same StreamID
	// and configuration, agreed elsewhere; nothing is announced in-band.
	Negotiated bool

	// StreamID is the SCTP stream, 0 to 65534. On Open it is read only for
	// Negotiated channels; the others get the next free one of this side's
	// parity. In events it is always set.
	StreamID uint16

	// Priority is carried to the peer (RFC 8831 section 6.4: 128 below normal,
	// 256 normal, 512 high, 1024 extra high). If zero, 256.
	Priority uint16
}
