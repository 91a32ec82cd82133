package dtls

// replayWindow remembers which of the latest sequence numbers have been seen
// (RFC 6347 section 4.1.2.6, RFC 9147 section 4.5.1).
type replayWindow struct {
	next uint64                  // one past the highest number seen
	bits [replaySize / 64]uint64 // bit n%replaySize, for n in [next-replaySize, next)
}

// replaySize is more than the 64 that the RFCs ask for: paths that reorder lose
// nothing.
const replaySize = 256

// seen reports whether seq must be refused.
func (w *replayWindow) seen(seq uint64) bool {
	if seq >= w.next {
		return false
	}
	if w.next-seq > replaySize {
		return true
	}
	i := seq % replaySize
	return w.bits[i/64]>>(i%64)&1 == 1
}

// add notes that seq has been received, and is authentic.
func (w *replayWindow) add(seq uint64) {
	if seq >= w.next {
		if seq-w.next >= replaySize {
			w.bits = [replaySize / 64]uint64{}
		} else {
			for n := w.next; n <= seq; n++ {
				i := n % replaySize
				w.bits[i/64] &^= 1 << (i % 64)
			}
		}
		w.next = seq + 1
	} else if w.next-seq > replaySize {
		return
	}
	i := seq % replaySize
	w.bits[i/64] |= 1 << (i % 64)
}
