package rtp

import (
	"encoding/binary"
	"time"

	"github.com/sansrtc/rtc/internal/seqnum"
)

// A ReceiverConfig configures a Receiver.
type ReceiverConfig struct {
	SSRC      uint32 // of the stream
	RTXSSRC   uint32 // of its retransmissions; 0: none, or not known yet, see SetRTX
	ClockRate uint32 // of the timestamps, in Hz; if 0, no jitter is measured and there is no clock

	// NACK says that lost packets are asked for.
	NACK bool
	// KeyFrames says that the stream can be asked for a key frame. One is asked for whenever a
	// loss was not repaired.
	KeyFrames bool

	RTT         time.Duration // round-trip time to begin with; if 0, 100 ms until SetRTT
	MaxMissing  int           // lost packets kept in mind; if 0, 256, which is also the most
	MaxTries    int           // requests for one packet; if 0, 10
	MaxAge      time.Duration // how long a packet is asked for; if 0, 2 s
	KeyInterval time.Duration // between requests for a key frame; if 0, 500 ms
}

// A Receiver follows one stream of the peer: an SSRC, and perhaps a second one with its
// retransmissions (RFC 4588). It tells new packets from duplicates, measures loss and
// jitter, and says what has to be reported and asked for. It holds no packets: a [Reorder]
// does. Packets must have been authenticated.
//
// The owner turns what is owed into RTCP: AppendNACK, TakeKeyFrameRequest and Report. It
// calls HandleTimeout once Deadline has come.
type Receiver struct {
	cfg  ReceiverConfig
	time timeline

	media reception
	rtx   reception

	missing missing
	keys    keyFrameState
	jitter  jitterState
	clock   Clock

	paused bool
	resync bool // the next packet continues the stream, whatever was lost before

	lastSR   uint32 // of the last sender report, in the middle 32 bits
	lastSRAt int64
	rtt      time.Duration

	stats ReceiverStats
}

// ArrivalKind says what a packet is to its stream.
type ArrivalKind uint8

const (
	ArrivalNew         ArrivalKind = iota // the latest of the stream
	ArrivalReordered                      // overtaken by others on the way
	ArrivalRepaired                       // lost before, and sent again
	ArrivalDuplicate                      // has been there; to be dropped
	ArrivalUnexpected                     // too far from the stream to believe it; to be dropped
	ArrivalUnprocessed                    // the stream is paused; to be dropped
)

func (k ArrivalKind) String() string {
	names := [...]string{"new", "reordered", "repaired", "duplicate", "unexpected", "unprocessed"}
	if int(k) < len(names) {
		return names[k]
	}
	return "invalid"
}

// An Arrival is what a Receiver makes of a packet.
type Arrival struct {
	Kind ArrivalKind
	// Sequence is the sequence number, extended to 64 bits, in which it never wraps around.
	// The first one of a stream lies between 1<<16 and 1<<17. After a restart of the stream by
	// the peer, the numbers go on above all earlier ones.
	Sequence uint64
	// Missing is the number of packets between the last one and this one that have not
	// come yet.
	Missing int
	// Restarted says that the peer began a new sequence: nothing before belongs to it.
	Restarted bool
}

// OK reports whether the packet is to be processed: it has not been there before.
func (a Arrival) OK() bool { return a.Kind <= ArrivalRepaired }

// NewReceiver returns a Receiver of a stream of which nothing has come yet.
func NewReceiver(cfg ReceiverConfig) *Receiver {
	r := &Receiver{cfg: cfg, rtt: cfg.RTT}
	if r.rtt <= 0 {
		r.rtt = defaultRTT
	}
	if cfg.KeyInterval <= 0 {
		r.cfg.KeyInterval = 500 * time.Millisecond
	}
	r.missing.init(&r.cfg)
	r.clock.Rate = cfg.ClockRate
	return r
}

// defaultRTT stands in for a round-trip time that is not known.
const defaultRTT = 100 * time.Millisecond

// SSRC returns the SSRC of the stream.
func (r *Receiver) SSRC() uint32 { return r.cfg.SSRC }

// RTXSSRC returns the SSRC of the retransmissions, 0 if there is none.
func (r *Receiver) RTXSSRC() uint32 { return r.cfg.RTXSSRC }

// SetRTX names the SSRC of the retransmissions, once it is known.
func (r *Receiver) SetRTX(ssrc uint32) {
	if ssrc != r.cfg.RTXSSRC {
		r.cfg.RTXSSRC, r.rtx = ssrc, reception{}
	}
}

