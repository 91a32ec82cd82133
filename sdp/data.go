package sdp

import (
	"slices"
	"strconv"
)

const (
	dataChannelProtocol = "UDP/DTLS/SCTP"
	dataChannelFormat   = "webrtc-datachannel"
)

// IsData reports whether the section carries WebRTC data channels (RFC 8841). The
// form of before that RFC, with the SCTP port as format and an a=sctpmap, counts.
func (m *Media) IsData() bool {
	if m.Kind != "application" {
		return false
	}
	// The transport in the name of the protocol is that of the default
	// candidate; with ICE it says nothing.
	switch m.Protocol {
	case dataChannelProtocol, "TCP/DTLS/SCTP", "DTLS/SCTP":
		return slices.Contains(m.Formats, dataChannelFormat) || m.oldData()
	}
	return false
}

// oldData reports whether the section uses a=sctpmap.
func (m *Media) oldData() bool {
	if m.SCTPPort == 0 || len(m.Formats) == 0 {
		return false
	}
	return slices.Contains(m.Formats, strconv.Itoa(int(m.SCTPPort)))
}

// DataSection returns the section to offer data channels with. mid is empty for a
// new section, or the mid of the one that carries them already; NewOffer fills in
// the rest.
func DataSection(mid string) Media {
	return Media{
		Kind:     "application",
		Protocol: dataChannelProtocol,
		Formats:  []string{dataChannelFormat},
		MID:      mid,
	}
}

// AcceptData returns the plan for NewAnswer that accepts data channels and rejects
// everything else. A session has one section for data channels: the one agreed on
// before, else the first offered.
func AcceptData(agreed *Agreement, offer *Session) []*Media {
	accept := make([]*Media, len(offer.Media))
	if line := agreed.dataLine(); line >= 0 && line < len(offer.Media) && offer.Media[line].offersData() {
		accept[line] = &Media{}
		return accept
	}
	for i := range offer.Media {
		if offer.Media[i].offersData() {
			accept[i] = &Media{}
			break
		}
	}
	return accept
}

func (m *Media) offersData() bool { return m.IsData() && !m.Rejected() }

// setData makes m the local side of a data channel section. An offered section of
// before RFC 8841 is answered in its own form.
func (m *Media) setData(p *Parameters, old bool) {
	m.SCTPPort = p.SCTPPort
	if m.SCTPPort == 0 {
		m.SCTPPort = DefaultSCTPPort
	}
	m.MaxMessageSize = p.MaxMessageSize
	m.Formats = []string{dataChannelFormat}
	if old {
		m.Formats[0] = strconv.Itoa(int(m.SCTPPort))
	}
}
