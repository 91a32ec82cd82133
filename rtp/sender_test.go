package rtp

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// packet returns the whole of it.
func (o *Outgoing) packet() []byte { return append(bytes.Clone(o.Header), o.Payload...) }

// A senderTest drives a Sender alone.
type senderTest struct {
	t   *testing.T
	now time.Time
	*Sender
}

func newSenderTest(t *testing.T, cfg SenderConfig) *senderTest {
	cfg.SSRC = 1
	if cfg.ClockRate == 0 {
		cfg.ClockRate = 90_000
	}
	s := &senderTest{t: t, now: epoch, Sender: NewSender(cfg)}
	s.SetRTX(96, 97)
	return s
}

func (s *senderTest) advance(d time.Duration) { s.now = s.now.Add(d) }

// write writes a packet of a size in bytes.
func (s *senderTest) write(number uint16, size int) error {
	h := Header{PayloadType: 96, SequenceNumber: number, Timestamp: uint32(s.now.Sub(epoch) * 90 / ms)}
	return s.Write(s.now, &h, make([]byte, size))
}

// send writes and polls some packets in order, and returns the number of the first one.
func (s *senderTest) send(packets, size int) (first uint16) {
	s.t.Helper()
	first = s.NextSequenceNumber()
	for i := range packets {
		require.NoError(s.t, s.write(first+uint16(i), size))
		p, ok := s.Poll(s.now)
		require.True(s.t, ok)
		require.Equal(s.t, first+uint16(i), p.Number)
	}
	return first
}

// resent polls and counts retransmissions.
func (s *senderTest) resent() (packets, bytes int) {
	s.t.Helper()
	for {
		p, ok := s.Poll(s.now)
		if !ok {
			return packets, bytes
		}
		require.True(s.t, p.RTX || p.Repeat)
		packets++
		bytes += len(p.Header) + len(p.Payload)
	}
}

func TestWrite(t *testing.T) {
	s := newSenderTest(t, SenderConfig{QueuePackets: 4, QueueBytes: 1000, SequenceNumber: 0xffff})
	require.Equal(t, uint16(0xffff), s.NextSequenceNumber())
	require.NoError(t, s.write(0xffff, 100))
	require.NoError(t, s.write(1, 100))
	require.NoError(t, s.write(0, 100), "out of order")
	require.Equal(t, uint16(2), s.NextSequenceNumber())
	require.ErrorIs(t, s.write(0, 100), ErrSequence, "written before")
	require.ErrorIs(t, s.write(0xffff-windowSize, 100), ErrSequence, "too old to know")
	require.ErrorIs(t, s.write(2, 701), ErrQueueFull, "too many bytes")
	require.NoError(t, s.write(2, 700))
	require.ErrorIs(t, s.write(3, 0), ErrQueueFull, "too many packets")
	require.ErrorIs(t, s.write(3, maxPacket+1), ErrTooLarge)
	packets, bytes := s.Queued()
	require.Equal(t, []int{4, 1000}, []int{packets, bytes})

	s.advance(7 * ms)
	for _, want := range []uint16{0xffff, 1, 0, 2} {
		p, ok := s.Poll(s.now)
		require.True(t, ok)
		require.Equal(t, want, p.Number, "in the order of writing")
		require.Equal(t, 7*ms, p.Waited)
	}
	_, ok := s.Poll(s.now)
	require.False(t, ok)
	require.False(t, s.Pending())
	require.ErrorIs(t, s.write(1, 100), ErrSequence, "sent before")
}

func TestPacketAsWritten(t *testing.T) {
	s := newSenderTest(t, SenderConfig{RTXSSRC: 2})
	h := Header{PayloadType: 96, Marker: true, SequenceNumber: 3, Timestamp: 4, SSRC: 99}
	h.CSRCs = h.CSRCs.Append(5).Append(6)
	h.Extensions.Append(1, []byte("ext"))
	payload := []byte("payload")
	require.NoError(t, s.Write(s.now, &h, payload))
	want := h
	want.SSRC = 1
	want.CSRCs, want.Extensions.Data = slices.Clone(h.CSRCs), slices.Clone(h.Extensions.Data)
	clear(payload)
	clear(h.CSRCs)
	clear(h.Extensions.Data)

	p, ok := s.Poll(s.now)
	require.True(t, ok)
	got, body, err := Parse(p.packet())
	require.NoError(t, err)
	require.Equal(t, "payload", string(body))
	require.Equal(t, want, got)
	require.Empty(t, p.Own)
}

