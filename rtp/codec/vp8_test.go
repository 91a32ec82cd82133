package codec_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/rtp/codec"
)

func TestInspectVP8(t *testing.T) {
	for _, test := range []struct {
		name    string
		payload string
		want    codec.Info
	}{
		{"shortest, key frame", "10 00", codec.Info{KeyFrame: true, Start: true, PictureID: -1, TL0PICIDX: -1}},
		{"shortest, inter frame", "10 01", codec.Info{Start: true, PictureID: -1, TL0PICIDX: -1}},
		{"in the middle", "00 00", codec.Info{PictureID: -1, TL0PICIDX: -1}},
		{"second partition", "11 00", codec.Info{PictureID: -1, TL0PICIDX: -1}},
		{"not a reference", "30 01", codec.Info{Start: true, Discardable: true, PictureID: -1, TL0PICIDX: -1}},
		{"short picture id", "90 80 7f 00", codec.Info{KeyFrame: true, Start: true, PictureID: 127, TL0PICIDX: -1}},
		{"long picture id", "90 80 ff fe 01", codec.Info{Start: true, PictureID: 0x7ffe, TL0PICIDX: -1}},
		{"TL0PICIDX", "90 40 c8 01", codec.Info{Start: true, PictureID: -1, TL0PICIDX: 200}},
		{"TID and Y", "90 20 a0 01", codec.Info{Start: true, TemporalID: 2, Sync: true, PictureID: -1, TL0PICIDX: -1}},
		{"KEYIDX alone", "90 10 e5 01", codec.Info{Start: true, PictureID: -1, TL0PICIDX: -1}},
		{"all", "b0 f0 81 02 07 45 01", codec.Info{
			Start: true, Discardable: true, TemporalID: 1, PictureID: 0x102, TL0PICIDX: 7,
		}},
		{"no fields", "90 00 01", codec.Info{Start: true, PictureID: -1, TL0PICIDX: -1}},
	} {
		got, err := codec.VP8.Inspect(unhex(t, test.payload))
		require.NoError(t, err, test.name)
		require.Equal(t, test.want, got, test.name)
	}
}

func TestVP8Payloads(t *testing.T) {
	p, err := codec.NewPacketizer(codec.PacketizerConfig{Name: "vp8", PictureID: 0xffff})
	require.NoError(t, err)
	require.Equal(t, [][]byte{
		unhex(t, "90 80 ff ff 00 01 02"),
		unhex(t, "80 80 ff ff 03 04"),
		unhex(t, "80 80 ff ff 05 06"),
	}, packetize(t, p, codec.Frame{Data: unhex(t, "00 01 02 03 04 05 06")}, 7), "pieces of like size")
	require.Equal(t, [][]byte{unhex(t, "b0 80 80 00 01")},
		packetize(t, p, codec.Frame{Data: []byte{1}, Layer: codec.Layer{Discardable: true}}, 7), "the picture id wraps")

	p, err = codec.NewPacketizer(codec.PacketizerConfig{Name: "VP8", Layered: true})
	require.NoError(t, err)
	for _, test := range []struct {
		layer codec.Layer
		want  string
	}{
		{codec.Layer{}, "90 e0 80 00 01 00 01"},
		{codec.Layer{TemporalID: 2, Sync: true}, "90 e0 80 01 01 a0 01"},
		{codec.Layer{TemporalID: 1}, "90 e0 80 02 01 40 01"},
		{codec.Layer{}, "90 e0 80 03 02 00 01"},
	} {
		require.Equal(t, [][]byte{unhex(t, test.want)}, packetize(t, p, codec.Frame{Data: []byte{1}, Layer: test.layer}, 100))
	}
}

// A layered frame is one of a stream of temporal layers.
type layeredFrame struct {
	tid  uint8
	sync bool
	want string // what happens to it: yielded, lost, dropped, key frame needed
}

