package main

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/rtp"
	"github.com/sansrtc/rtc/sdp"
)

// sessionsRows tell what a packet costs among many sessions. Each packet belongs to another session than the one
// before, so that with many of them nothing of a session is in the processor's caches when its turn comes. That is
// no fault of the program's, and the floor pays for it too.
func sessionsRows(b *board) {
	for _, n := range []int{1, 100, 5000} {
		s, floor := b.newSessions(n), newStatesFloor(n)
		for start := s.now; s.now.Sub(start) < 2*time.Second; {
			s.send() // until the caches have their sizes
		}
		for range floorPackets * n {
			floor.send()
		}
		times := interleave(rounds, max(2000, n), s.send, floor.send)
		name := fmt.Sprintf("sessions.%d", n)
		b.shown(name, ratio(times[0], times[1]), "× floor")
		b.shown(name+".packet", median(times[0]), "ns")
	}
}

// sessions are many sessions on one socket, each of which sends a video.
type sessions struct {
	endpoint rtc.Endpoint[int]
	ends     []sessionEnd
	payload  []byte
	now      time.Time
	next     int
	written  int
}

// sessionEnd is what the program knows of a session.
type sessionEnd struct {
	rtc     *rtc.Rtc
	section rtc.MediaID
	header  rtp.Header
}

func (b *board) newSessions(n int) *sessions {
	s := &sessions{payload: make([]byte, mediaPayload)}
	local := netip.MustParseAddrPort("10.0.0.1:5000")
	for i := range n {
		near := b.newMediaEnd(rtc.Config{}, local)
		peer := b.newMediaEnd(rtc.Config{}, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), 5000))
		now := b.connect(near, peer, videoSection(sdp.SendOnly))
		s.endpoint.Add(near.Rtc, i)
		section := near.sections[rtc.Video]
		s.ends = append(s.ends, sessionEnd{near.Rtc, section.ID, rtp.Header{PayloadType: section.Codecs[0].Send.PayloadType}})
		s.now = now
	}
	return s
}

// send is what is measured: a session writes a packet, and the endpoint is polled until nothing is left to do.
func (s *sessions) send() {
	s.next = (s.next + 1) % len(s.ends)
	if s.written++; s.written%100 == 0 {
		s.pass()
	}
	e := &s.ends[s.next]
	e.header.SequenceNumber++
	e.header.Timestamp += 1800
	if err := e.rtc.WriteRTP(s.now, e.section, "", &e.header, s.payload); err != nil {
		panic(err)
	}
	for sent := 0; ; sent++ {
		if _, out := s.endpoint.PollOutput(); out.Kind == rtc.OutputTimeout {
			if sent == 0 {
				panic("scoreboard: nothing was sent")
			}
			return
		}
	}
}

// pass lets so much time pass that a session sends 50 packets per second, or all of a few sessions send
// 5,000. Reports fall due meanwhile.
func (s *sessions) pass() {
	s.now = s.now.Add(20 * time.Millisecond * 100 / time.Duration(max(len(s.ends), 100)))
	s.endpoint.HandleInput(rtc.Input{Now: s.now})
}
