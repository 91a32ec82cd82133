package ice

import "github.com/sansrtc/rtc/stun"

// A generation is what lives from one restart to the next: the credentials of both
// sides, the peer's candidates and the pairs.
type generation struct {
	local     Credentials
	localKey  *stun.Key
	remote    Credentials
	remoteKey *stun.Key // nil until the peer's credentials are known

	remotes   []*Candidate
	hostnames []hostname // candidates that wait for an address
	ended     bool       // the peer has no more candidates

	pairs    []*pair // highest priority first
	selected *pair   // nominated and chosen

	checks    int  // sent to addresses that were not valid, triggered ones apart
	exhausted bool // no more of them: Config.MaxChecks

	announced bool // UfragAdded was reported
}

// A hostname is a remote candidate that waits to be resolved.
type hostname struct {
	candidate Candidate
	announced bool // ResolveHostname was reported
}

func newGeneration(local Credentials) (*generation, error) {
	if !local.Valid() {
		return nil, ErrCredentials
	}
	key, err := stun.NewKey(local.Pwd)
	if err != nil {
		return nil, ErrFIPS
	}
	return &generation{local: local, localKey: key}, nil
}

// bestValid returns the valid pair to use when none is selected, or nil.
func (g *generation) bestValid(better func(p, q *pair) bool) *pair {
	var best *pair
	for _, p := range g.pairs {
		if p.state == PairSucceeded && (best == nil || better(p, best)) {
			best = p
		}
	}
	return best
}

// hasLive reports whether there is a pair that may still become valid.
func (g *generation) hasLive() bool {
	for _, p := range g.pairs {
		if p.live() {
			return true
		}
	}
	return false
}
