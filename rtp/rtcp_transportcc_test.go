package rtp

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// transportCCTest drives a recorder, and keeps the truth beside it.
type transportCCTest struct {
	t        testing.TB
	now      time.Time
	start    time.Time
	recorder TransportCCRecorder
	arrivals map[uint16]time.Duration // of what has come, since start
}

func newTransportCCTest(t testing.TB) *transportCCTest {
	start := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	return &transportCCTest{t: t, now: start, start: start, arrivals: map[uint16]time.Duration{}}
}

func (test *transportCCTest) record(seqs ...uint16) {
	if len(test.arrivals) == 0 {
		test.start = test.now // arrivals are relative to the first
	}
	for _, seq := range seqs {
		test.recorder.Record(test.now, seq)
		if _, ok := test.arrivals[seq]; !ok {
			test.arrivals[seq] = test.now.Sub(test.start)
		}
	}
}

// feedback takes one feedback packet, which must agree with the truth.
func (test *transportCCTest) feedback(size int) TransportCC {
	test.t.Helper()
	b, ok := test.recorder.AppendFeedback([]byte("x"), 1, 2, size)
	require.True(test.t, ok, "feedback is pending")
	require.LessOrEqual(test.t, len(b)-1, size)
	f, ok := only(test.t, b[1:]).TransportCC()
	require.True(test.t, ok, "%x", b[1:])
	require.EqualValues(test.t, 1, f.Sender)
	require.EqualValues(test.t, 2, f.Media)
	return f
}

func (test *transportCCTest) wantNothing() {
	test.t.Helper()
	require.False(test.t, test.recorder.Pending())
	b, ok := test.recorder.AppendFeedback([]byte("x"), 1, 2, 1200)
	require.False(test.t, ok)
	require.Equal(test.t, "x", string(b))
}

// wantTruth checks arrival times against the truth.
func (test *transportCCTest) wantTruth(f TransportCC) {
	test.t.Helper()
	for _, p := range statusesOf(f) {
		at, came := test.arrivals[p.SequenceNumber]
		require.Equal(test.t, came, p.Received, "packet %d", p.SequenceNumber)
		if came {
			require.InDelta(test.t, at, p.Arrival, float64(transportCCTick), "packet %d", p.SequenceNumber)
		}
	}
}

func seqsOf(f TransportCC) (received, lost []uint16) {
	for _, p := range statusesOf(f) {
		if p.Received {
			received = append(received, p.SequenceNumber)
		} else {
			lost = append(lost, p.SequenceNumber)
		}
	}
	return received, lost
}

func TestTransportCCRecorder(t *testing.T) {
	test := newTransportCCTest(t)
	test.wantNothing()
	test.record(65533, 65534)
	test.now = test.now.Add(10 * time.Millisecond)
	test.record(1, 65535, 1) // one twice, one out of order
	f := test.feedback(1200)
	test.wantTruth(f)
	received, lost := seqsOf(f)
	require.Equal(t, []uint16{65533, 65534, 65535, 1}, received)
	require.Equal(t, []uint16{0}, lost)
	require.Zero(t, f.Number)
	test.wantNothing()

	test.now = test.now.Add(time.Second)
	test.record(5)
	f = test.feedback(1200)
	test.wantTruth(f)
	received, lost = seqsOf(f)
	require.Equal(t, []uint16{5}, received)
	require.Equal(t, []uint16{2, 3, 4}, lost, "those before the first that came are reported lost")
	require.EqualValues(t, 1, f.Number)

	test.record(3)
	f = test.feedback(1200)
	test.wantTruth(f)
	received, _ = seqsOf(f)
	require.Equal(t, []uint16{3, 5}, received, "a late one is reported after all")
	test.record(3)
	test.wantNothing()
}

// An arrival that is too far from the one before for a delta begins another packet.
func TestTransportCCRecorderPause(t *testing.T) {
	test := newTransportCCTest(t)
	test.record(1)
	test.now = test.now.Add(8 * time.Second)
	test.record(2)
	test.now = test.now.Add(9 * time.Second)
	test.record(3)
	f := test.feedback(1200)
	test.wantTruth(f)
	require.EqualValues(t, 2, f.Count)
	require.True(t, test.recorder.Pending())
	f = test.feedback(1200)
	test.wantTruth(f)
	require.EqualValues(t, 3, f.Base)
	require.EqualValues(t, 1, f.Count)
	test.wantNothing()
}

// E8: a clock that goes back or far ahead costs one feedback packet more, and no more than that.
func TestE8TransportCCRecorderClock(t *testing.T) {
	test := newTransportCCTest(t)
	test.record(1, 2)
	for i, leap := range []time.Duration{-20 * time.Second, time.Hour, -time.Hour, 48 * time.Hour, time.Millisecond} {
		test.now = test.now.Add(leap)
		test.record(uint16(3+2*i), uint16(4+2*i))
	}
	seen := 0
	for i := 0; test.recorder.Pending(); i++ {
		require.Less(t, i, 6)
		received, lost := seqsOf(test.feedback(1200))
		require.Empty(t, lost)
		seen += len(received)
	}
	require.Equal(t, 12, seen)
}

