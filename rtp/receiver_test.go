package rtp

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A receiverTest drives a Receiver alone.
type receiverTest struct {
	t   *testing.T
	now time.Time
	*Receiver
}

func newReceiverTest(t *testing.T, cfg ReceiverConfig) *receiverTest {
	if cfg.SSRC == 0 {
		cfg.SSRC = 1
	}
	if cfg.ClockRate == 0 {
		cfg.ClockRate = 90_000
	}
	return &receiverTest{t: t, now: epoch, Receiver: NewReceiver(cfg)}
}

func (r *receiverTest) advance(d time.Duration) { r.now = r.now.Add(d) }

// recv takes packets with numbers, a millisecond apart.
func (r *receiverTest) recv(numbers ...uint16) (a Arrival) {
	for _, n := range numbers {
		r.advance(ms)
		a = r.HandlePacket(r.now, &Header{SequenceNumber: n, Timestamp: uint32(n) * 90}, []byte("x"))
	}
	return a
}

func (r *receiverTest) recvRTX(number, osn uint16) Arrival {
	payload := binary.BigEndian.AppendUint16(nil, osn)
	a, _ := r.HandleRTX(r.now, &Header{SequenceNumber: number}, append(payload, 'x'), 96)
	return a
}

func (r *receiverTest) wantNACK(why string, want ...uint16) {
	r.t.Helper()
	r.HandleTimeout(r.now)
	got := r.AppendNACK(r.now, nil)
	require.Equal(r.t, fmt.Sprint(want), fmt.Sprint(got), why)
}

func (r *receiverTest) wantKeyRequest(why string, want bool) {
	r.t.Helper()
	_, got := r.TakeKeyFrameRequest(r.now)
	require.Equal(r.t, want, got, why)
}

// wantDeadline says how long after now something is to be done.
func (r *receiverTest) wantDeadline(why string, want time.Duration) {
	r.t.Helper()
	at := r.Deadline()
	if at.IsZero() {
		require.Equal(r.t, time.Duration(-1), want, why)
		return
	}
	require.Equal(r.t, want, at.Sub(r.now), why)
}

func TestSequence(t *testing.T) {
	for _, test := range []struct {
		name    string
		numbers []uint16
		want    string
	}{
		{"in order", []uint16{5, 6, 7}, "new 65541, new 65542, new 65543"},
		{"wrap", []uint16{65534, 65535, 0, 1}, "new 131070, new 131071, new 131072, new 131073"},
		{"wrap with loss", []uint16{65534, 1}, "new 131070, new 131073 -2"},
		{"before the first", []uint16{0, 65535, 1}, "new 65536, reordered 65535, new 65537"},
		{"reordered over the wrap", []uint16{65535, 1, 0}, "new 131071, new 131073 -1, reordered 131072"},
		{"duplicate", []uint16{5, 5, 6, 5}, "new 65541, duplicate 65541, new 65542, duplicate 65541"},
		{"one packet from afar", []uint16{5, 30_000, 6}, "new 65541, unexpected 95536, new 65542"},
		{"leap", []uint16{5, 30_000, 30_001}, "new 65541, unexpected 95536, new 95537 -29995"},
		{"leap of half the space", []uint16{5, 32_773, 32_774}, "new 65541, unexpected 32773, new 229382 restarted"},
		{"restart", []uint16{40_000, 7, 8, 9}, "new 105536, unexpected 131079, new 131080 -25543, new 131081"},
		{"restart to lower", []uint16{20_000, 7, 8, 7}, "new 85536, unexpected 65543, new 196616 restarted, reordered 196615"},
		{"late by more than is remembered", []uint16{0, 2500, 1, 3000}, "new 65536, new 68036 -2499, unexpected 65537, new 68536 -499"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newReceiverTest(t, ReceiverConfig{})
			var got []string
			for _, n := range test.numbers {
				a := r.recv(n)
				s := fmt.Sprintf("%v %d", a.Kind, a.Sequence)
				if a.Missing > 0 {
					s += fmt.Sprintf(" -%d", a.Missing)
				}
				if a.Restarted {
					s += " restarted"
				}
				got = append(got, s)
				if a.OK() {
					require.Equal(t, n, uint16(a.Sequence))
				}
			}
			require.Equal(t, test.want, strings.Join(got, ", "))
		})
	}
}

