package sdp_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/sdp"
)

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	rtp := "m=video 9 UDP/TLS/RTP/SAVPF 96 97"
	for _, test := range []struct {
		name string
		text string
		line int // 0: not one line's fault
		want error
	}{
		{"nothing", "", 0, sdp.ErrSyntax},
		{"no times", "v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\n", 0, sdp.ErrSyntax},
		{"other version", strings.Replace(description(), "v=0", "v=1", 1), 0, sdp.ErrSyntax},
		{"lines in another order", "o=- 1 1 IN IP4 1.2.3.4\r\nv=0\r\ns=-\r\nt=0 0\r\n", 0, sdp.ErrSyntax},
		{"not SDP", description("hello"), 5, sdp.ErrSyntax},
		{"JSON", `{"type":"offer","sdp":"v=0"}`, 1, sdp.ErrSyntax},
		{"two lines in one", description(rtp, "c=IN IP4 1.2.3.4 a=mid:x"), 6, sdp.ErrSyntax},
		{"times missing", strings.Replace(description(), "t=0 0", "t=0", 1), 4, sdp.ErrSyntax},
		{"unknown line type", description("y=1"), 0, sdp.ErrSyntax},
		{"NUL", description(rtp, "a=fmtp:96 a\x00b"), 6, sdp.ErrSyntax},
		{"CR inside", description("a=x\ry"), 5, sdp.ErrSyntax},
		{"attribute without a name", description("a="), 5, sdp.ErrSyntax},
		{"attribute without a name but a value", description("a=:x"), 5, sdp.ErrSyntax},
		{"1 MB line", description("a=x:" + strings.Repeat("y", 1<<20)), 0, sdp.ErrTooLarge},
		{"long line", description("a=x:" + strings.Repeat("y", 1<<14)), 5, sdp.ErrTooLarge},
		{"10,000 m-lines", description(strings.Repeat(rtp+"\r\n", 10000)), 5 + 256, sdp.ErrTooLarge},
		{"40,000 lines", description(strings.Repeat("a=x\r\n", 40000)), 1<<15 + 1, sdp.ErrTooLarge},
		{"m-line without formats", description("m=video 9 UDP/TLS/RTP/SAVPF"), 5, sdp.ErrSyntax},
		{"port", description("m=video 65536 UDP/TLS/RTP/SAVPF 96"), 0, sdp.ErrSyntax},
		{"payload type 2^32", description("m=video 9 UDP/TLS/RTP/SAVPF 4294967296"), 5, sdp.ErrValue},
		{"payload type 128", description("m=video 9 UDP/TLS/RTP/SAVPF 128"), 5, sdp.ErrValue},
		{"payload type -1", description("m=video 9 UDP/TLS/RTP/SAVPF -1"), 5, sdp.ErrValue},
		{"payload type twice", description("m=video 9 UDP/TLS/RTP/SAVPF 96 96"), 5, sdp.ErrDuplicate},
		{"rtpmap payload type 2^32", description(rtp, "a=rtpmap:4294967296 VP8/90000"), 6, sdp.ErrValue},
		{"fmtp payload type 2^32", description(rtp, "a=fmtp:4294967392 x=1"), 6, sdp.ErrValue},
		{"rtcp-fb payload type", description(rtp, "a=rtcp-fb:x nack"), 6, sdp.ErrValue},
		{"rtpmap without value", description(rtp, "a=rtpmap"), 6, sdp.ErrValue},
		{"rtpmap without a name", description(rtp, "a=rtpmap:96"), 6, sdp.ErrValue},
		{"rtpmap without a rate", description(rtp, "a=rtpmap:96 VP8"), 6, sdp.ErrValue},
		{"rtpmap with rate 0", description(rtp, "a=rtpmap:96 VP8/0"), 6, sdp.ErrValue},
		{"rtpmap with rate 2^32", description(rtp, "a=rtpmap:96 VP8/4294967296"), 6, sdp.ErrValue},
		{"rtpmap with 256 channels", description(rtp, "a=rtpmap:96 L16/8000/256"), 6, sdp.ErrValue},
		{"rtpmap twice", description(rtp, "a=rtpmap:96 VP8/90000", "a=rtpmap:96 VP9/90000"), 7, sdp.ErrDuplicate},
		{"fmtp without value", description(rtp, "a=fmtp"), 6, sdp.ErrValue},
		{"fmtp without parameters", description(rtp, "a=fmtp:96 "), 6, sdp.ErrValue},
		{"rtcp-fb without value", description(rtp, "a=rtcp-fb:*"), 6, sdp.ErrValue},
		{"rtcp-fb for all without a type", description(rtp, "a=rtcp-fb:*  "), 6, sdp.ErrValue},
		{"rtcp-fb without end", description(rtp, strings.TrimSuffix(strings.Repeat("a=rtcp-fb:96 nack\r\n", 65), "\r\n")), 70, sdp.ErrTooLarge},
		{"extmap without value", description(rtp, "a=extmap"), 6, sdp.ErrValue},
		{"extmap 0", description(rtp, "a=extmap:0 urn:x"), 6, sdp.ErrValue},
		{"extmap 256", description(rtp, "a=extmap:256 urn:x"), 6, sdp.ErrValue},
		{"extmap 2^32+1", description(rtp, "a=extmap:4294967297 urn:x"), 6, sdp.ErrValue},
		{"extmap direction", description(rtp, "a=extmap:1/up urn:x"), 6, sdp.ErrValue},
		{"extmap twice", description(rtp, "a=extmap:1 urn:x", "a=extmap:1 urn:y"), 7, sdp.ErrDuplicate},
		{"msid without value", description(rtp, "a=msid"), 6, sdp.ErrValue},
		{"ssrc", description(rtp, "a=ssrc:4294967296 cname:x"), 6, sdp.ErrValue},
		{"ssrc-group without sources", description(rtp, "a=ssrc-group:FID"), 6, sdp.ErrValue},
		{"ssrc-group", description(rtp, "a=ssrc-group:FID 1 x"), 6, sdp.ErrValue},
		{"rid twice", description(rtp, "a=rid:a send", "a=rid:a recv"), 7, sdp.ErrDuplicate},
		{"simulcast twice", description(rtp, "a=simulcast:send a", "a=simulcast:recv a"), 7, sdp.ErrDuplicate},
		{"mid without value", description(rtp, "a=mid"), 6, sdp.ErrMID},
		{"mid of two words", description(rtp, "a=mid:a b"), 6, sdp.ErrMID},
		{"long mid", description(rtp, "a=mid:"+strings.Repeat("m", 256)), 6, sdp.ErrMID},
		{"two mids", description(rtp, "a=mid:a", "a=mid:b"), 7, sdp.ErrDuplicate},
		{"one mid twice", description(rtp, "a=mid:a", rtp, "a=mid:a"), 7, sdp.ErrDuplicate},
		{"bundled twice", description("a=group:BUNDLE a", "a=group:BUNDLE a", rtp, "a=mid:a"), 0, sdp.ErrDuplicate},
		{"group without value", description("a=group"), 5, sdp.ErrValue},
		{"many groups", description(strings.TrimSuffix(strings.Repeat("a=group:LS a\r\n", 65), "\r\n")), 69, sdp.ErrTooLarge},
		{"many mids in a group", description("a=group:LS " + numbers(257)), 5, sdp.ErrTooLarge},
		{"many rids", description(rtp, "a=rid:"+strings.ReplaceAll(strings.TrimSpace(numbers(257)), " ", " send\r\na=rid:")+" send"), 6 + 256, sdp.ErrTooLarge},
		{"short ufrag", description(rtp, "a=ice-ufrag:abc"), 6, sdp.ErrCredentials},
		{"long ufrag", description(rtp, "a=ice-ufrag:"+strings.Repeat("a", 257)), 6, sdp.ErrCredentials},
		{"ufrag with a colon", description(rtp, "a=ice-ufrag:abcd:efgh"), 6, sdp.ErrCredentials},
		{"two ufrags", description(rtp, "a=ice-ufrag:abcd", "a=ice-ufrag:efgh"), 7, sdp.ErrDuplicate},
		{"short password", description("a=ice-pwd:" + strings.Repeat("a", 21)), 5, sdp.ErrCredentials},
		{"setup", description(rtp, "a=setup:both"), 6, sdp.ErrValue},
		{"two setups", description(rtp, "a=setup:active", "a=setup:passive"), 7, sdp.ErrDuplicate},
		{"fingerprint without value", description(rtp, "a=fingerprint"), 6, sdp.ErrValue},
		{"fingerprint without digits", description(rtp, "a=fingerprint:sha-256"), 6, sdp.ErrValue},
		{"fingerprint of another length", description(rtp, "a=fingerprint:sha-256 AB:CD"), 6, sdp.ErrValue},
		{"fingerprint without colons", description(rtp, "a=fingerprint:sha-1 ABCDE"), 6, sdp.ErrValue},
		{"fingerprint not in hex", description(rtp, "a=fingerprint:sha-1 AX"), 6, sdp.ErrValue},
		{"many fingerprints", description(strings.TrimSuffix(strings.Repeat("a=fingerprint:x AB\r\n", 33), "\r\n")), 37, sdp.ErrTooLarge},
		{"many ICE options", description("a=ice-options:" + numbers(65)), 5, sdp.ErrTooLarge},
		{"tls-id without value", description(rtp, "a=tls-id"), 6, sdp.ErrValue},
		{"candidate without value", description(rtp, "a=candidate"), 6, sdp.ErrValue},
		{"sctp-port 0", description(testData, "a=sctp-port:0"), 9, sdp.ErrValue},
		{"sctp-port 65536", description(testData, "a=sctp-port:65536"), 9, sdp.ErrValue},
		{"sctpmap without value", description(testData, "a=sctpmap"), 9, sdp.ErrValue},
		{"sctpmap", description(testData, "a=sctpmap:0 webrtc-datachannel 1"), 9, sdp.ErrValue},
		{"max-message-size 2^64", description(testData, "a=max-message-size:18446744073709551616"), 9, sdp.ErrValue},
		{"max-message-size -1", description(testData, "a=max-message-size:-1"), 9, sdp.ErrValue},
		{"bandwidth", description(rtp, "b=AS:x"), 0, sdp.ErrSyntax},
	} {
		s, err := sdp.Parse(test.text)
		require.ErrorIs(t, err, test.want, test.name)
		require.Nil(t, s, test.name)
		var parseErr *sdp.ParseError
		require.ErrorAs(t, err, &parseErr, test.name)
		require.Equal(t, test.line, parseErr.Line, "%s: %v", test.name, err)
		require.Less(t, len(err.Error()), 300, test.name)
		require.NotContains(t, err.Error(), "\x00", test.name)
	}
}

