package ice

import (
	"slices"

	"github.com/sansrtc/rtc/stun"
)

// A response is what is owed to the peer for one request.
type response struct {
	path     Path
	id       stun.TransactionID
	key      *stun.Key
	code     int // zero for success
	unknown  [4]stun.AttrType
	unknowns int
}

// maxResponses limits what is owed between two drains. A peer that is not answered
// asks again.
const maxResponses = 64

// owe notes a response, once for each request. It reports false if there are too many.
func (a *Agent) owe(r response) bool {
	for i := range a.responses {
		if o := &a.responses[i]; o.id == r.id && o.path == r.path {
			return true
		}
	}
	if len(a.responses) >= maxResponses {
		a.drop(DropLimit)
		return false
	}
	a.responses = append(a.responses, r)
	return true
}

// appendResponse builds the oldest response owed.
func (a *Agent) appendResponse(dst []byte) ([]byte, Path) {
	r := &a.responses[0]
	class := stun.Success
	if r.code != 0 {
		class = stun.Error
	}
	b := stun.NewBuilder(dst, class, stun.Binding, r.id)
	switch r.code {
	case 0:
		b.XORMappedAddress(r.path.Remote)
	case stun.CodeRoleConflict:
		b.ErrorCode(r.code, "Role Conflict")
	case stun.CodeUnknownAttribute:
		b.ErrorCode(r.code, "Unknown Attribute")
		b.UnknownAttributes(r.unknown[:r.unknowns]...)
	}
	b.Integrity(r.key)
	b.Fingerprint()
	path := r.path
	a.responses = slices.Delete(a.responses, 0, 1)
	a.stats.ResponsesSent++
	for _, g := range [...]*generation{a.cur, a.old} {
		if g == nil {
			continue
		}
		if p := g.pairAt(path); p != nil {
			p.lastSent = a.now
		}
	}
	return b.Bytes(), path
}

// handleResponse takes in the answer to a check. It counts only if it comes from
// where the check went, to where it left, with its transaction id and the peer's
// password.
//
// https://www.rfc-editor.org/rfc/rfc8445#section-7.2.5
func (a *Agent) handleResponse(path Path, m stun.Message) {
	g, p, t := a.transactionOf(path, m.TransactionID())
	if t == nil {
		a.drop(DropUnknownTransaction)
		return
	}
	if _, ok := m.Attr(stun.AttrFingerprint); !ok {
		a.drop(DropFingerprint) // required, as in requests
		return
	}
	if !g.remoteKey.Verify(m) {
		a.drop(DropIntegrity)
		return
	}
	if !understood(m) {
		a.drop(DropAttributes)
		return
	}
	if m.Class() == stun.Error {
		a.handleError(g, p, t, m)
	} else if _, ok := m.XORMappedAddress(); ok {
		a.handleSuccess(p, t)
	} else {
		a.drop(DropAttributes)
		return
	}
	a.settle()
}

// transactionOf finds the check that a response may belong to.
func (a *Agent) transactionOf(path Path, id stun.TransactionID) (*generation, *pair, *transaction) {
	for _, g := range [...]*generation{a.cur, a.old} {
		if g == nil || g.remoteKey == nil {
			continue
		}
		if p := g.pairAt(path); p != nil {
			if t := p.transaction(id); t != nil {
				return g, p, t
			}
		}
	}
	return nil, nil, nil
}

// understood reports whether a response has only attributes that may be passed over.
func understood(m stun.Message) bool {
	for attrs := m.Attrs(); ; {
		attr, ok := attrs.Next()
		if !ok {
			return true
		}
		switch attr.Type {
		case stun.AttrXORMappedAddress, stun.AttrMappedAddress, stun.AttrErrorCode, stun.AttrUsername,
			stun.AttrUnknownAttributes, stun.AttrMessageIntegrity, stun.AttrMessageIntegritySHA256,
			stun.AttrPriority, stun.AttrUseCandidate:
		default:
			if !attr.Type.Optional() {
				return false
			}
		}
	}
}

// handleSuccess makes a pair valid, or keeps it so.
func (a *Agent) handleSuccess(p *pair, t *transaction) {
	t.open = false
	a.stats.ResponsesReceived++
	p.responsesReceived++
	p.noteRTT(a.now.Sub(t.sentAt))
	if p.state == PairExpired {
		// "After consent is lost … the same ICE credentials MUST NOT be used on the
		// affected 5-tuple again." https://www.rfc-editor.org/rfc/rfc7675#section-5.1
		return
	}
	p.lastHeard, p.lastAnswer = a.now, a.now
	p.expiresAt = a.now.Add(a.cfg.ConsentTimeout)
	p.attempts = 0
	if p.state != PairSucceeded || p.nextAt.After(a.now) {
		p.nextAt = a.now.Add(a.consentInterval())
	}
	if p.state != PairSucceeded {
		p.state, p.triggered = PairSucceeded, 0
		p.nominated = !a.controlling && p.peerNominated
	}
	if t.nominate && t.controlling && a.controlling && !p.nominated {
		p.nominated = true
		p.nextAt = a.now.Add(a.consentInterval())
	}
}

// handleError takes in an authenticated error. Only a role conflict says anything
// that more checks would not.
//
// https://www.rfc-editor.org/rfc/rfc8445#section-7.2.5.1
func (a *Agent) handleError(g *generation, p *pair, t *transaction, m stun.Message) {
	value, _ := m.Attr(stun.AttrErrorCode)
	code, _, ok := stun.Attr{Type: stun.AttrErrorCode, Value: value}.ErrorCode()
	if !ok {
		a.drop(DropAttributes)
		return
	}
	t.open = false
	a.stats.ResponsesReceived++
	if code != stun.CodeRoleConflict || g != a.cur || a.cfg.Lite || a.remoteLite {
		return
	}
	if t.controlling == a.controlling && a.conflicts < maxRoleConflicts {
		a.conflicts++
		a.stats.RoleConflicts++
		a.setControlling(!a.controlling)
		a.redrawTieBreaker()
	}
	// The check is repeated in the new role, at once.
	if p.live() {
		a.trigger(p)
	} else if p.state == PairSucceeded {
		p.nextAt = a.now
	}
}
