package interop

import (
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/rtp/codec"
)

// TestPionMedia lets Pion and us send audio and video to one another at once, over links that lose up
// to a fifth of the datagrams and deliver others out of order.
func TestPionMedia(t *testing.T) {
	audio, video := mediaStream(t, codec.Opus), mediaStream(t, codec.VP8)
	for _, weOffer := range []bool{true, false} {
		for _, frames := range []bool{false, true} {
			for _, loss := range []float64{0, 0.05, 0.2} {
				t.Run(fmt.Sprintf("weOffer=%t/frames=%t/loss=%g", weOffer, frames, 100*loss), func(t *testing.T) {
					for seed := range uint64(3) {
						synctest.Test(t, func(t *testing.T) {
							cfg := pionMediaConfig{loss: loss, seed: seed, frames: frames, audioNACK: weOffer}
							testPionMedia(t, cfg, weOffer, audio, video)
						})
					}
				})
			}
		}
	}
	for _, format := range []codec.Format{codec.VP9, codec.H264, codec.H265, codec.AV1} {
		video := mediaStream(t, format)
		for _, frames := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v/frames=%t", format, frames), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					testPionMedia(t, pionMediaConfig{loss: 0.05, seed: 1, frames: frames}, frames, audio, video)
				})
			})
		}
	}
	t.Run("protection", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			testPionMedia(t, pionMediaConfig{loss: 0.05, seed: 1, protection: newPionProtection}, true, audio, video)
		})
	})
}

func testPionMedia(t *testing.T, cfg pionMediaConfig, weOffer bool, audio, video *mediaKind) {
	m := newPionMedia(t, cfg)
	defer m.stop()
	m.begin(weOffer, audio, video)
	m.flows()
	time.Sleep(2 * time.Second)
	m.keyFrames()
	m.arrivedWell(4 * time.Second)
	m.counted()
}

// begin negotiates a section for each kind and lets both sides send in it.
func (m *pionMedia) begin(weOffer bool, kinds ...*mediaKind) {
	m.ours.t.Helper()
	var changes rtc.Changes
	for _, kind := range kinds {
		m.pionSends(kind)
		cfg := rtc.MediaConfig{Kind: rtc.Audio, Frames: m.cfg.frames}
		if kind.format.Video() {
			cfg.Kind = rtc.Video
		}
		changes.AddMedia = append(changes.AddMedia, cfg)
	}
	m.negotiate(weOffer, changes)
	m.connected()
	for _, p := range m.encodings() {
		m.weSend(p.source.mediaKind, m.mid(p), "").start()
		p.start()
	}
}

// connected waits until both sides are. From then on, the link is as bad as it is to be.
func (m *pionMedia) connected() {
	m.ours.t.Helper()
	wait(m.ours, "connected", func(*rtc.Connected) bool { return true })
	m.waitUntil("Pion is connected", func() bool {
		return m.pc.ConnectionState() == webrtc.PeerConnectionStateConnected
	})
	m.impair()
}

// flows waits until each stream that is sent has arrived.
func (m *pionMedia) flows() {
	m.ours.t.Helper()
	for _, p := range m.encodings() {
		mid := m.mid(p)
		m.waitUntil("Pion's "+p.track.ID()+" arrives", func() bool { return m.log(m.atUs, mid+p.track.RID()).count() > 0 })
	}
	for key := range m.ourSenders {
		m.waitUntil("our "+key+" arrives", func() bool { return m.log(m.atPion, key).count() > 0 })
	}
}

