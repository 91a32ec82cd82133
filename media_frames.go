package rtc

import (
	"errors"

	"github.com/sansrtc/rtc/rtp"
	"github.com/sansrtc/rtc/rtp/codec"
)

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
	r.disturbMedia()
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
				r.frameEvent.Extensions, r.frameEvent.Received = s.extensions.of(f.Timestamp), s.arrived
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
			r.dropped.Media++
			continue
		}
		if p.Header.Timestamp != s.timestamp || p.Arrived.After(s.arrived) {
			s.timestamp, s.arrived = p.Header.Timestamp, p.Arrived
		}
		if len(p.Payload) > 0 {
			s.extensions.packet(&p.Header, s.depacketizer.Format().Video())
		}
		if err := s.depacketizer.Push(codec.Packet{
			Timestamp: p.Header.Timestamp, Marker: p.Header.Marker, Lost: p.Lost > 0, Payload: p.Payload,
		}); err != nil && !errors.Is(err, codec.ErrIncomplete) {
			r.dropped.Malformed++
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