func TestNACK(t *testing.T) {
	r := newReceiverTest(t, ReceiverConfig{NACK: true, KeyFrames: true, RTXSSRC: 2, RTT: 100 * ms})
	r.recv(65533, 65534, 1)
	r.wantNACK("it may be late")
	r.wantDeadline("the allowance for reordering", 10*ms)
	r.advance(10 * ms)
	r.wantNACK("it is lost", 65535, 0)
	r.wantDeadline("1.2 round trips", 120*ms)
	r.advance(119 * ms)
	r.wantNACK("the answer is under way")
	require.Equal(t, ArrivalRepaired, r.recvRTX(9, 0).Kind)
	r.advance(ms)
	r.wantNACK("it has not come", 65535)
	require.Equal(t, ArrivalReordered, r.recv(65535).Kind)
	r.wantDeadline("nothing is missing", -1)

	r.recv(3)
	for i := range 10 {
		r.advance(time.Second)
		if i == 0 {
			r.wantNACK("first", 2)
		}
	}
	r.wantKeyRequest("not before it is given up", false)
	r.HandleTimeout(r.now)
	require.Equal(t, uint64(1), r.Stats().Abandoned)
	r.wantKeyRequest("the loss was not repaired", true)
}

func TestNACKGivesUp(t *testing.T) {
	t.Run("after ten requests", func(t *testing.T) {
		r := newReceiverTest(t, ReceiverConfig{NACK: true, KeyFrames: true, RTT: 50 * ms})
		r.recv(1, 3)
		requests := 0
		for !r.Deadline().IsZero() && !r.KeyFrameNeeded() {
			r.now = r.Deadline()
			r.HandleTimeout(r.now)
			requests += len(r.AppendNACK(r.now, nil))
		}
		require.Equal(t, 10, requests)
		require.Equal(t, 10*ms+10*60*ms, r.now.Sub(epoch.Add(2*ms)), "time of giving up")
		r.wantKeyRequest("given up", true)
	})
	t.Run("after a time", func(t *testing.T) {
		r := newReceiverTest(t, ReceiverConfig{NACK: true, KeyFrames: true, RTT: 500 * ms})
		r.recv(1, 3)
		requests := 0
		for !r.KeyFrameNeeded() {
			r.now = r.Deadline()
			r.HandleTimeout(r.now)
			requests += len(r.AppendNACK(r.now, nil))
		}
		require.Equal(t, 4, requests)
		require.Equal(t, 2*time.Second, r.now.Sub(epoch.Add(2*ms)), "time of giving up")
	})
	t.Run("on too large a gap", func(t *testing.T) {
		r := newReceiverTest(t, ReceiverConfig{NACK: true, KeyFrames: true})
		r.recv(1, 3, 260)
		require.True(t, r.KeyFrameNeeded(), "256 and one more are missing")
		r.advance(20 * ms)
		r.HandleTimeout(r.now)
		got := r.AppendNACK(r.now, nil)
		require.Len(t, got, 256)
		require.Equal(t, uint16(4), got[0], "the oldest was given up")
		r.recv(1000)
		r.advance(20 * ms)
		r.wantNACK("a gap too large for repair")
	})
	t.Run("when nobody waits", func(t *testing.T) {
		r := newReceiverTest(t, ReceiverConfig{NACK: true, KeyFrames: true})
		a := r.recv(1, 3, 5)
		r.ForgetBefore(a.Sequence - 1)
		r.advance(20 * ms)
		require.Equal(t, uint64(1), r.Stats().Abandoned)
		r.ForgetBefore(a.Sequence)
		r.wantNACK("forgotten")
		r.wantDeadline("nothing is missing", -1)
		require.Equal(t, uint64(2), r.Stats().Abandoned)
	})
}

// The last packets before a silence are lost without anybody knowing, until the peer sends them
// again of its own accord.
func TestRTXAheadOfTheStream(t *testing.T) {
	r := newReceiverTest(t, ReceiverConfig{NACK: true, RTXSSRC: 2})
	a := r.recv(65534)
	b := r.recvRTX(1, 0)
	require.Equal(t, Arrival{Kind: ArrivalRepaired, Sequence: a.Sequence + 2, Missing: 1}, b)
	require.Equal(t, ArrivalDuplicate, r.recv(0).Kind)
	require.Equal(t, ArrivalReordered, r.recv(65535).Kind)
	require.Equal(t, ArrivalDuplicate, r.recvRTX(2, 1000).Kind, "far ahead")
	require.Equal(t, ArrivalNew, r.recv(1).Kind)
}

