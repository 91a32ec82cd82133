package dtls

import (
	"crypto"
	_ "crypto/sha256" // registers the hashes named in fingerprints
	_ "crypto/sha512"
	"crypto/subtle"
	"encoding/hex"
	"strings"
)

// Fingerprint is the hash of a certificate in DER, as in the a=fingerprint
// attribute of SDP (RFC 8122 section 5).
type Fingerprint struct {
	Algorithm string // "sha-256", "sha-384" or "sha-512"; case does not matter
	Value     []byte
}

// ParseFingerprint reads the value of an a=fingerprint attribute, such as
// "sha-256 0A:1B:…". The attribute name may be there or not. An algorithm that
// this package does not know is no error; such a fingerprint matches nothing.
func ParseFingerprint(s string) (Fingerprint, error) {
	s = strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(s), "a="), "fingerprint:")
	algorithm, value, ok := strings.Cut(s, " ")
	if !ok || !isToken(algorithm) {
		return Fingerprint{}, ErrFingerprintSyntax
	}
	value = strings.TrimSpace(value)
	// One byte is two digits, and there is a colon between bytes.
	if len(value)%3 != 2 {
		return Fingerprint{}, ErrFingerprintSyntax
	}
	b := make([]byte, 0, (len(value)+1)/3)
	for i := 0; i < len(value); i += 3 {
		if i > 0 && value[i-1] != ':' {
			return Fingerprint{}, ErrFingerprintSyntax
		}
		var err error
		if b, err = hex.AppendDecode(b, []byte(value[i:i+2])); err != nil {
			return Fingerprint{}, ErrFingerprintSyntax
		}
	}
	f := Fingerprint{Algorithm: strings.ToLower(algorithm), Value: b}
	if h := f.hash(); h != 0 && len(b) != h.Size() {
		return Fingerprint{}, ErrFingerprintSyntax
	}
	return f, nil
}

// isToken reports whether s can be the name of a hash function, which is a token of
// SDP (RFC 8866 section 9): here letters, digits and what the registered names have beside.
func isToken(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_':
		default:
			return false
		}
	}
	return s != ""
}

// String returns the fingerprint as the value of an a=fingerprint attribute.
func (f Fingerprint) String() string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	b.Grow(len(f.Algorithm) + 3*len(f.Value))
	b.WriteString(f.Algorithm)
	for i, v := range f.Value {
		sep := byte(':')
		if i == 0 {
			sep = ' '
		}
		b.WriteByte(sep)
		b.WriteByte(digits[v>>4])
		b.WriteByte(digits[v&15])
	}
	return b.String()
}

// Matches reports whether f is the fingerprint of the certificate der.
func (f Fingerprint) Matches(der []byte) bool {
	h := f.hash()
	if h == 0 {
		return false
	}
	w := h.New()
	w.Write(der)
	return subtle.ConstantTimeCompare(w.Sum(nil), f.Value) == 1
}

// hash is the hash function of the fingerprint, or 0 if it is unknown. RFC 8122
// forbids MD2 and MD5, and SHA-1 can be forged: they are unknown here.
func (f Fingerprint) hash() crypto.Hash {
	switch strings.ToLower(f.Algorithm) {
	case "sha-256":
		return crypto.SHA256
	case "sha-384":
		return crypto.SHA384
	case "sha-512":
		return crypto.SHA512
	}
	return 0
}
