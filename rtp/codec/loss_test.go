package codec_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/rtp/codec"
)

// TestLoss loses packets at random. What comes out has to be exactly the frames that came
// whole and that follow a key frame without a frame missing in between.
func TestLoss(t *testing.T) {
	for _, format := range allFormats {
		for _, percent := range []int{1, 10, 40} {
			t.Run(fmt.Sprint(format, percent), func(t *testing.T) {
				testLoss(t, format, percent)
			})
		}
	}
}

func testLoss(t *testing.T, format codec.Format, percent int) {
	s := newSample(format, uint64(percent))
	p, d := newPair(t, format)
	var got, want []codec.Frame
	decodable := false // the next frame can be decoded if it is not a key frame
	lost := false      // packets before the next one are missing
	for i := range 400 {
		f := s.frame()
		f.Timestamp = uint32(i * 3000)
		payloads := packetize(t, p, f, 400)
		whole := true
		for j, payload := range payloads {
			if s.rand.IntN(100) < percent {
				whole, lost = false, true
				continue
			}
			// Errors are what is left of frames that have lost their first packet.
			_ = d.Push(codec.Packet{
				Payload: payload, Timestamp: f.Timestamp, Marker: j == len(payloads)-1, Lost: lost,
			})
			lost = false
			for f, ok := d.Next(); ok; f, ok = d.Next() {
				f.Data = bytes.Clone(f.Data)
				got = append(got, f)
			}
		}
		decodable = whole && (decodable || f.KeyFrame) || !format.Video()
		if whole && decodable {
			want = append(want, f)
		}
		if whole {
			require.Equal(t, !decodable, d.NeedsKeyFrame(), "frame %d", i)
		}
	}
	require.Len(t, got, len(want))
	require.Greater(t, len(want), 5, "the test loses nearly everything")
	for i := range want {
		require.Equal(t, want[i].Timestamp, got[i].Timestamp, "frame %d", i)
		require.Equal(t, want[i].Data, got[i].Data, "frame %d", i)
		require.Equal(t, want[i].KeyFrame, got[i].KeyFrame, "frame %d", i)
		if i > 0 {
			gap := want[i].Timestamp-want[i-1].Timestamp != 3000
			require.Equal(t, gap, got[i].Gap, "frame %d", i)
		}
	}
}

// TestMissingMarkers sends frames whose last packet has no marker: the next frame shows that
// they are complete.
func TestMissingMarkers(t *testing.T) {
	for _, format := range videoFormats {
		t.Run(format.String(), func(t *testing.T) {
			s := newSample(format, 3)
			p, d := newPair(t, format)
			var want []byte
			for i := range 50 {
				f := s.frame()
				for _, payload := range packetize(t, p, f, 300) {
					require.NoError(t, d.Push(codec.Packet{Payload: payload, Timestamp: uint32(i)}))
					got, ok := d.Next()
					require.Equal(t, want != nil, ok, "frame %d", i)
					if ok {
						require.Equal(t, want, got.Data, "frame %d", i)
						require.False(t, got.Marker)
						want = nil
					}
				}
				want = f.Data
			}
		})
	}
}

// TestTwoFramesAtOnce completes a frame without a marker by a packet that is a frame.
func TestTwoFramesAtOnce(t *testing.T) {
	s := newSample(codec.VP8, 4)
	p, d := newPair(t, codec.VP8)
	first, second := s.frame(), s.frame()
	require.NoError(t, d.Push(codec.Packet{Payload: packetize(t, p, first, 8000)[0], Timestamp: 1}))
	require.NoError(t, d.Push(codec.Packet{Payload: packetize(t, p, second, 8000)[0], Timestamp: 2, Marker: true}))
	a, ok := d.Next()
	require.True(t, ok)
	b, ok := d.Next()
	require.True(t, ok)
	_, ok = d.Next()
	require.False(t, ok)
	require.Equal(t, first.Data, a.Data)
	require.Equal(t, second.Data, b.Data)
	require.Equal(t, len(a.Data), cap(a.Data), "an append does not run into the neighbour")
}

// TestPadding takes packets without a payload for what they are.
func TestPadding(t *testing.T) {
	s := newSample(codec.H264, 5)
	p, d := newPair(t, codec.H264)
	var n int
	for i := range 30 {
		for j, payloads := 0, packetize(t, p, s.frame(), 300); j < len(payloads); j++ {
			require.NoError(t, d.Push(codec.Packet{Timestamp: uint32(i)}))
			require.NoError(t, d.Push(codec.Packet{
				Payload: payloads[j], Timestamp: uint32(i), Marker: j == len(payloads)-1,
			}))
			if _, ok := d.Next(); ok {
				n++
			}
		}
	}
	require.Equal(t, 30, n)
}

// TestNeedsKeyFrame asks for a key frame as soon as it is clear that nothing else helps.
func TestNeedsKeyFrame(t *testing.T) {
	for _, format := range allFormats {
		s := newSample(format, 17)
		p, d := newPair(t, format)
		payloads := packetize(t, p, s.frame(), 8000)
		for i, payload := range payloads {
			require.NoError(t, d.Push(codec.Packet{Payload: payload, Marker: i == len(payloads)-1}))
		}
		require.False(t, d.NeedsKeyFrame(), "%v", format)
		require.NoError(t, d.Push(codec.Packet{Lost: true}))
		bridges := format == codec.VP8 || format == codec.VP9 || !format.Video()
		require.Equal(t, !bridges, d.NeedsKeyFrame(), "%v: VP8 and VP9 say what was lost in the next frame", format)
	}
}

// TestReset begins anew, as with another sender on the same stream.
func TestReset(t *testing.T) {
	for _, format := range allFormats {
		s := newSample(format, 6)
		p, d := newPair(t, format)
		key, delta := s.frame(), s.frame()
		send := func(f codec.Frame) (got codec.Frame, ok bool) {
			payloads := packetize(t, p, f, 6000)
			for j, payload := range payloads {
				require.NoError(t, d.Push(codec.Packet{Payload: payload, Marker: j == len(payloads)-1}))
				got, ok = d.Next()
			}
			return got, ok
		}
		_, ok := send(key)
		require.True(t, ok)
		d.Reset()
		require.Equal(t, format.Video(), d.NeedsKeyFrame())
		_, ok = send(delta)
		require.Equal(t, !format.Video(), ok, "%v: nothing is known of what it depends on", format)
		f, ok := send(key)
		require.True(t, ok)
		require.False(t, f.Gap && !format.Video())
	}
}
