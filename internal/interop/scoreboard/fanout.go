package main

import (
	"bytes"
	"fmt"
	"net/netip"
	"time"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/rtp"
	"github.com/sansrtc/rtc/sdp"
	"github.com/sansrtc/rtc/srtp"
)

// fanoutViewers is how many sessions each packet of the publisher is copied to.
const fanoutViewers = 50

// fanout is a forwarder: one session that receives a video, and others that it is sent to, on the same socket.
type fanout struct {
	publisher *mediaReceiver
	endpoint  rtc.Endpoint[*viewer]
	viewers   []*viewer
	now       time.Time
	forwarded int
	copies    int
}

// viewer is a session to which packets are copied, and what comes back from there.
type viewer struct {
	near, peer *mediaEnd
	section    rtc.MediaID
	ssrc       uint32
	header     rtp.Header
	rewriter   rtp.Rewriter
	reports    viewerReports
	sealing    *srtp.Context // of the viewer's side
}

// viewerReports are the RTCP of a viewer who gets everything: TWCC feedback every 100 ms, and with every tenth a
// receiver report.
type viewerReports struct {
	recorder rtp.TransportCCRecorder
	number   uint16 // transport-wide, of the next packet
	made     int
	sealed   [][]byte
}

// reportsFrames is how often there is one.
const reportsFrames = 3

// reportsDue reports whether the viewers' next reports come after a packet.
func reportsDue(packet int) bool {
	return packet%(reportsFrames*framePackets) == reportsFrames*framePackets-1
}

// next returns the next report, made after a packet of which the number is given, unprotected.
func (v *viewerReports) next(ssrc uint32, packet int) []byte {
	const viewerSSRC = 7
	at := mediaTime.Add(time.Duration(packet/framePackets) * framePause)
	for range reportsFrames * framePackets {
		v.recorder.Record(at, v.number)
		v.number++
	}
	var b []byte
	if v.made%10 == 0 {
		blocks := rtp.ReportBlocks{}.Append(rtp.ReportBlock{SSRC: ssrc, HighestSequence: uint32(packet)})
		b = rtp.AppendReceiverReport(b, rtp.ReceiverReport{SSRC: viewerSSRC, Blocks: blocks})
	}
	v.made++
	b, _ = v.recorder.AppendFeedback(b, viewerSSRC, ssrc, 1200)
	return b
}

// make queues the next report.
func (v *viewerReports) make(b *board, sealing *srtp.Context, ssrc uint32, packet int) {
	if v.made == 0 {
		for range 16 { // numbers that the peer may have used for its own reports
			_, err := sealing.AppendEncryptRTCP(nil, []byte{0x80, 201, 0, 1, 0, 0, 0, 7})
			b.must(err)
		}
	}
	sealed, err := sealing.AppendEncryptRTCP(nil, v.next(ssrc, packet))
	b.must(err)
	v.sealed = append(v.sealed, sealed)
}

func (v *viewerReports) take() []byte {
	b := v.sealed[0]
	v.sealed = v.sealed[1:]
	return b
}

func (b *board) newFanout() *fanout {
	f := &fanout{publisher: b.newMediaReceiver()}
	for i := range fanoutViewers {
		v := &viewer{}
		cfg := rtc.Config{MediaProtection: func(p srtp.Profile, keys srtp.Keys) (srtp.Protection, error) {
			sealing, err := srtp.NewContext(srtp.Config{Profile: p, Master: keys.Remote})
			b.must(err)
			v.sealing = sealing
			return srtp.NewSession(p, keys)
		}}
		near := b.newMediaEnd(cfg, netip.MustParseAddrPort("10.0.1.1:5000"))
		peer := b.newMediaEnd(rtc.Config{}, netip.MustParseAddrPort(fmt.Sprintf("10.0.2.%d:5000", i+1)))
		now := b.connect(near, peer, videoSection(sdp.SendOnly))
		section := near.sections[rtc.Video]
		v.near, v.peer, v.section = near, peer, section.ID
		v.ssrc = near.AppendStreamStats(nil)[0].SSRC
		v.header.PayloadType = section.Codecs[0].Send.PayloadType
		v.rewriter.ClockRate = 90_000
		f.viewers = append(f.viewers, v)
		f.endpoint.Add(near.Rtc, v)
		f.now = now
	}
	return f
}

