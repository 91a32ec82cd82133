package sdp_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/sdp"
)

// remote returns the parameters of the other endpoint in a test.
func remote() sdp.Parameters {
	p := parameters()
	p.SessionID, p.ICEUfrag, p.ICEPwd = 8, "theirs", "abcdefghijklmnopqrstuvwx"
	p.Fingerprints = []sdp.Fingerprint{{Algorithm: "sha-384", Value: make([]byte, 48)}}
	p.MaxMessageSize = 0
	return p
}

// round runs one offer and answer between two endpoints, through text, and returns
// what each has agreed on.
func round(t *testing.T, offerer, answerer sdp.Parameters, a, b *sdp.Agreement, want []sdp.Media) (nextA, nextB *sdp.Agreement) {
	t.Helper()
	before := fmt.Sprintf("%+v %+v", a, b)
	defer func() { require.Equal(t, before, fmt.Sprintf("%+v %+v", a, b), "an agreement was changed") }()
	offer, err := sdp.NewOffer(offerer, a, want)
	require.NoError(t, err)
	received := mustParse(t, offer.String())
	answer, err := sdp.NewAnswer(answerer, b, received, sdp.AcceptData(b, received))
	require.NoError(t, err)
	require.Empty(t, answerViolations(offer.String(), answer.String()))
	nextB, err = sdp.Agree(b, received, answer, false)
	require.NoError(t, err)
	nextA, err = sdp.Agree(a, offer, mustParse(t, answer.String()), true)
	require.NoError(t, err)
	require.Equal(t, nextA.Lines, nextB.Lines)
	require.Equal(t, nextA.Tag, nextB.Tag)
	return nextA, nextB
}

func TestOfferText(t *testing.T) {
	t.Parallel()
	offer, err := sdp.NewOffer(parameters(), nil, []sdp.Media{sdp.DataSection("")})
	require.NoError(t, err)
	want := strings.ReplaceAll(`v=0
o=- 7 1 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
a=ice-options:trickle
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=mid:0
a=ice-ufrag:ours
a=ice-pwd:0123456789abcdefghijkl
a=fingerprint:sha-256 AB`+strings.Repeat(":AB", 31)+`
a=setup:actpass
a=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host
a=end-of-candidates
a=sctp-port:5000
a=max-message-size:262144
`, "\n", "\r\n")
	require.Equal(t, want, offer.String())
	// Building it again gives the same: nothing was kept.
	again, err := sdp.NewOffer(parameters(), nil, []sdp.Media{sdp.DataSection("")})
	require.NoError(t, err)
	require.Equal(t, want, again.String())
}

func TestRounds(t *testing.T) {
	t.Parallel()
	us, them := parameters(), remote()
	a, b := round(t, us, them, nil, nil, []sdp.Media{sdp.DataSection("")})
	require.Equal(t, []sdp.Line{{
		Kind: "application", Protocol: "UDP/DTLS/SCTP", Format: "webrtc-datachannel", MID: "0",
	}}, a.Lines)
	require.Equal(t, sdp.DataAgreement{Line: 0, RemotePort: 5000, MaxMessageSize: 0}, a.Data)
	require.Equal(t, sdp.DataAgreement{Line: 0, RemotePort: 5000, MaxMessageSize: 262144}, b.Data)
	require.False(t, a.Client)
	require.True(t, b.Client)
	require.Equal(t, them.Fingerprints, a.Remote.Fingerprints)
	require.Equal(t, us.Fingerprints, b.Remote.Fingerprints)
	require.Equal(t, us.Candidates, b.Remote.Candidates)
	require.False(t, a.ICERestart)

	// The answerer offers: the section and the roles stay, whatever it prefers.
	us.Setup = sdp.SetupActive
	keep := []sdp.Media{sdp.DataSection("0")}
	b, a = round(t, them, us, b, a, keep)
	require.False(t, a.Client)
	require.True(t, b.Client)
	require.Equal(t, 0, a.Data.Line)

	// Both sides take part in an ICE restart.
	us.ICEUfrag, us.ICEPwd = "newours", "new3456789abcdefghijkl"
	offer, err := sdp.NewOffer(us, a, keep)
	require.NoError(t, err)
	accept := sdp.AcceptData(b, offer)
	require.True(t, sdp.RestartsICE(b, offer, accept))
	_, err = sdp.NewAnswer(them, b, offer, accept)
	require.NoError(t, err)
	them.ICEUfrag, them.ICEPwd = "newtheirs", "newdefghijklmnopqrstuvwx"
	a, b = round(t, us, them, a, b, keep)
	require.True(t, a.ICERestart)
	require.True(t, b.ICERestart)
	require.Equal(t, "newours", b.Remote.ICEUfrag)

	a, b = round(t, us, them, a, b, keep)
	require.False(t, a.ICERestart)
	require.False(t, b.ICERestart)

	// The data channels are given up, and taken up again under a new mid.
	a, b = round(t, us, them, a, b, nil)
	require.Equal(t, -1, a.Tag)
	require.Equal(t, -1, b.Data.Line)
	require.True(t, a.Lines[0].Rejected)
	a, b = round(t, us, them, a, b, []sdp.Media{sdp.DataSection("")})
	require.Len(t, a.Lines, 1)
	require.Equal(t, "1", a.Lines[0].MID)
	require.Equal(t, 0, b.Data.Line)
}

