package codec_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/rtp/codec"
)

func TestInspectVP9(t *testing.T) {
	for _, test := range []struct {
		name    string
		payload string
		want    codec.Info
	}{
		{"shortest, key frame", "0c 82", codec.Info{KeyFrame: true, Start: true, PictureID: -1, TL0PICIDX: -1}},
		{"shortest, inter frame", "4c 86", codec.Info{Start: true, PictureID: -1, TL0PICIDX: -1}},
		{"in the middle of a key frame", "00 82", codec.Info{PictureID: -1, TL0PICIDX: -1}},
		{"short picture id", "8c 7f 82", codec.Info{KeyFrame: true, Start: true, PictureID: 127, TL0PICIDX: -1}},
		{"long picture id", "cc ff fe 82", codec.Info{Start: true, PictureID: 0x7ffe, TL0PICIDX: -1}},
		{"layers", "ec 05 54 c8 86", codec.Info{
			Start: true, TemporalID: 2, Sync: true, SpatialID: 2, PictureID: 5, TL0PICIDX: 200,
		}},
		{"a layer that depends on the lower one", "ac 05 03 c8 86", codec.Info{
			Start: true, SpatialID: 1, PictureID: 5, TL0PICIDX: 200,
		}},
		{"an independent higher layer", "ac 05 02 c8 86", codec.Info{
			KeyFrame: true, Start: true, SpatialID: 1, PictureID: 5, TL0PICIDX: 200,
		}},
		{"flexible, three references", "fc 05 20 03 05 06 86", codec.Info{
			Start: true, TemporalID: 1, PictureID: 5, TL0PICIDX: -1,
		}},
		{"flexible, key frame", "bc 05 00 82", codec.Info{KeyFrame: true, Start: true, PictureID: 5, TL0PICIDX: -1}},
		{"structure without anything", "8e 05 00 82", codec.Info{KeyFrame: true, Start: true, PictureID: 5, TL0PICIDX: -1}},
		{"structure with all", "8e 05 38 0140 00b4 0280 0168 02 04 01 2c 01 02 03 82",
			codec.Info{KeyFrame: true, Start: true, PictureID: 5, TL0PICIDX: -1}},
	} {
		got, err := codec.VP9.Inspect(unhex(t, test.payload))
		require.NoError(t, err, test.name)
		require.Equal(t, test.want, got, test.name)
	}
}

func TestVP9Payloads(t *testing.T) {
	p, err := codec.NewPacketizer(codec.PacketizerConfig{Name: "VP9", PictureID: 0x7fff})
	require.NoError(t, err)
	key := append(vp9Header(true), 1, 2, 3)
	require.Equal(t, [][]byte{
		append(unhex(t, "8b ff ff 18 0140 00b4 01 04 01"), key[:2]...),
		append(unhex(t, "85 ff ff"), key[2:]...),
	}, packetize(t, p, codec.Frame{Data: key}, 14), "the first packet has the structure")
	require.Equal(t, [][]byte{unhex(t, "cd 80 00 86 01")}, packetize(t, p, codec.Frame{Data: unhex(t, "86 01")}, 100))
	require.Equal(t, [][]byte{unhex(t, "8f 80 01 08 01 04 01 ff 01")},
		packetize(t, p, codec.Frame{Data: unhex(t, "ff 01"), KeyFrame: true}, 100), "an encrypted key frame has no size")

	p, err = codec.NewPacketizer(codec.PacketizerConfig{Name: "VP9", Layered: true, SpatialLayers: 2})
	require.NoError(t, err)
	for _, test := range []struct {
		layer codec.Layer
		want  string
	}{
		{codec.Layer{More: true}, "be 80 00 00 20 01"},
		{codec.Layer{SpatialID: 1, InterLayer: true}, "bd 80 00 03 01"},
		{codec.Layer{TemporalID: 1, More: true, References: [3]uint8{1}}, "fc 80 01 20 02 01"},
		{codec.Layer{TemporalID: 1, SpatialID: 1, Sync: true, References: [3]uint8{1, 0, 127}}, "fd 80 01 32 03 fe 01"},
		{codec.Layer{References: [3]uint8{1, 2, 3}}, "fd 80 02 00 03 05 06 01"},
	} {
		payloads := packetize(t, p, codec.Frame{Data: []byte{1}, Layer: test.layer}, 100)
		require.Equal(t, [][]byte{unhex(t, test.want)}, payloads)
	}

	_, err = codec.NewPacketizer(codec.PacketizerConfig{Name: "VP9", SpatialLayers: 9})
	require.ErrorIs(t, err, codec.ErrUnsupported)
}

