package ice

import (
	"encoding/binary"
	"time"

	"github.com/sansrtc/rtc/stun"
)

const (
	maxInterval  = 16  // of Config.RTO: checks of a pair never get rarer than that
	consentTries = 3   // checks in a row of a valid pair whose peer is there but does not answer
	quickRepeats = 3   // repetitions before the interval grows
	minRTO       = 2   // Config.RTO divided by that is the least, however small the RTT
	maxRTO       = 5   // of Config.RTO, however large the RTT
	prflxMask    = 110 // type preference of a peer-reflexive candidate
)

// AppendPacket appends the most urgent packet owed to dst and says where it goes,
// or returns false when there is nothing to send. It is to be called until then.
func (a *Agent) AppendPacket(now time.Time, dst []byte) ([]byte, Path, bool) {
	a.advance(now)
	if a.state == StateClosed {
		return dst, Path{}, false
	}
	if len(a.responses) > 0 {
		b, path := a.appendResponse(dst)
		return b, path, true
	}
	if a.cfg.Lite {
		return a.appendKeepalive(dst)
	}
	if g, p := a.nextCheck(); p != nil {
		return a.appendCheck(dst, g, p)
	}
	return dst, Path{}, false
}

// nextCheck returns the pair to check now, or nil.
//
// Checks of pairs that are not valid are paced in two lanes, each at one per Ta, so
// that repetitions and new pairs do not starve one another: first checks by priority
// in the one; triggered checks, then repetitions, in the other. Valid pairs need no
// pacing: they are few, and checked every five seconds.
func (a *Agent) nextCheck() (*generation, *pair) {
	for _, g := range [...]*generation{a.cur, a.old} {
		if g == nil || g.remoteKey == nil {
			continue
		}
		for _, p := range g.pairs {
			if p.state == PairSucceeded && p.kept && !a.now.Before(p.nextAt) {
				return g, p
			}
		}
	}
	g := a.cur
	if g.remoteKey == nil {
		return nil, nil
	}
	if !a.now.Before(a.againAt) {
		if p := g.nextAgain(); p != nil && (p.triggered != 0 || !a.now.Before(p.nextAt)) {
			return g, p
		}
	}
	if !a.now.Before(a.newAt) {
		if p := g.nextNew(); p != nil {
			return g, p
		}
	}
	return nil, nil
}

// nextNew returns the pair whose first check is next.
func (g *generation) nextNew() *pair {
	for _, p := range g.pairs {
		if p.state == PairWaiting && p.triggered == 0 && !g.exhausted {
			return p
		}
	}
	return nil
}

// nextAgain returns the pair whose triggered or repeated check is next: triggered
// ones in the order of their causes, then by time.
func (g *generation) nextAgain() *pair {
	var best *pair
	for _, p := range g.pairs {
		switch {
		case p.triggered == 0 && (p.state != PairInProgress || g.exhausted):
		case best == nil:
			best = p
		case p.triggered != 0:
			if best.triggered == 0 || p.triggered < best.triggered {
				best = p
			}
		case best.triggered == 0 && p.nextAt.Before(best.nextAt):
			best = p
		}
	}
	return best
}

// appendCheck builds a check of a pair, and accounts for it.
func (a *Agent) appendCheck(dst []byte, g *generation, p *pair) ([]byte, Path, bool) {
	random, ok := a.random(12)
	if !ok {
		return dst, Path{}, false
	}
	t := &p.checks[p.nextCheck]
	p.nextCheck = (p.nextCheck + 1) % len(p.checks)
	*t = transaction{
		id: stun.TransactionID(random), sentAt: a.now, open: true,
		controlling: a.controlling, nominate: a.wantsNominated(g, p),
	}
	b := stun.NewBuilder(dst, stun.Request, stun.Binding, t.id)
	b.Username(g.remote.Ufrag, g.local.Ufrag)
	role := stun.AttrICEControlled
	if a.controlling {
		role = stun.AttrICEControlling
	}
	b.Uint64(role, a.tieBreaker)
	if t.nominate {
		b.Attr(stun.AttrUseCandidate, nil)
	}
	// The priority of the peer-reflexive candidate that this check may reveal.
	// https://www.rfc-editor.org/rfc/rfc8445#section-7.1.1
	b.Uint32(stun.AttrPriority, prflxMask<<24|p.local.Priority&0xFFFFFF)
	b.Integrity(g.remoteKey)
	b.Fingerprint()
	a.checkSent(g, p)
	return b.Bytes(), p.path, true
}

// wantsNominated reports whether a check carries USE-CANDIDATE. As browsers do, the
// controlling side nominates from the first check on: a pair that works is used
// without another round trip. Later it nominates only what it uses, or would prefer.
func (a *Agent) wantsNominated(g *generation, p *pair) bool {
	return a.controlling && (g.selected == nil || p == g.selected || p.priority > g.selected.priority)
}