func TestOfferKeepsAndRecyclesLines(t *testing.T) {
	t.Parallel()
	audio := sdp.Media{Kind: "audio", Codecs: []sdp.Codec{{PayloadType: 111, Name: "opus", ClockRate: 48000, Channels: 2}}}
	video := sdp.Media{Kind: "video", Codecs: []sdp.Codec{{PayloadType: 96, Name: "VP8", ClockRate: 90000}}}
	offer, err := sdp.NewOffer(parameters(), nil, []sdp.Media{audio, video, sdp.DataSection("")})
	require.NoError(t, err)
	require.Equal(t, []sdp.Group{{Semantics: "BUNDLE", MIDs: []string{"0", "1", "2"}}}, offer.Groups)
	require.NotEmpty(t, offer.Media[0].Candidates)
	require.Empty(t, offer.Media[1].Candidates)
	require.Equal(t, "UDP/TLS/RTP/SAVPF", offer.Media[1].Protocol)
	require.True(t, offer.Media[1].RTCPMux)

	// The peer takes data channels only; the first line stays for its transport.
	answer, err := sdp.NewAnswer(remote(), nil, offer, sdp.AcceptData(nil, offer))
	require.NoError(t, err)
	agreed, err := sdp.Agree(nil, offer, answer, true)
	require.NoError(t, err)
	require.Equal(t, 0, agreed.Tag)
	require.Equal(t, 2, agreed.Data.Line)
	require.Equal(t, sdp.Inactive, answer.Media[0].Direction)
	require.True(t, agreed.Lines[1].Rejected)

	// The free video line is used for video, the audio line stays for as long as
	// others need it, and what finds no place is added.
	text := sdp.Media{Kind: "text", Protocol: "UDP/TLS/RTP/SAVPF", MID: "t", Codecs: []sdp.Codec{{PayloadType: 98, Name: "t140", ClockRate: 1000}}}
	next, err := sdp.NewOffer(parameters(), agreed, []sdp.Media{text, video, sdp.DataSection("2")})
	require.NoError(t, err)
	var mids []string
	for i := range next.Media {
		mids = append(mids, next.Media[i].MID)
	}
	require.Equal(t, []string{"0", "3", "2", "t"}, mids)
	require.Equal(t, sdp.Inactive, next.Media[0].Direction)
	require.Equal(t, []sdp.Group{{Semantics: "BUNDLE", MIDs: []string{"0", "3", "2", "t"}}}, next.Groups)
	require.NotEmpty(t, next.Media[0].Candidates)
	require.Empty(t, next.Media[1].Candidates)
	none, err := sdp.NewOffer(parameters(), agreed, nil)
	require.NoError(t, err)
	require.True(t, none.Media[0].Rejected() && none.Media[2].Rejected())
	require.Contains(t, none.String(), "a=rtpmap:96 VP8/90000\r\n", "Pion wants a codec of a rejected section")
	require.Equal(t, next.Media[1].Transport, none.Media[2].Transport, "webrtcbin wants it of a rejected section too")
	require.Equal(t, []sdp.Group{{Semantics: "BUNDLE"}}, none.Groups)
	require.Equal(t, next.String(), mustParse(t, next.String()).String())

	for name, want := range map[string][]sdp.Media{
		"two with one mid":      {sdp.DataSection("2"), sdp.DataSection("2")},
		"two new with one mid":  {text, text},
		"a line of other kind":  {{Kind: "audio", MID: "2"}},
		"a rejected line":       {{Kind: "video", MID: "1"}},
		"a mid that is no word": {{Kind: "audio", MID: "a b"}},
	} {
		_, err := sdp.NewOffer(parameters(), agreed, want)
		require.ErrorIs(t, err, sdp.ErrMID, name)
	}
}

