package rtc

import (
	"errors"
	"slices"
	"time"

	"github.com/sansrtc/rtc/sdp"
)

// MediaParameters are what both sides of a session without descriptions have agreed on about an
// audio or video section, by whatever means: for [Rtc.AddMedia].
type MediaParameters struct {
	// MediaConfig is our side. Direction is what happens, not what is wished. Codecs have the
	// payload types under which we receive. Extensions are what both sides use, each with its
	// identifier, which means the same in every section; MID and RIDs must be among
	// them to be used. RemoteRIDs are the encodings that the peer sends. Stream and Track
	// are not used.
	MediaConfig

	// MID names the section on both sides. It is what packets say where they belong.
	MID string

	// RemoteCodecs have the payload types and parameters under which the peer receives, in the
	// order of its preference. If nil, they are as ours.
	RemoteCodecs []sdp.Codec

	// RemoteSources are what the peer sends with, one for each encoding: see
	// [Rtc.MediaSources]. A peer that sends MIDs and RIDs need not tell them.
	RemoteSources []MediaSource

	// ReducedSizeRTCP says that feedback may come without a report (RFC 5506).
	ReducedSizeRTCP bool
}

var (
	// ErrMID is returned for a section whose MID is missing, too long or in use.
	ErrMID = errors.New("rtc: the MID is missing, longer than 255 bytes or in use")

	// ErrNoCodec is returned for a section in which neither side can receive what the other sends.
	ErrNoCodec = errors.New("rtc: there is no codec in common")

	errCodecs     = errors.New("rtc: a payload type is out of range or given twice")
	errExtensions = errors.New("rtc: the identifier of a header extension is out of range, or has two meanings")
	errSources    = errors.New("rtc: a source has no SSRC, no encoding, or is in use")
)

// AddMedia adds a section to a session without descriptions, before or after [Rtc.Start]. The
// peer is told of it by other means and adds it too; packets that come before that are
// dropped. MediaChanged follows, as if a description had agreed on it. If it returns an error
// nothing has changed.
func (r *Rtc) AddMedia(now time.Time, p MediaParameters) (MediaID, error) {
	switch {
	case r.ending:
		return 0, ErrClosed
	case r.negotiation.agreed != nil:
		return 0, ErrDescribed
	}
	p.fillIn(&r.cfg)
	if err := r.checkMedia(&p); err != nil {
		return 0, err
	}
	r.advance(now)
	m, err := r.newMedia(r.lastMedia+1, p.MID, p.MediaConfig, &p)
	if err != nil {
		return 0, err
	}
	agreed, ok := m.agree()
	if !ok {
		return 0, ErrNoCodec
	}
	r.negotiation.direct = true
	r.lastMedia = m.id
	r.media = append(r.media, m)
	r.agreeOnMedia(m, agreed, nil, true)
	r.announceSources(m, p.RemoteSources)
	r.settle()
	return m.id, nil
}

// SetMedia changes a section of a session without descriptions. The peer does the mirror image
// of it. A direction that neither sends nor receives is a pause; to stop is for good, and the
// peer hears a goodbye of what was sent.
func (r *Rtc) SetMedia(now time.Time, change MediaChange) error {
	switch {
	case r.ending:
		return ErrClosed
	case r.negotiation.agreed != nil:
		return ErrDescribed
	}
	m := mediaByID(r.media, change.ID)
	if m == nil {
		return ErrNoMedia
	}
	r.advance(now)
	if change.Stop {
		r.media = slices.DeleteFunc(r.media, func(other *media) bool { return other == m })
		r.stopMedia(m)
	} else {
		m.cfg.Direction = change.Direction
		m.caps = r.capabilities(m)
		agreed, _ := m.agree() // the codecs are what they were
		r.agreeOnMedia(m, agreed, nil, false)
		r.announceSources(m, m.direct.RemoteSources)
	}
	r.settle()
	return nil
}

