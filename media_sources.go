package rtc

import (
	"slices"

	"github.com/sansrtc/rtc/sdp"
)

// MediaSource is one encoding of a section with the sources that carry it.
type MediaSource struct {
	RID  string // empty without simulcast
	SSRC uint32
	RTX  uint32 // the SSRC of its retransmissions; zero: there is none
}

// MediaSources returns what we send with in a section, for peers that must be told.
func (r *Rtc) MediaSources(id MediaID) []MediaSource {
	m := mediaByID(r.media, id)
	if m == nil {
		return nil
	}
	rtx := slices.ContainsFunc(m.agreed.Codecs, func(c sdp.AgreedCodec) bool { return c.Send.RTX != 0 })
	var sources []MediaSource
	for i := range m.encodings {
		s := MediaSource{RID: m.encodings[i].rid, SSRC: m.encodings[i].ssrc}
		if rtx {
			s.RTX = m.encodings[i].rtxSSRC
		}
		sources = append(sources, s)
	}
	return sources
}

// describedSources returns what a description says of the sources without RID (RFC 5576):
// one at most, another one takes its place when it sends.
func describedSources(remote *sdp.Media) []MediaSource {
	repairs := make(map[uint32]uint32) // by what is repaired
	repair := make(map[uint32]bool)
	for _, g := range remote.SSRCGroups {
		if g.Semantics == "FID" && len(g.SSRCs) == 2 {
			repairs[g.SSRCs[0]], repair[g.SSRCs[1]] = g.SSRCs[1], true
		}
	}
	for _, s := range remote.SSRCs {
		if !repair[s.ID] {
			return []MediaSource{{SSRC: s.ID, RTX: repairs[s.ID]}}
		}
	}
	return nil
}

// announceSources follows sources of the peer before their first packet has come. Peers that
// send no MID need it.
func (r *Rtc) announceSources(m *media, sources []MediaSource) {
	if !m.agreed.Direction.Receives() || len(m.agreed.Codecs) == 0 {
		return
	}
	for _, s := range sources {
		if s.SSRC == 0 || len(r.sources)+2 > maxSources {
			continue
		}
		// A source that was taken for another section's, by its payload type, is put right.
		if known, ok := r.sources[s.SSRC]; ok && known.stream.media.id == m.id {
			continue
		}
		stream := r.newStream(m, s.RID, s.SSRC, m.agreed.Codecs[0].Receive.PayloadType)
		r.sources[s.SSRC] = source{stream: stream}
		if s.RTX != 0 {
			stream.receiver.SetRTX(s.RTX)
			r.sources[s.RTX] = source{stream: stream, rtx: true}
		}
	}
}

// forgetStream ends the meaning of a stream's sources, unless they mean another one by now.
func (r *Rtc) forgetStream(s *inStream) {
	for _, ssrc := range [...]uint32{s.receiver.SSRC(), s.receiver.RTXSSRC()} {
		if r.sources[ssrc].stream == s {
			delete(r.sources, ssrc)
		}
	}
}