// The browsers' own sequences of offers and answers are followed from both sides.
func TestBrowserSequences(t *testing.T) {
	t.Parallel()
	texts := corpus(t)
	for _, browser := range []string{"chromium", "firefox"} {
		prevOffer := mustParse(t, texts[browser+"-g-icerestart.prev-offer"])
		prevAnswer := mustParse(t, texts[browser+"-g-icerestart.prev-answer"])
		offer := mustParse(t, texts[browser+"-g-icerestart.offer"])
		answer := mustParse(t, texts[browser+"-g-icerestart.answer"])
		for _, weOffered := range []bool{true, false} {
			before, err := sdp.Agree(nil, prevOffer, prevAnswer, weOffered)
			require.NoError(t, err)
			require.False(t, before.ICERestart)
			after, err := sdp.Agree(before, offer, answer, weOffered)
			require.NoError(t, err)
			require.True(t, after.ICERestart, browser)
			require.Equal(t, before.Client, after.Client)
			require.Equal(t, before.Lines, after.Lines)
			if !weOffered {
				require.True(t, sdp.RestartsICE(before, offer, sdp.AcceptData(before, offer)))
				require.False(t, sdp.RestartsICE(before, prevOffer, sdp.AcceptData(before, offer)))
				// We would not follow the restart.
				_, err = sdp.Agree(before, offer, prevAnswer, false)
				require.ErrorIs(t, err, sdp.ErrRestart)
			}
			// One that restarts by itself.
			_, err = sdp.Agree(before, prevOffer, answer, weOffered)
			require.ErrorIs(t, err, sdp.ErrRestart)
		}
	}
}

// The section that speaks for the transport stays the same while it is in use, also
// where it is not the first.
func TestTagStays(t *testing.T) {
	t.Parallel()
	audio := sdp.Media{Kind: "audio", Codecs: []sdp.Codec{{PayloadType: 0}}}
	text := description(
		"a=group:BUNDLE d a", testRTP, "a=rtcp-mux", "a=setup:actpass", testFingerprint, "a=mid:a",
		testData, "a=setup:actpass", testFingerprint, "a=mid:d",
	)
	offer := mustParse(t, text)
	answer, err := sdp.NewAnswer(parameters(), nil, offer, []*sdp.Media{{Codecs: audio.Codecs}, {}})
	require.NoError(t, err)
	require.Equal(t, []sdp.Group{{Semantics: "BUNDLE", MIDs: []string{"d", "a"}}}, answer.Groups)
	agreed, err := sdp.Agree(nil, offer, answer, false)
	require.NoError(t, err)
	require.Equal(t, 1, agreed.Tag)
	audio.MID = "a"
	again, err := sdp.NewOffer(parameters(), agreed, []sdp.Media{audio, sdp.DataSection("d")})
	require.NoError(t, err)
	require.Equal(t, answer.Groups, again.Groups)
	require.Empty(t, again.Media[0].Candidates)
	require.NotEmpty(t, again.Media[1].Candidates)
}

