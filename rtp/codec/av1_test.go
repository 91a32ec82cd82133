package codec_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/rtp/codec"
)

func TestInspectAV1(t *testing.T) {
	for _, test := range []struct {
		name    string
		payload string
		want    codec.Info
	}{
		{"first of a coded video sequence", "18 30 10", codec.Info{KeyFrame: true, Start: true}},
		{"sequence header and key frame", "20 02 08 00 30 10", codec.Info{KeyFrame: true, Start: true}},
		{"sequence header and inter frame", "20 02 08 00 30 30", codec.Info{Start: true}},
		{"sequence header and repeated frame", "20 02 08 00 18 90", codec.Info{Start: true}},
		{"key frame alone", "10 30 10", codec.Info{Start: true}},
		{"key frame with sizes, to be continued", "60 03 0a 01 00 32 ff 01 10", codec.Info{KeyFrame: true, Start: true}},
		{"the rest of an OBU", "90 30 10", codec.Info{}},
		{"layers", "10 34 48 30", codec.Info{Start: true, TemporalID: 2, SpatialID: 1}},
		{"a header that is continued", "50 34", codec.Info{Start: true}},
	} {
		test.want.PictureID, test.want.TL0PICIDX = -1, -1
		got, err := codec.AV1.Inspect(unhex(t, test.payload))
		require.NoError(t, err, test.name)
		require.Equal(t, test.want, got, test.name)
	}
}

func TestAV1Payloads(t *testing.T) {
	p, _ := newPair(t, codec.AV1)
	for _, test := range []struct {
		name  string
		frame string
		size  int
		want  []string
	}{
		{"delimiter, sequence header, key frame", "12 00 0a 02 aa bb 32 02 10 cc", 100, []string{"28 03 08 aa bb 30 10 cc"}},
		{"three", "32 01 30 32 01 31 32 01 32", 100, []string{"30 02 30 30 02 30 31 30 32"}},
		{"four", "32 01 30 32 01 31 32 01 32 32 01 33", 100, []string{"00 02 30 30 02 30 31 02 30 32 02 30 33"}},
		{"no size", "30 30 cc", 100, []string{"10 30 30 cc"}},
		{"delimiter, tile list and padding", "12 00 42 01 00 32 01 30 7a 01 00", 100, []string{"10 30 30"}},
		{"fragments", "32 05 30 01 02 03 04", 4, []string{"50 30 30 01", "90 02 03 04"}},
		{"fragments of one byte", "36 08 01 30", 2, []string{"50 34", "d0 08", "90 30"}},
		{"one of another layer", "36 08 01 30 36 10 01 31", 100, []string{"00 03 34 08 30", "10 34 10 31"}},
		{"those of one layer", "0a 01 00 36 08 01 30 36 08 01 31", 100, []string{"30 02 08 00 03 34 08 30 34 08 31"}},
		{"the rest of a fragment, and another", "32 03 30 01 02 32 01 30", 3, []string{"50 30 30", "90 01 02", "10 30 30"}},
		{"the rest and another together", "32 15 30 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 11 12 13 14 32 01 33", 20,
			[]string{"50 30 30 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 11", "a0 03 12 13 14 30 33"}},
	} {
		var want [][]byte
		for _, payload := range test.want {
			want = append(want, unhex(t, payload))
		}
		require.Equal(t, want, packetize(t, p, codec.Frame{Data: unhex(t, test.frame)}, test.size), test.name)
	}
	for _, frame := range []string{"12 00", "b2 01 30", "32 02 30", "32", "36", "32 80", "12 00 7a 01 00"} {
		require.ErrorIs(t, p.Start(codec.Frame{Data: unhex(t, frame)}, 100), codec.ErrMalformed, frame)
	}
	require.Equal(t, [][]byte{unhex(t, "18 30 ff")},
		packetize(t, p, codec.Frame{Data: unhex(t, "32 01 ff"), KeyFrame: true}, 100), "an encrypted key frame")
}

// TestAV1TemporalUnits gives OBUs sizes, and leaves out what is not for decoders.
func TestAV1TemporalUnits(t *testing.T) {
	for _, test := range []struct {
		name     string
		payloads []string
		want     string
	}{
		{"sizes are added", []string{"28 03 08 aa bb 30 10 cc"}, "0a 02 aa bb 32 02 10 cc"},
		{"sizes are kept", []string{"28 04 0a 02 aa bb 32 02 10 cc"}, "0a 02 aa bb 32 02 10 cc"},
		{"with an extension header", []string{"28 03 08 aa bb 34 08 10 cc"}, "0a 02 aa bb 36 08 02 10 cc"},
		{"all with lengths", []string{"08 03 08 aa bb 03 30 10 cc"}, "0a 02 aa bb 32 02 10 cc"},
		{"delimiters and tile lists", []string{"38 02 12 00 03 08 aa bb 30 10", "20 02 40 00 30 30"}, "0a 02 aa bb 32 01 10 32 01 30"},
		{"fragments", []string{"68 03 08 aa bb 30 10", "d0 cc", "a0 01 dd 30 33"}, "0a 02 aa bb 32 03 10 cc dd 32 01 33"},
		{"sizes in fragments", []string{"68 03 08 aa bb 32", "d0 02", "90 10 cc"}, "0a 02 aa bb 32 02 10 cc"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dt := newDepacketizerTest(t, "AV1")
			last := len(test.payloads) - 1
			for _, payload := range test.payloads[:last] {
				dt.push(codec.Packet{Payload: unhex(t, payload)})
			}
			f := dt.pushFrame("the last payload", codec.Packet{Payload: unhex(t, test.payloads[last]), Marker: true})
			require.Equal(t, unhex(t, test.want), f.Data)
			require.True(t, f.KeyFrame)
		})
	}

	dt := newDepacketizerTest(t, "AV1")
	dt.push(codec.Packet{Payload: unhex(t, "18 30 10"), Marker: true})
	require.True(t, dt.d.NeedsKeyFrame(), "there is no sequence header")
	dt.push(codec.Packet{Payload: unhex(t, "10 12 00"), Timestamp: 1, Marker: true})
	require.EqualValues(t, 1, dt.d.Dropped, "a delimiter alone is not a frame")
}
