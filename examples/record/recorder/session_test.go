package recorder

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/dtls"
	"github.com/sansrtc/rtc/ice"
	"github.com/sansrtc/rtc/rtp/codec"
	"github.com/sansrtc/rtc/sdp"
)

// A link carries what two sessions send each other, 20 ms each way, in virtual time.
type link struct {
	t     *testing.T
	now   time.Time
	ends  [2]*rtc.Rtc // that of the browser, and that of the recorder
	addrs [2]netip.AddrPort
	due   [2]time.Time
	wire  []datagram // in the order in which they arrive
	lose  func() bool

	connected bool
	sections  [2]*rtc.MediaChanged // of the browser, by kind
	owed      bool                 // a key frame is
	world     *world               // whose recorder records what comes
}

type datagram struct {
	at   time.Time
	to   int
	data []byte
}

func newLink(t *testing.T) *link {
	w := newWorld(t)
	l := &link{t: t, now: w.now, world: w, owed: true, lose: func() bool { return false }}
	random := rand.NewChaCha8([32]byte{7})
	cert, err := dtls.NewCertificate(random, l.now)
	require.NoError(t, err)
	for i := range l.ends {
		l.addrs[i] = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}), 1000)
		cfg := rtc.Config{Rand: random, Certificate: cert}
		cfg.AcceptMedia = func(rtc.MediaOffer) (rtc.MediaConfig, bool) {
			return rtc.MediaConfig{Direction: sdp.RecvOnly, Frames: true}, true
		}
		l.ends[i], err = rtc.New(l.now, cfg)
		require.NoError(t, err)
		require.NoError(t, l.ends[i].AddLocalCandidate(l.now, ice.Candidate{Type: ice.Host, Addr: l.addrs[i]}))
	}
	offer, err := l.ends[0].CreateOffer(l.now, rtc.Changes{AddMedia: []rtc.MediaConfig{
		{Kind: rtc.Audio, Direction: sdp.SendOnly}, {Kind: rtc.Video, Direction: sdp.SendOnly},
	}})
	require.NoError(t, err)
	answer, err := l.ends[1].AcceptOffer(l.now, offer.SDP())
	require.NoError(t, err)
	require.NoError(t, l.ends[0].AcceptAnswer(l.now, offer, answer))
	return l
}

// until lets time pass.
func (l *link) until(end time.Time) {
	for {
		for i := range l.ends {
			l.drain(i)
		}
		next := end
		for _, due := range l.due {
			if !due.IsZero() && due.Before(next) {
				next = due
			}
		}
		if len(l.wire) > 0 && l.wire[0].at.Before(next) {
			next = l.wire[0].at
		}
		l.now = next
		switch {
		case len(l.wire) > 0 && !l.wire[0].at.After(l.now):
			d := l.wire[0]
			l.wire = l.wire[1:]
			l.ends[d.to].HandleInput(rtc.Input{Now: l.now, Local: l.addrs[d.to], Remote: l.addrs[1-d.to], Data: d.data})
		case next == end:
			return
		default:
			for i, due := range l.due {
				if !due.IsZero() && !due.After(l.now) {
					l.ends[i].HandleInput(rtc.Input{Now: l.now})
				}
			}
		}
	}
}

func (l *link) drain(i int) {
	for {
		out := l.ends[i].PollOutput()
		switch out.Kind {
		case rtc.OutputTransmit:
			if !l.lose() {
				l.wire = append(l.wire, datagram{l.now.Add(20 * ms), 1 - i, slices.Clone(out.Transmit.Data)})
			}
		case rtc.OutputEvent:
			l.handle(i, out.Event)
		default:
			l.due[i] = out.Deadline
			return
		}
	}
}

func (l *link) handle(i int, ev rtc.Event) {
	if i == 1 {
		r := l.world.recorder
		l.world.now = l.now
		r.HandleEvent(l.now, ev)
		for id, ok := r.NextKeyFrameRequest(); ok; id, ok = r.NextKeyFrameRequest() {
			require.NoError(l.t, l.ends[1].RequestKeyFrame(l.now, id, ""))
		}
		return
	}
	switch ev := ev.(type) {
	case *rtc.Connected:
		l.connected = true
	case *rtc.MediaChanged:
		c := *ev
		c.Codecs = slices.Clone(ev.Codecs)
		l.sections[ev.Kind] = &c
	case *rtc.KeyFrameRequested:
		l.owed = true
	}
}

func (l *link) write(kind rtc.MediaKind, f codec.Frame) {
	s := l.sections[kind]
	require.NoError(l.t, l.ends[0].WriteFrame(l.now, s.ID, "", s.Codecs[0].Send.PayloadType, f))
}

// A session over a network that loses datagrams is recorded with the times of capture: what was lost is repeated, and
// what could not be leaves a gap that ends with a frame which decodes.
func TestSessionWithLoss(t *testing.T) {
	for _, test := range []struct {
		loss             float64
		sounds, pictures int // at least
	}{{0, 1000, 500}, {0.05, 990, 480}, {0.2, 900, 250}} {
		loss := test.loss
		l := newLink(t)
		for !l.connected {
			l.until(l.now.Add(10 * ms))
			require.Less(t, l.now.Sub(l.world.start), 5*time.Second)
		}
		random := rand.New(rand.NewPCG(1, 2))
		l.lose = func() bool { return random.Float64() < loss }
		begin := l.now
		const seconds = 20
		keys := 0
		for n := range seconds * 50 {
			l.until(begin.Add(time.Duration(n) * 20 * ms))
			l.write(rtc.Audio, codec.Frame{Data: []byte{0xfc, byte(n), byte(n >> 8)}, Timestamp: uint32(n) * 960})
			if n%2 == 1 {
				f := codec.Frame{Data: make([]byte, 4000), Timestamp: 77777 + uint32(n*20)*90}
				f.Data[0] = 1
				if l.owed {
					copy(f.Data, keyFrame(t, "vp8"))
					l.owed = false
					keys++
				}
				f.Data[3999] = byte(n/2) | 1
				l.write(rtc.Video, f)
			}
		}
		l.until(l.now.Add(2 * time.Second))
		p := l.world.finish()
		audio, video := p.track(rtc.Audio), p.track(rtc.Video)
		t.Logf("loss %.2f: %d of %d sounds, %d of %d pictures, %d key frames", loss, len(audio), seconds*50, len(video), seconds*25, keys)
		for _, b := range audio {
			n := int(b.Data[1]) | int(b.Data[2])<<8
			require.InDelta(t, n*20, b.Time.Milliseconds(), 5)
		}
		for _, b := range video {
			require.InDelta(t, 20, b.Time.Milliseconds()%40, 5, "they were captured at 20, 60, 100, … ms")
		}
		require.GreaterOrEqual(t, len(audio), test.sounds)
		require.GreaterOrEqual(t, len(video), test.pictures)
		require.True(t, p.Tracks[0].Synchronised && p.Tracks[1].Synchronised)
	}
}
