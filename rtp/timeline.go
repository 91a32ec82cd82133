package rtp

import "time"

// A timeline turns times into nanoseconds since its first one, which are cheap to keep per
// packet, follow the monotonic clock, and never go back. They are above zero, so that zero
// can say "none".
type timeline struct {
	start time.Time
	last  time.Time // the latest time told,
	now   int64     // and where that is
}

// advance moves to now and returns it. An earlier time than the last is the last.
func (t *timeline) advance(now time.Time) int64 {
	if t.now != 0 && now == t.last { // most often: packets come in bursts, and several methods take each
		return t.now
	}
	return t.move(now)
}

func (t *timeline) move(now time.Time) int64 {
	t.last = now
	if t.now == 0 {
		t.start, t.now = now, 1
		return 1
	}
	t.now = max(t.now, t.at(now))
	return t.now
}

// at returns a time on the timeline, which must have begun.
func (t *timeline) at(now time.Time) int64 { return int64(now.Sub(t.start)) + 1 }

// time returns the time of a point, and the zero time for none.
func (t *timeline) time(at int64) time.Time {
	if at == 0 {
		return time.Time{}
	}
	return t.start.Add(time.Duration(at - 1))
}

// earliest returns the earlier one of two points of which either may be none.
func earliest(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
