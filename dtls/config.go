package dtls

import (
	"crypto/fips140"
	"fmt"
	"io"
	"slices"
	"time"
)

// Config says how a [Conn] is set up. It is copied by [NewConn], but what its
// fields point to must not change while the Conn lives.
type Config struct {
	// Client says which side we are: the client sends the first message.
	Client bool

	// Certificate is ours. It must be set.
	Certificate *Certificate

	// Fingerprints are those of the peer's certificate. The certificate must
	// match one of them. It may be empty only if VerifyPeerCertificate is set.
	Fingerprints []Fingerprint

	// VerifyPeerCertificate decides about the peer's certificates, in DER with
	// the end entity's first. If it returns an error, the connection ends
	// with an *AlertError that wraps it. It is called after the comparison with Fingerprints,
	// and before anything is parsed. The peer's possession of the private key is
	// verified later, so that a nil return alone proves nothing about the peer.
	// It must not keep or change the bytes.
	// If nil, the fingerprint decides alone.
	VerifyPeerCertificate func(chain [][]byte) error

	// MinVersion and MaxVersion bound the version. If zero, DTLS 1.2 and
	// DTLS 1.3.
	MinVersion, MaxVersion Version

	// Groups are the groups for the key exchange, best first. If empty:
	// X25519MLKEM768, X25519, P256, P384. A client sends a share of the first,
	// and one of the first that is not a hybrid.
	Groups []Group

	// CipherSuites are the cipher suites of both versions, best first. If empty, all
	// that this package knows, AES-128 before AES-256.
	CipherSuites []CipherSuite

	// SRTPProfiles are the SRTP profiles we can use, best first. If empty,
	// use_srtp is not negotiated.
	SRTPProfiles []SRTPProfile

	// Rand is the source of randomness. It must be set, and it must be
	// cryptographically secure but in tests.
	Rand io.Reader

	// MTU is the largest datagram sent, in bytes of UDP payload, during the handshake. If
	// zero, 1200. Smaller values than 128 are refused.
	MTU int

	// KeyLogWriter receives the secrets of the connection in the format of
	// SSLKEYLOGFILE, one Write per line, so that a capture can be decrypted.
	// If nil, they are not written. It breaks the security of the connection.
	KeyLogWriter io.Writer

	// RTT is an estimate of the round-trip time to the peer, for instance that
	// of the STUN checks. Retransmission starts after 1.5 times the RTT, and not
	// before 50 ms. If zero, there is no estimate. See [Conn.SetRTT].
	RTT time.Duration

	// HandshakeTimeout limits the handshake, counted from the first datagram
	// sent or handshake message received. If zero, 30 s.
	HandshakeTimeout time.Duration

	// Cookie makes a server ask the client to prove that it receives at its
	// address, at the cost of a round trip: by HelloRetryRequest in DTLS 1.3, by
	// HelloVerifyRequest in DTLS 1.2. Connectivity checks of ICE prove the
	// same, so that WebRTC does not need it.
	Cookie bool
}

const (
	defaultMTU              = 1200
	minMTU                  = 128
	defaultHandshakeTimeout = 30 * time.Second
)

var (
	defaultGroups       = []Group{X25519MLKEM768, X25519, P256, P384}
	defaultCipherSuites = []CipherSuite{
		TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384,
		TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	}
)

// withDefaults returns the configuration with its zero fields filled, or what
// is wrong with it.
func (cfg Config) withDefaults() (Config, error) {
	if cfg.Rand == nil {
		return cfg, ErrNoRand
	}
	if fips140.Enforced() {
		return cfg, ErrFIPS // AES-GCM with nonces of ours, and X25519
	}
	if err := cfg.Certificate.check(); err != nil {
		return cfg, err
	}
	if len(cfg.Fingerprints) == 0 && cfg.VerifyPeerCertificate == nil {
		return cfg, ErrNoPeerIdentity
	}
	if cfg.MinVersion == 0 {
		cfg.MinVersion = VersionDTLS12
	}
	if cfg.MaxVersion == 0 {
		cfg.MaxVersion = VersionDTLS13
	}
	if len(cfg.Groups) == 0 {
		cfg.Groups = defaultGroups
	}
	if len(cfg.CipherSuites) == 0 {
		cfg.CipherSuites = defaultCipherSuites
	}
	if cfg.MTU == 0 {
		cfg.MTU = defaultMTU
	}
	if cfg.HandshakeTimeout == 0 {
		cfg.HandshakeTimeout = defaultHandshakeTimeout
	}
	return cfg, cfg.check()
}

// check reports what is wrong with a configuration without zero fields.
func (cfg *Config) check() error {
	for _, v := range []Version{cfg.MinVersion, cfg.MaxVersion} {
		if v != VersionDTLS12 && v != VersionDTLS13 {
			return fmt.Errorf("%w: %v is not supported", ErrConfig, v)
		}
	}
	if cfg.MinVersion < cfg.MaxVersion { // newer versions have smaller numbers
		return fmt.Errorf("%w: MinVersion is newer than MaxVersion", ErrConfig)
	}
	for i, g := range cfg.Groups {
		if g != X25519MLKEM768 && !g.classic() {
			return fmt.Errorf("%w: %v is not supported", ErrConfig, g)
		}
		if slices.Contains(cfg.Groups[:i], g) {
			return fmt.Errorf("%w: %v is listed twice", ErrConfig, g)
		}
	}
	for i, s := range cfg.CipherSuites {
		if !s.known() {
			return fmt.Errorf("%w: %v is not supported", ErrConfig, s)
		}
		if slices.Contains(cfg.CipherSuites[:i], s) {
			return fmt.Errorf("%w: %v is listed twice", ErrConfig, s)
		}
	}
	for i, p := range cfg.SRTPProfiles {
		if !p.known() {
			return fmt.Errorf("%w: %v is not supported", ErrConfig, p)
		}
		if slices.Contains(cfg.SRTPProfiles[:i], p) {
			return fmt.Errorf("%w: %v is listed twice", ErrConfig, p)
		}
	}
	return cfg.checkVersions()
}

// checkVersions reports whether a version is allowed that cannot work with the
// groups and suites listed, and numbers out of range.
func (cfg *Config) checkVersions() error {
	has13 := slices.ContainsFunc(cfg.CipherSuites, CipherSuite.dtls13)
	has12 := slices.ContainsFunc(cfg.CipherSuites, func(s CipherSuite) bool { return !s.dtls13() })
	switch {
	case cfg.allows(VersionDTLS13) && !has13:
		return fmt.Errorf("%w: no cipher suite for DTLS 1.3, which MaxVersion allows", ErrConfig)
	case cfg.allows(VersionDTLS12) && !has12:
		return fmt.Errorf("%w: no cipher suite for DTLS 1.2, which MinVersion allows", ErrConfig)
	case cfg.allows(VersionDTLS12) && !slices.ContainsFunc(cfg.Groups, Group.classic):
		return fmt.Errorf("%w: no group for DTLS 1.2, which MinVersion allows", ErrConfig)
	case cfg.MTU < minMTU || cfg.MTU > 65507:
		return fmt.Errorf("%w: MTU %d", ErrConfig, cfg.MTU)
	case cfg.HandshakeTimeout < 0 || cfg.RTT < 0:
		return fmt.Errorf("%w: negative duration", ErrConfig)
	}
	return nil
}

// allows reports whether v is within the bounds.
func (cfg *Config) allows(v Version) bool {
	return v <= cfg.MinVersion && v >= cfg.MaxVersion
}