func numbers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprint(&b, i, " ")
	}
	return b.String()
}

// What may be wrong without harm is read.
func TestParseTolerates(t *testing.T) {
	t.Parallel()
	rtp := "m=video 9 UDP/TLS/RTP/SAVPF 96 97"
	for _, test := range []struct {
		name, text, want string
	}{
		{"LF", strings.ReplaceAll(description(rtp, "a=mid:x"), "\r\n", "\n"), "a=mid:x\r\n"},
		{"no last line end", strings.TrimSuffix(description(rtp, "a=mid:x"), "\r\n"), "a=mid:x\r\n"},
		{"empty lines", description("", rtp, "", "a=mid:x", ""), "a=mid:x\r\n"},
		{"all optional lines", strings.Replace(description(rtp), "t=0 0", "i=x\r\nu=http://x\r\ne=x\r\np=1\r\nc=IN IP4 1.2.3.4\r\nb=AS:1\r\nt=0 0\r\nr=1 1 1\r\nz=1 1\r\nk=clear:x", 1), rtp},
		{"unknown bandwidth", description(rtp, "b=FOO:1", "b=AS:2", "b=X-Y:3"), "b=AS:2\r\nb=X-Y:3\r\n"},
		{"unknown attribute", description(rtp, "a=x y", "a=x-z:1"), "a=x y\r\na=x-z:1\r\n"},
		{"payload types not listed", description(rtp, "a=rtpmap:98 X/1", "a=fmtp:98 x", "a=rtcp-fb:98 nack", "a=mid:x"), "a=mid:x\r\n"},
		{"rid malformed", description(rtp, "a=rid:a", "a=rid:ä send", "a=rid:b up", "a=rid:c send pt=x", "a=rid:d recv ;", "a=rid:e send"), "a=rid:e send\r\n"},
		{"simulcast malformed", description(rtp, "a=simulcast:send a;;b", "a=mid:x"), "a=mid:x\r\n"},
		{"the same twice", description(rtp, "a=mid:x", "a=mid:x", "a=rtcp-mux", "a=rtcp-mux", "a=rtpmap:96 VP8/90000", "a=rtpmap:96 VP8/90000", "a=extmap:1 urn:x", "a=extmap:1 urn:x"), "a=mid:x\r\n"},
		{"two fmtp lines", description(rtp, "a=fmtp:96 a=1", "a=fmtp:96 b=2"), "a=fmtp:96 a=1;b=2\r\n"},
		{"group of unknown mids", description("a=group:BUNDLE x y", rtp, "a=mid:x"), "a=group:BUNDLE x y\r\n"},
		{"a fingerprint in lower case", description(rtp, "a=fingerprint:SHA-1 0a:ff"), "a=fingerprint:sha-1 0A:FF\r\n"},
		{"number of ports", description("m=video 9/2 UDP/TLS/RTP/SAVPF 96"), "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n"},
		{"IPv6 origin", strings.Replace(description(rtp), "IP4 127.0.0.1", "IP6 ::1", 1), "o=- 1 1 IN IP6 ::1\r\n"},
	} {
		s, err := sdp.Parse(test.text)
		require.NoError(t, err, test.name)
		require.Contains(t, s.String(), test.want, test.name)
		require.Equal(t, s, mustParse(t, s.String()), test.name)
	}
}

