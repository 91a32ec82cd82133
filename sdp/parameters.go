package sdp

import (
	"slices"
	"strings"
)

// Parameters are what the local endpoint says of itself in a description.
type Parameters struct {
	// SessionID and Version go into the o= line. SessionID is random, below
	// 2^63, and stays; Version grows with every description.
	SessionID, Version uint64

	ICEUfrag, ICEPwd string
	ICELite          bool

	// Candidates, each beginning with "candidate:", and EndOfCandidates are put
	// into the section that speaks for the transport.
	Candidates      []string
	EndOfCandidates bool

	// Fingerprints of the local certificate; at least one.
	Fingerprints []Fingerprint

	// Setup is the role to answer with where the offer leaves the choice:
	// SetupActive or SetupPassive. If zero, SetupActive. A running connection
	// keeps its roles.
	Setup Setup

	// SCTPPort and MaxMessageSize describe the data channels. If SCTPPort is
	// zero, DefaultSCTPPort. A MaxMessageSize of zero says "any size".
	SCTPPort       uint16
	MaxMessageSize uint64
}

// check finds mistakes of the program, which would make a broken text.
func (p *Parameters) check() error {
	if !validICE(p.ICEUfrag, 4) || !validICE(p.ICEPwd, 22) {
		return ErrCredentials
	}
	if !slices.ContainsFunc(p.Fingerprints, Fingerprint.Known) {
		return ErrFingerprint
	}
	if p.Setup != SetupNone && p.Setup != SetupActive && p.Setup != SetupPassive {
		return ErrParameters
	}
	for _, c := range p.Candidates {
		if !strings.HasPrefix(c, "candidate:") || strings.ContainsAny(c, "\r\n\x00") {
			return ErrParameters
		}
	}
	return nil
}

// session returns a description without sections.
func (p *Parameters) session() *Session {
	return &Session{
		Origin:     Origin{ID: p.SessionID, Version: p.Version},
		ICELite:    p.ICELite,
		ICEOptions: []string{"trickle"},
	}
}

// transport returns what a section says about ICE and DTLS. Only the one that
// speaks for all carries candidates.
func (p *Parameters) transport(setup Setup, tag bool) Transport {
	t := Transport{
		ICEUfrag:     p.ICEUfrag,
		ICEPwd:       p.ICEPwd,
		ICEOptions:   []string{"trickle"},
		Fingerprints: p.Fingerprints,
		Setup:        setup,
	}
	if tag {
		t.Candidates, t.EndOfCandidates = p.Candidates, p.EndOfCandidates
	}
	return t
}

// nullPort is the port of a section whose address is only known to ICE.
const nullPort = 9
