package interop

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/rtp/codec"
)

// ffmpeg runs the program of that name and returns what it prints.
func ffmpeg(t *testing.T, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Fatal("ffmpeg is not installed: apt-get install ffmpeg")
	}
	var out, complaints bytes.Buffer
	cmd := exec.Command("ffmpeg", append([]string{"-v", "error", "-nostdin", "-y"}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &complaints
	require.NoError(t, cmd.Run(), "ffmpeg %v\n%s", args, complaints.String())
	return out.String()
}

// A videoKind is a codec whose streams ffmpeg makes and decodes again.
type videoKind struct {
	format codec.Format
	fmtp   string
	file   string   // the file's name, by whose ending ffmpeg knows it
	encode []string // what makes a stream of one frame in, one frame out
	split  func(t *testing.T, file []byte) [][]byte
	join   func(frames [][]byte) []byte
}

var videoKinds = []videoKind{
	{
		format: codec.VP8, file: "stream.ivf", split: splitIVF, join: joinIVF("VP80", nil),
		encode: strings.Fields("-c:v libvpx -deadline realtime -cpu-used 8 -lag-in-frames 0 -g 15 -b:v 400k"),
	},
	{
		format: codec.VP9, file: "stream.ivf", split: splitIVF, join: joinIVF("VP90", nil),
		encode: strings.Fields("-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -lag-in-frames 0 -g 15 -b:v 400k"),
	},
	{
		format: codec.AV1, file: "stream.ivf", split: splitIVF,
		join:   joinIVF("AV01", []byte{0x12, 0}), // files have temporal delimiters
		encode: strings.Fields("-c:v libsvtav1 -preset 12 -g 15 -svtav1-params pred-struct=1"),
	},
	{
		format: codec.H264, file: "stream.h264", split: splitAtUnit(isDelimiter264), join: joinUnits,
		fmtp: "packetization-mode=1",
		encode: strings.Fields("-c:v libx264 -preset ultrafast -tune zerolatency -g 15 -bf 0 " +
			"-x264-params aud=1:slices=2:repeat-headers=1"),
	},
	{
		format: codec.H265, file: "stream.h265", split: splitAtUnit(isDelimiter265), join: joinUnits,
		encode: strings.Fields("-c:v libx265 -preset ultrafast -tune zerolatency " +
			"-x265-params aud=1:keyint=15:min-keyint=15:bframes=0:repeat-headers=1:log-level=error"),
	},
}

func splitIVF(t *testing.T, file []byte) (frames [][]byte) {
	require.Equal(t, "DKIF", string(file[:4]))
	for b := file[32:]; len(b) > 0; {
		end := 12 + int(binary.LittleEndian.Uint32(b))
		frames = append(frames, b[12:end])
		b = b[end:]
	}
	return frames
}

func joinIVF(fourCC string, prefix []byte) func(frames [][]byte) []byte {
	return func(frames [][]byte) []byte {
		b := append([]byte("DKIF\x00\x00\x20\x00"), fourCC...)
		b = binary.LittleEndian.AppendUint16(b, 320)
		b = binary.LittleEndian.AppendUint16(b, 180)
		b = binary.LittleEndian.AppendUint32(b, 15)
		b = binary.LittleEndian.AppendUint32(b, 1)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(frames)))
		b = append(b, 0, 0, 0, 0)
		for i, frame := range frames {
			if bytes.HasPrefix(frame, prefix) {
				frame = frame[len(prefix):]
			}
			b = binary.LittleEndian.AppendUint32(b, uint32(len(prefix)+len(frame)))
			b = binary.LittleEndian.AppendUint64(b, uint64(i))
			b = append(append(b, prefix...), frame...)
		}
		return b
	}
}

func isDelimiter264(nal []byte) bool { return nal[0]&0x1f == 9 }
func isDelimiter265(nal []byte) bool { return nal[0]>>1 == 35 }

// splitAtUnit splits a byte stream into access units, of which each begins with a delimiter.
func splitAtUnit(isDelimiter func(nal []byte) bool) func(t *testing.T, file []byte) [][]byte {
	return func(t *testing.T, file []byte) (frames [][]byte) {
		var frame []byte
		for _, nal := range bytes.Split(file, []byte{0, 0, 1})[1:] {
			nal = bytes.TrimRight(nal, "\x00")
			if isDelimiter(nal) && frame != nil {
				frames = append(frames, frame)
				frame = nil
			}
			frame = append(append(frame, 0, 0, 0, 1), nal...)
		}
		return append(frames, frame)
	}
}

func joinUnits(frames [][]byte) []byte { return bytes.Join(frames, nil) }

// encode makes a stream of 60 frames of moving pictures and returns them.
func (k *videoKind) stream(t *testing.T) [][]byte {
	t.Helper()
	name := filepath.Join(t.TempDir(), k.file)
	args := strings.Fields("-f lavfi -i testsrc2=size=320x180:rate=15 -frames:v 60 -pix_fmt yuv420p")
	ffmpeg(t, append(append(args, k.encode...), name)...)
	file, err := os.ReadFile(name)
	require.NoError(t, err)
	frames := k.split(t, file)
	require.Len(t, frames, 60, "the encoder was asked for 60 frames")
	return frames
}

