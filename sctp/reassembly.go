package sctp

import "github.com/sansrtc/rtc/internal/seqnum"

// fragment is a received DATA chunk. The fragments of a message that have
// arrived side by side form a run: a list, whose first element knows the last
// and the size, and whose last element knows the first. So a fragment joins
// its neighbours, and a message is known to be complete, in constant time,
// whatever the order of arrival.
type fragment struct {
	next   *fragment
	head   *fragment // in the last fragment of a run (in a run of one: itself)
	last   *fragment // in the first fragment of a run
	data   []byte    // from the pool
	size   int       // in the first fragment: bytes of the run
	tsn    uint32
	ppid   uint32
	stream uint16
	ssn    uint16
	flags  uint8
	spoilt bool // in the first fragment: too large, its bytes are dropped
}

func (a *Association) newFragment() *fragment {
	f := a.freeFragments
	if f == nil {
		// In blocks: a fragment by itself costs the collector more.
		block := make([]fragment, 8)
		for i := range block[1:] {
			block[i+1].next = a.freeFragments
			a.freeFragments = &block[i+1]
		}
		f = &block[0]
	} else {
		a.freeFragments = f.next
	}
	*f = fragment{}
	f.head, f.last = f, f
	return f
}

// freeFragment gives back a fragment and its share of the receive buffer.
func (a *Association) freeFragment(f *fragment) {
	a.dropBytes(f)
	a.recv.used -= fragmentOverhead
	*f = fragment{next: a.freeFragments}
	a.freeFragments = f
}

func (a *Association) dropBytes(f *fragment) {
	if f.data == nil {
		return
	}
	_, size := sizeClass(len(f.data))
	a.recv.used -= size
	a.pool.put(f.data)
	f.data = nil
}

// freeRun gives back a whole message.
func (a *Association) freeRun(head *fragment) {
	for f := head; f != nil; {
		next := f.next
		a.freeFragment(f)
		f = next
	}
}

// dropRun forgets an unfinished message.
func (a *Association) dropRun(head *fragment) {
	r := &a.recv
	if r.open == head {
		r.open = nil
	}
	for f := head; f != nil; f = f.next {
		if r.slot(f.tsn) == f {
			r.setSlot(f.tsn, nil)
		}
	}
	a.freeRun(head)
}

// continues reports whether g can be the next fragment after f.
func (f *fragment) continues(g *fragment) bool {
	return f.flags&flagEnd == 0 && g.flags&flagBegin == 0 && f.stream == g.stream &&
		(f.flags^g.flags)&flagUnordered == 0 && (f.flags&flagUnordered != 0 || f.ssn == g.ssn)
}

// join links a new fragment to its neighbours, and takes the message if it is
// complete. It returns the head of the run, nil if the message was complete.
func (a *Association) join(f *fragment) (head *fragment) {
	r := &a.recv
	var left *fragment
	if f.tsn == r.cumTSN+1 {
		if r.open != nil {
			left = r.open.last
		}
	} else {
		left = r.slot(f.tsn - 1)
	}
	head = f
	if left != nil && left.continues(f) {
		head = left.head
		link(head, left, f)
	}
	if right := r.slot(f.tsn + 1); right != nil && f.continues(right) {
		link(head, f, right)
	}
	a.spoil(head)
	if head.flags&flagBegin == 0 || head.last.flags&flagEnd == 0 {
		return head
	}
	for g := head; g != nil; g = g.next {
		r.setSlot(g.tsn, nil)
	}
	if r.open == head {
		r.open = nil
	}
	a.complete(head)
	return nil
}

// link joins the run from head to left and the run that begins with right.
func link(head, left, right *fragment) {
	last := right.last
	left.next = right
	head.last, last.head = last, head
	head.size += right.size
	head.spoilt = head.spoilt || right.spoilt
}

// spoil takes the bytes from a run that is larger than any message may be, and
// all fragments but the first and the last, so that a message without end
// costs nothing. Its channel is closed.
func (a *Association) spoil(head *fragment) {
	if !head.spoilt {
		if head.size <= a.cfg.MaxMessageSize {
			return
		}
		head.spoilt = true
		a.refuseMessage(head)
	}
	last := head.last
	a.dropBytes(head)
	if head == last {
		return
	}
	a.dropBytes(last)
	for f := head.next; f != last; {
		next := f.next
		if a.recv.slot(f.tsn) == f {
			a.recv.setSlot(f.tsn, nil)
		}
		a.freeFragment(f)
		f = next
	}
	head.next = last
}

