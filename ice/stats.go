package ice

import "time"

// A PairState is the state of a candidate pair's checks (RFC 8445 section 6.1.2.6,
// where Frozen has no use here).
type PairState uint8

const (
	PairWaiting    PairState = iota // not checked yet
	PairInProgress                  // checks are being sent
	PairSucceeded                   // valid: a check was answered
	PairFailed                      // no check was answered in time
	PairExpired                     // was valid, until the peer stopped answering (RFC 7675)
)

// String returns the state's name, in lower case.
func (s PairState) String() string {
	switch s {
	case PairWaiting:
		return "waiting"
	case PairInProgress:
		return "in-progress"
	case PairSucceeded:
		return "succeeded"
	case PairFailed:
		return "failed"
	case PairExpired:
		return "expired"
	}
	return "unknown"
}

// A Pair is a snapshot of a candidate pair.
type Pair struct {
	Path              Path
	Local, Remote     Candidate
	Priority          uint64
	State             PairState
	Nominated         bool
	Selected          bool
	RTT               time.Duration // smoothed; zero until measured
	LastRTT           time.Duration
	ChecksSent        uint64
	ResponsesReceived uint64
	RequestsReceived  uint64 // authenticated ones
	ResponsesSent     uint64
}

// Stats counts packets of the agent's whole life.
type Stats struct {
	ChecksSent        uint64
	RequestsReceived  uint64 // authenticated ones
	ResponsesSent     uint64 // successes and errors
	ResponsesReceived uint64 // authenticated and expected ones
	IndicationsSent   uint64
	RoleConflicts     uint64
	IgnoredCandidates uint64 // of another component or generation

	Dropped [dropReasons]uint64 // by DropReason
}

// A DropReason says why a received packet was thrown away.
type DropReason uint8

const (
	DropMalformed          DropReason = iota // not STUN, or damaged
	DropFingerprint                          // FINGERPRINT is missing or does not match
	DropMethod                               // not Binding
	DropUnknownLocal                         // arrived where there is no local candidate
	DropUsername                             // not for this agent
	DropIntegrity                            // no or wrong MESSAGE-INTEGRITY
	DropAttributes                           // authenticated, but lacks what ICE needs
	DropUnknownTransaction                   // answers nothing that was asked, or comes from elsewhere
	DropLimit                                // authenticated, but a limit was reached
	DropClosed
	dropReasons
)

// String returns the reason's name.
func (r DropReason) String() string {
	switch r {
	case DropMalformed:
		return "malformed"
	case DropFingerprint:
		return "fingerprint"
	case DropMethod:
		return "method"
	case DropUnknownLocal:
		return "unknown-local"
	case DropUsername:
		return "username"
	case DropIntegrity:
		return "integrity"
	case DropAttributes:
		return "attributes"
	case DropUnknownTransaction:
		return "unknown-transaction"
	case DropLimit:
		return "limit"
	case DropClosed:
		return "closed"
	}
	return "unknown"
}
