package sdp_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/sdp"
)

// capabilitiesOf takes a section as what its endpoint can do.
func capabilitiesOf(m *sdp.Media) *sdp.Capabilities {
	c := &sdp.Capabilities{
		Codecs: m.Codecs, Extmaps: slices.Clone(m.Extmaps), RTCPRsize: m.RTCPRsize,
		MSIDs: []sdp.MSID{{Stream: "s", Track: "t"}},
	}
	return c
}

func payloadTypes(codecs []sdp.Codec) []int {
	var pts []int
	for _, c := range codecs {
		pts = append(pts, int(c.PayloadType))
	}
	slices.Sort(pts)
	return pts
}

// One browser's capabilities, taken from its own offer, answer the other's offer
// with the codecs, feedback and extensions with which it did answer.
func TestAnswersAsTheBrowserDid(t *testing.T) {
	t.Parallel()
	texts := corpus(t)
	sections := 0
	for _, pair := range []struct{ from, to string }{{"chromium", "firefox"}, {"firefox", "chromium"}} {
		own := mustParse(t, texts[pair.to+"-b-av.offer"])
		for _, test := range []string{"av", "many"} {
			name := "x-" + pair.from + "-to-" + pair.to + "-" + test
			offer, answer := mustParse(t, texts[name+".offer"]), mustParse(t, texts[name+".answer"])
			for i := range offer.Media {
				m := &offer.Media[i]
				if m.IsData() {
					continue
				}
				k := slices.IndexFunc(own.Media, func(o sdp.Media) bool { return o.Kind == m.Kind })
				got, want := capabilitiesOf(&own.Media[k]).Answer(m), &answer.Media[i]
				where := fmt.Sprintf("%s m-line %d", name, i)
				require.NotNil(t, got, where)
				sections++
				if m.Direction != sdp.SendRecv {
					// Firefox has no redundancy in sections that only send.
					got.Codecs = withoutRedundancy(got.Codecs)
					want.Codecs = withoutRedundancy(want.Codecs)
				}
				require.Equal(t, payloadTypes(want.Codecs), payloadTypes(got.Codecs), where)
				for _, c := range got.Codecs {
					w := want.Codecs[slices.IndexFunc(want.Codecs, func(w sdp.Codec) bool { return w.PayloadType == c.PayloadType })]
					require.ElementsMatch(t, w.Feedback, c.Feedback, "%s %s", where, c.Name)
					require.True(t, strings.EqualFold(w.Name, c.Name), where)
				}
				for k := range got.Extmaps {
					if pair.to == "chromium" { // never writes the direction of one
						got.Extmaps[k].Direction = sdp.SendRecv
					}
				}
				require.ElementsMatch(t, want.Extmaps, got.Extmaps, where)
				require.Equal(t, want.RTCPRsize, got.RTCPRsize, where)
				require.Equal(t, want.ExtmapAllowMixed, got.ExtmapAllowMixed, where)
			}
		}
	}
	require.Equal(t, 12, sections)
}

func withoutRedundancy(codecs []sdp.Codec) []sdp.Codec {
	redundant := make(map[uint8]bool)
	for _, c := range codecs {
		redundant[c.PayloadType] = c.Repair() && !c.Is("rtx")
	}
	return slices.DeleteFunc(slices.Clone(codecs), func(c sdp.Codec) bool {
		apt, ok := c.AssociatedPayloadType()
		return redundant[c.PayloadType] || ok && redundant[apt]
	})
}

// mirror is an agreement as the other side sees it.
func mirror(a sdp.MediaAgreement) sdp.MediaAgreement {
	b := a
	b.Direction = a.Direction.Reverse()
	b.Codecs = slices.Clone(a.Codecs)
	for i := range b.Codecs {
		b.Codecs[i].Send, b.Codecs[i].Receive = b.Codecs[i].Receive, b.Codecs[i].Send
	}
	b.Extensions = slices.Clone(a.Extensions)
	for i := range b.Extensions {
		b.Extensions[i].Send, b.Extensions[i].Receive = b.Extensions[i].Receive, b.Extensions[i].Send
	}
	b.Send, b.Receive = a.Receive, a.Send
	return b
}

