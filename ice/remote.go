package ice

import (
	"net/netip"
	"slices"
	"time"
)

// AddRemoteCandidate adds an address of the peer, before or after its credentials.
// A candidate that can be of no use (of another component or generation, or an
// active TCP one) is passed over without error, and so is one that is known.
//
// A candidate with a Hostname becomes a ResolveHostname event.
func (a *Agent) AddRemoteCandidate(now time.Time, c Candidate) error {
	a.advance(now)
	if a.state == StateClosed {
		return ErrClosed
	}
	err := a.addRemote(c)
	a.settle()
	return err
}

func (a *Agent) addRemote(c Candidate) error {
	g := a.cur
	// The ufrag says which generation a trickled candidate belongs to.
	// https://www.rfc-editor.org/rfc/rfc8838#section-9
	foreign := g.remoteKey != nil && c.Ufrag != "" && c.Ufrag != g.remote.Ufrag
	if c.Component > 1 || foreign || c.Transport == TCP && c.TCPType == TCPActive {
		a.stats.IgnoredCandidates++
		return nil
	}
	if !c.Addr.IsValid() && c.Hostname != "" {
		return a.addHostname(c)
	}
	c.Component, c.Hostname, c.Base = 1, "", netip.AddrPort{}
	if c.Transport == UDP {
		c.TCPType = TCPNone
	}
	c.Addr = unmap(c.Addr)
	c.Addr = netip.AddrPortFrom(c.Addr.Addr().WithZone(""), c.Addr.Port())
	if !usable(c.Addr, false) || c.Transport == TCP && c.TCPType == TCPNone {
		return ErrCandidate
	}
	if known := g.remoteAt(c.Transport, c.Addr); known != nil {
		if known.Type == PeerReflexive && c.Type != PeerReflexive {
			// The signalled candidate is the same address with a better description.
			*known = c
			g.recompute(a.controlling)
		}
		return nil
	}
	if g.signalled() >= a.cfg.MaxRemoteCandidates {
		return ErrTooManyCandidates
	}
	g.remotes = append(g.remotes, &c)
	if !a.cfg.Lite {
		a.pairRemote(g, &c)
	}
	return nil
}

// pairRemote pairs a remote candidate with each base of ours.
func (a *Agent) pairRemote(g *generation, remote *Candidate) {
	for _, l := range a.locals {
		if a.localAt(l.Transport, l.Base) == l {
			a.addPair(g, l, remote, false)
		}
	}
	a.extendSearch()
}

// remoteAt finds a remote candidate by its address, without zone.
func (g *generation) remoteAt(t Transport, addr netip.AddrPort) *Candidate {
	addr = netip.AddrPortFrom(addr.Addr().WithZone(""), addr.Port())
	for _, r := range g.remotes {
		if r.Transport == t && r.Addr == addr {
			return r
		}
	}
	return nil
}

// signalled counts the candidates that the caller has added.
func (g *generation) signalled() int {
	return len(g.remotes) - g.peerReflexive() + len(g.hostnames)
}

func (g *generation) peerReflexive() int {
	n := 0
	for _, r := range g.remotes {
		if r.Type == PeerReflexive {
			n++
		}
	}
	return n
}

// addHostname keeps a candidate until its name is resolved.
func (a *Agent) addHostname(c Candidate) error {
	g := a.cur
	if !isHostname(c.Hostname) || c.Port == 0 {
		return ErrCandidate
	}
	if g.signalled() >= a.cfg.MaxRemoteCandidates {
		return ErrTooManyCandidates
	}
	// One question is enough for all candidates of a name.
	asked := slices.ContainsFunc(g.hostnames, func(h hostname) bool { return h.candidate.Hostname == c.Hostname })
	g.hostnames = append(g.hostnames, hostname{candidate: c, announced: asked})
	a.news.pending = true
	a.extendSearch()
	return nil
}

