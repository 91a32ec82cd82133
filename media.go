package rtc

import (
	"errors"
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

	// Codecs are those of the peer, what it wants most first, under its payload types. As MediaConfig.Codecs they
	// accept all, in that order; the answer has ours otherwise.
	Codecs []sdp.Codec

	// MSIDs name the streams and the track of the peer.
	MSIDs []sdp.MSID

	// RIDs are the encodings of a simulcast that the peer would send, and SendRIDs those that it
	// asks us for.
	RIDs, SendRIDs []string
}

// MediaChange changes a section: in an offer, or by [Rtc.SetMedia].
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
	direct *MediaParameters // nil if descriptions agree on the section
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
	stopped  bool
}

var errRIDs = errors.New("rtc: a RID is given twice, or is not made of 1 to 255 letters and digits")

// check finds mistakes of the program that would make a broken description.
func (c *MediaConfig) check() error {
	rids := slices.Concat(c.RIDs, c.RemoteRIDs)
	for i, rid := range rids {
		if !isRID(rid) || slices.Contains(rids[:i], rid) {
			return errRIDs
		}
	}
	return nil
}

// isRID reports whether s is made of the characters of RFC 8852 section 3.1, or of the "-" and "_"
// that RFC 8851 has as well.
func isRID(s string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return s != "" && len(s) <= 255
}

// fillIn resolves defaults.
func (c *MediaConfig) fillIn(cfg *Config) {
	if c.Codecs == nil {
		c.Codecs = cfg.AudioCodecs
		if c.Kind == Video {
			c.Codecs = cfg.VideoCodecs
		}
	}
	if c.Extensions == nil {
		c.Extensions = DefaultExtensions(c.Kind)
	}
}

// newMedia makes a section that is not part of the session yet. Its id and its
// sources are drawn, nothing else happens. direct is nil if it is for a description.
func (r *Rtc) newMedia(id MediaID, mid string, cfg MediaConfig, direct *MediaParameters) (*media, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if err := r.mediaState.init(r.cfg.Rand); err != nil {
		return nil, err
	}
	cfg.fillIn(&r.cfg)
	m := &media{id: id, mid: mid, cfg: cfg, direct: direct, midBytes: []byte(mid)}
	rids := cfg.RIDs
	if len(rids) == 0 {
		rids = []string{""}
	}
	for i, rid := range rids {
		e := encoding{media: m, rid: rid, place: uint64(id)<<32 | uint64(i)}
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
		Extmaps:      m.cfg.Extensions,
		RTCPRsize:    m.direct == nil || m.direct.ReducedSizeRTCP,
		RTCPXR:       []string{"rcvr-rtt=all"}, // we answer reference times; Chromium sends none without it
		MaxSimulcast: maxSimulcast,
		Receiving:    m.asked,
		RecvRIDs:     m.cfg.RemoteRIDs,
	}
	if m.direct == nil {
		c.Extmaps = withIdentities(c.Extmaps, m.cfg.Kind == Video || len(m.cfg.RIDs) > 0)
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
