package ice

import (
	"slices"
	"time"
)

// maxBackups is how many valid pairs are kept alive besides the selected one, for
// the day when it breaks.
const maxBackups = 4

// settle draws the conclusions of whatever was done or has become due. It ends every
// method that changes something, and what it does twice is done once.
func (a *Agent) settle() {
	if a.state == StateClosed {
		return
	}
	expired := a.expire()
	a.selectPairs()
	a.retireOld()
	a.chooseSendPair(expired)
	a.generations(a.keep)
	a.setState()
	a.news.sync(a.cur, a.old)
}

// expire ends pairs whose time is over, and reports whether a valid one was among
// them.
//
// "Consent expires after 30 seconds."
// https://www.rfc-editor.org/rfc/rfc7675#section-5.1
func (a *Agent) expire() (lost bool) {
	a.generations(func(g *generation) {
		for _, p := range g.pairs {
			switch {
			case p.state == PairSucceeded && !a.now.Before(p.expiresAt):
				lost = true
				p.nominated = false
				p.state = PairExpired
				// Consent that was not asked for was not refused.
				if !p.kept || a.cfg.Lite {
					p.state = PairFailed
				}
				if g.selected == p {
					g.selected = nil
				}
			case p.state == PairInProgress && !a.now.Before(p.failAt),
				p.state == PairWaiting && g.exhausted && p.triggered == 0:
				p.state = PairFailed
			}
		}
	})
	return lost
}

// responsive reports whether the peer was heard on a pair lately.
func (a *Agent) responsive(p *pair) bool { return a.now.Before(a.silentAt(p)) }

func (a *Agent) silentAt(p *pair) time.Time { return p.lastHeard.Add(a.cfg.DisconnectedTimeout) }

// better orders valid pairs of one generation: the responsive one first. Then the
// controlled side follows the peer's data, which shows what the peer has chosen among
// several it nominated, while the controlling side prefers what it has nominated.
// Priority decides at last.
func (a *Agent) better(p, q *pair) bool {
	if r := a.responsive(p); r != a.responsive(q) {
		return r
	}
	if a.controlling && p.nominated != q.nominated {
		return p.nominated
	}
	if !a.controlling && !p.lastData.Equal(q.lastData) {
		return p.lastData.After(q.lastData)
	}
	return p.priority > q.priority
}

// betterNominated is better among nominated pairs, which come before all others.
func (a *Agent) betterNominated(p, q *pair) bool {
	if p.nominated != q.nominated {
		return p.nominated
	}
	return a.better(p, q)
}

// selectPairs chooses the selected pair of each generation. That of the old one
// changes only if it is lost.
func (a *Agent) selectPairs() {
	order := a.betterNominated
	if a.controlling {
		order = a.better
	}
	before := a.cur.selected
	a.cur.selected = a.cur.bestValid(order)
	if p := a.cur.selected; p != nil && !p.nominated {
		a.cur.selected = nil
	}
	if p := a.cur.selected; a.controlling && before != nil && p != nil && p != before {
		p.nextAt = a.now // tell the peer
	}
	if a.old != nil && a.old.selected == nil {
		a.old.selected = a.old.bestValid(a.betterNominated)
	}
}

// selected returns the pair selected for data, or nil.
func (a *Agent) selected() *pair {
	if a.cur.selected == nil && a.old != nil {
		return a.old.selected
	}
	return a.cur.selected
}

// nominating reports whether p is what the controlling side wants to use but has not
// got nominated yet, for instance after a change of roles.
func (a *Agent) nominating(g *generation, p *pair) bool {
	return a.controlling && g == a.cur && g.selected == nil && !p.nominated && p == g.bestValid(a.better)
}

// retireOld ends the old generation some time after the new one has taken over, or
// when it has nothing left.
func (a *Agent) retireOld() {
	switch {
	case a.old == nil:
	case a.old.selected == nil:
		a.dropOld()
	case a.cur.selected == nil:
		a.dropOldAt = time.Time{}
	case a.dropOldAt.IsZero():
		a.dropOldAt = a.now.Add(a.cfg.RestartOverlap)
	case !a.now.Before(a.dropOldAt):
		a.dropOld()
	}
}

// chooseSendPair chooses the pair that carries our data: the selected one, else the
// best valid one. When the last is lost, the search has a limit again.
func (a *Agent) chooseSendPair(expired bool) {
	before := a.sendPair
	a.sendPair = a.selected()
	if a.sendPair == nil {
		a.sendPair = a.cur.bestValid(a.better)
	}
	if a.sendPair != nil {
		a.connected = true
		a.sendPath = a.sendPair.path
		return
	}
	a.sendPath = Path{}
	if before == nil {
		return
	}
	// Consent that has expired was waited for long enough.
	a.failAt = a.now
	if !expired {
		a.failAt = a.now.Add(a.cfg.FailedTimeout)
	}
}

// keep decides which valid pairs are worth consent checks, and makes an unfinished
// nomination due.
func (a *Agent) keep(g *generation) {
	backups := 0
	for _, p := range g.pairs {
		if p.state != PairSucceeded {
			continue
		}
		kept := p == g.selected || p == a.sendPair || p.nominated && !a.controlling
		if !kept && backups < maxBackups {
			backups++
			kept = true
		}
		p.kept = kept
	}
	if a.controlling && g == a.cur && g.selected == nil {
		// Unless such a check is under way, and is repeated by its own timer.
		if p := g.bestValid(a.better); p != nil && !(p.lastCheck().open && p.lastCheck().nominate) && p.nextAt.After(a.now) {
			p.nextAt, p.attempts = a.now, 0
		}
	}
}

// searching reports whether checks under way may still make a pair valid.
func (a *Agent) searching() bool { return a.cur.remoteKey != nil && !a.cfg.Lite && a.cur.hasLive() }

