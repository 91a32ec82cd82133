package codec

import "encoding/binary"

// maxVP9Layers is the number of spatial layers that the descriptor has room for.
const maxVP9Layers = 8

// A vp9Descriptor is what precedes the data in a VP9 payload.
//
//	     0 1 2 3 4 5 6 7
//	    +-+-+-+-+-+-+-+-+
//	    |I|P|L|F|B|E|V|Z|
//	    +-+-+-+-+-+-+-+-+
//	I:  |M| PICTURE ID  |  7 bits, or 15 if M
//	    +-+-+-+-+-+-+-+-+
//	M:  | EXTENDED PID  |
//	    +-+-+-+-+-+-+-+-+
//	L:  | TID |U| SID |D|
//	    +-+-+-+-+-+-+-+-+
//	    |   TL0PICIDX   |  only if not F
//	    +-+-+-+-+-+-+-+-+
//	P,F:| P_DIFF      |N|  up to 3 times
//	    +-+-+-+-+-+-+-+-+
//	V:  | SS ..         |
//	    +-+-+-+-+-+-+-+-+
//
// https://www.rfc-editor.org/rfc/rfc9628#section-4.2
type vp9Descriptor struct {
	predicted  bool // P: depends on earlier pictures
	flexible   bool // F: says which
	start, end bool // B, E: of a layer frame
	pictureID  pictureID
	temporalID uint8
	sync       bool // U: switching up point
	spatialID  uint8
	interLayer bool // D: depends on the next lower spatial layer
	tl0        int  // TL0PICIDX, or -1
	references [3]uint8
}

// parseVP9 returns the descriptor and the data behind it, of which there is at least a byte.
func parseVP9(b []byte) (vp9Descriptor, []byte, error) {
	d := vp9Descriptor{tl0: -1}
	if len(b) < 1 {
		return d, nil, ErrMalformed
	}
	flags := b[0]
	d.predicted = flags&0x40 != 0
	d.flexible = flags&0x10 != 0
	d.start = flags&0x08 != 0
	d.end = flags&0x04 != 0
	b = b[1:]
	if flags&0x80 != 0 {
		var n int
		if d.pictureID, n = consumePictureID(b); n < 0 {
			return d, nil, ErrMalformed
		}
		b = b[n:]
	} else if d.flexible {
		return d, nil, ErrMalformed // references count pictures
	}
	if flags&0x20 != 0 {
		if b = d.parseLayer(b); b == nil {
			return d, nil, ErrMalformed
		}
	}
	if d.flexible && d.predicted {
		if b = d.parseReferences(b); b == nil {
			return d, nil, ErrMalformed
		}
	}
	if flags&0x02 != 0 {
		n := sizeOfVP9Structure(b)
		if n < 0 {
			return d, nil, ErrMalformed
		}
		b = b[n:]
	}
	if len(b) == 0 {
		return d, nil, ErrMalformed
	}
	return d, b, nil
}

// parseLayer returns what is behind the layer indices, or nil.
func (d *vp9Descriptor) parseLayer(b []byte) []byte {
	if len(b) < 1 {
		return nil
	}
	d.temporalID = b[0] >> 5
	d.sync = b[0]&0x10 != 0
	d.spatialID = b[0] >> 1 & 7
	d.interLayer = b[0]&1 != 0
	b = b[1:]
	if !d.flexible {
		if len(b) < 1 {
			return nil
		}
		d.tl0 = int(b[0])
		b = b[1:]
	}
	return b
}

// parseReferences returns what is behind the reference indices, or nil.
func (d *vp9Descriptor) parseReferences(b []byte) []byte {
	for i := range d.references {
		if len(b) < 1 {
			return nil
		}
		d.references[i] = b[0] >> 1
		more := b[0]&1 != 0
		b = b[1:]
		if !more {
			return b
		}
	}
	return nil // more than three
}

