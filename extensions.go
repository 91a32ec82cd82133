package rtc

import (
	"slices"

	"github.com/sansrtc/rtc/sdp"
)

// URIs of the header extensions that the session uses itself.
const (
	extMID          = "urn:ietf:params:rtp-hdrext:sdes:mid"
	extRID          = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
	extRepairedRID  = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
	extTransportCC  = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
	extAbsSendTime  = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
	extAudioLevel   = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
	extMixerLevel   = "urn:ietf:params:rtp-hdrext:csrc-audio-level"
	extOrientation  = "urn:3gpp:video-orientation"
	extTimeOffset   = "urn:ietf:params:rtp-hdrext:toffset"
	extPlayoutDelay = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
	extCaptureTime  = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"
	extDependency   = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
	extAllocation   = "http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00"
)

// extensionURIs are all of these, each behind the one with the identifier before its own. In a
// bundle an identifier means the same in every section (RFC 9143 section 9.1.1), so audio and
// video draw on one list. 14 is the last that fits the short form of the header, and free.
var extensionURIs = [...]string{
	extMID, extTransportCC, extAbsSendTime, extRID, extRepairedRID, extAudioLevel, extMixerLevel,
	extOrientation, extTimeOffset, extPlayoutDelay, extDependency, extAllocation, extCaptureTime,
}

// DefaultExtensions returns the header extensions of sections that do not name their own.
func DefaultExtensions(kind MediaKind) []sdp.Extmap {
	if kind == Video {
		return extmaps(
			extMID, extTransportCC, extAbsSendTime, extRID, extRepairedRID, extOrientation,
			extTimeOffset, extPlayoutDelay, extDependency, extAllocation, extCaptureTime,
		)
	}
	return extmaps(extMID, extTransportCC, extAbsSendTime, extAudioLevel, extMixerLevel, extCaptureTime)
}

func extmaps(uris ...string) []sdp.Extmap {
	var list []sdp.Extmap
	for _, uri := range uris {
		list = append(list, sdp.Extmap{ID: uint16(slices.Index(extensionURIs[:], uri) + 1), URI: uri})
	}
	return list
}

// withIdentities adds the extensions by which the streams of a section are told apart, if a
// description of it lacks them.
func withIdentities(list []sdp.Extmap, rids bool) []sdp.Extmap {
	list = slices.Clone(list)
	identities := extmaps(extMID)
	if rids {
		identities = extmaps(extMID, extRID, extRepairedRID)
	}
	for _, x := range identities {
		if !slices.ContainsFunc(list, func(e sdp.Extmap) bool { return e.URI == x.URI }) {
			list = append(list, x)
		}
	}
	return list
}

// maxNarrowID and maxNarrowValue are what the one-byte form of the header holds (RFC 8285
// section 4.2).
const (
	maxNarrowID    = 14
	maxNarrowValue = 16
)

// setExtensions takes over what a section writes by itself or for the application.
func (m *media) setExtensions(agreed []sdp.AgreedExtension) {
	m.sendIDs, m.wide = extensionIDs{}, false
	var sent []sdp.AgreedExtension
	for _, x := range agreed {
		if x.Send {
			sent = append(sent, x)
			m.wide = m.wide || x.ID > maxNarrowID
		}
	}
	m.sendIDs.set(sent)
	rid := 0
	for _, e := range m.encodings {
		rid = max(rid, len(e.rid))
	}
	m.wide = m.wide || m.sendIDs.mid != 0 && len(m.mid) > maxNarrowValue || rid > maxNarrowValue
	element := 1
	if m.wide {
		element = 2
	}
	// All of ownExtensions, and four bytes in front.
	size := 4 + 4*element + 2 + 3 + len(m.mid) + rid
	m.overhead = (size+3)&^3 + packetOverhead
}

// packetOverhead is what surrounds a payload besides the header: the two bytes of a
// retransmission, and the tag of SRTP.
const packetOverhead = 2 + 16
