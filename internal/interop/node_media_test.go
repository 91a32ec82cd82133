package interop

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/rtp"
	"github.com/sansrtc/rtc/rtp/codec"
)

// sinkReport is what a sink of node/media.mjs has got.
type sinkReport struct {
	Frames, Width, Height int
	Luma                  int // of the latest picture
	Level                 int // of the latest sound
}

// rtpReport is what getStats tells of a stream.
type rtpReport struct {
	Type, Kind, Codec     string
	Packets, Lost, Resent int
	NACKs, PLIs           int
	RTT                   float64
	Reports, Frames, Keys int
}

// TestLibwebrtcMedia lets libwebrtc send sound and pictures, which come back to it.
func TestLibwebrtcMedia(t *testing.T) {
	for _, weOffer := range []bool{true, false} {
		run := func(name string, frames bool, test func(*nodeMedia)) {
			t.Run(name+map[bool]string{true: "/answers", false: "/offers"}[weOffer], func(t *testing.T) {
				t.Parallel()
				test(newNodeMedia(t, weOffer, frames))
			})
		}
		run("packets", false, func(m *nodeMedia) {
			m.begin("")
			m.shows(60)
			m.theirs.tell("luma", map[string]any{"luma": 180})
			m.shows(180)
			m.restart()
			m.shows(180)
			m.intact()
			m.reported()
		})
		run("frames", true, func(m *nodeMedia) {
			m.begin("")
			m.shows(60)
			m.reported()
		})
		run("loss", false, testNodeLoss)
		if weOffer {
			run("outage", false, testNodeOutage)
			run("sections", false, testNodeSections)
			continue
		}
		for _, name := range []string{"VP9", "AV1"} {
			run(name, false, func(m *nodeMedia) {
				m.begin(name)
				m.shows(60)
				for _, s := range m.stats("outbound-rtp", "video") {
					require.Equal(m.t, "video/"+name, s.Codec)
				}
				m.intact()
			})
		}
	}
}

// nodeMedia is a session with libwebrtc whose media come back.
type nodeMedia struct {
	t       *testing.T
	ours    *rtcPeer
	theirs  *driver
	echo    *mediaEcho
	weOffer bool
	frames  bool // that come back are whole frames

	// The goroutine of the Rtc owns what follows.
	begins map[rtc.MediaID]bool // whether video begins with a key frame
}

func newNodeMedia(t *testing.T, weOffer, frames bool) *nodeMedia {
	t.Helper()
	i := slices.IndexFunc(nodePeers, func(k driverKind) bool { return k.name == "libwebrtc" })
	cfg := rtc.Config{AcceptMedia: func(rtc.MediaOffer) (rtc.MediaConfig, bool) { return rtc.MediaConfig{Frames: frames}, true }}
	m := &nodeMedia{
		t: t, theirs: startNode(t, nodePeers[i]), ours: startRtc(t, cfg, newUDPSocket(t)),
		weOffer: weOffer, frames: frames, begins: map[rtc.MediaID]bool{},
	}
	t.Cleanup(m.ours.stop)
	m.echo = startMediaEcho(m.ours)
	m.ours.call(func(*rtc.Rtc, time.Time) { m.ours.react = m.react })
	return m
}

// react looks at what begins, and sends frames back; the rest is the echo's.
func (m *nodeMedia) react(r *rtc.Rtc, ev rtc.Event) bool {
	switch ev := ev.(type) {
	case *rtc.RTPReceived:
		section := m.echo.sections[ev.ID]
		if _, begun := m.begins[ev.ID]; !begun {
			for _, c := range section.Codecs {
				if c.Receive.PayloadType == ev.Header.PayloadType {
					m.begins[ev.ID] = codec.FormatByName(c.Name).IsKeyFrame(ev.Payload)
				}
			}
		}
	case *rtc.FrameReceived:
		if _, begun := m.begins[ev.ID]; !begun {
			m.begins[ev.ID] = ev.Frame.KeyFrame
		}
		m.echo.note(r.WriteFrame(time.Now(), ev.ID, "", ev.Codec.Send.PayloadType, ev.Frame))
		return true
	}
	return m.echo.react(r, ev)
}

