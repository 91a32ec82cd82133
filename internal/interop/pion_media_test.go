package interop

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/stats"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/rtp"
	"github.com/sansrtc/rtc/rtp/codec"
	"github.com/sansrtc/rtc/sdp"
	"github.com/sansrtc/rtc/srtp"
)

// pionMediaConfig says how a pionMedia is to be.
type pionMediaConfig struct {
	loss       float64 // once both sides are connected
	seed       uint64
	frames     bool         // we receive and send whole frames
	audioNACK  bool         // Pion asks for lost sound, and answers our requests for it
	protection srtp.Factory // ours; if nil, that of package srtp

	accept func(rtc.MediaOffer) (rtc.MediaConfig, bool) // if nil, all is accepted
}

// pionMedia is a pionWorld in which both sides send and receive media.
type pionMedia struct {
	*pionWorld
	cfg   pionMediaConfig
	tap   *rtcpTap
	stats stats.Getter // Pion's, by SSRC

	ourSenders map[string]*mediaSender // by MID and RID
	stopped    bool

	// The goroutine of the Rtc owns what follows.
	sections map[string]*rtc.MediaChanged // by MID
	unknown  []string                     // events about sections that there are not

	mu      sync.Mutex
	encoded []*pionEncoding
	atUs    map[string]*mediaLog // by MID and RID
	atPion  map[string]*mediaLog
	reports map[string]int // RTCP packets that Pion's senders have read, by type
}

// newPionMedia must be called in a bubble.
func newPionMedia(t *testing.T, cfg pionMediaConfig) *pionMedia {
	t.Helper()
	engine, registry := &webrtc.MediaEngine{}, &interceptor.Registry{}
	require.NoError(t, engine.RegisterDefaultCodecs())
	if cfg.audioNACK {
		engine.RegisterFeedback(webrtc.RTCPFeedback{Type: "nack"}, webrtc.RTPCodecTypeAudio)
	}
	counter, err := stats.NewInterceptor(stats.WithLoggerFactory(quietLogs))
	require.NoError(t, err)
	registry.Add(counter)
	require.NoError(t, webrtc.ConfigureTWCCHeaderExtensionSender(engine, registry))
	require.NoError(t, webrtc.RegisterDefaultInterceptorsWithOptions(engine, registry, webrtc.WithInterceptorLoggerFactory(quietLogs)))

	m := &pionMedia{
		cfg: cfg, tap: &rtcpTap{factory: cfg.protection}, ourSenders: map[string]*mediaSender{},
		sections: map[string]*rtc.MediaChanged{},
		atUs:     map[string]*mediaLog{}, atPion: map[string]*mediaLog{}, reports: map[string]int{},
	}
	counter.OnNewPeerConnection(func(_ string, getter stats.Getter) { m.stats = getter })
	ours := rtc.Config{
		MediaProtection: m.tap.protect,
		AcceptMedia: func(o rtc.MediaOffer) (rtc.MediaConfig, bool) {
			if cfg.accept != nil {
				return cfg.accept(o)
			}
			return rtc.MediaConfig{Frames: cfg.frames}, true
		},
	}
	m.pionWorld = newPionWorld(t, 0, cfg.seed, ours, webrtc.WithMediaEngine(engine), webrtc.WithInterceptorRegistry(registry))
	m.pc.OnTrack(m.adoptTrack)
	m.ours.call(func(*rtc.Rtc, time.Time) { m.ours.react = m.react })
	return m
}

// impair lets the link lose datagrams from now on, and deliver some behind those that were sent later.
func (m *pionMedia) impair() {
	if m.cfg.loss == 0 {
		return
	}
	m.setLoss(m.cfg.loss)
	random := rand.New(rand.NewPCG(m.cfg.seed, 1))
	m.ours.call(func(*rtc.Rtc, time.Time) {
		m.ours.late = func([]byte) time.Duration {
			if random.IntN(20) > 0 {
				return 0
			}
			return time.Duration(random.IntN(int(30 * time.Millisecond)))
		}
	})
}

// stop ends everything. It may be called twice.
func (m *pionMedia) stop() {
	if m.stopped {
		return
	}
	m.stopped = true
	m.stopSenders()
	m.pionWorld.stop()
}

func (m *pionMedia) stopSenders() {
	for _, s := range m.ourSenders {
		s.stop()
	}
	for _, p := range m.encodings() {
		p.stop()
	}
}

func (m *pionMedia) encodings() []*pionEncoding {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]*pionEncoding(nil), m.encoded...)
}

// react logs what we receive. It runs in the goroutine of the Rtc.
func (m *pionMedia) react(r *rtc.Rtc, ev rtc.Event) bool {
	switch ev := ev.(type) {
	case *rtc.MediaChanged:
		m.sections[ev.MID] = ev
		return false
	case *rtc.KeyFrameRequested:
		for key, s := range m.ourSenders {
			if key == m.midOf(ev.ID)+ev.RID {
				s.source.wish.Store(true)
			}
		}
		return false
	case *rtc.RTPReceived:
		m.log(m.atUs, m.midOf(ev.ID)+ev.RID).addPacket(ev.Header.SequenceNumber, mediaPacket{
			timestamp: ev.Header.Timestamp, marker: ev.Header.Marker, payload: ev.Payload,
		})
		return true
	case *rtc.FrameReceived:
		m.log(m.atUs, m.midOf(ev.ID)+ev.RID).addFrame(ev.Frame)
		return true
	default:
		return false
	}
}

