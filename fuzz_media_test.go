package rtc_test

import (
	"encoding/binary"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/internal/simnet"
	"github.com/sansrtc/rtc/rtp"
	"github.com/sansrtc/rtc/rtp/codec"
	"github.com/sansrtc/rtc/sdp"
)

// FuzzMedia does to audio and video what FuzzRtc does to the rest: its input is read as operations on a
// connected pair that sends frames and packets both ways, among them packets and reports that a
// peer could forge that holds all the keys.
func FuzzMedia(f *testing.F) {
	all := []byte{}
	for op := range byte(mediaOpCount) {
		seed := []byte{op, 7, 0x80, 96, 0x12, 0, 24, 1, 2, 3, 4, 5, 6, 7, 0x10, 0xbe, 0xde, 0, 1, 0x30, 0xff, 0, 0}
		f.Add(seed)
		all = append(all, seed...)
	}
	f.Add(all)
	f.Add(append([]byte{0x80}, all...))
	for _, report := range forgedReports {
		f.Add(append([]byte{mediaOpForgeRTCP, 0, byte(len(report))}, report...))
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		if len(program) > 4096 {
			return
		}
		newMediaFuzzer(t, program).run()
	})
}

// forgedReports are RTCP packets that a session of ours does not send, or not so. The SSRC 0x11111111 stands
// for one that the receiver knows.
var forgedReports = [][]byte{
	{0x81, 200, 0, 12, 0x11, 0x11, 0x11, 0x11, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0x11, 0x11, 0x11, 0x11, 255, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 1, 1, 1, 1, 0xff, 0xff, 0xff, 0xff}, // SR of the end of time
	{0x9f, 201, 0, 1, 0x11, 0x11, 0x11, 0x11}, // RR that lacks its 31 blocks
	{0x81, 205, 0, 4, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},                // NACK of 34 packets
	{0x8f, 205, 0, 5, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0, 0, 0xff, 0xff, 0x7f, 0xff, 0xff, 0, 0x3f, 0xff, 0, 0}, // transport-cc of runs
	{0x84, 206, 0, 4, 0x11, 0x11, 0x11, 0x11, 0, 0, 0, 0, 0x11, 0x11, 0x11, 0x11, 9, 0, 0, 0},                                  // FIR
	{0x8f, 206, 0, 5, 0x11, 0x11, 0x11, 0x11, 0, 0, 0, 0, 'R', 'E', 'M', 'B', 1, 0xff, 0xff, 0xff, 0x11, 0x11, 0x11, 0x11},     // REMB of 2^63
	{0x81, 203, 0, 1, 0x11, 0x11, 0x11, 0x11},                                     // BYE
	{0x80, 207, 0, 4, 0x11, 0x11, 0x11, 0x11, 4, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2}, // XR: reference time
	{0x80, 207, 0, 2, 0x11, 0x11, 0x11, 0x11, 5, 0, 0xff, 0xff},                   // XR: block of 65,535 words
}

const (
	mediaOpAdvance = iota
	mediaOpImpair
	mediaOpWriteRTP
	mediaOpWriteFrame
	mediaOpForgeRTP
	mediaOpForgeRTCP
	mediaOpReplay
	mediaOpKeyFrame
	mediaOpAdd
	mediaOpSet
	mediaOpRestart
	mediaOpClose
	mediaOpCount
)

// A mediaFuzzer is a fuzzer whose peers have media.
type mediaFuzzer struct {
	*fuzzer
	direct   bool // without descriptions
	sections map[*simPeer][]*rtc.MediaChanged
	number   uint16
}