// A shared payload is not copied, and let go of when nobody may ask for it any more.
func TestWriteShared(t *testing.T) {
	s := newSenderTest(t, SenderConfig{RTXSSRC: 2})
	shared := make([]byte, 1000)
	h := Header{PayloadType: 96}
	for range 100 { // the cache grows meanwhile
		h.SequenceNumber++
		require.NoError(t, s.WriteShared(s.now, &h, shared))
		require.NoError(t, s.write(h.SequenceNumber+200, 10))
	}
	again := 0
	for range 2 {
		for p, ok := s.Poll(s.now); ok; p, ok = s.Poll(s.now) {
			if len(p.Payload) < len(shared) {
				continue
			}
			if again++; !p.RTX {
				require.Same(t, &shared[0], &p.Payload[0])
			}
		}
		for n := uint16(1); n <= 100; n++ {
			s.HandleNACK(s.now, n)
		}
		s.advance(100 * ms)
	}
	require.Equal(t, 200, again)
	require.Equal(t, 100*1000+100*10, s.Stats().CachedBytes)
	require.Less(t, s.cache.memory.held(), 32<<10)

	s.advance(time.Minute)
	s.Report(s.now)
	s.Report(s.now)
	for i := range s.cache.ring {
		require.Nil(t, s.cache.ring[i].payload)
	}
	require.ErrorIs(t, s.WriteShared(s.now, &h, shared), ErrSequence)
	h.SequenceNumber = s.NextSequenceNumber()
	require.NoError(t, s.WriteShared(s.now, &h, nil))
	p, ok := s.Poll(s.now)
	require.True(t, ok)
	require.Empty(t, p.Payload)
}

// The Sender adds the owner's extensions, in the form that the packet has, and leaves it to him to fill them in.
func TestOwnExtensions(t *testing.T) {
	element := func(x Extensions, id uint8, value string) Extensions {
		x.Data = slices.Clone(x.Data)
		x.Append(id, []byte(value))
		return x
	}
	own := element(element(Extensions{}, 3, "..."), 4, "own")
	rtx := element(element(Extensions{}, 3, "..."), 5, "another one")
	wideOwn := element(element(Extensions{Profile: ExtensionTwoByte}, 3, "..."), 40, "own")
	wideRTX := element(element(Extensions{Profile: ExtensionTwoByte}, 3, "..."), 50, "another one")
	unknown := Extensions{Profile: 0x1234, Data: []byte("raw.")}
	for _, test := range []struct {
		name        string
		written     Extensions
		first, then string // the elements in the first transmission and in a retransmission
		wide        bool
	}{
		{"none", Extensions{}, "3=... 4=own ", "3=... 5=another one ", false},
		{"none, wide", Extensions{}, "3=... 40=own ", "3=... 50=another one ", true},
		{"one byte", element(Extensions{}, 1, "a"), "1=a 3=... 4=own ", "1=a 3=... 5=another one ", false},
		{"one byte, wide", element(Extensions{}, 1, "a"), "1=a 3=... 40=own ", "1=a 3=... 50=another one ", true},
		{"two bytes", element(Extensions{Profile: ExtensionTwoByte}, 200, ""), "200= 3=... 4=own ", "200= 3=... 5=another one ", false},
		{"two bytes, wide", element(Extensions{Profile: ExtensionTwoByte}, 200, ""), "200= 3=... 40=own ", "200= 3=... 50=another one ", true},
		{"unknown", unknown, "", "", false},
		{"unknown, wide", unknown, "", "", true},
		{"long", Extensions{Profile: ExtensionOneByte, Data: make([]byte, 30_000)}, "3=... 4=own ", "3=... 5=another one ", false},
	} {
		for i, csrcs := range []CSRCs{nil, nil, {1, 2, 3, 4, 5, 6, 7, 8}, {1, 2, 3, 4}} {
			t.Run(test.name, func(t *testing.T) {
				s := newSenderTest(t, SenderConfig{RTXSSRC: 2, ResendBurst: 1 << 20})
				write := s.Write
				if i%2 == 1 {
					write = s.WriteShared
				}
				s.SetExtensions(own, rtx)
				if test.wide {
					s.SetExtensions(wideOwn, wideRTX)
				}
				h := Header{PayloadType: 96, SequenceNumber: 7, CSRCs: csrcs, Extensions: test.written}
				require.NoError(t, write(s.now, &h, []byte("payload")))
				for i, elements := range []string{test.first, test.then, test.then} {
					p, ok := s.Poll(s.now)
					require.True(t, ok)
					if c := p.Own.Elements(); elements != "" {
						id, v, ok := c.Next()
						require.True(t, ok)
						require.Equal(t, uint8(3), id)
						copy(v, fmt.Sprintf("#%d.", i))
						elements = strings.Replace(elements, "...", string(v), 1)
					} else {
						require.Empty(t, p.Own.Data)
					}
					got, payload, err := Parse(p.packet())
					require.NoError(t, err)
					require.Equal(t, csrcs, got.CSRCs)
					require.Equal(t, elements, elementsOf(got.Extensions))
					if elements == "" {
						require.Equal(t, test.written, got.Extensions)
					}
					require.Equal(t, i > 0, p.RTX)
					if p.RTX {
						require.Equal(t, []byte{0, 7}, payload[:2])
						payload = payload[2:]
					}
					require.Equal(t, "payload", string(payload))
					s.advance(200 * ms)
					s.HandleNACK(s.now, 7)
				}
			})
		}
	}
}

