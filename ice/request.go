package ice

import (
	"time"

	"github.com/sansrtc/rtc/stun"
)

// HandlePacket takes in one STUN packet that arrived on path. The bytes are neither
// kept nor changed. What is not an authenticated part of the conversation with the
// peer changes a counter of Stats and nothing else, and is not answered.
func (a *Agent) HandlePacket(now time.Time, path Path, b []byte) {
	a.advance(now)
	if a.state == StateClosed {
		a.drop(DropClosed)
		return
	}
	m, err := stun.Parse(b)
	switch {
	case err == stun.ErrFingerprint:
		a.drop(DropFingerprint)
		return
	case err != nil:
		a.drop(DropMalformed)
		return
	case m.Method() != stun.Binding:
		a.drop(DropMethod)
		return
	}
	path = path.unmap()
	switch m.Class() {
	case stun.Request:
		a.handleRequest(path, m)
	case stun.Success, stun.Error:
		a.handleResponse(path, m)
	case stun.Indication:
		// A keepalive: it has done its work on the way here.
		// https://www.rfc-editor.org/rfc/rfc8445#section-11
	}
}

func (a *Agent) drop(r DropReason) { a.stats.Dropped[r]++ }

// A request holds the attributes of a connectivity check. Of duplicates the first
// counts.
type request struct {
	username     []byte
	priority     uint32
	useCandidate bool
	controlling  bool
	tieBreaker   uint64

	hasPriority, hasRole, malformed bool
	fingerprint                     bool
	unknown                         [4]stun.AttrType // required ones that we do not know
	unknowns                        int
}

func (r *request) parse(m stun.Message) {
	for attrs := m.Attrs(); ; {
		attr, ok := attrs.Next()
		if !ok {
			return
		}
		good := true
		switch attr.Type {
		case stun.AttrUsername:
			if r.username == nil {
				r.username = attr.Value
			}
		case stun.AttrPriority:
			if !r.hasPriority {
				r.priority, good = attr.Uint32()
				r.hasPriority = good
			}
		case stun.AttrUseCandidate:
			r.useCandidate = true
		case stun.AttrICEControlling, stun.AttrICEControlled:
			if !r.hasRole {
				r.tieBreaker, good = attr.Uint64()
				r.hasRole, r.controlling = good, attr.Type == stun.AttrICEControlling
			}
		case stun.AttrMessageIntegrity, stun.AttrMessageIntegritySHA256:
		case stun.AttrFingerprint:
			r.fingerprint = true
		default:
			if !attr.Type.Optional() && r.unknowns < len(r.unknown) {
				r.unknown[r.unknowns] = attr.Type
				r.unknowns++
			}
		}
		r.malformed = r.malformed || !good
	}
}

// handleRequest authenticates a check, answers it, and draws the conclusions of
// https://www.rfc-editor.org/rfc/rfc8445#section-7.3
func (a *Agent) handleRequest(path Path, m stun.Message) {
	local := a.localAt(path.Transport, path.Local)
	if local == nil {
		a.drop(DropUnknownLocal)
		return
	}
	var r request
	r.parse(m)
	// Every message of a check has one (RFC 8445 section 7). Without this, an attacker
	// could damage it unnoticed: it lies beyond what MESSAGE-INTEGRITY covers.
	if !r.fingerprint {
		a.drop(DropFingerprint)
		return
	}
	g := a.generationOf(r.username)
	if g == nil {
		a.drop(DropUsername)
		return
	}
	if !g.localKey.Verify(m) {
		a.drop(DropIntegrity)
		return
	}
	a.stats.RequestsReceived++
	owed := response{path: path, id: m.TransactionID(), key: g.localKey}
	if r.unknowns > 0 {
		owed.code, owed.unknown, owed.unknowns = stun.CodeUnknownAttribute, r.unknown, r.unknowns
		a.owe(owed)
		return
	}
	if r.malformed || !r.hasPriority || !r.hasRole {
		a.drop(DropAttributes)
		return
	}
	controlling := a.controlling
	if g == a.cur && a.roleConflict(&r) {
		owed.code = stun.CodeRoleConflict
		a.owe(owed)
		return
	}
	p := a.requestedPair(g, local, path, r.priority)
	if p == nil {
		a.drop(DropLimit)
		a.settle() // the role may have changed
		return
	}
	if a.owe(owed) {
		p.responsesSent++
	}
	// Most requests only say that the peer is still there.
	state, nominated, responsive := p.state, p.nominated, a.responsive(p)
	a.noteRequest(g, p, r.useCandidate)
	if p.state != PairSucceeded || p.state != state || p.nominated != nominated || !responsive ||
		a.controlling != controlling {
		a.settle()
	}
}