func TestRTXProbe(t *testing.T) {
	r := newReceiverTest(t, ReceiverConfig{NACK: true, RTXSSRC: 2})
	r.recv(1)
	for _, payload := range [][]byte{nil, {0}} {
		h := Header{SequenceNumber: 5, SSRC: 2, PayloadType: 97, PaddingSize: 255}
		a, original := r.HandleRTX(r.now, &h, payload, 96)
		require.False(t, a.OK())
		require.Nil(t, original)
		require.Equal(t, uint32(2), h.SSRC, "the header is left alone")
	}
	require.Equal(t, uint64(2), r.Stats().Probes)
	// RTX of RTX is just a payload.
	a, original := r.HandleRTX(r.now, &Header{SequenceNumber: 6}, []byte{0, 2, 0, 3, 'x'}, 96)
	require.True(t, a.OK())
	require.Equal(t, []byte{0, 3, 'x'}, original)
}

func TestKeyFrameRequests(t *testing.T) {
	r := newReceiverTest(t, ReceiverConfig{RTT: 50 * ms})
	r.advance(time.Second)
	for range 100 {
		r.RequestKeyFrame(r.now)
	}
	n, ok := r.TakeKeyFrameRequest(r.now)
	require.True(t, ok)
	r.wantKeyRequest("one for all", false)
	r.wantDeadline("repetition", 500*ms)
	r.advance(500 * ms)
	again, ok := r.TakeKeyFrameRequest(r.now)
	require.True(t, ok, "none has come")
	require.Equal(t, n, again, "a repetition")

	r.HandleKeyFrame(r.now)
	r.wantDeadline("it has come", -1)
	r.advance(10 * ms)
	r.RequestKeyFrame(r.now)
	r.wantKeyRequest("too early for another", false)
	r.wantDeadline("interval", 490*ms)
	r.advance(490 * ms)
	next, ok := r.TakeKeyFrameRequest(r.now)
	require.True(t, ok)
	require.Equal(t, n+1, next, "a new command")

	// A peer that sends none is not bothered for ever at that rate.
	requests := 0
	for end := r.now.Add(time.Minute); r.now.Before(end); r.now = r.Deadline() {
		if _, ok := r.TakeKeyFrameRequest(r.now); ok {
			requests++
		}
	}
	require.InDelta(t, 18, requests, 3)
}

func TestReport(t *testing.T) {
	r := newReceiverTest(t, ReceiverConfig{RTXSSRC: 2, NACK: true, SSRC: 7})
	_, ok := r.Report(r.now)
	require.False(t, ok, "nothing has come")

	for n := range uint16(100) {
		if n%4 != 3 {
			r.recv(65_500 + n)
		} else {
			r.advance(ms)
		}
	}
	r.HandleSenderReport(r.now, SenderInfo{NTP: 0x1111_2222_3333_4444})
	r.advance(500 * ms)
	r.recvRTX(1, 65_503) // repaired, but lost by the network
	b, ok := r.Report(r.now)
	require.True(t, ok)
	require.Equal(t, ReportBlock{SSRC: 7, FractionLost: 24 * 256 / 99, TotalLost: 24, HighestSequence: 1<<16 | 62,
		LastSR: 0x2222_3333, Delay: 1 << 15}, b)
	_, ok = r.Report(r.now)
	require.False(t, ok, "nothing since")

	r.recv(64, 65)
	b, _ = r.Report(r.now)
	require.Equal(t, uint8(256/3), b.FractionLost, "the loss of number 99 shows now")
	require.Equal(t, int32(25), b.TotalLost)

	b, ok = r.ReportRTX(r.now)
	require.True(t, ok)
	require.Equal(t, ReportBlock{SSRC: 2, HighestSequence: 1}, b)
}

// A restart by the peer does not make losses of the numbers in between.
func TestReportAfterRestart(t *testing.T) {
	r := newReceiverTest(t, ReceiverConfig{})
	r.recv(30_000, 30_001, 30_003)
	r.recv(5, 6, 7)
	b, _ := r.Report(r.now)
	require.Equal(t, int32(1), b.TotalLost, "of the first part: the packet that announced the restart does not count")
}

func TestJitter(t *testing.T) {
	r := newReceiverTest(t, ReceiverConfig{})
	// A frame of three packets every 20 ms, each tenth of which is late by 8 ms.
	n := uint16(0)
	for frame := range 1000 {
		late := time.Duration(frame%2) * 8 * ms
		r.advance(late)
		for range 3 {
			n++
			r.HandlePacket(r.now, &Header{SequenceNumber: n, Timestamp: uint32(frame) * 1800}, nil)
			r.advance(ms)
		}
		r.advance(20*ms - late - 3*ms)
	}
	b, _ := r.Report(r.now)
	require.InDelta(t, 8*90, b.Jitter, 20, "in units of 1/90 ms")
	require.InDelta(t, float64(8*ms), float64(r.Stats().Jitter), float64(ms))
}

