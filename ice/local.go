package ice

import (
	"hash/crc32"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// AddLocalCandidate adds an address of ours, and pairs it with what is known of the
// peer. What is missing in c is computed; AppendLocalCandidates shows the result.
// The same candidate twice is no error.
func (a *Agent) AddLocalCandidate(now time.Time, c Candidate) error {
	a.advance(now)
	if a.state == StateClosed {
		return ErrClosed
	}
	if c.Component > 1 {
		a.stats.IgnoredCandidates++
		return nil
	}
	c, err := normalizeLocal(c)
	if err != nil {
		return err
	}
	if a.localIndex(c) >= 0 {
		return nil
	}
	if len(a.locals) >= a.cfg.MaxLocalCandidates {
		return ErrTooManyCandidates
	}
	if c.Foundation == "" {
		c.Foundation = foundation(c)
	}
	if c.Priority == 0 {
		c.Priority = a.localPriority(c)
	}
	a.locals = append(a.locals, &c)
	if a.localAt(c.Transport, c.Base) == &c && !a.cfg.Lite {
		for _, remote := range a.cur.remotes {
			a.addPair(a.cur, &c, remote, false)
		}
		a.extendSearch()
	}
	a.settle()
	return nil
}

func normalizeLocal(c Candidate) (Candidate, error) {
	c.Component = 1
	c.Addr, c.Base = unmap(c.Addr), unmap(c.Base)
	if !c.Base.IsValid() {
		c.Base = c.Addr
	}
	if c.Transport == UDP {
		c.TCPType = TCPNone
	} else if c.TCPType == TCPNone {
		return c, ErrCandidate
	}
	active := c.TCPType == TCPActive
	if !usable(c.Addr, active) || !usable(c.Base, active) || c.Addr.Addr().Is4() != c.Base.Addr().Is4() {
		return c, ErrCandidate
	}
	return c, nil
}

// usable reports whether packets can be sent to an address. The port of an active
// TCP candidate means nothing.
func usable(a netip.AddrPort, anyPort bool) bool {
	broadcast := netip.AddrFrom4([4]byte{255, 255, 255, 255})
	addr := a.Addr()
	return addr.IsValid() && !addr.IsUnspecified() && !addr.IsMulticast() && addr != broadcast &&
		(anyPort || a.Port() != 0)
}

// localIndex finds a candidate by what makes it distinct, or returns -1.
func (a *Agent) localIndex(c Candidate) int {
	return slices.IndexFunc(a.locals, func(l *Candidate) bool {
		return l.Transport == c.Transport && l.Addr == c.Addr && l.Base == c.Base && l.TCPType == c.TCPType
	})
}

// localAt returns the candidate that represents a base, which is the one of highest
// priority: normally the host candidate, of which the reflexive ones are views from
// outside. Pairs are formed with it alone, which is the pruning of
// https://www.rfc-editor.org/rfc/rfc8445#section-6.1.2.4
func (a *Agent) localAt(t Transport, base netip.AddrPort) *Candidate {
	var best *Candidate
	for _, l := range a.locals {
		if l.Transport == t && l.Base == base && (best == nil || l.Priority > best.Priority) {
			best = l
		}
	}
	return best
}

// RemoveLocalCandidate withdraws an address, for instance because its interface is
// gone. Its pairs end; if the selected one was among them, the best valid pair left
// takes over at once. Reflexive candidates with the base of a removed host candidate
// go with it. The candidate is found by its transport, address and base.
func (a *Agent) RemoveLocalCandidate(now time.Time, c Candidate) error {
	a.advance(now)
	if a.state == StateClosed {
		return ErrClosed
	}
	c, err := normalizeLocal(c)
	if err != nil {
		return err
	}
	i := a.localIndex(c)
	if i < 0 {
		return ErrNoCandidate
	}
	removed := a.locals[i]
	a.locals = slices.Delete(a.locals, i, i+1)
	if removed.Addr == removed.Base { // the socket itself
		a.locals = slices.DeleteFunc(a.locals, func(l *Candidate) bool {
			return l.Transport == removed.Transport && l.Base == removed.Base
		})
	}
	rest := a.localAt(removed.Transport, removed.Base)
	a.generations(func(g *generation) { g.moveFrom(removed, rest) })
	if rest == nil {
		a.responses = slices.DeleteFunc(a.responses, func(r response) bool {
			return r.path.Transport == removed.Transport && r.path.Local == removed.Base
		})
	}
	a.settle()
	return nil
}

// moveFrom gives the pairs on the base of a removed candidate to what is left there,
// or ends them.
func (g *generation) moveFrom(removed, rest *Candidate) {
	g.pairs = slices.DeleteFunc(g.pairs, func(p *pair) bool {
		if p.path.Transport != removed.Transport || p.path.Local != removed.Base {
			return false
		}
		if rest != nil {
			p.local = rest
			return false
		}
		if g.selected == p {
			g.selected = nil
		}
		return true
	})
}

// AppendLocalCandidates appends the local candidates, complete, in the order in
// which they were added.
func (a *Agent) AppendLocalCandidates(dst []Candidate) []Candidate {
	for _, l := range a.locals {
		dst = append(dst, *l)
	}
	return dst
}

// typePreference is the recommendation of RFC 8445 section 5.1.2.2, lowered for TCP
// so that any UDP path comes before it (RFC 6544 section 4.2).
func typePreference(c Candidate) uint32 {
	tcp := c.Transport == TCP
	switch c.Type {
	case Host:
		if tcp {
			return 90
		}
		return 126
	case PeerReflexive:
		if tcp {
			return 80
		}
		return 110
	case ServerReflexive:
		if tcp {
			return 75
		}
		return 100
	case Relay:
	}
	return 0
}

// localPriority computes a priority that no other local candidate of the type has.
//
// "priority = (2^24)*(type preference) + (2^8)*(local preference) + (256 - component ID)"
// https://www.rfc-editor.org/rfc/rfc8445#section-5.1.2.1
func (a *Agent) localPriority(c Candidate) uint32 {
	preference := uint32(65535)
	if c.Transport == TCP {
		// "local preference = (2^13) * direction-pref + other-pref"
		// https://www.rfc-editor.org/rfc/rfc6544#section-4.2
		preference = directionPreference(c)<<13 + 8191
	}
	for ; ; preference-- {
		priority := typePreference(c)<<24 | preference<<8 | 255
		if !slices.ContainsFunc(a.locals, func(l *Candidate) bool { return l.Priority == priority }) {
			return priority
		}
	}
}

// directionPreference is the recommendation of RFC 6544 section 4.2: behind a NAT a
// simultaneous open is the likeliest to work, elsewhere an active open is.
func directionPreference(c Candidate) uint32 {
	reflexive := c.Type == ServerReflexive || c.Type == PeerReflexive
	switch c.TCPType {
	case TCPActive:
		if reflexive {
			return 4
		}
		return 6
	case TCPPassive:
		if reflexive {
			return 2
		}
		return 4
	case TCPSimultaneousOpen:
		if reflexive {
			return 6
		}
		return 2
	case TCPNone:
	}
	return 0
}

// foundation names what candidates with the same prospects have in common.
func foundation(c Candidate) string {
	b := append([]byte(nil), byte(c.Type), byte(c.Transport), byte(c.TCPType))
	b = c.Base.Addr().AppendTo(b)
	return strconv.FormatUint(uint64(crc32.ChecksumIEEE(b)), 10)
}
