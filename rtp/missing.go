package rtp

import (
	"slices"
	"time"
)

const (
	// allowance for reordering before a packet is asked for: to begin with and at least, and
	// at most.
	minAllowance = 10 * time.Millisecond
	maxAllowance = 100 * time.Millisecond

	// minRetry is the least time between two requests for one packet.
	minRetry = 20 * time.Millisecond
	// maxMissing is the most packets that are asked for.
	maxMissing = 256
)

// missing is the list of packets that have not come, and when to ask for them.
type missing struct {
	maxEntries int
	maxTries   uint8
	maxAge     int64

	list   []lostPacket // by sequence number
	nextAt int64        // nothing is due before

	// allowance is how long a missing packet may just be late. It follows the latest
	// reordering seen.
	allowance int64

	abandoned uint64
}

type lostPacket struct {
	seq   uint64
	since int64 // when a later packet came
	at    int64 // of the next request; after the last try, of giving up
	asked int64 // of the last request
	tries uint8
}

func (m *missing) init(cfg *ReceiverConfig) {
	m.maxEntries = maxMissing
	if n := cfg.MaxMissing; n > 0 && n < maxMissing {
		m.maxEntries = n
	}
	m.maxTries = 10
	if n := cfg.MaxTries; n > 0 {
		m.maxTries = uint8(min(n, 255))
	}
	m.maxAge = int64(2 * time.Second)
	if cfg.MaxAge > 0 {
		m.maxAge = int64(cfg.MaxAge)
	}
	m.allowance = int64(minAllowance)
}

// retryAfter is how long an answer to a request may take. Some more than a round trip is
// allowed for the peer's pacing, and what packets have been late by.
func (m *missing) retryAfter(rtt time.Duration) int64 {
	return int64(max(minRetry, rtt+rtt/5)) + m.allowance - int64(minAllowance)
}

// add takes the numbers from first up to but without end as missing, which are above all
// before. It returns false if that is more than can be repaired: then packets have been
// given up, the oldest first.
func (m *missing) add(at int64, first, end uint64) bool {
	count := end - first
	if count > uint64(m.maxEntries) {
		m.abandoned += count + uint64(len(m.list))
		m.clear()
		return false
	}
	excess := len(m.list) + int(count) - m.maxEntries
	if excess > 0 {
		m.abandoned += uint64(excess)
		m.list = slices.Delete(m.list, 0, excess)
	}
	due := at + m.allowance
	for seq := first; seq < end; seq++ {
		m.list = append(m.list, lostPacket{seq: seq, since: at, at: due})
	}
	m.nextAt = earliest(m.nextAt, due)
	return excess <= 0
}

func (m *missing) search(seq uint64) (int, bool) {
	return slices.BinarySearchFunc(m.list, seq, func(p lostPacket, seq uint64) int {
		switch {
		case p.seq < seq:
			return -1
		case p.seq > seq:
			return 1
		}
		return 0
	})
}

// remove takes a packet off the list.
func (m *missing) remove(seq uint64) {
	if i, ok := m.search(seq); ok {
		m.delete(i)
	}
}

func (m *missing) delete(i int) {
	m.list = slices.Delete(m.list, i, i+1)
	if len(m.list) == 0 {
		m.nextAt = 0
	}
}

// arrived takes a packet off the list that has come in the stream itself, and reports
// whether it was sent again. It was not if it can only have been late, from which the
// allowance is learnt.
func (m *missing) arrived(at int64, seq uint64, rtt time.Duration, plain bool) (again bool) {
	i, ok := m.search(seq)
	if !ok {
		return false
	}
	p := m.list[i]
	m.delete(i)
	if plain && p.tries > 0 && at-p.asked >= int64(rtt)*3/4 {
		return true
	}
	late := at - p.since
	m.allowance = max(m.allowance, min(late+late/4, int64(maxAllowance)))
	return false
}

// inOrder lets the allowance shrink, by half in some 700 packets without reordering.
func (m *missing) inOrder() {
	if m.allowance > int64(minAllowance) {
		m.allowance -= m.allowance >> 10
	}
}

// appendDue appends the numbers that are to be asked for.
func (m *missing) appendDue(at int64, rtt time.Duration, dst []uint16) []uint16 {
	if m.nextAt == 0 || at < m.nextAt {
		return dst
	}
	next := int64(0)
	for i := range m.list {
		p := &m.list[i]
		if p.at <= at && p.tries < m.maxTries && at-p.since < m.maxAge {
			dst = append(dst, uint16(p.seq))
			p.tries++
			p.asked, p.at = at, at+m.retryAfter(rtt)
		}
		next = earliest(next, min(p.at, p.since+m.maxAge))
	}
	m.nextAt = next
	return dst
}

// expire gives up what was asked for in vain, and returns how many that are.
func (m *missing) expire(at int64, rtt time.Duration) int {
	if m.nextAt == 0 || at < m.nextAt {
		return 0
	}
	before, next := len(m.list), int64(0)
	m.list = slices.DeleteFunc(m.list, func(p lostPacket) bool {
		if at-p.since >= m.maxAge || p.tries >= m.maxTries && at >= p.at {
			return true
		}
		next = earliest(next, min(p.at, p.since+m.maxAge))
		return false
	})
	m.nextAt = next
	n := before - len(m.list)
	m.abandoned += uint64(n)
	return n
}

func (m *missing) forgetBefore(seq uint64) {
	i, _ := m.search(seq)
	m.abandoned += uint64(i)
	m.list = slices.Delete(m.list, 0, i)
	if len(m.list) == 0 {
		m.nextAt = 0
	}
}

func (m *missing) clear() { m.list, m.nextAt = m.list[:0], 0 }