// generationOf returns the generation that a check is for.
//
// A username is good if the part before the colon is a fragment of ours:
// https://www.rfc-editor.org/rfc/rfc8445#section-7.3
func (a *Agent) generationOf(username []byte) *generation {
	local, _, ok := stun.SplitUsername(username)
	switch {
	case !ok:
		return nil
	case string(local) == a.cur.local.Ufrag:
		return a.cur
	case a.old != nil && string(local) == a.old.local.Ufrag:
		return a.old
	}
	return nil
}

// roleConflict settles who controls when both sides think they do, or neither. It
// reports whether the peer is to be told to change its role.
//
// https://www.rfc-editor.org/rfc/rfc8445#section-7.3.1.1
func (a *Agent) roleConflict(r *request) bool {
	if r.controlling != a.controlling || a.conflicts >= maxRoleConflicts {
		return false
	}
	a.conflicts++
	a.stats.RoleConflicts++
	// A lite agent never controls, whatever the tie-breakers say, and neither does
	// the peer of one obey.
	if a.cfg.Lite || a.remoteLite {
		return true
	}
	// With equal tie-breakers the controlling side stays so, as with a larger one.
	if (a.tieBreaker >= r.tieBreaker) == a.controlling {
		return true
	}
	a.setControlling(!a.controlling)
	return false
}

// requestedPair returns the pair that an authenticated request came through, and
// makes it, with a new peer-reflexive candidate, if it is not known. Only the present
// generation learns.
func (a *Agent) requestedPair(g *generation, local *Candidate, path Path, priority uint32) *pair {
	if p := g.pairAt(path); p != nil {
		return p
	}
	if g != a.cur {
		return nil
	}
	remote := g.remoteAt(path.Transport, path.Remote)
	if remote == nil {
		if remote = a.learnRemote(g, local, path.Remote, priority); remote == nil {
			return nil
		}
		a.extendSearch()
	}
	p := a.addPair(g, local, remote, true)
	if p == nil || p.path != path {
		return nil
	}
	return p
}

// trigger puts a pair at the end of the triggered-check queue, unless it is there.
func (a *Agent) trigger(p *pair) {
	if p.triggered == 0 {
		a.triggers++
		p.triggered = a.triggers
	}
}

// noteRequest applies an authenticated request to its pair.
func (a *Agent) noteRequest(g *generation, p *pair, useCandidate bool) {
	p.requested, p.lastHeard = true, a.now
	p.requestsReceived++
	if useCandidate && !a.controlling {
		p.peerNominated = true
	}
	switch {
	case a.cfg.Lite:
		p.state = PairSucceeded
		p.expiresAt = a.now.Add(a.cfg.ConsentTimeout)
	case g == a.cur && p.state != PairSucceeded && p.state != PairExpired:
		// A triggered check: where a packet came through, ours are likelier to pass
		// than before, so the pair gets its quick repetitions again, once. A failed
		// pair gets one check for each request, which amplifies nothing.
		// https://www.rfc-editor.org/rfc/rfc8445#section-7.3.1.4
		a.trigger(p)
		if p.requestsReceived == 1 {
			p.attempts = 0
		}
	}
	if p.state == PairSucceeded && p.peerNominated && !a.controlling {
		p.nominated = true
	}
	a.recheck(p, 2*a.cfg.RTO)
}