// begin negotiates sound and a picture of luma 60, in a codec if one is named.
func (m *nodeMedia) begin(codec string) {
	m.t.Helper()
	m.theirs.tell("send-media", map[string]any{"codec": codec, "luma": 60})
	if m.weOffer {
		nodeAnswersTo(m.ours, m.theirs, rtc.Changes{AddMedia: []rtc.MediaConfig{
			{Kind: rtc.Audio, Frames: m.frames}, {Kind: rtc.Video, Frames: m.frames},
		}})
	} else {
		nodeOffers(m.ours, m.theirs, false)
	}
	wait(m.ours, "connected", func(*rtc.Connected) bool { return true })
}

// media asks what the sinks have got.
func (m *nodeMedia) media() map[string]sinkReport {
	m.t.Helper()
	m.theirs.tell("media", nil)
	return m.theirs.wait("media", nil).Got
}

func (m *nodeMedia) stats(typ, kind string) (found []rtpReport) {
	m.t.Helper()
	m.theirs.tell("stats", nil)
	for _, s := range m.theirs.wait("stats", nil).RTP {
		if s.Type == typ && s.Kind == kind {
			found = append(found, s)
		}
	}
	return found
}

// until waits for what the other process comes to.
func (m *nodeMedia) until(why string, ok func() bool) {
	m.t.Helper()
	for end := time.Now().Add(nodeMediaPatience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if ok() {
			return
		}
	}
	m.theirs.tell("stats", nil)
	m.t.Fatalf("%s: the sinks have %+v, streams: %+v", why, m.media(), m.theirs.wait("stats", nil).RTP)
}

// nodeMediaPatience is how long libwebrtc may take for two seconds of pictures.
const nodeMediaPatience = 90 * time.Second

// shows waits until two seconds more of sound and of pictures of a luma, or of what kinds are named,
// have come back.
func (m *nodeMedia) shows(luma int, kinds ...string) {
	m.t.Helper()
	before := m.media()
	if len(kinds) == 0 {
		kinds = []string{"audio", "video"}
	}
	m.until(fmt.Sprintf("sound, and pictures of luma %d", luma), func() bool {
		now := m.media()
		for _, kind := range kinds {
			got, frames := now[kind], now[kind].Frames-before[kind].Frames
			if kind == "audio" && (frames < 200 || got.Level < 2000 || got.Level > 8000) {
				return false
			}
			if kind == "video" && (frames < 30 || got.Width != 320 || got.Height != 180 || got.Luma < luma-8 || got.Luma > luma+8) {
				return false
			}
		}
		return true
	})
	m.ours.call(func(r *rtc.Rtc, _ time.Time) {
		if m.echo.err != nil {
			m.t.Errorf("sending back: %v", m.echo.err)
		}
		for id, key := range m.begins {
			if !key {
				m.t.Errorf("section %d does not begin with a key frame", id)
			}
		}
		if d := r.Stats().Dropped; d.Unauthentic+d.Malformed+d.Unread+d.Unsealed > 0 {
			m.t.Errorf("dropped: %+v", d)
		}
	})
}

// intact waits until all of the pictures has come, and almost all of the sound, and checks that a picture
// takes more than one packet.
func (m *nodeMedia) intact() {
	m.t.Helper()
	m.until("nothing is missing", func() (ok bool) {
		m.ours.call(func(*rtc.Rtc, time.Time) {
			video, audio := m.echo.streams["video"], m.echo.streams["audio"]
			if video.bytes < 500*video.packets {
				m.t.Errorf("pictures are too small to be a test: %+v", *video)
			}
			ok = uint64(video.packets) == video.last-video.first+1 &&
				uint64(audio.packets) >= (audio.last-audio.first+1)*97/100
		})
		return ok
	})
}

// reported waits until both sides have the other's reports.
func (m *nodeMedia) reported() {
	m.t.Helper()
	for _, kind := range []string{"audio", "video"} {
		m.until("reports of "+kind, func() bool {
			theirs := m.stats("remote-inbound-rtp", kind)
			return len(theirs) == 1 && theirs[0].RTT > 0
		})
	}
	// Of video, this version does not tell.
	m.until("sender reports", func() bool {
		ours := m.stats("remote-outbound-rtp", "audio")
		return len(ours) == 1 && ours[0].Packets > 0
	})
	m.ours.call(func(r *rtc.Rtc, _ time.Time) {
		for _, s := range r.AppendStreamStats(nil) {
			if s.Sending && s.Sent.RemoteReports == 0 || !s.Sending && s.Received.SenderReports == 0 {
				m.t.Errorf("no reports on %+v", s)
			}
		}
	})
}

