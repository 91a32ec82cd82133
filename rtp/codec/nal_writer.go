package codec

import "encoding/binary"

// A nalWriter writes H.264 and H.265.
type nalWriter struct {
	format *nalFormat
	single bool // each unit in a packet of its own, as packetization-mode 0 of H.264 wants it
	size   int

	nal    []byte // the unit that is next, or nil behind the last
	rest   []byte // the stream behind it
	header [3]byte
	pieces pieces // of the unit that is being sent in fragments
}

func newNALWriter(f Format, fmtp parameters) (*nalWriter, error) {
	w := &nalWriter{format: nalFormatOf(f)}
	if f == H265 {
		// A receiver cannot ask for decoding order numbers; that is the sender's parameter.
		return w, nil
	}
	// Without a packetization-mode, or with 0, only single units can be received.
	// https://www.rfc-editor.org/rfc/rfc6184#section-8.1
	switch fmtp.get("packetization-mode") {
	case "", "0":
		w.single = true
	case "1":
	default:
		return nil, ErrUnsupported
	}
	return w, nil
}

func (w *nalWriter) start(f Frame, size int) error {
	n := w.format
	size = min(size, 0xffff) // more does not fit in a packet, nor in a size field
	first, rest := nextNAL(f.Data)
	if first == nil {
		return ErrMalformed
	}
	for nal, rest := first, rest; nal != nil; nal, rest = nextNAL(rest) {
		if n.class(nal) <= nalUnsupported {
			return ErrMalformed
		}
		if len(nal) > size && (w.single || size < n.headerSize+2) {
			return ErrPayloadSize
		}
	}
	w.nal, w.rest, w.size = first, rest, size
	return nil
}

func (w *nalWriter) stop() { w.nal, w.rest, w.pieces = nil, nil, pieces{} }

func (w *nalWriter) next(dst []byte) ([]byte, bool, bool) {
	switch {
	case w.pieces.count > 0:
		dst = w.nextFragment(dst)
	case w.nal == nil:
		return dst, false, false
	case len(w.nal) > w.size:
		w.startFragments()
		dst = w.nextFragment(dst)
	default:
		dst = w.nextUnits(dst)
	}
	return dst, w.nal == nil && w.pieces.count == 0, true
}

func (w *nalWriter) advance() { w.nal, w.rest = nextNAL(w.rest) }

// startFragments cuts the next unit up: into FU-A of H.264, FU of H.265.
func (w *nalWriter) startFragments() {
	n := w.format
	if n.headerSize == 1 {
		w.header = [3]byte{w.nal[0]&0xe0 | n.fragment}
	} else {
		w.header = [3]byte{w.nal[0]&0x81 | n.fragment<<1, w.nal[1]}
	}
	w.header[n.headerSize] = n.typeOf(w.nal) | fragmentStart
	w.pieces = split(w.nal[n.headerSize:], w.size-n.headerSize-1, 0)
	w.advance()
}

func (w *nalWriter) nextFragment(dst []byte) []byte {
	bits := &w.header[w.format.headerSize]
	piece := w.pieces.next()
	if w.pieces.count == 0 {
		*bits |= fragmentEnd
	}
	dst = append(append(dst, w.header[:w.format.headerSize+1]...), piece...)
	*bits &^= fragmentStart
	return dst
}

// nextUnits appends the next unit by itself, or together with those behind it that fit in an
// aggregation packet: STAP-A of H.264, AP of H.265. Parameter sets so come with a key frame
// that fits, and with one another if it does not.
func (w *nalWriter) nextUnits(dst []byte) []byte {
	const sizeField = 2
	n := w.format
	nal := w.nal
	w.advance()
	used := n.headerSize + sizeField + len(nal)
	if w.single || w.nal == nil || used+sizeField+len(w.nal) > w.size {
		return append(dst, nal...)
	}
	at := len(dst)
	dst = append(dst, w.header[:n.headerSize]...) // takes the room, set below
	header := newAggregationHeader(n, nal)
	for {
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(nal)))
		dst = append(dst, nal...)
		if w.nal == nil || used+sizeField+len(w.nal) > w.size {
			break
		}
		nal = w.nal
		used += sizeField + len(nal)
		header.add(nal)
		w.advance()
	}
	copy(dst[at:], header.bytes[:n.headerSize])
	return dst
}

// An aggregationHeader is the header of an aggregation packet, which follows from those of
// the units in it.
type aggregationHeader struct {
	format *nalFormat
	bytes  [2]byte
}

func newAggregationHeader(n *nalFormat, nal []byte) aggregationHeader {
	if n.headerSize == 1 {
		return aggregationHeader{n, [2]byte{nal[0]&0xe0 | n.aggregation}}
	}
	return aggregationHeader{n, [2]byte{nal[0]&0x81 | n.aggregation<<1, nal[1]}}
}

func (h *aggregationHeader) add(nal []byte) {
	h.bytes[0] |= nal[0] & 0x80 // F, if any unit has it
	if h.format.headerSize == 1 {
		// "The value of NRI MUST be the maximum of all the NAL units carried in the
		// aggregation packet." https://www.rfc-editor.org/rfc/rfc6184#section-5.7
		h.bytes[0] = h.bytes[0]&0x9f | max(h.bytes[0]&0x60, nal[0]&0x60)
		return
	}
	// "The value of LayerId MUST be equal to the lowest LayerId value of all the aggregated
	// NAL units. The value of TID MUST be the lowest TID value of all the aggregated NAL
	// units." https://www.rfc-editor.org/rfc/rfc7798#section-4.4.2
	layer := min(layerID(h.bytes[:]), layerID(nal))
	tid := min(h.bytes[1]&7, nal[1]&7)
	h.bytes[0] = h.bytes[0]&0xfe | layer>>5
	h.bytes[1] = layer<<3 | tid
}

// layerID returns the six bits of nuh_layer_id of an H.265 header.
func layerID(nal []byte) byte { return nal[0]&1<<5 | nal[1]>>3 }