func elementsOf(x Extensions) string {
	var b strings.Builder
	for c := x.Elements(); ; {
		id, v, ok := c.Next()
		if !ok {
			return b.String()
		}
		fmt.Fprintf(&b, "%d=%s ", id, v)
	}
}

// Packets that are in the cache when the extensions change have room enough for their retransmissions, or go without.
func TestOwnExtensionsChange(t *testing.T) {
	s := newSenderTest(t, SenderConfig{RTXSSRC: 2})
	s.SetExtensions(Extensions{Profile: ExtensionOneByte, Data: []byte{0x30, 1}}, Extensions{})
	s.send(1, 10)
	for _, size := range []int{1, 2, 16} {
		s.SetExtensions(Extensions{}, Extensions{Profile: ExtensionOneByte, Data: append([]byte{0x40 | byte(size-1)}, make([]byte, size)...)})
		s.advance(200 * ms)
		s.HandleNACK(s.now, 0)
		p, ok := s.Poll(s.now)
		require.True(t, ok)
		h, payload, err := Parse(p.packet())
		require.NoError(t, err)
		require.Len(t, payload, 2+10)
		require.Equal(t, size < 16, len(h.Extensions.Data) > 0, "with %d bytes", size)
	}
}

func TestNACKCoolDown(t *testing.T) {
	s := newSenderTest(t, SenderConfig{RTXSSRC: 2, RTT: 100 * ms})
	n := s.send(1, 100)
	s.advance(5 * ms)
	for range 50 {
		s.HandleNACK(s.now, n)
	}
	packets, _ := s.resent()
	require.Equal(t, 1, packets, "asked for many times")
	s.advance(99 * ms)
	s.HandleNACK(s.now, n)
	packets, _ = s.resent()
	require.Zero(t, packets, "within a round trip")
	s.advance(ms)
	s.HandleNACK(s.now, n)
	packets, _ = s.resent()
	require.Equal(t, 1, packets)
	s.advance(time.Second)
	s.HandleNACK(s.now, n)
	packets, _ = s.resent()
	require.Zero(t, packets, "too old")
	st := s.Stats()
	require.Equal(t, []uint64{53, 1, 1, 2}, []uint64{st.NACKedPackets, st.ResendsRefused, st.ResendsMissed, st.Resends})
}

