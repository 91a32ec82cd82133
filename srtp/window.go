package srtp

// A window remembers which of the latest packet indices have been used.
// https://www.rfc-editor.org/rfc/rfc3711#section-3.3.2
type window struct {
	next uint64   // one past the highest index used; zero: none
	bits []uint64 // bit i%n of n bits stands for index i in [next-n, next); n is a power of two
}

func (w *window) size() uint64 { return 64 * uint64(len(w.bits)) }

// word returns where the bit of an index is. A mask is quicker than a division, for each packet.
func (w *window) word(index uint64) *uint64 { return &w.bits[index/64&uint64(len(w.bits)-1)] }

// used reports whether an index was used, or is older than the window knows.
func (w *window) used(index uint64) bool {
	if index >= w.next {
		return false
	}
	if w.next-index > w.size() {
		return true
	}
	return *w.word(index)>>(index%64)&1 == 1
}

// add marks an index that is not used.
func (w *window) add(index uint64) {
	if index >= w.next {
		w.slide(index)
	}
	*w.word(index) |= 1 << (index % 64)
}

// slide moves the window forward to an index.
func (w *window) slide(index uint64) {
	for index-w.next >= w.size() {
		clear(w.bits)
		w.next = index
	}
	for ; w.next < index; w.next++ {
		*w.word(w.next) &^= 1 << (w.next % 64)
	}
	w.next++
}

// guess returns the 48-bit index of an RTP packet: the one closest to the highest so far that
// ends in its sequence number. Before the first packet the rollover counter is roc. The
// result may be beyond maxIndex.
//
//	if (s_l < 32,768)
//	   if (SEQ - s_l > 32,768)
//	      set v to (ROC-1) mod 2^32
//	   else
//	      set v to ROC
//	   endif
//	else
//	   if (s_l - 32,768 > SEQ)
//	      set v to (ROC+1) mod 2^32
//	   else
//	      set v to ROC
//	   endif
//	endif
//
// https://www.rfc-editor.org/rfc/rfc3711#appendix-A
//
// There is no stream before rollover zero, so that a sequence number far ahead in it is what
// it says and not one of rollover 2^32-1.
func (w *window) guess(roc uint32, seq uint16) uint64 {
	const half = 1 << 15
	v := uint64(roc)
	if w.next > 0 {
		highest := w.next - 1
		v = highest >> 16
		last := uint16(highest)
		switch {
		case last < half && int(seq)-int(last) > half && v > 0:
			v--
		case last >= half && int(last)-half > int(seq):
			v++
		}
	}
	return v<<16 | uint64(seq)
}

// maxIndex is the highest index of an RTP packet: a rollover counter of 32 bits and a
// sequence number of 16.
const maxIndex = 1<<48 - 1
