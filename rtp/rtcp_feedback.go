package rtp

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// Formats of feedback: RTCPPacket.Count of transport (RTPFB) and payload (PSFB) feedback.
const (
	FormatNACK        = 1  // RTPFB, RFC 4585 section 6.2.1
	FormatTransportCC = 15 // RTPFB, draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1
	FormatPLI         = 1  // PSFB, RFC 4585 section 6.3.1
	FormatFIR         = 4  // PSFB, RFC 5104 section 4.3.1
	FormatApplication = 15 // PSFB, RFC 4585 section 6.4; REMB among others
)

// Feedback is what feedback packets have in common.
// https://www.rfc-editor.org/rfc/rfc4585#section-6.1
type Feedback struct {
	Format  uint8
	Sender  uint32 // SSRC of who sends the feedback
	Media   uint32 // SSRC of the source that it is about; 0 where the information says it
	Control []byte // feedback control information, by the format
}

// Feedback decodes what is common to feedback packets of both types. It is for formats that
// have no method of their own.
func (p RTCPPacket) Feedback() (f Feedback, ok bool) {
	if p.Type != RTCPTransportFeedback && p.Type != RTCPPayloadFeedback || len(p.Body) < 8 {
		return f, false
	}
	return Feedback{
		Format:  p.Count,
		Sender:  binary.BigEndian.Uint32(p.Body),
		Media:   binary.BigEndian.Uint32(p.Body[4:]),
		Control: p.Body[8:len(p.Body):len(p.Body)],
	}, true
}

// feedback decodes a packet of one type and format.
func (p RTCPPacket) feedback(t RTCPType, format uint8) (Feedback, bool) {
	if p.Type != t || p.Count != format {
		return Feedback{}, false
	}
	return p.Feedback()
}

func beginFeedback(dst []byte, t RTCPType, format int, sender, media uint32) (_ []byte, start int) {
	dst, start = beginRTCP(dst, t, format)
	dst = binary.BigEndian.AppendUint32(dst, sender)
	return binary.BigEndian.AppendUint32(dst, media), start
}

// A NACK asks for lost packets.
type NACK struct {
	Sender, Media uint32
	pairs         []byte
}

// NACK decodes a generic NACK.
func (p RTCPPacket) NACK() (NACK, bool) {
	f, ok := p.feedback(RTCPTransportFeedback, FormatNACK)
	if !ok || len(f.Control) < 4 || len(f.Control)%4 != 0 {
		return NACK{}, false
	}
	return NACK{f.Sender, f.Media, f.Control}, true
}

// Lost returns a cursor over the sequence numbers asked for. There are up to 17 for each four
// bytes of the packet, in no certain order and perhaps repeated.
func (n NACK) Lost() NACKCursor { return NACKCursor{rest: n.pairs} }

// A NACKCursor walks over the sequence numbers of a NACK.
type NACKCursor struct {
	rest []byte
	base uint16
	mask uint16 // bit i: base+i+1 is asked for
}

// Next returns the next sequence number, and false at the end.
//
// "bit i of the bit mask is set to 1 if the receiver has not received RTP packet number
// (PID+i) (modulo 2^16)" https://www.rfc-editor.org/rfc/rfc4585#section-6.2.1
func (c *NACKCursor) Next() (seq uint16, ok bool) {
	if c.mask != 0 {
		i := bits.TrailingZeros16(c.mask)
		c.mask &= c.mask - 1
		return c.base + uint16(i) + 1, true
	}
	if len(c.rest) < 4 {
		return 0, false
	}
	c.base, c.mask = binary.BigEndian.Uint16(c.rest), binary.BigEndian.Uint16(c.rest[2:])
	c.rest = c.rest[4:]
	return c.base, true
}

// AppendNACK appends a NACK for lost packets, whose numbers are best in order. It asks for at
// least one packet: with none, nothing is appended.
func AppendNACK(dst []byte, sender, media uint32, lost []uint16) []byte {
	if len(lost) == 0 {
		return dst
	}
	dst, start := beginFeedback(dst, RTCPTransportFeedback, FormatNACK, sender, media)
	for len(lost) > 0 {
		base, mask := lost[0], uint16(0)
		for lost = lost[1:]; len(lost) > 0 && lost[0]-base <= 16; lost = lost[1:] {
			if d := lost[0] - base; d > 0 {
				mask |= 1 << (d - 1)
			}
		}
		dst = binary.BigEndian.AppendUint32(dst, uint32(base)<<16|uint32(mask))
	}
	return endRTCP(dst, start)
}