// SetRTT sets the round-trip time, by which requests are repeated.
func (r *Receiver) SetRTT(rtt time.Duration) {
	if rtt > 0 {
		r.rtt = rtt
	}
}

// HandlePacket takes a packet of the stream, which arrived at now.
func (r *Receiver) HandlePacket(now time.Time, h *Header, payload []byte) Arrival {
	at := r.time.advance(now)
	r.stats.Packets++
	r.stats.Bytes += uint64(len(payload))
	r.stats.HeaderBytes += uint64(h.Size()) + uint64(h.PaddingSize)
	if r.paused {
		return Arrival{Kind: ArrivalUnprocessed}
	}
	if r.resync && r.media.started {
		return r.continued(at, h)
	}
	r.resync = false
	last, started := r.media.highest, r.media.started
	seq, where := r.media.sequence(h.SequenceNumber)
	a := Arrival{Sequence: seq}
	switch where {
	case placeNext:
		r.media.count(seq)
		r.jitter.arrived(at, h.Timestamp, r.cfg.ClockRate)
		if started && seq > last+1 {
			a.Missing = int(seq - last - 1)
			r.lose(at, last+1, seq)
		}
		r.missing.inOrder()
	case placeJumped:
		r.media.count(seq)
		r.jitter.restart()
		a.Missing = int(seq - last - 1)
		r.lose(at, last+1, seq)
	case placeRestart:
		r.media.count(seq)
		r.jitter.restart()
		r.clock = Clock{Rate: r.cfg.ClockRate}
		r.lastSR = 0
		r.missing.clear()
		r.stats.Restarts++
		a.Restarted = true
		r.needKeyFrame(at)
	case placeBefore:
		a.Kind = r.late(at, seq)
	case placeSeen:
		a.Kind = ArrivalDuplicate
		r.stats.Duplicates++
	case placeFar:
		a.Kind = ArrivalUnexpected
		r.stats.Unexpected++
	}
	return a
}

// continued takes the first packet after a pause.
func (r *Receiver) continued(at int64, h *Header) Arrival {
	r.resync = false
	seq := r.media.resync(h.SequenceNumber)
	r.media.count(seq)
	r.jitter.restart()
	r.missing.clear()
	return Arrival{Sequence: seq, Restarted: true}
}

// late takes a packet that fills a gap.
func (r *Receiver) late(at int64, seq uint64) ArrivalKind {
	// Without RTX, a retransmission looks like the packet itself; it takes a round trip after
	// the request.
	if r.missing.arrived(at, seq, r.rtt, r.cfg.RTXSSRC == 0) {
		r.media.repair(seq)
		r.stats.Repaired++
		return ArrivalRepaired
	}
	r.media.count(seq)
	r.stats.Reordered++
	return ArrivalReordered
}

// HandleRTX takes a packet of the retransmission SSRC. payloadType is that of the stream
// which belongs to the payload type of the packet. h becomes the header of the original
// packet, and the result its payload, a part of payload; without a payload in it (a probe)
// the Arrival is a duplicate.
func (r *Receiver) HandleRTX(now time.Time, h *Header, payload []byte, payloadType uint8) (Arrival, []byte) {
	at := r.time.advance(now)
	r.stats.RTXPackets++
	r.stats.RTXBytes += uint64(len(payload))
	r.stats.HeaderBytes += uint64(h.Size()) + uint64(h.PaddingSize)
	if seq, where := r.rtx.sequence(h.SequenceNumber); where != placeSeen && where != placeFar {
		r.rtx.count(seq)
	}
	if r.paused {
		return Arrival{Kind: ArrivalUnprocessed}, nil
	}
	original, ok := UnwrapRTX(h, payload, r.cfg.SSRC, payloadType)
	if !ok {
		r.stats.Probes++
		return Arrival{Kind: ArrivalDuplicate}, nil
	}
	return r.retransmitted(at, h.SequenceNumber), original
}

// maxRTXAhead is how far a retransmission may be ahead of the stream: those of the last
// packets before a silence are, if these were lost and the peer sends them again unasked.
const maxRTXAhead = 64

