package codec_test

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/rtp/codec"
)

var allFormats = []codec.Format{
	codec.VP8, codec.VP9, codec.H264, codec.H265, codec.AV1, codec.Opus, codec.PCMU,
	codec.PCMA, codec.G722, codec.RED, codec.CN, codec.TelephoneEvent,
}

var videoFormats = allFormats[:5]

// unhex returns the bytes of hex digits with spaces between them.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	require.NoError(t, err)
	return b
}

// A depacketizerTest feeds a depacketizer and says what has to come out.
type depacketizerTest struct {
	t *testing.T
	d *codec.Depacketizer
}

func newDepacketizerTest(t *testing.T, name string) *depacketizerTest {
	t.Helper()
	d, err := codec.NewDepacketizer(codec.DepacketizerConfig{Name: name})
	require.NoError(t, err)
	return &depacketizerTest{t, d}
}

// push feeds a packet that neither is an error nor completes a frame.
func (test *depacketizerTest) push(p codec.Packet) {
	test.t.Helper()
	require.NoError(test.t, test.d.Push(p))
	test.wantNone("the packet is not to complete a frame")
}

// pushError feeds a packet that has to give an error.
func (test *depacketizerTest) pushError(why string, p codec.Packet, want error) {
	test.t.Helper()
	require.ErrorIs(test.t, test.d.Push(p), want, why)
	test.wantNone(why)
}

// pushFrame feeds a packet that has to complete one frame, and returns it.
func (test *depacketizerTest) pushFrame(why string, p codec.Packet) codec.Frame {
	test.t.Helper()
	require.NoError(test.t, test.d.Push(p), why)
	f, ok := test.d.Next()
	require.True(test.t, ok, "no frame: %s", why)
	test.wantNone("one frame is enough")
	return f
}

func (test *depacketizerTest) wantNone(why string) {
	test.t.Helper()
	f, ok := test.d.Next()
	require.False(test.t, ok, "%s: got the frame %x", why, f.Data)
}

// packetize returns copies of the payloads of a frame; the last one has the marker.
func packetize(t testing.TB, p *codec.Packetizer, f codec.Frame, size int) [][]byte {
	t.Helper()
	require.NoError(t, p.Start(f, size))
	var payloads [][]byte
	for {
		b, marker, ok := p.AppendPayload(nil)
		if !ok {
			require.Empty(t, b)
			return payloads
		}
		require.NotEmpty(t, b)
		require.LessOrEqual(t, len(b), size)
		payloads = append(payloads, b)
		require.Less(t, len(payloads), 1<<17, "packetizing does not end")
		if p.Format().Video() && !f.Layer.More {
			next, _, more := p.AppendPayload(nil)
			require.Equal(t, !more, marker, "the marker is that of the last packet")
			if more {
				// The payload is looked at twice only to know that it exists.
				payloads = append(payloads, next)
				require.LessOrEqual(t, len(next), size)
			}
		}
	}
}

// A sample makes frames of a format with random content.
type sample struct {
	format codec.Format
	rand   *rand.Rand
	count  int
}

func newSample(format codec.Format, seed uint64) *sample {
	return &sample{format: format, rand: rand.New(rand.NewPCG(seed, uint64(format)))}
}

// bytes returns random bytes that no parser takes for a start code.
func (s *sample) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(1 + s.rand.IntN(255))
	}
	return b
}

// frame returns the next frame; the first is a key frame, as is every tenth.
func (s *sample) frame() codec.Frame {
	key := s.count%10 == 0
	s.count++
	size := 1 + s.rand.IntN(200)
	if s.rand.IntN(3) == 0 {
		size += s.rand.IntN(5000)
	}
	f := codec.Frame{KeyFrame: key || !s.format.Video(), Marker: s.format.Video()}
	switch s.format {
	case codec.VP8:
		f.Data = s.bytes(size)
		f.Data[0] = f.Data[0]&^1 | bit(!key)
	case codec.VP9:
		f.Data = append(vp9Header(key), s.bytes(size)...)
	case codec.H264:
		f.Data = s.h264(key, size)
	case codec.H265:
		f.Data = s.h265(key, size)
	case codec.AV1:
		f.Data = s.av1(key, size)
	default:
		f.Data = s.bytes(min(size, 400))
	}
	return f
}

func bit(set bool) byte {
	if set {
		return 1
	}
	return 0
}