// TestVP9Picture puts the spatial layers of a picture together.
func TestVP9Picture(t *testing.T) {
	p, err := codec.NewPacketizer(codec.PacketizerConfig{Name: "VP9", Layered: true, SpatialLayers: 3})
	require.NoError(t, err)
	dt := newDepacketizerTest(t, "VP9")
	layers := []codec.Frame{
		{Data: []byte("base"), Layer: codec.Layer{More: true}},
		{Data: []byte("middle layer"), Layer: codec.Layer{SpatialID: 1, InterLayer: true, More: true}},
		{Data: []byte("top"), Layer: codec.Layer{SpatialID: 2, InterLayer: true}},
	}
	var packets [][]byte
	for _, f := range layers {
		packets = append(packets, packetize(t, p, f, 12)...)
	}
	for i, payload := range packets[:len(packets)-1] {
		dt.push(codec.Packet{Payload: payload, Timestamp: 1})
		require.Equal(t, i == 0, codec.VP9.IsKeyFrame(payload))
	}
	f := dt.pushFrame("the last layer", codec.Packet{Payload: packets[len(packets)-1], Timestamp: 1, Marker: true})
	require.True(t, f.KeyFrame)
	require.EqualValues(t, 2, f.Layer.SpatialID)
	require.Equal(t, "basemiddle layertop"+"\xda\x04\x00\x00\x00\x0c\x00\x00\x00\x03\x00\x00\x00\xda", string(f.Data),
		"with a superframe index of four bytes for each size")

	// A forwarder may leave out the top layer, but not the base.
	for _, payload := range packets[:len(packets)-2] {
		dt.push(codec.Packet{Payload: payload, Timestamp: 2})
	}
	f = dt.pushFrame("two layers", codec.Packet{Payload: packets[len(packets)-2], Timestamp: 2, Marker: true})
	require.EqualValues(t, 1, f.Layer.SpatialID)
	dt.pushError("without the base", codec.Packet{Payload: packets[1], Timestamp: 3, Marker: true}, codec.ErrIncomplete)
}

// TestVP9ImpossiblePictures sends layer frames that cannot be those of one picture.
func TestVP9ImpossiblePictures(t *testing.T) {
	for _, test := range []struct {
		name   string
		second string
		want   error
	}{
		{"a layer twice", "bc 05 00 82", codec.ErrMalformed},
		{"another picture id", "bc 06 02 82", codec.ErrMalformed},
		{"another size of picture id", "bc 80 05 02 82", codec.ErrMalformed},
		{"not flexible", "ac 05 02 00 82", codec.ErrMalformed},
		{"a fragment without a beginning", "b4 05 02 82", codec.ErrIncomplete},
	} {
		dt := newDepacketizerTest(t, "VP9")
		dt.push(codec.Packet{Payload: unhex(t, "bc 05 00 82")})
		dt.pushError(test.name, codec.Packet{Payload: unhex(t, test.second)}, test.want)
	}
	dt := newDepacketizerTest(t, "VP9")
	dt.push(codec.Packet{Payload: unhex(t, "b8 05 00 82")})
	dt.pushError("a fragment of another layer", codec.Packet{Payload: unhex(t, "b4 05 02 82")}, codec.ErrMalformed)
	dt = newDepacketizerTest(t, "VP9")
	for i := range byte(8) {
		dt.push(codec.Packet{Payload: []byte{0xbc, 5, i << 1, 0x82}, Timestamp: 1})
	}
	for i := range byte(8) {
		err := dt.d.Push(codec.Packet{Payload: []byte{0xbc, 5, i << 1, 0x82}, Timestamp: 1})
		require.Equal(t, i == 0, err != nil, "one error for the picture")
	}
}

// TestVP9References loses pictures of a flexible stream.
func TestVP9References(t *testing.T) {
	type picture struct {
		tid  uint8
		refs [3]uint8
		want string
	}
	for _, test := range []struct {
		name     string
		pictures []picture // behind a key frame
	}{
		{"nothing depends on the lost one", []picture{
			{1, [3]uint8{1}, "lost"}, {0, [3]uint8{2}, "yielded"}, {1, [3]uint8{1}, "yielded"},
		}},
		{"a higher layer depends on the lost one", []picture{
			{1, [3]uint8{1}, "lost"}, {2, [3]uint8{1}, "dropped"}, {0, [3]uint8{3}, "yielded"},
			{2, [3]uint8{2}, "dropped"}, {1, [3]uint8{2, 5}, "yielded"},
		}},
		{"the base layer depends on the lost one", []picture{
			{0, [3]uint8{1}, "lost"}, {0, [3]uint8{2, 1}, "needs"}, {0, [3]uint8{3}, "needs"},
		}},
		{"many are lost", []picture{
			{1, [3]uint8{1}, "lost"}, {1, [3]uint8{1}, "lost"}, {1, [3]uint8{1}, "lost"},
			{0, [3]uint8{4}, "yielded"}, {1, [3]uint8{5}, "yielded"}, {1, [3]uint8{3}, "dropped"},
		}},
		{"a refresh without references", []picture{
			{0, [3]uint8{1}, "lost"}, {0, [3]uint8{1}, "needs"},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, err := codec.NewPacketizer(codec.PacketizerConfig{Name: "VP9", Layered: true, PictureID: 0x7ffe})
			require.NoError(t, err)
			dt := newDepacketizerTest(t, "VP9")
			key := packetize(t, p, codec.Frame{Data: []byte{1}}, 100)
			dt.pushFrame("the key frame", codec.Packet{Payload: key[0], Marker: true})
			missing := false
			for i, pic := range test.pictures {
				payloads := packetize(t, p, codec.Frame{
					Data: []byte{1}, Layer: codec.Layer{TemporalID: pic.tid, References: pic.refs},
				}, 100)
				packet := codec.Packet{Payload: payloads[0], Timestamp: uint32(i + 1), Marker: true, Lost: missing}
				missing = pic.want == "lost"
				switch pic.want {
				case "yielded":
					dt.pushFrame("its references have come", packet)
				case "dropped", "needs":
					dt.push(packet)
					require.Equal(t, pic.want == "needs", dt.d.NeedsKeyFrame(), "picture %d", i)
				}
			}
		})
	}
}

