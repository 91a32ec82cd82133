package codec_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/rtp/codec"
)

func TestInspectH264(t *testing.T) {
	for _, test := range []struct {
		name    string
		payload string
		want    codec.Info
	}{
		{"IDR slice", "65 88", codec.Info{KeyFrame: true, Start: true}},
		{"second IDR slice", "65 08", codec.Info{}},
		{"slice", "41 9a", codec.Info{Start: true}},
		{"slice of no reference", "01 9a", codec.Info{Start: true, Discardable: true}},
		{"SPS", "67 42", codec.Info{KeyFrame: true, Start: true}},
		{"PPS", "68 ce", codec.Info{}},
		{"SEI", "06 05 01 00", codec.Info{Discardable: true}},
		{"STAP-A of SPS and PPS", "78 0002 67 42 0002 68 ce", codec.Info{KeyFrame: true, Start: true}},
		{"STAP-A of slices", "58 0002 41 9a 0002 41 1a", codec.Info{Start: true}},
		{"FU-A, start of IDR", "7c 85 88", codec.Info{KeyFrame: true, Start: true}},
		{"FU-A, start of a second IDR slice", "7c 85 08", codec.Info{}},
		{"FU-A, middle of IDR", "7c 05 88", codec.Info{}},
		{"FU-A, end of IDR", "7c 45 88", codec.Info{}},
		{"FU-A, start of a slice", "5c 81 88", codec.Info{Start: true}},
		{"end of stream, of one byte", "0b", codec.Info{Discardable: true}},
	} {
		test.want.PictureID, test.want.TL0PICIDX = -1, -1
		got, err := codec.H264.Inspect(unhex(t, test.payload))
		require.NoError(t, err, test.name)
		require.Equal(t, test.want, got, test.name)
	}
}

func TestH264Payloads(t *testing.T) {
	p, _ := newPair(t, codec.H264)
	const parameters = "00000001 67 42 c0 0c 00000001 68 ce 38 80"
	for _, test := range []struct {
		name  string
		frame string
		size  int
		want  []string
	}{
		{"one unit", "00000001 41 9a", 100, []string{"41 9a"}},
		{"short start code", "000001 41 9a", 100, []string{"41 9a"}},
		{"trailing zeros", "000001 41 9a 0000", 100, []string{"41 9a"}},
		{"empty units", "000001 000001 41 9a 000001", 100, []string{"41 9a"}},
		{"parameter sets with the IDR picture", parameters + "00000001 65 88 01", 100,
			[]string{"78 0004 67 42 c0 0c 0003 68 ce 38 0003 65 88 01"}},
		{"the IDR picture does not fit", parameters + "00000001 65 88 01", 15,
			[]string{"78 0004 67 42 c0 0c 0003 68 ce 38", "65 88 01"}},
		{"fragments", parameters + "00000001 65 88 01 02 03 04 05 06 07 08 09 0a 0b", 12,
			[]string{"78 0004 67 42 c0 0c 0003 68 ce 38", "7c 85 88 01 02 03 04 05", "7c 45 06 07 08 09 0a 0b"}},
		{"three fragments of NRI 0", "00000001 01 9a 01 02 03 04 05", 4,
			[]string{"1c 81 9a 01", "1c 01 02 03", "1c 41 04 05"}},
		{"the highest NRI, and F", "00000001 06 05 00000001 e1 9a 00000001 41 1a", 100,
			[]string{"f8 0002 06 05 0002 e1 9a 0002 41 1a"}},
		{"what fits and what is behind", "000001 06 05 000001 41 9a 000001 41 1a", 9,
			[]string{"58 0002 06 05 0002 41 9a", "41 1a"}},
	} {
		var want [][]byte
		for _, payload := range test.want {
			want = append(want, bytes.TrimRight(unhex(t, payload), "\x00"))
		}
		// Trailing zeros are not a part of a unit: the frames above have none but in the PPS.
		frame := bytes.ReplaceAll(unhex(t, test.frame), []byte{0x38, 0x80}, []byte{0x38})
		require.Equal(t, want, packetize(t, p, codec.Frame{Data: frame}, test.size), test.name)
	}
	for _, frame := range []string{"41 9a", "0000", "00000001", "00000001 78 00", "00000001 60"} {
		require.ErrorIs(t, p.Start(codec.Frame{Data: unhex(t, frame)}, 100), codec.ErrMalformed, frame)
	}
}

