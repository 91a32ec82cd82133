package interop

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4/pkg/media/oggreader"
	"github.com/pion/webrtc/v4/pkg/media/oggwriter"
	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/rtp/codec"
)

// An audioKind is a codec whose streams ffmpeg makes and decodes again.
type audioKind struct {
	format codec.Format
	file   string
	encode string
	decode string // how to read the file, if its name does not say it
	ticks  uint32 // of the RTP clock in 20 ms
	split  func(t *testing.T, file []byte) [][]byte
	join   func(t *testing.T, frames [][]byte) []byte
}

var audioKinds = []audioKind{
	{
		format: codec.Opus, file: "stream.ogg", ticks: 960, split: splitOgg, join: joinOgg,
		encode: "-ac 2 -c:a libopus -b:a 64k -page_duration 20000",
	},
	{
		format: codec.PCMU, file: "stream.raw", ticks: 160, split: splitEach(160), join: joinBytes,
		encode: "-ar 8000 -c:a pcm_mulaw -f mulaw", decode: "-f mulaw -ar 8000",
	},
	{
		format: codec.PCMA, file: "stream.raw", ticks: 160, split: splitEach(160), join: joinBytes,
		encode: "-ar 8000 -c:a pcm_alaw -f alaw", decode: "-f alaw -ar 8000",
	},
	{
		// The RTP clock rate is 8000 (RFC 3551 section 4.5.2), though there are 16000 samples in a second.
		format: codec.G722, file: "stream.raw", ticks: 160, split: splitEach(160), join: joinBytes,
		encode: "-ar 16000 -c:a g722 -f g722", decode: "-f g722",
	},
}

func splitEach(n int) func(t *testing.T, file []byte) [][]byte {
	return func(_ *testing.T, file []byte) (frames [][]byte) {
		for ; len(file) >= n; file = file[n:] {
			frames = append(frames, file[:n])
		}
		return frames
	}
}

func joinBytes(_ *testing.T, frames [][]byte) []byte { return bytes.Join(frames, nil) }

// splitOgg returns the packets of a file that has one on each page.
func splitOgg(t *testing.T, file []byte) (frames [][]byte) {
	r, _, err := oggreader.NewWith(bytes.NewReader(file))
	require.NoError(t, err)
	for {
		page, _, err := r.ParseNextPage()
		if err == io.EOF {
			return frames
		}
		require.NoError(t, err)
		if !bytes.HasPrefix(page, []byte("OpusTags")) {
			frames = append(frames, page)
		}
	}
}

func joinOgg(t *testing.T, frames [][]byte) []byte {
	var b bytes.Buffer
	w, err := oggwriter.NewWith(&b, 48000, 2)
	require.NoError(t, err)
	for i, frame := range frames {
		require.NoError(t, w.WriteRTP(&rtp.Packet{
			Header:  rtp.Header{Timestamp: uint32(i) * 960, SequenceNumber: uint16(i)},
			Payload: frame,
		}))
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

// stream makes a stream of three seconds and returns its frames.
func (k *audioKind) stream(t *testing.T) [][]byte {
	t.Helper()
	name := filepath.Join(t.TempDir(), k.file)
	args := strings.Fields("-f lavfi -i sine=frequency=440:duration=3 " + k.encode)
	ffmpeg(t, append(args, name)...)
	file, err := os.ReadFile(name)
	require.NoError(t, err)
	frames := k.split(t, file)
	require.InDelta(t, 150, len(frames), 2, "3 s in frames of 20 ms")
	return frames
}

// sound returns a digest of what a decoder makes of the frames.
func (k *audioKind) sound(t *testing.T, frames [][]byte) string {
	name := filepath.Join(t.TempDir(), k.file)
	require.NoError(t, os.WriteFile(name, k.join(t, frames), 0o600))
	return ffmpeg(t, append(strings.Fields(k.decode), "-i", name, "-f", "md5", "-")...)
}

// TestAudioStreams sends sound over a wire that reorders, and over one that loses as well.
func TestAudioStreams(t *testing.T) {
	for _, kind := range audioKinds {
		t.Run(kind.format.String(), func(t *testing.T) {
			frames := kind.stream(t)
			for _, loss := range []int{0, 10} {
				w := &wire{rand: newRand(uint64(loss)), loss: loss, recover: 50}
				testAudioStream(t, &kind, frames, w)
			}
		})
	}
}

func testAudioStream(t *testing.T, kind *audioKind, frames [][]byte, w *wire) {
	name := strings.ToUpper(kind.format.String())
	p, err := codec.NewPacketizer(codec.PacketizerConfig{Name: name})
	require.NoError(t, err)
	d, err := codec.NewDepacketizer(codec.DepacketizerConfig{Name: name})
	require.NoError(t, err)
	for i, frame := range frames {
		w.send(t, p, codec.Frame{Data: frame, Timestamp: uint32(i) * kind.ticks, Marker: i == 0})
	}
	var got, want [][]byte
	next := uint32(0)
	w.receive(func(packet codec.Packet) {
		require.NoError(t, d.Push(packet))
		f, ok := d.Next()
		require.True(t, ok, "each packet is a frame")
		require.True(t, f.KeyFrame)
		require.Equal(t, f.Timestamp == 0, f.Marker)
		require.Equal(t, f.Timestamp != next && len(got) > 0, f.Gap, "at %d", f.Timestamp)
		next = f.Timestamp + kind.ticks
		got = append(got, bytes.Clone(f.Data))
		want = append(want, frames[f.Timestamp/kind.ticks])
	})
	require.Equal(t, w.loss == 0, len(got) == len(frames))
	require.Equal(t, kind.sound(t, want), kind.sound(t, got))
	require.Equal(t, want, got)
}
