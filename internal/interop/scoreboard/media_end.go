package main

import (
	"net/netip"
	"time"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/dtls"
	"github.com/sansrtc/rtc/ice"
	"github.com/sansrtc/rtc/rtp"
)

// mediaEnd is one session with media, driven by hand: no network lies between it and its peer.
type mediaEnd struct {
	*rtc.Rtc
	b        *board
	addr     netip.AddrPort
	deadline time.Time

	connected bool
	dtls      dtls.ConnectionState
	sections  map[rtc.MediaKind]rtc.MediaChanged
	packets   int // of media that arrived

	header  rtp.Header // of the next packet, or the last one
	payload []byte
}

// mediaTime is when the sessions begin. It has a monotonic clock in it, as programs have it from time.Now.
var mediaTime = time.Now()

func (b *board) newMediaEnd(cfg rtc.Config, addr netip.AddrPort) *mediaEnd {
	cfg.Certificate = b.certificate()
	cfg.Groups = []dtls.Group{dtls.X25519}
	r, err := rtc.New(mediaTime, cfg)
	b.must(err)
	b.must(r.AddLocalCandidate(mediaTime, ice.Candidate{Addr: addr}))
	return &mediaEnd{
		Rtc: r, b: b, addr: addr, sections: make(map[rtc.MediaKind]rtc.MediaChanged),
		header: rtp.Header{SequenceNumber: framePackets - 1}, payload: make([]byte, mediaPayload),
	}
}

// mediaPair connects two sessions with some sections. It returns the time at which they are done.
func (b *board) mediaPair(sections ...rtc.MediaConfig) (offerer, answerer *mediaEnd, now time.Time) {
	offerer = b.newMediaEnd(rtc.Config{}, netip.MustParseAddrPort("10.0.0.1:5000"))
	answerer = b.newMediaEnd(rtc.Config{}, netip.MustParseAddrPort("10.0.0.2:5000"))
	return offerer, answerer, b.connect(offerer, answerer, sections...)
}

func (b *board) connect(offerer, answerer *mediaEnd, sections ...rtc.MediaConfig) (now time.Time) {
	now = mediaTime
	offer, err := offerer.CreateOffer(now, rtc.Changes{AddMedia: sections})
	b.must(err)
	answer, err := answerer.AcceptOffer(now, offer.SDP())
	b.must(err)
	b.must(offerer.AcceptAnswer(now, offer, answer))
	for range 100 {
		now = now.Add(10 * time.Millisecond)
		offerer.HandleInput(rtc.Input{Now: now})
		answerer.HandleInput(rtc.Input{Now: now})
		for offerer.exchange(now, answerer) || answerer.exchange(now, offerer) {
		}
	}
	for _, e := range []*mediaEnd{offerer, answerer} {
		if !e.connected || len(e.sections) != len(sections) {
			b.t.Fatal("no media session")
		}
		if p := e.dtls.SRTPProfile; p != dtls.SRTP_AEAD_AES_128_GCM {
			b.t.Fatalf("negotiated %v", p)
		}
	}
	return now
}

// exchange brings all that e has to send to its peer, and reports whether there was anything.
func (e *mediaEnd) exchange(now time.Time, peer *mediaEnd) (some bool) {
	e.drain(func(b []byte) {
		some = true
		peer.receive(now, e, b)
	})
	return some
}

// receive takes a datagram of the peer.
func (e *mediaEnd) receive(now time.Time, peer *mediaEnd, b []byte) {
	e.HandleInput(rtc.Input{Now: now, Local: e.addr, Remote: peer.addr, Data: b})
}

// drain polls the session until it has nothing more to do.
func (e *mediaEnd) drain(transmit func([]byte)) {
	for {
		out := e.PollOutput()
		switch out.Kind {
		case rtc.OutputTransmit:
			transmit(out.Transmit.Data)
		case rtc.OutputEvent:
			e.handle(out.Event)
		case rtc.OutputTimeout:
			e.deadline = out.Deadline
			return
		case rtc.OutputClosed:
			e.b.t.Fatalf("the session ended: %v", out.Err)
		}
	}
}

func (e *mediaEnd) handle(ev rtc.Event) {
	switch ev := ev.(type) {
	case *rtc.RTPReceived:
		e.packets++
	case *rtc.MediaChanged:
		e.sections[ev.Kind] = *ev
	case *rtc.Connected:
		e.connected, e.dtls = true, ev.DTLS
	}
}

// step moves the header on to the next packet of a video, and reports whether a frame begins with it.
func (e *mediaEnd) step() bool {
	h := &e.header
	h.SequenceNumber++
	place := h.SequenceNumber % framePackets
	if place == 0 {
		h.Timestamp += 3000
	}
	h.Marker = place == framePackets-1
	return place == 0
}

// write sends a packet of a section.
func (e *mediaEnd) write(now time.Time, kind rtc.MediaKind) {
	section := e.sections[kind]
	e.header.PayloadType = section.Codecs[0].Send.PayloadType
	e.b.must(e.WriteRTP(now, section.ID, "", &e.header, e.payload))
}

// A route is the way between a session and its peer for as long as only the session is
// measured: checks are answered, reports and feedback go nowhere.
type route struct {
	near, peer *mediaEnd
	now        time.Time
}

// pass lets time pass. Deadlines are served as they come.
func (r *route) pass(d time.Duration) {
	r.now = r.now.Add(d)
	for e := r.near; !e.deadline.IsZero() && !r.now.Before(e.deadline); {
		e.HandleInput(rtc.Input{Now: e.deadline})
		e.drain(func(b []byte) {
			if b[0] < 4 {
				r.answer(b)
			}
		})
	}
}

// answer lets the peer answer a check.
func (r *route) answer(check []byte) {
	r.peer.receive(r.now, r.near, check)
	r.peer.drain(func(b []byte) {
		if b[0] < 4 {
			r.near.receive(r.now, r.peer, b)
		}
	})
}
