package ice

import (
	"io"
	"time"
)

// Credentials are the short-term credentials of one side for one generation (RFC
// 8445 section 5.3).
type Credentials struct {
	Ufrag string // 4 to 256 characters out of A-Z a-z 0-9 + /
	Pwd   string // 22 to 256 of the same
}

// Valid reports whether the lengths and characters are legal.
// https://www.rfc-editor.org/rfc/rfc8839#section-5.4
func (c Credentials) Valid() bool {
	return isICEString(c.Ufrag, 4, 256) && isICEString(c.Pwd, 22, 256)
}

// A Config sets up an Agent. Only Rand is required.
type Config struct {
	// Rand is the source of credentials, tie-breaker, transaction ids and jitter.
	// An agent given the same bytes, calls and times sends the same packets.
	Rand io.Reader
	// Lite makes a lite agent (RFC 8445 section 2.5): it is always controlled,
	// answers checks and sends none. It needs an address that the peer can reach.
	Lite bool
	// Controlling is the initial role, normally true for the side that offers.
	Controlling bool
	// Credentials of ours. If zero, they are generated.
	Credentials Credentials

	// Limits. If zero, the default is used.

	MaxLocalCandidates  int // default 32
	MaxRemoteCandidates int // default 100, including unresolved hostnames
	MaxPeerReflexive    int // default 32, remote candidates found by the peer's requests
	MaxPairs            int // default 100
	// MaxChecks limits the checks sent per generation to addresses that have not
	// proved to be the peer's, so that an agent fed with foreign addresses is no
	// amplifier. Checks triggered by the peer's own, one for one, are not counted.
	// Default 1000.
	MaxChecks int

	// Timings. If zero, the default is used.

	CheckInterval       time.Duration // Ta, between checks of new pairs: 50 ms
	RTO                 time.Duration // first repetition of a check while no RTT is known: 100 ms
	ConsentInterval     time.Duration // mean time between checks of a valid pair: 5 s
	ConsentTimeout      time.Duration // sending stops after that long without an answer: 30 s
	DisconnectedTimeout time.Duration // silence after which a pair counts as unresponsive: 8 s; lite, which cannot ask, 15 s
	FailedTimeout       time.Duration // how long to look for a pair before failing: 30 s
	RestartOverlap      time.Duration // the old generation lives so long after the new one's selection: 5 s
	KeepaliveInterval   time.Duration // lite only, Tr of RFC 8445 section 11: 15 s
}

func (c *Config) setDefaults() {
	setDefault(&c.MaxLocalCandidates, 32)
	setDefault(&c.MaxRemoteCandidates, 100)
	setDefault(&c.MaxPeerReflexive, 32)
	setDefault(&c.MaxPairs, 100)
	setDefault(&c.MaxChecks, 1000)
	setDefault(&c.CheckInterval, 50*time.Millisecond)
	setDefault(&c.RTO, 100*time.Millisecond)
	setDefault(&c.ConsentInterval, 5*time.Second)
	setDefault(&c.ConsentTimeout, 30*time.Second)
	silence := 8 * time.Second // a check of the peer may be lost, and is repeated
	if c.Lite {
		silence = 15 * time.Second // if it is not
	}
	setDefault(&c.DisconnectedTimeout, silence)
	setDefault(&c.FailedTimeout, 30*time.Second)
	setDefault(&c.RestartOverlap, 5*time.Second)
	setDefault(&c.KeepaliveInterval, 15*time.Second)
}

func setDefault[T int | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}