// complete takes a whole message, if its turn has come.
func (a *Association) complete(head *fragment) {
	r := &a.recv
	if head.flags&flagUnordered != 0 {
		a.deliver(head)
		return
	}
	next := r.ssn.get(head.stream)
	switch d := head.ssn - next; {
	case d == 0:
		r.ssn.set(head.stream, next+1)
		stream := head.stream
		a.deliver(head)
		a.deliverWaiting(stream)
	case d < 1<<15:
		a.wait(head)
	default:
		// Its turn is over: FORWARD-TSN skipped it.
		a.stats.DroppedMessages++
		a.freeRun(head)
	}
}

// waitList holds the messages of a stream that wait for earlier ones, in
// order of their SSN.
type waitList struct{ msgs []*fragment }

func (w *waitList) search(ssn uint16) int {
	lo, hi := 0, len(w.msgs)
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if seqnum.Less(w.msgs[mid].ssn, ssn) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

func (a *Association) wait(head *fragment) {
	r := &a.recv
	w := r.waiting[head.stream]
	if w == nil {
		if r.waiting == nil {
			r.waiting = make(map[uint16]*waitList)
		}
		w = &waitList{}
		if n := len(a.freeWaits); n > 0 {
			w, a.freeWaits = a.freeWaits[n-1], a.freeWaits[:n-1]
		}
		r.waiting[head.stream] = w
	}
	i := w.search(head.ssn)
	if i < len(w.msgs) && w.msgs[i].ssn == head.ssn {
		a.stats.DroppedMessages++ // the SSN was used twice
		a.freeRun(head)
		return
	}
	w.msgs = append(w.msgs, nil)
	copy(w.msgs[i+1:], w.msgs[i:])
	w.msgs[i] = head
}

// deliverWaiting delivers what has its turn now.
func (a *Association) deliverWaiting(stream uint16) {
	r := &a.recv
	w := r.waiting[stream]
	if w == nil {
		return
	}
	n := 0
	for n < len(w.msgs) && w.msgs[n].ssn == r.ssn.get(stream) {
		head := w.msgs[n]
		w.msgs[n] = nil
		n++
		r.ssn.set(stream, head.ssn+1)
		a.deliver(head)
		if a.state == stateDone {
			return
		}
	}
	a.taken(stream, w, n)
}

// taken removes the first n messages of a wait list.
func (a *Association) taken(stream uint16, w *waitList, n int) {
	w.msgs = append(w.msgs[:0], w.msgs[n:]...)
	if len(w.msgs) == 0 {
		delete(a.recv.waiting, stream)
		if len(a.freeWaits) < 4 {
			a.freeWaits = append(a.freeWaits, w)
		}
	}
}

// flushWaiting delivers the messages that wait on a stream, since those that
// should precede them will not come any more.
func (a *Association) flushWaiting(stream uint16) {
	if w := a.recv.waiting[stream]; w != nil {
		a.skipTo(stream, w.msgs[len(w.msgs)-1].ssn)
	}
}

// skipTo skips the SSNs of a stream up to ssn, which will not come, and
// delivers those that are here.
func (a *Association) skipTo(stream, ssn uint16) {
	r := &a.recv
	if seqnum.Less(ssn, r.ssn.get(stream)) {
		return
	}
	if w := r.waiting[stream]; w != nil {
		n := 0
		for n < len(w.msgs) && seqnum.LessEqual(w.msgs[n].ssn, ssn) {
			head := w.msgs[n]
			w.msgs[n] = nil
			n++
			a.deliver(head)
			if a.state == stateDone {
				return
			}
		}
		a.taken(stream, w, n)
	}
	r.ssn.set(stream, ssn+1)
	a.deliverWaiting(stream)
}

// ssnTable holds the next SSN of each stream, in pages that exist only for
// streams in use: at most 128 KiB whatever the peer sends.
type ssnTable struct{ pages []*[256]uint16 }

func (s *ssnTable) get(stream uint16) uint16 {
	if i := int(stream >> 8); i < len(s.pages) && s.pages[i] != nil {
		return s.pages[i][stream&255]
	}
	return 0
}

func (s *ssnTable) set(stream, ssn uint16) {
	i := int(stream >> 8)
	if ssn == 0 && (i >= len(s.pages) || s.pages[i] == nil) {
		return
	}
	for i >= len(s.pages) {
		s.pages = append(s.pages, nil)
	}
	if s.pages[i] == nil {
		s.pages[i] = new([256]uint16)
	}
	s.pages[i][stream&255] = ssn
}
