package codec_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/rtp/codec"
)

func TestInspectH265(t *testing.T) {
	for _, test := range []struct {
		name    string
		payload string
		want    codec.Info
	}{
		{"IDR slice", "26 01 88", codec.Info{KeyFrame: true, Start: true}},
		{"CRA slice", "2a 01 88", codec.Info{KeyFrame: true, Start: true}},
		{"second IDR slice", "26 01 08", codec.Info{}},
		{"slice", "02 01 d0", codec.Info{Start: true}},
		{"slice of a layer", "03 0b d0", codec.Info{Start: true, TemporalID: 2, SpatialID: 33}},
		{"VPS", "40 01 0c", codec.Info{KeyFrame: true, Start: true}},
		{"SPS", "42 01 01", codec.Info{KeyFrame: true, Start: true}},
		{"PPS", "44 01 c0", codec.Info{}},
		{"AP of parameter sets", "60 01 0003 40 01 0c 0003 42 01 01", codec.Info{KeyFrame: true, Start: true}},
		{"FU, start of IDR", "62 01 93 88", codec.Info{KeyFrame: true, Start: true}},
		{"FU, middle of IDR", "62 01 13 88", codec.Info{}},
		{"FU, start of a slice", "62 02 81 88", codec.Info{Start: true, TemporalID: 1}},
		{"end of sequence, of two bytes", "48 01", codec.Info{}},
	} {
		test.want.PictureID, test.want.TL0PICIDX = -1, -1
		got, err := codec.H265.Inspect(unhex(t, test.payload))
		require.NoError(t, err, test.name)
		require.Equal(t, test.want, got, test.name)
	}
}

func TestH265Payloads(t *testing.T) {
	p, _ := newPair(t, codec.H265)
	const parameters = "00000001 40 01 0c 00000001 42 01 01 00000001 44 01 c0"
	for _, test := range []struct {
		name  string
		frame string
		size  int
		want  []string
	}{
		{"one unit", "000001 02 01 d0", 100, []string{"02 01 d0"}},
		{"parameter sets with the IDR picture", parameters + "00000001 26 01 88", 100,
			[]string{"60 01 0003 40 01 0c 0003 42 01 01 0003 44 01 c0 0003 26 01 88"}},
		{"fragments", parameters + "00000001 26 01 88 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10", 17,
			[]string{
				"60 01 0003 40 01 0c 0003 42 01 01 0003 44 01 c0",
				"62 01 93 88 01 02 03 04 05 06 07 08", "62 01 53 09 0a 0b 0c 0d 0e 0f 10",
			}},
		{"the lowest layer and TID, and F", "000001 03 0b d0 000001 82 12 50", 100,
			[]string{"e0 12 0003 03 0b d0 0003 82 12 50"}},
	} {
		var want [][]byte
		for _, payload := range test.want {
			want = append(want, unhex(t, payload))
		}
		require.Equal(t, want, packetize(t, p, codec.Frame{Data: unhex(t, test.frame)}, test.size), test.name)
	}
	for _, frame := range []string{"02 01 d0", "000001 02", "000001 02 00 d0", "000001 60 01 00 00"} {
		require.ErrorIs(t, p.Start(codec.Frame{Data: unhex(t, frame)}, 100), codec.ErrMalformed, frame)
	}
}

// TestH265DecodingOrder refuses streams whose packets have decoding order numbers.
func TestH265DecodingOrder(t *testing.T) {
	for fmtp, want := range map[string]error{
		"":                          nil,
		"sprop-max-don-diff=0":      nil,
		"sprop-max-don-diff=1":      codec.ErrUnsupported,
		"sprop-max-don-diff=many":   codec.ErrUnsupported,
		"a=b; Sprop-Max-DON-Diff=2": codec.ErrUnsupported,
	} {
		_, err := codec.NewDepacketizer(codec.DepacketizerConfig{Name: "H265", FMTP: fmtp})
		require.ErrorIs(t, err, want, fmtp)
	}
}

// TestH265ParameterSets takes parameter sets from the description.
func TestH265ParameterSets(t *testing.T) {
	d, err := codec.NewDepacketizer(codec.DepacketizerConfig{
		Name: "H265", FMTP: "sprop-vps=QAEM;sprop-sps=QgEB;sprop-pps=RAHA",
	})
	require.NoError(t, err)
	dt := &depacketizerTest{t, d}
	dt.push(codec.Packet{Payload: unhex(t, "46 01 50")})
	f := dt.pushFrame("an IDR picture", codec.Packet{Payload: unhex(t, "26 01 88"), Marker: true})
	require.Equal(t, unhex(t, "00000001 46 01 50 00000001 40 01 0c 00000001 42 01 01 00000001 44 01 c0 00000001 26 01 88"), f.Data)
	require.True(t, f.KeyFrame)
}
