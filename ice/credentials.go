package ice

import "io"

// iceChars are the 64 characters of credentials: ALPHA / DIGIT / "+" / "/".
// https://www.rfc-editor.org/rfc/rfc8839#section-5.4
const iceChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// NewCredentials draws credentials from rand: 48 bits of ufrag and 144 of password.
// RFC 8445 section 5.3 asks for 24 and 128; the longer ufrag lets a server with many
// sessions route by it.
func NewCredentials(rand io.Reader) (Credentials, error) {
	var b [8 + 24]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return Credentials{}, err
	}
	for i, v := range b {
		b[i] = iceChars[v&63]
	}
	return Credentials{Ufrag: string(b[:8]), Pwd: string(b[8:])}, nil
}
