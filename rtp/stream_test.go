package rtp

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const ms = time.Millisecond

var epoch = time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)

// A streamTest is a sender and a receiver with a link in between, in virtual time.
type streamTest struct {
	t        testing.TB
	now      time.Time
	rand     *rand.Rand
	delay    time.Duration // one way
	jitter   time.Duration // uniform, on top, which reorders
	loss     float64       // each way
	sender   *Sender
	receiver *Receiver
	reorder  *Reorder

	flight []flight
	count  int

	written  int
	released []uint64
	lost     int
	resends  map[uint16][]time.Time // when each packet was sent again
	requests map[uint16]int
	nacks    []uint16
}

// flight is a packet or, if nack is set, a request under way.
type flight struct {
	at    time.Time
	count int
	b     []byte
	nack  []uint16
}

const (
	testSSRC, testRTXSSRC = 0x1111, 0x2222
	testType, testRTXType = 96, 97
)

func newStreamTest(t testing.TB, rtt time.Duration, loss float64) *streamTest {
	s := &streamTest{
		t: t, now: epoch, rand: rand.New(rand.NewPCG(1, 2)), delay: rtt / 2, loss: loss,
		sender: NewSender(SenderConfig{SSRC: testSSRC, RTXSSRC: testRTXSSRC, ClockRate: 90_000,
			SequenceNumber: 65_000, RTXSequenceNumber: 65_500, RTT: rtt, CacheAge: 2 * time.Second}),
		receiver: NewReceiver(ReceiverConfig{SSRC: testSSRC, RTXSSRC: testRTXSSRC, ClockRate: 90_000,
			NACK: true, KeyFrames: true, RTT: rtt}),
		reorder:  NewReorder(ReorderConfig{MaxPackets: 2048, MaxBytes: 4 << 20, MaxDelay: 3 * time.Second}),
		resends:  map[uint16][]time.Time{},
		requests: map[uint16]int{},
	}
	s.sender.SetRTX(testType, testRTXType)
	return s
}

// write writes a frame of some packets.
func (s *streamTest) write(packets int) {
	payload := make([]byte, 1000)
	for i := range packets {
		h := Header{
			PayloadType: testType, Marker: i == packets-1,
			SequenceNumber: s.sender.NextSequenceNumber(),
			Timestamp:      uint32(s.now.Sub(epoch) * 90 / ms),
		}
		binary.BigEndian.PutUint32(payload, uint32(s.written))
		require.NoError(s.t, s.sender.Write(s.now, &h, payload))
		s.written++
	}
}

func (s *streamTest) launch(f flight) {
	if s.rand.Float64() < s.loss {
		return
	}
	s.count++
	f.at, f.count = s.now.Add(s.delay), s.count
	if s.jitter > 0 {
		f.at = f.at.Add(time.Duration(s.rand.Int64N(int64(s.jitter))))
	}
	s.flight = append(s.flight, f)
}

// drain polls both ends until they have nothing to do, and checks their deadlines.
func (s *streamTest) drain() {
	for {
		p, ok := s.sender.Poll(s.now)
		if !ok {
			break
		}
		if p.RTX {
			s.resends[p.OSN] = append(s.resends[p.OSN], s.now)
		}
		s.launch(flight{b: p.packet()})
	}
	s.receiver.HandleTimeout(s.now)
	if s.nacks = s.receiver.AppendNACK(s.now, s.nacks[:0]); len(s.nacks) > 0 {
		for _, n := range s.nacks {
			s.requests[n]++
		}
		s.launch(flight{nack: slices.Clone(s.nacks)})
	}
	s.receiver.TakeKeyFrameRequest(s.now)
	if at := s.receiver.Deadline(); !at.IsZero() && !at.After(s.now) {
		s.t.Fatalf("deadline of a drained receiver is %v after the start, at %v", at.Sub(epoch), s.now.Sub(epoch))
	}
	for {
		p, ok := s.reorder.Pop(s.now)
		if !ok {
			break
		}
		s.lost += p.Lost
		s.released = append(s.released, p.Sequence)
		require.Equal(s.t, uint32(p.Sequence-(1<<16+65_000)), binary.BigEndian.Uint32(p.Payload), "content of packet")
	}
	if at := s.reorder.Deadline(); !at.IsZero() && !at.After(s.now) {
		s.t.Fatalf("deadline of a drained reorder buffer is %v after the start, at %v", at.Sub(epoch), s.now.Sub(epoch))
	}
}

