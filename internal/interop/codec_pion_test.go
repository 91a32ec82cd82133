package interop

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/pion/rtp/codecs"
	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/rtp/codec"
)

// A pionPayloader splits a frame, as Pion does it.
type pionPayloader interface {
	Payload(mtu uint16, payload []byte) [][]byte
}

// A pionDepacketizer returns what a payload adds to the frame.
type pionDepacketizer interface {
	Unmarshal(payload []byte) ([]byte, error)
}

// pionKinds are the formats that Pion has both ways. Its depacketizers keep state, and give
// units of H.264 and H.265 with start codes.
var pionKinds = map[codec.Format]struct {
	payloader    func() pionPayloader
	depacketizer func() pionDepacketizer
}{
	codec.VP8: {
		func() pionPayloader { return &codecs.VP8Payloader{EnablePictureID: true} },
		func() pionDepacketizer { return &codecs.VP8Packet{} },
	},
	codec.VP9: {
		func() pionPayloader { return &codecs.VP9Payloader{InitialPictureIDFn: func() uint16 { return 0x7ff0 }} },
		func() pionDepacketizer { return &codecs.VP9Packet{} },
	},
	codec.AV1: {
		func() pionPayloader { return &codecs.AV1Payloader{} },
		func() pionDepacketizer { return &codecs.AV1Depacketizer{} },
	},
	codec.H264: {
		func() pionPayloader { return &codecs.H264Payloader{} },
		func() pionDepacketizer { return &codecs.H264Packet{} },
	},
	codec.H265: {
		func() pionPayloader { return &codecs.H265Payloader{} },
		func() pionDepacketizer { return &codecs.H265Depacketizer{} },
	},
}

// TestCodecsWithPion sends streams of real encoders from our packetizers to Pion's
// depacketizers and from Pion's payloaders to our depacketizers.
func TestCodecsWithPion(t *testing.T) {
	for _, kind := range videoKinds {
		t.Run(kind.format.String(), func(t *testing.T) {
			frames := kind.stream(t)
			want := kind.decode(t, frames)
			for _, size := range []int{100, 1200} {
				t.Run(fmt.Sprint("ToPion", size), func(t *testing.T) {
					got := toPion(t, &kind, frames, size)
					require.Equal(t, want, kind.decode(t, got))
				})
				t.Run(fmt.Sprint("FromPion", size), func(t *testing.T) {
					got := fromPion(t, &kind, frames, size)
					require.Equal(t, want, kind.decode(t, got))
				})
			}
		})
	}
}

func toPion(t *testing.T, kind *videoKind, frames [][]byte, size int) (got [][]byte) {
	p, err := codec.NewPacketizer(codec.PacketizerConfig{Name: kind.format.String(), FMTP: kind.fmtp, PictureID: 0x7ff0})
	require.NoError(t, err)
	d := pionKinds[kind.format].depacketizer()
	for i, data := range frames {
		require.NoError(t, p.Start(codec.Frame{Data: data}, size))
		var frame []byte
		for {
			payload, _, ok := p.AppendPayload(nil)
			if !ok {
				break
			}
			part, err := d.Unmarshal(payload)
			require.NoError(t, err, "frame %d: %x", i, payload)
			frame = append(frame, part...)
			checkWithPion(t, d, kind.format, payload)
		}
		got = append(got, frame)
	}
	return got
}

// checkWithPion compares what we say of a payload with what Pion has read.
func checkWithPion(t *testing.T, d pionDepacketizer, format codec.Format, payload []byte) {
	info, err := format.Inspect(payload)
	require.NoError(t, err)
	switch d := d.(type) {
	case *codecs.VP8Packet:
		require.Equal(t, int(d.PictureID), info.PictureID)
		require.Equal(t, d.S == 1 && d.PID == 0, info.Start)
	case *codecs.VP9Packet:
		require.Equal(t, int(d.PictureID), info.PictureID)
		require.Equal(t, d.B, info.Start)
		require.Equal(t, d.B && !d.P, info.KeyFrame)
		if d.V {
			require.Equal(t, []uint16{320}, d.Width)
			require.Equal(t, []uint16{180}, d.Height)
		}
	}
}

func fromPion(t *testing.T, kind *videoKind, frames [][]byte, size int) (got [][]byte) {
	d, err := codec.NewDepacketizer(codec.DepacketizerConfig{Name: kind.format.String(), FMTP: kind.fmtp})
	require.NoError(t, err)
	p := pionKinds[kind.format].payloader()
	keys := 0
	for i, data := range frames {
		payloads := p.Payload(uint16(size), bytes.Clone(data))
		for j, payload := range payloads {
			last := j == len(payloads)-1
			require.NoError(t, d.Push(codec.Packet{Payload: payload, Timestamp: uint32(i), Marker: last}),
				"frame %d, packet %d: %x", i, j, payload)
			f, ok := d.Next()
			require.Equal(t, last, ok, "frame %d, packet %d", i, j)
			if ok {
				got = append(got, bytes.Clone(f.Data))
				if f.KeyFrame {
					keys++
				}
			}
		}
	}
	require.Equal(t, 4, keys, "a key frame each 15 frames")
	return got
}
