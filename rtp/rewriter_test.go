package rtp

import (
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A rewriterTest forwards packets and shows what comes out, as "number@timestamp".
type rewriterTest struct {
	t   *testing.T
	now time.Time
	Rewriter
}

func newRewriterTest(t *testing.T) *rewriterTest {
	return &rewriterTest{t: t, now: epoch, Rewriter: Rewriter{ClockRate: 90_000}}
}

func (r *rewriterTest) want(seq uint64, timestamp uint32, want string) {
	r.t.Helper()
	got := "refused"
	if seq, timestamp, ok := r.Forward(r.now, seq, timestamp); ok {
		got = fmt.Sprintf("%d@%d", seq, timestamp)
	}
	require.Equal(r.t, want, got, "packet %d@%d", seq, timestamp)
}

func TestRewriterSwitch(t *testing.T) {
	r := newRewriterTest(t)
	r.want(5, 5, "refused") // no source yet
	r.Switch(r.now, 1000, 50_000)
	r.want(1000, 50_000, "1000@50000")
	r.want(999, 47_000, "refused")
	r.want(1001, 50_000, "1001@50000")
	r.want(1004, 53_000, "1004@53000") // two are missing
	r.now = r.now.Add(100 * ms)
	r.want(1003, 53_000, "1003@53000") // one comes late
	r.now = r.now.Add(100 * ms)

	// Another layer, with a sequence and timestamps of its own, 200 ms after the last frame.
	r.Switch(r.now, 70, 1_000_000)
	r.want(70, 1_000_000, fmt.Sprintf("1005@%d", 53_000+200*90))
	r.want(69, 999_000, "refused")
	r.want(72, 1_003_000, fmt.Sprintf("1007@%d", 53_000+200*90+3000))

	// And back, in the same instant: time goes on nevertheless.
	r.Switch(r.now, 2000, 0xffff_ffff)
	r.want(2000, 0xffff_ffff, fmt.Sprintf("1008@%d", 53_000+200*90+3000+1))
	r.want(2001, 2999, fmt.Sprintf("1009@%d", 53_000+200*90+6000+1))
}

func TestRewriterContinue(t *testing.T) {
	r := newRewriterTest(t)
	r.Continue(r.now, 99, 1000)
	r.now = r.now.Add(time.Second)
	r.Switch(r.now, 7, 7)
	r.want(7, 7, "100@91000")
}

func TestRewriterDrop(t *testing.T) {
	r := newRewriterTest(t)
	r.Switch(r.now, 100, 0)
	forward := func(seq, want uint64) {
		t.Helper()
		got, _, ok := r.Forward(r.now, seq, 0)
		require.True(t, ok)
		require.Equal(t, want, got)
	}
	drop := func(seqs ...uint64) {
		t.Helper()
		for _, seq := range seqs {
			_, gap := r.Drop(seq)
			require.False(t, gap)
		}
	}
	forward(100, 100)
	drop(101, 102, 103)
	forward(104, 101)
	drop(105)
	forward(107, 103) // 106 is missing
	drop(108, 110)    // 109 is missing
	forward(111, 105)
	forward(106, 102) // comes late, and has its place
	forward(109, 104)
	got, gap := r.Drop(98)
	require.False(t, gap, "from before the source: %d", got)

	forward(113, 107)
	got, gap = r.Drop(112)
	require.True(t, gap, "112 comes late: its number cannot be closed up")
	require.Equal(t, uint64(106), got)

	// The first packet of a source may be dropped as well.
	r.Switch(r.now, 5000, 0)
	drop(5000)
	_, _, ok := r.Forward(r.now, 5000, 0)
	require.False(t, ok)
	forward(5001, 108)

	// What is too long ago to be known is refused.
	for n := uint64(0); n < 2*renumberings; n++ {
		drop(5002 + 2*n)
		forward(5003+2*n, 109+n)
	}
	_, _, ok = r.Forward(r.now, 5001, 0)
	require.False(t, ok)
	forward(5003+2*(2*renumberings-10), 109+2*renumberings-10)
}

func TestVP8Fields(t *testing.T) {
	for _, test := range []struct {
		name, payload string
		want          VP8Fields
		size          int
		key           bool
	}{
		{"no extension, key frame", "10 50", VP8Fields{Start: true}, 1, true},
		{"no extension, delta frame", "10 51", VP8Fields{Start: true}, 1, false},
		{"continuation", "00 50", VP8Fields{}, 1, false},
		{"second partition", "11 50", VP8Fields{}, 1, false},
		{"short picture id", "90 80 11 50", VP8Fields{Start: true, HasPictureID: true, PictureID: 0x11}, 3, true},
		{"long picture id", "b0 80 9234 51", VP8Fields{Start: true, NonReference: true, HasPictureID: true, LongID: true, PictureID: 0x1234}, 4, false},
		{"all", "90 f0 8001 42 a5 50", VP8Fields{Start: true, HasPictureID: true, LongID: true, PictureID: 1,
			HasTL0PICIDX: true, TL0PICIDX: 0x42, HasTID: true, TID: 2, LayerSync: true, HasKEYIDX: true, KEYIDX: 5}, 6, true},
		{"key index only", "90 10 ff 50", VP8Fields{Start: true, HasKEYIDX: true, KEYIDX: 31}, 3, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := unhex(t, test.payload)
			got, ok := ParseVP8Fields(b)
			require.True(t, ok)
			require.Equal(t, test.key, got.KeyFrame(b))
			require.Equal(t, test.size, got.size)
			for n := range test.size {
				_, ok := ParseVP8Fields(b[:n])
				require.False(t, ok, "prefix of %d bytes", n)
			}
			got.pictureAt, got.tl0At, got.keyAt, got.size = 0, 0, 0, 0
			require.Equal(t, test.want, got)
		})
	}
}