// An attribute at session level counts for every section without its own.
func TestSessionLevelAttributes(t *testing.T) {
	t.Parallel()
	s := mustParse(t, description(
		"a=ice-lite", "a=ice-ufrag:sess", "a=ice-pwd:sessionsessionsession0", "a=ice-options:trickle ice2",
		testFingerprint, "a=setup:passive", "a=tls-id:t", "a=recvonly", "a=extmap-allow-mixed", "a=extmap:1 urn:s", "a=x:y",
		"m=audio 9 UDP/TLS/RTP/SAVPF 0",
		"m=audio 9 UDP/TLS/RTP/SAVPF 0",
		"a=ice-ufrag:media", "a=ice-pwd:mediamediamediamediam0", "a=ice-options:x", "a=fingerprint:sha-1 AB",
		"a=setup:active", "a=tls-id:u", "a=sendonly", "a=extmap:2 urn:m",
		"m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
	))
	require.True(t, s.ICELite)
	require.Equal(t, []sdp.Attribute{{Key: "x", Value: "y"}}, s.Attributes)
	own, media, data := &s.Media[0], &s.Media[1], &s.Media[2]
	for _, m := range []*sdp.Media{own, data} {
		require.Equal(t, "sess", m.ICEUfrag)
		require.Equal(t, "sessionsessionsession0", m.ICEPwd)
		require.Equal(t, []string{"trickle", "ice2"}, m.ICEOptions)
		require.True(t, m.Fingerprints[0].Known())
		require.Equal(t, sdp.SetupPassive, m.Setup)
		require.Equal(t, "t", m.TLSID)
	}
	require.Equal(t, sdp.RecvOnly, own.Direction)
	require.Equal(t, sdp.SendRecv, data.Direction)
	require.True(t, own.ExtmapAllowMixed && media.ExtmapAllowMixed)
	require.Equal(t, []sdp.Extmap{{ID: 1, URI: "urn:s"}}, own.Extmaps)
	require.Equal(t, sdp.Transport{
		ICEUfrag: "media", ICEPwd: "mediamediamediamediam0", ICEOptions: []string{"x"},
		Fingerprints: []sdp.Fingerprint{{Algorithm: "sha-1", Value: []byte{0xab}}},
		Setup:        sdp.SetupActive, TLSID: "u",
	}, media.Transport)
	require.False(t, media.Fingerprints[0].Known())
	require.Equal(t, sdp.SendOnly, media.Direction)
	require.Equal(t, []sdp.Extmap{{ID: 2, URI: "urn:m"}}, media.Extmaps)

	// What one section takes over is its own.
	own.Fingerprints[0].Algorithm = "changed"
	require.Equal(t, "sha-256", data.Fingerprints[0].Algorithm)
}