// prepare makes the publisher's next packets and the viewers' next reports.
func (f *fanout) prepare(n int) {
	f.publisher.prepare(n)
	for i := range n {
		if !reportsDue(f.forwarded + i) {
			continue
		}
		for _, v := range f.viewers {
			v.reports.make(f.publisher.near.b, v.sealing, v.ssrc, f.forwarded+i)
		}
	}
}

// forward is what is measured: a datagram comes in, and the packet in it goes out to all viewers, from which reports
// come in. The sessions are polled until none has more to do.
func (f *fanout) forward() {
	p := f.publisher
	before := p.now
	p.receive(f.copy)
	f.drain()
	if p.now != before {
		f.now = f.now.Add(framePause)
		f.endpoint.HandleInput(rtc.Input{Now: f.now})
		f.drain()
	}
	if reportsDue(f.forwarded) {
		for _, v := range f.viewers {
			f.receive(v, v.reports.take())
		}
		f.drain()
	}
	f.forwarded++
}

// receive takes in a datagram of a viewer.
func (f *fanout) receive(v *viewer, b []byte) {
	f.endpoint.HandleInput(rtc.Input{Now: f.now, Local: v.near.addr, Remote: v.peer.addr, Data: b})
}

func (f *fanout) copy(packet *rtc.RTPReceived) {
	payload := bytes.Clone(packet.Payload) // one for all
	for _, v := range f.viewers {
		if f.copies < fanoutViewers { // the first packet
			v.rewriter.Switch(f.now, packet.Sequence, packet.Header.Timestamp)
		}
		seq, timestamp, ok := v.rewriter.Forward(f.now, packet.Sequence, packet.Header.Timestamp)
		if !ok {
			panic("scoreboard: not forwarded")
		}
		v.header.SequenceNumber, v.header.Timestamp, v.header.Marker = uint16(seq), timestamp, packet.Header.Marker
		if err := v.near.WriteRTPShared(f.now, v.section, "", &v.header, payload); err != nil {
			panic(err)
		}
	}
}

func (f *fanout) drain() {
	for {
		v, out := f.endpoint.PollOutput()
		switch out.Kind {
		case rtc.OutputTransmit:
			if b := out.Transmit.Data; b[0] < 4 {
				f.answer(v, b)
			} else if !rtp.IsRTCP(b) {
				f.copies++
			}
		case rtc.OutputTimeout:
			return
		default:
			panic(out.Kind)
		}
	}
}

// answer lets a viewer answer a check.
func (f *fanout) answer(v *viewer, check []byte) {
	v.peer.receive(f.now, v.near, check)
	v.peer.drain(func(b []byte) {
		if b[0] < 4 {
			f.receive(v, b)
		}
	})
}

// fanoutRows compare the copies per second of one core with Pion's.
func fanoutRows(b *board) {
	f, pion := b.newFanout(), b.newPionFanout()
	defer pion.close()
	const few = reportsFrames * framePackets
	const calls = 10 * few // a second of video
	we, they := workload{f.prepare, f.forward}, workload{pion.prepare, pion.forward}
	b.shown("fanout.memory", growth(we, 60, few)/fanoutViewers/1024, "KiB per viewer", growth(they, 60, few)/fanoutViewers/1024)
	ours, theirs := f.copies, pion.copies()
	times := interleaveWorkloads(rounds, calls, we, they)
	want := (calls*rounds + 1) * fanoutViewers
	if ours, theirs = f.copies-ours, pion.copies()-theirs; ours != want || theirs != want {
		b.t.Fatalf("%d and %d copies, not %d", ours, theirs, want)
	}
	perSecond := func(v []float64) float64 { return fanoutViewers * 1e9 / median(v) }
	b.atLeast("fanout", ratio(times[1], times[0]), "× Pion", 3)
	b.shown("fanout.copies", perSecond(times[0])/1000, "k/s", perSecond(times[1])/1000)
	b.shown("fanout.allocs", workloadAllocations(we)/fanoutViewers, "per copy", workloadAllocations(they)/fanoutViewers)
}
