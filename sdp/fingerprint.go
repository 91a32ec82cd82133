package sdp

import (
	"bytes"
	"encoding/hex"
	"strings"
)

// hashSizes are the hashes we compare certificates with, in bytes. RFC 8122 knows
// weaker ones, which are read and never trusted.
var hashSizes = map[string]int{"sha-256": 32, "sha-384": 48, "sha-512": 64}

// ParseFingerprint reads the value of an a=fingerprint attribute, such as
// "sha-256 1F:2E:…". Any algorithm is read; the length is checked for SHA-2.
func ParseFingerprint(s string) (Fingerprint, error) {
	algorithm, digits, _ := strings.Cut(s, " ")
	algorithm = strings.ToLower(algorithm)
	digits = strings.TrimSpace(digits)
	// UHEX *(":" UHEX)
	if !isToken(algorithm) || len(digits)%3 != 2 {
		return Fingerprint{}, ErrValue
	}
	value := make([]byte, 0, (len(digits)+1)/3)
	for i := 0; i < len(digits); i += 3 {
		if i > 0 && digits[i-1] != ':' {
			return Fingerprint{}, ErrValue
		}
		var err error
		if value, err = hex.AppendDecode(value, []byte(digits[i:i+2])); err != nil {
			return Fingerprint{}, ErrValue
		}
	}
	if size, ok := hashSizes[algorithm]; ok && size != len(value) {
		return Fingerprint{}, ErrValue
	}
	return Fingerprint{algorithm, value}, nil
}

// Known reports whether the hash is one that a certificate may be verified with:
// sha-256, sha-384 or sha-512.
func (f Fingerprint) Known() bool {
	size, ok := hashSizes[f.Algorithm]
	return ok && size == len(f.Value)
}

// Equal reports whether f and g are the same.
func (f Fingerprint) Equal(g Fingerprint) bool {
	return f.Algorithm == g.Algorithm && bytes.Equal(f.Value, g.Value)
}

// String returns the value of the attribute.
func (f Fingerprint) String() string { return string(f.appendTo(nil)) }

func (f Fingerprint) appendTo(dst []byte) []byte {
	const digits = "0123456789ABCDEF"
	dst = append(dst, f.Algorithm...)
	for i, b := range f.Value {
		separator := byte(':')
		if i == 0 {
			separator = ' '
		}
		dst = append(dst, separator, digits[b>>4], digits[b&15])
	}
	return dst
}