func (m *pionMedia) midOf(id rtc.MediaID) string {
	for mid, section := range m.sections {
		if section.ID == id {
			return mid
		}
	}
	m.unknown = append(m.unknown, fmt.Sprint("section ", id))
	return "?"
}

func (m *pionMedia) log(logs map[string]*mediaLog, key string) *mediaLog {
	m.mu.Lock()
	defer m.mu.Unlock()
	if logs[key] == nil {
		logs[key] = newMediaLog()
	}
	return logs[key]
}

// adoptTrack logs what Pion receives.
func (m *pionMedia) adoptTrack(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	log := m.log(m.atPion, receiver.RTPTransceiver().Mid()+track.RID())
	go m.readRTCP(func() ([]rtcp.Packet, interceptor.Attributes, error) {
		if rid := track.RID(); rid != "" {
			return receiver.ReadSimulcastRTCP(rid)
		}
		return receiver.ReadRTCP()
	}, func(rtcp.Packet) {})
	go func() {
		for {
			p, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			if len(p.Payload) > 0 {
				log.addPacket(p.SequenceNumber, mediaPacket{timestamp: p.Timestamp, marker: p.Marker, payload: p.Payload})
			}
		}
	}()
}

// weSend makes a sender of ours, which begins to send when start is called.
func (m *pionMedia) weSend(kind *mediaKind, mid, rid string) *mediaSender {
	t := m.ours.t
	t.Helper()
	var section *rtc.MediaChanged
	m.ours.call(func(*rtc.Rtc, time.Time) { section = m.sections[mid] })
	require.NotNil(t, section, "section %q", mid)
	require.True(t, section.Direction.Sends(), "section %q is %v", mid, section.Direction)
	c := codecNamed(section, kind.format)
	require.NotNil(t, c, "%v was not agreed on: %+v", kind.format, section.Codecs)

	s := newMediaSender(kind)
	do := func(f func(*rtc.Rtc, time.Time) error) (err error) {
		m.ours.call(func(r *rtc.Rtc, now time.Time) { err = f(r, now) })
		return err
	}
	if m.cfg.frames {
		s.writeFrame = func(f codec.Frame) error {
			return do(func(r *rtc.Rtc, now time.Time) error {
				return r.WriteFrame(now, section.ID, rid, c.Send.PayloadType, f)
			})
		}
	}
	s.write = func(number uint16, p mediaPacket) error {
		return do(func(r *rtc.Rtc, now time.Time) error {
			h := rtp.Header{Marker: p.marker, PayloadType: c.Send.PayloadType, SequenceNumber: number, Timestamp: p.timestamp}
			return r.WriteRTP(now, section.ID, rid, &h, p.payload)
		})
	}
	m.ours.call(func(*rtc.Rtc, time.Time) { m.ourSenders[mid+rid] = s })
	return s
}

// codecNamed returns what was agreed on about a format, or nil.
func codecNamed(section *rtc.MediaChanged, format codec.Format) *sdp.AgreedCodec {
	for i := range section.Codecs {
		c := &section.Codecs[i]
		if codec.FormatByName(c.Name) == format && (format != codec.H264 || strings.Contains(c.Send.Fmtp, "packetization-mode=1")) {
			return c
		}
	}
	return nil
}

// negotiate makes a session of what either side has to send.
func (m *pionMedia) negotiate(weOffer bool, changes rtc.Changes) {
	m.ours.t.Helper()
	if weOffer {
		m.weOffer(changes)
	} else {
		m.theyOffer(nil)
	}
}

// stream returns the statistics of a stream that we send or receive.
func (m *pionMedia) stream(mid, rid string, sending bool) (found rtc.StreamStats) {
	m.ours.t.Helper()
	m.ours.call(func(r *rtc.Rtc, _ time.Time) {
		for _, s := range r.AppendStreamStats(nil) {
			if s.Sending == sending && s.RID == rid && m.midOf(s.ID) == mid {
				found = s
			}
		}
	})
	require.NotZero(m.ours.t, found.SSRC, "no stream of section %q and RID %q", mid, rid)
	return found
}

// reported returns how many RTCP packets of a type Pion's senders have read.
func (m *pionMedia) reported(name string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.reports[name]
}

// waitUntil waits in virtual time.
func (m *pionMedia) waitUntil(why string, ok func() bool) {
	m.ours.t.Helper()
	for range 10_000 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	m.ours.t.Fatalf("not within 100 s: %s\n%s", why, m.explain())
}

// explain tells what is known of a session that failed.
func (m *pionMedia) explain() string {
	var b strings.Builder
	m.ours.call(func(r *rtc.Rtc, _ time.Time) {
		fmt.Fprintf(&b, "stats: %+v\n", r.Stats())
		for _, s := range r.AppendStreamStats(nil) {
			fmt.Fprintf(&b, "stream: %+v\n", s)
		}
		fmt.Fprintf(&b, "unknown: %v\n", m.unknown)
		for key, s := range m.ourSenders {
			fmt.Fprintf(&b, "we send %q: %d, errors: %v\n", key, s.sent.count(), s.takeErrors())
		}
	})
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.encoded {
		fmt.Fprintf(&b, "Pion sends %s: %d, errors: %v\n", p.track.ID(), p.sent.count(), p.takeErrors())
	}
	for key, l := range m.atUs {
		fmt.Fprintf(&b, "we have got of %q: %d\n", key, l.count())
	}
	for key, l := range m.atPion {
		fmt.Fprintf(&b, "Pion has got of %q: %d\n", key, l.count())
	}
	fmt.Fprintf(&b, "reports at Pion: %v\n", m.reports)
	return b.String()
}
