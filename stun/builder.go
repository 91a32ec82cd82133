package stun

import (
	"encoding/binary"
	"net/netip"
)

// A Builder appends one message to a buffer. Attributes are written in the order
// of the calls, of which Integrity and Fingerprint come last. The message is
// complete after each call. A message longer than 65,535 bytes is a mistake of the
// caller and panics.
type Builder struct {
	b     []byte
	start int
}

// NewBuilder begins a message at the end of dst, which is only appended to.
func NewBuilder(dst []byte, class Class, method Method, id TransactionID) Builder {
	t := uint16(method)&0xF | uint16(method)&0x70<<1 | uint16(method)&0xF80<<2
	t |= uint16(class)&1<<4 | uint16(class)&2<<7
	b := Builder{start: len(dst)}
	dst = binary.BigEndian.AppendUint16(dst, t)
	dst = binary.BigEndian.AppendUint16(dst, 0)
	dst = binary.BigEndian.AppendUint32(dst, magicCookie)
	b.b = append(dst, id[:]...)
	return b
}

// Bytes returns the buffer that was given, extended by the message.
func (b *Builder) Bytes() []byte { return b.b }

// header appends the header of an attribute and accounts for its length.
func (b *Builder) header(t AttrType, size int) {
	length := len(b.b) - b.start - headerSize + 4 + padded(size)
	if length > 0xFFFF {
		panic("stun: message too long")
	}
	binary.BigEndian.PutUint16(b.b[b.start+2:], uint16(length))
	b.b = binary.BigEndian.AppendUint16(b.b, uint16(t))
	b.b = binary.BigEndian.AppendUint16(b.b, uint16(size))
}

// pad appends zeros up to the next multiple of four, never what was in memory.
func (b *Builder) pad() {
	for (len(b.b)-b.start)%4 != 0 {
		b.b = append(b.b, 0)
	}
}

// Attr appends an attribute with any value, empty for a flag.
func (b *Builder) Attr(t AttrType, value []byte) {
	b.header(t, len(value))
	b.b = append(b.b, value...)
	b.pad()
}

// Uint32 appends a 32-bit attribute such as PRIORITY.
func (b *Builder) Uint32(t AttrType, v uint32) {
	b.header(t, 4)
	b.b = binary.BigEndian.AppendUint32(b.b, v)
}

// Uint64 appends a 64-bit attribute such as ICE-CONTROLLING.
func (b *Builder) Uint64(t AttrType, v uint64) {
	b.header(t, 8)
	b.b = binary.BigEndian.AppendUint64(b.b, v)
}

// Username appends the USERNAME of a check: the fragment of the receiver of this
// message, a colon, that of the sender.
func (b *Builder) Username(receiver, sender string) {
	b.header(AttrUsername, len(receiver)+1+len(sender))
	b.b = append(b.b, receiver...)
	b.b = append(b.b, ':')
	b.b = append(b.b, sender...)
	b.pad()
}

// Software appends SOFTWARE.
func (b *Builder) Software(name string) {
	b.header(AttrSoftware, len(name))
	b.b = append(b.b, name...)
	b.pad()
}

// XORMappedAddress appends XOR-MAPPED-ADDRESS. An IPv4-mapped IPv6 address is
// written as IPv4.
func (b *Builder) XORMappedAddress(a netip.AddrPort) {
	addr, mask := a.Addr().Unmap(), b.b[b.start+4:b.start+headerSize]
	port := a.Port() ^ magicCookie>>16
	if addr.Is4() {
		v := addr.As4()
		xor(v[:], mask)
		b.header(AttrXORMappedAddress, 8)
		b.b = append(b.b, 0, familyIPv4, byte(port>>8), byte(port))
		b.b = append(b.b, v[:]...)
		return
	}
	v := addr.As16()
	xor(v[:], mask)
	b.header(AttrXORMappedAddress, 20)
	b.b = append(b.b, 0, familyIPv6, byte(port>>8), byte(port))
	b.b = append(b.b, v[:]...)
}

// ErrorCode appends ERROR-CODE with its reason phrase.
func (b *Builder) ErrorCode(code int, reason string) {
	b.header(AttrErrorCode, 4+len(reason))
	b.b = append(b.b, 0, 0, byte(code/100), byte(code%100))
	b.b = append(b.b, reason...)
	b.pad()
}

// UnknownAttributes appends UNKNOWN-ATTRIBUTES, the list that goes with code 420.
func (b *Builder) UnknownAttributes(types ...AttrType) {
	b.header(AttrUnknownAttributes, 2*len(types))
	for _, t := range types {
		b.b = binary.BigEndian.AppendUint16(b.b, uint16(t))
	}
	b.pad()
}

// Integrity appends MESSAGE-INTEGRITY over what was appended so far.
func (b *Builder) Integrity(k *Key) {
	sum := k.compute(b.b[b.start:], len(b.b)-b.start)
	b.Attr(AttrMessageIntegrity, sum)
}

// Fingerprint appends FINGERPRINT. Nothing may follow.
func (b *Builder) Fingerprint() {
	b.header(AttrFingerprint, 4)
	b.b = binary.BigEndian.AppendUint32(b.b, fingerprint(b.b[b.start:len(b.b)-4]))
}