// ResolveRemoteCandidate answers the event ResolveHostname with the name's address.
// The zero Addr says that there is none, and the candidates of that name are
// forgotten. A name that nobody waits for is ErrHostname.
func (a *Agent) ResolveRemoteCandidate(now time.Time, name string, addr netip.Addr) error {
	a.advance(now)
	if a.state == StateClosed {
		return ErrClosed
	}
	g, err := a.cur, ErrHostname
	for i := 0; i < len(g.hostnames); {
		c := g.hostnames[i].candidate
		if c.Hostname != name {
			i++
			continue
		}
		g.hostnames = slices.Delete(g.hostnames, i, i+1)
		if err == ErrHostname {
			err = nil
		}
		if addr.IsValid() {
			c.Addr = netip.AddrPortFrom(addr, c.Port)
			if e := a.addRemote(c); e != nil {
				err = e
			}
		}
	}
	a.settle()
	return err
}

// EndOfRemoteCandidates says that the peer has no more candidates than were added.
func (a *Agent) EndOfRemoteCandidates(now time.Time) {
	a.advance(now)
	if a.state != StateClosed {
		a.cur.ended = true
		a.settle()
	}
}

// dropForeignCandidates removes what came before the credentials and turns out to
// belong to another generation.
func (a *Agent) dropForeignCandidates(g *generation) {
	foreign := func(c *Candidate) bool {
		if c.Ufrag == "" || c.Ufrag == g.remote.Ufrag {
			return false
		}
		a.stats.IgnoredCandidates++
		return true
	}
	g.hostnames = slices.DeleteFunc(g.hostnames, func(h hostname) bool { return foreign(&h.candidate) })
	g.remotes = slices.DeleteFunc(g.remotes, foreign)
	g.pairs = slices.DeleteFunc(g.pairs, func(p *pair) bool { return !slices.Contains(g.remotes, p.remote) })
}

// learnRemote adds the peer-reflexive candidate that an authenticated request from
// an unknown address shows, or returns nil if there are too many.
//
// https://www.rfc-editor.org/rfc/rfc8445#section-7.3.1.3
func (a *Agent) learnRemote(g *generation, local *Candidate, addr netip.AddrPort, priority uint32) *Candidate {
	if !usable(addr, false) {
		return nil
	}
	if g.peerReflexive() >= a.cfg.MaxPeerReflexive && !g.forgetReflexive() {
		return nil
	}
	c := &Candidate{
		Component: 1, Transport: local.Transport, Type: PeerReflexive, Priority: priority,
		Addr: netip.AddrPortFrom(addr.Addr().WithZone(""), addr.Port()),
	}
	// The peer chose its side of the connection to suit ours.
	switch local.TCPType {
	case TCPPassive:
		c.TCPType = TCPActive
	case TCPActive:
		c.TCPType = TCPPassive
	case TCPSimultaneousOpen, TCPNone:
		c.TCPType = local.TCPType
	}
	c.Foundation = foundation(Candidate{Type: PeerReflexive, Transport: c.Transport, Base: c.Addr})
	g.remotes = append(g.remotes, c)
	return c
}

// forgetReflexive removes the oldest peer-reflexive candidate that leads nowhere, so
// that a peer behind a NAT that moves it now and then does not run out of addresses.
func (g *generation) forgetReflexive() bool {
	for i, r := range g.remotes {
		if r.Type != PeerReflexive || slices.ContainsFunc(g.pairs, func(p *pair) bool {
			return p.remote == r && p.state != PairFailed && p.state != PairExpired
		}) {
			continue
		}
		g.remotes = slices.Delete(g.remotes, i, i+1)
		g.pairs = slices.DeleteFunc(g.pairs, func(p *pair) bool { return p.remote == r })
		return true
	}
	return false
}

// extendSearch grants candidates that were just added their time before the agent
// may fail, if it has nothing else.
func (a *Agent) extendSearch() {
	if a.cur.remoteKey != nil && a.sendPair == nil {
		a.failAt = a.now.Add(a.cfg.FailedTimeout)
	}
}