func newMediaFuzzer(t *testing.T, program []byte) *mediaFuzzer {
	f := &mediaFuzzer{fuzzer: &fuzzer{t: t, program: program}, sections: map[*simPeer][]*rtc.MediaChanged{}}
	offers := 0
	f.meet(func(_, r *rtc.Config) {
		r.AcceptMedia = func(rtc.MediaOffer) (rtc.MediaConfig, bool) {
			offers++
			return rtc.MediaConfig{Frames: offers%2 == 0}, offers%7 != 0
		}
	})
	for _, p := range []*simPeer{f.w.l, f.w.r} {
		p.onEvent = func(ev rtc.Event) {
			switch ev := ev.(type) {
			case *rtc.MediaChanged:
				f.sections[p] = append(f.sections[p], ev)
			case *rtc.FrameReceived:
				if len(ev.Frame.Data) > 16<<20 {
					t.Fatalf("a frame of %d bytes", len(ev.Frame.Data))
				}
			}
		}
	}
	configs := []rtc.MediaConfig{
		{Kind: rtc.Audio}, {Kind: rtc.Video, Frames: true}, {Kind: rtc.Video, RIDs: []string{"a", "b"}}, {Kind: rtc.Audio, Frames: true},
	}
	if f.direct = len(program) > 0 && program[0]&0x80 != 0; f.direct {
		f.w.start()
		for i, cfg := range configs {
			f.w.addMedia(rtc.MediaParameters{MediaConfig: cfg, MID: strconv.Itoa(i)})
		}
	} else {
		f.w.negotiate(f.w.l, rtc.Changes{AddMedia: configs})
	}
	f.w.until(time.Second, "connect", func() bool { return f.w.l.connected != nil && f.w.r.connected != nil })
	return f
}

func (f *mediaFuzzer) run() { f.runWith(f.mediaStep, f.checkMedia) }

// section returns one that p has or had.
func (f *mediaFuzzer) section(p *simPeer) *rtc.MediaChanged {
	all := f.sections[p]
	return all[int(f.next())%len(all)]
}

// mediaStep does one operation. Its second byte says which side does it, and a variation.
func (f *mediaFuzzer) mediaStep() {
	w := f.w
	op, arg := f.next()%mediaOpCount, f.next()
	p := w.l
	if arg&1 != 0 {
		p = w.r
	}
	now := w.net.Now()
	switch op {
	case mediaOpAdvance:
		f.advance(arg&2 != 0, 20)
	case mediaOpImpair:
		f.impair()
	case mediaOpWriteRTP:
		f.writeRTP(p, arg)
	case mediaOpWriteFrame:
		s := f.section(p)
		if len(s.Codecs) > 0 {
			c := &s.Codecs[int(f.next())%len(s.Codecs)]
			data := append(f.bytes(), make([]byte, int(f.next())<<(arg>>4))...)
			_ = p.WriteFrame(now, s.ID, f.rid(s), c.Send.PayloadType, codec.Frame{Data: data, Timestamp: uint32(f.next()) << 8, KeyFrame: arg&2 != 0})
		}
	case mediaOpForgeRTP:
		f.forgeRTP(p, arg)
	case mediaOpForgeRTCP:
		f.forgeRTCP(p, append([]byte(nil), f.bytes()...))
	case mediaOpReplay:
		b := append([]byte(nil), f.seen[int(f.next())%len(f.seen)]...)
		if arg&2 != 0 {
			b[int(f.next())%len(b)] ^= f.next()
		}
		f.inject(p, b)
	case mediaOpKeyFrame:
		s := f.section(p)
		_ = p.RequestKeyFrame(now, s.ID, f.rid(s))
	case mediaOpAdd:
		f.negotiateMedia(p, rtc.Changes{AddMedia: []rtc.MediaConfig{{
			Kind: rtc.MediaKind(arg >> 1 & 1), Direction: sdp.Direction(f.next() % 4), Frames: arg&4 != 0,
		}}})
	case mediaOpSet:
		f.negotiateMedia(p, rtc.Changes{SetMedia: []rtc.MediaChange{{
			ID: f.section(p).ID, Direction: sdp.Direction(f.next() % 4), Stop: arg&2 != 0,
		}}})
	case mediaOpRestart:
		f.restart(p)
	case mediaOpClose:
		p.Close(now)
	}
	w.net.Run(0)
}

