package dtls

import "errors"

// Errors of the API and ends of a connection. Why a handshake failed is in
// [AlertError].Err.
var (
	ErrNoRand              = errors.New("dtls: Config.Rand is nil")
	ErrNoCertificate       = errors.New("dtls: Config.Certificate is nil or lacks a chain or a signer")
	ErrCertificateKey      = errors.New("dtls: the key of Config.Certificate is neither ECDSA on P-256 or P-384 nor RSA of 2048 to 8192 bits")
	ErrCertificateSigner   = errors.New("dtls: Config.Certificate is not for the key of its signer")
	ErrCertificateTooLarge = errors.New("dtls: the chain of Config.Certificate is too large")
	ErrNoPeerIdentity      = errors.New("dtls: neither Config.Fingerprints nor Config.VerifyPeerCertificate is set")
	ErrFIPS                = errors.New("dtls: DTLS is not possible with GODEBUG=fips140=only; fips140=on is fine")
	ErrConfig              = errors.New("dtls: invalid Config")
	ErrFingerprintSyntax   = errors.New("dtls: malformed fingerprint")

	ErrNotConnected   = errors.New("dtls: the handshake is not complete")
	ErrClosed         = errors.New("dtls: the connection is closed")
	ErrRecordTooLarge = errors.New("dtls: a record holds at most 16384 bytes")
	ErrExporter       = errors.New("dtls: invalid label, context or length of keying material")

	// ErrFingerprint ends a connection whose peer showed a certificate that
	// matches none of Config.Fingerprints.
	ErrFingerprint = errors.New("dtls: the certificate of the peer matches no fingerprint")
	// ErrHandshakeTimeout ends a connection whose handshake took too long.
	ErrHandshakeTimeout = errors.New("dtls: handshake timeout")
	// ErrKeyLimit ends a connection whose keys may not protect further records.
	ErrKeyLimit = errors.New("dtls: the limit of the keys is reached")
)
