package rtc_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/internal/simnet"
	"github.com/sansrtc/rtc/rtp"
	"github.com/sansrtc/rtc/rtp/codec"
	"github.com/sansrtc/rtc/sctp"
	"github.com/sansrtc/rtc/sdp"
)

// A session that asks nobody who has nothing to do does the same, to the last bit, as one that asks
// everybody always.
func TestRest(t *testing.T) {
	seeds(t, 60, func(t *testing.T, seed uint64) {
		cfg := worldConfig{seed: seed, link: simnet.LinkConfig{Delay: time.Duration(1+seed%40) * ms}, change: func(l, r *rtc.Config) {
			r.AcceptMedia = func(o rtc.MediaOffer) (rtc.MediaConfig, bool) {
				return rtc.MediaConfig{Frames: o.Kind == rtc.Video && seed%2 == 0}, true
			}
			l.ICELite = seed%5 == 3
		}}
		want := mediaTranscript(t, cfg)
		cfg.restless = true
		requireSame(t, want, mediaTranscript(t, cfg))
	})
}

// mediaTranscript runs a session with some of everything that media does, and data beside it, and returns all
// that happened.
func mediaTranscript(t *testing.T, cfg worldConfig) string {
	t.Helper()
	w := newWorld(t, cfg)
	l, r := watchMedia(w.l), watchMedia(w.r)
	rec := w.record()
	w.negotiate(w.l, rtc.Changes{DataChannels: true, AddMedia: []rtc.MediaConfig{{Kind: rtc.Audio}, {Kind: rtc.Video}}})
	w.until(10*time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
	w.net.Link(w.l.host, w.r.host, impairedLink(cfg.seed))
	channel, err := w.l.OpenChannel(w.net.Now(), sctp.ChannelConfig{Label: "chat"})
	require.NoError(t, err)

	numbers := map[*mediaPeer]*rtp.Header{l: {}, r: {}}
	for i := range 300 {
		now := w.net.Now()
		for _, p := range []*mediaPeer{l, r} {
			if i%2 == 0 {
				h := numbers[p]
				h.PayloadType = p.sections[rtc.Audio].Codecs[0].Send.PayloadType
				h.SequenceNumber++
				h.Timestamp += 960
				p.mayFail(p.WriteRTP(now, p.sections[rtc.Audio].ID, "", h, make([]byte, 80)))
			}
		}
		if i%3 == 0 {
			video := l.sections[rtc.Video]
			f := codec.Frame{Data: vp8Frame(i, 500+i*31%4000, i%90 == 0), Timestamp: uint32(i) * 900}
			l.mayFail(l.WriteFrame(now, video.ID, "", video.Codecs[0].Send.PayloadType, f))
		}
		switch i {
		case 50, 51, 140:
			require.NoError(t, r.RequestKeyFrame(now, r.sections[rtc.Video].ID, ""))
		case 70, 71, 200:
			require.NoError(t, w.l.Send(now, channel, true, make([]byte, 3000)))
		case 100: // a pause
			w.negotiate(w.l, rtc.Changes{SetMedia: []rtc.MediaChange{{ID: l.sections[rtc.Video].ID, Direction: sdp.Inactive}}})
		case 160:
			w.negotiate(w.r, rtc.Changes{SetMedia: []rtc.MediaChange{{ID: r.sections[rtc.Video].ID, Direction: sdp.SendRecv}}})
		case 220:
			w.negotiate(w.l, rtc.Changes{ICERestart: true})
		case 260:
			w.negotiate(w.r, rtc.Changes{SetMedia: []rtc.MediaChange{{ID: r.sections[rtc.Audio].ID, Stop: true}}})
		}
		w.l.host.Wake()
		w.r.host.Wake()
		w.net.Run(10 * ms)
	}
	w.net.Run(40 * time.Second)
	w.l.Close(w.net.Now())
	w.until(5*time.Minute, "the end", func() bool { return w.l.closed && w.r.closed })
	return rec.String()
}

// mayFail passes over that a section does not send now.
func (p *mediaPeer) mayFail(err error) {
	if err != nil && err != rtc.ErrNotSending && err != rtc.ErrNoMedia {
		require.NoError(p.t, err)
	}
}
