package sdp_test

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/sdp"
)

// parameters returns those of a local endpoint.
func parameters() sdp.Parameters {
	return sdp.Parameters{
		SessionID: 7, Version: 1,
		ICEUfrag: "ours", ICEPwd: "0123456789abcdefghijkl",
		Candidates:      []string{"candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host"},
		EndOfCandidates: true,
		Fingerprints:    []sdp.Fingerprint{{Algorithm: "sha-256", Value: bytes.Repeat([]byte{0xab}, 32)}},
		MaxMessageSize:  262144,
	}
}

// rawSection is an m-line and its attributes, read without the package under test.
type rawSection struct {
	kind, port, protocol string
	formats              []string
	attributes           map[string][]string
}

func rawSections(text string) (session rawSection, media []rawSection) {
	session.attributes = make(map[string][]string)
	current := &session
	for line := range strings.SplitSeq(text, "\r\n") {
		if rest, ok := strings.CutPrefix(line, "m="); ok {
			f := strings.Fields(rest)
			media = append(media, rawSection{f[0], f[1], f[2], f[3:], make(map[string][]string)})
			current = &media[len(media)-1]
		}
		if rest, ok := strings.CutPrefix(line, "a="); ok {
			key, value, _ := strings.Cut(rest, ":")
			current.attributes[key] = append(current.attributes[key], value)
		}
	}
	return session, media
}