// decode returns a digest of each picture that a decoder makes of the frames.
func (k *videoKind) decode(t *testing.T, frames [][]byte) (digests []string) {
	t.Helper()
	_, digests = k.pictures(t, frames)
	return digests
}

// pictures returns the size of the pictures that a decoder makes of the frames, such as 320x180,
// and a digest of each.
func (k *videoKind) pictures(t *testing.T, frames [][]byte) (size string, digests []string) {
	t.Helper()
	name := filepath.Join(t.TempDir(), k.file)
	require.NoError(t, os.WriteFile(name, k.join(frames), 0o600))
	for line := range strings.Lines(ffmpeg(t, "-i", name, "-vsync", "passthrough", "-f", "framemd5", "-")) {
		fields := strings.Fields(line)
		last := fields[len(fields)-1]
		if !strings.HasPrefix(line, "#") {
			digests = append(digests, last)
		} else if strings.HasPrefix(line, "#dimensions") {
			size = last
		}
	}
	return size, digests
}

// wire is a network that loses and reorders packets, with a receiver that has some of the
// lost ones sent again, and puts all in order again.
type wire struct {
	rand    *rand.Rand
	loss    int // in percent
	recover int // of the lost, in percent
	packets []codec.Packet
}

// send puts the payloads of a frame on the wire.
func (w *wire) send(t *testing.T, p *codec.Packetizer, f codec.Frame) {
	t.Helper()
	require.NoError(t, p.Start(f, 400+w.rand.IntN(800)))
	for {
		payload, marker, ok := p.AppendPayload(nil)
		if !ok {
			return
		}
		w.packets = append(w.packets, codec.Packet{Payload: payload, Timestamp: f.Timestamp, Marker: marker})
	}
}

// receive calls f with the packets in order; those behind a hole are marked. Packets arrive
// up to nine places late, and those sent again up to thirty.
func (w *wire) receive(f func(codec.Packet)) {
	arrivals := make(map[int][]int) // the packets that arrive at each time
	for i := range w.packets {
		at := i + w.rand.IntN(10)
		if w.rand.IntN(100) < w.loss {
			if w.rand.IntN(100) >= w.recover {
				continue
			}
			at += 20
		}
		arrivals[at] = append(arrivals[at], i)
	}
	const patience = 40
	here := make(map[int]bool)
	next, lost := 0, false
	for now := 0; next < len(w.packets); now++ {
		for _, i := range arrivals[now] {
			here[i] = true
		}
		for next < len(w.packets) && (here[next] || now-next > patience) {
			if !here[next] {
				lost = true
			} else {
				p := w.packets[next]
				p.Lost = lost
				lost = false
				f(p)
			}
			next++
		}
	}
}

// TestCodecStreams sends streams of real encoders over a wire that reorders, and one that
// loses as well. The decoder has to show the very pictures that it shows of the stream
// itself: all of them, or those of the frames that came out.
func TestCodecStreams(t *testing.T) {
	for _, kind := range videoKinds {
		t.Run(kind.format.String(), func(t *testing.T) {
			frames := kind.stream(t)
			want := kind.decode(t, frames)
			require.Len(t, want, len(frames))
			t.Run("Reordered", func(t *testing.T) {
				testVideoStream(t, &kind, frames, want, &wire{rand: newRand(1)})
			})
			t.Run("Recovered", func(t *testing.T) {
				testVideoStream(t, &kind, frames, want, &wire{rand: newRand(2), loss: 10, recover: 100})
			})
			for seed := range uint64(3) {
				t.Run(fmt.Sprint("Lossy", seed), func(t *testing.T) {
					testVideoStream(t, &kind, frames, want, &wire{rand: newRand(3 + seed), loss: 10, recover: 90})
				})
			}
		})
	}
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

func testVideoStream(t *testing.T, kind *videoKind, frames [][]byte, want []string, w *wire) {
	p, err := codec.NewPacketizer(codec.PacketizerConfig{Name: kind.format.String(), FMTP: kind.fmtp})
	require.NoError(t, err)
	d, err := codec.NewDepacketizer(codec.DepacketizerConfig{Name: kind.format.String(), FMTP: kind.fmtp})
	require.NoError(t, err)
	for i, frame := range frames {
		w.send(t, p, codec.Frame{Data: frame, Timestamp: uint32(i) * 6000})
	}

	var got [][]byte
	var gotWant []string
	keys := 0
	last := uint32(0)
	w.receive(func(packet codec.Packet) {
		err := d.Push(packet)
		if w.loss == 0 {
			require.NoError(t, err)
		}
		for f, ok := d.Next(); ok; f, ok = d.Next() {
			got = append(got, bytes.Clone(f.Data))
			gotWant = append(gotWant, want[f.Timestamp/6000])
			if f.KeyFrame {
				keys++
			}
			if len(got) > 1 {
				require.Equal(t, f.Timestamp-last != 6000, f.Gap, "frame %d", f.Timestamp/6000)
			}
			last = f.Timestamp
		}
	})
	if w.recover == 100 || w.loss == 0 {
		require.Len(t, got, len(frames))
		require.Equal(t, 4, keys, "a key frame each 15 frames")
	} else {
		require.Greater(t, len(got), 10)
		require.Less(t, len(got), len(frames))
	}
	require.Equal(t, gotWant, kind.decode(t, got), "digests of the pictures")
}
