package rtp

import "encoding/binary"

// Types of blocks of extended reports.
const (
	XRReceiverReferenceTime = 4 // RFC 3611 section 4.4
	XRDLRR                  = 5 // RFC 3611 section 4.5
)

// An XRBlock is a block of an extended report. Body is a part of the datagram.
type XRBlock struct {
	Type     uint8
	Specific uint8 // by the type
	Body     []byte
}

// An XRCursor walks over the blocks of an extended report.
type XRCursor struct {
	SSRC uint32 // of who reports
	rest []byte
}

// ExtendedReport checks the framing of an extended report and returns a cursor before its
// first block. https://www.rfc-editor.org/rfc/rfc3611#section-3
func (p RTCPPacket) ExtendedReport() (XRCursor, bool) {
	if p.Type != RTCPExtendedReport || len(p.Body) < 4 {
		return XRCursor{}, false
	}
	for rest := p.Body[4:]; len(rest) > 0; {
		if len(rest) < 4 || rtcpSize(rest) > len(rest) {
			return XRCursor{}, false
		}
		rest = rest[rtcpSize(rest):]
	}
	return XRCursor{binary.BigEndian.Uint32(p.Body), p.Body[4:]}, true
}

// Next returns the next block, of whatever type, and false at the end.
func (c *XRCursor) Next() (XRBlock, bool) {
	if len(c.rest) < 4 {
		return XRBlock{}, false
	}
	size := rtcpSize(c.rest)
	b := XRBlock{Type: c.rest[0], Specific: c.rest[1], Body: c.rest[4:size:size]}
	c.rest = c.rest[size:]
	return b, true
}

// ReceiverReferenceTime decodes the block by which a participant that sends nothing lets
// others measure, with DLRR, its round-trip time.
func (b XRBlock) ReceiverReferenceTime() (NTPTime, bool) {
	if b.Type != XRReceiverReferenceTime || len(b.Body) != 8 {
		return 0, false
	}
	return NTPTime(binary.BigEndian.Uint64(b.Body)), true
}

// DLRR answers a receiver reference time.
// https://www.rfc-editor.org/rfc/rfc3611#section-4.5
type DLRR struct {
	SSRC   uint32 // whose reference time it was
	LastRR uint32 // middle 32 bits of that time; 0: none has come
	Delay  uint32 // since it came, in 1/65536 seconds
}

const dlrrSize = 12

// DLRRs is a list of answers as it is on the wire.
type DLRRs []byte

// Len returns the number of answers.
func (d DLRRs) Len() int { return len(d) / dlrrSize }

// At returns answer i. It panics if there is none.
func (d DLRRs) At(i int) DLRR {
	b := d[i*dlrrSize:][:dlrrSize]
	return DLRR{binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])}
}

// Append returns d with one more answer, as append does.
func (d DLRRs) Append(answer DLRR) DLRRs {
	d = binary.BigEndian.AppendUint32(d, answer.SSRC)
	d = binary.BigEndian.AppendUint32(d, answer.LastRR)
	return binary.BigEndian.AppendUint32(d, answer.Delay)
}

// DLRR decodes the answers to receiver reference times.
func (b XRBlock) DLRR() (DLRRs, bool) {
	if b.Type != XRDLRR || len(b.Body)%dlrrSize != 0 {
		return nil, false
	}
	return DLRRs(b.Body), true
}

// AppendReceiverReferenceTime appends an extended report of that one block.
func AppendReceiverReferenceTime(dst []byte, ssrc uint32, t NTPTime) []byte {
	dst, start := beginRTCP(dst, RTCPExtendedReport, 0)
	dst = binary.BigEndian.AppendUint32(dst, ssrc)
	dst = append(dst, XRReceiverReferenceTime, 0, 0, 2)
	return endRTCP(binary.BigEndian.AppendUint64(dst, uint64(t)), start)
}

// AppendDLRR appends an extended report with answers to receiver reference times. There is
// room for as many as fit into a datagram, of 64 KiB.
func AppendDLRR(dst []byte, ssrc uint32, answers DLRRs) []byte {
	answers = answers[:min(answers.Len(), 5000)*dlrrSize]
	dst, start := beginRTCP(dst, RTCPExtendedReport, 0)
	dst = binary.BigEndian.AppendUint32(dst, ssrc)
	dst = append(dst, XRDLRR, 0)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(answers)/4))
	return endRTCP(append(dst, answers...), start)
}
