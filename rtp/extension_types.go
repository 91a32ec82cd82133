package rtp

import (
	"encoding/binary"
	"time"
)

// The URIs by which a session description names header extensions. The values of the first
// three are texts, to be compared as they are; for the others there are types and functions
// here. An extension with another URI is the application's, and its value is what it says.
const (
	URIMID                   = "urn:ietf:params:rtp-hdrext:sdes:mid"
	URIStreamID              = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"          // the RID
	URIRepairedStreamID      = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id" // the RID of what is retransmitted
	URITransportCC           = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
	URIAbsSendTime           = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
	URIAudioLevel            = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
	URIMixerAudioLevels      = "urn:ietf:params:rtp-hdrext:csrc-audio-level"
	URIVideoOrientation      = "urn:3gpp:video-orientation"
	URITransmissionOffset    = "urn:ietf:params:rtp-hdrext:toffset"
	URIAbsCaptureTime        = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"
	URIPlayoutDelay          = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
	URIDependencyDescriptor  = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
	URIVideoLayersAllocation = "http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00"
)

// ParseTransportSequence decodes a transport-wide sequence number. Version 2 of the extension
// may have a feedback request behind it, which is passed over.
func ParseTransportSequence(v []byte) (uint16, bool) {
	if len(v) < 2 {
		return 0, false
	}
	return binary.BigEndian.Uint16(v), true
}

// AppendTransportSequence appends the value of a transport-wide sequence number.
func AppendTransportSequence(dst []byte, seq uint16) []byte {
	return binary.BigEndian.AppendUint16(dst, seq)
}

// AbsSendTime is when a packet was sent: 24 bits, in 1/2^18 seconds, which wrap after 64
// seconds.
type AbsSendTime uint32

// AbsSendTimeOf returns the time for a clock time of the sender.
func AbsSendTimeOf(t NTPTime) AbsSendTime { return AbsSendTime(t >> 14 & (1<<24 - 1)) }

// Sub returns the time from b to a, which are less than 32 seconds apart.
func (a AbsSendTime) Sub(b AbsSendTime) time.Duration {
	return time.Duration(int64(int32((a-b)<<8)>>8) * int64(time.Second) >> 18)
}

// ParseAbsSendTime decodes the value of the extension.
func ParseAbsSendTime(v []byte) (AbsSendTime, bool) {
	if len(v) != 3 {
		return 0, false
	}
	return AbsSendTime(uint24(v)), true
}

// AppendTo appends the value of the extension.
func (a AbsSendTime) AppendTo(dst []byte) []byte { return appendUint24(dst, uint32(a)) }

func uint24(b []byte) uint32 { return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]) }

func appendUint24(dst []byte, n uint32) []byte {
	return append(dst, byte(n>>16), byte(n>>8), byte(n))
}

// AudioLevel is how loud the audio of a packet is (RFC 6464).
type AudioLevel struct {
	Level uint8 // in -dBov: 0 is the loudest there is, 127 is silence
	Voice bool  // there is a voice in it
}

// ParseAudioLevel decodes the value of the extension.
func ParseAudioLevel(v []byte) (AudioLevel, bool) {
	if len(v) < 1 {
		return AudioLevel{}, false
	}
	return AudioLevel{Level: v[0] & 0x7f, Voice: v[0]&0x80 != 0}, true
}

// AppendTo appends the value of the extension. Levels beyond 127 are silence.
func (a AudioLevel) AppendTo(dst []byte) []byte {
	b := min(a.Level, 127)
	if a.Voice {
		b |= 0x80
	}
	return append(dst, b)
}

// MixerAudioLevels are the levels of the contributing sources of a packet, in the order of its
// CSRCs (RFC 6465): the value of the extension as it is.
type MixerAudioLevels []byte

// Len returns the number of levels.
func (m MixerAudioLevels) Len() int { return len(m) }

// At returns the level of CSRC i in -dBov, 127 being silence. It panics if there is none.
func (m MixerAudioLevels) At(i int) uint8 { return m[i] & 0x7f }

