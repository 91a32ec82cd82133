package ice

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/sansrtc/rtc/stun"
)

// A pair is one path between the peers, with the best candidates that lead there.
type pair struct {
	path          Path
	local, remote *Candidate
	priority      uint64
	state         PairState

	// nominated: usable for selection. A controlling agent sets it when a check
	// with USE-CANDIDATE succeeded; a controlled one when a check of its own
	// succeeded and the peer has sent USE-CANDIDATE.
	nominated     bool
	peerNominated bool // the peer has sent USE-CANDIDATE
	requested     bool // the peer has sent an authenticated request
	kept          bool // valid, and worth keeping so by consent checks

	triggered uint64    // place in the triggered-check queue, zero if not in it
	attempts  int       // checks sent since the pair was last Waiting or triggered
	nextAt    time.Time // when the next check is due, unless Waiting
	failAt    time.Time // InProgress: when to give up
	expiresAt time.Time // Succeeded: when consent ends

	lastAnswer time.Time // a check of ours was answered
	lastHeard  time.Time // anything authenticated of the peer
	lastData   time.Time
	lastSent   time.Time // a STUN packet of ours

	rtt, lastRTT time.Duration

	checks    [8]transaction // the last ones sent
	nextCheck int

	checksSent, responsesReceived, requestsReceived, responsesSent uint64
}

// A transaction is a check that has not been answered. Each check has its own id,
// so an answer tells exactly which one it belongs to, hence the round-trip time.
type transaction struct {
	id          stun.TransactionID
	sentAt      time.Time
	open        bool
	controlling bool // the role it was sent in
	nominate    bool // it had USE-CANDIDATE
}

// transaction returns the open check with an id, or nil.
func (p *pair) transaction(id stun.TransactionID) *transaction {
	for i := range p.checks {
		if t := &p.checks[i]; t.open && t.id == id {
			return t
		}
	}
	return nil
}

// lastCheck returns the check sent last; it is not open if there was none.
func (p *pair) lastCheck() *transaction {
	return &p.checks[(p.nextCheck+len(p.checks)-1)%len(p.checks)]
}

// live reports whether checks may still make the pair valid.
func (p *pair) live() bool { return p.state == PairWaiting || p.state == PairInProgress }

// noteRTT takes a measurement into the smoothed round-trip time.
func (p *pair) noteRTT(d time.Duration) {
	p.lastRTT = d
	if p.rtt == 0 {
		p.rtt = d
	} else {
		p.rtt += (d - p.rtt) / 8
	}
}

// pairPriority is the formula of RFC 8445 section 6.1.2.3:
//
// "pair priority = 2^32*MIN(G,D) + 2*MAX(G,D) + (G>D?1:0)"
// https://www.rfc-editor.org/rfc/rfc8445#section-6.1.2.3
func pairPriority(controlling bool, local, remote uint32) uint64 {
	g, d := uint64(local), uint64(remote)
	if !controlling {
		g, d = d, g
	}
	priority := min(g, d)<<32 + 2*max(g, d)
	if g > d {
		priority++
	}
	return priority
}

// compatible reports whether two candidates can form a pair.
func compatible(local, remote *Candidate) bool {
	if local.Transport != remote.Transport {
		return false
	}
	l, r := local.Base.Addr(), remote.Addr.Addr()
	// Only addresses of one family are paired, and link-local IPv6 addresses only
	// with one another.
	// https://www.rfc-editor.org/rfc/rfc8445#section-6.1.2.2
	if l.Is4() != r.Is4() || r.Is6() && l.IsLinkLocalUnicast() != r.IsLinkLocalUnicast() {
		return false
	}
	if l.Zone() != "" && r.Zone() != "" && l.Zone() != r.Zone() {
		return false
	}
	if local.Transport == UDP {
		return true
	}
	// https://www.rfc-editor.org/rfc/rfc6544#section-6.2 pairs passive with active
	// and prunes the pair again, as it cannot be checked from here. It exists from
	// the moment when the active side's connection shows its real port.
	switch local.TCPType {
	case TCPActive:
		return remote.TCPType == TCPPassive
	case TCPPassive:
		return remote.TCPType == TCPActive && remote.Type == PeerReflexive
	case TCPSimultaneousOpen:
		return remote.TCPType == TCPSimultaneousOpen
	case TCPNone:
	}
	return false
}

// pathBetween returns the path of a pair. A signalled link-local address has no
// zone; ours tells on which link it is.
func pathBetween(local, remote *Candidate) Path {
	to := remote.Addr
	if zone := local.Base.Addr().Zone(); zone != "" && to.Addr().IsLinkLocalUnicast() {
		to = netip.AddrPortFrom(to.Addr().WithZone(zone), to.Port())
	}
	return Path{Transport: local.Transport, Local: local.Base, Remote: to}
}

// pairAt returns the pair with a path, or nil.
func (g *generation) pairAt(path Path) *pair {
	for _, p := range g.pairs {
		if p.path == path {
			return p
		}
	}
	return nil
}

// addPair forms the pair of two candidates unless it exists already or cannot be.
// A requested pair is one that the peer has just used; it comes before those that
// are only a hope.
func (a *Agent) addPair(g *generation, local, remote *Candidate, requested bool) *pair {
	if !compatible(local, remote) {
		return nil
	}
	path := pathBetween(local, remote)
	priority := pairPriority(a.controlling, local.Priority, remote.Priority)
	if p := g.pairAt(path); p != nil {
		if priority > p.priority {
			p.local, p.remote, p.priority = local, remote, priority
			g.sort()
		}
		return p
	}
	if len(g.pairs) >= a.cfg.MaxPairs && !g.makeRoom(priority, requested) {
		return nil
	}
	p := &pair{path: path, local: local, remote: remote, priority: priority}
	g.pairs = append(g.pairs, p)
	g.sort()
	return p
}

// makeRoom removes the least useful pair, if it is worth less than a new one. The
// number of pairs is limited by discarding those of lowest priority:
// https://www.rfc-editor.org/rfc/rfc8445#section-6.1.2.5
func (g *generation) makeRoom(priority uint64, requested bool) bool {
	for i, p := range slices.Backward(g.pairs) {
		if p.state == PairFailed || p.state == PairExpired {
			g.pairs = slices.Delete(g.pairs, i, i+1)
			return true
		}
	}
	for i, p := range slices.Backward(g.pairs) {
		if p.state == PairWaiting && !p.requested && (requested || p.priority < priority) {
			g.pairs = slices.Delete(g.pairs, i, i+1)
			return true
		}
	}
	return false
}

// sort puts the pairs of highest priority first, and older ones before younger.
func (g *generation) sort() {
	slices.SortStableFunc(g.pairs, func(p, q *pair) int { return cmp.Compare(q.priority, p.priority) })
}

// recompute gives every pair the priority that follows from its candidates.
func (g *generation) recompute(controlling bool) {
	for _, p := range g.pairs {
		p.priority = pairPriority(controlling, p.local.Priority, p.remote.Priority)
	}
	g.sort()
}
