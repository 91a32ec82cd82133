package rtc

import (
	"fmt"
	"time"

	"github.com/sansrtc/rtc/ice"
	"github.com/sansrtc/rtc/sdp"
)

// Changes are what an offer proposes, on top of what is agreed already.
type Changes struct {
	// DataChannels asks for data channels. They are also asked for if one was opened
	// before, and stay once agreed.
	DataChannels bool

	// ICERestart proposes new ICE credentials, so that both sides look for a path anew.
	// The present path carries the session until another is found.
	ICERestart bool
}

// Offer is a proposal. It changes nothing until its answer is accepted; to
// roll it back, drop it.
type Offer struct {
	description *sdp.Session
	credentials ice.Credentials
	round       uint64
}

// SDP returns the offer as text, to be sent to the peer.
func (o *Offer) SDP() string { return o.description.String() }

// CreateOffer makes an offer. It lists the local candidates known by now. A new
// offer voids the one before it.
func (r *Rtc) CreateOffer(now time.Time, changes Changes) (*Offer, error) {
	n := &r.negotiation
	switch {
	case r.ending:
		return nil, ErrClosed
	case n.direct:
		return nil, ErrDirect
	}
	r.advance(now)
	if !changes.DataChannels && r.assoc == nil {
		return nil, ErrNothingToOffer
	}
	want := []sdp.Media{sdp.DataSection(n.dataMID())}
	credentials := r.agent.LocalCredentials()
	if changes.ICERestart && n.remoteKnown {
		var err error
		if credentials, err = ice.NewCredentials(r.cfg.Rand); err != nil {
			return nil, fmt.Errorf("rtc: %w", err)
		}
	}
	description, err := sdp.NewOffer(r.describe(credentials), n.agreed, want)
	if err != nil {
		return nil, fmt.Errorf("rtc: %w", err)
	}
	n.round++
	n.version++
	return &Offer{description: description, credentials: credentials, round: n.round}, nil
}

// AcceptAnswer applies an offer of ours together with the peer's answer to it. If it
// returns an error nothing has changed, and the offer can still be answered.
func (r *Rtc) AcceptAnswer(now time.Time, offer *Offer, answer string) error {
	n := &r.negotiation
	switch {
	case r.ending:
		return ErrClosed
	case offer == nil || offer.round != n.round:
		return ErrStaleOffer
	}
	r.advance(now)
	description, err := sdp.Parse(answer)
	if err != nil {
		return fmt.Errorf("rtc: answer: %w", err)
	}
	next, err := sdp.Agree(n.agreed, offer.description, description, true)
	if err != nil {
		return fmt.Errorf("rtc: answer: %w", err)
	}
	// "The initiating agent that generated the offer which started the ICE processing
	// MUST take the controlling role." https://www.rfc-editor.org/rfc/rfc8445#section-6.1.1
	if err := r.apply(next, Role{Controlling: true, DTLSClient: next.Client}, offer.credentials); err != nil {
		return fmt.Errorf("rtc: answer: %w", err)
	}
	n.round++
	r.settle()
	return nil
}