// checkSent moves the timers of a pair on.
func (a *Agent) checkSent(g *generation, p *pair) {
	a.stats.ChecksSent++
	p.checksSent++
	p.lastSent = a.now
	p.attempts++
	if p.state == PairSucceeded {
		switch {
		case a.nominating(g, p):
			p.nextAt = a.now.Add(a.checkInterval(p))
		case p.attempts%consentTries != 0 && p.lastHeard.After(p.lastAnswer), a.remoteLite && a.responsive(p):
			// Not a new interval but a repetition: the peer is there, so something got lost. A lite peer is
			// heard of by its answers only.
			p.nextAt = a.now.Add(max(5*a.cfg.RTO, 2*p.rtt))
		default:
			p.nextAt = a.now.Add(a.consentInterval())
		}
		return
	}
	if p.triggered == 0 {
		g.checks++
		g.exhausted = g.checks >= a.cfg.MaxChecks
	}
	pace := a.now.Add(a.cfg.CheckInterval)
	if p.state == PairWaiting && p.triggered == 0 {
		a.newAt = pace
	} else {
		a.againAt = pace
	}
	if p.state == PairWaiting {
		p.state = PairInProgress
		p.failAt = a.now.Add(a.cfg.FailedTimeout)
	}
	p.triggered = 0
	p.nextAt = a.now.Add(a.checkInterval(p))
}

// checkInterval is the time from one check of a pair to the next while it is not
// answered. It starts at the usual RTT, if there is one, and not at the 500 ms of RFC
// 8445 section 14.3, because a repetition costs little and a wait costs the user:
// browsers repeat within 60 ms. The interval stays for the first repetitions, to get
// through loss, and then doubles.
func (a *Agent) checkInterval(p *pair) time.Duration {
	rto := a.cfg.RTO
	if rtt := a.usualRTT(p); rtt > 0 {
		rto = min(max(rtt*3/2, rto/minRTO), rto*maxRTO)
	}
	for range min(max(p.attempts-quickRepeats, 0), 6) {
		rto *= 2
	}
	return min(rto, maxInterval*a.cfg.RTO)
}

// usualRTT is the best guess for a pair: its own, else that of the pair in use.
func (a *Agent) usualRTT(p *pair) time.Duration {
	if p.rtt == 0 && a.sendPair != nil {
		return a.sendPair.rtt
	}
	return p.rtt
}

// consentInterval draws the time to the next consent check.
//
// "each interval MUST be randomized from between 0.8 and 1.2 times the basic period"
// https://www.rfc-editor.org/rfc/rfc7675#section-5.1
func (a *Agent) consentInterval() time.Duration {
	random, ok := a.random(2)
	if !ok {
		return a.cfg.ConsentInterval
	}
	spread := time.Duration(binary.BigEndian.Uint16(random))
	return a.cfg.ConsentInterval*4/5 + a.cfg.ConsentInterval*2/5*spread>>16
}

// recheck repeats a check of a valid pair that has not been answered for some time
// when the peer shows that it is there. The consent timer itself never sends more often than RFC 7675 allows, with
// which one pair in 500 would lose consent in a given half minute of 20 % loss; this
// makes it rare, and sends nothing to a peer that is silent. It reports whether it does.
func (a *Agent) recheck(p *pair, after time.Duration) bool {
	last := p.lastCheck()
	if p.state != PairSucceeded || a.cfg.Lite || !last.open {
		return false
	}
	if at := last.sentAt.Add(max(after, 2*p.rtt)); a.now.Before(at) || !at.Before(p.nextAt) {
		return false
	}
	p.nextAt = a.now
	return true
}

// redrawTieBreaker follows a lost role conflict, so that two equal tie-breakers do
// not conflict for ever.
func (a *Agent) redrawTieBreaker() {
	if random, ok := a.random(8); ok {
		a.tieBreaker = binary.BigEndian.Uint64(random)
	}
}

// appendKeepalive builds the Binding indication by which a lite agent keeps NATs
// open when the peer's checks give it nothing to answer.
//
// https://www.rfc-editor.org/rfc/rfc8445#section-11
func (a *Agent) appendKeepalive(dst []byte) ([]byte, Path, bool) {
	p := a.sendPair
	if p == nil || a.now.Before(a.keepaliveAt(p)) {
		return dst, Path{}, false
	}
	random, ok := a.random(12)
	if !ok {
		return dst, Path{}, false
	}
	p.lastSent = a.now
	a.stats.IndicationsSent++
	b := stun.NewBuilder(dst, stun.Indication, stun.Binding, stun.TransactionID(random))
	b.Fingerprint()
	return b.Bytes(), p.path, true
}

func (a *Agent) keepaliveAt(p *pair) time.Time { return p.lastSent.Add(a.cfg.KeepaliveInterval) }