// run lets time pass.
func (s *streamTest) run(d time.Duration) {
	end := s.now.Add(d)
	for {
		s.drain()
		next, which := end, -1
		for i, f := range s.flight {
			if f.at.Before(next) || f.at.Equal(next) && which >= 0 && f.count < s.flight[which].count {
				next, which = f.at, i
			}
		}
		for _, at := range []time.Time{s.receiver.Deadline(), s.reorder.Deadline()} {
			if !at.IsZero() && at.Before(next) {
				next, which = at, -1
			}
		}
		if !next.Before(end) {
			s.now = end
			return
		}
		s.now = next
		if which >= 0 {
			f := s.flight[which]
			s.flight = slices.Delete(s.flight, which, which+1)
			s.arrive(f)
		}
	}
}

func (s *streamTest) arrive(f flight) {
	if f.nack != nil {
		for _, n := range f.nack {
			s.sender.HandleNACK(s.now, n)
		}
		return
	}
	h, payload, err := Parse(f.b)
	require.NoError(s.t, err)
	var a Arrival
	if h.SSRC == testRTXSSRC {
		require.Equal(s.t, uint8(testRTXType), h.PayloadType)
		a, payload = s.receiver.HandleRTX(s.now, &h, payload, testType)
	} else {
		a = s.receiver.HandlePacket(s.now, &h, payload)
	}
	if a.OK() {
		require.Equal(s.t, uint16(a.Sequence), h.SequenceNumber)
		require.Equal(s.t, uint32(testSSRC), h.SSRC)
		s.reorder.Push(s.now, a.Sequence, &h, payload)
	}
}

// wantAll fails unless every packet has been released, in order.
func (s *streamTest) wantAll() {
	s.t.Helper()
	require.Zero(s.t, s.lost, "packets skipped")
	require.Equal(s.t, s.written, len(s.released), "packets released")
	require.True(s.t, slices.IsSorted(s.released), "in order")
}

func TestLossIsRepaired(t *testing.T) {
	for _, test := range []struct {
		rtt    time.Duration
		loss   float64
		jitter time.Duration
	}{
		{20 * ms, 0.05, 0},
		{50 * ms, 0.05, 0},
		{50 * ms, 0.05, 15 * ms},
		{200 * ms, 0.05, 0},
		{50 * ms, 0.20, 0},
		{100 * ms, 0.20, 10 * ms},
	} {
		t.Run(fmt.Sprintf("%v %v%% %v", test.rtt, test.loss*100, test.jitter), func(t *testing.T) {
			s := newStreamTest(t, test.rtt, test.loss)
			s.jitter = test.jitter
			s.loss = 0
			s.write(1)
			s.run(100 * ms)
			s.loss = test.loss
			for range 600 {
				s.write(6)
				s.run(33 * ms)
			}
			s.loss = 0
			s.write(1) // shows the loss of the last ones
			s.run(3 * time.Second)
			s.wantAll()

			st := s.receiver.Stats()
			require.Zero(t, st.Abandoned, "given up")
			require.False(t, s.receiver.KeyFrameNeeded())
			lost := float64(st.Lost) / float64(s.written)
			require.InDelta(t, test.loss, lost, 0.02, "share of loss as reported, before the repair")
			for seq, n := range s.requests {
				require.LessOrEqual(t, n, 10, "requests for %d", seq)
			}
			for seq, times := range s.resends {
				for i := range times[1:] {
					require.GreaterOrEqual(t, times[i+1].Sub(times[i]), test.rtt, "between retransmissions of %d", seq)
				}
			}
			sent := s.sender.Stats()
			wasted := float64(sent.Resends) - float64(st.Lost)/(1-test.loss)
			allowed := 0.05*float64(st.Lost) + 20
			if test.jitter > 0 {
				allowed += 0.05 * float64(st.Reordered)
			}
			require.Less(t, wasted, allowed, "retransmissions in vain, with %d reordered", st.Reordered)
		})
	}
}

