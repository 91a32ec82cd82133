package rtc

import (
	"fmt"
	"time"

	"github.com/sansrtc/rtc/ice"
	"github.com/sansrtc/rtc/sdp"
)

// AcceptOffer applies an offer of the peer and returns the answer to it, which must
// reach the peer. What the offer asks for and we do not do is rejected m-line by m-line;
// an offer that breaks the rules is an error, and then nothing has changed.
//
// If an offer gives up the section that the transport began with while others go on,
// browsers leave the transport, with a goodbye that closes this session, and
// connect anew. That takes a new session here.
//
// An offer of ours that is not answered yet becomes stale: accepting the peer's is
// how the polite side resolves glare.
func (r *Rtc) AcceptOffer(now time.Time, offer string) (answer string, err error) {
	n := &r.negotiation
	switch {
	case r.ending:
		return "", ErrClosed
	case n.direct:
		return "", ErrDirect
	}
	r.advance(now)
	description, err := sdp.Parse(offer)
	if err != nil {
		return "", fmt.Errorf("rtc: offer: %w", err)
	}
	plan, accept, err := r.planAnswer(description)
	if err != nil {
		return "", err
	}
	credentials := r.agent.LocalCredentials()
	if sdp.RestartsICE(n.agreed, description, accept) {
		if credentials, err = ice.NewCredentials(r.cfg.Rand); err != nil {
			return "", fmt.Errorf("rtc: %w", err)
		}
	}
	reply, err := sdp.NewAnswer(r.describe(credentials), n.agreed, description, accept)
	if err != nil {
		return "", fmt.Errorf("rtc: offer: %w", err)
	}
	next, err := sdp.Agree(n.agreed, description, reply, false)
	if err != nil {
		return "", fmt.Errorf("rtc: offer: %w", err)
	}
	if err := r.apply(next, Role{DTLSClient: next.Client}, credentials); err != nil {
		return "", fmt.Errorf("rtc: offer: %w", err)
	}
	r.applyMedia(plan, reply, description)
	n.round++
	n.version++
	r.settle()
	return reply.String(), nil
}
