package codec_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/rtp/codec"
)

func TestFormats(t *testing.T) {
	for _, format := range allFormats {
		for _, name := range []string{format.String(), strings.ToUpper(format.String()), strings.ToLower(format.String())} {
			require.Equal(t, format, codec.FormatByName(name), name)
			p, err := codec.NewPacketizer(codec.PacketizerConfig{Name: name})
			require.NoError(t, err)
			require.Equal(t, format, p.Format())
			d, err := codec.NewDepacketizer(codec.DepacketizerConfig{Name: name})
			require.NoError(t, err)
			require.Equal(t, format, d.Format())
			require.Equal(t, format.Video(), d.NeedsKeyFrame())
		}
	}
	for _, name := range []string{"", "unknown", "rtx", "VP", "H264 "} {
		require.Zero(t, codec.FormatByName(name), name)
		_, err := codec.NewPacketizer(codec.PacketizerConfig{Name: name})
		require.ErrorIs(t, err, codec.ErrUnknownFormat)
		_, err = codec.NewDepacketizer(codec.DepacketizerConfig{Name: name})
		require.ErrorIs(t, err, codec.ErrUnknownFormat)
	}
	var none codec.Format
	require.Equal(t, "unknown", none.String())
	require.Equal(t, "unknown", codec.Format(200).String())
	require.False(t, none.Video() || none.IsKeyFrame([]byte{1}))
	_, err := none.Inspect([]byte{1})
	require.ErrorIs(t, err, codec.ErrUnknownFormat)
}

// TestAudio passes packets through as they are, with their marker, and goes on after a loss.
func TestAudio(t *testing.T) {
	for _, format := range allFormats[5:] {
		p, d := newPair(t, format)
		dt := &depacketizerTest{t, d}
		payloads := packetize(t, p, codec.Frame{Data: []byte{0, 1, 2}, Marker: true}, 3)
		require.Equal(t, [][]byte{{0, 1, 2}}, payloads)
		require.NoError(t, p.Start(codec.Frame{Data: []byte{1}}, 3))
		_, marker, ok := p.AppendPayload(nil)
		require.True(t, ok)
		require.False(t, marker)

		f := dt.pushFrame("the first", codec.Packet{Payload: payloads[0], Timestamp: 7, Marker: true})
		require.Equal(t, codec.Frame{
			Data: []byte{0, 1, 2}, Timestamp: 7, KeyFrame: true, Marker: true, Packets: 1,
		}, f)
		dt.push(codec.Packet{Timestamp: 8}) // nothing, as in discontinuous transmission
		f = dt.pushFrame("of the same time", codec.Packet{Payload: []byte{9}, Timestamp: 7})
		require.False(t, f.Marker || f.Gap)
		f = dt.pushFrame("after a loss", codec.Packet{Payload: []byte{9}, Timestamp: 17, Lost: true})
		require.True(t, f.Gap)
		require.Zero(t, d.Dropped)
		require.True(t, format.IsKeyFrame([]byte{1}))
	}
}

// TestBorrowedBytes shows how long the bytes of a frame live, and that payloads are neither
// kept nor changed.
func TestBorrowedBytes(t *testing.T) {
	for _, format := range allFormats {
		s := newSample(format, 15)
		p, d := newPair(t, format)
		f := s.frame()
		payloads := packetize(t, p, f, 8000)
		before := strings.Clone(string(payloads[0]))
		for i, payload := range payloads {
			require.NoError(t, d.Push(codec.Packet{Payload: payload, Marker: i == len(payloads)-1}))
			require.Equal(t, before, string(payloads[0]))
			clear(payload)
			before = strings.Repeat("\x00", len(payloads[0]))
		}
		got, ok := d.Next()
		require.True(t, ok)
		require.Equal(t, f.Data, got.Data, "%v", format)
	}
}
