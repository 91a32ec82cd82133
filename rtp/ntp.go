package rtp

import (
	"time"
)

// NTPTime is a wall clock time as RTCP carries it: seconds since 1900 in the upper 32 bits,
// fractions of a second in the lower. Zero is "not known".
//
// https://www.rfc-editor.org/rfc/rfc3550#section-4
type NTPTime uint64

// ntpEpoch is the Unix epoch in seconds of NTP.
const ntpEpoch = 2_208_988_800

// NTPTimeOf returns t as NTP time. The seconds wrap around in 2036, as they do for everybody.
func NTPTimeOf(t time.Time) NTPTime {
	fraction := uint64(t.Nanosecond()) << 32 / 1e9
	return NTPTime(uint64(uint32(t.Unix()+ntpEpoch))<<32 | fraction)
}

// Time returns the time, in UTC: that of the two eras around 2036 in which years from 1968
// to 2104 lie, by the rule of https://www.rfc-editor.org/rfc/rfc4330#section-3.
func (n NTPTime) Time() time.Time {
	seconds := int64(n >> 32)
	if seconds < 1<<31 {
		seconds += 1 << 32
	}
	nanos := (uint64(uint32(n))*1e9 + 1<<31) >> 32
	return time.Unix(seconds-ntpEpoch, int64(nanos)).UTC()
}

// Middle returns "the middle 32 bits out of 64", in units of 1/65536 seconds, by which
// reports refer to one another.
func (n NTPTime) Middle() uint32 { return uint32(n >> 16) }

// Add returns n and d later.
func (n NTPTime) Add(d time.Duration) NTPTime { return n + NTPTime(shortSpan(d, 32)) }

// NTPDuration returns a span in units of 1/65536 seconds, as DLSR and DLRR hold it. Spans
// beyond 18 hours are given as that.
func NTPDuration(d time.Duration) uint32 {
	return uint32(min(max(shortSpan(d, 16), 0), 1<<32-1))
}

// shortSpan returns d in units of 1/2^bits seconds.
func shortSpan(d time.Duration, bits uint) int64 {
	return int64(d/time.Second)<<bits + int64(d%time.Second)<<bits/int64(time.Second)
}

// RoundTrip returns the round-trip time that a report block or a DLRR block tells: now is
// the time at which it came, last and delay are its LSR and DLSR fields. It returns false
// if they tell nothing: the peer has had no report yet, or the sum is not to be believed.
//
// "Source SSRC_n can compute the round-trip propagation delay to SSRC_r by recording the time A when
// this reception report block is received. It calculates the total round-trip time A-LSR
// using the last SR timestamp (LSR) field, and then subtracting this field to leave the
// round-trip propagation delay as (A - LSR - DLSR)."
// https://www.rfc-editor.org/rfc/rfc3550#section-6.4.1
func RoundTrip(now NTPTime, last, delay uint32) (time.Duration, bool) {
	if last == 0 {
		return 0, false
	}
	trip := int32(now.Middle() - last - delay)
	switch {
	case trip < -65536/20 || trip > 65536*60:
		return 0, false // more than rounding and slewing clocks explain, or a minute
	case trip < 1:
		trip = 1 // below the resolution
	}
	return time.Duration(int64(trip) * int64(time.Second) / 65536), true
}
