package rtp

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestNTPTime(t *testing.T) {
	for _, test := range []struct {
		time time.Time
		want NTPTime
	}{
		{time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), 0x83aa7e80_00000000},
		{time.Date(2000, 1, 1, 0, 0, 0, 500_000_000, time.UTC), 0xbc17c200_80000000},
		{time.Date(2036, 2, 7, 6, 28, 15, 0, time.UTC), 0xffffffff_00000000},
		{time.Date(2036, 2, 7, 6, 28, 16, 250_000_000, time.UTC), 0x00000000_40000000},
		{time.Date(2100, 1, 1, 0, 0, 0, 999_999_999, time.UTC), 0x7830d580_fffffffb},
	} {
		got := NTPTimeOf(test.time)
		if got != test.want {
			t.Errorf("NTPTimeOf(%v) = %#x, want %#x", test.time, got, test.want)
		}
		if back := got.Time(); !back.Equal(test.time) {
			t.Errorf("%v comes back as %v", test.time, back)
		}
	}
	n := NTPTimeOf(epoch)
	require.Equal(t, NTPTimeOf(epoch.Add(1500*ms)), n.Add(1500*ms))
	require.Equal(t, uint32(1<<16+1<<15), NTPDuration(1500*ms))
	require.Equal(t, uint32(1<<32-1), NTPDuration(24*time.Hour))
	require.Zero(t, NTPDuration(-1))
}

// "A-LSR-DLSR" with the numbers of https://www.rfc-editor.org/rfc/rfc3550#section-6.4.1, figure 2.
func TestRoundTrip(t *testing.T) {
	now := NTPTime(0xb44db705_20000000)
	got, ok := RoundTrip(now<<16>>16|now, 0xb705_2000-0x0006_2000, 0)
	require.True(t, ok)
	require.Equal(t, 6125*ms, got)
	got, ok = RoundTrip(0xb710_8000_0000|0xb44d<<48, 0xb705_2000, 0x0005_4000)
	require.True(t, ok)
	require.Equal(t, 6125*ms, got)

	_, ok = RoundTrip(now, 0, 0)
	require.False(t, ok, "no report yet")
	_, ok = RoundTrip(now, now.Middle(), 1<<16)
	require.False(t, ok, "an answer before the question")
	got, ok = RoundTrip(now, now.Middle(), 1)
	require.True(t, ok, "rounding")
	require.Positive(t, got)
	_, ok = RoundTrip(now, now.Middle()-1<<22, 0)
	require.False(t, ok, "more than a minute")
}

func TestClock(t *testing.T) {
	const rate = 90_000
	r := rand.New(rand.NewPCG(3, 4))
	for _, drift := range []float64{0, 200e-6, -500e-6} {
		c := Clock{Rate: rate}
		_, ok := c.Time(0)
		require.False(t, ok, "no report yet")
		start, first := time.Date(2030, 5, 5, 5, 5, 5, 0, time.UTC), uint32(0xffff_0000) // wraps soon
		stamp := func(d time.Duration) uint32 { return first + uint32(int64(d.Seconds()*rate*(1+drift))) }
		worst := time.Duration(0)
		for i := range 60 {
			at := time.Duration(i) * 2 * time.Second
			noise := time.Duration(r.NormFloat64() * float64(2*ms))
			c.Update(NTPTimeOf(start.Add(at+noise)), stamp(at))
			if i < 16 {
				continue
			}
			later := at + time.Second
			got, ok := c.Time(stamp(later))
			require.True(t, ok)
			worst = max(worst, got.Sub(start.Add(later)).Abs())
			back, ok := c.Timestamp(got)
			require.True(t, ok)
			require.InDelta(t, 0, int32(back-stamp(later)), 1)
		}
		require.Less(t, worst, 4*ms, "error with noise of 2 ms, drift %v", drift)
	}
}

func TestClockLeaps(t *testing.T) {
	c := Clock{Rate: 48_000}
	for i := range 10 {
		at := time.Duration(i) * time.Second
		c.Update(NTPTimeOf(epoch.Add(at)), uint32(i)*48_000)
	}
	want := func(why string, timestamp uint32, want time.Time) {
		t.Helper()
		got, ok := c.Time(timestamp)
		require.True(t, ok)
		require.InDelta(t, 0, float64(got.Sub(want)), 1000, why)
	}
	want("before", 480_000, epoch.Add(10*time.Second))
	c.Update(0, 77)
	want("a report without time", 480_000, epoch.Add(10*time.Second))
	c.Update(NTPTimeOf(epoch.Add(time.Hour)), 480_000)
	want("the wall clock has leapt", 528_000, epoch.Add(time.Hour+time.Second))
	c.Update(NTPTimeOf(epoch.Add(time.Hour+time.Second)), 5_000_000)
	want("the timestamps have leapt", 5_048_000, epoch.Add(time.Hour+2*time.Second))
	c.Update(NTPTimeOf(epoch.Add(time.Hour+2*time.Second)), 4_000_000)
	want("back", 4_048_000, epoch.Add(time.Hour+3*time.Second))
	c.Update(NTPTimeOf(epoch.Add(time.Hour+3*time.Second)), 4_048_000)
	want("as it should be", 4_096_000, epoch.Add(time.Hour+4*time.Second))
	c.Update(NTPTimeOf(epoch.Add(time.Hour+4*time.Second)), 4_086_400)
	want("the source has missed 200 ms", 4_134_400, epoch.Add(time.Hour+5*time.Second))
}
