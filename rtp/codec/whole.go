package codec

// A wholeReader reads formats whose packets are frames: audio, and what passes through. A
// redundant payload (RFC 2198) is one such frame and not looked into, whatever is in it.
type wholeReader struct{}

func (wholeReader) begin() {}

func (wholeReader) add(d *Depacketizer, payload []byte) error {
	d.frame.KeyFrame = true
	d.buf = append(d.buf, payload...)
	return nil
}

func (wholeReader) complete(*Depacketizer) completeness { return complete }

func (wholeReader) judge(*Frame, bool) verdict { return frameYielded }

// A wholeWriter writes such formats.
type wholeWriter struct {
	data   []byte
	marker bool
}

func (w *wholeWriter) start(f Frame, size int) error {
	if len(f.Data) > size {
		return ErrPayloadSize
	}
	w.data, w.marker = f.Data, f.Marker
	return nil
}

func (w *wholeWriter) next(dst []byte) ([]byte, bool, bool) {
	if len(w.data) == 0 {
		return dst, false, false
	}
	dst = append(dst, w.data...)
	w.data = nil
	return dst, w.marker, true
}

func (w *wholeWriter) stop() { w.data = nil }
