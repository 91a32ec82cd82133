package recorder

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/rtp/codec"
)

// Another codec begins another file, with its first key frame. No frame is lost, and none is in both.
func TestCodecChanges(t *testing.T) {
	w := newWorld(t)
	w.audio(1)
	v := w.video(2)
	w.until(5 * time.Second)
	v.codec, v.key, v.owed = vp9Codec, keyFrame(t, "vp9"), true
	w.until(10 * time.Second)
	require.NoError(t, w.recorder.Close())
	require.Len(t, w.parts, 2)
	one, two := w.parts[0], w.parts[1]
	require.Equal(t, codec.VP8, one.Tracks[0].Codec)
	require.Equal(t, codec.VP9, two.Tracks[0].Codec)
	require.Equal(t, codec.Opus, two.Tracks[1].Codec)
	require.Equal(t, 0, two.blocks[0].Track)
	requireTimes(t, one.track(rtc.Video), 0, 40*ms, 0)
	requireTimes(t, two.track(rtc.Video), 0, 40*ms, 0)
	require.Equal(t, 249, len(one.track(rtc.Video))+len(two.track(rtc.Video)))
	audio := append(one.track(rtc.Audio), two.track(rtc.Audio)...)
	require.Equal(t, 499, len(audio))
	for i, b := range audio {
		require.Equal(t, byte(i), b.Data[1])
	}
	length := one.blocks[len(one.blocks)-1].Time + two.blocks[len(two.blocks)-1].Time
	require.Equal(t, Stats{Parts: 2, Duration: length, Blocks: 748}, w.recorder.Stats())
}

// A microphone that is added later needs a new file, which needs a key frame, which is asked for at once.
func TestAudioAdded(t *testing.T) {
	w := newWorld(t)
	w.video(1)
	w.until(5 * time.Second)
	require.Zero(t, w.requests[1])
	a := w.audio(2)
	a.from, a.report = 5*time.Second, 7500*ms
	w.until(12 * time.Second)
	require.Equal(t, 1, w.requests[1])
	require.NoError(t, w.recorder.Close())
	require.Len(t, w.parts, 2)
	one, two := w.parts[0], w.parts[1]
	require.Len(t, one.Tracks, 1)
	require.Len(t, two.Tracks, 2)
	require.True(t, two.Tracks[1].Synchronised)
	requireTimes(t, one.track(rtc.Video), 0, 40*ms, 0)
	requireTimes(t, two.track(rtc.Video), 0, 40*ms, 0)
	require.Equal(t, 299, len(one.blocks)+len(two.track(rtc.Video)))
}

// A camera that is added later begins a new file with its first frame.
func TestVideoAdded(t *testing.T) {
	w := newWorld(t)
	w.audio(1)
	w.until(5 * time.Second)
	v := w.video(2)
	v.from, v.report = 5*time.Second, 5500*ms
	w.until(10 * time.Second)
	require.NoError(t, w.recorder.Close())
	require.Len(t, w.parts, 2)
	one, two := w.parts[0], w.parts[1]
	require.Len(t, two.Tracks, 2)
	require.Equal(t, rtc.Video, two.Tracks[two.blocks[0].Track].Kind)
	require.Equal(t, 499, len(one.blocks)+len(two.track(rtc.Audio)))
	requireTimes(t, two.track(rtc.Video), 0, 40*ms, 0)
}

// A microphone that is added while the camera says nothing does not wait for it. The camera goes on with a key frame.
func TestAudioAddedInSilence(t *testing.T) {
	w := newWorld(t)
	w.audio(1)
	w.video(2).quiet = func(d time.Duration) bool { return d > 5*time.Second && d < 20*time.Second }
	w.until(10 * time.Second)
	a := w.audio(3)
	a.from, a.report = 10*time.Second, 11*time.Second
	w.until(15 * time.Second)
	require.Len(t, w.parts, 2)
	require.Len(t, w.parts[1].Tracks, 3)
	w.until(30 * time.Second)
	require.NoError(t, w.recorder.Close())
	require.Len(t, w.parts, 2)
	require.NotEmpty(t, w.parts[1].track(rtc.Video))
	require.True(t, w.parts[1].track(rtc.Video)[0].KeyFrame)
}

// Another size of the picture stays in the file. H.264 tells it by the parameter sets in the block.
func TestSizeChanges(t *testing.T) {
	w := newWorld(t)
	w.audio(1)
	v := w.video(2)
	v.codec, v.key = h264Codec, keyFrame(t, "h264")
	w.until(5 * time.Second)
	v.key, v.owed = keyFrame(t, "h264-high"), true
	w.until(10 * time.Second)
	p := w.finish()
	require.Equal(t, 320, p.Tracks[0].Width)
	var keys [][]byte
	for _, b := range p.track(rtc.Video) {
		if b.KeyFrame {
			keys = append(keys, b.Data)
		} else {
			require.Equal(t, []byte{0, 0, 0, 2, 0x41}, b.Data[:5])
		}
	}
	require.Len(t, keys, 2)
	require.Equal(t, []byte{0, 0, 0, 0x12, 0x67, 0x42}, keys[0][:6])
	require.Equal(t, []byte{0, 0, 0, 0x1a, 0x67, 0x64}, keys[1][:6])
}

// Players jump to key frames, so there is one every ten seconds.
func TestKeyFrameInterval(t *testing.T) {
	w := newWorld(t)
	w.audio(1)
	w.video(2)
	w.until(61 * time.Second)
	p := w.finish()
	require.Equal(t, map[rtc.MediaID]int{2: 6}, w.requests)
	var keys []time.Duration
	for _, b := range p.track(rtc.Video) {
		if b.KeyFrame {
			keys = append(keys, b.Time.Round(time.Second))
		}
	}
	require.Len(t, keys, 7)
	require.Equal(t, 60*time.Second, keys[6])
}