// One packet of 1,200 bytes can ask for 5,000 others, again and again.
func TestNACKFlood(t *testing.T) {
	s := newSenderTest(t, SenderConfig{RTXSSRC: 2, RTT: 10 * ms, CachePackets: 8192, CacheBytes: 16 << 20, CacheAge: time.Minute})
	sentBytes, resentBytes := 0, 0
	for range 600 {
		s.advance(10 * ms)
		s.send(10, 1200)
		sentBytes += 10 * 1200
		for n := range uint16(5000) {
			s.HandleNACK(s.now, s.NextSequenceNumber()-n)
		}
		_, bytes := s.resent()
		resentBytes += bytes
	}
	limit := sentBytes*30/100 + 128<<10 + 6*resendFloor
	require.Less(t, resentBytes, limit+limit/20, "bytes sent again, of %d", sentBytes)
	require.Greater(t, resentBytes, limit/2)
	require.LessOrEqual(t, len(s.again.ring), 8192)

	// Numbers that were never sent.
	fresh := newSenderTest(t, SenderConfig{RTXSSRC: 2})
	fresh.HandleNACK(fresh.now, 7)
	fresh.send(1, 1)
	for n := range 1 << 16 {
		fresh.HandleNACK(fresh.now, uint16(n))
	}
	packets, _ := fresh.resent()
	require.Equal(t, 1, packets)
}

func TestResendBudget(t *testing.T) {
	s := newSenderTest(t, SenderConfig{RTXSSRC: 2, ResendPercent: -1})
	n := s.send(1, 100)
	s.HandleNACK(s.now, n)
	packets, _ := s.resent()
	require.Zero(t, packets, "no retransmissions wanted")

	s = newSenderTest(t, SenderConfig{RTXSSRC: 2, ResendBurst: 500})
	first := s.send(100, 88)
	for i := range uint16(100) {
		s.HandleNACK(s.now, first+i)
	}
	packets, _ = s.resent()
	require.Equal(t, 5, packets, "the burst")
	s.advance(ms)
	s.advance(100 * ms)
	s.HandleNACK(s.now, first+50)
	packets, _ = s.resent()
	require.Equal(t, 1, packets, "a trickle is always there")
}

// A receiver that takes no notice of RTX asks for each lost packet until it is too old, whether it
// has got it or not. This must not keep the others from being sent again.
func TestResendOnceForAll(t *testing.T) {
	s := newSenderTest(t, SenderConfig{RTXSSRC: 2, RTT: 20 * ms})
	var lost []uint16 // within a second
	times := make(map[uint16]int)
	for range 600 { // of 100 ms, in which one packet in five is lost
		first := s.NextSequenceNumber()
		for range 10 {
			s.advance(10 * ms)
			s.send(1, 1000)
		}
		lost = append(lost[max(0, len(lost)-18):], first, first+5)
		for _, n := range lost {
			s.HandleNACK(s.now, n)
		}
		for p, ok := s.Poll(s.now); ok; p, ok = s.Poll(s.now) {
			times[p.OSN]++
		}
		for _, n := range lost {
			require.Positive(t, times[n], "packet %d was not sent again", n)
		}
	}
	require.Positive(t, s.Stats().ResendsRefused)
}

func TestCacheGrowsWithUse(t *testing.T) {
	for _, test := range []struct {
		name     string
		cfg      SenderConfig
		every    time.Duration
		size     int
		packets  int // slots at most
		bytes    int // held at most
		repaired int // of the last 1000, at least
	}{
		{"audio", SenderConfig{}, 20 * ms, 100, 64, 6400, 49},
		{"video", SenderConfig{}, 2 * ms, 1200, 512, 512 * 1200, 490},
		{"much", SenderConfig{}, 100 * time.Microsecond, 1200, 1024, 1024 * 1200, 1000},
		{"limited in bytes", SenderConfig{CacheBytes: 100_000, QueueBytes: 50_000}, 100 * time.Microsecond, 1000, 1024, 100_000, 99},
		{"limited in packets", SenderConfig{CachePackets: 100, QueuePackets: 10}, 100 * time.Microsecond, 1000, 128, 128_000, 100},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.cfg.RTXSSRC, test.cfg.ResendBurst = 2, 1<<30
			s := newSenderTest(t, test.cfg)
			for range 3000 {
				s.advance(test.every)
				s.send(1, test.size)
			}
			st := s.Stats()
			require.LessOrEqual(t, st.CachedPackets, test.packets)
			require.LessOrEqual(t, st.CachedBytes, test.bytes)
			for n := range uint16(1000) {
				s.HandleNACK(s.now, s.NextSequenceNumber()-1-n)
			}
			packets, _ := s.resent()
			require.GreaterOrEqual(t, packets, test.repaired)

			for range 2 { // silence
				s.advance(time.Second)
				s.Report(s.now)
			}
			require.Zero(t, s.Stats().CachedBytes)
			require.LessOrEqual(t, s.cache.memory.held(), maxChunk)
			s.send(1, test.size)

			s.SetPaused(s.now, true)
			require.Zero(t, s.Stats().CachedPackets)
			require.Zero(t, s.cache.memory.held())
		})
	}
}