func TestAgreeRefuses(t *testing.T) {
	t.Parallel()
	audio := sdp.Media{Kind: "audio", Codecs: []sdp.Codec{{PayloadType: 0}}}
	offer, err := sdp.NewOffer(parameters(), nil, []sdp.Media{audio, sdp.DataSection("")})
	require.NoError(t, err)
	accept := []*sdp.Media{{Codecs: []sdp.Codec{{PayloadType: 0}}}, {}}
	good, err := sdp.NewAnswer(remote(), nil, offer, accept)
	require.NoError(t, err)
	agreed, err := sdp.Agree(nil, offer, good, true)
	require.NoError(t, err)
	require.Equal(t, 0, agreed.Tag)
	require.Equal(t, 1, agreed.Data.Line)

	for _, test := range []struct {
		name  string
		alter func(s *sdp.Session)
		want  error
	}{
		{"an m-line too few", func(s *sdp.Session) { s.Media = s.Media[:1] }, sdp.ErrMLines},
		{"an m-line too many", func(s *sdp.Session) { s.Media = append(s.Media, s.Media[1]) }, sdp.ErrMLines},
		{"m-lines in another order", func(s *sdp.Session) { slices.Reverse(s.Media) }, sdp.ErrMLines},
		{"another mid", func(s *sdp.Session) { s.Media[0].MID = "x" }, sdp.ErrMID},
		{"mids exchanged", func(s *sdp.Session) { s.Media[0].MID, s.Media[1].MID = "1", "0" }, sdp.ErrMID},
		{"profile not SAVPF", func(s *sdp.Session) { s.Media[0].Protocol = "RTP/AVP" }, sdp.ErrProtocol},
		{"not for data channels", func(s *sdp.Session) { s.Media[1].Formats = []string{"x"} }, sdp.ErrProtocol},
		{"no rtcp-mux", func(s *sdp.Session) { s.Media[0].RTCPMux = false }, sdp.ErrRTCPMux},
		{"no bundle", func(s *sdp.Session) { s.Groups = nil }, sdp.ErrNotBundled},
		{"bundle of one", func(s *sdp.Session) { s.Groups[0].MIDs = []string{"0"} }, sdp.ErrNotBundled},
		{"setup actpass", func(s *sdp.Session) { s.Media[0].Setup = sdp.SetupActpass }, sdp.ErrSetup},
		{"setup holdconn", func(s *sdp.Session) { s.Media[0].Setup = sdp.SetupHoldconn }, sdp.ErrSetup},
		{"no fingerprint", func(s *sdp.Session) { s.Media[0].Fingerprints = nil }, sdp.ErrFingerprint},
		{"unknown hash", func(s *sdp.Session) {
			s.Media[0].Fingerprints = []sdp.Fingerprint{{Algorithm: "md5", Value: make([]byte, 16)}}
		}, sdp.ErrFingerprint},
		{"no ufrag", func(s *sdp.Session) { s.Media[0].ICEUfrag = "" }, sdp.ErrCredentials},
		{"short ufrag", func(s *sdp.Session) { s.Media[0].ICEUfrag = "abc" }, sdp.ErrCredentials},
		{"long ufrag", func(s *sdp.Session) { s.Media[0].ICEUfrag = strings.Repeat("a", 257) }, sdp.ErrCredentials},
		{"short password", func(s *sdp.Session) { s.Media[0].ICEPwd = strings.Repeat("a", 21) }, sdp.ErrCredentials},
		{"long password", func(s *sdp.Session) { s.Media[0].ICEPwd = strings.Repeat("a", 257) }, sdp.ErrCredentials},
	} {
		answer := mustParse(t, good.String())
		test.alter(answer)
		_, err := sdp.Agree(nil, offer, answer, true)
		require.ErrorIs(t, err, test.want, test.name)
		var mediaErr *sdp.MediaError
		require.ErrorAs(t, err, &mediaErr, test.name)
		require.NotEmpty(t, err.Error())
	}

	for _, test := range []struct {
		name  string
		alter func(s *sdp.Session)
		want  error
	}{
		{"certificate changed", func(s *sdp.Session) {
			s.Media[0].Fingerprints = parameters().Fingerprints
		}, sdp.ErrNewPeer},
		{"restart of its own", func(s *sdp.Session) { s.Media[0].ICEUfrag = "changed" }, sdp.ErrRestart},
	} {
		answer := mustParse(t, good.String())
		test.alter(answer)
		_, err := sdp.Agree(agreed, offer, answer, true)
		require.ErrorIs(t, err, test.want, test.name)
	}

	// The answer that nothing is wrong with is accepted again.
	same, err := sdp.Agree(agreed, offer, good, true)
	require.NoError(t, err)
	require.False(t, same.ICERestart || same.NewTransport)

	// A role named anew changes nothing while the certificate stays.
	renamed := mustParse(t, good.String())
	renamed.Media[0].Setup = sdp.SetupPassive
	same, err = sdp.Agree(agreed, offer, renamed, true)
	require.NoError(t, err)
	require.Equal(t, agreed.Client, same.Client)

	// A first section that goes takes the transport along.
	stopped := mustParse(t, offer.String())
	stopped.Media[0].Port, stopped.Groups[0].MIDs = 0, []string{"1"}
	theirs, err := sdp.Agree(nil, offer, good, false)
	require.NoError(t, err)
	moved, err := sdp.NewAnswer(remote(), theirs, stopped, []*sdp.Media{nil, {}})
	require.NoError(t, err)
	require.True(t, moved.Media[0].Rejected())
	next, err := sdp.Agree(agreed, stopped, moved, true)
	require.NoError(t, err)
	require.Equal(t, 1, next.Tag)
	require.True(t, next.NewTransport)

	// Setup does not matter where the transport of another section is used.
	answer := mustParse(t, good.String())
	answer.Media[1].Setup = sdp.SetupActpass
	_, err = sdp.Agree(nil, offer, answer, true)
	require.NoError(t, err)

	// A second fingerprint may be of any kind.
	answer.Media[0].Fingerprints = append(answer.Media[0].Fingerprints, sdp.Fingerprint{Algorithm: "md2"})
	again, err := sdp.Agree(agreed, offer, answer, true)
	require.NoError(t, err)
	require.Len(t, again.Remote.Fingerprints, 2)
}

