package stun

import (
	"encoding/binary"
	"hash/crc32"
	"net/netip"
)

// A Message is a view of one message. It is valid only if it came from Parse.
type Message []byte

// Parse checks the framing of b, which must be exactly one message, and its
// FINGERPRINT if there is one. The result is b, not a copy.
func Parse(b []byte) (Message, error) {
	if !Is(b) || len(b)%4 != 0 || int(binary.BigEndian.Uint16(b[2:])) != len(b)-headerSize {
		return nil, ErrMalformed
	}
	for off := headerSize; off < len(b); {
		if len(b)-off < 4 {
			return nil, ErrMalformed
		}
		size := int(binary.BigEndian.Uint16(b[off+2:]))
		end := off + 4 + padded(size)
		if end > len(b) {
			return nil, ErrMalformed
		}
		if AttrType(binary.BigEndian.Uint16(b[off:])) == AttrFingerprint {
			// "the FINGERPRINT attribute MUST be the last attribute in the message"
			// https://www.rfc-editor.org/rfc/rfc8489#section-14.7
			if size != 4 || end != len(b) {
				return nil, ErrMalformed
			}
			if binary.BigEndian.Uint32(b[off+4:]) != fingerprint(b[:off]) {
				return nil, ErrFingerprint
			}
		}
		off = end
	}
	return Message(b[:len(b):len(b)]), nil
}

func padded(n int) int { return (n + 3) &^ 3 }

// fingerprint is "the CRC-32 of the STUN message up to (but excluding) the
// FINGERPRINT attribute itself, XOR'ed with the 32-bit value 0x5354554e".
// https://www.rfc-editor.org/rfc/rfc8489#section-14.7
func fingerprint(b []byte) uint32 { return crc32.ChecksumIEEE(b) ^ 0x5354554e }

// Class returns the message's class.
func (m Message) Class() Class { return Class(m[0]&1<<1 | m[1]>>4&1) }

// Method returns the message's method.
func (m Message) Method() Method {
	t := binary.BigEndian.Uint16(m)
	return Method(t&0xF | t>>1&0x70 | t>>2&0xF80)
}

// TransactionID returns a copy of the message's transaction id.
func (m Message) TransactionID() TransactionID { return TransactionID(m[8:headerSize]) }

// An Attr is one attribute. Value is a part of the message, without padding.
type Attr struct {
	Type  AttrType
	Value []byte
}

// Attrs returns a cursor before the first attribute.
func (m Message) Attrs() Attrs { return Attrs{rest: m[headerSize:]} }

// Attr returns the first attribute of a type.
func (m Message) Attr(t AttrType) (value []byte, ok bool) {
	for attrs := m.Attrs(); ; {
		attr, ok := attrs.Next()
		if !ok {
			return nil, false
		}
		if attr.Type == t {
			return attr.Value, true
		}
	}
}

// Attrs is a cursor over the attributes that count: those after
// MESSAGE-INTEGRITY are passed over, as nothing protects them, except FINGERPRINT.
//
// "agents MUST ignore all other attributes that follow MESSAGE-INTEGRITY"
// https://www.rfc-editor.org/rfc/rfc8489#section-14.5
type Attrs struct {
	rest      []byte
	protected bool // MESSAGE-INTEGRITY has been passed
}

// Next returns the next attribute, in the order of the message. Of duplicates the
// first is the one that counts; telling them apart is left to the caller.
func (c *Attrs) Next() (Attr, bool) {
	for len(c.rest) >= 4 {
		b := c.rest
		t := AttrType(binary.BigEndian.Uint16(b))
		size := int(binary.BigEndian.Uint16(b[2:]))
		next := 4 + padded(size)
		if next > len(b) {
			break
		}
		c.rest = b[next:]
		if c.protected && t != AttrFingerprint {
			continue
		}
		c.protected = c.protected || t == AttrMessageIntegrity
		return Attr{t, b[4 : 4+size : 4+size]}, true
	}
	return Attr{}, false
}

// Uint32 decodes a 32-bit attribute such as PRIORITY.
func (a Attr) Uint32() (uint32, bool) {
	if len(a.Value) != 4 {
		return 0, false
	}
	return binary.BigEndian.Uint32(a.Value), true
}

// Uint64 decodes a 64-bit attribute such as ICE-CONTROLLING.
func (a Attr) Uint64() (uint64, bool) {
	if len(a.Value) != 8 {
		return 0, false
	}
	return binary.BigEndian.Uint64(a.Value), true
}

// ErrorCode decodes ERROR-CODE. The reason is a part of the message.
func (a Attr) ErrorCode() (code int, reason []byte, ok bool) {
	if len(a.Value) < 4 {
		return 0, nil, false
	}
	class, number := int(a.Value[2]&7), int(a.Value[3])
	if class < 3 || class > 6 || number > 99 {
		return 0, nil, false
	}
	return class*100 + number, a.Value[4:], true
}

// XORMappedAddress decodes XOR-MAPPED-ADDRESS of m.
func (m Message) XORMappedAddress() (netip.AddrPort, bool) {
	v, ok := m.Attr(AttrXORMappedAddress)
	if !ok || len(v) < 4 {
		return netip.AddrPort{}, false
	}
	port := binary.BigEndian.Uint16(v[2:]) ^ magicCookie>>16
	switch {
	case v[1] == familyIPv4 && len(v) == 8:
		addr := [4]byte(v[4:])
		xor(addr[:], m[4:])
		return netip.AddrPortFrom(netip.AddrFrom4(addr), port), true
	case v[1] == familyIPv6 && len(v) == 20:
		addr := [16]byte(v[4:])
		xor(addr[:], m[4:])
		return netip.AddrPortFrom(netip.AddrFrom16(addr), port), true
	}
	return netip.AddrPort{}, false
}

const (
	familyIPv4 = 1
	familyIPv6 = 2
)

// xor combines an address with the magic cookie and, for IPv6, the transaction id
// that follows it.
func xor(addr, mask []byte) {
	for i := range addr {
		addr[i] ^= mask[i]
	}
}
