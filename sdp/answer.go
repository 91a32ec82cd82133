package sdp

import "slices"

// NewAnswer builds the answer to a peer's offer. accept has an entry for each
// section of the offer: nil rejects it, anything else accepts it with these
// contents; kind, protocol, mid, port, transport and bundle are filled in. See
// AcceptData. agreed is nil in the first round.
//
// A section is rejected nevertheless if the offer has given it up, if it does not
// share the transport of the first one accepted, or if it needs a port of its own
// for RTCP: then it has port zero in the answer. And one that accept rejects is
// accepted as inactive if the others need its transport, since Chromium gives up a
// whole bundle with its first section.
//
// An offer that breaks a rule is refused with a *MediaError.
func NewAnswer(p Parameters, agreed *Agreement, offer *Session, accept []*Media) (*Session, error) {
	if err := p.check(); err != nil {
		return nil, &MediaError{Index: -1, Err: err}
	}
	if err := checkOffer(agreed, offer); err != nil {
		return nil, err
	}
	plan, tag := offer.plan(agreed, accept)
	s := p.session()
	s.Media = make([]Media, 0, len(offer.Media))
	setup := SetupActive
	if tag >= 0 {
		t := &offer.Media[tag].Transport
		if err := t.check(); err != nil {
			return nil, offer.failure(tag, err)
		}
		var err error
		if setup, err = p.answerSetup(agreed, t.Setup); err != nil {
			return nil, offer.failure(tag, err)
		}
	}
	for i := range offer.Media {
		if plan[i] == nil {
			m := offer.Media[i].reject()
			// It means nothing here, but Chromium writes it all the same, and webrtcbin refuses
			// a description that leaves it out anywhere.
			m.Transport = p.transport(setup, false)
			s.Media = append(s.Media, m)
			continue
		}
		m := p.answered(&offer.Media[i], *plan[i])
		m.Transport = p.transport(setup, i == tag)
		s.Media = append(s.Media, m)
	}
	s.answerBundle(offer, plan, tag)
	return s, nil
}

// answerSetup chooses the DTLS role, active or passive, from what the offer leaves.
// https://www.rfc-editor.org/rfc/rfc8842.html#section-5.3
func (p *Parameters) answerSetup(agreed *Agreement, offered Setup) (Setup, error) {
	role := p.Setup
	if role == SetupNone {
		role = SetupActive
	}
	if agreed.running() {
		role = SetupPassive
		if agreed.Client {
			role = SetupActive
		}
	}
	var forced Setup
	switch offered {
	case SetupActpass:
		return role, nil
	case SetupPassive:
		forced = SetupActive
	case SetupActive:
		forced = SetupPassive
	case SetupNone:
		// RFC 4145 reads it as active, others as actpass; passive suits both.
		if agreed.running() {
			return role, nil
		}
		forced = SetupPassive
	default:
		return SetupNone, ErrSetup
	}
	if agreed.running() && forced != role {
		return SetupNone, ErrRoleChanged
	}
	return forced, nil
}

// reject returns the section that rejects an offered one.
func (m *Media) reject() Media {
	r := Media{Kind: m.Kind, Protocol: m.Protocol, MID: m.MID, Direction: Inactive}
	r.setFormat(m.firstFormat(), m.firstCodec())
	return r
}

// answered completes a section that accepts an offered one.
func (p *Parameters) answered(offered *Media, m Media) Media {
	m.Kind, m.Protocol, m.MID = offered.Kind, offered.Protocol, offered.MID
	m.Port, m.BundleOnly = nullPort, false
	if offered.IsData() {
		m.setData(p, offered.oldData())
	} else if len(m.Formats) == 0 && !m.rtp() {
		m.Formats = offered.Formats
	}
	if m.rtp() {
		m.RTCPMux = true
		m.ExtmapAllowMixed = offered.ExtmapAllowMixed
	}
	return m
}

// answerBundle writes the group of the accepted sections, the tagged one first. If
// nothing is accepted the group is empty: a peer whose policy is "max-bundle" wants
// to see one.
func (s *Session) answerBundle(offer *Session, plan []*Media, tag int) {
	if tag < 0 {
		if slices.ContainsFunc(offer.Groups, func(g Group) bool { return g.Semantics == Bundle }) {
			s.Groups = []Group{{Semantics: Bundle}}
		}
		return
	}
	group := offer.bundleOf(offer.Media[tag].MID)
	if group == nil {
		return
	}
	mids := []string{offer.Media[tag].MID}
	for _, mid := range group {
		if i := offer.indexOf(mid); i >= 0 && i != tag && plan[i] != nil {
			mids = append(mids, mid)
		}
	}
	s.Groups = []Group{{Bundle, mids}}
}
