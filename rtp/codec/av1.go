package codec

// OBU types of the AV1 bitstream.
// https://aomediacodec.github.io/av1-spec/#obu-header-semantics
const (
	obuSequenceHeader    = 1
	obuTemporalDelimiter = 2
	obuFrameHeader       = 3
	obuFrame             = 6
	obuTileList          = 8
	obuPadding           = 15
)

// Bits of an OBU header, whose type is in between.
const (
	obuForbidden = 0x80
	obuExtension = 0x04
	obuHasSize   = 0x02
)

func obuType(header byte) byte { return header >> 3 & 0xf }

// isSentOBU reports whether OBUs of a type belong into packets: "The temporal delimiter OBU,
// if present, SHOULD be removed when transmitting, and MUST be ignored by receivers. Tile list
// OBUs are not supported. They SHOULD be removed when transmitted, and MUST be ignored by
// receivers." Padding says nothing either.
// https://aomediacodec.github.io/av1-rtp-spec/#5-packetization-rules
func isSentOBU(kind byte) bool {
	return kind != obuTemporalDelimiter && kind != obuTileList && kind != obuPadding
}

// An obu is an OBU of a bitstream in its parts; the size field between them is left out.
type obu struct {
	header     [2]byte // without the size flag
	headerSize int
	body       []byte
}

func (o *obu) kind() byte { return obuType(o.header[0]) }

// parseOBU takes a whole OBU apart that ends where b does, unless it has a size field. It
// returns false if it is not one.
func parseOBU(b []byte) (o obu, rest []byte, ok bool) {
	if len(b) < 1 || b[0]&obuForbidden != 0 {
		return obu{}, nil, false
	}
	o.header[0], o.headerSize = b[0]&^obuHasSize, 1
	hasSize := b[0]&obuHasSize != 0
	if b[0]&obuExtension != 0 {
		if len(b) < 2 {
			return obu{}, nil, false
		}
		o.header[1], o.headerSize = b[1], 2
	}
	b = b[o.headerSize:]
	if !hasSize {
		o.body = b
		return o, nil, true
	}
	size, n := consumeLEB128(b)
	if n < 0 || size > uint64(len(b)-n) {
		return obu{}, nil, false
	}
	end := n + int(size)
	o.body = b[n:end]
	return o, b[end:], true
}

// hasFrameHeader reports whether the OBU begins with a frame header.
func (o *obu) hasFrameHeader() bool {
	return (o.kind() == obuFrame || o.kind() == obuFrameHeader) && len(o.body) > 0
}

// isKey reports whether the frame header is that of a shown key frame: show_existing_frame
// is 0, frame_type KEY_FRAME, show_frame 1.
// https://aomediacodec.github.io/av1-spec/#uncompressed-header-syntax
func (o *obu) isKey() bool { return o.body[0]&0xf0 == 0x10 }

// consumeLEB128 reads a number of up to eight bytes, or returns n < 0.
// https://aomediacodec.github.io/av1-spec/#leb128
func consumeLEB128(b []byte) (v uint64, n int) {
	for i := 0; i < len(b) && i < 8; i++ {
		v |= uint64(b[i]&0x7f) << (7 * i)
		if b[i]&0x80 == 0 {
			return v, i + 1
		}
	}
	return 0, -1
}

func appendLEB128(dst []byte, v int) []byte {
	for ; v >= 0x80; v >>= 7 {
		dst = append(dst, byte(v)|0x80)
	}
	return append(dst, byte(v))
}

func sizeOfLEB128(v int) int {
	n := 1
	for ; v >= 0x80; v >>= 7 {
		n++
	}
	return n
}

