package codec

import "encoding/binary"

const maxPictureID = 0x7fff

// A pictureID is the picture id of VP8 and VP9 descriptors, of 7 or 15 bits. The two sizes
// are never compared with one another.
type pictureID struct {
	id    uint16
	mask  uint16 // 0x7f or 0x7fff; 0: there is none
	known bool
}

var noPictureID = pictureID{}

// consumePictureID reads a picture id, or returns n < 0. There may be nothing behind it.
func consumePictureID(b []byte) (id pictureID, n int) {
	if len(b) < 1 {
		return noPictureID, -1
	}
	if b[0]&0x80 == 0 {
		return pictureID{uint16(b[0]), 0x7f, true}, 1
	}
	if len(b) < 2 {
		return noPictureID, -1
	}
	return pictureID{binary.BigEndian.Uint16(b) & maxPictureID, maxPictureID, true}, 2
}

// number returns the id, or -1.
func (p pictureID) number() int {
	if !p.known {
		return -1
	}
	return int(p.id)
}

// distance returns how many pictures p is after last, or -1 if that cannot be said.
func (p pictureID) distance(last pictureID) int {
	if !p.known || !last.known || p.mask != last.mask {
		return -1
	}
	return int((p.id - last.id) & p.mask)
}

// longGap is the time, at the 90 kHz of video, after which small wrapping indices do not
// show any more that nothing was missed.
const longGap = 90_000

// temporalLayers follows which temporal layers of a stream have come without a loss, so that
// the frames that depend on nothing that is missing can be told from those that do.
type temporalLayers struct {
	pictureID pictureID
	tl0       int // TL0PICIDX of the last frame, or -1
	timestamp uint32
	intact    uint8 // a bit for each layer
}

// keyFrame makes everything intact.
func (l *temporalLayers) keyFrame(id pictureID, tl0 int, timestamp uint32) {
	*l = temporalLayers{id, tl0, timestamp, 0xff}
}

// follow goes on to the next complete frame that is not a key frame. It returns false if
// something of the base layer may be missing.
func (l *temporalLayers) follow(id pictureID, tl0 int, f *Frame, gap bool) bool {
	if gap && !l.bridge(id, tl0, f) {
		return false
	}
	l.pictureID, l.tl0, l.timestamp = id, tl0, f.Timestamp
	return true
}

// bridge finds out what a gap has taken.
func (l *temporalLayers) bridge(id pictureID, tl0 int, f *Frame) bool {
	if f.Timestamp-l.timestamp > longGap {
		return false
	}
	if id.distance(l.pictureID) == 1 {
		return true // nothing: it was padding
	}
	if tl0 < 0 || l.tl0 < 0 {
		return false
	}
	// "If TID is larger than 0, TL0PICIDX indicates which base-layer frame the current image
	// depends on. TL0PICIDX MUST be incremented when TID is equal to 0."
	// https://www.rfc-editor.org/rfc/rfc7741#section-4.2
	wantTL0 := l.tl0
	if f.Layer.TemporalID == 0 {
		wantTL0 = (l.tl0 + 1) & 0xff
	}
	l.intact = 1
	return tl0 == wantTL0
}

func (l *temporalLayers) intactUpTo(tid uint8) bool {
	all := uint8(1)<<(tid+1) - 1
	return l.intact&all == all
}

func (l *temporalLayers) restore(tid uint8) { l.intact |= 1 << tid }
func (l *temporalLayers) lose(tid uint8)    { l.intact &^= 1 << tid }

// restoreAbove makes the layers above a layer intact.
func (l *temporalLayers) restoreAbove(tid uint8) { l.intact |= 0xfe << tid }
