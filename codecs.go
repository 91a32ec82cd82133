package rtc

import (
	"slices"

	"github.com/sansrtc/rtc/sdp"
)

// maxSimulcast is how many encodings of one source are received. Browsers send three.
const maxSimulcast = 8

var (
	audioFeedback = []sdp.Feedback{{Type: "transport-cc"}, {Type: "nack"}}
	videoFeedback = []sdp.Feedback{
		{Type: "goog-remb"}, {Type: "transport-cc"}, {Type: "ccm", Parameter: "fir"},
		{Type: "nack"}, {Type: "nack", Parameter: "pli"},
	}
)

// DefaultAudioCodecs returns Opus, G.722, PCMU, PCMA, comfort noise and telephone
// events.
func DefaultAudioCodecs() []sdp.Codec {
	return []sdp.Codec{
		{PayloadType: 111, Name: "opus", ClockRate: 48000, Channels: 2, Fmtp: "minptime=10;useinbandfec=1", Feedback: slices.Clone(audioFeedback)},
		{PayloadType: 9, Name: "G722", ClockRate: 8000, Feedback: slices.Clone(audioFeedback)},
		{PayloadType: 0, Name: "PCMU", ClockRate: 8000, Feedback: slices.Clone(audioFeedback)},
		{PayloadType: 8, Name: "PCMA", ClockRate: 8000, Feedback: slices.Clone(audioFeedback)},
		{PayloadType: 13, Name: "CN", ClockRate: 8000},
		{PayloadType: 110, Name: "telephone-event", ClockRate: 48000},
		{PayloadType: 126, Name: "telephone-event", ClockRate: 8000},
	}
}

// DefaultVideoCodecs returns VP8, VP9, H.264, AV1 and H.265, each with RTX.
func DefaultVideoCodecs() []sdp.Codec {
	primary := []sdp.Codec{
		{PayloadType: 96, Name: "VP8"},
		{PayloadType: 98, Name: "VP9", Fmtp: "profile-id=0"},
		{PayloadType: 100, Name: "VP9", Fmtp: "profile-id=2"},
		{PayloadType: 102, Name: "H264", Fmtp: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"},
		{PayloadType: 104, Name: "H264", Fmtp: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f"},
		{PayloadType: 106, Name: "H264", Fmtp: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f"},
		{PayloadType: 108, Name: "H264", Fmtp: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=64001f"},
		{PayloadType: 112, Name: "H264", Fmtp: "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f"},
		{PayloadType: 114, Name: "AV1", Fmtp: "level-idx=5;profile=0;tier=0"},
		{PayloadType: 116, Name: "H265", Fmtp: "profile-id=1;tier-flag=0;level-id=93;tx-mode=SRST"},
	}
	var codecs []sdp.Codec
	for _, c := range primary {
		c.ClockRate = 90000
		c.Feedback = slices.Clone(videoFeedback)
		codecs = append(codecs, c, c.RTX(c.PayloadType+1))
	}
	return codecs
}
