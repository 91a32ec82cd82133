package rtc

import (
	"errors"
	"slices"

	"github.com/sansrtc/rtc/sdp"
)

// ErrNoMedia is returned for a MediaID that names no section, or one that is stopped.
var ErrNoMedia = errors.New("rtc: no such media section")

// planOffer returns the sections as they will be if the offer is answered. Nothing of
// the session changes: sections that change are copies.
func (r *Rtc) planOffer(changes Changes) (plan []*media, added []MediaID, err error) {
	plan = append(plan, r.media...)
	for _, change := range changes.SetMedia {
		i := slices.IndexFunc(plan, func(m *media) bool { return m.id == change.ID })
		if i < 0 {
			return nil, nil, ErrNoMedia
		}
		if change.Stop {
			plan = slices.Delete(plan, i, i+1)
			continue
		}
		m := *plan[i]
		m.cfg.Direction = change.Direction
		m.caps = r.capabilities(&m)
		plan[i] = &m
	}
	id := r.lastMedia
	for _, cfg := range changes.AddMedia {
		mid := r.negotiation.agreed.FreeMID(func(mid string) bool { return mediaByMID(plan, mid) != nil })
		id++
		m, err := r.newMedia(id, mid, cfg, nil)
		if err != nil {
			return nil, nil, err
		}
		plan, added = append(plan, m), append(added, id)
	}
	return plan, added, nil
}

// planAnswer decides about the sections of an offer. It returns those the session
// will have, and what to accept.
func (r *Rtc) planAnswer(offer *sdp.Session) (plan []*media, accept []*sdp.Media, err error) {
	accept = sdp.AcceptData(r.negotiation.agreed, offer)
	id, mids := r.lastMedia, r.negotiation.agreed.MIDs(offer)
	for i := range offer.Media {
		offered := &offer.Media[i]
		kind, ok := mediaKind(offered)
		if !ok || offered.Rejected() {
			continue
		}
		m := mediaByMID(r.media, mids[i])
		if m == nil {
			cfg, ok := r.acceptMedia(kind, offered)
			if !ok {
				continue
			}
			cfg.Kind = kind
			id++
			if m, err = r.newMedia(id, mids[i], cfg, nil); err != nil {
				return nil, nil, err
			}
		}
		if accept[i] = m.caps.Answer(offered); accept[i] != nil {
			plan = append(plan, m)
		}
	}
	return plan, accept, nil
}

// acceptMedia asks the application about a new section.
func (r *Rtc) acceptMedia(kind MediaKind, offered *sdp.Media) (MediaConfig, bool) {
	if r.cfg.AcceptMedia == nil {
		return MediaConfig{Kind: kind}, true
	}
	return r.cfg.AcceptMedia(MediaOffer{
		Kind: kind, MID: offered.MID, Direction: offered.Direction.Reverse(), Codecs: offered.Codecs, MSIDs: offered.MSIDs,
		RIDs: offeredRIDs(offered.Simulcast.Send), SendRIDs: offeredRIDs(offered.Simulcast.Recv),
	})
}

func offeredRIDs(streams [][]sdp.SimulcastRID) []string {
	var rids []string
	for _, alternatives := range streams {
		for _, a := range alternatives {
			rids = append(rids, a.ID)
		}
	}
	return rids
}

// applyMedia makes the sections of two descriptions the session's. A section that was
// planned and not agreed on is told to be stopped: nobody will hear of it again.
func (r *Rtc) applyMedia(plan []*media, local, remote *sdp.Session) {
	before := r.media
	r.media = nil
	for _, m := range plan {
		r.lastMedia = max(r.lastMedia, m.id)
		if agreed, theirs, ok := r.agreedSection(m, local, remote); ok {
			r.agreeOnMedia(m, agreed, theirs.MSIDs, mediaByID(before, m.id) == nil)
			if len(agreed.Receive) == 0 { // encodings with RIDs say themselves which they are
				r.announceSources(m, describedSources(theirs))
			}
			r.media = append(r.media, m)
		} else if mediaByID(before, m.id) == nil {
			r.stopMedia(m)
		}
	}
	for _, m := range before {
		if mediaByID(r.media, m.id) == nil {
			r.stopMedia(m)
		}
	}
}

// agreedSection returns what two descriptions settled about a section, and the peer's side of it.
func (r *Rtc) agreedSection(m *media, local, remote *sdp.Session) (a sdp.MediaAgreement, theirs *sdp.Media, ok bool) {
	i := slices.IndexFunc(r.negotiation.agreed.Lines, func(l sdp.Line) bool { return l.MID == m.mid && !l.Rejected })
	if i < 0 {
		return a, nil, false
	}
	a, ok = sdp.AgreeMedia(&local.Media[i], &remote.Media[i])
	return a, &remote.Media[i], ok
}

func mediaKind(m *sdp.Media) (MediaKind, bool) {
	switch m.Kind {
	case "audio":
		return Audio, true
	case "video":
		return Video, true
	default:
		return 0, false
	}
}

func mediaByMID(list []*media, mid string) *media {
	for _, m := range list {
		if m.mid == mid {
			return m
		}
	}
	return nil
}

func mediaByID(list []*media, id MediaID) *media {
	for _, m := range list {
		if m.id == id {
			return m
		}
	}
	return nil
}
