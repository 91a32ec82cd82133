package rtp

import "encoding/binary"

// VP8Fields are the counters in the payload descriptor of a VP8 packet.
// https://www.rfc-editor.org/rfc/rfc7741#section-4.2
type VP8Fields struct {
	HasPictureID bool
	LongID       bool // the picture id has 15 bits, not 7
	PictureID    uint16
	HasTL0PICIDX bool
	TL0PICIDX    uint8
	HasTID       bool
	TID          uint8 // temporal layer
	LayerSync    bool  // only the base layer is needed to decode the frame
	HasKEYIDX    bool
	KEYIDX       uint8 // 5 bits
	Start        bool  // of the first partition of a frame: with its first packet
	NonReference bool  // no other frame needs this one

	pictureAt, tl0At, keyAt int
	size                    int
}

// ParseVP8Fields reads the payload descriptor of a VP8 packet. It returns false if that is
// cut short.
func ParseVP8Fields(payload []byte) (f VP8Fields, ok bool) {
	if len(payload) == 0 {
		return f, false
	}
	first := payload[0]
	f.Start = first&0x10 != 0 && first&0x07 == 0
	f.NonReference = first&0x20 != 0
	f.size = 1
	if first&0x80 == 0 {
		return f, true
	}
	if len(payload) < 2 {
		return f, false
	}
	extension := payload[1]
	at := 2
	if extension&0x80 != 0 {
		if len(payload) <= at {
			return f, false
		}
		f.HasPictureID, f.pictureAt = true, at
		f.PictureID = uint16(payload[at])
		at++
		if f.PictureID&0x80 != 0 {
			if len(payload) <= at {
				return f, false
			}
			f.LongID = true
			f.PictureID = binary.BigEndian.Uint16(payload[at-1:]) & 0x7fff
			at++
		}
	}
	if extension&0x40 != 0 {
		if len(payload) <= at {
			return f, false
		}
		f.HasTL0PICIDX, f.tl0At, f.TL0PICIDX = true, at, payload[at]
		at++
	}
	if extension&0x30 != 0 {
		if len(payload) <= at {
			return f, false
		}
		b := payload[at]
		// One byte holds both, of which each may be absent.
		f.HasTID = extension&0x20 != 0
		if f.HasTID {
			f.TID, f.LayerSync = b>>6, b&0x20 != 0
		}
		if extension&0x10 != 0 {
			f.HasKEYIDX, f.keyAt, f.KEYIDX = true, at, b&0x1f
		}
		at++
	}
	f.size = at
	return f, true
}

// KeyFrame reports whether the packet, with its whole payload, begins a key frame.
// https://www.rfc-editor.org/rfc/rfc7741#section-4.3
func (f *VP8Fields) KeyFrame(payload []byte) bool {
	return f.Start && len(payload) > f.size && payload[f.size]&1 == 0
}

// A VP8Rewriter makes the counters in the payload of a forwarded VP8 stream continuous, as a
// [Rewriter] does with those of the header. The sizes of the fields are left as they are. The zero
// value is ready for use.
type VP8Rewriter struct {
	started  bool
	pictures renumbering
	picture  uint64 // highest picture id of the source, extended
	haveID   bool

	tl0, key       uint8 // to be added
	lastTL0        uint8 // forwarded last
	lastKey        uint8
	hasTL0, hasKey bool
}

// Switch makes the pictures of another source follow, beginning with the one of the packet,
// which is best the first of a key frame.
func (v *VP8Rewriter) Switch(f *VP8Fields) {
	if f.HasPictureID {
		v.picture = 1<<15 | uint64(f.PictureID)
		v.haveID = true
		v.pictures.begin(v.picture)
	} else {
		v.haveID = false
	}
	if f.HasTL0PICIDX {
		if v.hasTL0 {
			v.tl0 = v.lastTL0 + 1 - f.TL0PICIDX
		}
		v.hasTL0, v.lastTL0 = true, f.TL0PICIDX+v.tl0
	}
	if f.HasKEYIDX {
		if v.hasKey {
			v.key = v.lastKey + 1 - f.KEYIDX
		}
		v.hasKey, v.lastKey = true, f.KEYIDX+v.key
	}
	v.started = true
}

// extend returns the picture id closest to the highest. Ids of 7 bits wrap around at 128.
func (v *VP8Rewriter) extend(f *VP8Fields) uint64 {
	bits := 15
	if !f.LongID {
		bits = 7
	}
	ahead := int64(int32(uint32(f.PictureID)-uint32(v.picture)) << (32 - bits) >> (32 - bits))
	return v.picture + uint64(ahead)
}

// Forward writes the new counters into the payload of a packet of the present source, whose fields f
// are. It returns false if the picture is from before the switch, or too late.
func (v *VP8Rewriter) Forward(f *VP8Fields, payload []byte) bool {
	if !v.started {
		v.Switch(f)
	}
	if f.HasPictureID && v.haveID {
		id := v.extend(f)
		out, ok := v.pictures.forward(id)
		if !ok {
			return false
		}
		v.picture = max(v.picture, id)
		if f.LongID {
			binary.BigEndian.PutUint16(payload[f.pictureAt:], uint16(out)|0x8000)
		} else {
			payload[f.pictureAt] = byte(out) & 0x7f
		}
	}
	if f.HasTL0PICIDX {
		n := f.TL0PICIDX + v.tl0
		payload[f.tl0At] = n
		if int8(n-v.lastTL0) > 0 {
			v.lastTL0 = n
		}
	}
	if f.HasKEYIDX {
		n := (f.KEYIDX + v.key) & 0x1f
		payload[f.keyAt] = payload[f.keyAt]&0xe0 | n
		if ahead := (n - v.lastKey) & 0x1f; ahead < 16 {
			v.lastKey = n
		}
	}
	return true
}

// Drop leaves out the picture of a packet of the present source. It is called once for each packet
// that is dropped, or once for each picture.
func (v *VP8Rewriter) Drop(f *VP8Fields) {
	if !v.started || !f.HasPictureID || !v.haveID {
		return
	}
	id := v.extend(f)
	if id > v.picture {
		v.pictures.drop(id)
		v.picture = id
	}
}
