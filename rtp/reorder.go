package rtp

import "time"

// A ReorderConfig configures a Reorder.
type ReorderConfig struct {
	MaxPackets int           // held; if 0, 512; rounded up to a power of two
	MaxBytes   int           // held, headers included; if 0, 1 MiB
	MaxDelay   time.Duration // the longest wait for a missing packet, whatever SetDelay says; if 0, 1 s
}

// reorderSpare is how many empty buffers a Reorder keeps for later packets.
const reorderSpare = 128

// A Reorder puts the packets of a stream in order. It holds copies of them, bounded in
// packets, bytes and time: what is still missing when the time is over is skipped. The zero
// value is not ready for use; see [NewReorder].
type Reorder struct {
	cfg   ReorderConfig
	time  timeline
	delay int64

	ring    []*heldPacket // by sequence number, modulo its length, which is a power of two
	next    uint64        // to be released
	highest uint64        // pushed
	started bool
	handed  bool // something has been released
	count   int
	bytes   int
	lost    int // skipped since the last release

	free []*heldPacket
	out  *heldPacket // handed out, until the next call

	late, dropped uint64
}

// heldPacket is a packet in a Reorder.
type heldPacket struct {
	OrderedPacket
	buf   []byte // CSRCs, extensions and payload
	since int64  // arrival of this packet or, if it filled a gap, of the one behind the gap
}

// An OrderedPacket is a packet that a Reorder releases.
type OrderedPacket struct {
	Sequence uint64 // extended
	Lost     int    // packets right before this one that have not come
	Arrived  time.Time
	Header   Header // its slices, and the payload, are valid until the next call of Pop, Push or Reset
	Payload  []byte
}

// NewReorder returns an empty Reorder.
func NewReorder(cfg ReorderConfig) *Reorder {
	if cfg.MaxPackets <= 0 {
		cfg.MaxPackets = 512
	}
	size := 1
	for size < cfg.MaxPackets && size < 1<<14 {
		size *= 2
	}
	cfg.MaxPackets = size
	if cfg.MaxBytes <= 0 {
		cfg.MaxBytes = 1 << 20
	}
	if cfg.MaxDelay <= 0 {
		cfg.MaxDelay = time.Second
	}
	q := &Reorder{cfg: cfg}
	q.SetDelay(cfg.MaxDelay)
	return q
}

// SetDelay sets how long a missing packet is waited for, see [Receiver.RepairTime].
func (q *Reorder) SetDelay(d time.Duration) {
	q.delay = int64(min(max(d, 0), q.cfg.MaxDelay))
}

// Push adds a packet, which is copied. seq is its extended sequence number. It returns false
// if the packet is a duplicate or too late. If there is no room, the oldest packets are
// dropped. A packet without payload (padding) is released like any other.
func (q *Reorder) Push(now time.Time, seq uint64, h *Header, payload []byte) bool {
	at := q.time.advance(now)
	q.reclaim()
	switch {
	case !q.started:
		q.started, q.next, q.highest = true, seq, seq
	case seq < q.next && !q.handed && q.highest-seq < uint64(q.cfg.MaxPackets):
		q.next = seq // the stream began out of order
	case seq < q.next:
		q.late++
		return false
	}
	if q.holds(seq) {
		return false
	}
	size := len(h.CSRCs) + len(h.Extensions.Data) + len(payload)
	if !q.makeRoom(seq, size) {
		q.dropped++
		return false
	}
	p := q.take()
	p.fill(seq, now, h, payload)
	p.since = at
	if seq < q.highest {
		p.since = q.sinceBehind(seq, at)
	}
	q.highest = max(q.highest, seq)
	q.ring[seq&uint64(len(q.ring)-1)] = p
	q.count++
	q.bytes += size
	return true
}

// sinceBehind returns since when the gap at seq has been known.
func (q *Reorder) sinceBehind(seq uint64, at int64) int64 {
	for n := seq + 1; n <= q.highest; n++ {
		if p := q.ring[n&uint64(len(q.ring)-1)]; p != nil {
			return min(p.since, at)
		}
	}
	return at
}

func (p *heldPacket) fill(seq uint64, now time.Time, h *Header, payload []byte) {
	b := append(p.buf[:0], h.CSRCs...)
	csrcs := len(b)
	b = append(b, h.Extensions.Data...)
	extended := len(b)
	b = append(b, payload...)
	p.buf = b
	p.OrderedPacket = OrderedPacket{Sequence: seq, Arrived: now, Header: *h}
	p.Header.CSRCs = CSRCs(b[:csrcs:csrcs])
	p.Header.Extensions.Data = b[csrcs:extended:extended]
	p.Payload = b[extended:len(b):len(b)]
}

