package sctp

import (
	"math"

	"github.com/sansrtc/rtc/internal/seqnum"
)

// chunkState says where a sent DATA chunk stands.
type chunkState uint8

const (
	inFlight  chunkState = iota + 1
	lost                 // to be sent again
	gapAcked             // acknowledged by a gap block, not yet for good
	abandoned            // its message is given up: FORWARD-TSN will skip it
)

// sentChunk is a DATA chunk that has a TSN and is not yet acknowledged for
// good. Its bytes stay in the message.
type sentChunk struct {
	msg        *outMessage // nil: a TSN that only ends an abandoned message
	sentAt     instant
	order      uint64 // counts transmissions: which of two was sent later
	off, n     uint32 // where in the message
	prev, next uint32 // TSNs in its list, while inFlight or lost
	rtx        uint16 // retransmissions
	stream     uint16
	ssn        uint16
	state      chunkState
	flags      uint8 // of the DATA chunk
}

// size is what the chunk adds to the bytes in flight.
func (c *sentChunk) size() int { return padded(int(c.n)) + dataHeader }

// chunkList is a list of sent chunks, linked by TSN.
type chunkList struct {
	first, last uint32 // valid if n > 0
	n           int
}

// sentState is the sender's view of the DATA on its way.
type sentState struct {
	ring      []sentChunk // by TSN modulo its length, a power of two
	nextTSN   uint32      // of the next new chunk
	cumTSN    uint32      // all up to it are acknowledged
	advTSN    uint32      // Advanced.Peer.Ack.Point: all up to it are acknowledged or abandoned
	forwardAt instant     // a FORWARD-TSN sent earlier than now is not answered: send it again

	flying  chunkList // in the order they were sent
	lost    chunkList // in the order they go out again
	flight  int       // bytes in flying
	unacked int       // payload bytes not acknowledged in any way
	gaps    rangeSet  // acknowledged by gap blocks
	nGaps   int       // chunks in gaps
	order   uint64    // transmissions so far

	window      int // the last a_rwnd
	delivered   uint64
	forwardOwed bool // FORWARD-TSN
	abandons    int  // abandoned chunks above cumTSN
}

// maxOutstanding bounds the chunks on their way.
const maxOutstanding = 1 << 16

func (s *sentState) begin(tsn uint32) {
	s.nextTSN, s.cumTSN, s.advTSN = tsn, tsn-1, tsn-1
}

// len is the number of TSNs between the cumulative one and the next.
func (s *sentState) len() int { return int(s.nextTSN - 1 - s.cumTSN) }

func (s *sentState) at(tsn uint32) *sentChunk { return &s.ring[int(tsn)&(len(s.ring)-1)] }

// push assigns the next TSN to a chunk.
func (s *sentState) push() (*sentChunk, uint32) {
	if s.len()+1 > len(s.ring) {
		s.grow()
	}
	tsn := s.nextTSN
	s.nextTSN++
	c := s.at(tsn)
	*c = sentChunk{}
	return c, tsn
}

func (s *sentState) grow() {
	old := s.ring
	s.ring = make([]sentChunk, max(8, 2*len(old)))
	for tsn := s.cumTSN + 1; tsn != s.nextTSN; tsn++ {
		*s.at(tsn) = old[int(tsn)&(len(old)-1)]
	}
}

func (s *sentState) append(l *chunkList, tsn uint32) {
	if l.n == 0 {
		l.first = tsn
	} else {
		s.at(l.last).next = tsn
		s.at(tsn).prev = l.last
	}
	l.last = tsn
	l.n++
}

func (s *sentState) remove(l *chunkList, tsn uint32) {
	c := s.at(tsn)
	switch {
	case l.n == 1:
	case tsn == l.first:
		l.first = c.next
	case tsn == l.last:
		l.last = c.prev
	default:
		s.at(c.prev).next = c.next
		s.at(c.next).prev = c.prev
	}
	l.n--
}

// fly puts a chunk in flight, for the first time or again.
func (s *sentState) fly(tsn uint32, now instant) {
	c := s.at(tsn)
	if c.state == lost {
		s.remove(&s.lost, tsn)
	}
	s.order++
	c.order, c.sentAt, c.state = s.order, now, inFlight
	s.append(&s.flying, tsn)
	s.flight += c.size()
}

