package dtls

import (
	"crypto"
	"crypto/hmac"
)

// prf12 is the pseudorandom function of RFC 5246 section 5; its seed is given
// in two parts.
func prf12(h crypto.Hash, secret []byte, label string, seed1, seed2 []byte, n int) []byte {
	mac := hmac.New(h.New, secret)
	part := func(a []byte) {
		mac.Reset()
		mac.Write(a)
		mac.Write([]byte(label))
		mac.Write(seed1)
		mac.Write(seed2)
	}
	part(nil)
	a := mac.Sum(nil)
	out := make([]byte, 0, n+h.Size())
	for len(out) < n {
		part(a)
		out = mac.Sum(out)
		mac.Reset()
		mac.Write(a)
		a = mac.Sum(a[:0])
	}
	return out[:n]
}

const (
	masterSecretSize = 48
	verifyDataSize   = 12
	finishedClient   = "client finished"
	finishedServer   = "server finished"
)

// masterSecret12 is the extended master secret of RFC 7627, the only one in use.
func masterSecret12(h crypto.Hash, premaster, sessionHash []byte) []byte {
	return prf12(h, premaster, "extended master secret", sessionHash, nil, masterSecretSize)
}
