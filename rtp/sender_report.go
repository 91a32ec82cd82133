package rtp

import "time"

// captureState maps the timestamps of a stream that we send to the time.
type captureState struct {
	started   bool
	told      bool  // by SetCaptureTime
	at        int64 // when a timestamp was current,
	timestamp uint32
	latest    uint32 // of the last packet
}

// maxCaptureDrift is how far the writing of packets may be off the timestamps before the
// timestamps are taken to have leapt.
const maxCaptureDrift = 500 * time.Millisecond

// wrote takes a packet as written. Frames are written after they were captured, some later
// than others. The mapping follows the early ones at once and the late ones slowly, so that
// it does not jump about with the load of the machine.
func (c *captureState) wrote(at int64, timestamp, rate uint32) {
	if rate == 0 || c.told || c.started && timestamp == c.latest {
		return
	}
	if !c.started {
		c.started, c.at, c.timestamp, c.latest = true, at, timestamp, timestamp
		return
	}
	if int32(timestamp-c.latest) < 0 && int32(timestamp-c.latest) > -int32(10*rate) {
		return // a packet out of order
	}
	c.latest = timestamp
	planned := c.at + ticks(int64(int32(timestamp-c.timestamp)), rate)
	late := at - planned
	switch {
	case late > int64(maxCaptureDrift) || late < 0:
		c.at = at
	default:
		c.at = planned + late/64
	}
	c.timestamp = timestamp
}

// ticks returns n units of a clock rate in nanoseconds.
func ticks(n int64, rate uint32) int64 {
	r := int64(rate)
	return n/r*int64(time.Second) + n%r*int64(time.Second)/r
}

// SetCaptureTime says that a timestamp belongs to a time, for writers who know it better than by
// the time of Write: a forwarder that has a [Clock], for example. From then on, the times
// of Write are not looked at.
func (s *Sender) SetCaptureTime(now, captured time.Time, timestamp uint32) {
	s.time.advance(now)
	s.capture.started, s.capture.told = true, true
	s.capture.at, s.capture.timestamp = s.time.at(captured), timestamp
}

// Report returns the sender information of a sender report, made now. It returns false
// before the first packet was sent.
//
// "Note that in most cases this timestamp will not be equal to the RTP timestamp in any
// adjacent data packet. Rather, it MUST be calculated from the corresponding NTP timestamp
// using the relationship between the RTP timestamp counter and real time as maintained by
// periodically checking the wallclock time at a sampling instant."
// https://www.rfc-editor.org/rfc/rfc3550#section-6.4.1
//
// If nothing was sent since the last report, it frees packets that nobody may ask for any more. New ones take their
// memory otherwise.
func (s *Sender) Report(now time.Time) (SenderInfo, bool) {
	at := s.time.advance(now)
	if s.stats.Packets == s.reported {
		s.cache.expire(at)
	}
	s.reported = s.stats.Packets
	if s.stats.Packets == 0 || !s.capture.started || s.closed {
		return SenderInfo{}, false
	}
	rate := int64(s.cfg.ClockRate)
	elapsed := at - s.capture.at
	units := elapsed/int64(time.Second)*rate + elapsed%int64(time.Second)*rate/int64(time.Second)
	info := SenderInfo{
		NTP:     NTPTimeOf(s.time.time(at)),
		RTPTime: s.capture.timestamp + uint32(units),
		Packets: uint32(s.stats.Packets),
		Octets:  uint32(s.stats.Bytes),
	}
	s.stats.Reports++
	return info, true
}

// remoteState is what the peer reports of our stream.
type remoteState struct {
	block ReportBlock
	at    int64
	rtt   time.Duration
}

// HandleReport takes a report block of the peer for the stream. ntp is the wall clock time
// of now, by the same clock as in our sender reports.
func (s *Sender) HandleReport(now time.Time, b ReportBlock) {
	s.remote.at = s.time.advance(now)
	s.remote.block = b
	s.stats.RemoteReports++
	if rtt, ok := RoundTrip(NTPTimeOf(s.time.time(s.remote.at)), b.LastSR, b.Delay); ok {
		s.remote.rtt = rtt
		s.SetRTT(rtt)
	}
}

// RTT returns the round-trip time in use.
func (s *Sender) RTT() time.Duration { return s.rtt }

// keyRequestInterval is the least time between two key frames that a peer gets by asking.
const keyRequestInterval = 300 * time.Millisecond

// keyRequestState merges the peer's requests for a key frame.
type keyRequestState struct {
	dueAt  int64 // when the owner is to be told; 0: nothing is owed
	toldAt int64
	fir    uint8 // command sequence number of the last FIR
	hadFIR bool
}

// HandlePLI takes the peer's request for a key frame. Requests are merged: see
// TakeKeyFrameRequest.
func (s *Sender) HandlePLI(now time.Time) {
	at := s.time.advance(now)
	s.stats.PLIs++
	s.keyFrameWanted(at)
}

// HandleFIR takes the peer's command for a key frame. A repeated command has no effect.
func (s *Sender) HandleFIR(now time.Time, number uint8) {
	at := s.time.advance(now)
	s.stats.FIRs++
	if s.keys.hadFIR && s.keys.fir == number {
		return
	}
	s.keys.hadFIR, s.keys.fir = true, number
	s.keyFrameWanted(at)
}

func (s *Sender) keyFrameWanted(at int64) {
	if s.paused || s.closed || s.keys.dueAt != 0 {
		return
	}
	s.keys.dueAt = at
	if s.keys.toldAt != 0 {
		s.keys.dueAt = max(at, s.keys.toldAt+int64(keyRequestInterval))
	}
}

// TakeKeyFrameRequest reports whether the source of the stream is to be asked for a key frame now,
// and takes it as asked: at most once in 300 ms, however often the peer asks.
func (s *Sender) TakeKeyFrameRequest(now time.Time) bool {
	at := s.time.advance(now)
	if s.keys.dueAt == 0 || at < s.keys.dueAt {
		return false
	}
	s.keys.dueAt, s.keys.toldAt = 0, at
	return true
}

// SenderStats counts what a Sender has done.
type SenderStats struct {
	Packets     uint64 // sent for the first time
	Bytes       uint64 // payload of these
	HeaderBytes uint64 // of these, without extensions added by the owner

	Resends        uint64 // packets sent again
	ResentBytes    uint64 // payload of these
	RTXPackets     uint64 // on the SSRC for retransmissions, with padding
	ResendsMissed  uint64 // asked for and not there any more
	ResendsRefused uint64 // asked for too often, or beyond the budget
	PaddingPackets uint64
	PaddingBytes   uint64

	Refused uint64 // not taken by Write, as the queue was full
	Dropped uint64 // taken and not sent, because of a pause

	NACKedPackets uint64 // asked for, with repetitions
	PLIs, FIRs    uint64
	Reports       uint64 // sender reports

	RTT           time.Duration
	RemoteReports uint64
	Remote        ReportBlock // the last one
	RemoteAt      time.Time   // when it came
	CachedPackets int         // room for
	CachedBytes   int         // held
}

// Stats returns the counters.
func (s *Sender) Stats() SenderStats {
	st := s.stats
	st.RTT = s.rtt
	st.Dropped += s.cache.dropped
	st.Remote, st.RemoteAt = s.remote.block, s.time.time(s.remote.at)
	st.CachedPackets, st.CachedBytes = len(s.cache.ring), s.cache.bytes
	return st
}
