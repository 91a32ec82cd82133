package sdp

import (
	"slices"
	"strconv"
)

// Agreement is what an offer and its answer settled, seen from one side. It is
// a value: Agree makes a new one and never changes the old.
type Agreement struct {
	// Lines are the m-lines of the session, in order.
	Lines []Line

	// Tag is the index of the line whose section speaks for the transport in
	// both descriptions; -1 if every section was rejected. Then the fields
	// below are zero.
	Tag int

	// Remote and Local hold the transport parameters of either side.
	Remote, Local Transport

	RemoteLite bool // the peer is an ICE-lite endpoint
	Client     bool // the local endpoint is the DTLS client

	// ICERestart says that the peer's credentials differ from those of the
	// agreement before.
	ICERestart bool

	// NewTransport says that the section that spoke for the transport before has
	// been rejected while others go on. Browsers then leave the transport they had,
	// and connect anew, with the credentials they have.
	NewTransport bool

	// Data describes the data channels; its Line is -1 if there are none.
	Data DataAgreement

	// numbers are the payload types and extensions in use.
	numbers numbering
}

// DataAgreement describes the SCTP association of the data channels.
type DataAgreement struct {
	Line           int // index into Lines; -1: there are no data channels
	RemotePort     uint16
	MaxMessageSize uint64 // largest message the peer receives; zero: any size
}

// Line is one m-line as both sides know it.
type Line struct {
	Kind     string
	Protocol string
	Format   string // the first one offered
	MID      string // made up where the descriptions have none
	Rejected bool   // unused, and free to be recycled

	// codec is that of Format in an RTP section.
	codec Codec

	// idle is set for the line that speaks for the transport, if it carries RTP.
	idle *Media
}

// Agree reads an answer together with its offer and returns what they settled.
// One of the two is the local endpoint's own: the offer if weOffered. agreed is the
// result of the round before, nil in the first.
//
// An answer that breaks a rule of offer and answer (RFC 3264, RFC 8842, RFC 9143)
// is refused with a *MediaError.
func Agree(agreed *Agreement, offer, answer *Session, weOffered bool) (*Agreement, error) {
	if err := checkOffer(agreed, offer); err != nil {
		return nil, err
	}
	if err := checkLines(offer, answer); err != nil {
		return nil, err
	}
	tag, err := answerTag(offer, answer)
	if err != nil {
		return nil, err
	}
	local, remote := offer, answer
	if !weOffered {
		local, remote = answer, offer
	}
	next := &Agreement{Lines: agreedLines(agreed, offer, answer), Tag: tag, Data: DataAgreement{Line: -1}}
	if tag < 0 {
		return next, nil
	}
	next.numbers = numberingOf(local, remote, next.Lines, agreed)
	next.Lines[tag].idle = offer.Media[tag].idle()
	next.Local = local.Media[tag].Transport
	next.Remote = remote.Media[tag].Transport
	next.RemoteLite = remote.ICELite
	if err := next.Remote.check(); err != nil {
		return nil, remote.failure(tag, err)
	}
	active, err := answererActive(offer.Media[tag].Setup, answer.Media[tag].Setup)
	if err != nil {
		return nil, answer.failure(tag, err)
	}
	next.Client = active != weOffered
	if err := next.follow(agreed, weOffered); err != nil {
		return nil, remote.failure(tag, err)
	}
	for i := range next.Lines {
		if !next.Lines[i].Rejected && remote.Media[i].IsData() {
			next.Data = DataAgreement{i, remote.Media[i].SCTPPort, remote.Media[i].MaxMessageSize}
			break
		}
	}
	return next, nil
}

// failure makes a MediaError about section i.
func (s *Session) failure(i int, err error) error {
	return &MediaError{i, s.Media[i].MID, err}
}