// fillIn resolves defaults and copies what belongs to the caller.
func (p *MediaParameters) fillIn(cfg *Config) {
	p.MediaConfig.fillIn(cfg)
	if p.RemoteCodecs == nil {
		p.RemoteCodecs = p.Codecs
	}
	p.RemoteCodecs, p.RemoteSources = slices.Clone(p.RemoteCodecs), slices.Clone(p.RemoteSources)
}

// agree returns what both sides do, by the rules of offer and answer: the peer's description would
// be the mirror image of ours.
func (m *media) agree() (sdp.MediaAgreement, bool) {
	local := m.caps.Offer(m.cfg.Kind.String(), m.mid)
	remote := local
	remote.Direction = local.Direction.Reverse()
	remote.Codecs = m.direct.RemoteCodecs
	remote.Extmaps, remote.RIDs = slices.Clone(local.Extmaps), slices.Clone(local.RIDs)
	for i := range remote.Extmaps {
		remote.Extmaps[i].Direction = local.Extmaps[i].Direction.Reverse()
	}
	for i := range remote.RIDs {
		remote.RIDs[i].Recv = !local.RIDs[i].Recv
	}
	remote.Simulcast = sdp.Simulcast{Send: local.Simulcast.Recv, Recv: local.Simulcast.Send}
	return sdp.AgreeMedia(&local, &remote)
}

// checkMedia finds what descriptions would not have let through.
func (r *Rtc) checkMedia(p *MediaParameters) error {
	switch {
	case p.MID == "" || len(p.MID) > 255 || mediaByMID(r.media, p.MID) != nil:
		return ErrMID
	case !goodPayloadTypes(p.Codecs) || !goodPayloadTypes(p.RemoteCodecs):
		return errCodecs
	case !r.goodExtensions(p.Extensions):
		return errExtensions
	case !r.goodSources(p):
		return errSources
	}
	return nil
}

func goodPayloadTypes(codecs []sdp.Codec) bool {
	var seen [128]bool
	for _, c := range codecs {
		// From 64 to 95 they would look like RTCP (RFC 5761 section 4).
		if c.PayloadType > 127 || c.PayloadType >= 64 && c.PayloadType <= 95 || seen[c.PayloadType] {
			return false
		}
		seen[c.PayloadType] = true
	}
	return true
}

// goodExtensions reports whether each identifier has one meaning, in all sections together.
func (r *Rtc) goodExtensions(list []sdp.Extmap) bool {
	all := slices.Clone(list)
	for _, m := range r.media {
		all = append(all, m.cfg.Extensions...)
	}
	for i, x := range list {
		// 15 ends a header (RFC 8285 section 4.2).
		if x.ID == 0 || x.ID == 15 || x.ID > 255 {
			return false
		}
		for j, other := range all {
			same, sameID := x.URI == other.URI, x.ID == other.ID
			if same != sameID || same && i != j && j < len(list) {
				return false
			}
		}
	}
	return true
}

// goodSources reports whether the peer's sources belong to its encodings, one to each, and to no
// other section.
func (r *Rtc) goodSources(p *MediaParameters) bool {
	used := make(map[uint32]bool)
	for _, m := range r.media {
		for _, s := range m.direct.RemoteSources {
			used[s.SSRC], used[s.RTX] = true, true
		}
	}
	rids := p.RemoteRIDs
	if len(rids) == 0 {
		rids = []string{""}
	}
	for i, s := range p.RemoteSources {
		twice := slices.ContainsFunc(p.RemoteSources[:i], func(other MediaSource) bool { return other.RID == s.RID })
		if s.SSRC == 0 || s.SSRC == s.RTX || used[s.SSRC] || s.RTX != 0 && used[s.RTX] || twice || !slices.Contains(rids, s.RID) {
			return false
		}
		used[s.SSRC], used[s.RTX] = true, true
	}
	return true
}
