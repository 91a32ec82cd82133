package rtc

import (
	"crypto/rand"
	"io"
)

// randomSource resolves Config.Rand. It is the one place where this module touches
// the random source of the system.
func randomSource(r io.Reader) io.Reader {
	if r == nil {
		return rand.Reader
	}
	return r
}