// A forwarder may write numbers with gaps of any size.
func TestWriteWithLeaps(t *testing.T) {
	s := newSenderTest(t, SenderConfig{RTXSSRC: 2})
	number := uint16(0)
	for i := range 2000 {
		number += uint16(1 + i*i%3000)
		require.NoError(t, s.write(number, 10))
		if i%3 == 0 {
			continue // unsent for a while
		}
		for {
			p, ok := s.Poll(s.now)
			if !ok {
				break
			}
			require.Len(t, p.packet(), FixedHeaderSize+10)
		}
		require.LessOrEqual(t, s.cache.high-s.cache.low, uint64(len(s.cache.ring)))
		require.GreaterOrEqual(t, s.cache.unsent, 0)
	}
	require.LessOrEqual(t, len(s.cache.ring), 1024)
	packets, bytes := s.Queued()
	require.Equal(t, []int{0, 0}, []int{packets, bytes})
	st := s.Stats()
	require.Equal(t, uint64(2000), st.Packets+st.Dropped)
}

func TestPadding(t *testing.T) {
	s := newSenderTest(t, SenderConfig{RTXSSRC: 2, RTXSequenceNumber: 10})
	_, ok := s.Padding(s.now, 100)
	require.False(t, ok, "before the first packet")
	n := s.send(1, 1000)
	s.send(1, 40)
	p, ok := s.Padding(s.now, 1200)
	require.True(t, ok)
	require.True(t, p.Padding)
	require.Equal(t, n, p.OSN, "a large one")
	require.Equal(t, uint16(10), p.Number)

	p, ok = s.Padding(s.now, 300)
	require.True(t, ok)
	h, payload, err := Parse(p.packet())
	require.NoError(t, err)
	require.Empty(t, payload)
	require.Equal(t, Header{SSRC: 2, PayloadType: 97, SequenceNumber: 11, PaddingSize: 255}, h)

	plain := newSenderTest(t, SenderConfig{})
	plain.send(1, 1000)
	_, ok = plain.Padding(plain.now, 100)
	require.False(t, ok, "no stream for retransmissions")
}

func TestSenderReport(t *testing.T) {
	s := newSenderTest(t, SenderConfig{})
	_, ok := s.Report(s.now)
	require.False(t, ok, "nothing was sent")
	for i := range 100 {
		late := time.Duration(i%5) * 3 * ms // frames take different times to encode
		require.NoError(t, s.Write(s.now.Add(late), &Header{PayloadType: 96, SequenceNumber: uint16(i), Timestamp: uint32(i) * 3600}, make([]byte, 10)))
		s.Poll(s.now.Add(late))
		s.advance(40 * ms)
	}
	s.advance(5 * time.Second)
	info, ok := s.Report(s.now)
	require.True(t, ok)
	require.Equal(t, NTPTimeOf(s.now), info.NTP)
	require.InDelta(t, (9*time.Second).Seconds()*90_000, float64(info.RTPTime), 90*2, "within 2 ms of the truth")
	require.Equal(t, []uint32{100, 1000}, []uint32{info.Packets, info.Octets})

	s.SetCaptureTime(s.now, s.now.Add(-time.Second), 77)
	info, _ = s.Report(s.now)
	require.Equal(t, uint32(77+90_000), info.RTPTime)
}

