package rtp

import (
	"errors"
	"time"

	"github.com/sansrtc/rtc/internal/seqnum"
)

// Errors of Sender.Write. The packet has not been taken when one is returned.
var (
	// ErrQueueFull is returned while too many packets wait to be sent.
	ErrQueueFull = errors.New("rtp: send queue is full")
	// ErrSequence is returned for a sequence number that has been written before, or that is too
	// old: a second packet of that number would use its encryption twice.
	ErrSequence = errors.New("rtp: sequence number used before")
	// ErrTooLarge is returned for a packet that no datagram holds.
	ErrTooLarge = errors.New("rtp: packet is too large")
	// ErrPaused is returned while the stream is paused.
	ErrPaused = errors.New("rtp: stream is paused")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("rtp: stream is closed")
)

// A SenderConfig configures a Sender.
type SenderConfig struct {
	SSRC      uint32
	ClockRate uint32 // of the timestamps, in Hz; if 0, there are no sender reports
	// SequenceNumber is that of the first packet for callers who number with
	// NextSequenceNumber. It should be random, and below 1<<15, so that a loss of the first
	// packets is not taken for a roll-over.
	SequenceNumber uint16

	RTXSSRC           uint32 // of retransmissions; 0: none
	RTXSequenceNumber uint16 // of the first one, like SequenceNumber

	RTT time.Duration // round-trip time to begin with; if 0, 100 ms until SetRTT

	QueuePackets int // written and not sent; if 0, 512
	QueueBytes   int // if 0, 1 MiB

	// What is kept for retransmission. Memory grows with use, up to these.
	CachePackets int           // if 0, 1024; rounded up to a power of two
	CacheBytes   int           // payload; if 0, 2 MiB
	CacheAge     time.Duration // after sending; if 0, 1 s. Three round-trip times are always granted.

	// Retransmissions may take ResendPercent of the bytes that are sent for the first time,
	// saved up to ResendBurst. If 0, 30 and 128 KiB. A negative percentage is none at all.
	ResendPercent int
	ResendBurst   int
}

// A Sender sends one stream: an SSRC, and perhaps a second one with retransmissions (RFC 4588).
// It keeps what is written until it is polled, and for a while longer in case the peer asks
// for it again.
//
// Packets are laid out when they are written, with blanks for header extensions that belong to one
// transmission (transport-wide sequence number, send time). The owner fills these in when he polls.
type Sender struct {
	// What every packet needs lies together: of many streams, little is in the processor's caches.
	cfg  SenderConfig
	time timeline

	paused, closed bool
	byeOwed        bool
	started        bool
	highest        uint64
	lastSent       uint64        // the last packet sent for the first time
	fresh          sequenceQueue // to be sent for the first time
	again          sequenceQueue // to be sent again
	cache          cache

	own       ownExtensions
	plain     []byte   // header of a packet that has no more than these,
	plainSize int      // and how long it may get
	plainRoom [40]byte // for most such headers
	capture   captureState
	out       Outgoing
	resend    resendBudget
	stats     SenderStats

	written  window     // of sequence numbers
	rtxTypes [128]uint8 // payload type of the retransmission; 0: none
	rtxSeq   uint16
	ownRTX   ownExtensions
	rtt      time.Duration
	scratch  []byte
	resent   []byte // payload of a retransmission

	keys     keyRequestState
	remote   remoteState
	reported uint64 // packets sent when the last report was made
}

// NewSender returns a Sender of a stream of which nothing has been written.
func NewSender(cfg SenderConfig) *Sender {
	if cfg.QueuePackets <= 0 {
		cfg.QueuePackets = 512
	}
	if cfg.QueueBytes <= 0 {
		cfg.QueueBytes = 1 << 20
	}
	if cfg.CachePackets <= 0 {
		cfg.CachePackets = 1024
	}
	if cfg.CacheBytes <= 0 {
		cfg.CacheBytes = 2 << 20
	}
	if cfg.CacheAge <= 0 {
		cfg.CacheAge = time.Second
	}
	if cfg.ResendPercent == 0 {
		cfg.ResendPercent = 30
	}
	if cfg.ResendBurst <= 0 {
		cfg.ResendBurst = 128 << 10
	}
	s := &Sender{cfg: cfg, rtxSeq: cfg.RTXSequenceNumber}
	size := 1
	for size < max(cfg.CachePackets, cfg.QueuePackets) && size < 1<<14 {
		size *= 2
	}
	s.cfg.QueuePackets = min(cfg.QueuePackets, size)
	s.cache.maxPackets = size
	s.cache.maxBytes = max(cfg.CacheBytes, cfg.QueueBytes)
	s.resend.init(&s.cfg)
	s.SetExtensions(Extensions{}, Extensions{})
	s.SetRTT(cfg.RTT)
	return s
}

// SSRC returns the SSRC of the stream.
func (s *Sender) SSRC() uint32 { return s.cfg.SSRC }

// RTXSSRC returns the SSRC of the retransmissions, 0 if there is none.
func (s *Sender) RTXSSRC() uint32 { return s.cfg.RTXSSRC }

// SetRTX says that packets of a payload type are sent again with a payload type of its own, on
// the SSRC for retransmissions. Packets of a type without are sent again as they were.
func (s *Sender) SetRTX(payloadType, rtxPayloadType uint8) {
	s.rtxTypes[payloadType&0x7f] = rtxPayloadType & 0x7f
}

// SetRTT sets the round-trip time, which is how long a packet is not sent again after it was.
func (s *Sender) SetRTT(rtt time.Duration) {
	if rtt <= 0 {
		rtt = s.rtt
	}
	if rtt <= 0 {
		rtt = defaultRTT
	}
	s.rtt = rtt
	s.cache.maxAge = int64(max(s.cfg.CacheAge, 3*rtt))
}

