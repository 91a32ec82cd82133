package rtp

import "time"

// HandleSenderReport takes the sender information of a sender report of the stream.
func (r *Receiver) HandleSenderReport(now time.Time, info SenderInfo) {
	at := r.time.advance(now)
	r.lastSR, r.lastSRAt = info.NTP.Middle(), at
	r.clock.Update(info.NTP, info.RTPTime)
	r.stats.SenderReports++
	r.stats.Remote = info
}

// HandleDLRR takes the peer's answer to a receiver reference time report, from which the
// round-trip time follows. The report must have held the time given to the session, as
// [NTPTimeOf] makes it.
//
// https://www.rfc-editor.org/rfc/rfc3611#section-4.5
func (r *Receiver) HandleDLRR(now time.Time, d DLRR) {
	at := r.time.advance(now)
	if rtt, ok := RoundTrip(NTPTimeOf(r.time.time(at)), d.LastRR, d.Delay); ok {
		r.SetRTT(rtt)
	}
}

// RTT returns the round-trip time in use.
func (r *Receiver) RTT() time.Duration { return r.rtt }

// Clock returns the mapping from RTP timestamps to the peer's wall clock, which the sender
// reports have given so far. It is valid until the next report.
func (r *Receiver) Clock() *Clock { return &r.clock }

// Report returns the report block of the stream, which covers the time since the last call.
// It returns false if nothing has been received since.
func (r *Receiver) Report(now time.Time) (ReportBlock, bool) {
	at := r.time.advance(now)
	if !r.media.fresh {
		return ReportBlock{}, false
	}
	b := ReportBlock{SSRC: r.cfg.SSRC, Jitter: r.jitter.value()}
	r.media.report(&b)
	if r.lastSR != 0 {
		b.LastSR = r.lastSR
		b.Delay = NTPDuration(time.Duration(at - r.lastSRAt))
	}
	r.stats.FractionLost = b.FractionLost
	return b, true
}

// ReportRTX is Report for the SSRC of the retransmissions.
func (r *Receiver) ReportRTX(now time.Time) (ReportBlock, bool) {
	r.time.advance(now)
	if !r.rtx.fresh || r.cfg.RTXSSRC == 0 {
		return ReportBlock{}, false
	}
	b := ReportBlock{SSRC: r.cfg.RTXSSRC}
	r.rtx.report(&b)
	return b, true
}

// jitterState measures the interarrival jitter.
//
// "J(i) = J(i-1) + (|D(i-1,i)| - J(i-1))/16" https://www.rfc-editor.org/rfc/rfc3550#section-6.4.1
//
// The packets of a frame share a timestamp and are sent one after the other, so that only
// the first one of each frame says something about the network.
type jitterState struct {
	started   bool
	at        int64
	timestamp uint32
	scaled    uint32 // 16 times the jitter, as in appendix A.8
}

func (j *jitterState) arrived(at int64, timestamp, rate uint32) {
	if rate == 0 || j.started && timestamp == j.timestamp {
		return
	}
	if j.started {
		elapsed := (at - j.at) / 1000 * int64(rate) / 1e6
		d := elapsed - int64(int32(timestamp-j.timestamp))
		if d < 0 {
			d = -d
		}
		// A leap of the timestamps is not jitter.
		if d < 5*int64(rate) {
			j.scaled += uint32(d) - (j.scaled+8)>>4
		}
	}
	j.started, j.at, j.timestamp = true, at, timestamp
}

func (j *jitterState) restart()      { j.started = false }
func (j *jitterState) value() uint32 { return j.scaled >> 4 }

// ReceiverStats counts what a Receiver has seen.
type ReceiverStats struct {
	Packets     uint64 // of the stream, with duplicates, without RTX
	Bytes       uint64 // payload of these
	RTXPackets  uint64
	RTXBytes    uint64 // payload of these
	HeaderBytes uint64 // headers and padding of all

	Lost       int64  // by the network, as in RFC 3550: repaired packets are among them
	Repaired   uint64 // lost packets that a retransmission has brought
	Reordered  uint64
	Duplicates uint64
	Unexpected uint64 // too far from the stream
	Probes     uint64 // retransmissions of nothing
	Abandoned  uint64 // missing packets that were given up
	Restarts   uint64 // new sequences begun by the peer

	NACKs         uint64 // requests
	NACKedPackets uint64 // packets in them
	KeyRequests   uint64 // for a key frame

	FractionLost  uint8         // of the last report, in 1/256
	Jitter        time.Duration // of now
	RTT           time.Duration // in use
	SenderReports uint64
	Remote        SenderInfo // of the last sender report
}

// Stats returns the counters.
func (r *Receiver) Stats() ReceiverStats {
	s := r.stats
	s.Lost = r.media.lost()
	s.Abandoned = r.missing.abandoned
	s.RTT = r.rtt
	if rate := r.cfg.ClockRate; rate > 0 {
		s.Jitter = time.Duration(int64(r.jitter.value()) * int64(time.Second) / int64(rate))
	}
	return s
}
