package sfu

import (
	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/rtp"
	"github.com/sansrtc/rtc/sdp"
)

// forward sends a packet of p to everybody who sees p. Each viewer has its own
// payload types, sources and numbers; the payload is the same for all.
func (s *SFU) forward(p *Participant, ev *rtc.RTPReceived) {
	for kind, in := range p.published {
		if in == nil || in.id != ev.ID {
			continue
		}
		codec := receivedCodec(in.codecs, ev.Header.PayloadType)
		if codec == nil {
			return
		}
		for _, v := range p.viewers {
			s.forwardTo(v.to, &v.sections[kind], codec, ev)
		}
	}
}

func (s *SFU) forwardTo(to *Participant, out *section, codec *sdp.AgreedCodec, ev *rtc.RTPReceived) {
	payloadType, ok := sendType(out.codecs, codec)
	if !ok {
		return
	}
	if out.ssrc != ev.Header.SSRC {
		out.ssrc = ev.Header.SSRC
		out.rewriter.Switch(s.now, ev.Sequence, ev.Header.Timestamp)
	}
	seq, timestamp, ok := out.rewriter.Forward(s.now, ev.Sequence, ev.Header.Timestamp)
	if !ok {
		return
	}
	h := rtp.Header{
		Marker: ev.Header.Marker, PayloadType: payloadType,
		SequenceNumber: uint16(seq), Timestamp: timestamp,
	}
	// A viewer whose queue is full loses the packet, and asks for what it misses.
	to.Rtc.WriteRTP(s.now, out.id, "", &h, ev.Payload)
}

// receivedCodec returns the codec of a payload type of the publisher's, or nil.
func receivedCodec(codecs []sdp.AgreedCodec, payloadType uint8) *sdp.AgreedCodec {
	for i := range codecs {
		if codecs[i].Receive.PayloadType == payloadType {
			return &codecs[i]
		}
	}
	return nil
}

// sendType returns what a viewer calls a codec.
func sendType(codecs []sdp.AgreedCodec, like *sdp.AgreedCodec) (uint8, bool) {
	for i := range codecs {
		if codecs[i].Name == like.Name && codecs[i].ClockRate == like.ClockRate {
			return codecs[i].Send.PayloadType, true
		}
	}
	return 0, false
}

// passKeyFrameRequest asks the publisher for the key frame that a viewer asks us for.
func (s *SFU) passKeyFrameRequest(viewer *Participant, id rtc.MediaID) {
	if v := viewer.subscriptionOf(id); v != nil {
		s.requestKeyFrame(v.from, rtc.Video)
	}
}

// requestKeyFrame asks p for a key frame. Many viewers may ask at once; the session
// merges the requests.
func (s *SFU) requestKeyFrame(p *Participant, kind rtc.MediaKind) {
	if in := p.published[kind]; kind == rtc.Video && in != nil && !p.gone {
		p.Rtc.RequestKeyFrame(s.now, in.id, "")
	}
}
