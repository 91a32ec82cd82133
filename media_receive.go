package rtc

import (
	"time"

	"github.com/sansrtc/rtc/ice"
	"github.com/sansrtc/rtc/rtp"
	"github.com/sansrtc/rtc/rtp/codec"
	"github.com/sansrtc/rtc/sdp"
)

// maxSources is how many SSRCs of the peer are followed. A peer that uses more is
// broken or hostile; those that its description names are always followed.
const maxSources = 256

// inStream is one stream that the peer sends in a section: a source, and another one
// with its retransmissions.
type inStream struct {
	media    *media
	rid      string
	receiver *rtp.Receiver

	reportOwed bool
	ended      bool // the peer has said goodbye, and nothing has come since
	endOwed    bool // which the application is to be told

	// In frame mode.
	reorder      *rtp.Reorder
	depacketizer *codec.Depacketizer
	payloadType  uint8 // of the depacketizer
	extensions   frameExtensions
	keyFrame     uint64    // the sequence number at which the latest key frame begins
	timestamp    uint32    // of the latest frame that the depacketizer has something of,
	arrived      time.Time // and when the last of that came
}

// source says what an SSRC of the peer is.
type source struct {
	stream *inStream
	rtx    bool
}

// extensionIDs are the header extensions the session reads and writes itself. In a
// bundle an identifier means the same in every section (RFC 9143 section 9.1.1).
// Zero: not agreed.
type extensionIDs struct {
	mid, rid, repairedRID uint8
	blankIDs
}

// blankIDs are the identifiers of what is not known before a packet is sent.
type blankIDs struct{ transportCC, absSendTime uint8 }

// set takes over what a section agreed on.
func (x *extensionIDs) set(extensions []sdp.AgreedExtension) {
	for _, e := range extensions {
		id := uint8(e.ID)
		switch e.URI {
		case extMID:
			x.mid = id
		case extRID:
			x.rid = id
		case extRepairedRID:
			x.repairedRID = id
		case extTransportCC:
			x.transportCC = id
		case extAbsSendTime:
			x.absSendTime = id
		}
	}
}

// receiveMedia opens a datagram of SRTP or SRTCP.
func (r *Rtc) receiveMedia(path *ice.Path, b []byte) {
	switch {
	case !r.rest.isPath(path) && !r.agent.Validated(*path):
		r.dropped.Unvalidated++
	case r.protection == nil:
		if !r.holdMedia(*path, b) {
			r.dropped.Media++
		}
	case rtp.IsRTCP(b):
		plain, err := r.protection.AppendDecryptRTCP(r.inbound[:0], b)
		if err != nil {
			r.dropped.Unauthentic++
			return
		}
		r.inbound = plain
		r.noteData(path)
		r.receiveRTCP(plain)
	default:
		// It is opened where it will wait for the application, unless it is dropped.
		p := r.packets.free()
		plain, err := r.protection.AppendDecryptRTP(p.buf[:0], b)
		if err != nil {
			r.dropped.Unauthentic++
			return
		}
		p.buf = plain
		r.noteData(path)
		r.receiveRTP(p, len(b))
	}
}

// noteData tells ICE of an authentic datagram, once for all that come at one time over the usual path.
func (r *Rtc) noteData(path *ice.Path) {
	usual := r.rest.isPath(path)
	if usual && r.rest.heardAt == r.now {
		return
	}
	if r.agent.NoteData(r.now, *path) {
		r.disturb()
	} else if usual {
		r.rest.heardAt = r.now
	}
}

// receiveRTP follows the stream an authenticated packet belongs to. Size is that of its datagram.
func (r *Rtc) receiveRTP(p *queuedPacket, size int) {
	var err error
	h := &p.Header
	if p.Payload, err = h.Parse(p.buf); err != nil {
		r.dropped.Malformed++
		return
	}
	if id := r.extensions.transportCC; id != 0 {
		if v, ok := h.Extensions.Get(id); ok && len(v) == 2 {
			r.arrivals.Record(r.now, uint16(v[0])<<8|uint16(v[1]))
			if r.feedbackDue.Arrived(r.now, size) {
				r.mediaDueBy(r.feedbackDue.Deadline())
			}
		}
	}
	src, ok := r.sourceOf(h)
	if !ok {
		r.dropped.UnknownSource++
		return
	}
	s := src.stream
	if !s.media.agreed.Direction.Receives() {
		r.dropped.Media++
		return
	}
	s.ended = false
	var a rtp.Arrival
	if src.rtx {
		primary, ok := s.media.primaryOf(h.PayloadType)
		if !ok {
			r.dropped.UnknownSource++
			return
		}
		a, p.Payload = s.receiver.HandleRTX(r.now, h, p.Payload, primary)
	} else {
		a = s.receiver.HandlePacket(r.now, h, p.Payload)
	}
	if a.Kind != rtp.ArrivalNew || a.Missing > 0 || a.Restarted {
		r.disturbMedia() // otherwise the receiver's deadline is what it was
	}
	if !a.OK() {
		return
	}
	if s.receiver.KeyFrameNeeded() && s.media.beginsKeyFrame(h, p.Payload) {
		s.receiver.HandleKeyFrame(r.now)
	}
	if s.media.cfg.Frames {
		r.orderPacket(s, a, h, p.Payload)
		return
	}
	p.stream = s
	p.ID, p.RID, p.Sequence, p.Received = s.media.id, s.rid, a.Sequence, r.now
	if !r.packets.push() {
		r.dropped.Unread++
	}
}

