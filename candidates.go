package rtc

import (
	"log/slog"
	"net/netip"
	"time"

	"github.com/sansrtc/rtc/ice"
)

// AddLocalCandidate tells the session of an address it can be reached at. The caller
// finds these: the addresses of its sockets (host), what a STUN server saw (server
// reflexive), what a TURN server lent (relayed).
//
// Candidates known when a description is made are written into it. Those added
// later must be signalled by the caller.
func (r *Rtc) AddLocalCandidate(now time.Time, c ice.Candidate) error {
	if r.ending {
		return ErrClosed
	}
	r.advance(now)
	err := r.agent.AddLocalCandidate(r.now, c)
	r.settle()
	return err
}

// RemoveLocalCandidate withdraws an address, since its interface or its relay is gone.
// If it carried the session, the next best path takes over at once.
func (r *Rtc) RemoveLocalCandidate(now time.Time, c ice.Candidate) error {
	if r.ending {
		return ErrClosed
	}
	r.advance(now)
	err := r.agent.RemoveLocalCandidate(r.now, c)
	r.settle()
	return err
}

// AddRemoteCandidate tells the session of an address of the peer that was signalled apart from
// a description (trickle ICE, RFC 8838). See [ice.ParseCandidate] for the text
// browsers send.
func (r *Rtc) AddRemoteCandidate(now time.Time, c ice.Candidate) error {
	if r.ending {
		return ErrClosed
	}
	r.advance(now)
	err := r.agent.AddRemoteCandidate(r.now, c)
	r.settle()
	return err
}

// EndOfRemoteCandidates says that the peer has no more candidates. ICE can then fail
// early instead of waiting for them.
func (r *Rtc) EndOfRemoteCandidates(now time.Time) {
	if r.ending {
		return
	}
	r.advance(now)
	r.agent.EndOfRemoteCandidates(r.now)
	r.settle()
}

// ResolveRemoteCandidate answers a ResolveHostname event. The zero Addr says that the
// name could not be resolved.
func (r *Rtc) ResolveRemoteCandidate(now time.Time, hostname string, addr netip.Addr) error {
	if r.ending {
		return ErrClosed
	}
	r.advance(now)
	err := r.agent.ResolveRemoteCandidate(r.now, hostname, addr)
	r.settle()
	return err
}

// iceEvent turns the agent's news into the session's.
func (r *Rtc) iceEvent(ev ice.Event) Event {
	//exhaustive:enforce
	switch ev.Kind {
	case ice.StateChanged:
		r.trace(slog.LevelInfo, "ICE state", slog.String("state", ev.State.String()))
		return &ICEStateChanged{State: ev.State}
	case ice.PathSelected:
		r.trace(slog.LevelInfo, "path selected", r.pathAttr(ev.Path))
		return &PathSelected{Path: ev.Path}
	case ice.PathValidated:
		r.trace(slog.LevelDebug, "path validated", r.pathAttr(ev.Path))
		return &RemoteAddrAdded{Path: ev.Path}
	case ice.PathLost:
		r.trace(slog.LevelDebug, "path lost", r.pathAttr(ev.Path))
		return &RemoteAddrRemoved{Path: ev.Path}
	case ice.UfragAdded:
		return &LocalUfragAdded{Ufrag: ev.Name}
	case ice.UfragRemoved:
		return &LocalUfragRemoved{Ufrag: ev.Name}
	case ice.ResolveHostname:
		return &ResolveHostname{Hostname: ev.Name}
	case ice.NoEvent:
	}
	return nil
}

// settleFailure starts and stops the wait for a restart.
func (r *Rtc) settleFailure() {
	switch {
	case r.agent.State() != ice.StateFailed:
		r.failedAt = time.Time{}
	case r.cfg.FailedTimeout > 0 && r.failedAt.IsZero():
		r.failedAt = r.now.Add(r.cfg.FailedTimeout)
	}
}
