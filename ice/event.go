package ice

// An EventKind says what an Event reports.
type EventKind uint8

const (
	// NoEvent is the zero kind: nothing happened.
	NoEvent EventKind = iota
	// StateChanged reports Event.State. When the caller is slow, states in
	// between may be left out, but never Connected before Completed.
	StateChanged
	// PathSelected reports Event.Path: the pair that was nominated carries data
	// from now on.
	PathSelected
	// PathValidated reports Event.Path: data from it may be accepted. A server
	// can add it to its routing table.
	PathValidated
	// PathLost reports Event.Path: it is not valid any more.
	PathLost
	// UfragAdded reports Event.Name: requests that begin with this local
	// username fragment belong to this agent.
	UfragAdded
	// UfragRemoved reports Event.Name: they no longer do.
	UfragRemoved
	// ResolveHostname reports Event.Name: a remote candidate names this host.
	// The caller answers with ResolveRemoteCandidate.
	ResolveHostname
)

// String returns the name of the kind.
func (k EventKind) String() string {
	switch k {
	case NoEvent:
		return "NoEvent"
	case StateChanged:
		return "StateChanged"
	case PathSelected:
		return "PathSelected"
	case PathValidated:
		return "PathValidated"
	case PathLost:
		return "PathLost"
	case UfragAdded:
		return "UfragAdded"
	case UfragRemoved:
		return "UfragRemoved"
	case ResolveHostname:
		return "ResolveHostname"
	}
	return "unknown"
}

// An Event is something the caller may want to act on.
type Event struct {
	Kind  EventKind
	State State  // set for StateChanged
	Path  Path   // set for PathSelected, PathValidated, PathLost
	Name  string // set for UfragAdded, UfragRemoved, ResolveHostname
}
