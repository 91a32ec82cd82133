package recorder

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/rtp/codec"
)

// Sound and pictures that arrive with different delays are written with the times of their capture, from the first
// frame on, as soon as the reports of both are there.
func TestSynchronised(t *testing.T) {
	w := newWorld(t)
	w.audio(1).clock = 77 * time.Hour
	v := w.video(2)
	v.clock = 77 * time.Hour
	v.from = 100 * ms
	w.until(2490 * ms)
	require.Empty(t, w.parts, "the clock of the sound is not known")
	w.until(2600 * ms)
	require.Len(t, w.parts, 1)
	w.until(10 * time.Second)
	p := w.finish()
	require.Equal(t, []Track{
		{Kind: rtc.Video, Codec: codec.VP8, Width: 320, Height: 180, Synchronised: true},
		func() Track { o := opus(); o.Synchronised = true; return o }(),
	}, p.Tracks)
	audio, video := p.track(rtc.Audio), p.track(rtc.Video)
	require.Equal(t, 499, len(audio))
	require.Equal(t, 246, len(video))
	requireTimes(t, audio, 0, 20*ms, 0)
	requireTimes(t, video, 100*ms, 40*ms, 0)
	require.Equal(t, keyFrame(t, "vp8"), video[0].Data)
	for i, b := range audio {
		require.Equal(t, []byte{1, byte(i), byte(i >> 8)}, b.Data)
		require.Less(t, b.at, max(b.Time, 2500*ms)+300*ms, "nothing is held longer than it must")
	}
	stats := w.recorder.Stats()
	require.Equal(t, Stats{Parts: 1, Duration: audio[498].Time, Blocks: 745}, stats)
}

// Without reports, the time of arrival has to do, after three seconds.
func TestNoReports(t *testing.T) {
	w := newWorld(t)
	a, v := w.audio(1), w.video(2)
	a.report, v.report = -1, -1
	v.late = func(n int) time.Duration { return time.Duration(n*7%10) * 10 * ms }
	w.until(3000 * ms)
	require.Empty(t, w.parts)
	w.until(10 * time.Second)
	p := w.finish()
	require.False(t, p.Tracks[0].Synchronised || p.Tracks[1].Synchronised)
	requireTimes(t, p.track(rtc.Audio), 0, 20*ms, 0)
	requireTimes(t, p.track(rtc.Video), 50*ms, 40*ms, 0) // later on its way, which nobody can know
}

// With one report, the other stream is placed by its arrival, beside it. A report that comes late puts that right.
func TestReportLate(t *testing.T) {
	w := newWorld(t)
	a, v := w.audio(1), w.video(2)
	a.clock, v.clock = -time.Hour, -time.Hour
	a.report = 5 * time.Second
	w.until(4 * time.Second)
	require.Len(t, w.parts, 1)
	require.True(t, w.parts[0].Tracks[0].Synchronised)
	require.False(t, w.parts[0].Tracks[1].Synchronised)
	w.until(10 * time.Second)
	p := w.finish()
	audio, video := p.track(rtc.Audio), p.track(rtc.Video)
	// The sound is quicker by 50 ms on its way, so it is taken for earlier.
	requireTimes(t, video, 50*ms, 40*ms, 0)
	requireTimes(t, audio[:100], 0, 20*ms, 0)
	requireTimes(t, audio[300:], 6050*ms, 20*ms, 0)
}

// The first report after a beginning without any decides where all streams are, and does not move its own.
func TestReportsLate(t *testing.T) {
	w := newWorld(t)
	a, v := w.audio(1), w.video(2)
	a.clock, v.clock = 50*time.Hour, 50*time.Hour
	a.report, v.report = 6*time.Second, 5*time.Second
	w.until(10 * time.Second)
	p := w.finish()
	requireTimes(t, p.track(rtc.Video), 50*ms, 40*ms, 0)
	audio := p.track(rtc.Audio)
	requireTimes(t, audio[:290], 0, 20*ms, 0)
	requireTimes(t, audio[310:], 310*20*ms+50*ms, 20*ms, 0)
}