func TestDataSectionDefaults(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		lines string
		port  uint16
		size  uint64
	}{
		{testData, 5000, 65536},
		{testData + "\r\na=sctp-port:5001\r\na=max-message-size:0", 5001, 0},
		{testData + "\r\na=max-message-size:100", 5000, 100},
		{"m=application 9 DTLS/SCTP 5002\r\na=sctpmap:5002 webrtc-datachannel 16", 5002, 65536},
	} {
		m := mustParse(t, description(test.lines)).Media[0]
		require.True(t, m.IsData(), test.lines)
		require.Equal(t, test.port, m.SCTPPort, test.lines)
		require.Equal(t, test.size, m.MaxMessageSize, test.lines)
	}
	m := mustParse(t, description("m=application 9 DTLS/SCTP 5002\r\na=sctpmap:5002 other 16")).Media[0]
	require.False(t, m.IsData())
}

// Every prefix of a description is read or refused, and neither panics.
func TestPrefixesAndCorruption(t *testing.T) {
	t.Parallel()
	text := corpus(t)["firefox-d-simulcast.offer"]
	for i := range text {
		try(t, text[:i])
	}
	text = corpus(t)["firefox-a-dc.offer-gathered"]
	for i := range text {
		for _, c := range []byte{0, '\r', '\n', ' ', ':', '=', ';', '0', 'm', 0xff} {
			try(t, text[:i]+string([]byte{c})+text[i+1:])
		}
	}
}

