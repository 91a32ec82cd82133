package rtp

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// feedback is transport-wide feedback as it comes from the wire.
func feedback(t *testing.T, b []byte) TransportCC {
	t.Helper()
	c, err := ParseRTCP(b)
	require.NoError(t, err)
	p, ok := c.Next()
	require.True(t, ok)
	f, ok := p.TransportCC()
	require.True(t, ok)
	return f
}

func TestFeedbackRoundTrip(t *testing.T) {
	var d DepartureHistory
	var r TransportCCRecorder
	var schedule FeedbackSchedule
	now := epoch
	var results []PacketResult
	sent, told, lost, reports := 0, 0, 0, 0
	var base time.Duration
	for i := range 20_000 {
		now = now.Add(2 * ms)
		n := d.Add(now, 1200)
		sent++
		if i%10 != 9 {
			arrival := now.Add(30 * ms)
			r.Record(arrival, n)
			schedule.Arrived(arrival, 1200)
		}
		at := schedule.Deadline()
		if at.IsZero() || at.After(now.Add(30*ms)) || !schedule.Take(now.Add(30*ms)) {
			continue
		}
		reports++
		for r.Pending() {
			b, ok := r.AppendFeedback(nil, 1, 2, 1200)
			require.True(t, ok)
			results = d.AppendResults(feedback(t, b), results[:0])
			for _, p := range results {
				told++
				require.Equal(t, 1200, p.Size)
				require.Equal(t, uint64(1<<16+told-1), p.Sequence)
				require.Equal(t, epoch.Add(time.Duration(told)*2*ms), p.Sent)
				if !p.Received {
					lost++
					continue
				}
				way := p.Arrival - p.Sent.Sub(epoch)
				if base == 0 {
					base = way
				}
				require.InDelta(t, float64(base), float64(way), float64(250*time.Microsecond), "packet %d", told)
			}
		}
	}
	require.Greater(t, told, sent-100)
	require.InDelta(t, 2_000, lost, 20)
	require.InDelta(t, 40_000/50, reports, 40, "a report each 50 ms")
	require.InDelta(t, (sent-told)*1200, d.InFlight(), 1)
	require.LessOrEqual(t, len(d.ring), 8192, "ten seconds of 500 packets")
}

// The reference time has 24 bits of 64 ms: it wraps around every twelve days.
func TestReferenceTimeWraps(t *testing.T) {
	var d DepartureHistory
	d.Add(epoch, 1)
	d.Add(epoch, 1)
	first := d.unwrap(1<<23 - 1)
	require.Equal(t, referenceTick, d.unwrap(-1<<23)-first)
	require.Equal(t, 2*referenceTick, d.unwrap(-1<<23+1)-first)
	require.Equal(t, referenceTick, d.unwrap(-1<<23)-first, "an older report")
}

// A report may claim 65,535 packets in a few bytes, or packets that were never sent.
func TestFeedbackLies(t *testing.T) {
	lie := []byte{
		0x8f, 205, 0, 9, // transport feedback, format 15
		0, 0, 0, 1, 0, 0, 0, 2,
		0, 0, 0xff, 0xff, // base 0, 65,535 packets
		0, 0, 1, 0,
		0x1f, 0xff, 0x1f, 0xff, 0x1f, 0xff, 0x1f, 0xff, // runs of 8,191 lost packets
		0x1f, 0xff, 0x1f, 0xff, 0x1f, 0xff, 0x1f, 0xff,
		0x00, 0x07, 0, 0,
	}
	f := feedback(t, lie)
	var d DepartureHistory
	require.Empty(t, d.AppendResults(f, nil), "nothing was sent")
	for range 100 {
		d.Add(epoch, 10)
	}
	results := d.AppendResults(f, nil)
	require.Len(t, results, 100, "no more than were sent")
	require.Empty(t, d.AppendResults(f, nil), "told before")
	require.Zero(t, d.InFlight())
}

// Feedback that says that a packet was lost can be taken back.
func TestFeedbackOfLatePacket(t *testing.T) {
	var d DepartureHistory
	var r TransportCCRecorder
	var numbers []uint16
	for range 3 {
		numbers = append(numbers, d.Add(epoch, 100))
	}
	r.Record(epoch, numbers[0])
	r.Record(epoch, numbers[2])
	b, _ := r.AppendFeedback(nil, 1, 2, 1200)
	results := d.AppendResults(feedback(t, b), nil)
	require.Len(t, results, 3)
	require.False(t, results[1].Received)

	r.Record(epoch.Add(60*ms), numbers[1])
	b, _ = r.AppendFeedback(nil, 1, 2, 1200)
	results = d.AppendResults(feedback(t, b), nil)
	require.Len(t, results, 1, "only what is new")
	require.True(t, results[0].Received)
	require.True(t, results[0].Again)
	require.Empty(t, d.AppendResults(feedback(t, b), nil))
	require.Zero(t, d.InFlight())
}

func TestDepartureHistoryIsBounded(t *testing.T) {
	var d DepartureHistory
	for range 100_000 {
		d.Add(epoch, 1000)
	}
	require.Equal(t, departuresMax, len(d.ring))
	require.Equal(t, departuresMax*1000, d.InFlight())
	var idle DepartureHistory
	for i := range 100_000 {
		idle.Add(epoch.Add(time.Duration(i)*time.Second/10), 1000)
	}
	require.Equal(t, departuresMin, len(idle.ring), "ten packets a second")
}

func TestFeedbackSchedule(t *testing.T) {
	var f FeedbackSchedule
	require.True(t, f.Deadline().IsZero())
	require.False(t, f.Take(epoch))
	now := epoch
	f.Arrived(now, 100)
	require.Equal(t, 50*ms, f.Deadline().Sub(now))
	for range feedbackPackets - 1 {
		f.Arrived(now, 1200)
	}
	require.True(t, f.Take(now), "many packets")
	require.False(t, f.Take(now))
	require.True(t, f.Deadline().IsZero())

	now = now.Add(time.Hour)
	f.Arrived(now, 100)
	require.False(t, f.Take(now), "after silence, more are waited for")
	now = f.Deadline()
	require.True(t, f.Take(now))

	// 20 packets of 100 bytes a second: the feedback would take more than they.
	reports := 0
	for range 200 {
		now = now.Add(50 * ms)
		f.Arrived(now, 100)
		if f.Take(now) {
			reports++
		}
	}
	require.InDelta(t, 100, reports, 5)
}

func TestFeedbackDoesNotAllocate(t *testing.T) {
	var d DepartureHistory
	var r TransportCCRecorder
	var f FeedbackSchedule
	now := epoch
	var b []byte
	var results []PacketResult
	step := func() {
		for range 100 {
			now = now.Add(2 * ms)
			n := d.Add(now, 1200)
			if n%7 != 0 {
				r.Record(now, n)
				f.Arrived(now, 1200)
			}
			if f.Take(now) {
				b, _ = r.AppendFeedback(b[:0], 1, 2, 1200)
				c, _ := ParseRTCP(b)
				p, _ := c.Next()
				fb, _ := p.TransportCC()
				results = d.AppendResults(fb, results[:0])
			}
		}
	}
	for range 60 {
		step()
	}
	if got := testing.AllocsPerRun(50, step); got > 0 {
		t.Errorf("%v allocations for 100 packets with feedback, want 0", got)
	}
}
