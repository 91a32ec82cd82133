package sdp

import "slices"

// NewAnswer builds the answer to a peer's offer. accept has an entry for each
// section of the offer: nil rejects it, anything else accepts it with these
// contents; kind, protocol, mid, port, transport and bundle are filled in. See
// AcceptData. agreed is nil in the first round.
//
// A section is rejected nevertheless if the offer has given it up, if it does not
// share the transport of the first one accepted, or if it needs a port of its own
// for RTCP. A port of zero in the answer tells.
//
// An offer that breaks a rule is refused with a *MediaError.
func NewAnswer(p Parameters, agreed *Agreement, offer *Session, accept []*Media) (*Session, error) {
	if err := p.check(); err != nil {
		return nil, &MediaError{Index: -1, Err: err}
	}
	if err := checkOffer(agreed, offer); err != nil {
		return nil, err
	}
	accepted, tag := offer.sharing(agreed, accept)
	s := p.session()
	s.Media = make([]Media, 0, len(offer.Media))
	setup := SetupNone
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
		if !accepted[i] {
			s.Media = append(s.Media, offer.Media[i].reject())
			continue
		}
		m := p.answered(&offer.Media[i], *accept[i])
		m.Transport = p.transport(setup, i == tag)
		s.Media = append(s.Media, m)
	}
	if tag >= 0 {
		s.answerBundle(offer, accepted, tag)
	}
	return s, nil
}

// RestartsICE reports whether the offer asks for an ICE restart of the transport
// that agreed has: then it must be answered with new credentials. accept is as for
// NewAnswer.
func RestartsICE(agreed *Agreement, offer *Session, accept []*Media) bool {
	if !agreed.running() {
		return false
	}
	_, tag := offer.sharing(agreed, accept)
	return tag >= 0 && offer.Media[tag].Restarts(&agreed.Remote)
}

// sharing returns which of the sections to accept share one transport, and the one
// that speaks for it, -1 if there are none.
func (s *Session) sharing(agreed *Agreement, accept []*Media) (accepted []bool, tag int) {
	accepted = make([]bool, len(s.Media))
	first := -1
	for i := range s.Media {
		m := &s.Media[i]
		if i >= len(accept) || accept[i] == nil || m.Rejected() || !s.muxed(i) {
			continue
		}
		accepted[i] = true
		running := agreed.running() && i < len(agreed.Lines) && !agreed.Lines[i].Rejected
		if first < 0 || running && !agreed.lineRuns(first) {
			first = i
		}
	}
	if first < 0 {
		return accepted, -1
	}
	group := s.bundleOf(s.Media[first].MID)
	for i := range accepted {
		accepted[i] = accepted[i] && (i == first || group != nil && slices.Contains(group, s.Media[i].MID))
	}
	tag = s.selectTag(group, accepted, first)
	if tag < 0 {
		clear(accepted)
	}
	return accepted, tag
}

func (a *Agreement) lineRuns(i int) bool { return i < len(a.Lines) && !a.Lines[i].Rejected }

// selectTag picks the section whose transport is used: the first of the group that
// is accepted and has a port.
// https://www.rfc-editor.org/rfc/rfc9143.html#section-7.3.1
//
// If only bundle-only sections are accepted, the RFC has none to speak for them. But
// browsers give these sections the credentials of the bundle as well, and then they
// can be used, such as the data channels of Firefox under bundlePolicy "max-bundle".
func (s *Session) selectTag(group []string, accepted []bool, first int) int {
	for _, mid := range group {
		if i := s.indexOf(mid); i >= 0 && accepted[i] && s.Media[i].Port != 0 {
			return i
		}
	}
	if s.Media[first].Port == 0 && s.Media[first].Transport.check() != nil {
		return -1
	}
	return first
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
	r.setFormat(m.firstFormat())
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

// answerBundle writes the group of the accepted sections, the tagged one first.
func (s *Session) answerBundle(offer *Session, accepted []bool, tag int) {
	group := offer.bundleOf(offer.Media[tag].MID)
	if group == nil {
		return
	}
	mids := []string{offer.Media[tag].MID}
	for _, mid := range group {
		if i := offer.indexOf(mid); i >= 0 && i != tag && accepted[i] {
			mids = append(mids, mid)
		}
	}
	s.Groups = []Group{{Bundle, mids}}
}
