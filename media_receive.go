package rtc

import (
	"errors"
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
	keyFrame     uint64 // the sequence number at which the latest key frame begins
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
	mid, rid, repairedRID, transportCC, absSendTime uint8
}

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
func (r *Rtc) receiveMedia(path ice.Path, b []byte) {
	switch {
	case !r.agent.Validated(path):
		r.stats.Dropped.Unvalidated++
		return
	case r.protection == nil:
		if !r.holdMedia(path, b) {
			r.stats.Dropped.Media++
		}
		return
	}
	rtcp := rtp.IsRTCP(b)
	open := r.protection.AppendDecryptRTP
	if rtcp {
		open = r.protection.AppendDecryptRTCP
	}
	plain, err := open(r.inbound[:0], b)
	if err != nil {
		r.stats.Dropped.Unauthentic++
		return
	}
	r.inbound = plain
	r.agent.NoteData(r.now, path)
	if rtcp {
		r.receiveRTCP(plain)
		return
	}
	r.receiveRTP(plain, len(b))
}

// receiveRTP follows the stream an authenticated packet belongs to.
func (r *Rtc) receiveRTP(b []byte, size int) {
	h, payload, err := rtp.Parse(b)
	if err != nil {
		r.stats.Dropped.Malformed++
		return
	}
	if id := r.extensions.transportCC; id != 0 {
		if v, ok := h.Extensions.Get(id); ok && len(v) == 2 {
			r.arrivals.Record(r.now, uint16(v[0])<<8|uint16(v[1]))
			r.feedbackDue.Arrived(r.now, size)
		}
	}
	src, ok := r.sources[h.SSRC]
	if !ok {
		if src, ok = r.bindSource(&h); !ok {
			r.stats.Dropped.UnknownSource++
			return
		}
	}
	s := src.stream
	if !s.media.agreed.Direction.Receives() {
		r.stats.Dropped.Media++
		return
	}
	s.ended = false
	var a rtp.Arrival
	if src.rtx {
		primary, ok := s.media.primaryOf(h.PayloadType)
		if !ok {
			r.stats.Dropped.UnknownSource++
			return
		}
		a, payload = s.receiver.HandleRTX(r.now, &h, payload, primary)
	} else {
		a = s.receiver.HandlePacket(r.now, &h, payload)
	}
	if !a.OK() || len(payload) == 0 && !s.media.cfg.Frames {
		return
	}
	if s.receiver.KeyFrameNeeded() && s.media.beginsKeyFrame(&h, payload) {
		s.receiver.HandleKeyFrame(r.now)
	}
	if s.media.cfg.Frames {
		r.orderPacket(s, a, &h, payload)
		return
	}
	if !r.packets.push(s, a.Sequence, r.now, &h, payload) {
		r.stats.Dropped.Unread++
	}
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

// orderPacket keeps a packet for its frame.
func (r *Rtc) orderPacket(s *inStream, a rtp.Arrival, h *rtp.Header, payload []byte) {
	if a.Restarted {
		s.reorder.Reset()
		s.extensions.open = false
		if s.depacketizer != nil {
			s.depacketizer.Reset()
		}
	}
	if a.Sequence > s.keyFrame && s.media.beginsKeyFrame(h, payload) {
		s.keyFrame = a.Sequence
	}
	s.reorder.SetDelay(s.receiver.RepairTime())
	s.reorder.Push(r.now, a.Sequence, h, payload)
}

// nextPacket returns the next packet for the application as an event, or nil.
func (r *Rtc) nextPacket() Event {
	p := r.packets.pop()
	for p != nil && p.stream.media.stopped {
		r.stats.Dropped.Unread++
		p = r.packets.pop()
	}
	if p == nil {
		return nil
	}
	r.rtpEvent = RTPReceived{
		ID: p.stream.media.id, RID: p.stream.rid,
		Header: p.header, Sequence: p.sequence, Payload: p.payload, Received: p.at,
	}
	return &r.rtpEvent
}

// nextFrame returns the next frame for the application as an event, or nil.
func (r *Rtc) nextFrame() Event {
	for _, m := range r.media {
		if !m.cfg.Frames {
			continue
		}
		for _, s := range m.streams {
			if r.assembleFrame(s) {
				return &r.frameEvent
			}
		}
	}
	return nil
}

// assembleFrame moves packets in order into the depacketizer until a frame comes out.
func (r *Rtc) assembleFrame(s *inStream) bool {
	for {
		if s.depacketizer != nil {
			if f, ok := s.depacketizer.Next(); ok {
				r.frameEvent = FrameReceived{ID: s.media.id, RID: s.rid, Frame: f, Codec: s.media.codecOf(s.payloadType)}
				r.frameEvent.Time, _ = s.receiver.Clock().Time(f.Timestamp)
				r.frameEvent.Extensions = s.extensions.of(f.Timestamp)
				if f.KeyFrame && s.receiver.KeyFrameNeeded() {
					s.receiver.HandleKeyFrame(r.now) // it began before it was asked for
				}
				return true
			}
		}
		p, ok := s.reorder.Pop(r.now)
		if !ok {
			return false
		}
		s.receiver.ForgetBefore(s.reorder.Next())
		if !s.prepare(p.Header.PayloadType) {
			r.stats.Dropped.Media++
			continue
		}
		if len(p.Payload) > 0 {
			s.extensions.packet(&p.Header, s.depacketizer.Format().Video())
		}
		if err := s.depacketizer.Push(codec.Packet{
			Timestamp: p.Header.Timestamp, Marker: p.Header.Marker, Lost: p.Lost > 0, Payload: p.Payload,
		}); err != nil && !errors.Is(err, codec.ErrIncomplete) {
			r.stats.Dropped.Malformed++
		}
		if s.depacketizer.NeedsKeyFrame() && !s.keyFrameComes(p) {
			s.receiver.RequestKeyFrame(r.now)
		}
	}
}

// keyFrameComes reports whether a key frame waits behind a packet, or may have begun with the frame that
// the packet is in the middle of.
func (s *inStream) keyFrameComes(p *rtp.OrderedPacket) bool {
	if s.keyFrame >= p.Sequence {
		return s.keyFrame > p.Sequence || !p.Header.Marker
	}
	return p.Lost == 0 && !p.Header.Marker
}

// prepare makes the depacketizer for a payload type, which may change from packet to
// packet.
func (s *inStream) prepare(payloadType uint8) bool {
	if s.depacketizer != nil && s.payloadType == payloadType {
		return true
	}
	c := s.media.codecOf(payloadType)
	if c == nil {
		return false
	}
	// What the peer sends is in its own description: parameter sets, for example.
	d, err := codec.NewDepacketizer(codec.DepacketizerConfig{Name: c.Name, FMTP: c.Send.Fmtp})
	if err != nil {
		return false
	}
	s.depacketizer, s.payloadType, s.extensions.open = d, payloadType, false
	return true
}

// packetQueue holds packets that the application has not polled yet. What does not
// fit is dropped: media is better late than stale.
type packetQueue struct {
	ring  []queuedPacket
	head  int
	count int
	limit int
}

type queuedPacket struct {
	stream   *inStream
	sequence uint64
	at       time.Time
	header   rtp.Header
	payload  []byte
	buf      []byte // what header and payload point to
}

// push copies a packet in, dropping the oldest if there is no room, and reports
// whether there was.
func (q *packetQueue) push(s *inStream, seq uint64, at time.Time, h *rtp.Header, payload []byte) bool {
	room := true
	if q.count == len(q.ring) {
		if len(q.ring) < q.limit {
			q.grow()
		} else {
			q.head = (q.head + 1) % len(q.ring)
			q.count--
			room = false
		}
	}
	p := &q.ring[(q.head+q.count)%len(q.ring)]
	b := append(p.buf[:0], h.CSRCs...)
	csrcs := len(b)
	b = append(b, h.Extensions.Data...)
	extensions := len(b)
	b = append(b, payload...)
	*p = queuedPacket{stream: s, sequence: seq, at: at, header: *h, payload: b[extensions:len(b):len(b)], buf: b}
	p.header.CSRCs = rtp.CSRCs(b[:csrcs:csrcs])
	p.header.Extensions.Data = b[csrcs:extensions:extensions]
	q.count++
	return room
}

func (q *packetQueue) grow() {
	ring := make([]queuedPacket, min(max(2*len(q.ring), 8), q.limit))
	for i := range q.count {
		ring[i] = q.ring[(q.head+i)%len(q.ring)]
	}
	q.ring, q.head = ring, 0
}

// pop returns the oldest packet, which is valid until the next push.
func (q *packetQueue) pop() *queuedPacket {
	if q.count == 0 {
		return nil
	}
	p := &q.ring[q.head]
	q.head = (q.head + 1) % len(q.ring)
	q.count--
	return p
}