func requireMirrored(t *testing.T, a, b sdp.MediaAgreement, where string) {
	t.Helper()
	m := mirror(b)
	require.Equal(t, a.Direction, m.Direction, where)
	require.Equal(t, a.RTCPRsize, m.RTCPRsize, where)
	byPT := func(x, y sdp.AgreedCodec) int { return int(x.Send.PayloadType) - int(y.Send.PayloadType) }
	strip := func(codecs []sdp.AgreedCodec) []sdp.AgreedCodec {
		codecs = slices.Clone(codecs)
		slices.SortFunc(codecs, byPT)
		for i := range codecs {
			codecs[i].Name = strings.ToLower(codecs[i].Name)
			codecs[i].Channels = max(codecs[i].Channels, 1)
			codecs[i].Feedback = slices.Clone(codecs[i].Feedback)
			slices.SortFunc(codecs[i].Feedback, func(f, g sdp.Feedback) int { return strings.Compare(f.String(), g.String()) })
		}
		return codecs
	}
	require.Equal(t, strip(a.Codecs), strip(m.Codecs), where)
	require.ElementsMatch(t, a.Extensions, m.Extensions, where)
	require.Equal(t, len(a.Send), len(m.Send), where)
	require.Equal(t, len(a.Receive), len(m.Receive), where)
}

// Every pair of real descriptions agrees on something, and both sides on the same.
func TestBrowsersAgreeOnMedia(t *testing.T) {
	t.Parallel()
	texts := corpus(t)
	sections := 0
	for name, text := range texts {
		offerText, ok := texts[offerOf(name)]
		if !ok {
			continue
		}
		offer, answer := mustParse(t, offerText), mustParse(t, text)
		for i := range offer.Media {
			o, a := &offer.Media[i], &answer.Media[i]
			if o.IsData() || a.Port == 0 {
				continue
			}
			sections++
			where := fmt.Sprintf("%s m-line %d", name, i)
			ours, ok := sdp.AgreeMedia(o, a)
			require.True(t, ok, where)
			theirs, ok := sdp.AgreeMedia(a, o)
			require.True(t, ok, where)
			requireMirrored(t, ours, theirs, where)

			// Nothing of the answer is left over: browsers answer with the payload
			// types and identifiers of the offer.
			known := 0
			for _, c := range ours.Codecs {
				require.Equal(t, c.Send.PayloadType, c.Receive.PayloadType, where)
				require.Equal(t, c.Send.RTX, c.Receive.RTX, where)
				known++
				if c.Send.RTX != 0 {
					known++
				}
			}
			require.Equal(t, len(a.Codecs), known, where)
			if !strings.Contains(name, "firefox-d2") { // edited: both sides only send some
				require.Equal(t, len(a.Extmaps), len(ours.Extensions), where)
			}
			require.Equal(t, strings.Contains(name, "d2-sim"), ours.Send != nil, where)
			if ours.Send != nil {
				require.Equal(t, [][]sdp.AgreedRID{{{ID: "q"}}, {{ID: "h"}}, {{ID: "f"}}}, ours.Send, where)
			}
		}
	}
	require.Greater(t, sections, 200)
}

// Every offer of a browser is answered with the whole of what we might do; the
// answer keeps the rules, and both sides agree.
func TestMediaAnswerToEveryBrowserOffer(t *testing.T) {
	t.Parallel()
	texts := corpus(t)
	own := map[string]*sdp.Capabilities{}
	for _, m := range mustParse(t, texts["chromium-c-recvonly.offer"]).Media {
		own[m.Kind] = capabilitiesOf(&m)
		own[m.Kind].MaxSimulcast = 3
		own[m.Kind].RTCPRsize = true
	}
	// Which Chromium had no hardware for.
	own["video"].Codecs = append(own["video"].Codecs, sdp.Codec{PayloadType: 51, Name: "H265", ClockRate: 90000})
	for name, text := range texts {
		if !isOffer(name) {
			continue
		}
		offer := mustParse(t, text)
		accept := sdp.AcceptData(nil, offer)
		for i := range offer.Media {
			if c := own[offer.Media[i].Kind]; c != nil && !offer.Media[i].IsData() {
				accept[i] = c.Answer(&offer.Media[i])
				require.NotNil(t, accept[i], "%s m-line %d", name, i)
			}
		}
		before := offer.String()
		answer, err := sdp.NewAnswer(parameters(), nil, offer, accept)
		require.NoError(t, err, name)
		require.Equal(t, before, offer.String(), name)
		require.Empty(t, answerViolations(text, answer.String()), "%s\n%s", name, answer)
		read := mustParse(t, answer.String())
		_, err = sdp.Agree(nil, offer, read, false)
		require.NoError(t, err, name)
		for i := range offer.Media {
			o, a := &offer.Media[i], &read.Media[i]
			require.Equal(t, o.Rejected(), a.Port == 0, "%s m-line %d", name, i)
			if o.IsData() || o.Rejected() {
				continue
			}
			where := fmt.Sprintf("%s m-line %d", name, i)
			ours, ok := sdp.AgreeMedia(a, o)
			require.True(t, ok, where)
			theirs, ok := sdp.AgreeMedia(o, a)
			require.True(t, ok, where)
			requireMirrored(t, ours, theirs, where)
			require.Equal(t, len(o.Simulcast.Send), len(ours.Receive), where)
			require.Equal(t, o.Direction.Reverse(), ours.Direction, where)
			require.Equal(t, ours.Direction.Sends(), len(a.MSIDs) > 0, where)
		}
	}
}