// arrivedWell runs for a while and checks then that everything that was sent meanwhile has arrived, or
// what may be missing of it.
func (m *pionMedia) arrivedWell(duration time.Duration) {
	t := m.ours.t
	t.Helper()
	time.Sleep(duration)
	ourMarks, theirMarks := map[string]mark{}, map[*pionEncoding]mark{}
	for key, s := range m.ourSenders {
		ourMarks[key] = s.sent.mark()
	}
	for _, p := range m.encodings() {
		theirMarks[p] = p.sent.mark()
	}
	time.Sleep(4 * time.Second) // what is lost is asked for again and again
	m.stopSenders()
	time.Sleep(time.Second)
	for key, s := range m.ourSenders {
		got := m.log(m.atPion, key)
		require.Empty(t, s.takeErrors())
		if s.writeFrame == nil {
			m.enough("our packets "+key, s.source.mediaKind, packetArrivals(t, s.sent, ourMarks[key], got), false)
			continue
		}
		got.assemble(t, s.source.format)
		m.enough("our frames "+key, s.source.mediaKind, frameArrivals(t, s.source.mediaKind, s.sent, ourMarks[key], got, false), false)
	}
	for _, p := range m.encodings() {
		key := m.mid(p) + p.track.RID()
		got := m.log(m.atUs, key)
		require.Empty(t, p.takeErrors())
		require.Zero(t, got.twice, "packets that came twice")
		if m.cfg.frames {
			m.enough("Pion's frames "+key, p.source.mediaKind, frameArrivals(t, p.source.mediaKind, p.sent, theirMarks[p], got, true), true)
		} else {
			m.enough("Pion's packets "+key, p.source.mediaKind, packetArrivals(t, p.sent, theirMarks[p], got), false)
		}
	}
	require.Empty(t, m.tap.unreadable)
}

// enough checks how much of a stream has arrived. All of it, if what is lost is asked for. Otherwise as
// much as the links lets through. Whole frames of video do not wait for ever.
func (m *pionMedia) enough(what string, kind *mediaKind, a arrivals, hasty bool) {
	t := m.ours.t
	t.Helper()
	t.Logf("%s: %v", what, a)
	n := float64(a.sent)
	require.Greater(t, n, 50.0, what)
	least, most := n, n
	switch {
	case kind.format == codec.Opus && !m.cfg.audioNACK:
		deviation := math.Sqrt(n * m.cfg.loss * (1 - m.cfg.loss))
		least, most = n*(1-m.cfg.loss)-5*deviation, n*(1-m.cfg.loss)+5*deviation
	case hasty:
		least = n * (1 - 1.75*m.cfg.loss)
	case m.cfg.loss > 0.1 && kind.format == codec.Opus:
		least = n - 3 // one in ten thousand of the lost is lost ten times
	case m.cfg.loss > 0.1:
		// Pion asks for what it has got by RTX as if it had not, and we send only so much again.
		// A frame is four packets.
		least = n * 0.97
		if m.cfg.frames {
			least = n * 0.88
		}
	}
	if here := float64(a.here); here < least || here > most {
		t.Fatalf("%s: %v, of which %.0f to %.0f were expected\n%s", what, a, least, most, m.explain())
	}
}

// keyFrames has each side ask the other for a key frame.
func (m *pionMedia) keyFrames() {
	m.ours.t.Helper()
	for _, p := range m.encodings() {
		if p.source.format.Video() {
			m.theyAsk(m.mid(p), "")
			m.weAsk(p)
		}
	}
}

// theyAsk has Pion ask for a key frame of ours, by PLI and by FIR.
func (m *pionMedia) theyAsk(mid, rid string) {
	t := m.ours.t
	t.Helper()
	m.ours.forget()
	stream := m.stream(mid, rid, true)
	for _, request := range []rtcp.Packet{
		&rtcp.PictureLossIndication{MediaSSRC: stream.SSRC},
		&rtcp.FullIntraRequest{MediaSSRC: stream.SSRC, FIR: []rtcp.FIREntry{{SSRC: stream.SSRC, SequenceNumber: 7}}},
	} {
		before := m.stream(mid, rid, true).Sent
		m.waitUntil("Pion's request arrives", func() bool {
			require.NoError(t, m.pc.WriteRTCP([]rtcp.Packet{request})) // Pion does not repeat it
			time.Sleep(500 * time.Millisecond)
			after := m.stream(mid, rid, true).Sent
			return after.PLIs+after.FIRs > before.PLIs+before.FIRs
		})
		wait(m.ours, "a request for a key frame", func(k *rtc.KeyFrameRequested) bool { return k.ID == stream.ID && k.RID == rid })
	}
}