// TestH264SingleUnits sends in packetization-mode 0, which is the default.
func TestH264SingleUnits(t *testing.T) {
	for _, fmtp := range []string{"", "packetization-mode=0", "profile-level-id=42e01f; packetization-mode=0"} {
		p, err := codec.NewPacketizer(codec.PacketizerConfig{Name: "H264", FMTP: fmtp})
		require.NoError(t, err)
		frame := codec.Frame{Data: unhex(t, "00000001 67 42 00000001 68 ce 00000001 65 88 01 02")}
		require.Equal(t, [][]byte{unhex(t, "67 42"), unhex(t, "68 ce"), unhex(t, "65 88 01 02")}, packetize(t, p, frame, 4))
		require.ErrorIs(t, p.Start(frame, 3), codec.ErrPayloadSize)
	}
	for _, name := range []string{"H264", "h264"} {
		_, err := codec.NewPacketizer(codec.PacketizerConfig{Name: name, FMTP: "Packetization-Mode=2"})
		require.ErrorIs(t, err, codec.ErrUnsupported)
		_, err = codec.NewDepacketizer(codec.DepacketizerConfig{Name: name, FMTP: "packetization-mode=2"})
		require.ErrorIs(t, err, codec.ErrUnsupported)
	}
}

// TestH264ParameterSets sends IDR pictures without the parameter sets that decoding needs.
func TestH264ParameterSets(t *testing.T) {
	single := func(payload string, timestamp uint32, marker bool) codec.Packet {
		return codec.Packet{Payload: unhex(t, payload), Timestamp: timestamp, Marker: marker}
	}
	const idr = "00000001 65 88 01"
	t.Run("never", func(t *testing.T) {
		dt := newDepacketizerTest(t, "H264")
		dt.push(single("65 88 01", 1, true))
		require.True(t, dt.d.NeedsKeyFrame())
	})
	t.Run("of an earlier time", func(t *testing.T) {
		dt := newDepacketizerTest(t, "H264")
		dt.push(single("67 42", 1, false))
		dt.push(single("68 ce", 1, true)) // no picture: no frame
		f := dt.pushFrame("an IDR picture", single("65 88 01", 2, true))
		require.Equal(t, unhex(t, "00000001 67 42 00000001 68 ce"+idr), f.Data)
		require.True(t, f.KeyFrame)
		require.False(t, f.Gap)
		require.Zero(t, dt.d.Dropped)
	})
	t.Run("behind the delimiter", func(t *testing.T) {
		dt := newDepacketizerTest(t, "H264")
		dt.push(single("78 0002 67 42 0002 68 ce", 1, true))
		f := dt.pushFrame("an IDR picture", single("78 0002 09 f0 0003 65 88 01", 2, true))
		require.Equal(t, unhex(t, "00000001 09 f0 00000001 67 42 00000001 68 ce"+idr), f.Data)
	})
	t.Run("replaced", func(t *testing.T) {
		dt := newDepacketizerTest(t, "H264")
		dt.pushFrame("an IDR picture", single("78 0002 67 42 0002 68 ce 0003 65 88 01", 1, true))
		dt.pushFrame("an IDR picture", single("78 0002 67 4d 0002 68 cf 0003 65 88 01", 2, true))
		dt.pushFrame("a repeated set", single("78 0002 67 4d 0002 41 9a", 3, true))
		f := dt.pushFrame("an IDR picture", single("65 88 01", 4, true))
		require.Equal(t, unhex(t, "00000001 67 4d 00000001 68 cf"+idr), f.Data)
	})
	t.Run("a new picture parameter set", func(t *testing.T) {
		dt := newDepacketizerTest(t, "H264")
		dt.pushFrame("an IDR picture", single("78 0002 67 42 0002 68 ce 0003 65 88 01", 1, true))
		dt.pushFrame("another set", single("78 0002 68 cf 0002 41 9a", 2, true))
		f := dt.pushFrame("an IDR picture", single("65 88 01", 3, true))
		require.Equal(t, unhex(t, "00000001 67 42 00000001 68 ce 00000001 68 cf"+idr), f.Data)
	})
	t.Run("perhaps lost", func(t *testing.T) {
		dt := newDepacketizerTest(t, "H264")
		dt.pushFrame("an IDR picture", single("78 0002 67 42 0002 68 ce 0003 65 88 01", 1, true))
		p := single("65 88 01", 2, true)
		p.Lost = true
		dt.push(p)
		require.True(t, dt.d.NeedsKeyFrame(), "new sets may have been lost")
	})
	t.Run("in the description", func(t *testing.T) {
		d, err := codec.NewDepacketizer(codec.DepacketizerConfig{
			Name: "H264", FMTP: "packetization-mode=1; sprop-parameter-sets=Z0I=,aM4=,!!!,QUI=",
		})
		require.NoError(t, err)
		dt := &depacketizerTest{t, d}
		f := dt.pushFrame("an IDR picture", single("65 88 01", 1, true))
		require.Equal(t, unhex(t, "00000001 67 42 00000001 68 ce"+idr), f.Data)
	})
	t.Run("too many", func(t *testing.T) {
		dt := newDepacketizerTest(t, "H264")
		for i := range 2000 {
			dt.push(codec.Packet{Payload: []byte{0x67, byte(i>>8) | 1, byte(i) | 1}, Timestamp: 1})
			dt.push(codec.Packet{Payload: []byte{0x68, byte(i>>8) | 1, byte(i) | 1}, Timestamp: 1, Marker: i%100 == 0})
			if i%1000 == 0 {
				dt.d.Reset()
			}
		}
		dt.d.Reset()
		f := dt.pushFrame("an IDR picture", single("65 88 01", 2, true))
		require.Less(t, len(f.Data), 200)
	})
}

