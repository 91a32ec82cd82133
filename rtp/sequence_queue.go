package rtp

// A sequenceQueue holds sequence numbers, first in, first out. It keeps runs of them, since most follow
// each other, and needs no memory of its own then.
type sequenceQueue struct {
	first run // of all, which is empty if the queue is
	count int // of all

	ring  []run // those behind the first
	head  int
	other int // how many these are
}

// A run is a sequence number and those behind it.
type run struct {
	from  uint64
	count uint64
}

// follow adds a number, if it is the next one.
func (r *run) follow(seq uint64) bool {
	if seq != r.from+r.count {
		return false
	}
	r.count++
	return true
}

func (q *sequenceQueue) push(seq uint64) {
	q.count++
	last := &q.first
	if q.other > 0 {
		last = q.at(q.other - 1)
	}
	switch {
	case q.first.count == 0:
		q.first = run{seq, 1}
	case !last.follow(seq):
		q.add(run{seq, 1})
	}
}

func (q *sequenceQueue) at(i int) *run { return &q.ring[(q.head+i)&(len(q.ring)-1)] }

func (q *sequenceQueue) add(r run) {
	if q.other == len(q.ring) {
		ring := make([]run, max(8, 2*len(q.ring)))
		n := copy(ring, q.ring[q.head:])
		copy(ring[n:], q.ring[:q.head])
		q.ring, q.head = ring, 0
	}
	*q.at(q.other) = r
	q.other++
}

// pop takes the first number of a queue that is not empty.
func (q *sequenceQueue) pop() (seq uint64) {
	seq = q.first.from
	q.count--
	q.first.from++
	if q.first.count--; q.first.count == 0 && q.other > 0 {
		q.first = *q.at(0)
		q.head = (q.head + 1) & (len(q.ring) - 1)
		q.other--
	}
	return seq
}

func (q *sequenceQueue) reset() { *q = sequenceQueue{} }
