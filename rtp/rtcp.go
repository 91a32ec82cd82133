package rtp

import "encoding/binary"

// An RTCPType is the packet type of an RTCP packet.
type RTCPType uint8

const (
	RTCPSenderReport      RTCPType = 200 // RFC 3550 section 6.4.1
	RTCPReceiverReport    RTCPType = 201 // RFC 3550 section 6.4.2
	RTCPSourceDescription RTCPType = 202 // RFC 3550 section 6.5
	RTCPGoodbye           RTCPType = 203 // RFC 3550 section 6.6
	RTCPApplication       RTCPType = 204 // RFC 3550 section 6.7
	RTCPTransportFeedback RTCPType = 205 // RFC 4585 section 6.2
	RTCPPayloadFeedback   RTCPType = 206 // RFC 4585 section 6.3
	RTCPExtendedReport    RTCPType = 207 // RFC 3611
)

// An RTCPPacket is one packet of those that come together in a datagram, or its view: Body
// is a part of the datagram. It has a method for each kind of packet, which returns false if
// the packet is of another kind or malformed.
type RTCPPacket struct {
	Type RTCPType
	// Count is the field of five bits that counts reports or sources, or is the format of
	// feedback (FMT), or the subtype of an application's packet.
	Count uint8
	Body  []byte // what follows the first four bytes, without padding
}

// An RTCPCursor walks over the packets of a datagram.
type RTCPCursor struct{ b []byte }

// ParseRTCP checks the framing of a datagram of RTCP packets and returns a cursor before the
// first. They may be a compound packet or a single one of reduced size (RFC 5506): which
// packets come, and in which order, is not checked. An error condemns the whole datagram.
func ParseRTCP(b []byte) (RTCPCursor, error) {
	if len(b) == 0 {
		return RTCPCursor{}, ErrMalformed
	}
	for rest := b; len(rest) > 0; {
		if len(rest) < 4 {
			return RTCPCursor{}, ErrMalformed
		}
		if rest[0]>>6 != 2 {
			return RTCPCursor{}, ErrVersion
		}
		size := rtcpSize(rest)
		if size > len(rest) {
			return RTCPCursor{}, ErrMalformed
		}
		// "The last octet of the padding is a count of how many padding octets should be
		// ignored, including itself (it will be a multiple of four)", and "padding MUST only
		// be added to the last individual packet". libwebrtc fills transport-wide feedback up
		// to whole words with it, so that neither can be asked for.
		// https://www.rfc-editor.org/rfc/rfc3550#section-6.4.1
		if n := int(rest[size-1]); rest[0]&0x20 != 0 && (n == 0 || n > size-4) {
			return RTCPCursor{}, ErrPadding
		}
		rest = rest[size:]
	}
	return RTCPCursor{b}, nil
}

// rtcpSize returns the size of the packet at the start of b, which has a header.
//
// "The length of this RTCP packet in 32-bit words minus one, including the header and any
// padding." https://www.rfc-editor.org/rfc/rfc3550#section-6.4.1
func rtcpSize(b []byte) int { return 4 + 4*int(binary.BigEndian.Uint16(b[2:])) }

// Next returns the next packet, of whatever type, and false at the end.
func (c *RTCPCursor) Next() (RTCPPacket, bool) {
	if len(c.b) < 4 {
		return RTCPPacket{}, false
	}
	size := rtcpSize(c.b)
	end := size
	if c.b[0]&0x20 != 0 {
		end -= int(c.b[size-1])
	}
	p := RTCPPacket{Type: RTCPType(c.b[1]), Count: c.b[0] & 0x1f, Body: c.b[4:end:end]}
	c.b = c.b[size:]
	return p, true
}

// beginRTCP appends the header of a packet. Its length is filled in by endRTCP.
func beginRTCP(dst []byte, t RTCPType, count int) (_ []byte, start int) {
	return append(dst, 2<<6|byte(count), byte(t), 0, 0), len(dst)
}

// endRTCP fills in the length of the packet that begins at start, which is made one of whole
// words by zeros.
func endRTCP(dst []byte, start int) []byte {
	for (len(dst)-start)%4 != 0 {
		dst = append(dst, 0)
	}
	binary.BigEndian.PutUint16(dst[start+2:], uint16((len(dst)-start)/4-1))
	return dst
}

// AppendRTCP appends a packet of any type. The body is filled with zeros to whole words.
func AppendRTCP(dst []byte, p RTCPPacket) []byte {
	dst, start := beginRTCP(dst, p.Type, int(p.Count&0x1f))
	return endRTCP(append(dst, p.Body...), start)
}

// maxRTCPCount is what fits into the five bits of the count.
const maxRTCPCount = 31

// SSRCs is a list of sources as it is on the wire, four bytes each.
type SSRCs []byte

// Len returns the number of sources.
func (s SSRCs) Len() int { return len(s) / 4 }

// At returns source i. It panics if there is none.
func (s SSRCs) At(i int) uint32 { return binary.BigEndian.Uint32(s[4*i:]) }

// Append returns s with one more source, as append does.
func (s SSRCs) Append(ssrc uint32) SSRCs { return binary.BigEndian.AppendUint32(s, ssrc) }