// An av1Cursor walks over the OBU elements of a payload.
//
//	 0 1 2 3 4 5 6 7
//	+-+-+-+-+-+-+-+-+
//	|Z|Y| W |N|-|-|-|
//	+-+-+-+-+-+-+-+-+
//
// Z: the first element continues an OBU of the packet before; Y: the last one is continued;
// W: the number of elements, of which the last then has no size, or 0; N: the packet is the
// first of a coded video sequence.
// https://aomediacodec.github.io/av1-rtp-spec/#44-av1-aggregation-header
type av1Cursor struct {
	rest  []byte
	flags byte
	left  int // elements that have to come, if W is not 0
	first bool
}

const (
	av1Continues = 0x80 // Z
	av1Continued = 0x40 // Y
	av1New       = 0x08 // N
)

func newAV1Cursor(payload []byte) (av1Cursor, error) {
	if len(payload) < 2 {
		return av1Cursor{}, ErrMalformed
	}
	flags := payload[0]
	if flags&av1New != 0 && flags&av1Continues != 0 {
		// "if N equals 1 then Z must equal 0"
		return av1Cursor{}, ErrMalformed
	}
	return av1Cursor{payload[1:], flags, int(flags >> 4 & 3), true}, nil
}

// An av1Element is a part of an OBU.
type av1Element struct {
	data []byte
	// continues: data goes on where the packet before has ended. continued: it is gone on
	// with in the next.
	continues, continued bool
}

// next returns the next element, of at least one byte. It returns false at the end.
func (c *av1Cursor) next() (e av1Element, ok bool, err error) {
	if len(c.rest) == 0 {
		if c.left > 0 {
			return e, false, ErrMalformed
		}
		return e, false, nil
	}
	size := len(c.rest)
	if c.left != 1 {
		v, n := consumeLEB128(c.rest)
		if n < 0 || v == 0 || v > uint64(len(c.rest)-n) {
			return e, false, ErrMalformed
		}
		c.rest = c.rest[n:]
		size = int(v)
	}
	c.left = max(c.left-1, 0)
	e.data = c.rest[:size]
	c.rest = c.rest[size:]
	e.continues = c.first && c.flags&av1Continues != 0
	e.continued = len(c.rest) == 0 && c.left == 0 && c.flags&av1Continued != 0
	c.first = false
	return e, true, nil
}

func inspectAV1(payload []byte) (Info, error) {
	info := noInfo
	cursor, err := newAV1Cursor(payload)
	if err != nil {
		return info, err
	}
	info.Start = cursor.flags&av1Continues == 0
	info.KeyFrame = cursor.flags&av1New != 0
	sequence, seen := false, false // seen: a frame header
	for {
		e, ok, err := cursor.next()
		if err != nil {
			return noInfo, err
		}
		if !ok {
			return info, nil
		}
		if e.continues {
			continue
		}
		o, ok := startOfOBU(e)
		if !ok {
			return noInfo, ErrMalformed
		}
		if o.headerSize == 2 {
			info.TemporalID = o.header[1] >> 5
			info.SpatialID = o.header[1] >> 3 & 3
		}
		sequence = sequence || o.kind() == obuSequenceHeader
		if o.hasFrameHeader() && !seen {
			seen = true
			info.KeyFrame = info.KeyFrame || sequence && o.isKey()
		}
	}
}

// startOfOBU takes an element apart with which an OBU starts, and may not end.
func startOfOBU(e av1Element) (obu, bool) {
	if !e.continued {
		o, rest, ok := parseOBU(e.data)
		return o, ok && len(rest) == 0
	}
	if e.data[0]&obuForbidden != 0 {
		return obu{}, false
	}
	o := obu{header: [2]byte{e.data[0]}, headerSize: 1}
	n := 1
	if e.data[0]&obuExtension != 0 && len(e.data) > 1 {
		o.header[1], o.headerSize = e.data[1], 2
		n = 2
	}
	if e.data[0]&obuHasSize != 0 {
		_, size := consumeLEB128(e.data[n:])
		if size < 0 {
			return o, true // cut within the size: there is no body yet
		}
		n += size
	}
	o.body = e.data[n:]
	return o, true
}