// TestVP9FarReferences goes back by any number of pictures that a reference can say, after
// any number of lost ones: to pictures that came, to lost ones, and to none.
func TestVP9FarReferences(t *testing.T) {
	const came = 70 // pictures, the key frame included
	for lost := range 127 {
		for diff := 1; diff < 128; diff += 3 {
			p, err := codec.NewPacketizer(codec.PacketizerConfig{Name: "VP9", Layered: true, PictureID: 0x7ff0})
			require.NoError(t, err)
			dt := newDepacketizerTest(t, "VP9")
			next := func(i, diff int) codec.Packet {
				f := codec.Frame{Data: []byte{1}}
				f.Layer.TemporalID = bit(i > 0)
				f.Layer.References[0] = uint8(diff)
				require.NoError(t, p.Start(f, 100))
				payload, _, _ := p.AppendPayload(nil)
				return codec.Packet{Payload: payload, Timestamp: uint32(i), Marker: true}
			}
			dt.pushFrame("a key frame", next(0, 0))
			for i := 1; i < came; i++ {
				dt.pushFrame("it depends on the one before", next(i, 1))
			}
			for i := range lost {
				next(came+i, 1)
			}
			// This one depends on the last that came, if that can be said, and makes the
			// history move by as many as were lost.
			packet := next(came+lost, lost+1)
			packet.Lost = true
			dt.pushFrame("it depends on the last that came", packet)

			packet = next(came+lost+1, diff)
			if from := came + lost + 1 - diff; from == came+lost || from >= 0 && from < came {
				dt.pushFrame("what it depends on has come", packet)
			} else {
				dt.push(packet)
			}
		}
	}
}

// TestVP9SwitchingUp loses pictures of a stream that is not flexible: higher layers go on at
// a switching up point.
func TestVP9SwitchingUp(t *testing.T) {
	dt := newDepacketizerTest(t, "VP9")
	packet := func(i int, payload string, lost bool) codec.Packet {
		return codec.Packet{Payload: unhex(t, payload), Timestamp: uint32(i), Marker: true, Lost: lost}
	}
	dt.pushFrame("a key frame", packet(0, "ad 01 10 01 82", false))
	dt.pushFrame("all layers", packet(1, "ed 02 20 01 86", false))
	dt.pushFrame("base layer; picture 3 is missing", packet(2, "ed 04 00 02 86", true))
	dt.push(packet(3, "ed 05 20 02 86", false)) // may depend on picture 3
	require.False(t, dt.d.NeedsKeyFrame())
	f := dt.pushFrame("switching up point", packet(4, "ed 06 10 03 86", false))
	require.True(t, f.Layer.Sync)
	dt.pushFrame("the layer above", packet(5, "ed 07 20 03 86", false))
	dt.push(packet(6, "ed 0a 00 05 86", true)) // base layer picture 4 is missing
	require.True(t, dt.d.NeedsKeyFrame())

	dt = newDepacketizerTest(t, "VP9")
	dt.pushFrame("a key frame", packet(0, "ad 01 00 01 82", false))
	dt.pushFrame("base layer; picture 2 is missing", packet(1, "ed 03 00 02 86", true))
	dt.push(packet(2, "ed 04 40 02 86", false)) // layer 2 may depend on picture 2
	dt.push(packet(3, "ed 05 20 02 86", false)) // so may layer 1
	dt.pushFrame("base layer, switching up point", packet(4, "ed 06 10 03 86", false))
	dt.pushFrame("layer 2", packet(5, "ed 07 40 03 86", false))
	dt.pushFrame("layer 1, where only pictures above it go on", packet(6, "ed 08 30 03 86", false))
	dt.push(packet(7, "ed 0a 00 05 86", true))
	require.True(t, dt.d.NeedsKeyFrame())
}