// vp9Header returns the header of a frame of profile 0, of 320x180 if it is a key frame.
func vp9Header(key bool) []byte {
	if !key {
		return []byte{0x86}
	}
	// marker 2, profile 0, shown key frame, sync code, color space 1, 319, 179
	return []byte{0x82, 0x49, 0x83, 0x42, 0x20, 0x13, 0xf0, 0x0b, 0x30}
}

func (s *sample) h264(key bool, size int) []byte {
	var b []byte
	unit := func(header byte, body ...byte) {
		b = append(append(b, 0, 0, 0, 1, header), body...)
	}
	slice := byte(0x41)
	if key {
		unit(0x67, s.bytes(12)...)
		unit(0x68, s.bytes(4)...)
		slice = 0x65
	}
	for i := range 1 + s.rand.IntN(3) {
		body := s.bytes(size)
		body[0] = body[0]&0x7f | bit(i == 0)<<7 | 1
		unit(slice, body...)
	}
	return b
}

func (s *sample) h265(key bool, size int) []byte {
	var b []byte
	unit := func(kind byte, body ...byte) {
		b = append(append(b, 0, 0, 0, 1, kind<<1, 1), body...)
	}
	slice := byte(1)
	if key {
		unit(32, s.bytes(20)...)
		unit(33, s.bytes(40)...)
		unit(34, s.bytes(7)...)
		slice = 19
	}
	for i := range 1 + s.rand.IntN(3) {
		body := s.bytes(size)
		body[0] = body[0]&0x7f | bit(i == 0)<<7 | 1
		unit(slice, body...)
	}
	return b
}

func (s *sample) av1(key bool, size int) []byte {
	var b []byte
	add := func(kind byte, body ...byte) {
		b = append(b, kind<<3|2)
		n := len(body)
		for ; n >= 0x80; n >>= 7 {
			b = append(b, byte(n)|0x80)
		}
		b = append(append(b, byte(n)), body...)
	}
	first := byte(0x30) // an inter frame that is shown
	if key {
		add(1, s.bytes(10)...)
		first = 0x10
	}
	add(6, append([]byte{first}, s.bytes(size)...)...)
	for range s.rand.IntN(6) {
		add(6, append([]byte{0x30}, s.bytes(1+s.rand.IntN(300))...)...)
	}
	return b
}

func newPair(t testing.TB, format codec.Format) (*codec.Packetizer, *codec.Depacketizer) {
	t.Helper()
	fmtp := ""
	if format == codec.H264 {
		fmtp = "profile-level-id=42e01f;packetization-mode=1"
	}
	p, err := codec.NewPacketizer(codec.PacketizerConfig{Name: format.String(), FMTP: fmtp})
	require.NoError(t, err)
	d, err := codec.NewDepacketizer(codec.DepacketizerConfig{Name: format.String(), FMTP: fmtp})
	require.NoError(t, err)
	return p, d
}

// TestRoundTrip sends random frames in payloads of random sizes.
func TestRoundTrip(t *testing.T) {
	for _, format := range allFormats {
		t.Run(format.String(), func(t *testing.T) {
			s := newSample(format, 1)
			p, d := newPair(t, format)
			for i := range 300 {
				f := s.frame()
				size := 16 + s.rand.IntN(1400)
				if !format.Video() {
					size = 400
				}
				payloads := packetize(t, p, f, size)
				for j, payload := range payloads {
					last := j == len(payloads)-1
					require.NoError(t, d.Push(codec.Packet{
						Payload: payload, Timestamp: uint32(i * 3000), Marker: last,
					}), "frame %d, packet %d: %x", i, j, payload)
					got, ok := d.Next()
					require.Equal(t, last, ok, "frame %d, packet %d of %d", i, j, len(payloads))
					if !ok {
						continue
					}
					require.True(t, bytes.Equal(f.Data, got.Data), "frame %d:\ngot  %x\nwant %x", i, got.Data, f.Data)
					require.Equal(t, f.KeyFrame, got.KeyFrame, "frame %d", i)
					require.Equal(t, uint32(i*3000), got.Timestamp)
					require.Equal(t, len(payloads), got.Packets)
					require.False(t, got.Gap)
				}
				require.Equal(t, f.KeyFrame, format.IsKeyFrame(payloads[0]), "frame %d: %x", i, payloads[0])
			}
			require.Zero(t, d.Dropped)
		})
	}
}