// restart restarts ICE from both sides.
func (m *nodeMedia) restart() {
	m.t.Helper()
	nodeAnswersTo(m.ours, m.theirs, rtc.Changes{ICERestart: true})
	wait(m.ours, "the old credentials to be dropped", func(*rtc.LocalUfragRemoved) bool { return true })
	m.shows(180)
	nodeOffers(m.ours, m.theirs, true)
	wait(m.ours, "the old credentials to be dropped", func(*rtc.LocalUfragRemoved) bool { return true })
}

// lose says which datagrams of ours are lost, in both directions.
func (m *nodeMedia) lose(lose func(b []byte) bool) {
	m.t.Helper()
	m.ours.call(func(*rtc.Rtc, time.Time) { m.ours.lose = lose })
}

// testNodeLoss loses every twentieth datagram of media, both ways.
func testNodeLoss(m *nodeMedia) {
	m.begin("")
	m.shows(60)
	random := newRand(1)
	m.lose(func(b []byte) bool { return b[0]>>6 == 2 && random.IntN(20) == 0 })
	m.until("requests and repairs", func() bool {
		out, in := m.stats("outbound-rtp", "video"), m.stats("inbound-rtp", "video")
		return out[0].NACKs > 3 && out[0].Resent > 10 && in[0].NACKs > 3
	})
	m.shows(60)
	m.lose(nil)
	m.shows(60)
	m.ours.call(func(r *rtc.Rtc, _ time.Time) {
		for _, s := range r.AppendStreamStats(nil) {
			if m.echo.sections[s.ID].Kind != rtc.Video {
				continue
			}
			if s.Sending && s.Sent.RTXPackets == 0 || !s.Sending && s.Received.Repaired == 0 {
				m.t.Errorf("repairs: %+v", s)
			}
		}
		// A process that has to wait for the processor answers some requests too late.
		s := m.echo.streams["video"]
		if n := s.last - s.first + 1; uint64(s.packets) < n*98/100 {
			m.t.Errorf("of %d packets of video came %d", n, s.packets)
		}
	})
}

// testNodeOutage loses all media for longer than can be repaired. Both sides ask for key frames.
func testNodeOutage(m *nodeMedia) {
	m.begin("")
	m.shows(60)
	m.lose(func(b []byte) bool { return b[0]>>6 == 2 && !rtp.IsRTCP(b) })
	m.theirs.tell("luma", map[string]any{"luma": 180})
	time.Sleep(4 * time.Second)
	m.lose(nil)
	m.shows(180)
	require.Positive(m.t, m.stats("outbound-rtp", "video")[0].PLIs, "our requests")
	m.ours.call(func(*rtc.Rtc, time.Time) {
		if m.echo.wishes == 0 {
			m.t.Error("libwebrtc has asked for no key frame")
		}
	})
}

// testNodeSections adds and stops sections while others run, from both sides.
func testNodeSections(m *nodeMedia) {
	m.theirs.tell("send-media", map[string]any{"kinds": []string{"audio"}})
	nodeAnswersTo(m.ours, m.theirs, rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Audio}}})
	wait(m.ours, "connected", func(*rtc.Connected) bool { return true })
	m.shows(0, "audio")

	m.theirs.tell("send-media", map[string]any{"kinds": []string{"video"}, "luma": 60})
	nodeOffers(m.ours, m.theirs, false)
	m.shows(60)
	m.theirs.tell("stop-media", map[string]any{"kind": "video"})
	nodeOffers(m.ours, m.theirs, false)
	wait(m.ours, "the end of video", func(*rtc.MediaStopped) bool { return true })
	m.shows(0, "audio")

	m.theirs.tell("send-media", map[string]any{"kinds": []string{"video"}, "luma": 180})
	nodeAnswersTo(m.ours, m.theirs, rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Video}}})
	m.shows(180)
	var video rtc.MediaID
	m.ours.call(func(*rtc.Rtc, time.Time) {
		for id, section := range m.echo.sections {
			if section.Kind == rtc.Video {
				video = max(video, id)
			}
		}
	})
	nodeAnswersTo(m.ours, m.theirs, rtc.Changes{SetMedia: []rtc.MediaChange{{ID: video, Stop: true}}})
	wait(m.ours, "the end of video", func(s *rtc.MediaStopped) bool { return s.ID == video })
	m.shows(0, "audio")
}