// setState computes the state.
func (a *Agent) setState() {
	live := a.searching()
	switch {
	case a.sendPair != nil && !a.responsive(a.sendPair):
		a.state = StateDisconnected
	case a.sendPair != nil && a.cur.selected != nil && a.cur.ended && !live && len(a.cur.hostnames) == 0:
		a.state = StateCompleted
	case a.sendPair != nil:
		a.state = StateConnected
	case !live && !a.failAt.IsZero() && !a.now.Before(a.failAt):
		a.state = StateFailed
	case a.connected:
		a.state = StateDisconnected
	case a.cur.remoteKey != nil:
		a.state = StateChecking
	default:
		a.state = StateNew
	}
}

// Deadline returns the time by which HandleTimeout and then AppendPacket have to be
// called, or the zero time if there is nothing to wait for. It is in the past while
// packets are owed.
func (a *Agent) Deadline() time.Time {
	if a.state == StateClosed {
		return time.Time{}
	}
	if len(a.responses) > 0 {
		return a.now
	}
	d := a.dropOldAt
	a.generations(func(g *generation) { d = firstTime(d, g.deadline()) })
	if !a.cfg.Lite {
		d = firstTime(d, a.paceDeadline())
	}
	switch {
	case a.sendPair == nil:
		if a.state != StateFailed && !a.searching() {
			d = firstTime(d, a.failAt)
		}
		return d
	case a.responsive(a.sendPair):
		d = firstTime(d, a.silentAt(a.sendPair))
	}
	if a.cfg.Lite {
		d = firstTime(d, a.keepaliveAt(a.sendPair))
	}
	return d
}

// deadline is the earliest timer of a generation's pairs, without pacing.
func (g *generation) deadline() (d time.Time) {
	for _, p := range g.pairs {
		switch {
		case p.state == PairSucceeded:
			d = firstTime(d, p.expiresAt)
			if p.kept && g.remoteKey != nil {
				d = firstTime(d, p.nextAt)
			}
		case p.state == PairInProgress:
			d = firstTime(d, p.failAt)
		}
	}
	return d
}

// paceDeadline is when the next check of a pair that is not valid is due.
func (a *Agent) paceDeadline() (d time.Time) {
	g := a.cur
	if g.remoteKey == nil {
		return d
	}
	if p := g.nextAgain(); p != nil {
		at := p.nextAt
		if p.triggered != 0 {
			at = a.now
		}
		d = lastTime(at, a.againAt)
	}
	if g.nextNew() != nil {
		d = firstTime(d, lastTime(a.now, a.newAt))
	}
	return d
}

// firstTime returns the earlier of two times that is not zero.
func firstTime(s, t time.Time) time.Time {
	if s.IsZero() || !t.IsZero() && t.Before(s) {
		return t
	}
	return s
}

func lastTime(s, t time.Time) time.Time {
	if t.After(s) {
		return t
	}
	return s
}

// NoteData tells that authenticated data of the peer arrived on a path. It keeps the
// pair responsive, and shows a controlled agent which pair the peer uses. It reports whether
// the agent has something to do or to tell for it, which is seldom.
func (a *Agent) NoteData(now time.Time, path Path) bool {
	a.advance(now)
	path = path.unmap()
	if p := a.sendPair; p != nil && p.path == path {
		responsive := a.responsive(p)
		p.lastHeard, p.lastData = a.now, a.now
		again := a.recheck(p, time.Second)
		if !responsive && a.state != StateClosed {
			a.settle()
		}
		return again || !responsive
	}
	for _, g := range [...]*generation{a.cur, a.old} {
		if g == nil {
			continue
		}
		if p := g.pairAt(path); p != nil && p.state == PairSucceeded {
			p.lastHeard, p.lastData = a.now, a.now
			a.settle()
			return true
		}
	}
	return false
}

// Validated reports whether data may be accepted from a path.
func (a *Agent) Validated(path Path) bool {
	path = path.unmap()
	if a.sendPair != nil && a.sendPair.path == path {
		return true
	}
	return slices.ContainsFunc(a.news.paths, func(p pathNews) bool { return p.valid && p.path == path })
}

// Requested reports whether the peer has sent an authenticated request on a path that
// is not validated yet, so that data from there is worth holding for a moment.
func (a *Agent) Requested(path Path) bool {
	path = path.unmap()
	p := a.cur.pairAt(path)
	return p != nil && p.requested && !a.Validated(path)
}

// SendPath returns the path that carries our data: the best valid one until a pair
// is nominated, then the selected one. It is false while nothing may be sent.
func (a *Agent) SendPath() (Path, bool) { return a.sendPath, a.sendPath.Remote.IsValid() }

// RTT returns the smoothed round-trip time of SendPath, zero if it is not known.
func (a *Agent) RTT() time.Duration {
	if a.sendPair == nil {
		return 0
	}
	return a.sendPair.rtt
}

// Stats returns the counters.
func (a *Agent) Stats() Stats { return a.stats }

// AppendPairs appends a snapshot of the pairs, highest priority first, those of the
// old generation last.
func (a *Agent) AppendPairs(dst []Pair) []Pair {
	a.generations(func(g *generation) {
		for _, p := range g.pairs {
			dst = append(dst, Pair{
				Path: p.path, Local: *p.local, Remote: *p.remote, Priority: p.priority,
				State: p.state, Nominated: p.nominated, Selected: p == a.selected(),
				RTT: p.rtt, LastRTT: p.lastRTT,
				ChecksSent: p.checksSent, ResponsesReceived: p.responsesReceived,
				RequestsReceived: p.requestsReceived, ResponsesSent: p.responsesSent,
			})
		}
	})
	return dst
}
