package interop

import (
	"fmt"
	"time"

	"github.com/pion/rtcp"
	pionrtp "github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/rtp"
)

const smallPackets = 100

// payload is what packet i of a section carries. Video begins with a key frame of VP8.
func (m *smallMedia) payload(i int) []byte {
	b := append([]byte{0x10, 0x11, 0, 0, 0x9d, 0x01, 0x2a}, fmt.Sprintf("packet %d of %s", i, m.kind)...)
	if i == 0 {
		b[1] = 0x10
	}
	return b
}

func (m *smallMedia) packet(i int) *pionrtp.Packet {
	return &pionrtp.Packet{
		Header: pionrtp.Header{
			Version: 2, PayloadType: m.payloadType, SequenceNumber: 65500 + uint16(i),
			Timestamp: 4_000_000_000 + uint32(i)*960, SSRC: m.ssrc, Marker: true,
		},
		Payload: m.payload(i),
	}
}

// receive receives what the client sends. It leaves one packet out and sends it when it is asked for it,
// as it does with those that are lost.
func (s *smallSession) receive(m *smallMedia) {
	t := s.t
	t.Helper()
	section, next := s.streams[m.kind], 0
	send := func() {
		if next != smallPackets/2 {
			s.theirs.sendRTP(m.packet(next))
		}
		next++
		time.Sleep(10 * time.Millisecond)
	}
	for next < smallPackets {
		send()
	}
	asked, reported := map[uint16]bool{}, false
	s.until("everything arrives and is reported", func() bool {
		send() // what is behind a lost packet shows that it is lost
		for len(s.theirs.rtcp) > 0 {
			p := <-s.theirs.rtcp
			for _, number := range requestsIn(p, m.ssrc) {
				asked[number] = true
				s.theirs.sendRTP(m.packet(int(number - 65500)))
			}
			for _, r := range reportsIn(p) {
				reported = reported || r.SSRC == m.ssrc && int(uint16(r.LastSequenceNumber)-65500) >= smallPackets-1
			}
		}
		return reported && s.missing(section.ID) == 0
	})
	require.True(t, asked[m.packet(smallPackets/2).SequenceNumber])
	s.ours.call(func(*rtc.Rtc, time.Time) {
		for number, p := range s.got[section.ID] {
			want := m.packet(int(number - 65500))
			require.Equal(t, want.Payload, p.Payload)
			require.Equal(t, want.Timestamp, p.Header.Timestamp)
			require.Equal(t, m.ssrc, p.Header.SSRC)
		}
	})
}

// missing returns how many packets are missing behind the first one that came, which must be one of the
// first.
func (s *smallSession) missing(id rtc.MediaID) (n int) {
	s.t.Helper()
	s.ours.call(func(*rtc.Rtc, time.Time) {
		first := 0
		for first < smallPackets && s.got[id][65500+uint16(first)] == nil {
			first++
		}
		if n = first; first < 5 {
			n = 0
		}
		for i := first; i < smallPackets; i++ {
			if s.got[id][65500+uint16(i)] == nil {
				n++
			}
		}
	})
	return n
}

// requestsIn returns the packets of a source that a packet of RTCP asks for.
func requestsIn(p rtcp.Packet, ssrc uint32) (numbers []uint16) {
	if nack, ok := p.(*rtcp.TransportLayerNack); ok && nack.MediaSSRC == ssrc {
		for _, pair := range nack.Nacks {
			numbers = append(numbers, pair.PacketList()...)
		}
	}
	return numbers
}

func reportsIn(p rtcp.Packet) []rtcp.ReceptionReport {
	switch p := p.(type) {
	case *rtcp.SenderReport:
		return p.Reports
	case *rtcp.ReceiverReport:
		return p.Reports
	default:
		return nil
	}
}

