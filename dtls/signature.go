package dtls

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"fmt"
	"io"
	"slices"
)

// signatureScheme is an entry of the TLS SignatureScheme registry.
type signatureScheme uint16

const (
	ecdsaP256SHA256 signatureScheme = 0x0403
	ecdsaP384SHA384 signatureScheme = 0x0503
	rsaPSSSHA256    signatureScheme = 0x0804
	rsaPSSSHA384    signatureScheme = 0x0805
	rsaPSSSHA512    signatureScheme = 0x0806
	rsaPKCS1SHA256  signatureScheme = 0x0401
	rsaPKCS1SHA384  signatureScheme = 0x0501
	rsaPKCS1SHA512  signatureScheme = 0x0601
)

// peerSchemes are the schemes that we accept, best first.
var peerSchemes = []signatureScheme{
	ecdsaP256SHA256, ecdsaP384SHA384,
	rsaPSSSHA256, rsaPSSSHA384, rsaPSSSHA512,
	rsaPKCS1SHA256, rsaPKCS1SHA384, rsaPKCS1SHA512,
}

func (s signatureScheme) hash() crypto.Hash {
	switch s {
	case ecdsaP384SHA384, rsaPSSSHA384, rsaPKCS1SHA384:
		return crypto.SHA384
	case rsaPSSSHA512, rsaPKCS1SHA512:
		return crypto.SHA512
	default:
		return crypto.SHA256
	}
}

func (s signatureScheme) pss() bool { return s>>8 == 8 }

func (s signatureScheme) pkcs1() bool {
	return s == rsaPKCS1SHA256 || s == rsaPKCS1SHA384 || s == rsaPKCS1SHA512
}

// fits reports whether a signature by the scheme can be made with the key that
// belongs to pub, in a handshake of version v.
func (s signatureScheme) fits(pub crypto.PublicKey, v Version) bool {
	if !slices.Contains(peerSchemes, s) {
		return false
	}
	switch pub := pub.(type) {
	case *ecdsa.PublicKey:
		// In DTLS 1.2 the scheme names the hash only, not the curve.
		// https://www.rfc-editor.org/rfc/rfc8446#section-4.2.3
		p256, p384 := pub.Curve == elliptic.P256(), pub.Curve == elliptic.P384()
		if v == VersionDTLS12 {
			return (p256 || p384) && (s == ecdsaP256SHA256 || s == ecdsaP384SHA384)
		}
		return p256 && s == ecdsaP256SHA256 || p384 && s == ecdsaP384SHA384
	case *rsa.PublicKey:
		// PKCS #1 v1.5 is for signatures in certificates only, in DTLS 1.3.
		// https://www.rfc-editor.org/rfc/rfc8446#section-4.2.3
		return s.pss() || v == VersionDTLS12 && s.pkcs1()
	}
	return false
}

// chooseScheme returns the scheme for our signature, given what the peer accepts.
func chooseScheme(pub crypto.PublicKey, v Version, accepted []signatureScheme) (signatureScheme, bool) {
	for _, s := range peerSchemes {
		if s.fits(pub, v) && slices.Contains(accepted, s) && naturalHash(pub, s) {
			return s, true
		}
	}
	return 0, false
}

// naturalHash leaves out the pairings of curve and hash that DTLS 1.2 allows
// but that nobody needs.
func naturalHash(pub crypto.PublicKey, s signatureScheme) bool {
	if pub, ok := pub.(*ecdsa.PublicKey); ok {
		return pub.Curve == elliptic.P256() == (s == ecdsaP256SHA256)
	}
	return true
}

// sign signs a message with our key.
func (c *Certificate) sign(rand io.Reader, s signatureScheme, message []byte) ([]byte, error) {
	h := s.hash()
	w := h.New()
	w.Write(message)
	digest := w.Sum(nil)
	var opts crypto.SignerOpts = h
	if s.pss() {
		opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: h}
	}
	if _, ok := c.Signer.(*ecdsa.PrivateKey); ok {
		rand = nil // deterministic, RFC 6979
	}
	sig, err := c.Signer.Sign(rand, digest, opts)
	if err != nil {
		return nil, refuse(AlertInternalError, fmt.Errorf("%w: %w", errSign, err))
	}
	return sig, nil
}

// verify checks a signature of the peer.
func verify(pub crypto.PublicKey, v Version, s signatureScheme, message, sig []byte) error {
	if !s.fits(pub, v) {
		return refuse(AlertIllegalParameter, errScheme)
	}
	h := s.hash()
	w := h.New()
	w.Write(message)
	digest := w.Sum(nil)
	good := false
	switch pub := pub.(type) {
	case *ecdsa.PublicKey:
		good = ecdsa.VerifyASN1(pub, digest, sig)
	case *rsa.PublicKey:
		if s.pss() {
			opts := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
			good = rsa.VerifyPSS(pub, h, digest, sig, opts) == nil
		} else {
			good = rsa.VerifyPKCS1v15(pub, h, digest, sig) == nil
		}
	}
	if !good {
		return refuse(AlertDecryptError, errSignature)
	}
	return nil
}