func TestCodecMatches(t *testing.T) {
	t.Parallel()
	video := func(name, fmtp string) sdp.Codec {
		return sdp.Codec{Name: name, ClockRate: 90000, Fmtp: fmtp}
	}
	for _, test := range []struct {
		a, b sdp.Codec
		want bool
	}{
		{video("VP8", ""), video("vp8", "max-fs=12288;max-fr=60"), true},
		{video("VP8", ""), video("VP9", ""), false},
		{video("VP8", ""), sdp.Codec{Name: "VP8", ClockRate: 8000}, false},
		{video("", ""), video("", ""), false},
		{video("VP9", ""), video("VP9", "profile-id=0"), true},
		{video("VP9", "profile-id=2"), video("VP9", "profile-id=0"), false},
		{video("AV1", ""), video("AV1", "level-idx=5;profile=0;tier=0"), true},
		{video("AV1", "level-idx=8;tier=1"), video("AV1", "level-idx=5"), true},
		{video("AV1", "profile=1"), video("AV1", "profile=0"), false},
		// Ways to write constrained baseline, of any level.
		{video("H264", "profile-level-id=42e01f"), video("H264", "profile-level-id=42E034"), true},
		{video("H264", "profile-level-id=42e01f"), video("H264", "profile-level-id=42c01f"), true},
		{video("H264", "profile-level-id=42e01f"), video("H264", "profile-level-id=4d801f"), true},
		{video("H264", "profile-level-id=42e01f"), video("H264", "profile-level-id=58c01f"), true},
		{video("H264", "profile-level-id=42e01f"), video("H264", "profile-level-id=42001f"), false},
		{video("H264", "profile-level-id=42001f"), video("H264", "profile-level-id=58801f"), true},
		{video("H264", ""), video("H264", "profile-level-id=42001f"), true},
		{video("H264", ""), video("H264", "profile-level-id=42e01f"), false},
		{video("H264", "profile-level-id=4d001f"), video("H264", "profile-level-id=4d0028"), true},
		{video("H264", "profile-level-id=4d001f"), video("H264", "profile-level-id=42001f"), false},
		{video("H264", "profile-level-id=64001f"), video("H264", "profile-level-id=640c1f"), false},
		{video("H264", "profile-level-id=64001f"), video("H264", "profile-level-id=640028"), true},
		{video("H264", "profile-level-id=f4001f"), video("H264", "profile-level-id=64001f"), false},
		{video("H264", "profile-level-id=x"), video("H264", "profile-level-id=x"), false},
		{video("H264", "packetization-mode=1"), video("H264", ""), false},
		{video("H264", "packetization-mode=0"), video("H264", ""), true},
		{video("H264", " Packetization-Mode = 1 ;x"), video("H264", "packetization-mode=1"), true},
		{video("H265", ""), video("H265", "profile-id=1;tier-flag=0;level-id=93;tx-mode=SRST"), true},
		{video("H265", "level-id=180"), video("H265", "level-id=93"), true},
		{video("H265", "profile-id=2"), video("H265", ""), false},
		{video("H265", "tier-flag=1"), video("H265", ""), false},
		{video("H265", "tx-mode=MRST"), video("H265", "tx-mode=srst"), false},
		{video("rtx", "apt=96"), video("rtx", "apt=96"), false},
		{sdp.Codec{Name: "opus", ClockRate: 48000, Channels: 2}, sdp.Codec{Name: "opus", ClockRate: 48000}, false},
		{sdp.Codec{Name: "G722", ClockRate: 8000, Channels: 1}, sdp.Codec{Name: "G722", ClockRate: 8000}, true},
		{sdp.Codec{Name: "telephone-event", ClockRate: 8000}, sdp.Codec{Name: "telephone-event", ClockRate: 48000}, false},
	} {
		require.Equal(t, test.want, test.a.Matches(&test.b), "%v and %v", test.a, test.b)
		require.Equal(t, test.want, test.b.Matches(&test.a), "%v and %v", test.b, test.a)
	}
}