// tryCapabilities have a bit of everything.
var tryCapabilities = sdp.Capabilities{
	MaxSimulcast: 3,
	RTCPRsize:    true,
	RIDs:         []sdp.RID{{ID: "x"}, {ID: "y"}},
	MSIDs:        []sdp.MSID{{Stream: "s", Track: "t"}},
	Codecs: []sdp.Codec{
		{PayloadType: 111, Name: "opus", ClockRate: 48000, Channels: 2},
		{PayloadType: 63, Name: "red", ClockRate: 48000, Channels: 2, Fmtp: "111/111"},
		{PayloadType: 0, Name: "PCMU", ClockRate: 8000},
		{PayloadType: 120, Name: "VP8", ClockRate: 90000, Feedback: []sdp.Feedback{{Type: "nack"}}},
		{PayloadType: 124, Name: "rtx", ClockRate: 90000, Fmtp: "apt=120"},
		{PayloadType: 99, Name: "AV1", ClockRate: 90000},
		{PayloadType: 102, Name: "H264", ClockRate: 90000, Fmtp: "packetization-mode=1;profile-level-id=42e034"},
		{PayloadType: 122, Name: "red", ClockRate: 90000},
		{PayloadType: 119, Name: "rtx", ClockRate: 90000, Fmtp: "apt=122"},
	},
	Extmaps: []sdp.Extmap{
		{ID: 3, URI: "urn:ietf:params:rtp-hdrext:sdes:mid"},
		{ID: 9, URI: "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id", Direction: sdp.RecvOnly},
	},
}