// sourceOf finds the source of an authenticated packet, which most often is that of the last.
func (r *Rtc) sourceOf(h *rtp.Header) (source, bool) {
	if l := &r.lastSource; l.stream != nil && l.ssrc == h.SSRC {
		return l.source, true
	}
	src, ok := r.sources[h.SSRC]
	if !ok {
		if src, ok = r.bindSource(h); !ok {
			return source{}, false
		}
	}
	r.lastSource.ssrc, r.lastSource.source = h.SSRC, src
	return src, true
}

// bindSource finds out what an unknown SSRC is, from an authenticated packet: by the
// MID and RID in its header extensions, or by a payload type that only one section has.
// https://www.rfc-editor.org/rfc/rfc9143#section-9.2
func (r *Rtc) bindSource(h *rtp.Header) (source, bool) {
	if len(r.sources) >= maxSources {
		return source{}, false
	}
	var m *media
	if mid, ok := h.Extensions.Get(r.extensions.mid); ok && r.extensions.mid != 0 {
		m = mediaByMID(r.media, string(mid))
	} else {
		m = r.mediaByPayloadType(h.PayloadType)
	}
	if m == nil || !m.receivesType(h.PayloadType) {
		return source{}, false
	}
	_, isRTX := m.primaryOf(h.PayloadType)
	rid := extensionText(h, r.extensions.rid)
	if isRTX {
		if repaired := extensionText(h, r.extensions.repairedRID); repaired != "" {
			rid = repaired
		}
	}
	s := m.stream(rid)
	switch {
	case isRTX && s == nil:
		return source{}, false // nothing to repair yet
	case isRTX:
		s.receiver.SetRTX(h.SSRC)
	case rid != "" && !m.receivesRID(rid):
		return source{}, false
	default:
		// A source that took another's place: SSRCs may change at any time.
		s = r.newStream(m, rid, h.SSRC, h.PayloadType)
	}
	src := source{stream: s, rtx: isRTX}
	r.sources[h.SSRC] = src
	return src, true
}

// newStream begins to follow a source, instead of the one that was there.
func (r *Rtc) newStream(m *media, rid string, ssrc uint32, payloadType uint8) *inStream {
	if old := m.stream(rid); old != nil {
		r.forgetStream(old)
	}
	s := &inStream{media: m, rid: rid}
	cfg := rtp.ReceiverConfig{SSRC: ssrc, RTT: r.agent.RTT(), KeyFrames: m.cfg.Kind == Video}
	if c := m.codecOf(payloadType); c != nil {
		cfg.ClockRate = c.ClockRate
		cfg.NACK = hasFeedback(c, "nack", "")
	}
	s.receiver = rtp.NewReceiver(cfg)
	if m.cfg.Frames {
		s.reorder = rtp.NewReorder(rtp.ReorderConfig{})
	}
	m.setStream(s)
	r.disturbMedia()
	return s
}

// RequestKeyFrame asks the peer for a key frame of what it sends in a section: someone new
// looks at it, or a receiver behind us has lost too much. rid names an encoding; if it is
// empty, all are asked. The request is repeated until a key frame begins to arrive, and
// requests that come fast are merged. Before anything was received it does nothing: what is
// new begins with a key frame.
func (r *Rtc) RequestKeyFrame(now time.Time, id MediaID, rid string) error {
	if r.ending {
		return ErrClosed
	}
	m := mediaByID(r.media, id)
	if m == nil {
		return ErrNoMedia
	}
	r.advance(now)
	if m.cfg.Kind != Video {
		return nil // every frame is one
	}
	r.disturbMedia()
	for _, s := range m.streams {
		if rid == "" || s.rid == rid {
			s.receiver.RequestKeyFrame(r.now)
		}
	}
	return nil
}

// beginsKeyFrame reports whether a packet is the first of a key frame.
func (m *media) beginsKeyFrame(h *rtp.Header, payload []byte) bool {
	c := m.codecOf(h.PayloadType)
	return c != nil && codec.FormatByName(c.Name).IsKeyFrame(payload)
}

func extensionText(h *rtp.Header, id uint8) string {
	if id == 0 {
		return ""
	}
	v, _ := h.Extensions.Get(id)
	return string(v)
}

func hasFeedback(c *sdp.AgreedCodec, typ, parameter string) bool {
	for _, f := range c.Feedback {
		if f.Type == typ && f.Parameter == parameter {
			return true
		}
	}
	return false
}