func (f *mediaFuzzer) rid(s *rtc.MediaChanged) string {
	if rids := append([]string{""}, s.SendRIDs...); len(rids) > 1 {
		return rids[int(f.next())%len(rids)]
	}
	return ""
}

func (f *mediaFuzzer) writeRTP(p *simPeer, arg byte) {
	s := f.section(p)
	f.number += uint16(f.next())<<(arg>>6) + 1
	h := rtp.Header{
		Marker: arg&2 != 0, PayloadType: f.next() & 0x7f, SequenceNumber: f.number, Timestamp: uint32(f.next()) << 16,
	}
	if len(s.Codecs) > 0 && arg&4 != 0 {
		h.PayloadType = s.Codecs[int(f.next())%len(s.Codecs)].Send.PayloadType
	}
	if arg&8 != 0 {
		h.Extensions.Append(f.next(), f.bytes())
	}
	_ = p.WriteRTP(f.w.net.Now(), s.ID, f.rid(s), &h, f.bytes())
}

// forgeRTP has p receive an RTP packet of its peer that is right in what the variation leaves alone.
func (f *mediaFuzzer) forgeRTP(p *simPeer, arg byte) {
	other := f.w.other(p)
	if other.closed || p.closed {
		return
	}
	f.number++
	h := rtp.Header{SequenceNumber: f.number, Timestamp: uint32(f.next()) << 12, SSRC: uint32(f.next()), PayloadType: f.next() & 0x7f}
	if streams := other.AppendStreamStats(nil); len(streams) > 0 && arg&2 != 0 {
		h.SSRC = streams[int(f.next())%len(streams)].SSRC
	}
	if s := f.section(p); len(s.Codecs) > 0 && arg&4 != 0 {
		format := s.Codecs[int(f.next())%len(s.Codecs)].Receive
		h.PayloadType = format.PayloadType
		if arg&8 != 0 {
			h.PayloadType = format.RTX
		}
		for _, x := range s.Extensions {
			if arg&16 != 0 && f.next()&1 != 0 {
				h.Extensions.Append(uint8(x.ID), f.bytes())
			}
		}
		if arg&32 != 0 {
			for _, x := range s.Extensions {
				if x.URI == "urn:ietf:params:rtp-hdrext:sdes:mid" {
					h.Extensions.Append(uint8(x.ID), []byte(s.MID))
				}
			}
		}
	}
	plain := append(h.AppendTo(nil), f.bytes()...)
	if arg&64 != 0 && len(plain) > 0 {
		plain[int(f.next())%len(plain)] = f.next()
	}
	if b, err := other.SealRTP(plain); err == nil {
		f.inject(p, b)
	}
}

// forgeRTCP has p receive an RTCP datagram of its peer.
func (f *mediaFuzzer) forgeRTCP(p *simPeer, plain []byte) {
	other := f.w.other(p)
	if other.closed || p.closed {
		return
	}
	var known []uint32
	for _, s := range p.AppendStreamStats(nil) {
		known = append(known, s.SSRC)
	}
	for i := 0; i+4 <= len(plain) && len(known) > 0; i += 4 {
		if binary.BigEndian.Uint32(plain[i:]) == 0x11111111 {
			binary.BigEndian.PutUint32(plain[i:], known[int(f.next())%len(known)])
		}
	}
	if b, err := other.SealRTCP(plain); err == nil {
		f.inject(p, b)
	}
}

// negotiateMedia makes an offer, which the other side answers.
func (f *mediaFuzzer) negotiateMedia(p *simPeer, changes rtc.Changes) {
	if len(f.sections[p]) > 60 {
		return
	}
	now, other := f.w.net.Now(), f.w.other(p)
	if f.direct {
		f.change(p, changes)
		return
	}
	offer, err := p.CreateOffer(now, changes)
	if err != nil {
		return
	}
	answer, err := other.AcceptOffer(now, offer.SDP())
	if err != nil {
		return
	}
	if err := p.AcceptAnswer(now, offer, answer); err != nil {
		f.t.Fatalf("%v\n%s\n%s", err, offer.SDP(), answer)
	}
}

