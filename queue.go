package rtc

// eventQueue holds the events of the session that are not yet polled. All of them
// are rare, and what a peer can make happen again and again is bounded by the layer
// that tells it. (Messages, which are neither, wait in the SCTP association.)
type eventQueue struct {
	events []Event
	head   int
}

func (q *eventQueue) push(ev Event) { q.events = append(q.events, ev) }

// pop returns the oldest event, or nil.
func (q *eventQueue) pop() Event {
	if q.head == len(q.events) {
		return nil
	}
	ev := q.events[q.head]
	q.events[q.head] = nil
	q.head++
	if q.head == len(q.events) {
		q.events, q.head = nil, 0
	}
	return ev
}
