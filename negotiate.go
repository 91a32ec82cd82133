package rtc

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/sansrtc/rtc/dtls"
	"github.com/sansrtc/rtc/ice"
	"github.com/sansrtc/rtc/sdp"
)

// localSCTPPort is the port of our associations. It means nothing inside DTLS, and
// everybody says 5000.
const localSCTPPort = sdp.DefaultSCTPPort

// negotiation is what the two sides have settled so far.
type negotiation struct {
	sessionID, version uint64 // of our descriptions
	round              uint64 // counts what was applied or offered; an older Offer is stale

	agreed *sdp.Agreement // nil before the first description is applied
	direct bool           // set up by Start: there are no descriptions

	remoteKnown  bool // from here on the roles and the certificate stay
	dtlsClient   bool
	fingerprints []dtls.Fingerprint
	dataAgreed   bool
}

func (n *negotiation) init(rand io.Reader) error {
	var b [8]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return fmt.Errorf("rtc: reading Config.Rand: %w", err)
	}
	// "It is RECOMMENDED that the sess-id be constructed by generating a 64-bit
	// quantity with the highest bit set to zero and the remaining 63 bits being
	// cryptographically random."
	// https://www.rfc-editor.org/rfc/rfc9429#section-5.2.1
	n.sessionID = binary.BigEndian.Uint64(b[:]) >> 1
	return nil
}

// dataMID returns the mid of the section that carries data channels, empty if none
// is agreed on.
func (n *negotiation) dataMID() string {
	if n.agreed == nil || n.agreed.Data.Line < 0 {
		return ""
	}
	return n.agreed.Lines[n.agreed.Data.Line].MID
}

// describe returns what a description of ours says of the transport.
func (r *Rtc) describe(credentials ice.Credentials) sdp.Parameters {
	setup := sdp.SetupActive
	if r.cfg.PreferDTLSServer {
		setup = sdp.SetupPassive
	}
	p := sdp.Parameters{
		SessionID:      r.negotiation.sessionID,
		Version:        r.negotiation.version + 1,
		ICEUfrag:       credentials.Ufrag,
		ICEPwd:         credentials.Pwd,
		ICELite:        r.cfg.ICELite,
		Setup:          setup,
		SCTPPort:       localSCTPPort,
		MaxMessageSize: uint64(r.cfg.MaxMessageSize),
	}
	for _, c := range r.agent.AppendLocalCandidates(nil) {
		p.Candidates = append(p.Candidates, c.String())
	}
	f := r.cfg.Certificate.Fingerprint("sha-256")
	p.Fingerprints = []sdp.Fingerprint{{Algorithm: f.Algorithm, Value: f.Value}}
	return p
}

// apply makes an agreement the session's. Everything that can fail comes before
// anything that changes.
func (r *Rtc) apply(next *sdp.Agreement, role Role, local ice.Credentials) error {
	r.disturb()
	remote := remoteParameters(next)
	if next.Tag < 0 { // everything was rejected, and there is nobody to connect to
		r.negotiation.agreed = next
		return nil
	}
	if local != r.agent.LocalCredentials() {
		if err := r.agent.Restart(r.now, local); err != nil {
			return err
		}
	}
	if err := r.applyRemote(remote, role); err != nil {
		return err
	}
	if next.Remote.EndOfCandidates {
		r.agent.EndOfRemoteCandidates(r.now)
	}
	r.negotiation.agreed = next
	if next.Data.Line >= 0 {
		return r.agreeOnData(remote)
	}
	return nil
}

// remoteParameters reads what the peer's description says of its transport.
func remoteParameters(a *sdp.Agreement) Parameters {
	p := Parameters{
		ICE:            ice.Credentials{Ufrag: a.Remote.ICEUfrag, Pwd: a.Remote.ICEPwd},
		ICELite:        a.RemoteLite,
		SCTPPort:       a.Data.RemotePort,
		MaxMessageSize: a.Data.MaxMessageSize,
	}
	for _, f := range a.Remote.Fingerprints {
		p.Fingerprints = append(p.Fingerprints, dtls.Fingerprint{Algorithm: f.Algorithm, Value: slices.Clone(f.Value)})
	}
	for _, text := range a.Remote.Candidates {
		// "An ICE agent MUST ignore candidates that it does not understand"; one bad line is no reason
		// to refuse the others. https://www.rfc-editor.org/rfc/rfc8839#section-5.1
		if c, err := ice.ParseCandidate(text); err == nil {
			p.Candidates = append(p.Candidates, c)
		}
	}
	return p
}