func (s rawSection) first(key string) string {
	if v := s.attributes[key]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// answerViolations lists the rules that the text of an answer breaks for the text
// of an offer. It shares nothing with the package under test.
func answerViolations(offer, answer string) []string {
	var broken []string
	fail := func(format string, args ...any) { broken = append(broken, fmt.Sprintf(format, args...)) }
	so, mo := rawSections(offer)
	sa, ma := rawSections(answer)
	if !strings.HasPrefix(answer, "v=0\r\no=") || !strings.HasSuffix(answer, "\r\n") {
		fail("not a description")
	}
	if len(mo) != len(ma) {
		return []string{fmt.Sprintf("%d m-lines answered with %d", len(mo), len(ma))}
	}
	offeredGroup := strings.Fields(strings.TrimPrefix(so.first("group"), "BUNDLE"))
	group := strings.Fields(strings.TrimPrefix(sa.first("group"), "BUNDLE"))
	for _, mid := range group {
		if !slices.Contains(offeredGroup, mid) {
			fail("mid %s bundled, which was not offered", mid)
		}
	}
	accepted := 0
	for i, o := range mo {
		a := ma[i]
		if a.kind != o.kind || a.protocol != o.protocol || a.first("mid") != o.first("mid") {
			fail("m-line %d: %v answered with %v", i, o, a)
		}
		if len(a.formats) == 0 {
			fail("m-line %d: no format", i)
		}
		for _, f := range a.formats {
			if !slices.Contains(o.formats, f) {
				fail("m-line %d: format %s was not offered", i, f)
			}
		}
		if a.port == "0" {
			if slices.Contains(group, a.first("mid")) {
				fail("m-line %d: rejected and bundled", i)
			}
			if len(a.attributes["bundle-only"]) > 0 {
				fail("m-line %d: bundle-only in an answer", i)
			}
			continue
		}
		accepted++
		if o.port == "0" && len(o.attributes["bundle-only"]) == 0 {
			fail("m-line %d: accepted although rejected by the offer", i)
		}
		if len(offeredGroup) > 0 && !slices.Contains(group, a.first("mid")) {
			fail("m-line %d: accepted outside the bundle", i)
		}
		if n := len(a.first("ice-ufrag")); n < 4 || n > 256 {
			fail("m-line %d: ufrag of %d characters", i, n)
		}
		if n := len(a.first("ice-pwd")); n < 22 || n > 256 {
			fail("m-line %d: password of %d characters", i, n)
		}
		if len(a.attributes["fingerprint"])+len(sa.attributes["fingerprint"]) == 0 {
			fail("m-line %d: no fingerprint", i)
		}
		want := map[string]string{"actpass": "active passive", "active": "passive", "passive": "active"}
		if !slices.Contains(strings.Fields(want[o.first("setup")]), a.first("setup")) {
			fail("m-line %d: setup %s answered with %s", i, o.first("setup"), a.first("setup"))
		}
		if o.kind == "application" && a.first("sctp-port") == "" { // webrtcbin gives no max-message-size
			fail("m-line %d: no SCTP port", i)
		}
	}
	if accepted > 1 && len(group) != accepted {
		fail("%d accepted, %d bundled", accepted, len(group))
	}
	return broken
}

// The checker itself is held against the browsers' own answers.
func TestBrowserAnswersKeepTheRules(t *testing.T) {
	t.Parallel()
	texts := corpus(t)
	pairs := 0
	for name, answer := range texts {
		offer, ok := texts[offerOf(name)]
		if !ok {
			continue
		}
		pairs++
		require.Empty(t, answerViolations(offer, answer), name)
	}
	require.Greater(t, pairs, 80)
}

func TestBrowserAnswersAgree(t *testing.T) {
	t.Parallel()
	texts := corpus(t)
	for name, text := range texts {
		offerText, ok := texts[offerOf(name)]
		if !ok {
			continue
		}
		offer, answer := mustParse(t, offerText), mustParse(t, text)
		agreed, err := sdp.Agree(nil, offer, answer, true)
		require.NoError(t, err, name)
		other, err := sdp.Agree(nil, offer, answer, false)
		require.NoError(t, err, name)
		require.Equal(t, agreed.Lines, other.Lines, name)
		require.Equal(t, agreed.Tag, other.Tag, name)
		require.Equal(t, agreed.Local, other.Remote, name)
		require.NotEqual(t, agreed.Client, other.Client, name)
		require.Equal(t, strings.Contains(text, "a=setup:passive"), agreed.Client, name)
	}
}

// Every recorded offer gets an answer that keeps the rules, accepts the data
// channels, and rejects the rest, but for an inactive section that the bundle
// stands on.
func TestAnswerToEveryBrowserOffer(t *testing.T) {
	t.Parallel()
	offers, withData, idle := 0, 0, 0
	for name, text := range corpus(t) {
		if !isOffer(name) {
			continue
		}
		offers++
		offer := mustParse(t, text)
		before := offer.String()
		answer, err := sdp.NewAnswer(parameters(), nil, offer, sdp.AcceptData(nil, offer))
		require.NoError(t, err, name)
		require.Equal(t, before, offer.String(), "%s: the offer was changed", name)
		require.Empty(t, answerViolations(text, answer.String()), "%s\n%s", name, answer)

		// What the peer reads is what we meant.
		read := mustParse(t, answer.String())
		require.Equal(t, answer.String(), read.String(), name)
		for i := range read.Media { // rejected or not
			require.Equal(t, parameters().ICEUfrag, read.Media[i].ICEUfrag, "%s: m-line %d", name, i)
			require.Equal(t, parameters().ICEPwd, read.Media[i].ICEPwd, "%s: m-line %d", name, i)
			require.Len(t, read.Media[i].Fingerprints, 1, "%s: m-line %d", name, i)
			require.NotEqual(t, sdp.SetupNone, read.Media[i].Setup, "%s: m-line %d", name, i)
		}
		agreed, err := sdp.Agree(nil, offer, read, false)
		require.NoError(t, err, name)
		session, raw := rawSections(text)
		data := slices.IndexFunc(offer.Media, func(m sdp.Media) bool { return m.IsData() && !m.Rejected() })
		require.Equal(t, data, agreed.Data.Line, name)
		if data < 0 {
			require.Equal(t, -1, agreed.Tag, name)
			require.Equal(t, []sdp.Group{{Semantics: "BUNDLE", MIDs: []string{}}}, read.Groups, name)
			continue
		}
		withData++
		tag := slices.IndexFunc(raw, func(s rawSection) bool {
			return s.port != "0" && strings.HasPrefix(session.first("group")+" ", "BUNDLE "+s.first("mid")+" ")
		})
		require.Equal(t, tag, agreed.Tag, name)
		bundle := []string{offer.Media[tag].MID}
		if tag != data {
			idle++
			bundle = append(bundle, offer.Media[data].MID)
			require.Equal(t, sdp.Inactive, read.Media[tag].Direction, name)
		}
		require.Equal(t, []sdp.Group{{Semantics: "BUNDLE", MIDs: bundle}}, read.Groups, name)
		for i := range offer.Media {
			require.Equal(t, i == data || i == tag, read.Media[i].Port != 0, "%s: m-line %d", name, i)
		}
		require.EqualValues(t, 5000, agreed.Data.RemotePort, name)
		require.Equal(t, offer.Media[data].MaxMessageSize, agreed.Data.MaxMessageSize, name)
		require.Equal(t, offer.Media[tag].ICEPwd, agreed.Remote.ICEPwd, name)
		require.Equal(t, offer.Media[tag].Candidates, agreed.Remote.Candidates, name)
		require.True(t, agreed.Client, name)
	}
	require.Greater(t, offers, 100)
	require.Greater(t, withData, 50)
	require.Greater(t, idle, 20)
}

// Where we accept data channels only, our section has the lines of the browsers'
// own answers, with other values.
func TestDataAnswerLooksLikeABrowsers(t *testing.T) {
	t.Parallel()
	texts := corpus(t)
	for _, browser := range []string{"chromium", "firefox"} {
		offer := mustParse(t, texts[browser+"-a-dc.offer"])
		answer, err := sdp.NewAnswer(parameters(), nil, offer, sdp.AcceptData(nil, offer))
		require.NoError(t, err)
		_, ours := rawSections(answer.String())
		session, theirs := rawSections(texts[browser+"-a-dc.answer-gathered"])
		for key := range theirs[0].attributes {
			// Firefox says nothing with it; the rest of its lines is at session level.
			if key != "sendrecv" && key != "ice-options" && key != "end-of-candidates" {
				require.Contains(t, ours[0].attributes, key, browser)
			}
		}
		require.Equal(t, theirs[0].protocol, ours[0].protocol)
		require.Equal(t, theirs[0].formats, ours[0].formats)
		require.Equal(t, theirs[0].first("setup"), ours[0].first("setup"))
		require.Equal(t, theirs[0].first("mid"), ours[0].first("mid"))
		ourSession, _ := rawSections(answer.String())
		require.Equal(t, session.first("group"), ourSession.first("group"))
		require.Equal(t, "trickle", ourSession.first("ice-options"))
	}
}

func TestAnswerText(t *testing.T) {
	t.Parallel()
	offer := mustParse(t, corpus(t)["trial-chromium-base.offer"])
	answer, err := sdp.NewAnswer(parameters(), nil, offer, sdp.AcceptData(nil, offer))
	require.NoError(t, err)
	want := strings.ReplaceAll(`v=0
o=- 7 1 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 2
a=ice-options:trickle
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=mid:0
a=ice-ufrag:ours
a=ice-pwd:0123456789abcdefghijkl
a=fingerprint:sha-256 AB`+strings.Repeat(":AB", 31)+`
a=setup:active
a=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host
a=end-of-candidates
a=extmap-allow-mixed
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=inactive
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
m=video 0 UDP/TLS/RTP/SAVPF 96
c=IN IP4 0.0.0.0
a=mid:1
a=ice-ufrag:ours
a=ice-pwd:0123456789abcdefghijkl
a=fingerprint:sha-256 AB`+strings.Repeat(":AB", 31)+`
a=setup:active
a=inactive
a=rtpmap:96 VP8/90000
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=mid:2
a=ice-ufrag:ours
a=ice-pwd:0123456789abcdefghijkl
a=fingerprint:sha-256 AB`+strings.Repeat(":AB", 31)+`
a=setup:active
a=sctp-port:5000
a=max-message-size:262144
`, "\n", "\r\n")
	require.Equal(t, want, answer.String())
}

// description joins lines, with the usual beginning.
func description(lines ...string) string {
	return "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n" + strings.Join(lines, "\r\n") + "\r\n"
}

const (
	testFingerprint = "a=fingerprint:sha-256 01" + ":01:01:01:01:01:01:01:01:01:01:01:01:01:01:01" +
		":01:01:01:01:01:01:01:01:01:01:01:01:01:01:01:01"
	testICE  = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901"
	testData = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n" + testICE
	testRTP  = "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\n" + testICE
)

func TestAnswerSetup(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		offered string
		prefer  sdp.Setup
		want    sdp.Setup
	}{
		{"a=setup:actpass", sdp.SetupNone, sdp.SetupActive},
		{"a=setup:actpass", sdp.SetupActive, sdp.SetupActive},
		{"a=setup:actpass", sdp.SetupPassive, sdp.SetupPassive},
		{"a=setup:active", sdp.SetupActive, sdp.SetupPassive},
		{"a=setup:passive", sdp.SetupPassive, sdp.SetupActive},
		{"a=x", sdp.SetupActive, sdp.SetupPassive},
	} {
		p := parameters()
		p.Setup = test.prefer
		offer := mustParse(t, description(testData, testFingerprint, "a=mid:0", test.offered))
		answer, err := sdp.NewAnswer(p, nil, offer, sdp.AcceptData(nil, offer))
		require.NoError(t, err)
		require.Equal(t, test.want, answer.Media[0].Setup, "%s preferring %s", test.offered, test.prefer)
		agreed, err := sdp.Agree(nil, offer, answer, false)
		require.NoError(t, err)
		require.Equal(t, test.want == sdp.SetupActive, agreed.Client)
	}
}

