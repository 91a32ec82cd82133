package rtc

// nextPacket returns the next packet for the application as an event, or nil.
func (r *Rtc) nextPacket() Event {
	for r.packets.count > 0 {
		p := r.packets.pop()
		if !p.stream.media.stopped {
			return &p.RTPReceived
		}
		r.dropped.Unread++
	}
	return nil
}

// packetQueue holds packets that the application has not polled yet. What does not
// fit is dropped: media is better late than stale.
type packetQueue struct {
	ring  []queuedPacket
	head  int
	count int // less than len(ring): one is always free for the next packet
	limit int // of count
}

// queuedPacket is a packet as the event that it will be.
type queuedPacket struct {
	RTPReceived
	stream *inStream
	buf    []byte // what the event points to
}

// free returns the packet that push will add. What was popped last may be in it: it is borrowed no more
// when a datagram comes.
func (q *packetQueue) free() *queuedPacket {
	if q.count == 0 {
		q.head = 0 // memory that was used just now is quicker
	}
	if q.count+1 >= len(q.ring) {
		q.grow()
	}
	return q.at(q.count)
}

func (q *packetQueue) at(i int) *queuedPacket {
	if i += q.head; i >= len(q.ring) {
		i -= len(q.ring)
	}
	return &q.ring[i]
}

// push adds the free packet, dropping the oldest if there is no room, and reports whether there was.
func (q *packetQueue) push() bool {
	if q.count < q.limit {
		q.count++
		return true
	}
	q.pop()
	q.count++
	return false
}

func (q *packetQueue) grow() {
	size := min(max(2*len(q.ring), 8), q.limit+1)
	if size == len(q.ring) {
		return
	}
	ring := make([]queuedPacket, size)
	for i := range q.count {
		ring[i] = *q.at(i)
	}
	q.ring, q.head = ring, 0
}

// pop returns the oldest packet, of which there must be one. It is valid until the next datagram comes.
func (q *packetQueue) pop() *queuedPacket {
	p := q.at(0)
	q.count--
	if q.head++; q.head == len(q.ring) {
		q.head = 0
	}
	return p
}
