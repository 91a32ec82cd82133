package rtp

import (
	"encoding/binary"
	"slices"
	"time"
)

// Outgoing is a packet to be sent. It is valid until the next call of a method of the Sender
// that takes the time.
type Outgoing struct {
	Header []byte // with extensions
	// Payload is what comes behind it, with the padding. It is not to be changed: others may send it too.
	Payload []byte
	// Own are the elements in the header that SetExtensions has asked for, in the form of the packet. Their values are to
	// be filled in, where they belong to this transmission, unless Repeat is set.
	Own Extensions

	PayloadType uint8
	Number      uint16 // sequence number
	RTX         bool   // a retransmission on the SSRC for such
	OSN         uint16 // number of the original packet, if RTX
	// Repeat says that the very same packet has been sent before. It must be protected with the same
	// packet index, and for this nothing in it may differ.
	Repeat bool
	// Repeatable says that the packet has no RTX: if it is sent again, it will be as a Repeat.
	Repeatable bool
	// Padding says that the packet is sent for its size only.
	Padding bool

	Waited time.Duration // since the packet was written
}

// osnSize is the size of the original sequence number, in front of the payload of a retransmission.
const osnSize = 2

const (
	maxPacket = 64_000 // bytes of extensions, counted twice, and payload
	maxOwn    = 1000   // bytes of extensions that are the owner's
)

// ownExtensions are elements that a Sender adds to those that were written.
type ownExtensions struct {
	oneByte, twoByte []byte // the same in both forms
	wide             bool   // only in the two-byte form
}

func (o *ownExtensions) set(x Extensions) {
	x.Data = slices.Clone(x.Data[:min(len(x.Data), maxOwn)])
	o.wide = x.Profile.twoByte()
	o.oneByte = slices.Clone(x.Data)
	x.Widen()
	o.twoByte = x.Data
}

// behind returns the elements as they go behind others, none if those are of an unknown profile.
func (o *ownExtensions) behind(profile ExtensionProfile) []byte {
	switch {
	case profile.twoByte():
		return o.twoByte
	case profile == ExtensionOneByte && !o.wide:
		return o.oneByte
	default:
		return nil
	}
}

// SetExtensions asks for header extensions in every packet written from here on, behind those that it is written with, of
// 1,000 bytes at most. The values may be blanks, which the owner fills in when the packet is polled. rtx
// is the same for retransmissions on an SSRC of their own. Packets have the form they were written with, but
// for one that is too narrow: if own has the two-byte form, all have.
func (s *Sender) SetExtensions(own, rtx Extensions) {
	s.own.set(own)
	s.ownRTX.set(rtx)
	h := Header{SSRC: s.cfg.SSRC, Extensions: Extensions{Profile: s.form(Extensions{})}}
	h.Extensions.Data = s.own.behind(h.Extensions.Profile)
	s.plain = h.AppendTo(s.plainRoom[:0])
	s.plainSize = s.room(&Header{}, h.Extensions.Profile)
}

// form returns the profile with which extensions are sent that were written.
func (s *Sender) form(written Extensions) ExtensionProfile {
	switch {
	case s.own.wide && (written.Profile == ExtensionOneByte || len(written.Data) == 0):
		return ExtensionTwoByte
	case written.Profile == 0 && len(written.Data) == 0:
		return ExtensionOneByte
	default:
		return written.Profile
	}
}

// room returns the size of the longest header that a packet may have, that of a retransmission for instance.
func (s *Sender) room(h *Header, profile ExtensionProfile) int {
	own, rtx := len(s.own.behind(profile)), len(s.ownRTX.behind(profile))
	return headerSize(h, max(own, rtx))
}

// layOut writes a packet into the cache as it will be sent.
func (s *Sender) layOut(p *cachedPacket, h *Header, payload []byte, shared bool) {
	if len(h.CSRCs) == 0 && len(h.Extensions.Data) == 0 && (h.Extensions.Profile == 0 || h.Extensions.Profile == ExtensionOneByte) {
		s.layOutPlain(p, h, payload, shared)
		return
	}
	profile := s.form(h.Extensions)
	if profile != h.Extensions.Profile && len(h.Extensions.Data) > 0 {
		wide := *h
		wide.Extensions.Data = append(s.scratch[:0], h.Extensions.Data...)
		wide.Extensions.Widen()
		h, s.scratch = &wide, wide.Extensions.Data
	}
	s.place(p, h, payload, s.room(h, profile), shared)
	b := p.putHeader(h, profile, s.own.behind(profile))
	b[0] &^= paddingBit
	binary.BigEndian.PutUint32(b[8:], s.cfg.SSRC)
}

