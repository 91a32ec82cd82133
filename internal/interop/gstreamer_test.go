package interop

import (
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/dtls"
	"github.com/sansrtc/rtc/sctp"
)

// What webrtcbin needs to connect, the codecs, and Python's way to it.
const installGStreamer = "apt-get install python3-gst-1.0 gir1.2-gst-plugins-bad-1.0 gstreamer1.0-nice " +
	"gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly"

var gstreamer = driverKind{name: "webrtcbin", maxMessage: 64 << 10, noEmpty: true, swapsEmpty: true}

// gstDecoded is what came out of one of webrtcbin's decoders.
type gstDecoded struct {
	Kind           string
	Frames, Keys   int
	Width, Height  int
	Rate, Channels int
}

// gstBuffer is what a jitter buffer tells.
type gstBuffer struct {
	Repaired int `json:"rtx-success-count"`
}

// gstFeedback is what our transport-wide feedback tells of the packets before it.
type gstFeedback struct {
	Received int     `json:"packets-recv"`
	Lost     float64 `json:"packet-loss-pct"`
}

// gstStats is what get-stats tells of a stream. In a bundle, webrtcbin gives all streams the kind of one of
// them; their SSRCs tell them apart.
type gstStats struct {
	SSRC   uint32
	Source struct {
		HasReport bool `json:"have-rb"`
		RoundTrip int  `json:"rb-round-trip"` // in 1/65536 s
		HasSender bool `json:"have-sr"`
	} `json:"gst-rtpsource-stats"`
}

// gstSession is a session with webrtcbin on loopback. What it sends comes back to it.
type gstSession struct {
	*mediaEcho
	t      *testing.T
	ours   *rtcPeer
	theirs *driver

	offer, answer string         // of webrtcbin, the last
	channel       sctp.ChannelID // that we opened
}

// startGStreamer starts both sides. properties are those of webrtcbin.
func startGStreamer(t *testing.T, cfg rtc.Config, properties ...string) *gstSession {
	t.Helper()
	s := &gstSession{t: t}
	// Debian's Python, whatever else is in the path.
	command := append([]string{"/usr/bin/python3", "gstreamer/peer.py"}, properties...)
	s.theirs = startDriver(t, gstreamer, installGStreamer, command...)
	s.ours = startRtc(t, cfg, newUDPSocket(t))
	t.Cleanup(s.ours.stop)
	s.mediaEcho = startMediaEcho(s.ours)
	return s
}

// gstRole names tests by what webrtcbin does.
func gstRole(weOffer bool) string {
	if weOffer {
		return "answers"
	}
	return "offers"
}

// asFrames accepts media that is to be delivered as whole frames, or as packets.
func asFrames(frames bool) rtc.Config {
	return rtc.Config{AcceptMedia: func(rtc.MediaOffer) (rtc.MediaConfig, bool) {
		return rtc.MediaConfig{Frames: frames}, true
	}}
}

// media lets webrtcbin send and receive a kind of media. more is for the command.
func (s *gstSession) media(kind rtc.MediaKind, codec string, payloadType uint8, more map[string]any) {
	s.t.Helper()
	fields := map[string]any{"kind": kind.String(), "codec": codec, "type": payloadType}
	maps.Copy(fields, more)
	s.theirs.tell("media", fields)
}

// theyOffer negotiates with an offer of webrtcbin.
func (s *gstSession) theyOffer() {
	s.t.Helper()
	s.theirs.tell("offer", nil)
	s.offer = s.theirs.wait("offer", nil).SDP
	s.theirs.tell("accept-answer", map[string]any{"sdp": s.ours.acceptOffer(s.offer)})
	s.theirs.wait("accepted", nil)
}

// weOffer negotiates with an offer of ours.
func (s *gstSession) weOffer(changes rtc.Changes) {
	s.t.Helper()
	o := s.ours.offer(changes)
	s.theirs.tell("accept-offer", map[string]any{"sdp": o.SDP()})
	s.answer = s.theirs.wait("answer", nil).SDP
	s.ours.acceptAnswer(o, s.answer)
}

// connected waits until both sides are.
func (s *gstSession) connected() *rtc.Connected {
	s.t.Helper()
	trickleFrom(s.ours, s.theirs, s.offer+s.answer)
	c := wait(s.ours, "connected", func(*rtc.Connected) bool { return true })
	s.theirs.wait("state", func(r driverReport) bool { return r.State == "connected" })
	return c
}

// begin negotiates audio, video and a data channel.
func (s *gstSession) begin(weOffer, frames bool) {
	s.t.Helper()
	s.channel = s.ours.open(sctp.ChannelConfig{Label: "ours"})
	s.theirs.tell("open", labelled("theirs"))
	if weOffer {
		s.weOffer(rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Audio, Frames: frames}, {Kind: rtc.Video, Frames: frames}}})
	} else {
		s.theyOffer()
	}
	c := s.connected()
	require.Equal(s.t, dtls.VersionDTLS12, c.DTLS.Version, "OpenSSL has no other")
	require.Equal(s.t, !weOffer, c.DTLS.Client, "both answer as the client")
	require.Equal(s.t, dtls.SRTP_AES128_CM_HMAC_SHA1_80, c.DTLS.SRTPProfile)
	s.ours.opened("ours")
	s.ours.opened("theirs")
	s.theirs.waitLabel("open", "ours")
	s.theirs.waitLabel("open", "theirs")
}

// stats returns webrtcbin's statistics.
func (s *gstSession) stats() driverReport {
	s.t.Helper()
	s.theirs.tell("stats", nil)
	return s.theirs.wait("stats", nil)
}

// until asks for the statistics until ok likes them.
func (s *gstSession) until(what string, ok func(driverReport) bool) driverReport {
	s.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		r := s.stats()
		if ok(r) {
			return r
		}
		if time.Now().After(end) {
			s.t.Fatalf("webrtcbin without %s: %+v", what, r)
		}
	}
}

// decoded returns what came of a kind of media.
func (r *driverReport) decoded(kind rtc.MediaKind) (d gstDecoded) {
	for _, d := range r.Decoded {
		if d.Kind == kind.String() {
			return d
		}
	}
	return d
}

// plays waits until webrtcbin has shown so many more pictures, and played so many more sounds.
func (s *gstSession) plays(pictures, sounds int) driverReport {
	s.t.Helper()
	before := s.stats()
	pictures += before.decoded(rtc.Video).Frames
	sounds += before.decoded(rtc.Audio).Frames
	return s.until("more pictures and sounds", func(r driverReport) bool {
		return r.decoded(rtc.Video).Frames >= pictures && r.decoded(rtc.Audio).Frames >= sounds
	})
}

// end closes our side, which webrtcbin must hear of.
func (s *gstSession) end() {
	s.t.Helper()
	s.ours.call(func(r *rtc.Rtc, _ time.Time) { s.check(r) })
	s.ours.close()
	require.NoError(s.t, s.ours.waitClosed())
	s.theirs.wait("aborted", nil)
}