// vp8 forwards a payload and returns what comes out.
func vp8(t *testing.T, v *VP8Rewriter, payload string) string {
	t.Helper()
	b := unhex(t, payload)
	f, ok := ParseVP8Fields(b)
	require.True(t, ok)
	if !v.Forward(&f, b) {
		return "refused"
	}
	return hex.EncodeToString(b)
}

func vp8Fields(t *testing.T, payload string) *VP8Fields {
	t.Helper()
	f, ok := ParseVP8Fields(unhex(t, payload))
	require.True(t, ok)
	return &f
}

func TestVP8Rewriter(t *testing.T) {
	var v VP8Rewriter
	// Picture 0x7ffe, TL0PICIDX 0xff, TID 0, KEYIDX 31.
	require.Equal(t, "90f0fffeff1f50", vp8(t, &v, "90f0 fffe ff 1f 50"), "the first source is left alone")
	require.Equal(t, "80f0fffeff1f51", vp8(t, &v, "80f0 fffe ff 1f 51"), "same picture")
	require.Equal(t, "90f0ffffff5f51", vp8(t, &v, "90f0 ffff ff 5f 51"))
	require.Equal(t, "90f08000001f51", vp8(t, &v, "90f0 8000 00 1f 51"), "all wrap around")

	// A source with other counters.
	v.Switch(vp8Fields(t, "90f0 9000 40 03 50"))
	require.Equal(t, "90f08001010050", vp8(t, &v, "90f0 9000 40 03 50"))
	require.Equal(t, "90f08002014051", vp8(t, &v, "90f0 9001 40 43 51"))
	require.Equal(t, "refused", vp8(t, &v, "90f0 8fff 3f 43 51"), "a picture from before the switch")

	// Pictures of the upper layer are left out.
	v.Drop(vp8Fields(t, "90f0 9002 40 43 51"))
	v.Drop(vp8Fields(t, "80f0 9002 40 43 51"))
	require.Equal(t, "90f08003020051", vp8(t, &v, "90f0 9003 41 03 51"))
	require.Equal(t, "80f08002014051", vp8(t, &v, "80f0 9001 40 43 51"), "a late packet")

	// A source with short picture ids, and without TL0PICIDX.
	v.Switch(vp8Fields(t, "9080 7f 50"))
	require.Equal(t, "90800450", vp8(t, &v, "9080 7f 50"))
	require.Equal(t, "90800551", vp8(t, &v, "9080 00 51"))
	// One without any.
	v.Switch(vp8Fields(t, "10 50"))
	require.Equal(t, "1050", vp8(t, &v, "10 50"))
	v.Drop(vp8Fields(t, "10 51"))
	// And back to the first kind.
	v.Switch(vp8Fields(t, "90f0 8000 80 00 50"))
	require.Equal(t, "90f08006030150", vp8(t, &v, "90f0 8000 80 00 50"))
}

func TestRewriterDoesNotAllocate(t *testing.T) {
	r := Rewriter{ClockRate: 90_000}
	var v VP8Rewriter
	b := unhex(t, "90f0 8000 80 00 50")
	seq := uint64(1)
	r.Switch(epoch, seq, 0)
	if got := testing.AllocsPerRun(100, func() {
		for range 10 {
			seq++
			f, _ := ParseVP8Fields(b)
			if seq%3 == 0 {
				r.Drop(seq)
				v.Drop(&f)
				continue
			}
			r.Forward(epoch, seq, uint32(seq))
			v.Forward(&f, b)
		}
	}); got > 0 {
		t.Errorf("%v allocations, want 0", got)
	}
}
