package dtls

import "errors"

// maxScalarTries bounds the draws for a scalar below the order of P-256 or
// P-384. A draw fails once in 2^32, unless the source is broken.
const maxScalarTries = 16

var errBadRand = errors.New("dtls: Config.Rand does not look random")

// classic reports whether g is a Diffie-Hellman group that this package knows.
func (g Group) classic() bool { return g == X25519 || g == P256 || g == P384 }