// NextSequenceNumber returns the sequence number behind the highest that was written.
func (s *Sender) NextSequenceNumber() uint16 {
	if !s.started {
		return s.cfg.SequenceNumber
	}
	return uint16(s.highest + 1)
}

// Write takes a packet to be sent, and copies it. Of the header, the payload type, the marker,
// the sequence number, the timestamp, the CSRCs and the extensions are taken; the extensions of
// SetExtensions are added. Packets may be written out of order, but each number once.
func (s *Sender) Write(now time.Time, h *Header, payload []byte) error {
	return s.write(now, h, payload, false)
}

// WriteShared is Write without a copy of the payload, for one that many streams send. It is kept for as long as the
// packet may be sent again, and must not be changed any more. Limits count it like a copy.
func (s *Sender) WriteShared(now time.Time, h *Header, payload []byte) error {
	return s.write(now, h, payload, len(payload) > 0)
}

func (s *Sender) write(now time.Time, h *Header, payload []byte, shared bool) error {
	at := s.time.advance(now)
	size := len(payload)
	switch {
	case 2*len(h.Extensions.Data)+size > maxPacket: // they may have to take the two-byte form
		return ErrTooLarge
	case s.closed:
		return ErrClosed
	case s.paused:
		return ErrPaused
	case s.fresh.count >= s.cfg.QueuePackets || s.cache.unsent+size > s.cfg.QueueBytes:
		s.stats.Refused++
		return ErrQueueFull
	}
	seq, ok := s.number(h.SequenceNumber)
	if !ok {
		return ErrSequence
	}
	p := s.cache.add(at, seq, size)
	if p == nil {
		return ErrSequence
	}
	s.layOut(p, h, payload, shared)
	s.written.set(seq)
	s.fresh.push(seq)
	s.capture.wrote(at, h.Timestamp, s.cfg.ClockRate)
	return nil
}

// number extends a sequence number that has not been used.
func (s *Sender) number(number uint16) (uint64, bool) {
	if !s.started {
		s.started, s.highest = true, 1<<16|uint64(number)
		return s.highest, true
	}
	if seq := s.highest + 1; uint16(seq) == number { // as most are
		s.written.unset(seq)
		s.highest = seq
		return seq, true
	}
	seq := seqnum.Extend(s.highest, number)
	if seq > s.highest {
		s.written.slide(s.highest, seq)
		s.highest = seq
		return seq, true
	}
	return seq, s.highest-seq < windowSize && !s.written.has(seq)
}

// Poll returns the next packet that is to be sent, and takes it as sent. Packets that were never
// sent come first.
func (s *Sender) Poll(now time.Time) (*Outgoing, bool) {
	at := s.time.advance(now)
	for s.fresh.count > 0 {
		if p := s.cache.find(s.fresh.pop()); p != nil && !p.sent() {
			return s.first(at, p), true
		}
	}
	for s.again.count > 0 {
		if p := s.cache.find(s.again.pop()); p != nil && p.owed {
			p.owed = false
			return s.repeat(at, p), true
		}
	}
	s.cache.expire(at)
	return nil, false
}

// Pending reports whether Poll has a packet.
func (s *Sender) Pending() bool { return s.fresh.count > 0 || s.again.count > 0 }

// Queued returns the packets and bytes that wait to be sent for the first time.
func (s *Sender) Queued() (packets, bytes int) { return s.fresh.count, s.cache.unsent }

// first sends a packet for the first time.
func (s *Sender) first(at int64, p *cachedPacket) *Outgoing {
	waited := time.Duration(at - p.at)
	s.cache.sent(p, at)
	s.lastSent = p.seq
	size := len(p.payload)
	s.resend.earn(size)
	s.stats.Packets++
	s.stats.Bytes += uint64(size)
	s.stats.HeaderBytes += uint64(len(p.header) - int(p.head))
	out := s.outgoing(p)
	out.Waited = waited
	return out
}

// SetPaused stops or resumes the stream. While it is stopped, nothing is taken or sent again, and
// no memory is held for it.
func (s *Sender) SetPaused(now time.Time, paused bool) {
	s.time.advance(now)
	if s.paused == paused {
		return
	}
	s.paused = paused
	s.forget()
}

// forget drops all packets.
func (s *Sender) forget() {
	s.stats.Dropped += uint64(s.fresh.count)
	s.cache.reset()
	s.fresh.reset()
	s.again.reset()
	s.out, s.scratch, s.resent = Outgoing{}, nil, nil
}

// Close ends the stream. A BYE is owed if anything was sent.
func (s *Sender) Close(now time.Time) {
	s.time.advance(now)
	if s.closed {
		return
	}
	s.closed = true
	s.byeOwed = s.stats.Packets > 0
	s.forget()
}

// AppendBye appends the SSRCs that a BYE is to name, and takes them as sent.
func (s *Sender) AppendBye(dst []uint32) []uint32 {
	if !s.byeOwed {
		return dst
	}
	s.byeOwed = false
	dst = append(dst, s.cfg.SSRC)
	if s.cfg.RTXSSRC != 0 && s.stats.RTXPackets > 0 {
		dst = append(dst, s.cfg.RTXSSRC)
	}
	return dst
}

// Deadline returns when TakeKeyFrameRequest has something to tell. The zero time means never.
// Packets to be polled have no deadline: see Pending.
func (s *Sender) Deadline() time.Time { return s.time.time(s.keys.dueAt) }