// check tells whether a peer's transport parameters are enough to connect.
func (t *Transport) check() error {
	if !validICE(t.ICEUfrag, 4) || !validICE(t.ICEPwd, 22) {
		return ErrCredentials
	}
	if !slices.ContainsFunc(t.Fingerprints, Fingerprint.Known) {
		return ErrFingerprint
	}
	return nil
}

// running reports whether the agreement has a transport.
func (a *Agreement) running() bool { return a != nil && a.Tag >= 0 }

func (a *Agreement) dataLine() int {
	if a == nil {
		return -1
	}
	return a.Data.Line
}

// follow checks that a describes the connection of the agreement before.
func (a *Agreement) follow(before *Agreement, weOffered bool) error {
	if !before.running() {
		return nil
	}
	if a.Client != before.Client && !weOffered {
		return ErrRoleChanged
	}
	// Firefox answers "active" to an offer that says "actpass", whatever its role is,
	// and keeps the connection with the role it has.
	a.Client = before.Client
	same := func(f Fingerprint) bool {
		return slices.ContainsFunc(before.Remote.Fingerprints, f.Equal)
	}
	if !slices.ContainsFunc(a.Remote.Fingerprints, same) {
		return ErrNewPeer
	}
	a.NewTransport = a.Lines[before.Tag].Rejected
	a.ICERestart = a.Remote.Restarts(&before.Remote)
	// Only an offer begins an ICE restart, and its answer follows: both sides
	// change their credentials, or neither does. A peer that keeps its own when
	// we restart does no harm.
	// https://www.rfc-editor.org/rfc/rfc8839.html#section-4.4.1.1.1
	offered, answered := a.Local.Restarts(&before.Local), a.ICERestart
	if !weOffered {
		offered, answered = answered, offered
	}
	if answered && !offered || offered && !answered && !weOffered {
		return ErrRestart
	}
	return nil
}

// Restarts reports whether t has other ICE credentials than before, which asks for
// an ICE restart (RFC 8839, section 4.4.1.1.1).
func (t *Transport) Restarts(before *Transport) bool {
	return t.ICEUfrag != before.ICEUfrag || t.ICEPwd != before.ICEPwd
}

// answererActive tells from the two setup attributes whether the answerer is the
// DTLS client.
func answererActive(offered, answered Setup) (bool, error) {
	// "The default value of the setup attribute in an offer/answer exchange is
	// 'active' in the offer and 'passive' in the answer."
	// https://www.rfc-editor.org/rfc/rfc4145.html#section-4
	switch answered {
	case SetupActive:
		if offered != SetupActive && offered != SetupHoldconn {
			return true, nil
		}
	case SetupPassive, SetupNone:
		if offered != SetupPassive && offered != SetupHoldconn {
			return false, nil
		}
	}
	return false, ErrSetup
}

// checkOffer tells whether an offer continues the session: lines stay where they
// are, and one is only given to something else after it was rejected.
func checkOffer(agreed *Agreement, offer *Session) error {
	if agreed == nil {
		return nil
	}
	if len(offer.Media) < len(agreed.Lines) {
		return &MediaError{Index: -1, Err: ErrMLines}
	}
	for i, line := range agreed.Lines {
		if line.Rejected {
			continue
		}
		m := &offer.Media[i]
		if m.Kind != line.Kind {
			return offer.failure(i, ErrMLines)
		}
		if m.MID != "" && m.MID != line.MID {
			return offer.failure(i, ErrMID)
		}
	}
	return nil
}

// checkLines compares the m-lines of an answer with those of its offer, one by one.
func checkLines(offer, answer *Session) error {
	// "The answer MUST contain exactly the same number of "m=" lines as the
	// offer."
	// https://www.rfc-editor.org/rfc/rfc3264.html#section-6
	if len(answer.Media) != len(offer.Media) {
		return &MediaError{Index: -1, Err: ErrMLines}
	}
	for i := range offer.Media {
		if err := checkLine(&offer.Media[i], &answer.Media[i]); err != nil {
			return answer.failure(i, err)
		}
		if answer.Media[i].Port != 0 && !answer.muxed(i) {
			return answer.failure(i, ErrRTCPMux)
		}
	}
	return nil
}

