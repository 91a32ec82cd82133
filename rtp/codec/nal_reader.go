package codec

import "strconv"

// The bits of the header of a fragment, FU-A or FU, above the type of the unit.
const (
	fragmentStart = 0x80
	fragmentEnd   = 0x40
)

// A nalReader reads H.264 and H.265.
type nalReader struct {
	format *nalFormat
	sets   parameterSets // in force
	needed uint16        // the sets that decoding needs, as in parameterSets.has

	// The access unit that is being put together.
	unitAt   int      // where the last unit is in the frame, behind its start code
	class    nalClass // of the last unit
	fragment bool     // its end has not come
	has      uint16   // the parameter sets in it
	slices   bool
	key      bool // decoding can start here
}

func newNALReader(f Format, fmtp parameters) (*nalReader, error) {
	r := &nalReader{format: nalFormatOf(f), needed: 1<<nalSPS | 1<<nalPPS}
	if f == H264 {
		// packetization-mode 2 is the interleaved mode.
		// https://www.rfc-editor.org/rfc/rfc6184#section-8.1
		if mode := fmtp.get("packetization-mode"); mode != "" && mode != "0" && mode != "1" {
			return nil, ErrUnsupported
		}
		r.sets.putDescription(r.format, fmtp.get("sprop-parameter-sets"))
		return r, nil
	}
	if err := checkDecodingOrder(fmtp); err != nil {
		return nil, err
	}
	r.needed |= 1 << nalVPS
	for _, name := range []string{"sprop-vps", "sprop-sps", "sprop-pps"} {
		r.sets.putDescription(r.format, fmtp.get(name))
	}
	return r, nil
}

// checkDecodingOrder refuses streams of H.265 with decoding order numbers: packets have
// fields for them if sprop-max-don-diff is greater than 0.
// https://www.rfc-editor.org/rfc/rfc7798#section-7.1
func checkDecodingOrder(fmtp parameters) error {
	if v := fmtp.get("sprop-max-don-diff"); v != "" {
		if n, err := strconv.Atoi(v); err != nil || n != 0 {
			return ErrUnsupported
		}
	}
	return nil
}

func (r *nalReader) begin() {
	r.fragment, r.has, r.slices, r.key = false, 0, false, false
}

func (r *nalReader) add(d *Depacketizer, payload []byte) error {
	n := r.format
	switch n.typeOf(payload) {
	case n.fragment:
		return r.addFragment(d, payload)
	case n.aggregation:
		if len(payload) <= n.headerSize {
			return ErrMalformed
		}
		for b := payload[n.headerSize:]; len(b) > 0; {
			var nal []byte
			if nal, b = nextAggregated(b); nal == nil {
				return ErrMalformed
			}
			if err := r.addUnit(d, nal); err != nil {
				return err
			}
		}
		return nil
	default:
		return r.addUnit(d, payload)
	}
}

// addUnit adds a whole unit.
func (r *nalReader) addUnit(d *Depacketizer, nal []byte) error {
	n := r.format
	if err := r.startUnit(d, n.class(nal), nal[min(n.headerSize, len(nal)):]); err != nil {
		return err
	}
	d.buf = append(d.buf, nal...)
	r.endUnit(d)
	return nil
}

// addFragment adds a part of a unit: FU-A of H.264, FU of H.265.
func (r *nalReader) addFragment(d *Depacketizer, payload []byte) error {
	n := r.format
	if len(payload) < n.headerSize+2 {
		return ErrMalformed
	}
	header := n.fragmentHeader(payload)
	class := n.class(header[:n.headerSize])
	bits, body := payload[n.headerSize], payload[n.headerSize+1:]
	if bits&fragmentStart != 0 {
		if err := r.startUnit(d, class, body); err != nil {
			return err
		}
		r.fragment = true
		d.buf = append(d.buf, header[:n.headerSize]...)
	} else if !r.fragment {
		return ErrIncomplete
	} else if n.typeOf(header[:]) != n.typeOf(d.buf[d.start+r.unitAt:]) {
		return ErrMalformed
	}
	d.buf = append(d.buf, body...)
	if bits&fragmentEnd != 0 {
		r.fragment = false
		r.endUnit(d)
	}
	return nil
}

// startUnit begins a unit whose first bytes behind the header are body.
func (r *nalReader) startUnit(d *Depacketizer, class nalClass, body []byte) error {
	switch {
	case class == nalUnsupported:
		return ErrUnsupported
	case class == nalInvalid:
		return ErrMalformed
	case r.fragment:
		return ErrIncomplete
	case class.slice() && !r.slices:
		// Nothing but the slices themselves shows whether the first packet of a picture has
		// been lost.
		if !firstSlice(body) {
			return ErrIncomplete
		}
		r.slices = true
	}
	r.class = class
	d.buf = append(d.buf, startCode...)
	r.unitAt = d.size()
	return nil
}

// endUnit looks at the unit that has become complete.
func (r *nalReader) endUnit(d *Depacketizer) {
	nal := d.buf[d.start+r.unitAt:]
	switch {
	case r.class.parameterSet():
		r.has |= 1 << r.class
		r.sets.put(nal, r.class)
	case r.class == nalKeySlice:
		r.key = true
	case r.class == nalSEI:
		r.key = r.key || r.format.recovery && isRecoveryPoint(nal)
	}
}

func (r *nalReader) complete(d *Depacketizer) completeness {
	if r.fragment {
		return incomplete
	}
	if !r.slices {
		return noFrame
	}
	r.sets.closed = true
	// If something is missing in front of the frame, it may have been new sets.
	if r.key && r.has&r.needed != r.needed && r.sets.has&r.needed == r.needed && !d.cut {
		r.insertSets(d)
	}
	// Without parameter sets there is nothing to decode with.
	d.frame.KeyFrame = r.key && r.has&r.needed == r.needed
	return complete
}

// insertSets puts the parameter sets in force in front of the frame, or behind its access
// unit delimiter, which nothing may precede.
func (r *nalReader) insertSets(d *Depacketizer) {
	at := d.start
	if first, _ := nextNAL(d.buf[at:]); r.isDelimiter(first) {
		at += len(startCode) + len(first)
	}
	n := len(r.sets.stream)
	d.buf = append(d.buf, r.sets.stream...)
	copy(d.buf[at+n:], d.buf[at:len(d.buf)-n])
	copy(d.buf[at:], r.sets.stream)
	r.has |= r.sets.has
}

func (r *nalReader) isDelimiter(nal []byte) bool {
	if r.format == &h264 {
		return h264.typeOf(nal) == 9
	}
	return h265.typeOf(nal) == 35
}

func (r *nalReader) judge(f *Frame, gap bool) verdict {
	if gap && !f.KeyFrame {
		return frameAwaited // which pictures refer to which is not in the packets
	}
	return frameYielded
}
