package recorder

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/sdp"
)

func TestAudioOnly(t *testing.T) {
	w := newWorld(t)
	w.audio(1)
	w.until(5 * time.Second)
	p := w.finish()
	require.Len(t, p.Tracks, 1)
	requireTimes(t, p.track(rtc.Audio), 0, 20*ms, 0)
	require.Equal(t, 249, len(p.blocks))
}

func TestVideoOnly(t *testing.T) {
	w := newWorld(t)
	w.video(1)
	w.until(600 * ms)
	require.Len(t, w.parts, 1, "there is nothing to wait for")
	w.until(5 * time.Second)
	p := w.finish()
	require.Len(t, p.Tracks, 1)
	requireTimes(t, p.track(rtc.Video), 0, 40*ms, 0)
}

// A recording that ends before anything is known has all frames nevertheless.
func TestShort(t *testing.T) {
	w := newWorld(t)
	w.audio(1)
	w.video(2)
	w.until(400 * ms)
	require.Empty(t, w.parts)
	p := w.finish()
	require.Equal(t, 19, len(p.track(rtc.Audio)))
	require.Equal(t, 9, len(p.track(rtc.Video)))
	require.NoError(t, w.recorder.Close(), "twice is once")
	w.until(time.Second)
	require.Len(t, p.blocks, 28, "what comes later is not recorded")
}

// Where nothing has come there is no file.
func TestNothing(t *testing.T) {
	w := newWorld(t)
	w.audio(1).from = time.Hour
	w.until(time.Minute)
	require.NoError(t, w.recorder.Close())
	require.Empty(t, w.parts)
	require.Zero(t, w.recorder.Stats())
}

// Frames that are lost, and sound that is not sent while nobody speaks, leave gaps; the others keep their times.
func TestGaps(t *testing.T) {
	w := newWorld(t)
	a, v := w.audio(1), w.video(2)
	a.quiet = func(d time.Duration) bool { // one packet in 400 ms
		return d > 3*time.Second && d < 7*time.Second && d%(400*ms) != 0
	}
	v.quiet = func(d time.Duration) bool { return d/(40*ms)%20 == 19 } // one frame in twenty
	w.until(10 * time.Second)
	p := w.finish()
	for _, b := range p.track(rtc.Audio) {
		require.Zero(t, b.Time%(20*ms))
		require.False(t, a.quiet(b.Time))
		require.Less(t, b.at, max(b.Time, 2500*ms)+600*ms, "the gap is not for ever")
	}
	require.Equal(t, 499-199+10, len(p.track(rtc.Audio)))
	for _, b := range p.track(rtc.Video) {
		require.Zero(t, b.Time%(40*ms))
		require.False(t, v.quiet(b.Time))
	}
}

// A stream that says nothing for a while holds the others up once. When it goes on, it does so in its place.
func TestSilence(t *testing.T) {
	w := newWorld(t)
	w.audio(1)
	v := w.video(2)
	v.quiet = func(d time.Duration) bool { return d > 5*time.Second && d < 60*time.Second }
	w.until(70 * time.Second)
	p := w.finish()
	audio := p.track(rtc.Audio)
	requireTimes(t, audio, 0, 20*ms, 0)
	for _, b := range audio {
		if b.Time > 9*time.Second && b.Time < 59*time.Second {
			require.Less(t, b.at-b.Time, 100*ms)
		}
		require.Less(t, b.at-b.Time, patience+100*ms)
	}
	var again []testBlock
	for _, b := range p.track(rtc.Video) {
		if b.Time > 30*time.Second {
			again = append(again, b)
		}
	}
	// The first comes after sound that was captured later, and so cannot be written where it belongs.
	require.InDelta(t, 60.05, again[0].Time.Seconds(), 0.01)
	requireTimes(t, again[3:], 60120*ms, 40*ms, 0)
}

// A section that is stopped, or does not send any more, is not waited for, nor is a stream that has said goodbye.
func TestStopped(t *testing.T) {
	for _, ev := range []rtc.Event{
		&rtc.MediaStopped{ID: 2}, &rtc.StreamEnded{ID: 2}, &rtc.MediaChanged{ID: 2, Kind: rtc.Video, Direction: sdp.Inactive},
	} {
		w := newWorld(t)
		w.audio(1)
		w.video(2).to = 5 * time.Second
		w.until(5100 * ms)
		w.deliver(ev)
		w.until(10 * time.Second)
		for _, b := range w.finish().track(rtc.Audio) {
			require.Less(t, b.at, max(b.Time, 2500*ms)+300*ms)
		}
	}
}

// Of a simulcast one encoding is recorded.
func TestSimulcast(t *testing.T) {
	w := newWorld(t)
	w.video(1).rid = "q"
	other := w.video(1)
	other.rid, other.from = "h", 10*ms
	w.until(5 * time.Second)
	p := w.finish()
	require.Equal(t, 124, len(p.blocks))
	requireTimes(t, p.blocks, 0, 40*ms, 0)
	require.EqualValues(t, 123, w.recorder.Stats().Dropped)
}

// What is not what it claims to be is left out, and what depends on it.
func TestBroken(t *testing.T) {
	for _, bad := range [][]byte{nil, {1}, bytes.Repeat([]byte{0xff}, 100), keyFrame(t, "vp8")[:9]} {
		for _, c := range []*sdp.AgreedCodec{vp8Codec, vp9Codec, h264Codec, av1Codec, {Name: "H265", ClockRate: 90000}, {Name: "PCMU", ClockRate: 8000}} {
			w := newWorld(t)
			w.audio(1)
			v := w.video(2)
			v.codec, v.key = c, bad
			w.until(5 * time.Second)
			p := w.finish()
			require.Empty(t, p.track(rtc.Video), "%s %x", c.Name, bad)
			require.Equal(t, 249, len(p.track(rtc.Audio)))
			require.EqualValues(t, 124, w.recorder.Stats().Dropped)
		}
	}
}

// What waits is limited in bytes.
func TestMuchIsHeld(t *testing.T) {
	w := newWorld(t)
	w.audio(1)
	v := w.video(2)
	v.report = -1
	v.key = append(keyFrame(t, "vp8"), make([]byte, 1<<20)...)
	most := 0
	for i := range 100 {
		v.owed = true
		w.until(time.Duration(i) * 40 * ms)
		most = max(most, w.recorder.held)
	}
	require.Greater(t, most, maxHeld-2<<20)
	require.LessOrEqual(t, most, maxHeld+2<<20)
	require.NotEmpty(t, w.parts)
	require.Less(t, w.parts[0].blocks[0].at, 2*time.Second)
}

// A recording that cannot go on is at its end; the session does not notice.
func TestFailure(t *testing.T) {
	for _, when := range []time.Duration{time.Second, 5 * time.Second} { // before and after Open
		w := newWorld(t)
		w.audio(1)
		w.video(2)
		w.until(when)
		require.NoError(t, w.recorder.Err())
		w.fail = errTest
		w.until(10 * time.Second)
		require.ErrorIs(t, w.recorder.Err(), errTest)
		for _, p := range w.parts {
			require.True(t, p.closed)
		}
		require.Zero(t, w.recorder.held)
		require.ErrorIs(t, w.recorder.Close(), errTest)
	}
}
