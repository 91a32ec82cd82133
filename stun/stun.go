// Package stun reads and writes STUN messages (RFC 8489) as ICE needs them: Binding
// requests, responses and indications with short-term integrity and fingerprint.
//
// A Message is a view of the received bytes and a Builder appends to the caller's
// buffer; neither allocates. Messages that go over TCP are without RFC 4571 framing
// here.
package stun

import (
	"encoding/binary"
	"errors"
)

const (
	headerSize  = 20
	magicCookie = 0x2112A442
)

// A Class is the two class bits of a message type.
type Class uint8

const (
	Request    Class = 0
	Indication Class = 1
	Success    Class = 2
	Error      Class = 3
)

// A Method is the twelve method bits of a message type.
type Method uint16

// Binding is the only method that ICE uses between peers.
const Binding Method = 1

// A TransactionID ties a response to its request.
type TransactionID [12]byte

// An AttrType is the type of an attribute. A receiver may pass over the types it
// does not know only if they are Optional.
type AttrType uint16

// Optional reports whether t is a comprehension-optional type.
func (t AttrType) Optional() bool { return t >= 0x8000 }

const (
	AttrMappedAddress          AttrType = 0x0001
	AttrUsername               AttrType = 0x0006
	AttrMessageIntegrity       AttrType = 0x0008
	AttrErrorCode              AttrType = 0x0009
	AttrUnknownAttributes      AttrType = 0x000A
	AttrMessageIntegritySHA256 AttrType = 0x001C
	AttrXORMappedAddress       AttrType = 0x0020
	AttrPriority               AttrType = 0x0024
	AttrUseCandidate           AttrType = 0x0025
	AttrSoftware               AttrType = 0x8022
	AttrFingerprint            AttrType = 0x8028
	AttrICEControlled          AttrType = 0x8029
	AttrICEControlling         AttrType = 0x802A
	AttrGoogNetworkInfo        AttrType = 0xC057 // sent by Chromium in every check
)

// Error codes of RFC 8489 section 14.8 and RFC 8445 section 16.1.
const (
	CodeBadRequest       = 400
	CodeUnauthenticated  = 401
	CodeUnknownAttribute = 420
	CodeRoleConflict     = 487
)

// Errors of Parse and of the attribute decoders.
var (
	ErrMalformed   = errors.New("stun: malformed message")
	ErrFingerprint = errors.New("stun: wrong fingerprint")
	// ErrFIPS is returned by NewKey where HMAC-SHA1 may not be used.
	ErrFIPS = errors.New("stun: GODEBUG=fips140=only forbids HMAC-SHA1")
)

// Is reports whether b looks like a STUN message by its fixed bits, which tell it
// apart from DTLS, RTP and everything else of RFC 7983. It may still not parse.
func Is(b []byte) bool {
	return len(b) >= headerSize && b[0]&0xC0 == 0 && b[3]&3 == 0 &&
		binary.BigEndian.Uint32(b[4:]) == magicCookie
}

// Username returns the two halves of the USERNAME of a connectivity check, so that
// a server with many sessions can route a first packet: local is the username
// fragment of the receiver, remote that of the sender. Nothing is verified; only
// the first few attributes are looked at, so the work is constant.
func Username(b []byte) (local, remote []byte, ok bool) {
	const lookedAt = 16
	if !Is(b) {
		return nil, nil, false
	}
	attrs := Message(b).Attrs()
	for range lookedAt {
		attr, ok := attrs.Next()
		if !ok {
			break
		}
		if attr.Type == AttrUsername {
			return SplitUsername(attr.Value)
		}
	}
	return nil, nil, false
}

// SplitUsername splits the value of a USERNAME at its first colon.
func SplitUsername(value []byte) (local, remote []byte, ok bool) {
	for i, c := range value {
		if c == ':' {
			return value[:i:i], value[i+1 : len(value) : len(value)], true
		}
	}
	return nil, nil, false
}