// TestVP8Layers loses frames of a stream of three temporal layers: what depends on nothing
// that is missing goes on.
func TestVP8Layers(t *testing.T) {
	const (
		yielded = "yielded"
		lost    = "lost"
		dropped = "dropped"
		needs   = "needs a key frame"
	)
	for _, test := range []struct {
		name   string
		frames []layeredFrame // behind a key frame
	}{
		{"nothing", []layeredFrame{{2, false, yielded}, {1, false, yielded}, {2, false, yielded}, {0, false, yielded}}},
		{"the highest layer", []layeredFrame{
			{2, false, lost}, {1, true, yielded}, {2, false, dropped}, {0, false, yielded},
			{2, true, yielded}, {1, false, yielded}, {2, false, yielded},
		}},
		{"the middle layer", []layeredFrame{
			{2, false, yielded}, {1, false, lost}, {2, false, dropped}, {0, false, yielded},
			{2, false, dropped}, {1, false, dropped}, {2, true, yielded}, {0, false, yielded},
			{2, false, dropped}, {1, true, yielded}, {2, false, dropped}, {2, true, yielded},
			{1, false, yielded}, {2, false, yielded},
		}},
		{"the base layer", []layeredFrame{
			{2, false, yielded}, {1, false, yielded}, {2, false, yielded}, {0, false, lost},
			{2, true, needs}, {1, true, needs}, {2, true, needs}, {0, false, needs},
		}},
		{"the base layer, seen by the next of it", []layeredFrame{
			{0, false, yielded}, {0, false, lost}, {0, false, needs}, {0, false, needs},
		}},
		{"everything between two of the base layer", []layeredFrame{
			{2, false, lost}, {1, false, lost}, {2, false, lost}, {0, false, yielded}, {2, true, yielded},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, err := codec.NewPacketizer(codec.PacketizerConfig{Name: "VP8", Layered: true, PictureID: 0x7ffd})
			require.NoError(t, err)
			dt := newDepacketizerTest(t, "VP8")
			key := packetize(t, p, codec.Frame{Data: []byte{0, 1}}, 100)
			dt.pushFrame("the key frame", codec.Packet{Payload: key[0], Marker: true})
			missing := false
			gap := false
			for i, f := range test.frames {
				payloads := packetize(t, p, codec.Frame{
					Data: []byte{1, byte(i)}, Layer: codec.Layer{TemporalID: f.tid, Sync: f.sync},
				}, 100)
				packet := codec.Packet{Payload: payloads[0], Timestamp: uint32(i + 1), Marker: true, Lost: missing}
				missing = false
				switch f.want {
				case yielded:
					got := dt.pushFrame("it depends on nothing that is missing", packet)
					require.Equal(t, f.tid, got.Layer.TemporalID, "frame %d", i)
					require.Equal(t, f.sync, got.Layer.Sync, "frame %d", i)
					require.Equal(t, gap, got.Gap, "frame %d", i)
					require.False(t, dt.d.NeedsKeyFrame())
					gap = false
				case lost:
					missing, gap = true, true
				case dropped:
					dt.push(packet)
					require.False(t, dt.d.NeedsKeyFrame(), "frame %d", i)
					gap = true
				case needs:
					dt.push(packet)
					require.True(t, dt.d.NeedsKeyFrame(), "frame %d", i)
				}
			}
		})
	}
}

// TestVP8IndexWraps loses a higher layer where TL0PICIDX wraps.
func TestVP8IndexWraps(t *testing.T) {
	dt := newDepacketizerTest(t, "VP8")
	dt.pushFrame("a key frame", codec.Packet{Payload: unhex(t, "90 e0 05 ff 00 00"), Marker: true})
	dt.pushFrame("the next of the base layer", codec.Packet{Payload: unhex(t, "90 e0 07 00 00 01"), Timestamp: 1, Marker: true, Lost: true})
}

// TestVP8TwoFramesOfOneTime begins a second frame without an end of the first.
func TestVP8TwoFramesOfOneTime(t *testing.T) {
	dt := newDepacketizerTest(t, "VP8")
	dt.push(codec.Packet{Payload: unhex(t, "90 80 05 00")})
	dt.pushError("not in one", codec.Packet{Payload: unhex(t, "90 80 06 01")}, codec.ErrMalformed)
}

// TestVP8LongGap does not believe a picture id that may have wrapped.
func TestVP8LongGap(t *testing.T) {
	dt := newDepacketizerTest(t, "VP8")
	dt.pushFrame("a key frame", codec.Packet{Payload: unhex(t, "90 80 05 00"), Marker: true})
	dt.pushFrame("nothing is missing", codec.Packet{Payload: unhex(t, "90 80 06 01"), Timestamp: 90000, Marker: true, Lost: true})
	dt.push(codec.Packet{Payload: unhex(t, "90 80 07 01"), Timestamp: 90000 * 5, Marker: true, Lost: true})
	require.True(t, dt.d.NeedsKeyFrame())
}
