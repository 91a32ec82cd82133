package codec

import "encoding/binary"

// A vp8Descriptor is what precedes the data in a VP8 payload.
//
//	     0 1 2 3 4 5 6 7
//	    +-+-+-+-+-+-+-+-+
//	    |X|R|N|S|R| PID |
//	    +-+-+-+-+-+-+-+-+
//	X:  |I|L|T|K| RSV   |
//	    +-+-+-+-+-+-+-+-+
//	I:  |M| PictureID   |
//	    +-+-+-+-+-+-+-+-+
//	    |   PictureID   |
//	    +-+-+-+-+-+-+-+-+
//	L:  |   TL0PICIDX   |
//	    +-+-+-+-+-+-+-+-+
//	T/K:|TID|Y| KEYIDX  |
//	    +-+-+-+-+-+-+-+-+
//
// https://www.rfc-editor.org/rfc/rfc7741#section-4.2
type vp8Descriptor struct {
	discardable bool // N
	start       bool // S and PID 0: the frame starts here
	pictureID   pictureID
	tl0         int // TL0PICIDX, or -1
	temporalID  uint8
	sync        bool // Y
}

// parseVP8 returns the descriptor and the data behind it, of which there is at least a byte.
func parseVP8(b []byte) (vp8Descriptor, []byte, error) {
	d := vp8Descriptor{pictureID: noPictureID, tl0: -1}
	if len(b) < 2 {
		return d, nil, ErrMalformed
	}
	d.discardable = b[0]&0x20 != 0
	// The frame starts where its first partition does: S is 1 and PID is 0.
	d.start = b[0]&0x17 == 0x10
	extended := b[0]&0x80 != 0
	b = b[1:]
	if !extended {
		return d, b, nil
	}
	flags := b[0]
	b = b[1:]
	if flags&0x80 != 0 {
		var n int
		if d.pictureID, n = consumePictureID(b); n < 0 {
			return d, nil, ErrMalformed
		}
		b = b[n:]
	}
	if flags&0x40 != 0 {
		if len(b) < 1 {
			return d, nil, ErrMalformed
		}
		d.tl0 = int(b[0])
		b = b[1:]
	}
	if flags&0x30 != 0 {
		if len(b) < 1 {
			return d, nil, ErrMalformed
		}
		if flags&0x20 != 0 {
			d.temporalID = b[0] >> 6
			d.sync = b[0]&0x20 != 0
		}
		b = b[1:]
	}
	if len(b) == 0 {
		return d, nil, ErrMalformed
	}
	return d, b, nil
}

// isVP8Key reports whether data, which is the start of a frame, is that of a key frame.
// "P: Inverse key frame flag. When set to 0, the current frame is a key frame."
// https://www.rfc-editor.org/rfc/rfc7741#section-4.3
func isVP8Key(data []byte) bool { return data[0]&1 == 0 }

func inspectVP8(payload []byte) (Info, error) {
	d, data, err := parseVP8(payload)
	if err != nil {
		return noInfo, err
	}
	return Info{
		KeyFrame:    d.start && isVP8Key(data),
		Start:       d.start,
		Discardable: d.discardable,
		TemporalID:  d.temporalID,
		Sync:        d.sync,
		PictureID:   d.pictureID.number(),
		TL0PICIDX:   d.tl0,
	}, nil
}

type vp8Reader struct {
	first  vp8Descriptor // of the frame being put together
	layers temporalLayers
}

func (r *vp8Reader) begin() {}

func (r *vp8Reader) add(d *Depacketizer, payload []byte) error {
	desc, data, err := parseVP8(payload)
	if err != nil {
		return err
	}
	first := d.frame.Packets == 1
	if desc.start != first {
		if first {
			return ErrIncomplete
		}
		return ErrMalformed // a second frame of the same time
	}
	if first {
		r.first = desc
		d.frame.KeyFrame = isVP8Key(data)
		d.frame.Layer.TemporalID = desc.temporalID
		d.frame.Layer.Sync = desc.sync
		d.frame.Layer.Discardable = desc.discardable
	}
	d.buf = append(d.buf, data...)
	return nil
}

func (r *vp8Reader) complete(*Depacketizer) completeness { return complete }

func (r *vp8Reader) judge(f *Frame, gap bool) verdict {
	if f.KeyFrame {
		r.layers.keyFrame(r.first.pictureID, r.first.tl0, f.Timestamp)
		return frameYielded
	}
	if !r.layers.follow(r.first.pictureID, r.first.tl0, f, gap) {
		return frameAwaited
	}
	tid := f.Layer.TemporalID
	// With the layer sync bit, the frame depends on the base layer only.
	if tid == 0 || f.Layer.Sync {
		r.layers.restore(tid)
		return frameYielded
	}
	if !r.layers.intactUpTo(tid) {
		r.layers.lose(tid)
		return frameSkipped
	}
	return frameYielded
}

type vp8Writer struct {
	pictureID uint16
	tl0       uint8
	layered   bool

	header [6]byte
	size   int // of header
	pieces pieces
}

func newVP8Writer(cfg PacketizerConfig) *vp8Writer {
	return &vp8Writer{pictureID: cfg.PictureID & maxPictureID, layered: cfg.Layered}
}

func (w *vp8Writer) start(f Frame, size int) error {
	const single, layered = 4, 6
	w.size = single
	if w.layered {
		w.size = layered
	}
	if size <= w.size {
		return ErrPayloadSize
	}
	w.pieces = split(f.Data, size-w.size, 0)

	w.header = [6]byte{0x90, 0x80}
	if f.Layer.Discardable {
		w.header[0] |= 0x20
	}
	binary.BigEndian.PutUint16(w.header[2:], 0x8000|w.pictureID)
	w.pictureID = (w.pictureID + 1) & maxPictureID
	if w.layered {
		// "TL0PICIDX is a running index for the temporal base layer frames, i.e., the
		// frames with TID set to 0." https://www.rfc-editor.org/rfc/rfc7741#section-4.2
		if f.Layer.TemporalID == 0 {
			w.tl0++
		}
		w.header[1] |= 0x60
		w.header[4] = w.tl0
		w.header[5] = f.Layer.TemporalID << 6
		if f.Layer.Sync {
			w.header[5] |= 0x20
		}
	}
	return nil
}

func (w *vp8Writer) next(dst []byte) ([]byte, bool, bool) {
	if w.pieces.count == 0 {
		return dst, false, false
	}
	dst = append(dst, w.header[:w.size]...)
	w.header[0] &^= 0x10 // only the first packet starts the frame
	dst = append(dst, w.pieces.next()...)
	return dst, w.pieces.count == 0, true
}

func (w *vp8Writer) stop() { w.pieces = pieces{} }
