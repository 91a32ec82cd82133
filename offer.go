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

	// AddMedia are new sections. Offer.Added names them.
	AddMedia []MediaConfig

	// SetMedia changes sections that are agreed on.
	SetMedia []MediaChange

	// ICERestart proposes new ICE credentials, so that both sides look for a path anew.
	// The present path carries the session until another is found.
	ICERestart bool
}

// Offer is a proposal. It changes nothing until its answer is accepted; to
// roll it back, drop it.
type Offer struct {
	description *sdp.Session
	media       []*media // all sections with this offer applied, as they would be
	added       []MediaID
	credentials ice.Credentials
	round       uint64
}

// SDP returns the offer as text, to be sent to the peer.
func (o *Offer) SDP() string { return o.description.String() }

// Added returns the ids of Changes.AddMedia, in that order. They mean nothing before the
// answer is accepted, and never anything if it is not.
func (o *Offer) Added() []MediaID { return o.added }

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
	plan, added, err := r.planOffer(changes)
	if err != nil {
		return nil, err
	}
	var want []sdp.Media
	for _, m := range plan {
		want = append(want, m.caps.Offer(m.cfg.Kind.String(), m.mid))
	}
	if changes.DataChannels || r.assoc != nil {
		want = append(want, sdp.DataSection(n.dataMID()))
	}
	if len(want) == 0 && n.agreed == nil {
		return nil, ErrNothingToOffer
	}
	credentials := r.agent.LocalCredentials()
	if changes.ICERestart && n.remoteKnown {
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
	return &Offer{description: description, media: plan, added: added, credentials: credentials, round: n.round}, nil
}

// AcceptAnswer applies an offer of ours together with the peer's answer to it. If it
// returns an error nothing has changed, and the offer can still be answered.
func (r *Rtc) AcceptAnswer(now time.Time, offer *Offer, answer string) error {
	n := &r.negotiation
	switch {
	case r.ending:
		return ErrClosed
	case n.direct:
		return ErrDirect
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
	r.applyMedia(offer.media, offer.description, description)
	n.round++
	r.settle()
	return nil
}
