package interop

import (
	"errors"
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/internal/interop/browser"
	"github.com/sansrtc/rtc/internal/interop/netns"
	"github.com/sansrtc/rtc/rtp"
)

func TestChromiumMedia(t *testing.T) { testBrowserMedia(t, chromium) }
func TestFirefoxMedia(t *testing.T)  { testBrowserMedia(t, firefox) }

// testBrowserMedia lets a browser send its camera and microphone, which comes back to it
// packet by packet.
func testBrowserMedia(t *testing.T, kind browserKind) {
	ns := netns.ForTest(t)
	b := startBrowser(t, kind, ns, browser.Config{})
	loadPage(b)
	run := func(name string, f func(*mediaSession)) {
		t.Run(name, func(t *testing.T) { f(newMediaSession(t, b, ns)) })
	}
	for _, weOffer := range []bool{false, true} {
		name := "offers"
		if weOffer {
			name = "answers"
		}
		run(name, func(s *mediaSession) {
			s.begin(weOffer, map[string]any{})
			s.echoes("video", "audio")
			s.reported()
			if kind.name == chromium.name {
				s.measured()
			}
			s.restartWhileFlowing()
		})
		run("loss/"+name, func(s *mediaSession) { testMediaLoss(s, weOffer) })
	}
	run("outage", testMediaOutage)
	run("renegotiation", testMediaSections)
	for _, codec := range videoCodecs(b) {
		run("codec/"+codec, func(s *mediaSession) {
			s.begin(false, map[string]any{"codec": codec})
			got := s.echoes("video")
			require.Equal(s.t, "video/"+codec, got.Codec)
		})
	}
	run("simulcast", testSimulcast)
}

// videoCodecs returns the names of the codecs that the browser sends.
func videoCodecs(b testBrowser) (names []string) {
	b.t.Helper()
	var types []string
	b.eval(&types, `() => [...new Set(RTCRtpSender.getCapabilities("video").codecs.map(c => c.mimeType))]`)
	for _, typ := range types {
		name := strings.TrimPrefix(typ, "video/")
		switch strings.ToLower(name) {
		case "rtx", "red", "ulpfec", "flexfec-03":
		default:
			names = append(names, name)
		}
	}
	return names
}

// mediaSession is a browserSession in which what comes is sent back.
type mediaSession struct {
	*browserSession
	*mediaEcho
}

func newMediaSession(t *testing.T, b testBrowser, ns *netns.Namespace) *mediaSession {
	s := &mediaSession{browserSession: newBrowserSession(t, b, ns, rtc.Config{})}
	s.mediaEcho = startMediaEcho(s.ours)
	s.page(nil, "begin", map[string]any{})
	return s
}

// begin negotiates audio and video, or what init says otherwise.
func (s *mediaSession) begin(weOffer bool, init map[string]any) {
	s.t.Helper()
	s.page(nil, "sendMedia", init)
	if weOffer {
		s.weOfferMedia(true, rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Audio}, {Kind: rtc.Video}}})
	} else {
		s.browserOffers(false, false)
	}
	s.connected()
}

func (s *mediaSession) weOfferMedia(gathered bool, changes rtc.Changes) {
	s.t.Helper()
	o := s.ours.offer(changes)
	var answer string
	s.page(&answer, "answer", o.SDP(), map[string]any{"gathered": gathered})
	s.ours.acceptAnswer(o, answer)
	s.trickle()
}

// pageStream is what getStats tells of a stream.
type pageStream struct {
	RID, Codec             string
	Packets, Lost          int
	Decoded, Encoded, Keys int
	Width, Height          int
	NACKs, PLIs, Resent    int
	Freezes, Concealed     int
	RTT                    float64
}

// echoes waits until the page has decoded two seconds of each kind, and another second
// after that. It returns what the page says of the first kind.
func (s *mediaSession) echoes(kinds ...string) (first pageStream) {
	s.t.Helper()
	for i, kind := range kinds {
		var got pageStream
		n := 30
		if kind == "audio" {
			n = 100
		}
		s.page(&got, "receiving", kind, n)
		s.page(&got, "receiving", kind, n/2)
		s.t.Logf("%s: %+v", kind, got)
		if kind == "video" {
			require.Equal(s.t, "320x180", fmt.Sprintf("%dx%d", got.Width, got.Height))
			require.Less(s.t, got.NACKs, got.Packets)
		}
		if i == 0 {
			first = got
		}
	}
	s.ours.call(func(r *rtc.Rtc, _ time.Time) {
		s.check(r)
		for _, kind := range kinds {
			if stream := s.streams[kind]; stream == nil || stream.packets < 30 {
				s.t.Errorf("of %s came %+v", kind, stream)
			}
		}
	})
	return first
}

// reported waits until the page knows of our reception reports.
func (s *mediaSession) reported() {
	s.t.Helper()
	for _, kind := range []string{"audio", "video"} {
		s.b.eval(nil, `kind => until("reports of "+kind, async () => (await mediaStats("remote-inbound-rtp", kind)).length)`, kind)
		s.b.eval(nil, `kind => until("sender reports of "+kind, async () => (await mediaStats("remote-outbound-rtp", kind)).length)`, kind)
	}
}