// The offerer receives under its payload types and sends under those of the answer.
func TestPayloadTypesPerDirection(t *testing.T) {
	t.Parallel()
	vp8 := sdp.Codec{PayloadType: 96, Name: "VP8", ClockRate: 90000, Feedback: []sdp.Feedback{{Type: "nack"}, {Type: "goog-remb"}}}
	h264 := sdp.Codec{PayloadType: 98, Name: "H264", ClockRate: 90000, Fmtp: "packetization-mode=1;profile-level-id=42e01f;level-asymmetry-allowed=1"}
	local := sdp.Media{Protocol: "UDP/TLS/RTP/SAVPF", Codecs: []sdp.Codec{vp8, vp8.RTX(97), h264, h264.RTX(99)}}
	remoteVP8, remoteH264 := vp8, h264
	remoteVP8.PayloadType, remoteVP8.Feedback = 120, []sdp.Feedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}}
	remoteH264.PayloadType, remoteH264.Fmtp = 126, "packetization-mode=1;profile-level-id=42e034"
	remote := sdp.Media{Protocol: "UDP/TLS/RTP/SAVPF", Direction: sdp.RecvOnly, Codecs: []sdp.Codec{remoteH264, remoteVP8, remoteVP8.RTX(124)}}
	agreed, ok := sdp.AgreeMedia(&local, &remote)
	require.True(t, ok)
	require.Equal(t, sdp.MediaAgreement{Direction: sdp.SendOnly, Codecs: []sdp.AgreedCodec{
		{
			Name: "H264", ClockRate: 90000,
			Send:    sdp.PayloadFormat{PayloadType: 126, Fmtp: remoteH264.Fmtp},
			Receive: sdp.PayloadFormat{PayloadType: 98, Fmtp: h264.Fmtp},
		},
		{
			Name: "VP8", ClockRate: 90000,
			Send:     sdp.PayloadFormat{PayloadType: 120, RTX: 124},
			Receive:  sdp.PayloadFormat{PayloadType: 96, RTX: 97},
			Feedback: []sdp.Feedback{{Type: "nack"}},
		},
	}}, agreed)

	// The other side, as answerer, takes the payload types of the offer.
	c := sdp.Capabilities{Codecs: remote.Codecs, Direction: sdp.RecvOnly}
	answer := c.Answer(&local)
	require.Equal(t, []int{96, 97, 98}, payloadTypes(answer.Codecs))
	require.Equal(t, "H264", answer.Codecs[0].Name, "the local order is kept")
	require.Equal(t, "packetization-mode=1;profile-level-id=42e01f", answer.Codecs[0].Fmtp, "the lower level")
	require.Equal(t, "apt=96", answer.Codecs[2].Fmtp)

	for name, codecs := range map[string][]sdp.Codec{
		"other codecs":     {{PayloadType: 100, Name: "X", ClockRate: 90000}},
		"RTX alone":        {vp8.RTX(97)},
		"an RTCP type":     {{PayloadType: 72, Name: "VP8", ClockRate: 90000}},
		"RTX of something": {{PayloadType: 97, Name: "rtx", ClockRate: 90000, Fmtp: "apt=x"}},
	} {
		require.Nil(t, c.Answer(&sdp.Media{Protocol: "UDP/TLS/RTP/SAVPF", Codecs: codecs}), name)
		_, ok := sdp.AgreeMedia(&remote, &sdp.Media{Codecs: codecs})
		require.False(t, ok, name)
	}
	require.Nil(t, c.Answer(&sdp.Media{Kind: "application", Protocol: "UDP/DTLS/SCTP"}))
}