// land takes a chunk out of flight, or out of the lost ones.
func (s *sentState) land(tsn uint32) {
	c := s.at(tsn)
	switch c.state {
	case inFlight:
		s.remove(&s.flying, tsn)
		s.flight -= c.size()
	case lost:
		s.remove(&s.lost, tsn)
	}
}

// lose marks a chunk in flight as lost.
func (s *sentState) lose(tsn uint32) {
	s.land(tsn)
	s.at(tsn).state = lost
	s.append(&s.lost, tsn)
}

// clear drops everything on its way.
func (s *sentState) clear(a *Association) {
	for tsn := s.cumTSN + 1; tsn != s.nextTSN; tsn++ {
		if m := s.at(tsn).msg; m != nil {
			m.refs--
			a.releaseMessage(m)
		}
	}
	next := s.nextTSN
	*s = sentState{}
	s.begin(next)
}

// loseAll takes everything in flight as lost, in the order of TSNs.
func (a *Association) loseAll() {
	s := &a.sent
	s.flying, s.lost, s.flight = chunkList{}, chunkList{}, 0
	for tsn := s.cumTSN + 1; tsn != s.nextTSN; tsn++ {
		if c := s.at(tsn); c.state == inFlight || c.state == lost {
			c.state = lost
			s.append(&s.lost, tsn)
		}
	}
	a.abandonExpired()
}

// abandonExpired gives up the messages of lost chunks whose limit is reached.
func (a *Association) abandonExpired() {
	s := &a.sent
	if !a.partial {
		return
	}
	for tsn, n := s.lost.first, s.lost.n; n > 0; n-- {
		c := s.at(tsn)
		next := c.next
		if a.expired(c) {
			a.abandon(c.msg, tsn)
			// Abandoning takes any of the message's chunks off the list.
			tsn, n = s.lost.first, s.lost.n+1
			continue
		}
		tsn = next
	}
}

// expired reports whether the message of a lost chunk may not be sent again.
func (a *Association) expired(c *sentChunk) bool {
	m := c.msg
	return m != nil && a.peerForwardTSN && (uint32(c.rtx) >= m.maxRtx || m.expires.due(a.now))
}

// abandon gives up a message of which tsn is a chunk: all its chunks are
// treated as acknowledged and skipped by FORWARD-TSN (RFC 3758 section 3.5).
func (a *Association) abandon(m *outMessage, tsn uint32) {
	s := &a.sent
	a.stats.MessagesAbandoned++
	// The chunks of a message have consecutive TSNs.
	first, last := tsn, tsn
	for first != s.cumTSN+1 && s.at(first-1).msg == m {
		first--
	}
	for last+1 != s.nextTSN && s.at(last+1).msg == m {
		last++
	}
	for t := first; ; t++ {
		c := s.at(t)
		s.land(t)
		if c.state == gapAcked {
			s.nGaps--
		} else {
			s.unacked -= int(c.n)
		}
		// One that is acknowledged by a gap block is abandoned too, or the
		// advanced point could not pass it; it stays in the gaps.
		c.state = abandoned
		c.msg = nil
		m.refs--
		s.abandons++
		if t == last {
			break
		}
	}
	if !m.done() {
		// "all unsent fragments" go too, but the receiver must learn that
		// there is no more to come even if it has all that was sent: one TSN
		// without data, which exists only to be skipped.
		a.endUnsent(m, true)
	}
	a.releaseMessage(m)
	a.advancePoint()
}

// placeholder takes a TSN that only ends an abandoned message.
func (a *Association) placeholder(m *outMessage) {
	c, _ := a.sent.push()
	c.state = abandoned
	c.stream, c.ssn, c.flags = m.ch.stream, m.ssn, m.flags()|flagEnd
	a.sent.abandons++
}

// advancePoint moves Advanced.Peer.Ack.Point over abandoned chunks.
func (a *Association) advancePoint() {
	s := &a.sent
	if s.abandons == 0 {
		s.advTSN = seqnum.Max(s.advTSN, s.cumTSN)
		return
	}
	old := s.advTSN
	s.advTSN = seqnum.Max(s.advTSN, s.cumTSN)
	for s.advTSN+1 != s.nextTSN && s.at(s.advTSN+1).state == abandoned {
		s.advTSN++
	}
	if seqnum.Less(s.cumTSN, s.advTSN) && (s.advTSN != old || s.forwardAt.due(a.now)) {
		s.forwardOwed = true
	}
}

const unlimited = math.MaxUint32