// weAsk asks Pion for a key frame.
func (m *pionMedia) weAsk(p *pionEncoding) {
	t := m.ours.t
	t.Helper()
	id, rid := m.stream(m.mid(p), p.track.RID(), false).ID, p.track.RID()
	before := p.asked.Load()
	m.waitUntil("our request arrives", func() bool {
		m.ours.call(func(r *rtc.Rtc, now time.Time) {
			if err := r.RequestKeyFrame(now, id, rid); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(500 * time.Millisecond) // a key frame that comes by itself ends the request
		return p.asked.Load() > before
	})
}

// counted compares the statistics of both sides, when everything has been sent.
func (m *pionMedia) counted() {
	t := m.ours.t
	t.Helper()
	loss := m.cfg.loss
	stale := loss*240 + 5*math.Sqrt(loss*240) + 1 // what may be lost since the last report that came
	for _, p := range m.encodings() {
		mid := m.mid(p)
		// What Pion sends.
		ours, theirs := m.stream(mid, "", false), m.stats.Get(m.pionSSRC(p))
		require.NotNil(t, theirs)
		got, sent := float64(ours.Received.Packets), float64(theirs.OutboundRTPStreamStats.PacketsSent)
		require.InDelta(t, sent*(1-loss), got, 0.1*loss*sent+5*math.Sqrt(loss*sent)+1, "packets, of %+v", ours.Received)
		require.InDelta(t, float64(ours.Received.Lost), float64(theirs.RemoteInboundRTPStreamStats.PacketsLost), stale, "lost")
		require.Positive(t, ours.Received.SenderReports)
		require.InDelta(t, 0.06, theirs.RemoteInboundRTPStreamStats.RoundTripTime.Seconds(), 0.05, "round-trip time")
		video, nack := p.source.format != codec.Opus, p.source.format != codec.Opus || m.cfg.audioNACK
		if loss > 0 && nack {
			requests := float64(ours.Received.NACKs)
			require.InDelta(t, requests*(1-loss), float64(theirs.OutboundRTPStreamStats.NACKCount), 5*math.Sqrt(loss*requests)+1, "requests")
			require.Positive(t, ours.Received.Repaired)
			require.Equal(t, video, ours.Received.RTXPackets > 0, "video is sent again by RTX, audio as it was")
		} else {
			require.Zero(t, ours.Received.NACKs)
		}
		// What we send.
		ours = m.stream(mid, "", true)
		theirs = m.stats.Get(ours.SSRC)
		require.NotNil(t, theirs)
		plain := float64(ours.Sent.Packets + ours.Sent.Resends - ours.Sent.RTXPackets)
		require.InDelta(t, plain*(1-loss), float64(theirs.InboundRTPStreamStats.PacketsReceived), 5*math.Sqrt(loss*plain)+1, "packets")
		require.InDelta(t, float64(theirs.InboundRTPStreamStats.PacketsLost), float64(ours.Sent.Remote.TotalLost), stale, "lost")
		require.InDelta(t, 0.06, ours.Sent.RTT.Seconds(), 0.05, "round-trip time")
		require.Equal(t, loss > 0 && nack, theirs.InboundRTPStreamStats.NACKCount > 0)
		require.Equal(t, loss > 0 && nack, ours.Sent.Resends > 0)
		require.Equal(t, loss > 0 && video, ours.Sent.RTXPackets > 0)
		require.GreaterOrEqual(t, theirs.InboundRTPStreamStats.PLICount, uint32(ours.Sent.PLIs))
		require.Equal(t, video, ours.Sent.PLIs > 0)
	}
	require.Greater(t, m.reported("TransportLayerCC"), 20, "our feedback")
	require.Greater(t, m.tap.got("TransportLayerCC"), 20, "Pion's feedback")
	require.Empty(t, m.unknown)
}

// pionSSRC returns the source of what Pion sends.
func (m *pionMedia) pionSSRC(p *pionEncoding) uint32 {
	for _, e := range p.rtp.GetParameters().Encodings {
		if e.RID == p.track.RID() {
			return uint32(e.SSRC)
		}
	}
	m.ours.t.Fatal("Pion's track has no source")
	panic("unreachable")
}
