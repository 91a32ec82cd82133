package rtp

import "math/bits"

// bitReader reads bits, the highest of a byte first. Beyond the end it reads zeros, and has
// failed.
type bitReader struct {
	b      []byte
	pos    int // in bits
	failed bool
}

// bits reads a number of n bits, at most 32.
func (r *bitReader) bits(n int) (v uint32) {
	if r.pos+n > 8*len(r.b) {
		r.failed = true
		return 0
	}
	for n > 0 {
		have := 8 - r.pos%8
		take := min(have, n)
		part := r.b[r.pos/8] >> (have - take) & (1<<take - 1)
		v = v<<take | uint32(part)
		r.pos += take
		n -= take
	}
	return v
}

func (r *bitReader) bool() bool { return r.bits(1) == 1 }

// nonSymmetric reads one of n values, of which the lower ones take a bit less.
//
//	ns(n) of https://aomediacodec.github.io/av1-rtp-spec/#a82-syntax
func (r *bitReader) nonSymmetric(n uint32) uint32 {
	w := bits.Len32(n)
	m := uint32(1)<<w - n
	v := r.bits(w - 1)
	if v < m {
		return v
	}
	return v<<1 - m + r.bits(1)
}

// bitWriter appends bits, the highest of a byte first, to whole bytes.
type bitWriter struct {
	b    []byte
	free int // bits of the last byte
}

// bits writes the low n bits of v.
func (w *bitWriter) bits(v uint32, n int) {
	for n > 0 {
		if w.free == 0 {
			w.b = append(w.b, 0)
			w.free = 8
		}
		take := min(w.free, n)
		part := byte(v>>(n-take)) & (1<<take - 1)
		w.b[len(w.b)-1] |= part << (w.free - take)
		w.free -= take
		n -= take
	}
}

func (w *bitWriter) bool(v bool) {
	if v {
		w.bits(1, 1)
	} else {
		w.bits(0, 1)
	}
}

func (w *bitWriter) nonSymmetric(v, n uint32) {
	size := bits.Len32(n)
	m := uint32(1)<<size - n
	if v < m {
		w.bits(v, size-1)
	} else {
		w.bits(v+m, size)
	}
}
