package rtc

import (
	"slices"

	"github.com/sansrtc/rtc/rtp"
	"github.com/sansrtc/rtc/sdp"
)

// agreeOnMedia gives a section what was agreed on: the first time (added), or anew. msids are the
// peer's names for it.
func (r *Rtc) agreeOnMedia(m *media, agreed sdp.MediaAgreement, msids []sdp.MSID, added bool) {
	if r.reportAt.IsZero() {
		r.reportAt = r.now.Add(r.reportPause())
	}
	m.agreed = agreed
	if agreed.Direction.Receives() { // what is only paused is asked for again
		m.asked = agreed.Receive
	}
	m.caps = r.capabilities(m)
	m.setExtensions(agreed.Extensions)
	r.extensions.set(agreed.Extensions)
	r.reducedSize = r.reducedSize || agreed.RTCPRsize
	r.openSenders(m)
	for _, s := range m.streams {
		s.media = m
		s.receiver.SetPaused(r.now, !agreed.Direction.Receives())
	}
	change := MediaChanged{
		ID: m.id, MID: m.mid, Kind: m.cfg.Kind, Direction: agreed.Direction, Codecs: agreed.Codecs,
		Extensions: agreed.Extensions, MSIDs: msids, RIDs: ridsOf(agreed.Receive, true), SendRIDs: m.activeRIDs(),
		Added: added,
	}
	r.mediaEvents = append(r.mediaEvents, &change)
}

// ridsOf returns the encodings of a simulcast, with or without those that are paused.
func ridsOf(streams [][]sdp.AgreedRID, paused bool) []string {
	var rids []string
	for _, alternatives := range streams {
		for _, a := range alternatives {
			if paused || !a.Paused {
				rids = append(rids, a.ID)
			}
		}
	}
	return rids
}

// openSenders makes the senders of a section that may send, and pauses those of one
// that may not.
func (r *Rtc) openSenders(m *media) {
	wanted := ridsOf(m.agreed.Send, false)
	for i := range m.encodings {
		e := &m.encodings[i]
		// A peer without simulcast gets the first encoding, and no RID.
		e.active = m.agreed.Direction.Sends() && (slices.Contains(wanted, e.rid) || len(m.agreed.Send) == 0 && i == 0)
		if e.sender == nil {
			if !e.active {
				continue
			}
			e.sender = r.newSender(m, e)
		}
		e.blanks = m.sendIDs.blankIDs
		e.sender.SetExtensions(m.ownExtensions(e, false), m.ownExtensions(e, true))
		e.sender.SetPaused(r.now, !e.active)
		for _, c := range m.agreed.Codecs {
			if c.Send.RTX != 0 {
				e.sender.SetRTX(c.Send.PayloadType, c.Send.RTX)
			}
		}
	}
}

// activeRIDs returns the encodings that are to be sent now.
func (m *media) activeRIDs() []string {
	var rids []string
	for i := range m.encodings {
		if e := &m.encodings[i]; e.active && e.rid != "" {
			rids = append(rids, e.rid)
		}
	}
	return rids
}

func (r *Rtc) newSender(m *media, e *encoding) *rtp.Sender {
	cfg := rtp.SenderConfig{SSRC: e.ssrc, RTT: r.agent.RTT()}
	for _, c := range m.agreed.Codecs {
		if cfg.ClockRate == 0 {
			cfg.ClockRate = c.ClockRate
		}
		if c.Send.RTX != 0 {
			cfg.RTXSSRC = e.rtxSSRC
		}
	}
	// The numbers drawn with the sources are as random as any.
	cfg.SequenceNumber, cfg.RTXSequenceNumber = uint16(e.ssrc>>8)&0x7fff, uint16(e.rtxSSRC>>8)&0x7fff
	return rtp.NewSender(cfg)
}

// closeMedia ends everything that is sent.
func (r *Rtc) closeMedia() {
	for _, m := range r.media {
		r.closeSenders(m)
	}
}

func (r *Rtc) closeSenders(m *media) {
	for i := range m.encodings {
		if s := m.encodings[i].sender; s != nil {
			s.Close(r.now)
			r.byes = s.AppendBye(r.byes)
		}
	}
}

// stopMedia ends a section.
func (r *Rtc) stopMedia(m *media) {
	m.stopped = true
	r.closeSenders(m)
	for _, s := range m.streams {
		r.forgetStream(s)
	}
	r.mediaEvents = append(r.mediaEvents, &MediaStopped{ID: m.id})
}
