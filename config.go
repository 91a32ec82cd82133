package rtc

import (
	"crypto/fips140"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/sansrtc/rtc/dtls"
	"github.com/sansrtc/rtc/sdp"
	"github.com/sansrtc/rtc/srtp"
)

// Config says how an [Rtc] is to be. The zero Config is a full ICE agent with a new
// certificate and the defaults named below.
type Config struct {
	// Rand gives the random bytes of the session: credentials, keys, tags. It must
	// never fail: New returns its error, but a session that loses its source later is
	// of no more use. If nil, crypto/rand.Reader is used. Two sessions with equal inputs, Rand
	// and Certificate give equal outputs, unless an ML-KEM group is negotiated: the
	// standard library cannot seed its encapsulation.
	Rand io.Reader

	// Certificate identifies us. Making one costs as much as half a handshake, so
	// servers share one among sessions, and renew it now and then. Its key is a
	// crypto.Signer and may live in other hardware. If nil, New makes one.
	Certificate *dtls.Certificate

	// VerifyPeerCertificate, if not nil, is called with the peer's certificate
	// chain, DER encoded and its leaf first, after the leaf was found to match a
	// signalled fingerprint. Its error ends the session. If [Rtc.Start] is given no
	// fingerprints, it decides alone, against a private CA for instance; descriptions
	// always have them.
	VerifyPeerCertificate func(chain [][]byte) error

	// MinDTLSVersion and MaxDTLSVersion bound the version negotiated.
	// If zero, they are DTLS 1.2 and 1.3.
	MinDTLSVersion, MaxDTLSVersion dtls.Version

	// Groups are the key exchanges allowed, best first. If nil, they are
	// X25519MLKEM768, X25519, P-256 and P-384.
	Groups []dtls.Group

	// PreferDTLSServer makes us the DTLS server whenever we may choose, that is in
	// answers to offers that say actpass. If false, we are the client then, which
	// saves the peer's answer half a round trip (RFC 8842 section 5.3).
	PreferDTLSServer bool

	// ICELite makes the agent a lite one (RFC 8445 section 2.5): it answers checks and
	// never makes any. It fits servers with public addresses only.
	ICELite bool

	// AudioCodecs and VideoCodecs are the codecs of new sections, best first, with the
	// payload types to offer them under; RTX is a codec of its own. If nil,
	// DefaultAudioCodecs and DefaultVideoCodecs. If empty, the kind is rejected.
	AudioCodecs, VideoCodecs []sdp.Codec

	// AcceptMedia is called for each section the peer newly offers, and says how it is to be
	// used, or with false that it is rejected. Kind need not be set. If nil, all are
	// accepted, to send and to receive packets. It must not call methods of the Rtc.
	AcceptMedia func(MediaOffer) (MediaConfig, bool)

	// MediaProtection, if not nil, makes what protects media instead of package srtp: other
	// hardware, or a library that has been certified.
	MediaProtection srtp.Factory

	// MTU is the largest datagram sent, in bytes of UDP payload, from 576 to 65,000.
	// If zero, 1,200 is used, which every path of the internet carries.
	MTU int

	// MaxMessageSize is the largest message taken from a data channel, in bytes; it is
	// told to the peer. If zero, 256 KiB is used, as browsers do.
	MaxMessageSize int

	// SendBuffer is how many bytes written to data channels may wait to be sent and
	// acknowledged, over all channels. Past it Send returns sctp.ErrBufferFull.
	// If zero, the default of [sctp.Config] is used.
	SendBuffer int

	// ReceiveBuffer is how many bytes that arrived may wait for missing ones, or for
	// the application to poll. It is the window told to the peer, which stops sending when it is
	// full. If zero, the default of [sctp.Config] is used.
	ReceiveBuffer int

	// MaxChannels is how many data channels may be open at once, by both sides
	// together. If zero, the default of [sctp.Config] is used.
	MaxChannels int

	// FailedTimeout is how long the session waits for an ICE restart after ICE
	// failed, before it ends with ErrICEFailed. If zero, 10 s is used. If negative, the
	// session waits until it is closed.
	FailedTimeout time.Duration

	// HandshakeTimeout bounds the DTLS handshake, counted from its first datagram. (A
	// peer that never begins one is let go by ICE, when it is gone.)
	// If zero, 30 s is used.
	HandshakeTimeout time.Duration

	// KeyLogWriter, if not nil, receives the session's secrets in the NSS key log
	// format, for Wireshark. Whoever reads them reads everything.
	KeyLogWriter io.Writer

	// Log, if not nil, receives what happens in the session, with the time of the
	// inputs. Levels: Info for the session, Debug for rare things, Debug-4 for
	// each packet.
	Log slog.Handler

	// LogAddresses lets IP addresses and host names appear in the log. If false, they
	// are left out.
	LogAddresses bool
}

const (
	defaultMTU              = 1200
	minMTU                  = 576
	maxMTU                  = 65000
	defaultMaxMessageSize   = 256 << 10
	defaultFailedTimeout    = 10 * time.Second
	defaultHandshakeTimeout = 30 * time.Second
)

var (
	errMTU            = fmt.Errorf("rtc: Config.MTU is not within %d and %d", minMTU, maxMTU)
	errNegativeLimit  = errors.New("rtc: Config has a negative size or count")
	errDTLSVersions   = errors.New("rtc: Config.MinDTLSVersion is above MaxDTLSVersion")
	errNegativePeriod = errors.New("rtc: Config.HandshakeTimeout is negative")
)

// withDefaults checks c and returns it with every default filled in.
func (c Config) withDefaults(now time.Time) (Config, error) {
	if fips140.Enforced() {
		return c, ErrFIPS140Only
	}
	setDefault(&c.MTU, defaultMTU)
	setDefault(&c.MaxMessageSize, defaultMaxMessageSize)
	setDefault(&c.FailedTimeout, defaultFailedTimeout)
	setDefault(&c.HandshakeTimeout, defaultHandshakeTimeout)
	setDefault(&c.MinDTLSVersion, dtls.VersionDTLS12)
	setDefault(&c.MaxDTLSVersion, dtls.VersionDTLS13)
	switch {
	case c.MTU < minMTU || c.MTU > maxMTU:
		return c, errMTU
	case c.MaxMessageSize < 0 || c.SendBuffer < 0 || c.ReceiveBuffer < 0 || c.MaxChannels < 0:
		return c, errNegativeLimit
	case c.HandshakeTimeout < 0:
		return c, errNegativePeriod
	case c.MinDTLSVersion < c.MaxDTLSVersion: // newer versions have smaller numbers
		return c, errDTLSVersions
	}
	if c.AudioCodecs == nil {
		c.AudioCodecs = DefaultAudioCodecs()
	}
	if c.VideoCodecs == nil {
		c.VideoCodecs = DefaultVideoCodecs()
	}
	c.Rand = randomSource(c.Rand)
	if c.Certificate == nil {
		cert, err := dtls.NewCertificate(c.Rand, now)
		if err != nil {
			return c, fmt.Errorf("rtc: making a certificate: %w", err)
		}
		c.Certificate = cert
	}
	return c, nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