func TestAnswerRefuses(t *testing.T) {
	t.Parallel()
	us, them := parameters(), remote()
	a, _ := round(t, us, them, nil, nil, []sdp.Media{sdp.DataSection("")})
	good, err := sdp.NewOffer(them, nil, []sdp.Media{sdp.DataSection("")})
	require.NoError(t, err)
	for _, test := range []struct {
		name   string
		agreed *sdp.Agreement
		alter  func(s *sdp.Session)
		want   error
	}{
		{"setup holdconn", nil, func(s *sdp.Session) { s.Media[0].Setup = sdp.SetupHoldconn }, sdp.ErrSetup},
		{"no fingerprint", nil, func(s *sdp.Session) { s.Media[0].Fingerprints = nil }, sdp.ErrFingerprint},
		{"no password", nil, func(s *sdp.Session) { s.Media[0].ICEPwd = "" }, sdp.ErrCredentials},
		{"line gone", a, func(s *sdp.Session) { s.Media = nil }, sdp.ErrMLines},
		{"line of another kind", a, func(s *sdp.Session) { s.Media[0].Kind = "audio" }, sdp.ErrMLines},
		{"mid changed", a, func(s *sdp.Session) { s.Media[0].MID = "9" }, sdp.ErrMID},
		{"role taken over", a, func(s *sdp.Session) { s.Media[0].Setup = sdp.SetupPassive }, sdp.ErrRoleChanged},
	} {
		offer := mustParse(t, good.String())
		test.alter(offer)
		_, err := sdp.NewAnswer(us, test.agreed, offer, sdp.AcceptData(test.agreed, offer))
		require.ErrorIs(t, err, test.want, test.name)
	}
}

func TestParametersAreChecked(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		alter func(p *sdp.Parameters)
		want  error
	}{
		{"no credentials", func(p *sdp.Parameters) { p.ICEUfrag = "" }, sdp.ErrCredentials},
		{"line end in the password", func(p *sdp.Parameters) { p.ICEPwd += "\r\na=ice-lite" }, sdp.ErrCredentials},
		{"no fingerprint", func(p *sdp.Parameters) { p.Fingerprints = nil }, sdp.ErrFingerprint},
		{"setup", func(p *sdp.Parameters) { p.Setup = sdp.SetupActpass }, sdp.ErrParameters},
		{"candidate with a=", func(p *sdp.Parameters) { p.Candidates = []string{"a=candidate:1"} }, sdp.ErrParameters},
		{"candidate of two lines", func(p *sdp.Parameters) { p.Candidates = []string{"candidate:1\nx"} }, sdp.ErrParameters},
	} {
		p := parameters()
		test.alter(&p)
		_, err := sdp.NewOffer(p, nil, []sdp.Media{sdp.DataSection("")})
		require.ErrorIs(t, err, test.want, test.name)
		_, err = sdp.NewAnswer(p, nil, &sdp.Session{}, nil)
		require.ErrorIs(t, err, test.want, test.name)
	}
}