// retransmitted takes a packet that is known to be a retransmission.
func (r *Receiver) retransmitted(at int64, number uint16) Arrival {
	if !r.media.started || r.resync {
		r.stats.Duplicates++
		return Arrival{Kind: ArrivalDuplicate}
	}
	a := Arrival{Kind: ArrivalRepaired}
	last := r.media.highest
	a.Sequence = seqnum.Extend(last, number)
	switch {
	case a.Sequence > last && a.Sequence-last <= maxRTXAhead:
		r.media.seen.slide(last, a.Sequence)
		r.media.highest = a.Sequence
		a.Missing = int(a.Sequence - last - 1)
		r.lose(at, last+1, a.Sequence)
	case a.Sequence > last || last-a.Sequence >= windowSize || r.media.seen.has(a.Sequence):
		r.stats.Duplicates++
		a.Kind = ArrivalDuplicate
		return a
	}
	r.missing.remove(a.Sequence)
	r.media.repair(a.Sequence)
	r.stats.Repaired++
	return a
}

// UnwrapRTX turns the header of a retransmission into that of the original packet and
// returns the original payload, a part of payload. It returns false, and changes nothing,
// if there is none inside: senders probe with such packets.
//
// https://www.rfc-editor.org/rfc/rfc4588#section-4
func UnwrapRTX(h *Header, payload []byte, ssrc uint32, payloadType uint8) ([]byte, bool) {
	if len(payload) < 2 {
		return nil, false
	}
	h.SequenceNumber = binary.BigEndian.Uint16(payload)
	h.SSRC, h.PayloadType, h.PaddingSize = ssrc, payloadType, 0
	return payload[2:], true
}

// lose takes the numbers from first up to but without end as missing.
func (r *Receiver) lose(at int64, first, end uint64) {
	if first == end {
		return
	}
	if !r.cfg.NACK || !r.missing.add(at, first, end) {
		r.needKeyFrame(at)
	}
}

// HandleTimeout gives up on packets that have been missing for too long.
func (r *Receiver) HandleTimeout(now time.Time) {
	at := r.time.advance(now)
	if n := r.missing.expire(at, r.rtt); n > 0 {
		r.needKeyFrame(at)
	}
}

// AppendNACK appends the sequence numbers that are to be asked for now, in order, and takes
// them as asked for.
func (r *Receiver) AppendNACK(now time.Time, dst []uint16) []uint16 {
	at := r.time.advance(now)
	before := len(dst)
	dst = r.missing.appendDue(at, r.rtt, dst)
	if n := len(dst) - before; n > 0 {
		r.stats.NACKs++
		r.stats.NACKedPackets += uint64(n)
	}
	return dst
}

// ForgetBefore ends the search for packets before seq, an extended sequence number: nobody
// waits for them any more.
func (r *Receiver) ForgetBefore(seq uint64) { r.missing.forgetBefore(seq) }

// RepairTime returns how long it is worth to wait for a missing packet, from the moment at which
// a later one arrived: for reordering, and for three requests if there are any. To give up costs
// video all frames up to the next key frame, so that on a short path there is time for more.
func (r *Receiver) RepairTime() time.Duration {
	wait := r.missing.allowance
	if r.cfg.NACK {
		repair := 3 * r.missing.retryAfter(r.rtt)
		if r.cfg.KeyFrames {
			repair = max(repair, int64(minVideoRepair))
		}
		wait += repair
	}
	return time.Duration(wait)
}

// minVideoRepair is what a picture may stand still for a repair, at least. A key frame that is asked for
// instead takes as long on most paths.
const minVideoRepair = 200 * time.Millisecond

// SetPaused stops or resumes the stream, as in a media section that has become inactive.
// While it is stopped, packets are counted and nothing is asked for. What was lost in between
// is not missed.
func (r *Receiver) SetPaused(now time.Time, paused bool) {
	at := r.time.advance(now)
	if paused == r.paused {
		return
	}
	r.paused = paused
	r.missing.clear()
	if paused {
		r.keys.arrived()
		return
	}
	r.resync = true
	r.needKeyFrame(at)
}

// HandleGoodbye says that the peer has stopped sending the stream: what is missing is not asked for
// any more, nor is a key frame. If packets come again, the stream goes on.
func (r *Receiver) HandleGoodbye(now time.Time) {
	r.time.advance(now)
	r.missing.clear()
	r.keys.arrived()
}

// Deadline returns when HandleTimeout, AppendNACK or TakeKeyFrameRequest have something to
// do. The zero time means never. It stays as it is with a packet that is the next of its stream, a new
// one with nothing missing before it.
func (r *Receiver) Deadline() time.Time {
	if r.paused {
		return time.Time{}
	}
	return r.time.time(earliest(r.missing.nextAt, r.keys.nextAt()))
}
