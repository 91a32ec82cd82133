package rtp

import (
	"encoding/binary"
	"slices"
)

// FixedHeaderSize is the size in bytes of a header without CSRCs and extensions.
const FixedHeaderSize = 12

// MaxCSRCs is the number of contributing sources that fit in a header.
const MaxCSRCs = 15

// A Header is the header of an RTP packet.
// https://www.rfc-editor.org/rfc/rfc3550#section-5.1
type Header struct {
	Marker         bool
	PayloadType    uint8 // 0 to 127
	PaddingSize    uint8 // bytes of padding behind the payload, the count included; 0: none
	SequenceNumber uint16
	Timestamp      uint32 // in units of the payload's clock rate
	SSRC           uint32
	CSRCs          CSRCs      // contributing sources, at most MaxCSRCs; a part of the packet if parsed
	Extensions     Extensions // header extensions; a part of the packet if parsed
}

// CSRCs is a list of contributing sources as it is on the wire, four bytes each.
type CSRCs []byte

// Len returns the number of sources.
func (c CSRCs) Len() int { return len(c) / 4 }

// At returns source i. It panics if there is none.
func (c CSRCs) At(i int) uint32 { return binary.BigEndian.Uint32(c[4*i:]) }

// Append returns c with one more source, as append does.
func (c CSRCs) Append(ssrc uint32) CSRCs { return binary.BigEndian.AppendUint32(c, ssrc) }

// IsRTCP tells RTCP from RTP where both come on one transport. It looks at one byte, which
// SRTP leaves in the clear, and reports false for anything shorter than two.
//
// "payload type values in the range 64-95 MUST NOT be used"
// https://www.rfc-editor.org/rfc/rfc5761#section-4
func IsRTCP(b []byte) bool { return len(b) >= 2 && b[1] >= 192 && b[1] <= 223 }

// HeaderSize returns the size of the header at the start of b: the fixed part, the CSRCs
// and the extension. It looks at nothing behind it, so b may be an SRTP packet.
func HeaderSize(b []byte) (int, error) {
	if len(b) < FixedHeaderSize {
		return 0, ErrMalformed
	}
	if b[0]>>6 != 2 {
		return 0, ErrVersion
	}
	size := FixedHeaderSize + 4*int(b[0]&0xf)
	if b[0]&0x10 != 0 {
		if len(b) < size+4 {
			return 0, ErrMalformed
		}
		// "a 16-bit length field that counts the number of 32-bit words in the extension,
		// excluding the four-octet extension header"
		// https://www.rfc-editor.org/rfc/rfc3550#section-5.3.1
		size += 4 + 4*int(binary.BigEndian.Uint16(b[size+2:]))
	}
	if len(b) < size {
		return 0, ErrMalformed
	}
	return size, nil
}

// Parse takes a packet apart. The payload is without padding and may be empty. The header's
// slices and the payload are parts of b.
func Parse(b []byte) (h Header, payload []byte, err error) {
	payload, err = h.Parse(b)
	return h, payload, err
}

// Parse is the function Parse for a header that is there already. With an error it becomes the zero Header.
func (h *Header) Parse(b []byte) (payload []byte, err error) {
	*h = Header{}
	size, err := HeaderSize(b)
	if err != nil {
		return nil, err
	}
	end := len(b)
	if b[0]&0x20 != 0 {
		// "The last octet of the padding contains a count of how many padding octets should
		// be ignored, including itself." https://www.rfc-editor.org/rfc/rfc3550#section-5.1
		n := b[end-1]
		if n == 0 || int(n) > end-size {
			return nil, ErrPadding
		}
		h.PaddingSize = n
		end -= int(n)
	}
	h.Marker = b[1]&0x80 != 0
	h.PayloadType = b[1] & 0x7f
	h.SequenceNumber = binary.BigEndian.Uint16(b[2:])
	h.Timestamp = binary.BigEndian.Uint32(b[4:])
	h.SSRC = binary.BigEndian.Uint32(b[8:])
	at := FixedHeaderSize
	if n := 4 * int(b[0]&0xf); n > 0 {
		h.CSRCs = CSRCs(b[at : at+n : at+n])
		at += n
	}
	if size > at+4 { // an extension without data is none
		h.Extensions.Profile = ExtensionProfile(binary.BigEndian.Uint16(b[at:]))
		h.Extensions.Data = b[at+4 : size : size]
	}
	return b[size:end:end], nil
}

// Size returns the number of bytes that AppendTo appends.
func (h *Header) Size() int { return headerSize(h, 0) }

// AppendTo appends the header to dst. A padding size sets the padding bit: the padding
// itself comes behind the payload, see [AppendPacket]. CSRCs beyond MaxCSRCs are left out.
func (h *Header) AppendTo(dst []byte) []byte {
	start, end := len(dst), len(dst)+h.Size()
	dst = slices.Grow(dst, end-start)[:end]
	putHeader(dst[start:], h, h.Extensions.Profile, nil)
	return dst
}

const (
	paddingBit   = 0x20
	extensionBit = 0x10
	markerBit    = 0x80
)

// headerSize returns the size of a header with more bytes of extensions.
func headerSize(h *Header, more int) int {
	n := FixedHeaderSize + 4*min(h.CSRCs.Len(), MaxCSRCs)
	if more += min(len(h.Extensions.Data), maxExtensionData); more > 0 {
		n += 4 + (more+3)&^3
	}
	return n
}

// putHeader writes a header with more extensions into b, which has its size.
func putHeader(b []byte, h *Header, profile ExtensionProfile, more []byte) {
	csrcs := h.CSRCs[:4*min(h.CSRCs.Len(), MaxCSRCs)]
	b[0] = 2<<6 | byte(len(csrcs)/4)
	b[1] = h.PayloadType & 0x7f
	if h.PaddingSize > 0 {
		b[0] |= paddingBit
	}
	if h.Marker {
		b[1] |= markerBit
	}
	binary.BigEndian.PutUint16(b[2:], h.SequenceNumber)
	binary.BigEndian.PutUint32(b[4:], h.Timestamp)
	binary.BigEndian.PutUint32(b[8:], h.SSRC)
	end := FixedHeaderSize + copy(b[FixedHeaderSize:], csrcs)
	if end == len(b) {
		return
	}
	b[0] |= extensionBit
	binary.BigEndian.PutUint16(b[end:], uint16(profile))
	binary.BigEndian.PutUint16(b[end+2:], uint16((len(b)-end)/4-1))
	end += 4
	end += copy(b[end:], h.Extensions.Data)
	end += copy(b[end:], more)
	clear(b[end:])
}

// AppendPacket appends a packet of header, payload and the header's padding to dst.
func AppendPacket(dst []byte, h *Header, payload []byte) []byte {
	return h.appendPadding(append(h.AppendTo(dst), payload...))
}

// appendPadding appends the padding.
func (h *Header) appendPadding(dst []byte) []byte {
	if h.PaddingSize > 0 {
		for range h.PaddingSize - 1 {
			dst = append(dst, 0)
		}
		dst = append(dst, h.PaddingSize)
	}
	return dst
}