func TestDLRR(t *testing.T) {
	r := newReceiverTest(t, ReceiverConfig{RTT: 300 * ms})
	r.recv(1)
	asked := NTPTimeOf(r.now).Middle()
	r.advance(70 * ms)
	r.HandleDLRR(r.now, DLRR{SSRC: 1, LastRR: asked, Delay: NTPDuration(20 * ms)})
	require.InDelta(t, float64(50*ms), float64(r.RTT()), float64(ms))
	r.HandleDLRR(r.now, DLRR{SSRC: 1})
	require.InDelta(t, float64(50*ms), float64(r.RTT()), float64(ms), "no answer")
}

func TestReceiverPause(t *testing.T) {
	r := newReceiverTest(t, ReceiverConfig{NACK: true, KeyFrames: true})
	r.recv(1, 3)
	r.SetPaused(r.now, true)
	r.wantDeadline("nothing is asked for", -1)
	require.False(t, r.recv(4).OK())
	r.RequestKeyFrame(r.now)
	r.wantKeyRequest("paused", false)
	r.SetPaused(r.now, false)
	a := r.recv(500)
	require.True(t, a.OK())
	require.True(t, a.Restarted)
	r.wantKeyRequest("after a pause", true)
	r.advance(50 * ms)
	r.wantNACK("what came during the pause is not missed")
	b, _ := r.Report(r.now)
	require.Equal(t, int32(1), b.TotalLost)

	// The same with numbers that have gone on around the wrap, or back.
	for _, number := range []uint16{499, 33_000, 10} {
		r.SetPaused(r.now, true)
		r.SetPaused(r.now, false)
		before := a.Sequence
		a = r.recv(number)
		require.Greater(t, a.Sequence, before)
		require.Equal(t, number, uint16(a.Sequence))
	}
}

// The time given may go back, or leap by hours.
func TestReceiverClockLeaps(t *testing.T) {
	r := newReceiverTest(t, ReceiverConfig{NACK: true, KeyFrames: true})
	r.recv(1, 3)
	r.now = epoch.Add(-24 * time.Hour)
	r.wantNACK("time stands still")
	r.recv(4, 6)
	r.HandleSenderReport(r.now, SenderInfo{NTP: 1})
	_, ok := r.Report(r.now)
	require.True(t, ok)
	r.now = epoch.Add(24 * time.Hour)
	r.HandleTimeout(r.now)
	require.Empty(t, r.AppendNACK(r.now, nil))
	r.wantKeyRequest("given up once", true)
	r.wantKeyRequest("given up once", false)
}

func TestReceiverDoesNotAllocate(t *testing.T) {
	r := NewReceiver(ReceiverConfig{SSRC: 1, RTXSSRC: 2, ClockRate: 90_000, NACK: true, KeyFrames: true})
	q := NewReorder(ReorderConfig{})
	now, n, payload := epoch, uint16(0), make([]byte, 1202)
	nacks := make([]uint16, 0, 256)
	released := 0
	step := func() {
		for range 20 {
			n++
			now = now.Add(5 * ms)
			h := Header{SequenceNumber: n, Timestamp: uint32(n) * 450}
			var a Arrival
			body := payload
			switch n % 20 {
			case 7, 8: // lost
				continue
			case 12:
				binary.BigEndian.PutUint16(payload, n-5)
				a, body = r.HandleRTX(now, &h, payload, 96)
			case 13:
				binary.BigEndian.PutUint16(payload, n-5)
				a, body = r.HandleRTX(now, &h, payload, 96)
			default:
				a = r.HandlePacket(now, &h, payload)
			}
			if a.OK() {
				q.Push(now, a.Sequence, &h, body)
			}
			r.HandleTimeout(now)
			nacks = r.AppendNACK(now, nacks[:0])
			r.Report(now)
			q.SetDelay(r.RepairTime())
			for {
				if _, ok := q.Pop(now); !ok {
					break
				}
				released++
			}
		}
	}
	for range 100 {
		step()
	}
	if got := testing.AllocsPerRun(100, step); got > 0 {
		t.Errorf("%v allocations for 20 packets with losses, want 0", got)
	}
	require.Greater(t, released, 2000)
	require.Greater(t, r.Stats().Repaired, uint64(200))
}