// muxed reports whether section i needs no port of its own for RTCP. In a bundle the
// first section may say so for all of them.
// https://www.rfc-editor.org/rfc/rfc9143.html#section-9.3
func (s *Session) muxed(i int) bool {
	m := &s.Media[i]
	if !m.rtp() || m.RTCPMux {
		return true
	}
	if group := s.bundleOf(m.MID); group != nil {
		first := s.MediaByMID(group[0])
		return first != nil && first.RTCPMux
	}
	return false
}

func checkLine(o, a *Media) error {
	if a.Kind != o.Kind {
		return ErrMLines
	}
	if a.MID != o.MID && a.MID != "" {
		return ErrMID
	}
	if a.Port == 0 {
		return nil // rejected; nothing in it matters
	}
	switch {
	case o.Rejected():
		return ErrMLines
	case a.Protocol != o.Protocol, a.IsData() != o.IsData():
		return ErrProtocol
	}
	return nil
}

// answerTag finds the section that speaks for the transport, -1 if every section
// was rejected, and checks that all accepted ones share it.
func answerTag(offer, answer *Session) (int, error) {
	tag, accepted := -1, 0
	for i := range answer.Media {
		if answer.Media[i].Port != 0 {
			accepted++
			if tag < 0 {
				tag = i
			}
		}
	}
	if accepted == 0 {
		return -1, nil
	}
	group := answer.bundleOf(answer.Media[tag].MID)
	if group == nil {
		if accepted > 1 {
			return -1, answer.failure(tag, ErrNotBundled)
		}
		return tag, nil
	}
	// An answer may leave sections out of the offered group, never add any.
	offered := offer.bundleOf(offer.Media[tag].MID)
	for i := range answer.Media {
		m := &answer.Media[i]
		if m.Port != 0 && !(slices.Contains(group, m.MID) && slices.Contains(offered, m.MID)) {
			return -1, answer.failure(i, ErrNotBundled)
		}
	}
	// The first mid of the group is the answerer's BUNDLE-tag.
	// https://www.rfc-editor.org/rfc/rfc9143.html#section-7.3.1
	for _, mid := range group {
		if i := answer.indexOf(mid); i >= 0 && answer.Media[i].Port != 0 {
			return i, nil
		}
	}
	return tag, nil
}

// bundleOf returns the mids of the bundle that mid is in, or nil.
func (s *Session) bundleOf(mid string) []string {
	for _, g := range s.Groups {
		if g.Semantics == Bundle && slices.Contains(g.MIDs, mid) {
			return g.MIDs
		}
	}
	return nil
}

func agreedLines(agreed *Agreement, offer, answer *Session) []Line {
	lines := make([]Line, len(offer.Media))
	mids := agreed.MIDs(offer)
	for i := range offer.Media {
		m := &offer.Media[i]
		lines[i] = Line{
			Kind:     m.Kind,
			Protocol: m.Protocol,
			Format:   m.firstFormat(),
			MID:      mids[i],
			Rejected: answer.Media[i].Port == 0,
			codec:    m.firstCodec(),
		}
	}
	return lines
}

// firstCodec returns the first codec without its parameters, which is all that a rejected section
// says of it.
func (m *Media) firstCodec() Codec {
	switch {
	case !m.rtp():
		return Codec{}
	case len(m.Codecs) == 0:
		return staticCodec(0)
	}
	c := &m.Codecs[0]
	return Codec{PayloadType: c.PayloadType, Name: c.Name, ClockRate: c.ClockRate, Channels: c.Channels}
}

func (m *Media) firstFormat() string {
	switch {
	case len(m.Codecs) > 0:
		return strconv.Itoa(int(m.Codecs[0].PayloadType))
	case len(m.Formats) > 0:
		return m.Formats[0]
	}
	return "0"
}
