package rtp

import (
	"time"

	"github.com/sansrtc/rtc/internal/seqnum"
)

// resendFloor is what a stream may send again per second even if it sends nothing new.
const resendFloor = 10_000

// minCoolDown is the least time between two retransmissions of a packet.
const minCoolDown = 10 * time.Millisecond

// A resendBudget limits the bytes of retransmissions to a share of what is sent for the
// first time. Unused bytes are saved up, which pays for the repair of a burst of losses.
type resendBudget struct {
	percent int
	burst   int
	tokens  int // may be below zero by one packet
	credit  int // hundredths of a byte earned
	at      int64
}

func (b *resendBudget) init(cfg *SenderConfig) {
	b.percent, b.burst, b.tokens = cfg.ResendPercent, cfg.ResendBurst, cfg.ResendBurst
}

// earn takes bytes sent for the first time.
func (b *resendBudget) earn(size int) {
	if b.tokens == b.burst {
		return
	}
	b.credit += size * max(b.percent, 0)
	b.tokens = min(b.tokens+b.credit/100, b.burst)
	b.credit %= 100
}

// advance adds what time brings.
func (b *resendBudget) advance(at int64) {
	elapsed := min(at-b.at, int64(10*time.Second))
	n := elapsed * resendFloor / int64(time.Second)
	if n > 0 {
		b.at = at
		b.tokens = min(b.tokens+int(n), b.burst)
	}
}

// spend takes the bytes of a packet that was sent again a number of times before. Each time takes more
// savings: a receiver that asks for what it has got, as one does that takes no notice of RTX, must
// not use up what others of its requests need.
func (b *resendBudget) spend(size int, again uint8) bool {
	if b.percent < 0 || b.tokens < size+b.burst/8*min(int(again), 7) {
		return false
	}
	b.tokens -= size
	return true
}

// HandleNACK takes a request of the peer for one packet. It is sent again if it is still there,
// was not sent within the last round-trip time, and is within the budget. To ask more often or for
// more has no effect: the rest is counted as refused, and the peer will ask again.
func (s *Sender) HandleNACK(now time.Time, number uint16) {
	at := s.time.advance(now)
	s.stats.NACKedPackets++
	if !s.started || s.paused || s.closed {
		return
	}
	p := s.cache.find(seqnum.Extend(s.highest, number))
	if p == nil || !p.sent() || at-p.at >= s.cache.maxAge {
		s.stats.ResendsMissed++
		return
	}
	if p.owed {
		return
	}
	// The first request is answered at once: the peer may know the round-trip time better.
	if p.againAt != p.at && at-p.againAt < int64(max(s.rtt, minCoolDown)) {
		s.stats.ResendsRefused++
		return
	}
	s.resend.advance(at)
	if !s.resend.spend(FixedHeaderSize+len(p.payload), p.again) {
		s.stats.ResendsRefused++
		return
	}
	p.owed = true
	s.again.push(p.seq)
}

func (s *Sender) hasRTX(p *cachedPacket) bool {
	return s.cfg.RTXSSRC != 0 && s.rtxTypes[p.payloadType&0x7f] != 0
}

// repeat sends a packet again.
func (s *Sender) repeat(at int64, p *cachedPacket) *Outgoing {
	// One nanosecond after the first time at least, which tells it from the first time.
	p.againAt = max(at, p.at+1)
	p.again = min(p.again, 254) + 1
	s.stats.Resends++
	s.stats.ResentBytes += uint64(len(p.payload))
	if s.hasRTX(p) {
		return s.wrap(p)
	}
	// The same index with other bytes would use the key stream twice.
	out := s.outgoing(p)
	out.Repeat = true
	return out
}

// Padding returns a packet of about size bytes of payload that is sent for its size only, as a
// probe of the network, and takes it as sent. It is a retransmission of the latest packet if there
// is one of at most that size, and padding alone otherwise, at most 255 bytes. It returns false
// without a stream for retransmissions, and before the first packet was sent.
func (s *Sender) Padding(now time.Time, size int) (*Outgoing, bool) {
	at := s.time.advance(now)
	if !s.started || s.paused || s.closed || size <= 0 {
		return nil, false
	}
	last := s.cache.find(s.lastSent)
	if last == nil || !s.hasRTX(last) {
		return nil, false
	}
	s.stats.PaddingPackets++
	if p := s.paddingPacket(last.seq, size); p != nil {
		p.againAt = max(at, p.at+1)
		out := s.wrap(p)
		out.Padding = true
		s.stats.PaddingBytes += uint64(len(p.payload))
		return out, true
	}
	out := s.padding(last, uint8(min(size, 255)))
	s.stats.PaddingBytes += uint64(min(size, 255))
	return out, true
}

// padding returns a packet that is nothing but padding, with the timestamp of another.
func (s *Sender) padding(like *cachedPacket, size uint8) *Outgoing {
	h := s.headerRTX(like)
	h.Marker, h.PaddingSize = false, size
	h.CSRCs, h.Extensions = nil, Extensions{Profile: ExtensionOneByte, Data: s.ownRTX.oneByte}
	s.scratch = AppendPacket(s.scratch[:0], &h, nil)
	n, _ := HeaderSize(s.scratch)
	s.out = Outgoing{Header: s.scratch[:n], Payload: s.scratch[n:], Number: h.SequenceNumber, RTX: true, Padding: true}
	if n := len(s.ownRTX.oneByte); n > 0 {
		s.out.Own = Extensions{Profile: ExtensionOneByte, Data: s.scratch[FixedHeaderSize+4:][:n:n]}
	}
	return &s.out
}

// paddingPacket returns one of the last packets that comes close to a size, if any does.
func (s *Sender) paddingPacket(seq uint64, size int) (best *cachedPacket) {
	for range 16 {
		p := s.cache.find(seq)
		seq--
		if p == nil || !p.sent() || !s.hasRTX(p) {
			continue
		}
		n := len(p.payload)
		if n > size || n < size/2 || n < 50 {
			continue
		}
		if best == nil || n > len(best.payload) {
			best = p
		}
	}
	return best
}
