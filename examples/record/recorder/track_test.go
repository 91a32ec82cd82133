package recorder

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/rtp/codec"
)

func TestDescribe(t *testing.T) {
	for _, test := range []struct {
		name          string
		format        codec.Format
		width, height int
		private       string
	}{
		{"vp8", codec.VP8, 320, 180, ""},
		{"vp9", codec.VP9, 320, 180, ""},
		{"av1", codec.AV1, 320, 180, "81000c00" + "0a0a000000043cfecc01a008"},
		{"h264", codec.H264, 320, 180, "0142c015ffe1" + "0012" + "6742c0158c8d40a0cbcf37010d0107844235" + "01" + "0004" + "68ce3c80"},
		{"h264-high", codec.H264, 640, 362, "01640016ffe1" + "001a" + "67640016acd940a02ff930110000030001000003001e0f162d96" + "01" + "0006" + "68ebe3cb22c0" + "fdf8f800"},
	} {
		key := keyFrame(t, test.name)
		got, ok := describe(test.format, key)
		require.True(t, ok, test.name)
		require.Equal(t, []int{test.width, test.height}, []int{got.Width, got.Height}, test.name)
		require.Equal(t, test.private, hex.EncodeToString(got.Private), test.name)
		for n := range key {
			describe(test.format, key[:n]) // must not panic
		}
	}
	opus, ok := describe(codec.Opus, []byte{0xfc})
	require.True(t, ok)
	require.Equal(t, "4f707573486561640102380180bb0000000000", hex.EncodeToString(opus.Private))
}

// The sequence header of a scalable stream may tell its layer, which has no place in the description.
func TestDescribeAV1Layer(t *testing.T) {
	key := keyFrame(t, "av1")
	layered := append([]byte{key[0] | 4, 0x08}, key[1:]...)
	plain, ok := describe(codec.AV1, key)
	require.True(t, ok)
	got, ok := describe(codec.AV1, layered)
	require.True(t, ok)
	require.Equal(t, plain, got)
}

func TestWithLengths(t *testing.T) {
	for _, test := range []struct{ frame, want string }{
		{"", ""},
		{"0000016501", "000000026501"},
		{"000000016501", "000000026501"},
		{"0000000167420000000168ce000001650188", "0000000267420000000268ce00000003650188"},
		{"00000167420000000000016501", "000000026742000000026501"},
		{"000001000001", ""},
	} {
		frame, err := hex.DecodeString(test.frame)
		require.NoError(t, err)
		require.Equal(t, test.want, hex.EncodeToString(withLengths(frame)), test.frame)
	}
}

// Whatever a peer sends as a key frame is described, or is not.
func FuzzDescribe(f *testing.F) {
	formats := map[string]codec.Format{
		"vp8": codec.VP8, "vp9": codec.VP9, "av1": codec.AV1, "h264": codec.H264, "h264-high": codec.H264,
	}
	for name, format := range formats {
		b, err := keyFrames.ReadFile("testdata/" + name + ".bin")
		require.NoError(f, err)
		f.Add(uint8(format), b)
	}
	f.Fuzz(func(t *testing.T, format uint8, frame []byte) {
		got, ok := describe(codec.Format(format), frame)
		withLengths(frame)
		if ok && got.Codec != codec.Opus {
			require.True(t, got.Width > 0 && got.Height > 0, "%d × %d", got.Width, got.Height)
		}
	})
}