// PLI decodes a picture loss indication: the receiver of media wants a key frame.
// https://www.rfc-editor.org/rfc/rfc4585#section-6.3.1
func (p RTCPPacket) PLI() (sender, media uint32, ok bool) {
	f, ok := p.feedback(RTCPPayloadFeedback, FormatPLI)
	return f.Sender, f.Media, ok
}

// AppendPLI appends a picture loss indication.
func AppendPLI(dst []byte, sender, media uint32) []byte {
	dst, start := beginFeedback(dst, RTCPPayloadFeedback, FormatPLI, sender, media)
	return endRTCP(dst, start)
}

// An FIRCursor walks over the entries of a full intra request.
type FIRCursor struct {
	Sender uint32
	rest   []byte
}

// FIR decodes a full intra request, which asks sources for key frames.
// https://www.rfc-editor.org/rfc/rfc5104#section-4.3.1
func (p RTCPPacket) FIR() (FIRCursor, bool) {
	f, ok := p.feedback(RTCPPayloadFeedback, FormatFIR)
	if !ok || len(f.Control) < 8 || len(f.Control)%8 != 0 {
		return FIRCursor{}, false
	}
	return FIRCursor{f.Sender, f.Control}, true
}

// Next returns the source of the next entry and the number of the request, which a
// repetition repeats, and false at the end.
func (c *FIRCursor) Next() (media uint32, number uint8, ok bool) {
	if len(c.rest) < 8 {
		return 0, 0, false
	}
	media, number = binary.BigEndian.Uint32(c.rest), c.rest[4]
	c.rest = c.rest[8:]
	return media, number, true
}

// AppendFIR appends a full intra request to one source. The number is one more than that of
// the last request to it, and that of the last in a repetition.
func AppendFIR(dst []byte, sender, media uint32, number uint8) []byte {
	// "the 'SSRC of media source' is not used and SHALL be set to 0"
	// https://www.rfc-editor.org/rfc/rfc5104#section-4.3.1.2
	dst, start := beginFeedback(dst, RTCPPayloadFeedback, FormatFIR, sender, 0)
	dst = binary.BigEndian.AppendUint32(dst, media)
	return endRTCP(append(dst, number, 0, 0, 0), start)
}

// REMB is a receiver's estimate of the bitrate that all the sources may use together.
// https://datatracker.ietf.org/doc/html/draft-alvestrand-rmcat-remb-03
type REMB struct {
	Sender  uint32
	Bitrate uint64 // bits per second; what does not fit into 64 bits is math.MaxUint64
	SSRCs   SSRCs  // at most 255
}

const rembName = 'R'<<24 | 'E'<<16 | 'M'<<8 | 'B'

// REMB decodes a receiver estimated maximum bitrate.
func (p RTCPPacket) REMB() (r REMB, ok bool) {
	f, ok := p.feedback(RTCPPayloadFeedback, FormatApplication)
	if !ok || len(f.Control) < 8 || binary.BigEndian.Uint32(f.Control) != rembName {
		return r, false
	}
	end := 8 + 4*int(f.Control[4])
	if len(f.Control) < end {
		return r, false
	}
	exponent := f.Control[5] >> 2
	mantissa := uint64(binary.BigEndian.Uint32(f.Control[4:]) & (1<<18 - 1))
	r = REMB{Sender: f.Sender, Bitrate: mantissa << exponent, SSRCs: SSRCs(f.Control[8:end:end])}
	if r.Bitrate>>exponent != mantissa {
		r.Bitrate = math.MaxUint64
	}
	return r, true
}

// AppendREMB appends a receiver estimated maximum bitrate, rounded down to 18 significant
// bits. Sources beyond 255 are left out.
func AppendREMB(dst []byte, r REMB) []byte {
	dst, start := beginFeedback(dst, RTCPPayloadFeedback, FormatApplication, r.Sender, 0)
	n := min(r.SSRCs.Len(), 255)
	exponent := max(0, bits.Len64(r.Bitrate)-18)
	dst = binary.BigEndian.AppendUint32(dst, rembName)
	dst = binary.BigEndian.AppendUint32(dst, uint32(n)<<24|uint32(exponent)<<18|uint32(r.Bitrate>>exponent))
	return endRTCP(append(dst, r.SSRCs[:4*n]...), start)
}
