package rtc

import (
	"slices"

	"github.com/sansrtc/rtc/sdp"
)

// MediaID names an audio or video section of a session: an m-line, and what
// RTCPeerConnection calls a transceiver. It is never zero and never used again.
type MediaID uint32

// MediaKind is audio or video.
type MediaKind uint8

const (
	Audio MediaKind = iota
	Video
)

// String returns the name used in descriptions.
func (k MediaKind) String() string {
	if k == Video {
		return "video"
	}
	return "audio"
}

// MediaConfig says how a section is to be used.
type MediaConfig struct {
	Kind MediaKind

	// Direction is what we want to do; the zero value is to send and to receive. What
	// is agreed on may be less.
	Direction sdp.Direction

	// Codecs, best first. If nil, those of Config.
	Codecs []sdp.Codec

	// Stream and Track name what we send to the peer (RFC 8830): browsers group
	// tracks by Stream. If Stream is empty, the track belongs to none. If Track is
	// empty, it is named after the section.
	Stream, Track string

	// RIDs are the encodings of a simulcast to send. If empty, one encoding is sent
	// and has no RID.
	RIDs []string

	// RemoteRIDs are the encodings of a simulcast to receive: an offer asks the peer for them, and
	// an answer accepts no others. If nil, an offer asks for none, and an answer accepts all.
	RemoteRIDs []string

	// Extensions are the header extensions to offer and to accept, any URI among them, with the
	// identifiers to offer them under if they are free; zero leaves the choice. If
	// nil, DefaultExtensions. Transport-wide sequence number and send time are only used if
	// they are listed. MID and RIDs, by which streams are told apart, need not be.
	Extensions []sdp.Extmap

	// Frames delivers what is received as whole frames in order (FrameReceived),
	// which costs a jitter buffer and a depacketizer. If false, packets are
	// delivered as they come (RTPReceived), as forwarders want them.
	Frames bool
}

// MediaOffer is a section that the peer offers, for [Config.AcceptMedia].
type MediaOffer struct {
	Kind MediaKind
	MID  string

	// Direction is what is offered, from our side: [sdp.RecvOnly] if the peer only
	// sends.
	Direction sdp.Direction

	// MSIDs name the streams and the track of the peer.
	MSIDs []sdp.MSID

	// RIDs are the encodings of a simulcast that the peer would send, and SendRIDs those that it
	// asks us for.
	RIDs, SendRIDs []string
}

// MediaChange changes a section in an offer.
type MediaChange struct {
	ID        MediaID
	Direction sdp.Direction

	// Stop ends the section for good; Direction is not used then.
	Stop bool
}

// media is one section.
type media struct {
	id     MediaID
	mid    string
	cfg    MediaConfig
	caps   sdp.Capabilities
	agreed sdp.MediaAgreement

	encodings []encoding  // what we send
	streams   []*inStream // what the peer sends, by RID

	// asked is the simulcast that the peer has agreed to send, which further offers ask for again.
	asked [][]sdp.AgreedRID

	sendIDs  extensionIDs // those we may write
	wide     bool         // header extensions have the two-byte form
	overhead int          // bytes around a packet's payload, besides the fixed header
	midBytes []byte
}

// newMedia makes a section that is not part of the session yet. Its id and its
// sources are drawn, nothing else happens.
func (r *Rtc) newMedia(id MediaID, mid string, cfg MediaConfig) (*media, error) {
	if err := r.mediaState.init(r.cfg.Rand); err != nil {
		return nil, err
	}
	if cfg.Codecs == nil {
		cfg.Codecs = r.cfg.AudioCodecs
		if cfg.Kind == Video {
			cfg.Codecs = r.cfg.VideoCodecs
		}
	}
	if cfg.Extensions == nil {
		cfg.Extensions = DefaultExtensions(cfg.Kind)
	}
	m := &media{id: id, mid: mid, cfg: cfg, midBytes: []byte(mid)}
	rids := cfg.RIDs
	if len(rids) == 0 {
		rids = []string{""}
	}
	for _, rid := range rids {
		e := encoding{rid: rid}
		var err error
		if e.ssrc, err = r.newSSRC(); err != nil {
			return nil, err
		}
		if e.rtxSSRC, err = r.newSSRC(); err != nil {
			return nil, err
		}
		m.encodings = append(m.encodings, e)
	}
	m.caps = r.capabilities(m)
	return m, nil
}

// capabilities returns what a description says of the section.
func (r *Rtc) capabilities(m *media) sdp.Capabilities {
	c := sdp.Capabilities{
		Direction:    m.cfg.Direction,
		Codecs:       slices.Clone(m.cfg.Codecs),
		Extmaps:      withIdentities(m.cfg.Extensions, m.cfg.Kind == Video || len(m.cfg.RIDs) > 0),
		RTCPRsize:    true,
		RTCPXR:       []string{"rcvr-rtt=all"}, // we answer reference times; Chromium sends none without it
		MaxSimulcast: maxSimulcast,
		Receiving:    m.asked,
		RecvRIDs:     m.cfg.RemoteRIDs,
	}
	stream, track := m.cfg.Stream, m.cfg.Track
	if stream == "" {
		stream = "-"
	}
	if track == "" {
		track = m.cfg.Kind.String() + "-" + m.mid
	}
	c.MSIDs = []sdp.MSID{{Stream: stream, Track: track}}
	rtx := slices.ContainsFunc(c.Codecs, func(c sdp.Codec) bool { return c.Is("rtx") })
	if c.Receiving == nil {
		for _, rid := range m.cfg.RemoteRIDs {
			c.Receiving = append(c.Receiving, []sdp.AgreedRID{{ID: rid}})
		}
	}
	for _, e := range m.encodings {
		if e.rid != "" {
			c.RIDs = append(c.RIDs, sdp.RID{ID: e.rid})
		}
		// Firefox binds RTX by these lines; Chromium leaves them out with RIDs.
		c.SSRCs = append(c.SSRCs, sdp.SSRC{ID: e.ssrc, CNAME: r.cname})
		if rtx {
			c.SSRCs = append(c.SSRCs, sdp.SSRC{ID: e.rtxSSRC, CNAME: r.cname})
			c.SSRCGroups = append(c.SSRCGroups, sdp.SSRCGroup{Semantics: "FID", SSRCs: []uint32{e.ssrc, e.rtxSSRC}})
		}
	}
	return c
}
