package main

import (
	"bytes"
	"time"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/rtp"
	"github.com/sansrtc/rtc/sdp"
)

// The video that is measured has 30 frames per second of twelve packets, which makes 3.5 Mbit/s. Reports, feedback
// and consent checks fall due at their own pace.
const (
	framePause   = time.Second / 30
	framePackets = 12
)

// videoSection is the section that is measured, with the header extensions MID and transport-wide sequence number.
func videoSection(d sdp.Direction) rtc.MediaConfig {
	return rtc.MediaConfig{Kind: rtc.Video, Direction: d, Extensions: []sdp.Extmap{
		{ID: 1, URI: "urn:ietf:params:rtp-hdrext:sdes:mid"},
		{ID: 2, URI: "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"},
	}}
}

// mediaSender is a session whose send path is measured.
type mediaSender struct {
	route
	section rtc.MediaID
	sent    []byte // the last packet
}

func (b *board) newMediaSender() *mediaSender {
	near, peer, now := b.mediaPair(videoSection(sdp.SendOnly))
	s := &mediaSender{section: near.sections[rtc.Video].ID}
	s.route = route{near: near, peer: peer, now: now}
	near.header.PayloadType = near.sections[rtc.Video].Codecs[0].Send.PayloadType
	return s
}

// send is what is measured: a packet is written, and the session polled until it has
// nothing more to do.
func (s *mediaSender) send() {
	e := s.near
	if e.step() {
		s.pass(framePause)
	}
	if err := e.WriteRTP(s.now, s.section, "", &e.header, e.payload); err != nil {
		panic(err)
	}
	for {
		out := e.PollOutput()
		switch out.Kind {
		case rtc.OutputTransmit:
			s.sent = out.Transmit.Data
			if s.sent[0] < 4 { // a check
				s.answer(s.sent)
			}
		case rtc.OutputTimeout:
			e.deadline = out.Deadline
			return
		default:
			panic(out.Kind)
		}
	}
}

// mediaSendRows compare sending a packet with sealing the same bytes.
func mediaSendRows(b *board) {
	s := b.newMediaSender()
	s.send()
	packet := bytes.Clone(s.sent[:len(s.sent)-gcmTagSize])
	floor := newGCMFloor(16, len(packet)-mediaPayload, packet)
	for range 5000 {
		s.send() // until the cache has its size
	}
	times := b.interleaveQuick(workloads(s.send, floor.seal)...)
	pion, bare := b.newPionSender(true), b.newPionSender(false)
	defer pion.close()
	defer bare.close()
	pionTimes := b.interleaveQuick(workloads(pion.send, bare.send, floor.seal)...)
	ours := ratio(times[0], times[1])
	b.atMost("media.send", ours, "× floor", 1.5, ratio(pionTimes[0], pionTimes[2]))
	b.shown("media.send.bare", ours, "× floor", ratio(pionTimes[1], pionTimes[2]))
	b.atMost("media.send.allocs", allocations(s.send), "per packet", 0, allocations(pion.send))
	b.shown("media.send.floor", median(times[1]), "ns")
}

// mediaReceiver is a session whose receive path is measured, and a peer whose packets are made in advance.
type mediaReceiver struct {
	route
	peerNow   time.Time
	datagrams [][]byte // made,
	next      int      // and not received yet
	received  int
}

func (b *board) newMediaReceiver() *mediaReceiver {
	near, peer, now := b.mediaPair(videoSection(sdp.RecvOnly))
	return &mediaReceiver{route: route{near: near, peer: peer, now: now}, peerNow: now}
}

// prepare lets the peer make the next n packets. Its reports go nowhere.
func (r *mediaReceiver) prepare(n int) {
	made := 0
	keep := func(b []byte) {
		switch {
		case b[0] < 4:
			r.near.receive(r.now, r.peer, b)
		case !rtp.IsRTCP(b):
			if made == len(r.datagrams) {
				r.datagrams = append(r.datagrams, nil)
			}
			r.datagrams[made] = append(r.datagrams[made][:0], b...)
			made++
		}
	}
	for range n {
		if r.peer.step() {
			r.peerNow = r.peerNow.Add(framePause)
			r.peer.HandleInput(rtc.Input{Now: r.peerNow})
		}
		r.peer.write(r.peerNow, rtc.Video)
		r.peer.drain(keep)
	}
	r.next = 0
	if made != n {
		r.near.b.t.Fatalf("%d packets made of %d", made, n)
	}
}

// receive is what is measured: a datagram comes in, and the session is polled until it has nothing
// more to do, for the packet first of all.
func (r *mediaReceiver) receive(take func(*rtc.RTPReceived)) {
	e := r.near
	if r.received%framePackets == 0 {
		r.pass(framePause)
	}
	e.HandleInput(rtc.Input{Now: r.now, Local: e.addr, Remote: r.peer.addr, Data: r.datagrams[r.next]})
	r.next++
	for {
		out := e.PollOutput()
		switch out.Kind {
		case rtc.OutputTransmit:
			if b := out.Transmit.Data; b[0] < 4 {
				r.answer(b)
			}
		case rtc.OutputEvent:
			p, ok := out.Event.(*rtc.RTPReceived)
			if !ok || len(p.Payload) != mediaPayload {
				panic("scoreboard: not the packet")
			}
			r.received++
			if take != nil {
				take(p)
			}
		case rtc.OutputTimeout:
			e.deadline = out.Deadline
			return
		default:
			panic(out.Kind)
		}
	}
}

// mediaReceiveRows compare receiving a packet with opening the same bytes.
func mediaReceiveRows(b *board) {
	r := b.newMediaReceiver()
	receive := func() { r.receive(nil) }
	r.prepare(1)
	receive()
	sealed := bytes.Clone(r.datagrams[0])
	header, err := rtp.HeaderSize(sealed)
	b.must(err)
	floor := newGCMFloor(16, header, sealed[:len(sealed)-gcmTagSize])
	ours := workload{r.prepare, receive}
	times := b.interleaveQuick(ours, workload{call: floor.open})
	pion := b.newPionReceiver()
	defer pion.close()
	theirs := workload{pion.prepare, pion.receive}
	pionTimes := b.interleaveQuick(theirs, workload{call: floor.open})
	b.atMost("media.receive", ratio(times[0], times[1]), "× floor", 1.6, ratio(pionTimes[0], pionTimes[1]))
	b.atMost("media.receive.allocs", workloadAllocations(ours), "per packet", 0, workloadAllocations(theirs))
	b.shown("media.receive.floor", median(times[1]), "ns")
}
