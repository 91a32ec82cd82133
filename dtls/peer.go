package dtls

import (
	"crypto"
	"crypto/x509"
)

// authenticate decides whether the certificates are the peer's, and returns
// the public key. Nothing is parsed before the fingerprint has matched.
func (cfg *Config) authenticate(chain [][]byte) (crypto.PublicKey, error) {
	if len(cfg.Fingerprints) > 0 && !cfg.matchesFingerprint(chain[0]) {
		// A mismatch ends the connection, with bad_certificate.
		// https://www.rfc-editor.org/rfc/rfc8122#section-6.2
		return nil, refuse(AlertBadCertificate, ErrFingerprint)
	}
	if cfg.VerifyPeerCertificate != nil {
		if err := cfg.VerifyPeerCertificate(chain); err != nil {
			return nil, refuse(AlertBadCertificate, err)
		}
	}
	spki, ok := publicKeyInfo(chain[0])
	if !ok {
		return nil, refuse(AlertBadCertificate, errCertificateParse)
	}
	key, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		return nil, refuse(AlertUnsupportedCertificate, errCertificateKey)
	}
	if !supportedKey(key) {
		return nil, refuse(AlertUnsupportedCertificate, errCertificateKey)
	}
	return key, nil
}

func (cfg *Config) matchesFingerprint(der []byte) bool {
	for _, f := range cfg.Fingerprints {
		if f.Matches(der) {
			return true
		}
	}
	return false
}

// publicKeyInfo returns the SubjectPublicKeyInfo of a certificate in DER. In
// WebRTC a certificate is a container for a key: names, dates, serial numbers
// and extensions have no meaning (RFC 8827 section 6.5), and peers fill them with values
// that a strict parser refuses.
func publicKeyInfo(der []byte) (spki []byte, ok bool) {
	const (
		sequence = 0x30
		integer  = 0x02
		version  = 0xa0
	)
	certificate, _, rest, ok := consumeDER(der, sequence)
	if !ok || len(rest) != 0 {
		return nil, false
	}
	tbs, _, _, ok := consumeDER(certificate, sequence)
	if !ok {
		return nil, false
	}
	if len(tbs) > 0 && tbs[0] == version {
		if _, _, tbs, ok = consumeDER(tbs, version); !ok {
			return nil, false
		}
	}
	// serialNumber, signature, issuer, validity, subject
	for _, tag := range [...]byte{integer, sequence, sequence, sequence, sequence} {
		if _, _, tbs, ok = consumeDER(tbs, tag); !ok {
			return nil, false
		}
	}
	_, spki, _, ok = consumeDER(tbs, sequence)
	return spki, ok
}

// consumeDER takes an element with the given tag from the front of b.
func consumeDER(b []byte, tag byte) (content, element, rest []byte, ok bool) {
	if len(b) < 2 || b[0] != tag {
		return nil, nil, nil, false
	}
	length, header := int(b[1]), 2
	if length >= 0x80 {
		n := length & 0x7f
		if n == 0 || n > 3 || len(b) < 2+n {
			return nil, nil, nil, false
		}
		length, header = 0, 2+n
		for _, v := range b[2 : 2+n] {
			length = length<<8 | int(v)
		}
	}
	if length > len(b)-header {
		return nil, nil, nil, false
	}
	end := header + length
	return b[header:end], b[:end], b[end:], true
}
