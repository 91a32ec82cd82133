package interop

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// recording is what ffmpeg finds in a file.
type recording struct {
	codecs   []string
	sizes    []string // of pictures, in the order in which they come
	told     float64  // the duration in seconds that the file tells; 0: none
	duration float64  // up to the last packet
	cut      bool     // the file ends in the middle of a block

	pictures, sounds int // decoded
	flashes, beeps   []float64
}

// readRecording decodes a file. Whatever ffmpeg has to complain about fails the test.
func readRecording(t *testing.T, path string) (r recording) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	_, duration, ok := bytes.Cut(data, []byte{0x44, 0x89, 0x88}) // the element, and the size of what it holds
	require.True(t, ok && len(duration) >= 8)
	r.told = math.Float64frombits(binary.BigEndian.Uint64(duration)) / 1000

	r.codecs = strings.Fields(r.probe(t, path, "stream=codec_name"))
	last := map[string]float64{"audio": -1, "video": -1}
	for line := range strings.Lines(r.probe(t, path, "packet=codec_type,pts_time")) {
		kind, time, _ := strings.Cut(strings.TrimSpace(line), ",")
		at := number(time)
		require.False(t, at < last[kind], "time goes back from %v to %v", last[kind], at)
		last[kind] = at
		if kind == "audio" {
			r.sounds++
		}
	}
	r.duration = max(last["audio"], last["video"])
	for line := range strings.Lines(r.probe(t, path, "frame=width,height", "-select_streams", "v")) {
		if size := strings.ReplaceAll(strings.TrimSpace(line), ",", "x"); !slices.Contains(r.sizes, size) {
			r.sizes = append(r.sizes, size)
		}
	}
	r.readPictures(t, path)
	r.readSound(t, path)
	return r
}

func (r *recording) probe(t *testing.T, path, entries string, args ...string) string {
	t.Helper()
	return string(r.run(t, "ffprobe", append(args, "-show_entries", entries, "-of", "csv=p=0", path)...))
}

// readPictures decodes the pictures, in the times they have in the file, and finds the first white one after black ones.
func (r *recording) readPictures(t *testing.T, path string) {
	t.Helper()
	out := r.run(t, "ffmpeg", "-i", path, "-map", "0:v", "-fps_mode", "passthrough", "-enc_time_base", "-1", "-autoscale", "0",
		"-vf", "signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=-", "-f", "null", "-")
	at, black := 0.0, 0
	for line := range strings.Lines(string(out)) {
		if _, time, ok := strings.Cut(line, "pts_time:"); ok {
			at = number(time)
			r.pictures++
		}
		_, brightness, ok := strings.Cut(line, "YAVG=")
		switch white := number(brightness) > 128; {
		case !ok:
		case !white:
			black++
		default:
			if black > 3 {
				r.flashes = append(r.flashes, at)
			}
			black = 0
		}
	}
}

// readSound decodes the sound, with silence where the file has none, and finds where it becomes loud.
func (r *recording) readSound(t *testing.T, path string) {
	t.Helper()
	const rate = 8000
	pcm := r.run(t, "ffmpeg", "-i", path, "-map", "0:a", "-af", "aresample=async=1:first_pts=0",
		"-ac", "1", "-ar", strconv.Itoa(rate), "-f", "s16le", "-")
	quiet := 0
	for i := 0; i+1 < len(pcm); i += 2 {
		if v := int16(binary.LittleEndian.Uint16(pcm[i:])); v > -3000 && v < 3000 {
			quiet++
			continue
		}
		if quiet > rate/4 {
			r.beeps = append(r.beeps, float64(i/2)/rate)
		}
		quiet = 0
	}
}

// requireWhole checks that what was sent is there.
func (r *recording) requireWhole(t *testing.T, codec string, sent sentMedia) {
	t.Helper()
	require.False(t, r.cut)
	require.InDelta(t, r.duration, r.told, 0.1)
	require.Equal(t, []string{strings.ToLower(codec), "opus"}, r.codecs)
	require.Equal(t, []string{"320x180"}, r.sizes)
	require.InDelta(t, sent.Seconds, r.duration, 1.5)
	// Some are on their way when the recording ends.
	require.InDelta(t, sent.Pictures, r.pictures, 15)
	require.InDelta(t, sent.Sounds, r.sounds, 50)
}

// steady reports whether the beeps are a second apart.
func (r *recording) steady() bool {
	for i := 1; i < len(r.beeps); i++ {
		if math.Abs(r.beeps[i]-r.beeps[i-1]-1) > 0.05 {
			return false
		}
	}
	return len(r.beeps) > 0
}

// requireSync checks that each flash is where its beep is.
func (r *recording) requireSync(t *testing.T) {
	t.Helper()
	var offsets []float64
	for _, beep := range r.beeps {
		for _, flash := range r.flashes {
			if math.Abs(flash-beep) < 0.5 {
				offsets = append(offsets, flash-beep)
			}
		}
	}
	slices.Sort(offsets)
	t.Logf("pictures behind sound, in seconds: %.3f", offsets)
	require.GreaterOrEqual(t, len(offsets), 3, "flashes at %v, beeps at %v", r.flashes, r.beeps)
	require.InDelta(t, 0, offsets[len(offsets)/2], 0.1)
}

// run runs a program of ffmpeg's, which must have nothing to say but that a file is cut off.
func (r *recording) run(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Fatalf("%s is not installed; run: apt-get install -y ffmpeg", name)
	}
	cmd := exec.Command(name, append([]string{"-v", "error"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%v: %s", cmd, &stderr)
	for line := range strings.Lines(stderr.String()) {
		require.Contains(t, line, "File ended prematurely", "%v", cmd)
		r.cut = true
	}
	return out
}

// number reads one, or returns NaN.
func number(s string) float64 {
	v, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil {
		return math.NaN()
	}
	return v
}
