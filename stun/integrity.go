package stun

import (
	"crypto/fips140"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"hash"
)

const integritySize = 4 + sha1.Size

// A Key computes MESSAGE-INTEGRITY with one password. It holds the hash state after
// the password, so that a message costs no set-up and no allocation. It is not safe
// for concurrent use.
type Key struct {
	mac    hash.Hash
	header [headerSize]byte // of the message being hashed, with its length adapted
	sum    [sha1.Size]byte
}

// NewKey returns the key for a short-term credential: the password as it is, since
// the characters ICE allows are their own OpaqueString form (RFC 8489 section
// 9.1.1). The only error is ErrFIPS.
func NewKey(password string) (*Key, error) {
	if fips140.Enforced() {
		return nil, ErrFIPS
	}
	k := &Key{mac: hmac.New(sha1.New, []byte(password))}
	k.mac.Reset() // keeps the state after the password from here on
	return k, nil
}

// compute hashes m up to an attribute at off.
//
// "the Length field of the STUN message header … is adjusted to point to the end of
// the MESSAGE-INTEGRITY attribute"
// https://www.rfc-editor.org/rfc/rfc8489#section-14.5
func (k *Key) compute(m []byte, off int) []byte {
	copy(k.header[:], m)
	binary.BigEndian.PutUint16(k.header[2:], uint16(off+integritySize-headerSize))
	k.mac.Reset()
	k.mac.Write(k.header[:])
	k.mac.Write(m[headerSize:off])
	return k.mac.Sum(k.sum[:0])
}

// Verify reports whether m has a MESSAGE-INTEGRITY made with the key. It takes the
// same time whatever the value is.
func (k *Key) Verify(m Message) bool {
	for off := headerSize; len(m)-off >= 4; {
		size := int(binary.BigEndian.Uint16(m[off+2:]))
		if AttrType(binary.BigEndian.Uint16(m[off:])) == AttrMessageIntegrity {
			return size == sha1.Size && len(m)-off >= integritySize &&
				hmac.Equal(k.compute(m, off), m[off+4:off+integritySize])
		}
		off += 4 + padded(size)
	}
	return false
}
