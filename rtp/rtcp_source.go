package rtp

import "encoding/binary"

// An SDESType is the type of a source description item.
type SDESType uint8

const (
	SDESCNAME        SDESType = 1  // RFC 3550 section 6.5.1
	SDESMID          SDESType = 15 // RFC 9143 section 15
	SDESRID          SDESType = 12 // RtpStreamId, RFC 8852 section 3.1
	SDESRepairedRID  SDESType = 13 // RepairedRtpStreamId, RFC 8852 section 3.2
	maxSDESTextBytes          = 255
)

// An SDESItem describes a source. The text of a parsed one is a part of the datagram.
type SDESItem struct {
	SSRC uint32
	Type SDESType
	Text []byte // at most 255 bytes of UTF-8
}

// An SDESCursor walks over the items of a source description packet.
type SDESCursor struct {
	b      []byte // from the next item, or the next chunk, on
	ssrc   uint32
	inside bool // a chunk
}

// SourceDescription checks a source description packet and returns a cursor before its first
// item.
//
// "Each chunk consists of an SSRC/CSRC identifier followed by a list of zero or more items
// [...] Each chunk starts on a 32-bit boundary. [...] The list of items in each chunk MUST be
// terminated by one or more null octets, the first of which is interpreted as an item type of
// zero to denote the end of the list. No length octet follows the null item type octet, but
// additional null octets MUST be included if needed to pad until the next 32-bit boundary."
// https://www.rfc-editor.org/rfc/rfc3550#section-6.5
func (p RTCPPacket) SourceDescription() (SDESCursor, bool) {
	if p.Type != RTCPSourceDescription || len(p.Body)%4 != 0 {
		return SDESCursor{}, false
	}
	off := 0
	for range p.Count {
		if len(p.Body)-off < 8 {
			return SDESCursor{}, false
		}
		off += 4
		for p.Body[off] != 0 {
			if len(p.Body)-off < 2 {
				return SDESCursor{}, false
			}
			if off += 2 + int(p.Body[off+1]); off >= len(p.Body) {
				return SDESCursor{}, false
			}
		}
		off = (off + 4) &^ 3 // Body begins on a boundary and is of whole words
	}
	return SDESCursor{b: p.Body[:off:off]}, true
}

// Next returns the next item of whichever source. Sources without items are passed over.
func (c *SDESCursor) Next() (SDESItem, bool) {
	for len(c.b) > 0 {
		if !c.inside {
			c.ssrc, c.b, c.inside = binary.BigEndian.Uint32(c.b), c.b[4:], true
		}
		if c.b[0] != 0 {
			end := 2 + int(c.b[1])
			item := SDESItem{c.ssrc, SDESType(c.b[0]), c.b[2:end:end]}
			c.b = c.b[end:]
			return item, true
		}
		// All chunks are of whole words, so that what is left after this one is as well.
		c.b, c.inside = c.b[(len(c.b)-1)%4+1:], false
	}
	return SDESItem{}, false
}

// AppendSourceDescription appends a source description packet of one item. Texts longer than
// 255 bytes are cut.
func AppendSourceDescription(dst []byte, item SDESItem) []byte {
	dst, start := beginRTCP(dst, RTCPSourceDescription, 1)
	dst = binary.BigEndian.AppendUint32(dst, item.SSRC)
	text := item.Text[:min(len(item.Text), maxSDESTextBytes)]
	dst = append(dst, byte(item.Type), byte(len(text)))
	dst = append(dst, text...)
	return endRTCP(append(dst, 0), start)
}

// A Goodbye says that sources are no longer active.
// https://www.rfc-editor.org/rfc/rfc3550#section-6.6
type Goodbye struct {
	SSRCs  SSRCs  // at most 31
	Reason []byte // why, for people; at most 255 bytes, and empty as a rule
}

// Goodbye decodes a BYE packet. A reason that does not fit is taken for none.
func (p RTCPPacket) Goodbye() (g Goodbye, ok bool) {
	end := 4 * int(p.Count)
	if p.Type != RTCPGoodbye || len(p.Body) < end {
		return g, false
	}
	g.SSRCs = SSRCs(p.Body[:end:end])
	if rest := p.Body[end:]; len(rest) > 0 && int(rest[0]) < len(rest) {
		n := int(rest[0])
		g.Reason = rest[1 : 1+n : 1+n]
	}
	return g, true
}

// AppendGoodbye appends a BYE packet. Sources beyond 31 are left out, the reason is cut to 255
// bytes.
func AppendGoodbye(dst []byte, g Goodbye) []byte {
	n := min(g.SSRCs.Len(), maxRTCPCount)
	dst, start := beginRTCP(dst, RTCPGoodbye, n)
	dst = append(dst, g.SSRCs[:4*n]...)
	if len(g.Reason) > 0 {
		reason := g.Reason[:min(len(g.Reason), maxSDESTextBytes)]
		dst = append(append(dst, byte(len(reason))), reason...)
	}
	return endRTCP(dst, start)
}

// An Application packet is for the application to define.
// https://www.rfc-editor.org/rfc/rfc3550#section-6.7
type Application struct {
	Subtype uint8 // 0 to 31
	SSRC    uint32
	Name    [4]byte
	Data    []byte // of whole words
}

// Application decodes an APP packet.
func (p RTCPPacket) Application() (a Application, ok bool) {
	if p.Type != RTCPApplication || len(p.Body) < 8 {
		return a, false
	}
	return Application{
		Subtype: p.Count,
		SSRC:    binary.BigEndian.Uint32(p.Body),
		Name:    [4]byte(p.Body[4:]),
		Data:    p.Body[8:len(p.Body):len(p.Body)],
	}, true
}

// AppendApplication appends an APP packet. The data is filled with zeros to whole words.
func AppendApplication(dst []byte, a Application) []byte {
	dst, start := beginRTCP(dst, RTCPApplication, int(a.Subtype&0x1f))
	dst = binary.BigEndian.AppendUint32(dst, a.SSRC)
	dst = append(dst, a.Name[:]...)
	return endRTCP(append(dst, a.Data...), start)
}