// measured waits until the page has learnt from our answers how long the way of what it receives is.
func (s *mediaSession) measured() {
	s.t.Helper()
	for _, kind := range []string{"audio", "video"} {
		s.b.eval(nil, `kind => until("round-trip times of "+kind, async () => [...(await pc.getStats()).values()].some(
			s => s.type === "remote-outbound-rtp" && s.kind === kind && s.roundTripTimeMeasurements > 0))`, kind)
	}
}

// restartWhileFlowing restarts ICE from both sides.
func (s *mediaSession) restartWhileFlowing() {
	s.t.Helper()
	s.ours.forget()
	s.browserOffers(false, true)
	wait(s.ours, "a selected path", func(*rtc.PathSelected) bool { return true })
	s.echoes("video", "audio")
	s.ours.forget()
	s.weOfferMedia(false, rtc.Changes{ICERestart: true})
	wait(s.ours, "a selected path", func(*rtc.PathSelected) bool { return true })
	s.echoes("video", "audio")
}

// testMediaLoss loses every twentieth datagram of media, both ways.
func testMediaLoss(s *mediaSession, weOffer bool) {
	s.begin(weOffer, map[string]any{})
	s.echoes("video", "audio")
	random := rand.New(rand.NewSource(1))
	lost := 0
	s.ours.call(func(*rtc.Rtc, time.Time) {
		clear(s.streams)
		s.ours.lose = func(b []byte) bool {
			if b[0]>>6 != 2 || random.Intn(20) > 0 {
				return false
			}
			lost++
			return true
		}
	})
	var got pageStream
	s.page(&got, "receiving", "video", 150)
	s.t.Logf("the page: %+v", got)
	require.Positive(s.t, got.NACKs)
	s.ours.call(func(_ *rtc.Rtc, _ time.Time) {
		s.ours.lose = nil
		video := s.streams["video"]
		span := int(video.last-video.first) + 1
		audio := s.streams["audio"]
		s.t.Logf("of %d video packets came %d, of %d audio packets %d; %d datagrams were lost",
			span, video.packets, audio.last-audio.first+1, audio.packets, lost)
		if s.late > 0 {
			s.t.Errorf("%d packets were repaired too late", s.late)
		}
		if lost < 10 || video.packets*100 < span*98 {
			s.t.Errorf("of %d video packets came %d, with %d datagrams lost", span, video.packets, lost)
		}
	})
	s.echoes("video", "audio")
}

// testMediaOutage loses more than can be repaired: pictures go on with a key frame, for which the
// page asks us and we ask the page.
func testMediaOutage(s *mediaSession) {
	s.begin(false, map[string]any{})
	s.echoes("video", "audio")
	s.ours.call(func(*rtc.Rtc, time.Time) {
		s.ours.lose = func(b []byte) bool { return b[0]>>6 == 2 && !rtp.IsRTCP(b) }
	})
	time.Sleep(3 * time.Second)
	s.ours.call(func(*rtc.Rtc, time.Time) { s.ours.lose = nil })
	s.echoes("video", "audio")
	s.ours.call(func(*rtc.Rtc, time.Time) {
		if s.wishes == 0 {
			s.t.Error("the page has asked for no key frame")
		}
	})
}

// testMediaSections adds and ends sections while others run.
func testMediaSections(s *mediaSession) {
	s.begin(false, map[string]any{"kinds": []string{"audio"}})
	s.echoes("audio")
	s.page(nil, "sendMedia", map[string]any{"kinds": []string{"video"}})
	s.browserOffers(false, false)
	s.echoes("video", "audio")

	s.page(nil, "stopKind", "video")
	s.browserOffers(false, false)
	wait(s.ours, "the end of video", func(*rtc.MediaStopped) bool { return true })
	s.echoes("audio")

	// Again, by our offer, which the page answers with what it has by then.
	s.page(nil, "sendMedia", map[string]any{"kinds": []string{"video"}})
	s.weOfferMedia(false, rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Video}}})
	s.echoes("video", "audio")
	var video rtc.MediaID
	s.ours.call(func(_ *rtc.Rtc, _ time.Time) {
		for id, section := range s.sections {
			if section.Kind == rtc.Video {
				video = max(video, id)
			}
		}
	})
	s.weOfferMedia(false, rtc.Changes{SetMedia: []rtc.MediaChange{{ID: video, Stop: true}}})
	wait(s.ours, "the end of video", func(*rtc.MediaStopped) bool { return true })
	s.echoes("audio")
}

// testSimulcast receives three encodings of one picture.
func testSimulcast(s *mediaSession) {
	s.ours.call(func(*rtc.Rtc, time.Time) { s.quiet = true })
	s.begin(false, map[string]any{"kinds": []string{"video"}, "encodings": []map[string]any{
		{"rid": "q", "scaleResolutionDownBy": 4}, {"rid": "h", "scaleResolutionDownBy": 2}, {"rid": "f"},
	}})
	var missing error
	for range 200 {
		missing = nil
		s.ours.call(func(_ *rtc.Rtc, _ time.Time) {
			for _, rid := range []string{"q", "h", "f"} {
				if stream := s.streams["video"+rid]; stream == nil || stream.packets < 30 {
					missing = errors.Join(missing, fmt.Errorf("of %q came %+v", rid, stream))
				}
			}
		})
		if missing == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	require.NoError(s.t, missing)
}
