package codec

import "encoding/binary"

// A vp9Writer writes VP9: a stream of one layer without the flexible mode, each frame
// depending on the one before as far as the receiver is told, or a layered one in it.
type vp9Writer struct {
	pictureID     uint16
	layered       bool
	spatialLayers int

	header    [7]byte // flags, picture id, layer indices, up to three references
	size      int     // of header
	structure []byte  // what the first packet has besides
	scratch   [8]byte // of structure
	more      bool
	pieces    pieces
}

func newVP9Writer(cfg PacketizerConfig) (*vp9Writer, error) {
	if cfg.SpatialLayers < 0 || cfg.SpatialLayers > maxVP9Layers {
		return nil, ErrUnsupported
	}
	return &vp9Writer{
		pictureID:     cfg.PictureID & maxPictureID,
		layered:       cfg.Layered,
		spatialLayers: max(cfg.SpatialLayers, 1),
	}, nil
}

const (
	vp9Predicted = 0x40
	vp9Start     = 0x08
	vp9End       = 0x04
	vp9Structure = 0x02
)

func (w *vp9Writer) start(f Frame, size int) error {
	bitstream := parseVP9Header(f.Data)
	if w.layered {
		w.setLayeredHeader(&f.Layer)
	} else {
		w.setHeader(bitstream, f.KeyFrame)
	}
	if size <= w.size+len(w.structure) {
		return ErrPayloadSize
	}
	w.pieces = split(f.Data, size-w.size, len(w.structure))
	w.more = w.layered && f.Layer.More
	if !w.more {
		w.pictureID = (w.pictureID + 1) & maxPictureID
	}
	return nil
}

// setHeader describes a frame of a stream of one layer.
func (w *vp9Writer) setHeader(bitstream vp9Header, key bool) {
	w.header = [7]byte{0x81 | vp9Start} // I, Z
	binary.BigEndian.PutUint16(w.header[1:], 0x8000|w.pictureID)
	w.size = 3
	if !bitstream.key && !key {
		w.header[0] |= vp9Predicted
		w.structure = nil
		return
	}
	w.header[0] |= vp9Structure
	w.structure = w.scratch[:0]
	if bitstream.width != 0 {
		w.structure = append(w.structure, 0x18) // Y, G
		w.structure = binary.BigEndian.AppendUint16(w.structure, bitstream.width)
		w.structure = binary.BigEndian.AppendUint16(w.structure, bitstream.height)
	} else {
		w.structure = append(w.structure, 0x08) // G
	}
	// A group of one picture, which depends on the one before.
	w.structure = append(w.structure, 1, 1<<2, 1)
}

// setLayeredHeader describes a layer frame. The structure comes with each picture that
// depends on none before; the sizes of its higher layers are not known yet, and left out.
func (w *vp9Writer) setLayeredHeader(l *Layer) {
	w.header = [7]byte{0xb0 | vp9Start} // I, L, F
	if !l.More {
		w.header[0] |= 1 // Z: no higher layer depends on this one
	}
	binary.BigEndian.PutUint16(w.header[1:], 0x8000|w.pictureID)
	w.header[3] = l.TemporalID<<5 | l.SpatialID&7<<1
	if l.Sync {
		w.header[3] |= 0x10
	}
	if l.InterLayer {
		w.header[3] |= 1
	}
	w.size = 4
	for _, diff := range l.References {
		if diff == 0 {
			continue
		}
		if w.size > 4 {
			w.header[w.size-1] |= 1 // N: another follows
		}
		w.header[w.size] = diff << 1
		w.size++
	}
	w.structure = nil
	if w.size > 4 {
		w.header[0] |= vp9Predicted
	} else if !l.InterLayer {
		w.header[0] |= vp9Structure
		w.structure = append(w.scratch[:0], byte(w.spatialLayers-1)<<5)
	}
}

func (w *vp9Writer) next(dst []byte) ([]byte, bool, bool) {
	if w.pieces.count == 0 {
		return dst, false, false
	}
	if w.pieces.count == 1 {
		w.header[0] |= vp9End
	}
	dst = append(dst, w.header[:w.size]...)
	dst = append(dst, w.structure...)
	dst = append(dst, w.pieces.next()...)
	w.header[0] &^= vp9Start | vp9Structure
	w.structure = nil
	return dst, w.pieces.count == 0 && !w.more, true
}

func (w *vp9Writer) stop() { w.pieces = pieces{} }