func (q *Reorder) holds(seq uint64) bool {
	if len(q.ring) == 0 {
		return false
	}
	p := q.ring[seq&uint64(len(q.ring)-1)]
	return p != nil && p.Sequence == seq
}

// makeRoom makes sure that a packet fits, by growing the ring or dropping the oldest packets,
// and returns false if it would be the oldest itself.
func (q *Reorder) makeRoom(seq uint64, size int) bool {
	if limit := uint64(q.cfg.MaxPackets); seq >= q.next+limit {
		q.skipTo(seq - limit + 1)
	}
	for q.count > 0 && q.bytes+size > q.cfg.MaxBytes {
		first := q.first().Sequence
		if seq < first {
			return false
		}
		q.skipTo(first + 1)
	}
	if span := max(seq, q.highest) - q.next + 1; span > uint64(len(q.ring)) {
		q.grow(int(min(span, uint64(q.cfg.MaxPackets))))
	}
	return true
}

// skipTo gives up everything before seq.
func (q *Reorder) skipTo(seq uint64) {
	for q.next < seq {
		if q.count == 0 {
			q.lost += int(min(seq-q.next, maxDropout))
			q.next = seq
			break
		}
		q.dropNext()
	}
	q.highest = max(q.highest, q.next)
}

// dropNext gives up the packet at next, whether it is there or not.
func (q *Reorder) dropNext() {
	if p := q.pick(); p != nil {
		q.recycle(p)
		q.dropped++
	}
	q.lost++
	q.next++
}

// pick takes the packet at next out of the ring, if it is there.
func (q *Reorder) pick() *heldPacket {
	i := q.next & uint64(len(q.ring)-1)
	p := q.ring[i]
	if p != nil {
		q.ring[i] = nil
		q.count--
		q.bytes -= len(p.buf)
	}
	return p
}

func (q *Reorder) grow(span int) {
	size := max(len(q.ring), 16)
	for size < span {
		size *= 2
	}
	ring := make([]*heldPacket, size)
	for _, p := range q.ring {
		if p != nil {
			ring[p.Sequence&uint64(size-1)] = p
		}
	}
	q.ring = ring
}

// take returns an empty packet.
func (q *Reorder) take() *heldPacket {
	if n := len(q.free); n > 0 {
		p := q.free[n-1]
		q.free[n-1] = nil
		q.free = q.free[:n-1]
		return p
	}
	return &heldPacket{}
}

func (q *Reorder) recycle(p *heldPacket) {
	if len(q.free) < reorderSpare {
		q.free = append(q.free, p)
	}
}

func (q *Reorder) reclaim() {
	if q.out != nil {
		q.recycle(q.out)
		q.out = nil
	}
}

// Pop returns the next packet in order, if it is there or the ones before it have been
// waited for long enough. The packet is valid until the next call.
func (q *Reorder) Pop(now time.Time) (*OrderedPacket, bool) {
	at := q.time.advance(now)
	q.reclaim()
	if q.count == 0 {
		return nil, false
	}
	first := q.first()
	if first.Sequence != q.next && at < first.since+q.delay {
		return nil, false
	}
	q.lost += int(first.Sequence - q.next)
	q.next = first.Sequence
	p := q.pick()
	q.next++
	p.Lost, q.lost = q.lost, 0
	q.handed, q.out = true, p
	return &p.OrderedPacket, true
}

// first returns the first packet held, of which there is one.
func (q *Reorder) first() *heldPacket {
	for n := q.next; ; n++ {
		if p := q.ring[n&uint64(len(q.ring)-1)]; p != nil {
			return p
		}
	}
}

// Next returns the extended sequence number that is to be released next. Packets before are
// of no use any more, see [Receiver.ForgetBefore].
func (q *Reorder) Next() uint64 { return q.next }

// Reset drops everything held: the stream begins anew with the next packet.
func (q *Reorder) Reset() {
	q.reclaim()
	for i, p := range q.ring {
		if p != nil {
			q.recycle(p)
			q.dropped++
			q.ring[i] = nil
		}
	}
	q.started, q.handed = false, false
	q.count, q.bytes, q.lost = 0, 0, 0
}

// Deadline returns when Pop will skip what is missing: the zero time if nothing is waited
// for, and now or earlier if there is a packet to take.
func (q *Reorder) Deadline() time.Time {
	if q.count == 0 {
		return time.Time{}
	}
	first := q.first()
	if first.Sequence == q.next {
		return q.time.time(first.since)
	}
	return q.time.time(first.since + q.delay)
}

// Held returns the packets and bytes held now.
func (q *Reorder) Held() (packets, bytes int) { return q.count, q.bytes }

// Dropped returns the number of packets that came too late, and of those dropped for want
// of room.
func (q *Reorder) Dropped() (late, overflowed uint64) { return q.late, q.dropped }
