package dtls

import (
	"crypto/ecdh"
	"crypto/mlkem"
	"errors"
	"io"
)

// maxScalarTries bounds the draws for a scalar below the order of P-256 or
// P-384. A draw fails once in 2^32, unless the source is broken.
const maxScalarTries = 16

var errBadRand = errors.New("dtls: Config.Rand does not look random")

// classic reports whether g is a Diffie-Hellman group that this package knows.
func (g Group) classic() bool { return g == X25519 || g == P256 || g == P384 }

func (g Group) curve() (c ecdh.Curve, scalar int) {
	switch g {
	case P256:
		return ecdh.P256(), 32
	case P384:
		return ecdh.P384(), 48
	default: // X25519, and the half of the hybrid
		return ecdh.X25519(), 32
	}
}

// newECDHKey draws a private key. (The standard library's GenerateKey would not
// use the reader it is given.)
func newECDHKey(rand io.Reader, g Group) (*ecdh.PrivateKey, error) {
	curve, size := g.curve()
	var room [48]byte
	b := room[:size]
	for range maxScalarTries {
		if _, err := io.ReadFull(rand, b); err != nil {
			return nil, err
		}
		if key, err := curve.NewPrivateKey(b); err == nil {
			return key, nil
		}
	}
	return nil, errBadRand
}

// privateShare is our half of a key exchange for which the peer has yet to
// send its own.
type privateShare struct {
	group Group
	ecdh  *ecdh.PrivateKey
	kem   *mlkem.DecapsulationKey768 // X25519MLKEM768 only
}

// newPrivateShare draws the keys for a group. For the hybrid, ec is used as
// the X25519 key if it is not nil.
func newPrivateShare(rand io.Reader, g Group, ec *ecdh.PrivateKey) (s privateShare, err error) {
	s = privateShare{group: g, ecdh: ec}
	if g == X25519MLKEM768 {
		var seed [mlkem.SeedSize]byte
		if _, err = io.ReadFull(rand, seed[:]); err != nil {
			return s, err
		}
		if s.kem, err = mlkem.NewDecapsulationKey768(seed[:]); err != nil {
			return s, err
		}
	}
	if s.ecdh == nil {
		s.ecdh, err = newECDHKey(rand, g)
	}
	return s, err
}

// public returns the key_exchange value. That of the hybrid is the
// encapsulation key of ML-KEM followed by the X25519 share.
// https://datatracker.ietf.org/doc/html/draft-ietf-tls-ecdhe-mlkem
func (s *privateShare) public() []byte {
	var b []byte
	if s.kem != nil {
		b = s.kem.EncapsulationKey().Bytes()
	}
	return append(b, s.ecdh.PublicKey().Bytes()...)
}

// secret computes the shared secret from the peer's share.
func (s *privateShare) secret(peer []byte) ([]byte, error) {
	if s.kem == nil {
		return exchange(s.ecdh, peer)
	}
	if len(peer) != mlkem.CiphertextSize768+32 {
		return nil, refuse(AlertIllegalParameter, errKeyShare)
	}
	shared, err := s.kem.Decapsulate(peer[:mlkem.CiphertextSize768])
	if err != nil {
		return nil, refuse(AlertIllegalParameter, errKeyShare)
	}
	ec, err := exchange(s.ecdh, peer[mlkem.CiphertextSize768:])
	return append(shared, ec...), err
}

// answerShare makes the server's share for a client's one, and the secret.
func answerShare(rand io.Reader, g Group, peer []byte) (share, secret []byte, err error) {
	var shared []byte
	if g == X25519MLKEM768 {
		if len(peer) != mlkem.EncapsulationKeySize768+32 {
			return nil, nil, refuse(AlertIllegalParameter, errKeyShare)
		}
		kem, err := mlkem.NewEncapsulationKey768(peer[:mlkem.EncapsulationKeySize768])
		if err != nil {
			return nil, nil, refuse(AlertIllegalParameter, errKeyShare)
		}
		shared, share = kem.Encapsulate()
		peer = peer[mlkem.EncapsulationKeySize768:]
	}
	key, err := newECDHKey(rand, g)
	if err != nil {
		return nil, nil, err
	}
	ec, err := exchange(key, peer)
	if err != nil {
		return nil, nil, err
	}
	return append(share, key.PublicKey().Bytes()...), append(shared, ec...), nil
}

func exchange(key *ecdh.PrivateKey, peer []byte) ([]byte, error) {
	// Both fail for a point that is not on the curve, or of small order.
	pub, err := key.Curve().NewPublicKey(peer)
	if err != nil {
		return nil, refuse(AlertIllegalParameter, errKeyShare)
	}
	secret, err := key.ECDH(pub)
	if err != nil {
		return nil, refuse(AlertIllegalParameter, errKeyShare)
	}
	return secret, nil
}