// Somebody sets the clock of the sender: first one stream hears of it, then the other. The recording does not.
func TestClockLeaps(t *testing.T) {
	for _, leap := range []time.Duration{time.Hour, -time.Hour, time.Second} {
		w := newWorld(t)
		a, v := w.audio(1), w.video(2)
		w.until(5 * time.Second)
		v.clock = leap
		w.until(8 * time.Second)
		a.clock = leap
		w.until(20 * time.Second)
		p := w.finish()
		requireTimes(t, p.track(rtc.Audio), 0, 20*ms, 0)
		requireTimes(t, p.track(rtc.Video), 0, 40*ms, 0)
	}
}

// A clock that runs a little fast is followed: sound and pictures stay together.
func TestDrift(t *testing.T) {
	w := newWorld(t)
	a, v := w.audio(1), w.video(2)
	const long = 600
	for s := range long {
		// The sound card is wrong by 100 ppm, and by the reports that is known.
		a.clock = time.Duration(s) * 100 * time.Microsecond
		w.until(time.Duration(s) * time.Second)
	}
	require.Zero(t, v.clock)
	p := w.finish()
	audio := p.track(rtc.Audio)
	last := audio[len(audio)-1]
	require.InDelta(t, float64((long-1)*time.Second+a.clock)/1e6, float64(last.Time)/1e6, 1100, "in milliseconds")
}

// A source takes the place of another, with timestamps of its own. Until its report comes, arrival says where it is.
func TestSourceChanges(t *testing.T) {
	w := newWorld(t)
	w.audio(1)
	v := w.video(2)
	w.until(5 * time.Second)
	v.first, v.report, v.owed = 12345678, 6*time.Second, true
	w.until(10 * time.Second)
	p := w.finish()
	requireTimes(t, p.track(rtc.Audio), 0, 20*ms, 0)
	requireTimes(t, p.track(rtc.Video), 0, 40*ms, 0)
}

// A microphone that was taken away for a minute has not counted that time. Until a report says so, arrival does.
func TestSourceStops(t *testing.T) {
	w := newWorld(t)
	a := w.audio(1)
	w.video(2)
	a.quiet = func(d time.Duration) bool { return d >= 5*time.Second && d < 65*time.Second }
	w.until(60 * time.Second)
	a.missed = 60 * time.Second
	w.until(68 * time.Second)
	a.told = a.missed
	w.until(75 * time.Second)
	p := w.finish()
	requireTimes(t, p.track(rtc.Video), 0, 40*ms, 0)
	audio := p.track(rtc.Audio)
	requireTimes(t, audio[:250], 0, 20*ms, 0)
	requireTimes(t, audio[260:], 65*time.Second+10*20*ms, 20*ms, 60*ms)
	requireTimes(t, audio[450:], 65*time.Second+200*20*ms, 20*ms, 0)
}

// A sound card that does not keep up, or a browser, leaves out sound and counts only what there is. Reports say what the
// time really is.
func TestSoundIsLeftOut(t *testing.T) {
	w := newWorld(t)
	a := w.audio(1)
	w.video(2)
	for s := range 60 {
		w.until(time.Duration(s) * time.Second)
		a.missed += 150 * ms
		if s%5 == 0 {
			a.told = a.missed
		}
	}
	p := w.finish()
	requireTimes(t, p.track(rtc.Video), 0, 40*ms, 0)
	audio := p.track(rtc.Audio)
	require.InDelta(t, 59, audio[len(audio)-1].Time.Seconds(), 0.9)
	late := 0
	for _, b := range audio {
		n := int(b.Data[1]) | int(b.Data[2])<<8
		if off := time.Duration(n)*20*ms - b.Time; off > 750*ms || off < -200*ms {
			late++
		}
	}
	require.Zero(t, late)
}

// Streams whose clocks have nothing to do with each other are placed by arrival.
func TestForeignClocks(t *testing.T) {
	w := newWorld(t)
	a, v := w.audio(1), w.video(2)
	a.clock, v.clock = -time.Hour, 100*time.Hour
	w.until(10 * time.Second)
	p := w.finish()
	requireTimes(t, p.track(rtc.Audio), 0, 20*ms, 0)
	requireTimes(t, p.track(rtc.Video), 50*ms, 40*ms, 0)
}
