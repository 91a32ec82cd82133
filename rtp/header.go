package rtp

import "encoding/binary"

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
	size, err := HeaderSize(b)
	if err != nil {
		return Header{}, nil, err
	}
	end := len(b)
	if b[0]&0x20 != 0 {
		// "The last octet of the padding contains a count of how many padding octets should
		// be ignored, including itself." https://www.rfc-editor.org/rfc/rfc3550#section-5.1
		n := b[end-1]
		if n == 0 || int(n) > end-size {
			return Header{}, nil, ErrPadding
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
	return h, b[size:end:end], nil
}

// Size returns the number of bytes that AppendTo appends.
func (h *Header) Size() int {
	return FixedHeaderSize + 4*min(h.CSRCs.Len(), MaxCSRCs) + h.Extensions.size()
}

// AppendTo appends the header to dst. A padding size sets the padding bit: the padding
// itself comes behind the payload, see [AppendPacket]. CSRCs beyond MaxCSRCs are left out.
func (h *Header) AppendTo(dst []byte) []byte {
	sources := min(h.CSRCs.Len(), MaxCSRCs)
	first := 2<<6 | byte(sources)
	if h.PaddingSize > 0 {
		first |= 0x20
	}
	extended := len(h.Extensions.Data) > 0
	if extended {
		first |= 0x10
	}
	second := h.PayloadType & 0x7f
	if h.Marker {
		second |= 0x80
	}
	dst = append(dst, first, second, byte(h.SequenceNumber>>8), byte(h.SequenceNumber))
	dst = binary.BigEndian.AppendUint32(dst, h.Timestamp)
	dst = binary.BigEndian.AppendUint32(dst, h.SSRC)
	dst = append(dst, h.CSRCs[:4*sources]...)
	if extended {
		dst = h.Extensions.appendTo(dst)
	}
	return dst
}

// AppendPacket appends a packet of header, payload and the header's padding to dst.
func AppendPacket(dst []byte, h *Header, payload []byte) []byte {
	dst = append(h.AppendTo(dst), payload...)
	if h.PaddingSize > 0 {
		for range h.PaddingSize - 1 {
			dst = append(dst, 0)
		}
		dst = append(dst, h.PaddingSize)
	}
	return dst
}
