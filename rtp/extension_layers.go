package rtp

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// VideoLayersAllocation is what a sender tells of its layers: which ones it sends, and with
// which bitrates and perhaps sizes.
// https://webrtc.googlesource.com/src/+/refs/heads/main/docs/native-code/rtp-hdrext/video-layers-allocation00
type VideoLayersAllocation struct {
	Stream  uint8 // index of the RTP stream that carries this
	Streams uint8 // number of RTP streams, 1 to 4
	// Layers are the active layers by stream and spatial id. None: nothing is sent.
	Layers []VideoLayer
	// HasSizes says whether width, height and frame rate are known.
	HasSizes bool
}

// A VideoLayer is one spatial layer of a stream, with its temporal layers.
type VideoLayer struct {
	Stream    uint8 // 0 to 3
	SpatialID uint8 // 0 to 3
	Temporal  uint8 // number of temporal layers, 1 to 4
	// Bitrates are the bitrates in kbit/s that are needed to receive the layer up to each
	// temporal layer, all layers below included.
	Bitrates      [4]uint32
	Width, Height int   // 1 to 65536
	FrameRate     uint8 // the highest, per second
}

const maxLayerStreams = 4

// Parse decodes the value of the extension into a, whose Layers are used again. With an error
// a is without meaning.
func (a *VideoLayersAllocation) Parse(v []byte) error {
	*a = VideoLayersAllocation{Streams: 1, Layers: a.Layers[:0]}
	switch {
	case len(v) == 0:
		return ErrMalformed
	case len(v) == 1 && v[0] == 0:
		// "An empty layer allocation (i.e nothing sent on ssrc) is encoded as special case
		// with a single 0 byte."
		return nil
	}
	a.Stream, a.Streams = v[0]>>6, v[0]>>4&3+1
	if a.Stream >= a.Streams {
		return ErrMalformed
	}
	rest, err := a.parseMasks(v)
	if err != nil {
		return err
	}
	// "#tl: 2-bit value of number of temporal layers-1 [...] Zero-padded to byte alignment."
	n := len(a.Layers)
	counts := (n + 3) / 4
	if n == 0 || len(rest) < counts {
		return ErrMalformed
	}
	for i := range a.Layers {
		a.Layers[i].Temporal = rest[i/4]>>(6-2*(i%4))&3 + 1
	}
	rest = rest[counts:]
	for i := range a.Layers {
		l := &a.Layers[i]
		for j := range l.Temporal {
			kbps, size := consumeLEB128(rest)
			if size < 0 || kbps > math.MaxUint32 {
				return ErrMalformed
			}
			l.Bitrates[j] = uint32(kbps)
			rest = rest[size:]
		}
	}
	return a.parseSizes(rest)
}

// parseMasks makes the list of layers of the bit masks at the start of the value.
func (a *VideoLayersAllocation) parseMasks(v []byte) (rest []byte, err error) {
	common, masks := v[0]&0xf, v[1:]
	rest = masks
	if common == 0 {
		// "slX_bm: BitMask of the active Spatial Layers for RTP stream with index=X. When
		// NS < 2, takes one byte, otherwise uses two bytes."
		n := (int(a.Streams) + 1) / 2
		if len(masks) < n {
			return nil, ErrMalformed
		}
		rest = masks[n:]
	}
	for stream := range a.Streams {
		mask := common
		if common == 0 {
			mask = masks[stream/2] >> (4 - 4*(stream%2)) & 0xf
		}
		for spatial := range uint8(4) {
			if mask>>spatial&1 == 1 {
				a.Layers = append(a.Layers, VideoLayer{Stream: stream, SpatialID: spatial})
			}
		}
	}
	return rest, nil
}

func (a *VideoLayersAllocation) parseSizes(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if len(b) != 5*len(a.Layers) {
		return ErrMalformed
	}
	a.HasSizes = true
	for i := range a.Layers {
		l := &a.Layers[i]
		l.Width = int(binary.BigEndian.Uint16(b[5*i:])) + 1
		l.Height = int(binary.BigEndian.Uint16(b[5*i+2:])) + 1
		l.FrameRate = b[5*i+4]
	}
	return nil
}

// AppendTo appends the value of the extension. It returns false, and dst as it was, for layers
// out of order and values out of range.
func (a *VideoLayersAllocation) AppendTo(dst []byte) ([]byte, bool) {
	if len(a.Layers) == 0 {
		return append(dst, 0), true
	}
	masks, ok := a.masks()
	if !ok {
		return dst, false
	}
	first, common := a.Stream<<6|(a.Streams-1)<<4, true
	for _, mask := range masks[:a.Streams] {
		common = common && mask == masks[0]
	}
	if common {
		dst = append(dst, first|masks[0])
	} else {
		dst = append(dst, first, masks[0]<<4|masks[1])
		if a.Streams > 2 {
			dst = append(dst, masks[2]<<4|masks[3])
		}
	}
	for i := 0; i < len(a.Layers); i += 4 {
		b := byte(0)
		for j, l := range a.Layers[i:min(i+4, len(a.Layers))] {
			b |= (l.Temporal - 1) << (6 - 2*j)
		}
		dst = append(dst, b)
	}
	for i := range a.Layers {
		for _, kbps := range a.Layers[i].Bitrates[:a.Layers[i].Temporal] {
			dst = appendLEB128(dst, uint64(kbps))
		}
	}
	if a.HasSizes {
		for i := range a.Layers {
			dst = binary.BigEndian.AppendUint16(dst, uint16(a.Layers[i].Width-1))
			dst = binary.BigEndian.AppendUint16(dst, uint16(a.Layers[i].Height-1))
			dst = append(dst, a.Layers[i].FrameRate)
		}
	}
	return dst, true
}

// masks checks the layers and returns the spatial layers of each stream as bits.
func (a *VideoLayersAllocation) masks() (masks [maxLayerStreams]byte, ok bool) {
	if a.Streams < 1 || a.Streams > maxLayerStreams || a.Stream >= a.Streams {
		return masks, false
	}
	last := -1
	for i := range a.Layers {
		l := &a.Layers[i]
		place := int(l.Stream)*4 + int(l.SpatialID)
		if place <= last || l.Stream >= a.Streams || l.SpatialID > 3 || l.Temporal < 1 || l.Temporal > 4 {
			return masks, false
		}
		if a.HasSizes && (l.Width < 1 || l.Width > 1<<16 || l.Height < 1 || l.Height > 1<<16) {
			return masks, false
		}
		last = place
		masks[l.Stream] |= 1 << l.SpatialID
	}
	return masks, true
}

// consumeLEB128 returns a number of seven bits per byte, the lowest first, and its size, which
// is negative for bad input. https://aomediacodec.github.io/av1-spec/#leb128
func consumeLEB128(b []byte) (n uint64, size int) {
	for i := range min(len(b), 8) {
		n |= uint64(b[i]&0x7f) << (7 * i)
		if b[i]&0x80 == 0 {
			return n, i + 1
		}
	}
	return 0, -1
}

func appendLEB128(dst []byte, n uint64) []byte {
	for range max(0, (bits.Len64(n)-1)/7) {
		dst = append(dst, byte(n)|0x80)
		n >>= 7
	}
	return append(dst, byte(n))
}