// A link that reorders and loses nothing makes the receiver ask for nothing, once it has seen
// how far.
func TestReorderingIsNotLoss(t *testing.T) {
	s := newStreamTest(t, 50*ms, 0)
	s.write(1)
	s.run(50 * ms)
	s.jitter = 20 * ms
	for range 100 {
		s.write(5)
		s.run(20 * ms)
	}
	s.run(100 * ms)
	learning := s.receiver.Stats().NACKedPackets
	for range 1000 {
		s.write(5)
		s.run(20 * ms)
	}
	s.run(time.Second)
	s.wantAll()
	st := s.receiver.Stats()
	require.Greater(t, st.Reordered, uint64(1000))
	require.LessOrEqual(t, st.NACKedPackets-learning, uint64(5), "requests after learning, of %d reordered", st.Reordered)
	require.Zero(t, st.Lost)
}

// Without RTX, the very same packet is sent again.
func TestRepeatIsTheSamePacket(t *testing.T) {
	s := NewSender(SenderConfig{SSRC: 1, ClockRate: 90_000})
	h := Header{PayloadType: 96, SequenceNumber: 7, Timestamp: 5, Marker: true}
	h.Extensions.Append(1, []byte("a"))
	s.SetExtensions(Extensions{Profile: ExtensionOneByte, Data: []byte{0x30, 0}}, Extensions{})
	require.NoError(t, s.Write(epoch, &h, []byte("payload")))

	p, ok := s.Poll(epoch)
	require.True(t, ok)
	require.False(t, p.Repeat)
	p.Own.Data[1] = 42 // an extension of the first transmission
	first := p.packet()

	s.HandleNACK(epoch.Add(50*ms), 7)
	p, ok = s.Poll(epoch.Add(50 * ms))
	require.True(t, ok)
	require.True(t, p.Repeat)
	require.False(t, p.RTX)
	require.Equal(t, first, p.packet())
}

// "the original sequence number (OSN) is put into the first two bytes of the payload"
func TestRTXPacket(t *testing.T) {
	s := NewSender(SenderConfig{SSRC: 1, RTXSSRC: 2, RTXSequenceNumber: 0xffff, ClockRate: 90_000})
	s.SetRTX(96, 97)
	h := Header{PayloadType: 96, SequenceNumber: 0x1234, Timestamp: 5, Marker: true}
	require.NoError(t, s.Write(epoch, &h, []byte("payload")))
	s.Poll(epoch)
	for i, want := range []uint16{0xffff, 0} {
		now := epoch.Add(time.Duration(i+1) * 200 * ms)
		s.HandleNACK(now, 0x1234)
		p, ok := s.Poll(now)
		require.True(t, ok)
		got, payload, err := Parse(p.packet())
		require.NoError(t, err)
		require.Equal(t, Header{PayloadType: 97, SequenceNumber: want, Timestamp: 5, Marker: true, SSRC: 2}, got)
		require.Equal(t, append([]byte{0x12, 0x34}, "payload"...), payload)

		original, ok := UnwrapRTX(&got, payload, 1, 96)
		require.True(t, ok)
		require.Equal(t, "payload", string(original))
		h.SSRC = 1
		require.Equal(t, h, got)
	}
}