func TestAnswerPlacesAndTags(t *testing.T) {
	t.Parallel()
	data := testData + "\r\na=setup:actpass\r\n" + testFingerprint
	bundleOnly := strings.Replace(data, "application 9", "application 0", 1) + "\r\na=bundle-only"
	noMux := testRTP + "\r\na=setup:actpass\r\n" + testFingerprint
	rtp := noMux + "\r\na=rtcp-mux"
	rejected := strings.Replace(rtp, "audio 9", "audio 0", 1)
	for _, test := range []struct {
		name      string
		lines     []string
		tag, data int
		text      string // must be in the answer
	}{
		{"data first", []string{"a=group:BUNDLE d a", data, "a=mid:d", rtp, "a=mid:a"}, 0, 0, "a=group:BUNDLE d\r\n"},
		{"data last", []string{"a=group:BUNDLE a d", rtp, "a=mid:a", data, "a=mid:d"}, 0, 1, "a=group:BUNDLE a d\r\n"},
		{"data last, tagged", []string{"a=group:BUNDLE d a", rtp, "a=mid:a", data, "a=mid:d"}, 1, 1, "a=group:BUNDLE d\r\n"},
		{"bundle-only", []string{"a=group:BUNDLE a d", rtp, "a=mid:a", bundleOnly, "a=mid:d"}, 0, 1, "m=application 9 "},
		{"bundle-only alone", []string{"a=group:BUNDLE a d", rejected, "a=mid:a", bundleOnly, "a=mid:d"}, 1, 1, "a=group:BUNDLE d\r\n"},
		{"no rtcp-mux", []string{"a=group:BUNDLE a d", noMux, "a=mid:a", data, "a=mid:d"}, 1, 1, "a=group:BUNDLE d\r\n"},
		{"not bundled", []string{rtp, "a=mid:a", data, "a=mid:d"}, 1, 1, "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\n"},
		{"no mids", []string{rtp, data}, 1, 1, "m=application 9 "},
		{"data twice", []string{"a=group:BUNDLE d e", data, "a=mid:d", data, "a=mid:e"}, 0, 0, "a=group:BUNDLE d\r\n"},
		{"rejected", []string{strings.Replace(data, "application 9", "application 0", 1), "a=mid:d"}, -1, -1, "m=application 0 "},
		{"TCP in the name", []string{strings.Replace(data, "UDP/DTLS", "TCP/DTLS", 1), "a=mid:d"}, 0, 0, "m=application 9 TCP/DTLS/SCTP webrtc-datachannel\r\n"},
		{"before RFC 8841", []string{
			"m=application 9 DTLS/SCTP 5000", testICE, "a=setup:actpass", testFingerprint,
			"a=mid:d", "a=sctpmap:5000 webrtc-datachannel 1024",
		}, 0, 0, "m=application 9 DTLS/SCTP 5000\r\n"},
		{"unknown kind and protocol", []string{
			"m=image 9 QUIC/WARP xyz", "a=mid:i", "m=application 9 TCP/TLS/BFCP *", "a=mid:b",
			"a=group:x y", data, "a=mid:d",
		}, 2, 2, "m=image 0 QUIC/WARP xyz\r\n"},
		{"other SCTP", []string{strings.Replace(data, "webrtc-datachannel", "other", 1), "a=mid:d"}, -1, -1, "m=application 0 UDP/DTLS/SCTP other\r\n"},
	} {
		text := description(test.lines...)
		if strings.Contains(text, "a=group:x y\r\n") { // an unknown group is no obstacle
			text = strings.Replace(text, "a=group:x y\r\n", "", 1)
			text = strings.Replace(text, "m=image", "a=group:LS i nobody\r\nm=image", 1)
		}
		offer := mustParse(t, text)
		answer, err := sdp.NewAnswer(parameters(), nil, offer, sdp.AcceptData(nil, offer))
		require.NoError(t, err, test.name)
		require.Contains(t, answer.String(), test.text, test.name)
		agreed, err := sdp.Agree(nil, offer, mustParse(t, answer.String()), false)
		require.NoError(t, err, test.name)
		require.Equal(t, test.tag, agreed.Tag, test.name)
		require.Equal(t, test.data, agreed.Data.Line, test.name)
		for i := range agreed.Lines {
			require.NotEmpty(t, agreed.Lines[i].MID, test.name)
			require.Equal(t, i != test.tag && i != test.data, agreed.Lines[i].Rejected, "%s: m-line %s", test.name, strconv.Itoa(i))
		}
		// The session goes on from there in our own offer.
		again, err := sdp.NewOffer(parameters(), agreed, nil)
		require.NoError(t, err, test.name)
		require.Len(t, again.Media, len(offer.Media), test.name)
	}
}