// sizeOfVP9Structure returns the size of the scalability structure at the start of b, or -1.
//
//	    +-+-+-+-+-+-+-+-+
//	    | N_S |Y|G|-|-|-|
//	    +-+-+-+-+-+-+-+-+
//	Y:  | WIDTH, HEIGHT |  N_S + 1 times, 16 bits each
//	    +-+-+-+-+-+-+-+-+
//	G:  |      N_G      |
//	    +-+-+-+-+-+-+-+-+
//	N_G:| TID |U| R |-|-|  N_G times,
//	    +-+-+-+-+-+-+-+-+
//	    |    P_DIFF     |  R times in each
//	    +-+-+-+-+-+-+-+-+
//
// https://www.rfc-editor.org/rfc/rfc9628#section-4.2.1
func sizeOfVP9Structure(b []byte) int {
	if len(b) < 1 {
		return -1
	}
	n := 1
	if b[0]&0x10 != 0 {
		n += 4 * (int(b[0]>>5) + 1)
	}
	if b[0]&0x08 != 0 {
		if n >= len(b) {
			return -1
		}
		pictures := int(b[n])
		n++
		for range pictures {
			if n >= len(b) {
				return -1
			}
			n += 1 + int(b[n]>>2&3)
		}
	}
	if n > len(b) {
		return -1
	}
	return n
}

// independent reports whether a layer frame depends on no other.
func (d *vp9Descriptor) independent() bool { return !d.predicted && !d.interLayer }

func inspectVP9(payload []byte) (Info, error) {
	d, _, err := parseVP9(payload)
	if err != nil {
		return noInfo, err
	}
	return Info{
		KeyFrame:   d.start && d.independent(),
		Start:      d.start,
		SpatialID:  d.spatialID,
		TemporalID: d.temporalID,
		Sync:       d.sync,
		PictureID:  d.pictureID.number(),
		TL0PICIDX:  d.tl0,
	}, nil
}

// A vp9Header is what the packetizer has to know from the uncompressed header of a frame.
type vp9Header struct {
	key           bool
	width, height uint16 // of a key frame; zero if not known
}

// parseVP9Header looks at the start of a frame: uncompressed_header() in the VP9 bitstream
// specification, https://www.webmproject.org/vp9/
func parseVP9Header(b []byte) vp9Header {
	r := bitReader{b: b}
	if r.bits(2) != 2 {
		return vp9Header{}
	}
	profile := r.bits(1) | r.bits(1)<<1
	if profile == 3 {
		r.bits(1)
	}
	showExisting, inter := r.bits(1), r.bits(1)
	r.bits(2) // show_frame, error_resilient_mode
	if showExisting != 0 || inter != 0 || r.bits(24) != 0x498342 {
		return vp9Header{}
	}
	if profile >= 2 {
		r.bits(1) // ten_or_twelve_bit
	}
	const sRGB = 7
	if r.bits(3) != sRGB {
		r.bits(1) // color_range
		if profile&1 != 0 {
			r.bits(3) // subsampling
		}
	} else if profile&1 != 0 {
		r.bits(1)
	}
	h := vp9Header{key: true}
	width, height := r.bits(16), r.bits(16)
	if !r.failed && width < 0xffff && height < 0xffff {
		h.width, h.height = uint16(width+1), uint16(height+1)
	}
	return h
}

// A bitReader reads bits from the most significant one on. Behind the end it reads zeros.
type bitReader struct {
	b      []byte
	at     int // in bits
	failed bool
}

func (r *bitReader) bits(n int) (v uint32) {
	for range n {
		v <<= 1
		if r.at>>3 >= len(r.b) {
			r.failed = true
			continue
		}
		v |= uint32(r.b[r.at>>3]>>(7-r.at&7)) & 1
		r.at++
	}
	return v
}

// appendSuperframeIndex appends the index that makes several frames one superframe: a
// decoder is given all layers of a picture at once, and shows the last. It is in Annex B of
// the VP9 bitstream specification, https://www.webmproject.org/vp9/
func appendSuperframeIndex(dst []byte, sizes []uint32) []byte {
	const sizeBytes = 4
	marker := byte(0xc0 | (sizeBytes-1)<<3 | (len(sizes) - 1))
	dst = append(dst, marker)
	for _, size := range sizes {
		dst = binary.LittleEndian.AppendUint32(dst, size)
	}
	return append(dst, marker)
}