// change makes changes without descriptions, on one side or on both.
func (f *mediaFuzzer) change(p *simPeer, changes rtc.Changes) {
	peers := []*simPeer{p}
	if f.next()&1 == 0 {
		peers = append(peers, f.w.other(p))
	}
	for _, p := range peers {
		for _, cfg := range changes.AddMedia {
			_, _ = p.AddMedia(f.w.net.Now(), rtc.MediaParameters{MediaConfig: cfg, MID: strconv.Itoa(len(f.sections[p]))})
		}
		for _, change := range changes.SetMedia {
			_ = p.SetMedia(f.w.net.Now(), change)
		}
	}
}

// checkMedia looks at the limits.
func (f *mediaFuzzer) checkMedia() {
	for _, p := range []*simPeer{f.w.l, f.w.r} {
		sources, streams, packets, events, byes, references := p.MediaSizes()
		if sources > 256 || streams > 512 || packets > 512 || events > 200 || byes > 512 || references > 16 {
			f.t.Fatalf("%s: %d sources, %d streams, %d packets, %d events, %d byes, %d reference times",
				p.name, sources, streams, packets, events, byes, references)
		}
	}
}

// Damaged media changes a counter, whether it is damaged before or after it was protected.
func TestHostileMedia(t *testing.T) {
	w := newWorld(t, worldConfig{seed: 9, link: simnet.LinkConfig{Delay: 5 * ms}})
	l, r := watchMedia(w.l), watchMedia(w.r)
	w.negotiate(w.l, rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Audio}, {Kind: rtc.Video}}})
	w.until(time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
	var captured [][]byte
	w.net.Trace = func(_ time.Time, fate simnet.Fate, h *simnet.Host, p simnet.Packet) {
		if fate == simnet.Sent && h == w.l.host && p.Data[0]>>6 == 2 {
			captured = append(captured, append([]byte(nil), p.Data...))
		}
	}
	w.write(l, rtc.Video, 0, 20, 10*ms)
	w.write(l, rtc.Audio, 100, 10, 10*ms)
	w.net.Run(2 * time.Second)
	w.net.Trace = nil
	received, before := len(r.packets), w.r.Stats()
	require.Greater(t, len(captured), 30, "reports are among them")
	injected := uint64(0)
	inject := func(b []byte) {
		injected++
		w.net.Inject(simnet.Packet{From: w.l.addr, To: w.r.addr, Data: b})
	}
	for _, b := range captured {
		for n := 1; n < len(b); n += 1 + len(b)/40 {
			inject(b[:n])
		}
		for i := 0; i < len(b); i += 1 + len(b)/40 {
			c := append([]byte(nil), b...)
			c[i] ^= 0x10
			inject(c)
		}
		inject(b) // replayed
	}
	w.net.Run(0)
	after := w.r.Stats()
	require.Equal(t, injected, after.Dropped.Unauthentic-before.Dropped.Unauthentic, "%+v", after.Dropped)
	require.Len(t, r.packets, received)

	// What is authentic and broken.
	for i, plain := range forgedReports {
		for n := 1; n <= len(plain); n++ {
			if b, err := w.l.SealRTCP(plain[:n]); err == nil {
				w.net.Inject(simnet.Packet{From: w.l.addr, To: w.r.addr, Data: b})
				w.net.Run(ms)
			}
		}
		require.False(t, w.r.closed, "report %d", i)
	}
	w.write(l, rtc.Video, 200, 20, 10*ms)
	w.net.Run(time.Second)
	require.Len(t, r.packets, received+20, "the session goes on")
}
