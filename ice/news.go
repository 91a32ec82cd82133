package ice

import "slices"

// news remembers what the caller has been told. Events are not queued: they are the
// difference between that and what is, so a caller who never asks costs nothing, and
// what happened and was undone in between is not reported.
type news struct {
	pending  bool // there may be a difference
	state    State
	selected Path
	paths    []pathNews
	removed  []string // announced ufrags that ended
}

// pathNews is the validity of one path in any generation.
type pathNews struct {
	path             Path
	valid, announced bool
}

// ufragRemoved notes the end of a generation.
func (n *news) ufragRemoved(g *generation) {
	if g.announced {
		n.removed = append(n.removed, g.local.Ufrag)
		n.pending = true
	}
}

// sync makes paths agree with the pairs of the generations, which may be nil.
func (n *news) sync(cur, old *generation) {
	for i := range n.paths {
		n.paths[i].valid = false
	}
	for _, g := range [...]*generation{cur, old} {
		if g == nil {
			continue
		}
		for _, p := range g.pairs {
			if p.state == PairSucceeded {
				n.validate(p.path)
			}
		}
	}
	n.paths = slices.DeleteFunc(n.paths, func(p pathNews) bool { return !p.valid && !p.announced })
	n.pending = true
}

func (n *news) validate(path Path) {
	for i := range n.paths {
		if n.paths[i].path == path {
			n.paths[i].valid = true
			return
		}
	}
	n.paths = append(n.paths, pathNews{path: path, valid: true})
}

// NextEvent returns the next thing that happened, if any. States that came and went
// since the last call are left out, except that Connected comes before Completed.
func (a *Agent) NextEvent() (Event, bool) {
	n := &a.news
	if !a.cur.announced {
		a.cur.announced = true
		return Event{Kind: UfragAdded, Name: a.cur.local.Ufrag}, true
	}
	if !n.pending {
		return Event{}, false
	}
	for i := range a.cur.hostnames {
		if h := &a.cur.hostnames[i]; !h.announced {
			h.announced = true
			return Event{Kind: ResolveHostname, Name: h.candidate.Hostname}, true
		}
	}
	for i := range n.paths {
		if p := &n.paths[i]; p.valid && !p.announced {
			p.announced = true
			return Event{Kind: PathValidated, Path: p.path}, true
		}
	}
	if p := a.selected(); p != nil && p.path != n.selected {
		n.selected = p.path
		return Event{Kind: PathSelected, Path: p.path}, true
	}
	if a.state != n.state {
		next := a.state
		if next == StateCompleted && n.state != StateConnected {
			next = StateConnected
		}
		n.state = next
		return Event{Kind: StateChanged, State: next}, true
	}
	for i := range n.paths {
		if p := n.paths[i]; !p.valid {
			n.paths = slices.Delete(n.paths, i, i+1)
			return Event{Kind: PathLost, Path: p.path}, true
		}
	}
	if len(n.removed) > 0 {
		name := n.removed[0]
		n.removed = slices.Delete(n.removed, 0, 1)
		return Event{Kind: UfragRemoved, Name: name}, true
	}
	n.pending = false
	return Event{}, false
}
