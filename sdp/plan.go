package sdp

import "slices"

// plan returns what becomes of each section of an offer: nil is rejected, the others
// are accepted with these contents and share one transport. tag is the section that
// speaks for the transport, -1 if there is none.
func (s *Session) plan(agreed *Agreement, accept []*Media) (plan []*Media, tag int) {
	plan = make([]*Media, len(s.Media))
	first := -1
	for i := range s.Media {
		if i >= len(accept) || accept[i] == nil || s.Media[i].Rejected() || !s.muxed(i) {
			continue
		}
		plan[i] = accept[i]
		if first < 0 || agreed.uses(i) && !agreed.uses(first) {
			first = i
		}
	}
	if first < 0 {
		return plan, -1
	}
	group := s.bundleOf(s.Media[first].MID)
	for i := range plan {
		if i != first && !slices.Contains(group, s.Media[i].MID) {
			plan[i] = nil
		}
	}
	if tag = s.selectTag(group, plan, first); tag < 0 {
		clear(plan)
	}
	return plan, tag
}

// uses reports whether line i is in use.
func (a *Agreement) uses(i int) bool {
	return a != nil && i < len(a.Lines) && !a.Lines[i].Rejected
}

// selectTag picks the section whose transport is used: the first of the group that
// is accepted and has a port.
// https://www.rfc-editor.org/rfc/rfc9143.html#section-7.3.1
//
// The first one of all is the best, even if nothing is wanted of it: under the
// bundle policy "max-bundle" only this one has a transport, and Chromium fails to
// apply an answer that rejects it and accepts another. So it is kept as inactive.
func (s *Session) selectTag(group []string, plan []*Media, first int) int {
	for _, mid := range group {
		i := s.indexOf(mid)
		if i < 0 || s.Media[i].Port == 0 {
			continue
		}
		if plan[i] == nil && s.muxed(i) && s.Media[i].Transport.check() == nil {
			plan[i] = s.Media[i].idle()
		}
		if plan[i] != nil {
			return i
		}
	}
	// What is left are bundle-only sections, for which the RFC has nobody to speak.
	// Browsers give them the credentials of the bundle as well; then they can be used.
	if s.Media[first].Port == 0 && s.Media[first].Transport.check() != nil {
		return -1
	}
	return first
}

// idle returns the contents with which an RTP section is kept without sending
// anything, nil if m is none. Chromium wants to see the extensions again that it
// identifies streams with.
func (m *Media) idle() *Media {
	if !m.rtp() || len(m.Codecs) == 0 {
		return nil
	}
	idle := &Media{Kind: m.Kind, Protocol: m.Protocol, Direction: Inactive}
	idle.Codecs = []Codec{m.Codecs[0]}
	idle.Codecs[0].Feedback = nil
	for _, e := range m.Extmaps {
		switch e.URI {
		case uriMID, uriRID, uriRepairedRID:
			idle.Extmaps = append(idle.Extmaps, e)
		}
	}
	return idle
}

// Header extensions that tell which section and encoding a packet belongs to.
const (
	uriMID         = "urn:ietf:params:rtp-hdrext:sdes:mid"
	uriRID         = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
	uriRepairedRID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
)

// RestartsICE reports whether the offer asks for an ICE restart of the transport
// that agreed has: then it must be answered with new credentials. accept is as for
// NewAnswer.
func RestartsICE(agreed *Agreement, offer *Session, accept []*Media) bool {
	if !agreed.running() {
		return false
	}
	_, tag := offer.plan(agreed, accept)
	return tag >= 0 && offer.Media[tag].Restarts(&agreed.Remote)
}
