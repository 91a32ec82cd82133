package dtls

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"time"
)

// Certificate is what an endpoint authenticates with. One Certificate may be
// used by any number of connections at the same time, if its Signer allows that.
type Certificate struct {
	Chain [][]byte // certificates in DER, the end entity's first
	// Signer is the private key of Chain[0]: an ECDSA key on P-256 or P-384,
	// or an RSA key of 2,048 bits or more. It need not be in memory: any
	// crypto.Signer will do.
	Signer crypto.Signer
}

// certificateLifetime is how long a generated certificate is valid.
const certificateLifetime = 30 * 24 * time.Hour

// NewCertificate generates an ECDSA P-256 key and a self-signed certificate for
// it, valid from a day before now until 30 days after. The same bytes from rand
// and the same now give the same certificate.
func NewCertificate(rand io.Reader, now time.Time) (*Certificate, error) {
	if rand == nil {
		return nil, ErrNoRand
	}
	key, err := newSigningKey(rand)
	if err != nil {
		return nil, err
	}
	var serial [8]byte
	if _, err := io.ReadFull(rand, serial[:]); err != nil {
		return nil, err
	}
	serial[0] = serial[0]&0x7f | 0x40 // positive, and always of the same length
	now = now.UTC().Truncate(time.Second)
	template := &x509.Certificate{
		SerialNumber:       new(big.Int).SetBytes(serial[:]),
		Subject:            pkix.Name{CommonName: "WebRTC"},
		NotBefore:          now.Add(-24 * time.Hour), // clocks differ
		NotAfter:           now.Add(certificateLifetime),
		SignatureAlgorithm: x509.ECDSAWithSHA256,
	}
	// Without a reader, the signature is the deterministic one of RFC 6979.
	der, err := x509.CreateCertificate(nil, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return &Certificate{Chain: [][]byte{der}, Signer: key}, nil
}

// newSigningKey draws a P-256 key from rand.
func newSigningKey(rand io.Reader) (*ecdsa.PrivateKey, error) {
	var b [32]byte
	for range maxScalarTries {
		if _, err := io.ReadFull(rand, b[:]); err != nil {
			return nil, err
		}
		if key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), b[:]); err == nil {
			return key, nil
		}
	}
	return nil, errBadRand
}

// Fingerprint returns the fingerprint of the end entity certificate. algorithm
// is "sha-256", "sha-384" or "sha-512"; with any other, or without a
// certificate, the fingerprint has no value.
func (c *Certificate) Fingerprint(algorithm string) Fingerprint {
	f := Fingerprint{Algorithm: algorithm}
	if h := f.hash(); h != 0 && len(c.Chain) > 0 {
		w := h.New()
		w.Write(c.Chain[0])
		f.Value = w.Sum(nil)
	}
	return f
}

// check reports why c cannot be used, if so.
func (c *Certificate) check() error {
	if c == nil || len(c.Chain) == 0 || len(c.Chain[0]) == 0 || c.Signer == nil {
		return ErrNoCertificate
	}
	size := 0
	for _, der := range c.Chain {
		size += len(der)
	}
	if size > maxCertificateBytes {
		return ErrCertificateTooLarge
	}
	if !supportedKey(c.Signer.Public()) {
		return ErrCertificateKey
	}
	if !c.matchesSigner() {
		return ErrCertificateSigner
	}
	return nil
}

// supportedKey reports whether a public key is of a kind that a certificate, ours or
// the peer's, may have.
func supportedKey(key crypto.PublicKey) bool {
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		return key.Curve == elliptic.P256() || key.Curve == elliptic.P384()
	case *rsa.PublicKey:
		n := key.N.BitLen()
		return n >= minRSABits && n <= maxRSABits
	}
	return false
}

// matchesSigner reports whether the certificate is for the signer's key.
func (c *Certificate) matchesSigner() bool {
	spki, ok := publicKeyInfo(c.Chain[0])
	if !ok {
		return false
	}
	if want, err := x509.MarshalPKIXPublicKey(c.Signer.Public()); err == nil && bytes.Equal(want, spki) {
		return true
	}
	key, err := x509.ParsePKIXPublicKey(spki) // there are other ways to write it
	signer, ok := c.Signer.Public().(interface{ Equal(crypto.PublicKey) bool })
	return err == nil && ok && signer.Equal(key)
}
