package rtp

import "time"

// ReportBlock is one source's part of a sender or receiver report.
// https://www.rfc-editor.org/rfc/rfc3550#section-6.4.1
type ReportBlock struct {
	SSRC            uint32
	FractionLost    uint8  // since the last report, in 1/256
	TotalLost       int32  // 24 bits, signed
	HighestSequence uint32 // with the roll-overs in the upper half
	Jitter          uint32 // in units of the timestamps
	LastSR          uint32 // middle 32 bits of the NTP time of the last sender report; 0: none
	Delay           uint32 // since that report, in 1/65536 seconds
}

// SenderInfo is the sender's part of a sender report.
// https://www.rfc-editor.org/rfc/rfc3550#section-6.4.1
type SenderInfo struct {
	NTP     NTPTime
	RTPTime uint32 // the same instant, in the units and with the offset of the stream's timestamps
	Packets uint32
	Octets  uint32 // of payload
}

// clockPoints is how many sender reports a Clock remembers.
const clockPoints = 16

// A Clock maps the RTP timestamps of a stream to the wall clock of its sender, by what the
// sender reports say. Streams of one sender are synchronised by it: the same wall clock time
// in two of them is the same instant.
//
// It fits a line through the latest reports, which evens out that senders take the time of a
// report with an error of some milliseconds.
type Clock struct {
	Rate uint32 // nominal clock rate in Hz; if 0, the clock tells nothing

	points [clockPoints]clockPoint
	count  int // of points given
	rtp    int64
	// The line: wall clock = offset + slope × (timestamp − originRTP), from originNTP on, in
	// nanoseconds.
	originRTP int64
	originNTP int64
	offset    float64
	slope     float64
}

type clockPoint struct {
	rtp int64 // extended
	ntp int64 // Unix time in nanoseconds
}

// maxClockError is how far a report may be from what the ones before say. Beyond it, the sender's
// clock or timestamps have leapt, or a source that counts samples has missed some, and the mapping begins anew.
// Reports are wrong by a few milliseconds, so what is more is no noise that the line would have to even out.
const maxClockError = 100 * time.Millisecond

// Update takes what a sender report says. A report without NTP time says nothing.
func (c *Clock) Update(ntp NTPTime, rtp uint32) {
	if c.Rate == 0 || ntp == 0 {
		return
	}
	p := clockPoint{ntp: ntp.Time().UnixNano()}
	if c.count == 0 {
		p.rtp = int64(rtp)
	} else {
		p.rtp = c.extend(rtp)
		last := c.points[(c.count-1)%clockPoints]
		off := p.ntp - c.wall(p.rtp)
		switch {
		case p.rtp == last.rtp && p.ntp == last.ntp:
			return // a repetition
		case off > int64(maxClockError) || off < -int64(maxClockError) || p.rtp <= last.rtp:
			c.count = 0
		}
	}
	c.points[c.count%clockPoints] = p
	c.count++
	c.rtp = p.rtp
	c.fit()
}

// extend returns the timestamp next to the latest reported one.
func (c *Clock) extend(rtp uint32) int64 { return c.rtp + int64(int32(rtp-uint32(c.rtp))) }

// fit puts the line through the points. The sender's rate is taken from them once they span
// long enough to tell it from noise, and if it is anywhere near what it should be.
func (c *Clock) fit() {
	n := min(c.count, clockPoints)
	first := c.points[(c.count-n)%clockPoints]
	c.originRTP, c.originNTP = first.rtp, first.ntp
	nominal := 1e9 / float64(c.Rate)
	var sumX, sumY float64
	for _, p := range c.points[:n] {
		sumX += float64(p.rtp - first.rtp)
		sumY += float64(p.ntp - first.ntp)
	}
	meanX, meanY := sumX/float64(n), sumY/float64(n)
	var xx, xy float64
	for _, p := range c.points[:n] {
		x, y := float64(p.rtp-first.rtp)-meanX, float64(p.ntp-first.ntp)-meanY
		xx += x * x
		xy += x * y
	}
	c.slope = nominal
	if n >= 4 && c.rtp-first.rtp >= 10*int64(c.Rate) {
		if s := xy / xx; s > nominal*0.998 && s < nominal*1.002 {
			c.slope = s
		}
	}
	c.offset = meanY - c.slope*meanX
}

// wall returns the Unix time in nanoseconds of an extended timestamp.
func (c *Clock) wall(rtp int64) int64 {
	return c.originNTP + int64(c.offset+c.slope*float64(rtp-c.originRTP))
}

// Time returns the sender's wall clock time of a timestamp, which must be within half the
// range of timestamps of the last report. It returns false before the first report.
func (c *Clock) Time(timestamp uint32) (time.Time, bool) {
	if c.count == 0 {
		return time.Time{}, false
	}
	return time.Unix(0, c.wall(c.extend(timestamp))).UTC(), true
}

// Timestamp returns the timestamp of a time of the sender's wall clock: the inverse of Time.
func (c *Clock) Timestamp(t time.Time) (uint32, bool) {
	if c.count == 0 {
		return 0, false
	}
	x := (float64(t.UnixNano()-c.originNTP) - c.offset) / c.slope
	if x > 1<<60 || x < -1<<60 {
		return 0, false
	}
	return uint32(c.originRTP + int64(x+0.5)), true
}
