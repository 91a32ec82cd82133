package rtp

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type reorderTest struct {
	t   *testing.T
	now time.Time
	*Reorder
}

func newReorderTest(t *testing.T, cfg ReorderConfig) *reorderTest {
	return &reorderTest{t: t, now: epoch, Reorder: NewReorder(cfg)}
}

func (q *reorderTest) advance(d time.Duration) { q.now = q.now.Add(d) }

func (q *reorderTest) push(seqs ...uint64) (ok bool) {
	for _, seq := range seqs {
		h := Header{SequenceNumber: uint16(seq), Timestamp: uint32(seq)}
		h.Extensions.Append(1, []byte{byte(seq)})
		h.CSRCs = h.CSRCs.Append(uint32(seq))
		payload := fmt.Appendf(nil, "payload of %d", seq)
		ok = q.Push(q.now, seq, &h, payload)
		clear(payload)
		clear(h.Extensions.Data)
	}
	return ok
}

// wantPop says which packets come out: each with the number of those skipped before it, if any.
func (q *reorderTest) wantPop(why, want string) {
	q.t.Helper()
	var got []string
	for {
		p, ok := q.Pop(q.now)
		if !ok {
			break
		}
		require.Equal(q.t, uint16(p.Sequence), p.Header.SequenceNumber)
		require.Equal(q.t, fmt.Sprintf("payload of %d", p.Sequence), string(p.Payload))
		value, _ := p.Header.Extensions.Get(1)
		require.Equal(q.t, []byte{byte(p.Sequence)}, value)
		require.Equal(q.t, uint32(p.Sequence), p.Header.CSRCs.At(0))
		s := fmt.Sprint(p.Sequence)
		if p.Lost > 0 {
			s += fmt.Sprintf("-%d", p.Lost)
		}
		got = append(got, s)
	}
	require.Equal(q.t, want, strings.Join(got, " "), why)
	if at := q.Deadline(); !at.IsZero() {
		require.True(q.t, at.After(q.now), "deadline %v after a drain at %v", at, q.now)
	}
}

func TestReorder(t *testing.T) {
	q := newReorderTest(t, ReorderConfig{})
	q.SetDelay(100 * ms)
	q.push(11)
	q.push(10) // the stream began out of order
	q.wantPop("in order", "10 11")
	q.push(14, 13)
	q.wantPop("12 is missing", "")
	require.Equal(t, 100*ms, q.Deadline().Sub(q.now))
	q.advance(99 * ms)
	q.push(16)
	q.wantPop("12 is waited for", "")
	require.False(t, q.push(13), "a duplicate")
	q.push(12)
	q.wantPop("it has come", "12 13 14")
	q.advance(99 * ms)
	q.wantPop("15 is waited for since 16 came", "")
	q.advance(ms)
	q.wantPop("time is over", "16-1")
	require.False(t, q.push(15), "too late")
	late, _ := q.Dropped()
	require.Equal(t, uint64(1), late)
	require.True(t, q.Deadline().IsZero())
}

// A packet that comes after a gap is waited for since the gap was seen, not since a repaired
// packet next to it came.
func TestReorderWaitsOncePerGap(t *testing.T) {
	q := newReorderTest(t, ReorderConfig{})
	q.SetDelay(100 * ms)
	q.push(1)
	q.wantPop("", "1")
	q.push(5)
	q.advance(90 * ms)
	q.push(3) // repaired; 2 and 4 are still missing
	q.advance(10 * ms)
	q.wantPop("the time of both is over", "3-1 5-1")
}

func TestReorderIsBounded(t *testing.T) {
	q := newReorderTest(t, ReorderConfig{MaxPackets: 64, MaxBytes: 1 << 20})
	for seq := uint64(2); seq < 10_000; seq += 2 {
		q.push(seq)
		packets, _ := q.Held()
		require.LessOrEqual(t, packets, 64)
	}
	require.LessOrEqual(t, len(q.ring), 64)

	q = newReorderTest(t, ReorderConfig{MaxPackets: 1024, MaxBytes: 10_000})
	h := Header{}
	for seq := range uint64(2000) {
		q.Push(q.now, 2*seq, &h, make([]byte, 900))
		_, bytes := q.Held()
		require.LessOrEqual(t, bytes, 10_000)
	}
	require.LessOrEqual(t, len(q.free), reorderSpare)
	packets, lost := 0, 0
	q.advance(time.Hour)
	for {
		p, ok := q.Pop(q.now)
		if !ok {
			break
		}
		packets++
		lost += p.Lost
	}
	require.Equal(t, 11, packets)
	require.Equal(t, 3999, packets+lost, "all are accounted for")
}

// A full buffer does not lose what it holds to a packet from before.
func TestReorderFullAndLate(t *testing.T) {
	q := newReorderTest(t, ReorderConfig{MaxBytes: 100})
	h := Header{}
	q.Push(q.now, 1, &h, nil)
	q.wantPopSequences("1")
	for _, seq := range []uint64{10, 11, 12, 13} {
		require.True(t, q.Push(q.now, seq, &h, make([]byte, 25)))
	}
	require.False(t, q.Push(q.now, 5, &h, make([]byte, 25)), "no room, and the oldest")
	require.True(t, q.Push(q.now, 14, &h, make([]byte, 50)), "10 and 11 make room")
	q.advance(time.Second)
	q.wantPopSequences("12-10 13 14")
}

// wantPopSequences is wantPop without a look at what is in the packets.
func (q *reorderTest) wantPopSequences(want string) {
	q.t.Helper()
	var got []string
	for p, ok := q.Pop(q.now); ok; p, ok = q.Pop(q.now) {
		s := fmt.Sprint(p.Sequence)
		if p.Lost > 0 {
			s += fmt.Sprintf("-%d", p.Lost)
		}
		got = append(got, s)
	}
	require.Equal(q.t, want, strings.Join(got, " "))
}

func TestReorderLeap(t *testing.T) {
	for _, leap := range []uint64{600, 1 << 15, 1 << 16, 1 << 40} {
		q := newReorderTest(t, ReorderConfig{})
		q.push(1, 2)
		q.wantPop("", "1 2")
		q.push(4, 4+leap)
		q.advance(10 * time.Second)
		p, ok := q.Pop(q.now)
		for ok && p.Sequence != 4+leap {
			p, ok = q.Pop(q.now)
		}
		require.True(t, ok, "the packet after a leap of %d", leap)
		q.push(5 + leap)
		q.wantPop("it goes on", fmt.Sprint(5+leap))
	}
	q := newReorderTest(t, ReorderConfig{})
	q.push(1, 3)
	q.Reset()
	require.True(t, q.Deadline().IsZero())
	q.push(1 << 20)
	q.wantPop("after a restart", fmt.Sprint(1<<20))
}
