package sctp

import "time"

// rttState estimates the round-trip time and the retransmission timeout (RFC
// 9260 section 6.3.1).
type rttState struct {
	srtt, rttvar time.Duration // zero srtt: no sample yet
	rto          time.Duration
	base         time.Duration // the timeout without back-off
	min, max     time.Duration

	// minRTT is the least sample of the last one or two windows of
	// minRTTWindow: the path without queues.
	minRTT, nextMin time.Duration
	minSince        instant
}

const (
	minRTTWindow = 10 * time.Second

	// granularity of the callers' clocks and timers; also keeps the estimate
	// above zero on a path without delay.
	granularity = 100 * time.Microsecond
)

func (r *rttState) init(hint time.Duration, cfg *Config) {
	r.min, r.max = cfg.MinRTO, cfg.MaxRTO
	r.base = initialRTO
	if hint > 0 {
		r.base = min(2*hint+100*time.Millisecond, initialRTO)
	}
	r.base = min(max(r.base, r.min), r.max)
	r.rto = r.base
}

// sample takes one measurement that is not ambiguous.
func (r *rttState) sample(d time.Duration) {
	d = max(d, granularity)
	if r.srtt == 0 {
		r.srtt, r.rttvar = d, d/2
	} else {
		r.rttvar += ((r.srtt - d).Abs() - r.rttvar) / 4
		r.srtt += (d - r.srtt) / 8
	}
	r.base = min(max(r.srtt+max(4*r.rttvar, 10*time.Millisecond), r.min), r.max)
	r.rto = r.base
}

// sampleMin follows the least round-trip time.
func (r *rttState) sampleMin(now instant, d time.Duration) {
	d = max(d, granularity)
	if r.minRTT == 0 {
		r.minRTT, r.nextMin, r.minSince = d, d, now
		return
	}
	r.minRTT = min(r.minRTT, d)
	r.nextMin = min(r.nextMin, d)
	if now.sub(r.minSince) > minRTTWindow {
		r.minRTT, r.nextMin, r.minSince = r.nextMin, d, now
	}
}

// maxBackOff is how far doubling goes. Someone waits for the message: after a few losses in a
// row, to try every three seconds costs the path nothing.
const maxBackOff = 3 * time.Second

// backOff doubles the timeout, up to a limit.
func (r *rttState) backOff(limit time.Duration) {
	r.rto = max(r.base, min(2*r.rto, max(limit, r.min), maxBackOff))
}

// reset ends the back-off: the peer answers.
func (r *rttState) reset() { r.rto = r.base }