func TestH264AnswerLevel(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ local, offered, want string }{
		{"profile-level-id=42e01f", "profile-level-id=42e034", "profile-level-id=42e01f"},
		{"profile-level-id=42e034", "profile-level-id=42e01f", "profile-level-id=42e01f"},
		{"a=1;profile-level-id=42e034;b=2", "profile-level-id=42e01f", "a=1;b=2;profile-level-id=42e01f"},
		{"profile-level-id=42e034;level-asymmetry-allowed=1", "profile-level-id=42e01f", "level-asymmetry-allowed=1;profile-level-id=42e01f"},
		{"profile-level-id=42e034;level-asymmetry-allowed=1", "profile-level-id=42e01f;level-asymmetry-allowed=1", "profile-level-id=42e034;level-asymmetry-allowed=1"},
		// 1b lies between 1 and 1.1.
		{"profile-level-id=42e00b", "profile-level-id=42f00b", "profile-level-id=42f00b"},
		{"profile-level-id=42f00b", "profile-level-id=42e00b", "profile-level-id=42f00b"},
		{"profile-level-id=42f00b", "profile-level-id=42e00a", "profile-level-id=42e00a"},
	} {
		codec := func(pt uint8, fmtp string) sdp.Codec {
			return sdp.Codec{PayloadType: pt, Name: "H264", ClockRate: 90000, Fmtp: fmtp}
		}
		c := sdp.Capabilities{Codecs: []sdp.Codec{codec(96, test.local)}}
		answer := c.Answer(&sdp.Media{Protocol: "UDP/TLS/RTP/SAVPF", Codecs: []sdp.Codec{codec(100, test.offered)}})
		require.NotNil(t, answer)
		require.Equal(t, codec(100, test.want), answer.Codecs[0], "%s answering %s", test.local, test.offered)
	}
}

func TestExtmapAnswer(t *testing.T) {
	t.Parallel()
	opus := []sdp.Codec{{PayloadType: 111, Name: "opus", ClockRate: 48000, Channels: 2}}
	c := sdp.Capabilities{Codecs: opus, Extmaps: []sdp.Extmap{
		{ID: 1, URI: "both"}, {ID: 2, URI: "send", Direction: sdp.SendOnly}, {ID: 3, URI: "receive", Direction: sdp.RecvOnly},
		{ID: 4, URI: "high"}, {ID: 5, URI: "attributes", Attributes: "x"},
	}}
	offered := sdp.Media{Protocol: "UDP/TLS/RTP/SAVPF", Codecs: opus, Extmaps: []sdp.Extmap{
		{ID: 9, URI: "send"}, {ID: 4100, URI: "high"}, {ID: 1, URI: "unknown"}, {ID: 15, URI: "both"}, {ID: 7, URI: "attributes"},
		{ID: 8, URI: "receive", Direction: sdp.SendOnly}, {ID: 200, URI: "both", Direction: sdp.RecvOnly},
		{ID: 10, URI: "send", Direction: sdp.SendOnly},
	}}
	answer := c.Answer(&offered)
	require.Equal(t, []sdp.Extmap{
		{ID: 9, URI: "send", Direction: sdp.SendOnly}, {ID: 2, URI: "high"},
		{ID: 8, URI: "receive", Direction: sdp.RecvOnly}, {ID: 200, URI: "both", Direction: sdp.SendOnly},
	}, answer.Extmaps)
	agreed, ok := sdp.AgreeMedia(answer, &offered)
	require.True(t, ok)
	require.Equal(t, []sdp.AgreedExtension{
		{URI: "send", ID: 9, Send: true}, {URI: "high", ID: 2, Send: true, Receive: true},
		{URI: "receive", ID: 8, Receive: true}, {URI: "both", ID: 200, Send: true},
	}, agreed.Extensions)
	other, ok := sdp.AgreeMedia(&offered, answer)
	require.True(t, ok)
	requireMirrored(t, agreed, other, "extensions")
	// An answer that changes an identifier does not count.
	answer.Extmaps[0].ID = 11
	agreed, _ = sdp.AgreeMedia(&offered, answer)
	require.Len(t, agreed.Extensions, 3)
}