// try reads a text as an offer, answers it, and checks what must hold for any text.
func try(t *testing.T, text string) {
	t.Helper()
	s, err := sdp.Parse(text)
	if err != nil {
		var parseErr *sdp.ParseError
		if !errors.As(err, &parseErr) {
			t.Fatalf("%q: %v is no ParseError", text, err)
		}
		return
	}
	written := s.String()
	again, err := sdp.Parse(written)
	if errors.Is(err, sdp.ErrTooLarge) {
		return // values given once for all sections are written into each
	}
	if err != nil {
		t.Fatalf("%q\nis written as\n%q\nwhich fails: %v", text, written, err)
	}
	if second := again.String(); second != written {
		t.Fatalf("%q\nis written as\n%q\nthen as\n%q", text, written, second)
	}
	accept := sdp.AcceptData(nil, s)
	for i := range s.Media {
		if m := tryCapabilities.Answer(&s.Media[i]); m != nil {
			accept[i] = m
		}
	}
	answer, err := sdp.NewAnswer(parameters(), nil, s, accept)
	if err != nil {
		return
	}
	read, err := sdp.Parse(answer.String())
	if err != nil {
		t.Fatalf("%q\nis answered with\n%q\nwhich fails: %v", text, answer, err)
	}
	agreed, err := sdp.Agree(nil, s, read, false)
	if err != nil {
		t.Fatalf("%q\nis answered with\n%q\nwhich does not agree: %v", text, answer, err)
	}
	for i := range s.Media {
		ours, ok := sdp.AgreeMedia(&read.Media[i], &s.Media[i])
		theirs, okToo := sdp.AgreeMedia(&s.Media[i], &read.Media[i])
		if ok != okToo || len(ours.Codecs) != len(theirs.Codecs) || len(ours.Send) != len(theirs.Receive) {
			t.Fatalf("%q\nis answered with\n%q\nwhich the two sides read differently", text, answer)
		}
	}
	if _, err := sdp.NewOffer(parameters(), agreed, []sdp.Media{sdp.DataSection("")}); err != nil && !errors.Is(err, sdp.ErrTooLarge) {
		t.Fatalf("%q\ncannot be followed by an offer: %v", text, err)
	}
}

func FuzzParse(f *testing.F) {
	texts := corpus(f)
	for _, name := range []string{
		"chromium-a-dc.offer", "firefox-a-dc.offer-gathered", "chromium-n-av1.offer", "firefox-d-simulcast.offer",
		"firefox-f2-stop-recycle.offer", "trial-chromium-snap-on.answer",
	} {
		f.Add(texts[name])
	}
	f.Add(description("a=ice-lite", "m=image 0/3 TCP/X *", "b=Y:1", testData, "a=rid:x send pt=1;max-width=2"))
	f.Add(description("m=audio 9 RTP/SAVPF 0 96", "a=rid:x send pt=96,0;max-width=2;y", "a=simulcast:recv x,~y;z send q"))
	f.Add(description("m=application 9 DTLS/SCTP 5000", "a=sctpmap:5000 webrtc-datachannel 1024", testFingerprint, testICE))
	f.Fuzz(func(t *testing.T, text string) { try(t, text) })
}

// FuzzAgree reads a text as the answer to our offer.
func FuzzAgree(f *testing.F) {
	want := []sdp.Media{{Kind: "audio", Codecs: []sdp.Codec{{PayloadType: 0}}}, sdp.DataSection("")}
	offer, err := sdp.NewOffer(parameters(), nil, want)
	require.NoError(f, err)
	answer, err := sdp.NewAnswer(remote(), nil, offer, sdp.AcceptData(nil, offer))
	require.NoError(f, err)
	f.Add(answer.String())
	answer, err = sdp.NewAnswer(remote(), nil, offer, []*sdp.Media{{Codecs: []sdp.Codec{{PayloadType: 0}}}, {}})
	require.NoError(f, err)
	f.Add(answer.String())
	f.Fuzz(func(t *testing.T, text string) {
		answer, err := sdp.Parse(text)
		if err != nil {
			return
		}
		agreed, err := sdp.Agree(nil, offer, answer, true)
		if err != nil {
			var mediaErr *sdp.MediaError
			require.ErrorAs(t, err, &mediaErr)
			return
		}
		require.Len(t, agreed.Lines, 2)
		if agreed.Tag < 0 {
			require.Equal(t, -1, agreed.Data.Line)
			return
		}
		require.GreaterOrEqual(t, len(agreed.Remote.ICEPwd), 22)
		require.NotEmpty(t, agreed.Remote.Fingerprints)
	})
}
