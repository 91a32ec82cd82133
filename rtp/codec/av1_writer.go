package codec

// An av1Writer writes AV1.
type av1Writer struct {
	size int

	obu    obu // the next, or what is left of it
	left   int // its bytes that have not been sent
	sent   int // its bytes that have been
	rest   []byte
	begins bool // nothing of the temporal unit has been sent
	key    bool
}

func (w *av1Writer) start(f Frame, size int) error {
	if size < 2 {
		return ErrPayloadSize
	}
	key, err := checkTemporalUnit(f.Data)
	if err != nil {
		return err
	}
	w.size, w.rest = size, f.Data
	w.begins, w.key = true, key || f.KeyFrame
	w.advance()
	return nil
}

// checkTemporalUnit makes sure that all OBUs of a temporal unit can be sent, and reports
// whether decoding can start with it.
func checkTemporalUnit(b []byte) (key bool, err error) {
	sequence, seen, some := false, false, false
	for len(b) > 0 {
		o, rest, ok := parseOBU(b)
		if !ok {
			return false, ErrMalformed
		}
		b = rest
		some = some || isSentOBU(o.kind())
		sequence = sequence || o.kind() == obuSequenceHeader
		if o.hasFrameHeader() && !seen {
			seen = true
			key = sequence && o.isKey()
		}
	}
	if !some {
		return false, ErrMalformed
	}
	return key, nil
}

func (w *av1Writer) stop() { w.obu, w.left, w.rest = obu{}, 0, nil }

// advance goes on to the next OBU that is sent. None is left if left is zero.
func (w *av1Writer) advance() {
	w.left, w.sent = 0, 0
	for len(w.rest) > 0 {
		w.obu, w.rest, _ = parseOBU(w.rest)
		if isSentOBU(w.obu.kind()) {
			w.left = w.obu.headerSize + len(w.obu.body)
			break
		}
	}
	// What follows and is not sent does not keep the next OBU from being the last.
	for len(w.rest) > 0 {
		o, rest, _ := parseOBU(w.rest)
		if isSentOBU(o.kind()) {
			break
		}
		w.rest = rest
	}
}

// take appends the next n bytes of the OBU.
func (w *av1Writer) take(dst []byte, n int) []byte {
	w.left -= n
	for ; w.sent < w.obu.headerSize && n > 0; n-- {
		dst = append(dst, w.obu.header[w.sent])
		w.sent++
	}
	from := w.sent - w.obu.headerSize
	dst = append(dst, w.obu.body[max(from, 0):max(from, 0)+n]...)
	w.sent += n
	return dst
}

func (w *av1Writer) next(dst []byte) ([]byte, bool, bool) {
	if w.left == 0 {
		return dst, false, false
	}
	at := len(dst)
	flags := byte(0)
	if w.sent > 0 {
		flags |= av1Continues
	}
	if w.begins && w.key {
		flags |= av1New
	}
	w.begins = false
	dst = append(dst, 0)
	dst, elements := w.appendElements(dst, at+w.size)
	if w.sent > 0 {
		flags |= av1Continued
	}
	dst[at] = flags | elements<<4
	return dst, w.left == 0, true
}

// smallestFragment is what an OBU is not cut for, if there is something else in the packet.
const smallestFragment = 16

// appendElements appends OBUs and parts of OBUs until dst would grow beyond limit. It
// returns their number if the last one has no size, which up to three elements can do
// without, or 0. It appends one byte of an OBU at least.
func (w *av1Writer) appendElements(dst []byte, limit int) (_ []byte, elements byte) {
	const most = 3 // that the header can count
	var layer [2]byte
	for {
		room := limit - len(dst)
		canCount := elements < most
		prefix := sizeOfLEB128(w.left)
		if elements > 0 {
			fits := prefix+w.left <= room || canCount && w.left <= room
			if !sameLayer(layer, &w.obu) || !fits && room < smallestFragment {
				return dst, 0
			}
		}
		if w.obu.headerSize == 2 {
			layer = w.obu.header
		}
		switch {
		case canCount && w.left <= room && (len(w.rest) == 0 || prefix+w.left > room):
			dst = w.take(dst, w.left)
			w.advance()
			return dst, elements + 1
		case prefix+w.left <= room:
			dst = appendLEB128(dst, w.left)
			dst = w.take(dst, w.left)
			w.advance()
			elements = min(elements+1, most)
			if w.left == 0 {
				return dst, 0
			}
		case canCount:
			return w.take(dst, room), elements + 1
		default:
			n := room - sizeOfLEB128(room)
			dst = appendLEB128(dst, n)
			return w.take(dst, n), 0
		}
	}
}

// sameLayer reports whether an OBU may be in a packet with those of a layer: "If more than
// one OBU contained in an RTP packet has an OBU extension header, then the values of the
// temporal_id and spatial_id MUST be the same in all such OBUs in the RTP packet."
// https://aomediacodec.github.io/av1-rtp-spec/#5-packetization-rules
func sameLayer(layer [2]byte, o *obu) bool {
	return o.headerSize == 1 || layer == [2]byte{} || layer[1]>>3 == o.header[1]>>3
}