// Reference times wrap after 12 days.
func TestTransportCCRecorderLong(t *testing.T) {
	test := newTransportCCTest(t)
	seq := uint16(0)
	for range 30 {
		seq++
		test.record(seq)
		f := test.feedback(1200)
		received, _ := seqsOf(f)
		require.Equal(t, []uint16{seq}, received)
		wrap := (1 << 24) * 64 * time.Millisecond
		got := (statusesOf(f)[0].Arrival%wrap + wrap) % wrap
		require.InDelta(t, test.now.Sub(test.start)%wrap, got, float64(transportCCTick))
		test.now = test.now.Add(23*time.Hour + 7*time.Millisecond)
	}
}

// E7: sequence numbers that leap do not make the recorder grow beyond its bound, nor forget what
// comes after.
func TestE7TransportCCRecorderLeaps(t *testing.T) {
	test := newTransportCCTest(t)
	random := rand.New(rand.NewPCG(1, 2))
	seq := uint16(0)
	for range 2000 {
		seq += uint16(random.IntN(1 << 16))
		test.now = test.now.Add(time.Duration(random.IntN(1000)) * time.Microsecond)
		test.recorder.Record(test.now, seq)
		require.LessOrEqual(t, len(test.recorder.arrivals), maxRecorderSize)
		require.LessOrEqual(t, test.recorder.next-test.recorder.first, uint64(maxRecorderSize))
		if random.IntN(5) == 0 {
			for test.recorder.Pending() {
				test.feedback(40 + random.IntN(1200))
			}
		}
	}
}

// Whatever arrives in whichever order, all of it is reported, with its time, in packets of
// any size.
func TestTransportCCRecorderRandom(t *testing.T) {
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 2))
		test := newTransportCCTest(t)
		reported := map[uint16]bool{}
		loss, reorder, burst := random.IntN(60), random.IntN(20), 1+random.IntN(40)
		next := uint16(random.Uint32())
		var held []uint16
		for range 3000 {
			if random.IntN(burst) == 0 {
				test.now = test.now.Add(time.Duration(random.IntN(300_000)) * time.Microsecond)
			}
			next++
			switch {
			case random.IntN(100) < loss:
			case random.IntN(100) < reorder:
				held = append(held, next)
			default:
				test.record(next)
			}
			if len(held) > random.IntN(20) {
				test.record(held...)
				held = held[:0]
			}
			if random.IntN(100) != 0 {
				continue
			}
			for test.recorder.Pending() {
				f := test.feedback(40 + random.IntN(300))
				test.wantTruth(f)
				received, _ := seqsOf(f)
				for _, seq := range received {
					reported[seq] = true
				}
			}
		}
		for test.recorder.Pending() {
			received, _ := seqsOf(test.feedback(1200))
			for _, seq := range received {
				reported[seq] = true
			}
		}
		require.Equal(t, len(test.arrivals), len(reported), "seed %d", seed)
	}
}

// Each kind of chunk is used where it is the smallest.
func TestStatusChunks(t *testing.T) {
	pack := func(symbols ...uint8) []byte {
		var c statusChunks
		var b []byte
		for _, s := range symbols {
			b = c.append(b, s)
		}
		return c.flush(b)
	}
	repeat := func(n int, s uint8) []uint8 {
		all := make([]uint8, n)
		for i := range all {
			all[i] = s
		}
		return all
	}
	require.Equal(t, unhex(t, `2001`), pack(1))
	require.Equal(t, unhex(t, `3fff 2001`), pack(repeat(0x2000, 1)...))
	require.Equal(t, unhex(t, `4003`), pack(2, 2, 2))
	require.Equal(t, unhex(t, `b000`), pack(1, 1, 0, 0, 0), "the last vector need not be full")
	require.Equal(t, unhex(t, `9fff 2001`), pack(append([]uint8{0}, repeat(14, 1)...)...), "14 of one bit")
	require.Equal(t, unhex(t, `d955 e000`), pack(1, 2, 1, 1, 1, 1, 1, 2, 0), "7 of two bits")
	require.Equal(t, unhex(t, `c555 d800`), pack(0, 1, 1, 1, 1, 1, 1, 1, 2), "of one bit until a large one comes")
}

func TestTransportCCRecorderAllocs(t *testing.T) {
	test := newTransportCCTest(t)
	dst := make([]byte, 0, 1200)
	seq := uint16(0)
	round := func() {
		for range 100 {
			seq++
			test.now = test.now.Add(time.Millisecond)
			if seq%7 != 0 {
				test.recorder.Record(test.now, seq)
			}
		}
		var ok bool
		if dst, ok = test.recorder.AppendFeedback(dst[:0], 1, 2, 1200); !ok {
			t.Fatal("no feedback")
		}
	}
	round()
	require.Zero(t, testing.AllocsPerRun(100, round))
}
