package sfu

import (
	"bytes"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/rtp"
	"github.com/sansrtc/rtc/rtp/codec"
	"github.com/sansrtc/rtc/sdp"
)

// A parcel is a packet on its way to the viewers.
type parcel struct {
	*rtc.RTPReceived
	codec      *sdp.AgreedCodec
	extensions *extensionIDs // of the publisher
	layer      int
	begins     bool           // a viewer may begin with it: of video, it begins a key frame
	payload    []byte         // the same for all viewers: not to be changed
	vp8        *rtp.VP8Fields // nil for other codecs
}

// forward sends a packet of p to everybody who sees p. Each viewer has its own
// payload types, sources and numbers; the payload is the same for all, but for counters in it.
func (s *SFU) forward(p *Participant, ev *rtc.RTPReceived) {
	for _, kind := range kinds {
		in := p.published[kind]
		if in == nil || in.id != ev.ID {
			continue
		}
		x := parcel{RTPReceived: ev, codec: receivedCodec(in.codecs, ev.Header.PayloadType), extensions: &in.extensions, layer: none}
		for i := range in.layers {
			if in.layers[i].rid == ev.RID {
				x.layer = i
			}
		}
		if x.codec == nil || x.layer == none {
			return
		}
		x.payload = bytes.Clone(ev.Payload) // the event is only lent
		x.begins = kind == rtc.Audio || codec.FormatByName(x.codec.Name).IsKeyFrame(x.payload)
		if x.codec.Name == "VP8" {
			if s.vp8, _ = rtp.ParseVP8Fields(x.payload); len(x.payload) > 0 {
				x.vp8 = &s.vp8
			}
		}
		s.noteLayer(p, kind, x.layer, x.begins)
		for _, v := range p.viewers {
			s.forwardTo(v.to, &v.sections[kind], &x)
		}
	}
}

func (s *SFU) forwardTo(to *Participant, out *section, x *parcel) {
	payloadType, ok := sendType(out.codecs, x.codec)
	if !ok {
		return
	}
	if x.layer != out.layer {
		if x.layer != out.wanted || !x.begins {
			return
		}
		out.layer, out.ssrc = x.layer, 0
	}
	if out.ssrc != x.Header.SSRC {
		out.ssrc = x.Header.SSRC
		out.rewriter.Switch(s.now, x.Sequence, x.Header.Timestamp)
		if x.vp8 != nil {
			out.vp8.Switch(x.vp8)
		}
	}
	if len(x.payload) == 0 && out.skip(x.Sequence) {
		return
	}
	seq, timestamp, ok := out.rewriter.Forward(s.now, x.Sequence, x.Header.Timestamp)
	if !ok {
		return
	}
	payload, write := x.payload, to.Rtc.WriteRTPShared
	if x.vp8 != nil {
		begin := x.payload[:min(len(x.payload), maxVP8Fields)]
		s.payload = append(s.payload[:0], begin...)
		if !out.vp8.Forward(x.vp8, s.payload) {
			return
		}
		if !bytes.Equal(s.payload, begin) { // the viewer has seen another layer: its counters differ
			s.payload = append(s.payload, x.payload[len(begin):]...)
			payload, write = s.payload, to.Rtc.WriteRTP
		}
	}
	h := rtp.Header{
		Marker: x.Header.Marker, PayloadType: payloadType,
		SequenceNumber: uint16(seq), Timestamp: timestamp,
	}
	h.Extensions.Data = s.extensions[:0]
	x.extensions.pass(&x.Header.Extensions, &h.Extensions, &out.extensions)
	s.extensions = h.Extensions.Data
	// A viewer whose queue is full loses the packet, and asks for what it misses.
	write(s.now, out.id, "", &h, payload)
}

// maxVP8Fields is how far into a payload the counters of VP8 are.
const maxVP8Fields = 6

// skip leaves out a packet that is padding, and reports whether it could: if later ones have been
// forwarded, its number is missed, and has to be sent.
func (out *section) skip(seq uint64) bool {
	_, gap := out.rewriter.Drop(seq)
	return !gap
}

// passed are the header extensions that a viewer is to know too. Each session has numbers of its
// own for them.
var passed = [...]string{
	"urn:ietf:params:rtp-hdrext:ssrc-audio-level",
	"urn:3gpp:video-orientation",
	"http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
	"http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
}

// extensionIDs are the numbers of passed in a section; zero: not agreed on.
type extensionIDs [len(passed)]uint8

func sentExtensions(agreed []sdp.AgreedExtension) (ids extensionIDs) {
	ids.note(agreed, func(x *sdp.AgreedExtension) bool { return x.Send })
	return ids
}

func receivedExtensions(agreed []sdp.AgreedExtension) (ids extensionIDs) {
	ids.note(agreed, func(x *sdp.AgreedExtension) bool { return x.Receive })
	return ids
}

func (ids *extensionIDs) note(agreed []sdp.AgreedExtension, used func(*sdp.AgreedExtension) bool) {
	for i, uri := range passed {
		for j := range agreed {
			if x := &agreed[j]; x.URI == uri && used(x) {
				ids[i] = uint8(x.ID)
			}
		}
	}
}

// pass copies what both sides know.
func (in *extensionIDs) pass(from, to *rtp.Extensions, out *extensionIDs) {
	for i := range in {
		if in[i] == 0 || out[i] == 0 {
			continue
		}
		if value, ok := from.Get(in[i]); ok {
			to.Append(out[i], value)
		}
	}
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
