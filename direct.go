package rtc

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/sansrtc/rtc/dtls"
	"github.com/sansrtc/rtc/ice"
)

// Parameters are what one side of a session must know of the other. In a description
// they are written as SDP; with [Rtc.LocalParameters] and [Rtc.Start] they can travel
// in any form.
type Parameters struct {
	// ICE are the credentials of the ICE agent.
	ICE ice.Credentials

	// ICELite says that the agent is a lite one.
	ICELite bool

	// Candidates are those known so far; more may follow by AddRemoteCandidate. If there
	// are no more, [Rtc.EndOfRemoteCandidates] lets ICE complete, or fail, early.
	Candidates []ice.Candidate

	// Fingerprints are those of the DTLS certificate. A match with one is enough. They
	// may be left out if [Config.VerifyPeerCertificate] decides alone.
	Fingerprints []dtls.Fingerprint

	// SCTPPort is the port of the data channels. If zero, 5000 is used.
	SCTPPort uint16

	// MaxMessageSize is the largest data channel message the side receives, in bytes.
	// Zero means any size.
	MaxMessageSize uint64
}

// Role says which part we take where the two sides must take different ones. The peer
// is given the opposite.
type Role struct {
	// Controlling makes our ICE agent the one that nominates (RFC 8445 section 4). A
	// full agent facing a lite one always is.
	Controlling bool

	// DTLSClient makes us send the ClientHello.
	DTLSClient bool
}

var (
	errNoCredentials  = errors.New("rtc: the peer's ICE credentials are missing")
	errNotStarted     = errors.New("rtc: session has not been set up with Start")
	errNoFingerprints = errors.New("rtc: the peer's fingerprints are missing, and Config.VerifyPeerCertificate is nil")
)

// LocalParameters returns what the peer must be told for [Rtc.Start].
func (r *Rtc) LocalParameters() Parameters {
	return Parameters{
		ICE:            r.agent.LocalCredentials(),
		ICELite:        r.cfg.ICELite,
		Candidates:     r.agent.AppendLocalCandidates(nil),
		Fingerprints:   []dtls.Fingerprint{r.cfg.Certificate.Fingerprint("sha-256")},
		SCTPPort:       localSCTPPort,
		MaxMessageSize: uint64(r.cfg.MaxMessageSize),
	}
}

// Start sets the session up without SDP. Both sides exchange their Parameters in
// whatever way, agree on who takes which Role, and start. Data channels can be used, and
// AddMedia adds audio and video. If it returns an error nothing has changed.
func (r *Rtc) Start(now time.Time, remote Parameters, role Role) error {
	switch {
	case r.ending:
		return ErrClosed
	case r.negotiation.remoteKnown:
		return ErrStarted
	case remote.ICE.Ufrag == "" || remote.ICE.Pwd == "":
		return errNoCredentials
	case len(remote.Fingerprints) == 0 && r.cfg.VerifyPeerCertificate == nil:
		return errNoFingerprints
	}
	r.advance(now)
	remote.Fingerprints = cloneFingerprints(remote.Fingerprints)
	if err := r.applyRemote(remote, role); err != nil {
		return fmt.Errorf("rtc: %w", err)
	}
	r.negotiation.direct = true
	err := r.agreeOnData(remote)
	r.settle()
	return err
}

// RestartICE has both sides of a session without descriptions look for a path anew, with
// new credentials; the present path carries the session until another is found. Make ours with
// [ice.NewCredentials] and tell the peer, which calls RestartICE with them and tells its own; then
// call it with both. Of remote, what concerns ICE is used: candidates are to be given again. If it returns
// an error nothing has changed.
func (r *Rtc) RestartICE(now time.Time, local ice.Credentials, remote Parameters) error {
	switch {
	case r.ending:
		return ErrClosed
	case r.negotiation.agreed != nil:
		return ErrDescribed
	case !r.negotiation.remoteKnown:
		return errNotStarted
	case !local.Valid() || !remote.ICE.Valid():
		return fmt.Errorf("rtc: %w", ice.ErrCredentials)
	case remote.ICELite && r.cfg.ICELite:
		return fmt.Errorf("rtc: %w", ice.ErrBothLite)
	}
	r.advance(now)
	if err := r.agent.Restart(r.now, local); err != nil {
		return fmt.Errorf("rtc: %w", err)
	}
	err := r.applyRemote(remote, Role{})
	r.settle()
	return err
}

// cloneFingerprints copies what is kept for the handshake: the caller owns the original.
func cloneFingerprints(fingerprints []dtls.Fingerprint) []dtls.Fingerprint {
	fingerprints = slices.Clone(fingerprints)
	for i := range fingerprints {
		fingerprints[i].Value = slices.Clone(fingerprints[i].Value)
	}
	return fingerprints
}

// applyRemote makes the peer's transport parameters the session's. Role counts the
// first time only: afterwards both ends keep theirs.
func (r *Rtc) applyRemote(remote Parameters, role Role) error {
	n := &r.negotiation
	if err := r.agent.SetRemoteCredentials(r.now, remote.ICE, remote.ICELite); err != nil {
		return err
	}
	if !n.remoteKnown {
		r.agent.SetControlling(r.now, !r.cfg.ICELite && (role.Controlling || remote.ICELite))
		n.dtlsClient = role.DTLSClient
		n.fingerprints = remote.Fingerprints
		n.remoteKnown = true
	}
	for _, c := range remote.Candidates {
		// One the agent has no use for, or no room for, is not the description's fault.
		_ = r.agent.AddRemoteCandidate(r.now, c)
	}
	return nil
}

// agreeOnData lets data channels begin.
func (r *Rtc) agreeOnData(remote Parameters) error {
	a, err := r.association()
	if err != nil {
		return err
	}
	if !r.negotiation.dataAgreed {
		r.negotiation.dataAgreed = true
		if err := a.SetClient(r.now, r.negotiation.dtlsClient); err != nil {
			return err
		}
		if err := a.SetRemotePort(remote.SCTPPort); err != nil {
			return err
		}
	}
	a.SetRemoteMaxMessageSize(sctpMessageSize(remote.MaxMessageSize))
	r.startSCTP()
	return nil
}

// sctpMessageSize says in the words of sctp.Config what a description says: there
// zero is no limit, here it is the default.
func sctpMessageSize(n uint64) int {
	if n == 0 {
		return -1
	}
	return int(min(n, math.MaxInt32))
}