func TestHandleReport(t *testing.T) {
	s := newSenderTest(t, SenderConfig{RTT: 300 * ms})
	s.send(1, 1)
	info, _ := s.Report(s.now)
	s.advance(180 * ms)
	b := ReportBlock{SSRC: 1, FractionLost: 3, LastSR: info.NTP.Middle(), Delay: NTPDuration(100 * ms)}
	s.HandleReport(s.now, b)
	require.InDelta(t, float64(80*ms), float64(s.RTT()), float64(ms))
	require.Equal(t, b, s.Stats().Remote)
	b.Delay = 1 << 31
	s.HandleReport(s.now, b)
	require.InDelta(t, float64(80*ms), float64(s.RTT()), float64(ms), "a lie")
}

func TestKeyFrameRequestFlood(t *testing.T) {
	s := newSenderTest(t, SenderConfig{})
	told := 0
	for range 3000 {
		s.HandlePLI(s.now)
		s.HandleFIR(s.now, uint8(told))
		if s.TakeKeyFrameRequest(s.now) {
			told++
		}
		s.advance(ms)
	}
	require.Equal(t, 10, told, "one in 300 ms")
	require.True(t, s.TakeKeyFrameRequest(s.Deadline()), "the last one is not forgotten")
	require.True(t, s.Deadline().IsZero())

	s.HandleFIR(s.now, 200)
	s.advance(time.Second)
	require.True(t, s.TakeKeyFrameRequest(s.now))
	s.advance(time.Second)
	s.HandleFIR(s.now, 200)
	require.False(t, s.TakeKeyFrameRequest(s.now), "a repeated command")
}

func TestSenderPauseAndClose(t *testing.T) {
	s := newSenderTest(t, SenderConfig{RTXSSRC: 2})
	require.Empty(t, s.AppendBye(nil))
	n := s.send(2, 100)
	require.NoError(t, s.write(n+2, 100))
	s.SetPaused(s.now, true)
	require.ErrorIs(t, s.write(n+3, 100), ErrPaused)
	s.HandleNACK(s.now, n)
	s.HandlePLI(s.now)
	require.False(t, s.TakeKeyFrameRequest(s.now))
	packets, _ := s.resent()
	require.Zero(t, packets)
	require.Equal(t, uint64(1), s.Stats().Dropped)
	s.SetPaused(s.now, false)
	require.ErrorIs(t, s.write(n+2, 100), ErrSequence, "taken before the pause")
	require.Equal(t, n+3, s.send(1, 100))
	s.HandleNACK(s.now, n+3)
	packets, _ = s.resent()
	require.Equal(t, 1, packets)

	s.Close(s.now)
	s.Close(s.now)
	require.True(t, errors.Is(s.write(n+4, 100), ErrClosed))
	require.Equal(t, []uint32{1, 2}, s.AppendBye(nil))
	require.Empty(t, s.AppendBye(nil), "once")
	_, ok := s.Report(s.now)
	require.False(t, ok)

	unused := newSenderTest(t, SenderConfig{})
	unused.Close(unused.now)
	require.Empty(t, unused.AppendBye(nil), "of a stream that never was")
}

func TestSenderDoesNotAllocate(t *testing.T) {
	for i := range 8 {
		s := newSenderTest(t, SenderConfig{RTXSSRC: uint32(i % 2 * 2)})
		h := Header{PayloadType: 96}
		h.Extensions.Append(1, []byte("abcdefghijklmnop")[:3+i/2%2*13])
		s.SetExtensions(h.Extensions, h.Extensions)
		payload, write := make([]byte, 1200), s.Write
		if i > 3 {
			write = s.WriteShared
		}
		resent := 0
		step := func() {
			for range 20 {
				s.advance(2 * ms)
				h.SequenceNumber = s.NextSequenceNumber()
				h.Timestamp += 100
				if err := write(s.now, &h, payload); err != nil {
					t.Fatal(err)
				}
				if h.SequenceNumber%10 == 0 {
					s.HandleNACK(s.now, h.SequenceNumber-7)
				}
				for {
					p, ok := s.Poll(s.now)
					if !ok {
						break
					}
					if p.Repeat || p.RTX {
						resent++
					}
				}
				s.Report(s.now)
			}
		}
		for range 200 {
			step()
		}
		if got := testing.AllocsPerRun(100, step); got > 0 {
			t.Errorf("%v allocations for 20 packets, want 0", got)
		}
		require.Greater(t, resent, 300)
	}
}
