package dtls

// eventQueue holds the events that NextEvent has not returned. Content of records
// is opened right into its memory.
type eventQueue struct {
	events []queued
	head   int
	arena  []byte // what events[head:] and the last event returned point to
	bytes  int    // of data in events[head:]
	err    error  // of the EventClosed, which comes once
}

// queued is an Event whose data is arena[lo:hi].
type queued struct {
	kind   EventKind
	lo, hi int
}

// keepArena is the memory that an idle connection may keep.
const keepArena = 4 * 1024

// reclaim makes the memory of events that have been returned free again.
func (q *eventQueue) reclaim() {
	if q.head < len(q.events) {
		return
	}
	q.events, q.head = q.events[:0], 0
	if cap(q.arena) > keepArena && len(q.arena) <= keepArena/2 {
		q.arena = nil
	}
	q.arena = q.arena[:0]
}

// full reports whether another EventData of n bytes is too much.
func (q *eventQueue) full(n int) bool {
	return len(q.events)-q.head >= maxQueuedEvents || q.bytes+n > maxQueuedBytes
}

func (q *eventQueue) push(e queued) {
	q.bytes += e.hi - e.lo
	q.events = append(q.events, e)
}

func (q *eventQueue) pop() (Event, bool) {
	if q.head == len(q.events) {
		return Event{}, false
	}
	e := &q.events[q.head]
	q.head++
	q.bytes -= e.hi - e.lo
	switch e.kind {
	case EventData:
		return Event{Kind: EventData, Data: q.arena[e.lo:e.hi:e.hi]}, true
	case EventClosed:
		return Event{Kind: EventClosed, Err: q.err}, true
	default:
		return Event{Kind: e.kind}, true
	}
}
