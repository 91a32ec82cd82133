package sctp

import "encoding/binary"

// Parameters of INIT and INIT ACK.
const (
	paramStateCookie       = 7
	paramUnrecognized      = 8
	paramSupportedExt      = 0x8008 // RFC 5061 section 4.2.7
	paramForwardTSN        = 0xC000 // RFC 3758 section 3.1
	minReceiveWindow       = 1500
	maxStreams             = 65535
	maxUnrecognized        = 256        // bytes of unknown parameters sent back
	supportedExtensionBits = "\x82\xc0" // RE-CONFIG, FORWARD-TSN
)

// initChunk is what INIT and INIT ACK say.
type initChunk struct {
	tag, window       uint32
	outbound, inbound uint16 // streams: how many it sends on, how many it takes at most
	tsn               uint32
	forwardTSN        bool
	reconfig          bool
	cookie            []byte // INIT ACK: a view of the packet
	unrecognized      []byte // parameters to report, whole, a view of the packet or a copy
}

// parseInit reads the value of an INIT or INIT ACK chunk. It is false for one
// that must be discarded.
func parseInit(b []byte) (c initChunk, ok bool) {
	if len(b) < initFixed {
		return c, false
	}
	c.tag = binary.BigEndian.Uint32(b)
	c.window = binary.BigEndian.Uint32(b[4:])
	c.outbound = binary.BigEndian.Uint16(b[8:])
	c.inbound = binary.BigEndian.Uint16(b[10:])
	c.tsn = binary.BigEndian.Uint32(b[12:])
	// "If the value of the Initiate Tag field is found to be 0, the receiver
	// MUST silently discard the packet", and zero streams or a window under
	// 1500 bytes are as illegal
	// (https://www.rfc-editor.org/rfc/rfc9260#section-3.3.2).
	if c.tag == 0 || c.outbound == 0 || c.inbound == 0 || c.window < minReceiveWindow {
		return c, false
	}
	stop := false
	for b = b[initFixed:]; len(b) > 0; {
		typ, value, n := consumeParam(b)
		if n < 0 {
			return c, false
		}
		if !stop {
			stop = c.param(typ, value, b[:paramHeader+len(value)])
		}
		b = b[n:]
	}
	return c, true
}

// param takes one parameter. It reports whether those after it must not be
// processed.
func (c *initChunk) param(typ uint16, value, raw []byte) (stop bool) {
	switch typ {
	case paramStateCookie:
		if c.cookie == nil {
			c.cookie = value
		}
	case paramForwardTSN:
		c.forwardTSN = true
	case paramSupportedExt:
		for _, ext := range value {
			switch chunkType(ext) {
			case chunkReconfig:
				c.reconfig = true
			case chunkForwardTSN:
				c.forwardTSN = true
			}
		}
	case 5, 6, 9, paramUnrecognized, 12:
		// Addresses are the business of the layers below; the cookie
		// preservative is a request that we may ignore.
	default:
		// The two highest bits say what to do with an unknown parameter
		// (https://www.rfc-editor.org/rfc/rfc9260#section-3.2.1).
		if typ&0x4000 != 0 && len(c.unrecognized)+padded(len(raw)) <= maxUnrecognized {
			c.unrecognized = append(c.unrecognized, raw...)
			c.unrecognized = pad(c.unrecognized, 0)
		}
		return typ&0x8000 == 0
	}
	return false
}

// appendInit appends an INIT chunk, or an INIT ACK chunk if there is a cookie.
func appendInit(b []byte, c *initChunk) []byte {
	start := len(b)
	typ := chunkInit
	if c.cookie != nil {
		typ = chunkInitAck
	}
	b = appendChunkHeader(b, typ, 0)
	b = binary.BigEndian.AppendUint32(b, c.tag)
	b = binary.BigEndian.AppendUint32(b, c.window)
	b = binary.BigEndian.AppendUint16(b, c.outbound)
	b = binary.BigEndian.AppendUint16(b, c.inbound)
	b = binary.BigEndian.AppendUint32(b, c.tsn)
	if c.cookie != nil {
		b = appendParam(b, paramStateCookie, c.cookie)
	}
	b = appendParam(b, paramForwardTSN, nil)
	b = binary.BigEndian.AppendUint16(b, paramSupportedExt)
	b = binary.BigEndian.AppendUint16(b, paramHeader+uint16(len(supportedExtensionBits)))
	b = append(b, supportedExtensionBits...)
	if rest := c.unrecognized; c.cookie != nil && len(rest) > 0 {
		for len(rest) > 0 {
			_, value, n := consumeParam(rest)
			if n < 0 {
				break
			}
			b = pad(b, start)
			b = appendParam(b, paramUnrecognized, rest[:paramHeader+len(value)])
			rest = rest[n:]
		}
	}
	// The length of the chunk leaves out the padding of its last parameter.
	return endChunk(b, start)
}
