package main

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"
	"hash"
	"hash/crc32"
)

// stunFloor answers one known kind of check with hand-written code: the four
// computations nobody can avoid (HMAC-SHA1 of the request and of the response, CRC-32 of
// both) with the key set up once, one scan over the attributes, and stores at fixed
// offsets. It knows nothing else of STUN and checks no more than it must.
type stunFloor struct {
	mac    hash.Hash
	sum    [sha1.Size]byte
	header [20]byte
	out    [20 + 12 + 24 + 8]byte
}

const (
	stunCookie         = 0x2112a442
	stunFingerprintXor = 0x5354554e
)

func newStunFloor() *stunFloor {
	return &stunFloor{mac: hmac.New(sha1.New, []byte(stunPassword))}
}

// answer verifies a check and returns the response.
func (f *stunFloor) answer(b []byte) []byte {
	if binary.BigEndian.Uint16(b) != 0x0001 || binary.BigEndian.Uint32(b[4:]) != stunCookie ||
		int(binary.BigEndian.Uint16(b[2:])) != len(b)-20 {
		panic("scoreboard: not a check")
	}
	integrity, priority, nominated := 0, uint32(0), false
	for i := 20; i+4 <= len(b); {
		n := int(binary.BigEndian.Uint16(b[i+2:]))
		switch binary.BigEndian.Uint16(b[i:]) {
		case 0x0006:
			if string(b[i+4:i+4+n]) != stunUsername {
				panic("scoreboard: wrong username")
			}
		case 0x0008:
			integrity = i
		case 0x0024:
			priority = binary.BigEndian.Uint32(b[i+4:])
		case 0x0025:
			nominated = true
		}
		i += 4 + (n+3)&^3
	}
	if priority == 0 || !nominated || !f.verify(b, integrity) {
		panic("scoreboard: check refused")
	}

	r := f.out[:]
	binary.BigEndian.PutUint16(r, 0x0101)
	copy(r[4:20], b[4:20])
	binary.BigEndian.PutUint32(r[20:], 0x0020_0008)
	binary.BigEndian.PutUint16(r[24:], 0x0001)
	binary.BigEndian.PutUint16(r[26:], stunClient.Port()^stunCookie>>16)
	ip := stunClient.Addr().As4()
	binary.BigEndian.PutUint32(r[28:], binary.BigEndian.Uint32(ip[:])^stunCookie)
	binary.BigEndian.PutUint16(r[2:], 12+24)
	f.mac.Reset()
	f.mac.Write(r[:32])
	binary.BigEndian.PutUint32(r[32:], 0x0008_0014)
	f.mac.Sum(r[36:36])
	binary.BigEndian.PutUint16(r[2:], 12+24+8)
	binary.BigEndian.PutUint32(r[56:], 0x8028_0004)
	binary.BigEndian.PutUint32(r[60:], crc32.ChecksumIEEE(r[:56])^stunFingerprintXor)
	return r
}

// verify checks the FINGERPRINT at the end and the MESSAGE-INTEGRITY at offset i.
func (f *stunFloor) verify(b []byte, i int) bool {
	end := len(b) - 8
	if binary.BigEndian.Uint32(b[end:]) != 0x8028_0004 ||
		binary.BigEndian.Uint32(b[end+4:]) != crc32.ChecksumIEEE(b[:end])^stunFingerprintXor {
		return false
	}
	copy(f.header[:], b[:20])
	binary.BigEndian.PutUint16(f.header[2:], uint16(i+24-20))
	f.mac.Reset()
	f.mac.Write(f.header[:])
	f.mac.Write(b[20:i])
	return subtle.ConstantTimeCompare(f.mac.Sum(f.sum[:0]), b[i+4:i+24]) == 1
}

// accepts reports whether a response is byte for byte the one the floor would send.
func (f *stunFloor) accepts(response []byte) bool {
	return string(f.answer(stunCheck())) == string(response)
}