// TestFragmentsThatDoNotEnd begins something else in the middle of a unit.
func TestFragmentsThatDoNotEnd(t *testing.T) {
	for _, test := range []struct{ name, start, other string }{
		{"H264", "7c 85 88", "41 1a"},
		{"H264", "7c 85 88", "58 0002 41 1a"},
		{"H264", "7c 85 88", "7c 85 08"},
		{"H265", "62 01 93 88", "02 01 50"},
		{"H265", "62 01 93 88", "60 01 0003 02 01 50"},
		{"H265", "62 01 93 88", "62 01 93 08"},
	} {
		dt := newDepacketizerTest(t, test.name)
		dt.push(codec.Packet{Payload: unhex(t, test.start)})
		dt.pushError("the end is missing", codec.Packet{Payload: unhex(t, test.other)}, codec.ErrIncomplete)
		dt = newDepacketizerTest(t, test.name)
		dt.push(codec.Packet{Payload: unhex(t, test.start)})
		other := unhex(t, test.start)
		other[len(other)-2] = other[len(other)-2]&^0x8f | 1 // a fragment of a unit of type 1
		dt.pushError("of another unit", codec.Packet{Payload: other}, codec.ErrMalformed)
	}
}

// TestH264RecoveryPoint starts at a recovery point of a stream of open groups of pictures.
func TestH264RecoveryPoint(t *testing.T) {
	for _, test := range []struct {
		name, sei string
		key       bool
	}{
		{"exact", "06 06 01 c4 80", true},
		{"behind another message", "06 05 02 aa bb 06 01 84 80", true},
		{"after frames", "06 06 01 48 80", false},
		{"another message", "06 05 01 84 80", false},
		{"a message that is cut", "06 05 ff ff ff", false},
		{"a message beyond the end", "06 05 09 84 80", false},
		{"a type that is cut", "06 ff ff ff ff", false},
		{"an empty message", "06 06 00 80", false},
	} {
		d, err := codec.NewDepacketizer(codec.DepacketizerConfig{Name: "H264", FMTP: "sprop-parameter-sets=Z0I=,aM4="})
		require.NoError(t, err)
		require.NoError(t, d.Push(codec.Packet{Payload: unhex(t, test.sei)}))
		require.NoError(t, d.Push(codec.Packet{Payload: unhex(t, "41 9a"), Marker: true}))
		f, ok := d.Next()
		require.Equal(t, test.key, ok, test.name)
		require.Equal(t, test.key, f.KeyFrame, test.name)
	}
}