// layOutPlain is layOut for a packet without CSRCs and extensions, as most are.
func (s *Sender) layOutPlain(p *cachedPacket, h *Header, payload []byte, shared bool) {
	s.place(p, h, payload, s.plainSize, shared)
	head := s.plainSize - len(s.plain)
	p.head, p.own = uint16(head), uint16(len(s.own.oneByte))
	if s.own.wide {
		p.own = uint16(len(s.own.twoByte))
	}
	b := p.header[head:]
	copy(b, s.plain)
	b[1] = h.PayloadType & 0x7f
	if h.Marker {
		b[1] |= markerBit
	}
	binary.BigEndian.PutUint16(b[2:], h.SequenceNumber)
	binary.BigEndian.PutUint32(b[4:], h.Timestamp)
}

// place puts the payload of a packet where it stays.
func (s *Sender) place(p *cachedPacket, h *Header, payload []byte, room int, shared bool) {
	s.cache.place(p, room, payload, shared)
	p.payloadType, p.extensions = h.PayloadType&0x7f, uint16(len(h.Extensions.Data))
}

// putHeader writes a header.
func (p *cachedPacket) putHeader(h *Header, profile ExtensionProfile, own []byte) []byte {
	head := len(p.header) - headerSize(h, len(own))
	p.head, p.own = uint16(head), uint16(len(own))
	putHeader(p.header[head:], h, profile, own)
	return p.header[head:]
}

// outgoing returns a packet as it lies in the cache.
func (s *Sender) outgoing(p *cachedPacket) *Outgoing {
	out := &s.out
	out.Header, out.Payload = p.header[p.head:], p.payload
	out.PayloadType, out.Number = out.Header[1]&0x7f, binary.BigEndian.Uint16(out.Header[2:])
	out.RTX, out.OSN, out.Repeat, out.Repeatable, out.Padding, out.Waited = false, 0, false, !s.hasRTX(p), false, 0
	out.Own = Extensions{}
	if p.own > 0 {
		at := FixedHeaderSize + 4*int(out.Header[0]&0xf)
		out.Own.Profile = ExtensionProfile(binary.BigEndian.Uint16(out.Header[at:]))
		at += 4 + int(p.extensions)
		out.Own.Data = out.Header[at : at+int(p.own)]
	}
	return out
}

// wrap makes a retransmission of a packet.
//
// "the retransmission packet [...] the sequence number has the standard definition; i.e., it MUST
// be one higher than the sequence number of the preceding packet sent in the retransmission
// stream" https://www.rfc-editor.org/rfc/rfc4588#section-4
func (s *Sender) wrap(p *cachedPacket) *Outgoing {
	h := s.headerRTX(p)
	own := s.ownRTX.behind(h.Extensions.Profile)
	if headerSize(&h, len(own)) > len(p.header) {
		own = nil // SetExtensions has been called since
	}
	p.putHeader(&h, h.Extensions.Profile, own)
	s.resent = append(binary.BigEndian.AppendUint16(s.resent[:0], uint16(p.seq)), p.payload...)
	out := s.outgoing(p)
	out.Payload, out.RTX, out.OSN = s.resent, true, uint16(p.seq)
	return out
}

// headerRTX returns the header of the next retransmission, which is that of a packet with the extensions
// as they were written. It is in memory of its own.
func (s *Sender) headerRTX(p *cachedPacket) Header {
	h, _, _ := Parse(p.header[p.head:])
	if h.Extensions.Profile == 0 {
		h.Extensions.Profile = s.form(Extensions{})
	}
	s.scratch = append(append(s.scratch[:0], h.CSRCs...), h.Extensions.Data[:p.extensions]...)
	n := len(h.CSRCs)
	h.CSRCs, h.Extensions.Data = CSRCs(s.scratch[:n:n]), s.scratch[n:]
	h.SSRC, h.PayloadType, h.SequenceNumber = s.cfg.RTXSSRC, s.rtxTypes[p.payloadType], s.rtxSeq
	s.rtxSeq++
	s.stats.RTXPackets++
	return h
}
