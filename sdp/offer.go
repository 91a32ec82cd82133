package sdp

import "slices"

// NewOffer builds an offer. want lists the sections to have after it, of which only
// the contents matter: transport, port and bundle are filled in from p.
//
// A section of want with the mid of an agreed line stays in that place. Others are
// new: they are given a mid if they have none, and take the place of a rejected
// line of the same kind, or a new one at the end. Agreed lines that want does not
// name are rejected, except that the one that speaks for the transport becomes
// inactive while others need it. Payload types and identifiers of extensions are
// changed where the session uses them for something else. agreed is nil in the first
// round.
func NewOffer(p Parameters, agreed *Agreement, want []Media) (*Session, error) {
	if err := p.check(); err != nil {
		return nil, &MediaError{Index: -1, Err: err}
	}
	s := p.session()
	if agreed != nil {
		for _, line := range agreed.Lines {
			s.Media = append(s.Media, line.reject())
		}
	}
	taken := make([]bool, len(s.Media)) // places that are not free
	for i := range taken {
		taken[i] = !agreed.Lines[i].Rejected
	}
	var fresh []Media
	for _, m := range want {
		i := s.indexOf(m.MID)
		switch {
		case m.MID != "" && !isToken(m.MID):
			return nil, &MediaError{-1, m.MID, ErrMID}
		case i < 0:
			fresh = append(fresh, m)
		case agreed.Lines[i].Rejected || agreed.Lines[i].Kind != m.Kind || s.Media[i].Port != 0:
			return nil, s.failure(i, ErrMID)
		default:
			old := m.IsData() && agreed.Lines[i].Format != dataChannelFormat
			s.Media[i] = p.offered(m, old)
			if m.IsData() {
				s.Media[i].Protocol = agreed.Lines[i].Protocol
			}
		}
	}
	if err := s.place(&p, agreed, fresh, taken, want); err != nil {
		return nil, err
	}
	if len(s.Media) > maxMedia {
		return nil, &MediaError{Index: -1, Err: ErrTooLarge}
	}
	if agreed.running() && len(want) > 0 && s.Media[agreed.Tag].Rejected() {
		if line := agreed.Lines[agreed.Tag]; line.idle != nil {
			m := *line.idle
			m.MID = line.MID
			s.Media[agreed.Tag] = p.offered(m, false)
		}
	}
	var numbers numbering
	if agreed != nil {
		numbers = agreed.numbers.clone()
	}
	for i := range s.Media {
		if m := &s.Media[i]; m.rtp() && !m.Rejected() {
			numbers.apply(m)
		}
	}
	s.bundle(&p, agreed)
	return s, nil
}

// reject returns the section of a line that is not used.
func (l Line) reject() Media {
	m := Media{Kind: l.Kind, Protocol: l.Protocol, MID: l.MID, Direction: Inactive}
	m.setFormat(l.Format, l.codec)
	return m
}

// setFormat gives the section its only format, or in an RTP section its only codec. The codec has a
// name as in a section that is used: Pion refuses a description in which one has none.
func (m *Media) setFormat(format string, codec Codec) {
	if m.rtp() {
		m.Codecs = []Codec{codec}
		return
	}
	m.Formats, m.Direction = []string{format}, SendRecv
}

// offered completes a section to offer. old asks for the form of before RFC 8841.
func (p *Parameters) offered(m Media, old bool) Media {
	m.Port, m.BundleOnly = nullPort, false
	switch {
	case m.IsData():
		m.setData(p, old)
	case m.Protocol == "":
		m.Protocol = "UDP/TLS/RTP/SAVPF"
	}
	if m.rtp() {
		m.RTCPMux, m.ExtmapAllowMixed = true, true
	}
	return m
}

// place finds room for new sections. taken marks the places that are not free.
func (s *Session) place(p *Parameters, agreed *Agreement, fresh []Media, taken []bool, want []Media) error {
	has := func(list []Media, mid string) bool {
		return slices.ContainsFunc(list, func(m Media) bool { return m.MID == mid })
	}
	for _, m := range fresh {
		m = p.offered(m, false)
		if m.MID == "" {
			m.MID = agreed.FreeMID(func(mid string) bool { return has(s.Media, mid) || has(want, mid) })
		}
		if has(s.Media, m.MID) {
			return &MediaError{-1, m.MID, ErrMID}
		}
		i := 0
		for i < len(taken) && (taken[i] || s.Media[i].Kind != m.Kind) {
			i++
		}
		if i == len(taken) {
			s.Media = append(s.Media, m)
			continue
		}
		s.Media[i], taken[i] = m, true
	}
	return nil
}

// bundle puts all sections that are not rejected into one bundle, and gives the
// transport to all. The section that speaks for it stays the same if it can.
func (s *Session) bundle(p *Parameters, agreed *Agreement) {
	if len(s.Media) == 0 {
		return
	}
	tag := -1
	if agreed.running() && !s.Media[agreed.Tag].Rejected() {
		tag = agreed.Tag
	}
	var mids []string
	for i := range s.Media {
		m := &s.Media[i]
		if m.Rejected() {
			m.Transport = p.transport(SetupActpass, false) // as in answers
			continue
		}
		if tag < 0 {
			tag = i
		}
		// An offer leaves the choice of roles, later ones as well as the first.
		// https://www.rfc-editor.org/rfc/rfc8842.html#section-5.2
		m.Transport = p.transport(SetupActpass, i == tag)
		if i != tag {
			mids = append(mids, m.MID)
		}
		s.ExtmapAllowMixed = s.ExtmapAllowMixed || m.ExtmapAllowMixed
	}
	if tag >= 0 {
		mids = slices.Insert(mids, 0, s.Media[tag].MID)
	}
	s.Groups = []Group{{Bundle, mids}}
}
