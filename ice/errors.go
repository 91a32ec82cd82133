package ice

import "errors"

// Errors of the agent's methods. Nothing that a peer sends makes a method fail.
var (
	ErrConfig            = errors.New("ice: Config.Rand is missing")
	ErrFIPS              = errors.New("ice: STUN needs HMAC-SHA1, which GODEBUG=fips140=only forbids")
	ErrCredentials       = errors.New("ice: credentials are too short, too long or of wrong characters")
	ErrRemoteCredentials = errors.New("ice: the peer's credentials changed; call Restart first")
	ErrSameCredentials   = errors.New("ice: Restart needs a new username fragment")
	ErrBothLite          = errors.New("ice: two lite agents cannot connect")
	ErrCandidate         = errors.New("ice: candidate without a usable address")
	ErrTooManyCandidates = errors.New("ice: too many candidates")
	ErrNoCandidate       = errors.New("ice: no such candidate")
	ErrHostname          = errors.New("ice: no candidate waits for this hostname")
	ErrClosed            = errors.New("ice: agent is closed")
)