func TestSimulcastAnswer(t *testing.T) {
	t.Parallel()
	vp8 := sdp.Codec{PayloadType: 96, Name: "VP8", ClockRate: 90000}
	offered := mustParse(t, description(
		"m=video 9 UDP/TLS/RTP/SAVPF 96 98", "a=rtpmap:96 VP8/90000", "a=rtpmap:98 X/90000", "a=rtcp-mux",
		"a=rid:a send pt=96,98;max-width=1280", "a=rid:b send", "a=rid:c send pt=98", "a=rid:d send max-wonder=1",
		"a=rid:e recv", "a=rid:f recv max-br=1000",
		"a=simulcast:send a,~b;c;d;nobody;b recv e;f",
	)).Media[0]
	c := sdp.Capabilities{Codecs: []sdp.Codec{vp8}, MaxSimulcast: 4, RIDs: []sdp.RID{{ID: "f"}, {ID: "g"}}}
	answer := c.Answer(&offered)
	require.Equal(t, []sdp.RID{
		{ID: "a", Recv: true, PayloadTypes: []uint8{96}, Restrictions: []sdp.Parameter{{Key: "max-width", Value: "1280"}}},
		{ID: "b", Recv: true}, {ID: "f", Restrictions: []sdp.Parameter{{Key: "max-br", Value: "1000"}}},
	}, answer.RIDs)
	require.Equal(t, sdp.Simulcast{
		Send: [][]sdp.SimulcastRID{{{ID: "f"}}},
		Recv: [][]sdp.SimulcastRID{{{ID: "a"}, {ID: "b", Paused: true}}},
	}, answer.Simulcast)
}

// An offer asks for encodings, and an answer may want fewer than are offered. A RID has one
// direction.
func TestSimulcastWanted(t *testing.T) {
	t.Parallel()
	vp8 := sdp.Codec{PayloadType: 96, Name: "VP8", ClockRate: 90000}
	offerer := sdp.Capabilities{
		Codecs: []sdp.Codec{vp8}, RIDs: []sdp.RID{{ID: "a"}, {ID: "b"}},
		Receiving: [][]sdp.AgreedRID{{{ID: "b"}}, {{ID: "c", Paused: true, Restrictions: []sdp.Parameter{{Key: "max-width", Value: "640"}}}}},
	}
	offer := offerer.Offer("video", "0")
	require.Equal(t, sdp.Simulcast{
		Send: [][]sdp.SimulcastRID{{{ID: "a"}}},
		Recv: [][]sdp.SimulcastRID{{{ID: "b"}}, {{ID: "c", Paused: true}}},
	}, offer.Simulcast)
	require.Equal(t, []sdp.RID{
		{ID: "b", Recv: true}, {ID: "c", Recv: true, Restrictions: []sdp.Parameter{{Key: "max-width", Value: "640"}}}, {ID: "a"},
	}, offer.RIDs)

	offerer = sdp.Capabilities{Codecs: []sdp.Codec{vp8}, RIDs: []sdp.RID{{ID: "a"}, {ID: "b"}, {ID: "c"}}}
	offer = offerer.Offer("video", "0")
	for want, accepted := range map[string][]string{"a;b;c": nil, "b": {"x", "b"}, "": {}} {
		answerer := sdp.Capabilities{Codecs: []sdp.Codec{vp8}, MaxSimulcast: 3, RecvRIDs: accepted}
		answer := answerer.Answer(&offer)
		var got []string
		for _, alternatives := range answer.Simulcast.Recv {
			got = append(got, alternatives[0].ID)
		}
		require.Equal(t, want, strings.Join(got, ";"))
	}
}

// An answer wants the extended reports that were offered and that it knows.
func TestExtendedReports(t *testing.T) {
	t.Parallel()
	opus := sdp.Codec{PayloadType: 111, Name: "opus", ClockRate: 48000, Channels: 2}
	c := sdp.Capabilities{Codecs: []sdp.Codec{opus}, RTCPXR: []string{"rcvr-rtt=all"}}
	offer := c.Offer("audio", "0")
	require.Equal(t, []string{"rcvr-rtt=all"}, offer.RTCPXR)
	for line, want := range map[string][]string{
		"": nil, "a=rtcp-xr": nil, "a=rtcp-xr:voip-metrics": nil, "a=rtcp-xr:rcvr-rtt=all": {"rcvr-rtt=all"},
		"a=rtcp-xr:pkt-loss-rle rcvr-rtt=sender:100 voip-metrics": {"rcvr-rtt=sender:100"},
	} {
		lines := []string{"m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=rtpmap:111 opus/48000/2", "a=rtcp-mux"}
		if line != "" {
			lines = append(lines, line)
		}
		s := mustParse(t, description(lines...))
		require.Equal(t, want, c.Answer(&s.Media[0]).RTCPXR, line)
		require.Equal(t, s, mustParse(t, s.String()))
	}
}
