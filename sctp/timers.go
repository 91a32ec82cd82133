package sctp

import "time"

// instant is a time: nanoseconds since a moment before the first call. It is
// eight bytes where time.Time is 24, and there is one in each chunk sent. The
// zero instant means "not set".
type instant int64

func (t instant) add(d time.Duration) instant { return t + instant(d) }
func (t instant) sub(u instant) time.Duration { return time.Duration(t - u) }

// due reports whether a timer that is set to t has expired at now.
func (t instant) due(now instant) bool { return t != 0 && t <= now }

// timers are the deadlines of an association. Zero: not armed.
type timers struct {
	init      instant // T1-init and T1-cookie
	shutdown  instant // T2-shutdown
	rtx       instant // T3-rtx
	probe     instant // tail loss probe
	reorder   instant // chunks become lost unless acknowledged until then
	sack      instant // delayed acknowledgement
	heartbeat instant
	reconfig  instant // the stream reset request is repeated
	closing   instant // the peer has not closed its side of a channel
	trim      instant // memory kept for reuse is let go
}

func (t *timers) all() [10]instant {
	return [...]instant{t.init, t.shutdown, t.rtx, t.probe, t.reorder, t.sack, t.heartbeat, t.reconfig, t.closing, t.trim}
}

// advance takes the time of a call. Time never goes back, and the first call
// is not at zero, which means "not set".
func (a *Association) advance(now time.Time) instant {
	if a.epoch.IsZero() {
		a.epoch = now.Add(-time.Second)
	}
	a.now = max(a.now, instant(now.Sub(a.epoch)))
	return a.now
}

// Deadline returns the time at which HandleTimeout should be called next, or
// AppendPacket has a packet again. It is zero if there is none.
func (a *Association) Deadline() time.Time {
	first := instant(0)
	earlier := func(t instant) {
		if t != 0 && (first == 0 || t < first) {
			first = t
		}
	}
	for _, t := range a.timers.all() {
		earlier(t)
	}
	if a.paced {
		earlier(a.paceResume())
	}
	if first == 0 {
		return time.Time{}
	}
	return a.epoch.Add(time.Duration(first))
}

// HandleTimeout lets time pass. Calling it early, late or for no reason is
// harmless.
func (a *Association) HandleTimeout(now time.Time) {
	t := a.advance(now)
	if a.paced && a.paceResume() <= t {
		a.paced = false
	}
	if a.timers.init.due(t) {
		a.initTimeout(t)
	}
	if a.timers.shutdown.due(t) {
		a.shutdownTimeout(t)
	}
	if a.timers.reorder.due(t) {
		a.timers.reorder = 0
		a.detectLoss(t)
	}
	if a.timers.rtx.due(t) {
		a.rtxTimeout(t)
	}
	if a.timers.probe.due(t) {
		a.probeTimeout(t)
	}
	if a.timers.sack.due(t) {
		a.timers.sack = 0
		a.sackNow = true
	}
	if a.timers.heartbeat.due(t) {
		a.heartbeatTimeout(t)
	}
	if a.timers.reconfig.due(t) {
		a.reconfigTimeout(t)
	}
	if a.timers.closing.due(t) {
		a.closingTimeout(t)
	}
	if a.timers.trim.due(t) {
		a.trimTimeout(t)
	}
}

// trimAfter is how long an association is idle before it lets go of the
// memory it keeps for reuse.
const trimAfter = 5 * time.Second

func (a *Association) trimTimeout(t instant) {
	a.timers.trim = 0
	if idle := t.sub(a.activeAt); idle < trimAfter {
		a.timers.trim = a.activeAt.add(trimAfter)
		return
	}
	a.pool.trim()
	if a.sent.len() == 0 {
		a.sent.ring = nil
	}
	if a.recv.ranges.empty() {
		a.recv.ring = nil
		a.recv.ranges = rangeSet{}
	}
	a.freeFragments, a.freeMessages = nil, nil
	a.events.trim()
	a.scratch = nil
}

// active notes that messages move, which is what memory is kept for.
func (a *Association) active(t instant) {
	a.activeAt = t
	if a.timers.trim == 0 {
		a.timers.trim = t.add(trimAfter)
	}
}
