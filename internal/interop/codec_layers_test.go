package interop

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/rtp/codec"
)

// TestTemporalLayers loses frames of the higher temporal layers of real streams that have one
// key frame, at the beginning: the base layer goes on without a gap, and a decoder shows of
// what comes out the very pictures that it shows of the whole stream.
func TestTemporalLayers(t *testing.T) {
	const structure = " -g 999 -error-resilient 1 -ts-parameters ts_number_layers=3:ts_target_bitrate=100,200,400:" +
		"ts_rate_decimator=4,2,1:ts_periodicity=4:ts_layer_id=0,2,1,2:ts_layering_mode=3"
	layerOf := [4]uint8{0, 2, 1, 2}
	for _, kind := range videoKinds[:2] {
		t.Run(kind.format.String(), func(t *testing.T) {
			kind.encode = append(kind.encode, strings.Fields(structure)...)
			frames := kind.stream(t)
			want := kind.decode(t, frames)
			for _, lossy := range []uint8{2, 1} {
				p, err := codec.NewPacketizer(codec.PacketizerConfig{Name: kind.format.String(), Layered: true})
				require.NoError(t, err)
				d, err := codec.NewDepacketizer(codec.DepacketizerConfig{Name: kind.format.String()})
				require.NoError(t, err)

				r := newRand(uint64(lossy))
				var got [][]byte
				var gotWant []string
				var count [3]int
				lost := false
				for i, data := range frames {
					f := codec.Frame{Data: data, Timestamp: uint32(i) * 6000}
					f.Layer.TemporalID = layerOf[i%4]
					if i > 0 {
						f.Layer.References = references(i)
					}
					require.NoError(t, p.Start(f, 500))
					loses := f.Layer.TemporalID >= lossy && r.IntN(3) == 0
					for {
						payload, marker, ok := p.AppendPayload(nil)
						if !ok {
							break
						}
						if loses && (marker || r.IntN(4) == 0) {
							lost = true
							continue
						}
						_ = d.Push(codec.Packet{Payload: payload, Timestamp: f.Timestamp, Marker: marker, Lost: lost})
						lost = false
						for f, ok := d.Next(); ok; f, ok = d.Next() {
							count[f.Layer.TemporalID]++
							got = append(got, bytes.Clone(f.Data))
							gotWant = append(gotWant, want[f.Timestamp/6000])
						}
					}
					require.False(t, d.NeedsKeyFrame(), "frame %d", i)
				}
				require.Equal(t, 15, count[0], "all frames of the base layer")
				require.Less(t, len(got), 60)
				require.Positive(t, count[1]+count[2], "frames of higher layers")
				t.Logf("%v without %d: %v of 15, 15 and 30 frames", kind.format, lossy, count)
				require.Equal(t, gotWant, kind.decode(t, got), "digests of the pictures")
			}
		})
	}
}

// references are the pictures that frame i of the structure can depend on at most: those of
// its group that are not of a higher layer, and the base layer's of the group before.
func references(i int) [3]uint8 {
	switch i % 4 {
	case 0:
		return [3]uint8{4}
	case 1:
		return [3]uint8{1}
	case 2:
		return [3]uint8{2}
	default:
		return [3]uint8{3, 1}
	}
}
