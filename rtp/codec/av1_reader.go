package codec

// An av1Reader reads AV1. Its frames are temporal units.
type av1Reader struct {
	at   int  // where the last OBU begins in the temporal unit
	open bool // its end has not come

	announced bool // the first packet says that a coded video sequence begins
	sequence  bool // there is a sequence header
	key       bool // the first frame is a key frame
	seen      bool // a frame header
}

func (r *av1Reader) begin() { *r = av1Reader{} }

func (r *av1Reader) add(d *Depacketizer, payload []byte) error {
	cursor, err := newAV1Cursor(payload)
	if err != nil {
		return err
	}
	if r.open != (cursor.flags&av1Continues != 0) {
		return ErrIncomplete // a beginning or an end is missing
	}
	if d.frame.Packets == 1 {
		r.announced = cursor.flags&av1New != 0
	}
	for {
		e, ok, err := cursor.next()
		if err != nil || !ok {
			return err
		}
		if !e.continues {
			r.at = d.size()
		}
		d.buf = append(d.buf, e.data...)
		if r.open = e.continued; r.open {
			continue
		}
		if err := r.endOBU(d); err != nil {
			return err
		}
	}
}

// endOBU looks at the OBU that has become complete, and gives it a size field.
func (r *av1Reader) endOBU(d *Depacketizer) error {
	at := d.start + r.at
	raw := d.buf[at:]
	o, rest, ok := parseOBU(raw)
	if !ok || len(rest) > 0 {
		return ErrMalformed
	}
	if !isSentOBU(o.kind()) {
		d.buf = d.buf[:at]
		return nil
	}
	r.sequence = r.sequence || o.kind() == obuSequenceHeader
	if o.hasFrameHeader() && !r.seen {
		r.seen, r.key = true, o.isKey()
	}
	if raw[0]&obuHasSize == 0 {
		raw[0] |= obuHasSize
		insertSize(d, at+o.headerSize)
	}
	return nil
}

// insertSize moves what is behind at to make room for its size.
func insertSize(d *Depacketizer, at int) {
	size := len(d.buf) - at
	n := sizeOfLEB128(size)
	d.buf = append(d.buf, make([]byte, n)...)
	copy(d.buf[at+n:], d.buf[at:at+size])
	appendLEB128(d.buf[:at], size)
}

func (r *av1Reader) complete(d *Depacketizer) completeness {
	if r.open {
		return incomplete
	}
	if d.size() == 0 {
		return noFrame
	}
	d.frame.KeyFrame = r.sequence && (r.announced || r.key)
	return complete
}

func (r *av1Reader) judge(f *Frame, gap bool) verdict {
	if gap && !f.KeyFrame {
		return frameAwaited // which frames refer to which is not in the payloads
	}
	return frameYielded
}
