package rtc

import "time"

// advance moves time forward, and never back. Everything that may change the machine
// begins with it.
func (r *Rtc) advance(now time.Time) {
	if r.owner != nil {
		r.owner.noteReady()
	}
	if now != r.now { // it is for the packets of a burst
		r.move(now)
	}
}

func (r *Rtc) move(now time.Time) {
	if !now.After(r.now) {
		return
	}
	r.now = now
	r.wake()
}

func (r *Rtc) due(deadline time.Time) bool {
	return !deadline.IsZero() && !r.now.Before(deadline)
}

// earliest returns the earlier of two deadlines, of which either may be zero for none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

// belowDeadline returns the earliest time at which something must happen by itself, media
// aside.
func (r *Rtc) belowDeadline() time.Time {
	d := earliest(r.agent.Deadline(), r.failedAt)
	if r.conn != nil {
		d = earliest(d, r.conn.Deadline())
	}
	if r.assoc != nil {
		d = earliest(d, r.assoc.Deadline())
	}
	return d
}