// Append returns m with the level of one more source, as append does. Levels beyond 127 are
// silence.
func (m MixerAudioLevels) Append(level uint8) MixerAudioLevels { return append(m, min(level, 127)) }

// VideoOrientation is how a picture is to be shown (3GPP TS 26.114 section 7.4.5).
type VideoOrientation struct {
	Rotation   int  // degrees to rotate it clockwise by: 0, 90, 180 or 270
	Flip       bool // to be flipped horizontally
	BackCamera bool // the camera looks away from the user
}

// ParseVideoOrientation decodes the value of the extension.
func ParseVideoOrientation(v []byte) (VideoOrientation, bool) {
	if len(v) < 1 {
		return VideoOrientation{}, false
	}
	return VideoOrientation{Rotation: int(v[0]&3) * 90, Flip: v[0]&4 != 0, BackCamera: v[0]&8 != 0}, true
}

// AppendTo appends the value of the extension. Rotations are rounded to quarters.
func (o VideoOrientation) AppendTo(dst []byte) []byte {
	b := byte((o.Rotation%360+360+45)/90) & 3
	if o.Flip {
		b |= 4
	}
	if o.BackCamera {
		b |= 8
	}
	return append(dst, b)
}

// ParseTransmissionOffset decodes the time from the sampling of a packet to its sending, in
// units of its timestamp (RFC 5450).
func ParseTransmissionOffset(v []byte) (int32, bool) {
	if len(v) != 3 {
		return 0, false
	}
	return int32(uint24(v)<<8) >> 8, true
}

// AppendTransmissionOffset appends the value of the extension: 24 bits of offset.
func AppendTransmissionOffset(dst []byte, offset int32) []byte {
	return appendUint24(dst, uint32(min(max(offset, -1<<23), 1<<23-1)))
}

// AbsCaptureTime is when the first frame of a packet was captured.
type AbsCaptureTime struct {
	Time      NTPTime // by the clock of the sender reports of the capturing system
	HasOffset bool
	// Offset is that of the capturer's clock from that of the sender of the packet, in 1/2^32
	// seconds: the two differ behind a mixer.
	Offset int64
}

// ParseAbsCaptureTime decodes the value of the extension.
func ParseAbsCaptureTime(v []byte) (a AbsCaptureTime, ok bool) {
	switch len(v) {
	case 16:
		a.HasOffset, a.Offset = true, int64(binary.BigEndian.Uint64(v[8:]))
	case 8:
	default:
		return a, false
	}
	a.Time = NTPTime(binary.BigEndian.Uint64(v))
	return a, true
}

// AppendTo appends the value of the extension.
func (a AbsCaptureTime) AppendTo(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(a.Time))
	if a.HasOffset {
		dst = binary.BigEndian.AppendUint64(dst, uint64(a.Offset))
	}
	return dst
}

// PlayoutDelay is the range of delays, from capture to display, that the sender asks for.
type PlayoutDelay struct {
	Min, Max time.Duration // in steps of 10 ms, up to 40.95 s
}

const (
	playoutDelayStep = 10 * time.Millisecond
	maxPlayoutDelay  = 1<<12 - 1
)

// ParsePlayoutDelay decodes the value of the extension. A minimum above the maximum is
// refused.
func ParsePlayoutDelay(v []byte) (PlayoutDelay, bool) {
	if len(v) != 3 {
		return PlayoutDelay{}, false
	}
	n := uint24(v)
	p := PlayoutDelay{time.Duration(n>>12) * playoutDelayStep, time.Duration(n&maxPlayoutDelay) * playoutDelayStep}
	return p, p.Min <= p.Max
}

// AppendTo appends the value of the extension.
func (p PlayoutDelay) AppendTo(dst []byte) []byte {
	steps := func(d time.Duration) uint32 {
		return uint32(min(max(d/playoutDelayStep, 0), maxPlayoutDelay))
	}
	return appendUint24(dst, steps(p.Min)<<12|steps(p.Max))
}
