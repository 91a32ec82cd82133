package recorder

import (
	"encoding/binary"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/vp9"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/rtp/codec"
)

// A Track is what a file says of a stream before the frames.
type Track struct {
	Kind  rtc.MediaKind
	Codec codec.Format // VP8, VP9, H264, AV1 or Opus

	Width, Height int // of the first picture

	SampleRate, Channels int
	Delay                time.Duration // of the codec: what is to be thrown away at the beginning
	PreRoll              time.Duration // decoded before it sounds right, after a jump

	// Private is what decoders want to know first: an avcC or av1C record, an OpusHead. VP8 and VP9 have none.
	Private []byte

	// Synchronised says that the frames are placed by the sender's clock, and not by when they came.
	Synchronised bool
}

// describe makes the track of a stream from a frame at which decoding can start. It returns false if the frame is
// not what it claims to be, or the codec is none that can be recorded.
func describe(format codec.Format, frame []byte) (t Track, ok bool) {
	t = Track{Kind: rtc.Video, Codec: format}
	switch format {
	case codec.Opus:
		return opus(), true
	case codec.VP8:
		ok = t.describeVP8(frame)
	case codec.VP9:
		var h vp9.Header
		if h.Unmarshal(frame) == nil {
			t.Width, t.Height, ok = h.Width(), h.Height(), !h.NonKeyFrame
		}
	case codec.H264:
		ok = t.describeH264(frame)
	case codec.AV1:
		ok = t.describeAV1(frame)
	}
	return t, ok && t.Width > 0 && t.Height > 0
}

// describeVP8 reads the header of a key frame.
// https://www.rfc-editor.org/rfc/rfc6386#section-9.1
func (t *Track) describeVP8(frame []byte) bool {
	if len(frame) < 10 || frame[0]&1 != 0 || frame[3] != 0x9d || frame[4] != 0x01 || frame[5] != 0x2a {
		return false
	}
	t.Width = int(binary.LittleEndian.Uint16(frame[6:]) & 0x3fff)
	t.Height = int(binary.LittleEndian.Uint16(frame[8:]) & 0x3fff)
	return true
}

// opus describes every Opus stream: a decoder makes two channels at 48 kHz of whatever comes.
func opus() Track {
	const preSkip = 312 // samples: the look-ahead of the encoder in browsers
	// https://www.rfc-editor.org/rfc/rfc7845#section-5.1
	head := append([]byte("OpusHead"), 1, 2)
	head = binary.LittleEndian.AppendUint16(head, preSkip)
	head = binary.LittleEndian.AppendUint32(head, 48000)
	head = append(head, 0, 0, 0) // no gain, and the channels are left and right
	return Track{
		Kind: rtc.Audio, Codec: codec.Opus, SampleRate: 48000, Channels: 2, Private: head,
		Delay: preSkip * time.Second / 48000, PreRoll: 80 * time.Millisecond,
	}
}