// send sends to the client, which asks for one packet again.
func (s *smallSession) send(m *smallMedia) {
	t := s.t
	t.Helper()
	section := s.streams[m.kind]
	for i := range smallPackets {
		s.ours.call(func(r *rtc.Rtc, now time.Time) {
			h := rtp.Header{PayloadType: m.payloadType, SequenceNumber: 65500 + uint16(i), Timestamp: uint32(i) * 960, Marker: true}
			if err := r.WriteRTP(now, section.ID, "", &h, m.payload(i)); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(10 * time.Millisecond)
	}
	last := s.packets("our packets", smallPackets*8/10, m)
	again := last.SequenceNumber - 10
	s.until("a packet again", func() bool {
		s.theirs.sendRTCP(&rtcp.TransportLayerNack{SenderSSRC: m.ssrc, MediaSSRC: last.SSRC, Nacks: []rtcp.NackPair{{PacketID: again}}})
		time.Sleep(100 * time.Millisecond)
		for len(s.theirs.rtp) > 0 {
			if p := <-s.theirs.rtp; p.SequenceNumber == again && p.SSRC == last.SSRC {
				require.Equal(t, string(m.payload(int(again-65500))), string(p.Payload))
				return true
			}
		}
		return false
	})
	s.rtcp("our sender report", func(p rtcp.Packet) bool {
		report, ok := p.(*rtcp.SenderReport)
		return ok && report.SSRC == last.SSRC && report.PacketCount >= smallPackets
	})
}

// packets reads that many packets of a section and returns the last of them.
func (s *smallSession) packets(why string, count int, m *smallMedia) (last *pionrtp.Packet) {
	t := s.t
	t.Helper()
	seen := map[uint16]bool{}
	for len(seen) < count {
		select {
		case p := <-s.theirs.rtp:
			if p.PayloadType != m.payloadType {
				continue
			}
			require.Equal(t, string(m.payload(int(p.SequenceNumber-65500))), string(p.Payload))
			require.True(t, p.Marker)
			seen[p.SequenceNumber], last = true, p
		case <-time.After(time.Minute):
			t.Fatalf("%s: %d came", why, len(seen))
		}
	}
	return last
}

// feedback asks for key frames both ways, and reports what we have sent.
func (s *smallSession) feedback(m *smallMedia) {
	t := s.t
	t.Helper()
	section := s.streams[m.kind]
	stream := s.stream(section.ID, true)
	s.until("a wish for a key frame arrives", func() bool {
		s.theirs.sendRTCP(
			&rtcp.ReceiverReport{SSRC: m.ssrc, Reports: []rtcp.ReceptionReport{{SSRC: stream.SSRC, FractionLost: 25, TotalLost: 7, LastSequenceNumber: 65500 + smallPackets - 1, Jitter: 90}}},
			&rtcp.PictureLossIndication{SenderSSRC: m.ssrc, MediaSSRC: stream.SSRC},
		)
		time.Sleep(time.Second)
		return s.stream(section.ID, true).Sent.PLIs > 0
	})
	wait(s.ours, "a wish for a key frame", func(k *rtc.KeyFrameRequested) bool { return k.ID == section.ID })
	sent := s.stream(section.ID, true).Sent
	require.Equal(t, []uint32{7, 25, 90}, []uint32{uint32(sent.Remote.TotalLost), uint32(sent.Remote.FractionLost), sent.Remote.Jitter})

	s.ours.call(func(r *rtc.Rtc, now time.Time) {
		if err := r.RequestKeyFrame(now, section.ID, ""); err != nil {
			t.Error(err)
		}
	})
	s.rtcp("our wish for a key frame", func(p rtcp.Packet) bool {
		pli, ok := p.(*rtcp.PictureLossIndication)
		return ok && pli.MediaSSRC == m.ssrc
	})
}

func (s *smallSession) stream(id rtc.MediaID, sending bool) (found rtc.StreamStats) {
	s.t.Helper()
	s.ours.call(func(r *rtc.Rtc, _ time.Time) {
		for _, stream := range r.AppendStreamStats(nil) {
			if stream.ID == id && stream.Sending == sending {
				found = stream
			}
		}
	})
	return found
}

// rtcp waits for a packet of RTCP.
func (s *smallSession) rtcp(why string, match func(rtcp.Packet) bool) {
	s.t.Helper()
	timeout := time.After(time.Minute)
	for {
		select {
		case p := <-s.theirs.rtcp:
			if match(p) {
				return
			}
		case <-timeout:
			s.t.Fatalf("%s does not arrive", why)
		}
	}
}

func (s *smallSession) until(why string, ok func() bool) {
	s.t.Helper()
	for range 1000 {
		if ok() {
			return
		}
	}
	s.t.Fatalf("not after 1000 tries: %s", why)
}
