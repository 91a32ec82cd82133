package interop

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/dtls"
	"github.com/sansrtc/rtc/internal/interop/browser"
	"github.com/sansrtc/rtc/internal/interop/netns"
	"github.com/sansrtc/rtc/sctp"
)

func TestChromium(t *testing.T) { testBrowserSessions(t, chromium, nil) }
func TestFirefox(t *testing.T)  { testBrowserSessions(t, firefox, nil) }

// TestFirefoxDTLS12 is with a Firefox that knows no DTLS 1.3. Chromium has no such switch.
func TestFirefoxDTLS12(t *testing.T) {
	testBrowserSessions(t, firefox, map[string]any{"media.peerconnection.dtls.version.max": 771})
}

// testBrowserSessions runs through what a session with a browser can be. With old the
// browser's newest version is DTLS 1.2.
func testBrowserSessions(t *testing.T, kind browserKind, old map[string]any) {
	ns := netns.ForTest(t)
	b := startBrowser(t, kind, ns, browser.Config{Prefs: old})
	loadPage(b)
	version := dtls.VersionDTLS13
	if old != nil {
		version = dtls.VersionDTLS12
	}
	if old == nil {
		t.Run("offers", func(t *testing.T) { testBrowserFully(t, b, ns, false) })
		t.Run("answers", func(t *testing.T) { testBrowserFully(t, b, ns, true) })
	}

	old12 := rtc.Config{MaxDTLSVersion: dtls.VersionDTLS12}
	for _, test := range []struct {
		name  string
		cfg   rtc.Config
		rsa   bool
		short bool // is enough with one version of DTLS
		want  dtls.Version
	}{
		{name: "plain", want: version},
		{name: "DTLS server", cfg: rtc.Config{PreferDTLSServer: true}, want: version},
		{name: "RSA certificate", rsa: true, want: version},
		{name: "lite", cfg: rtc.Config{ICELite: true}, short: true, want: version},
		{name: "our DTLS 1.2", cfg: old12, short: true, want: dtls.VersionDTLS12},
		{name: "our DTLS 1.2, RSA certificate", cfg: old12, rsa: true, short: true, want: dtls.VersionDTLS12},
		{name: "X25519 only", cfg: rtc.Config{Groups: []dtls.Group{dtls.X25519}}, short: true, want: version},
		{name: "P-256 only", cfg: rtc.Config{Groups: []dtls.Group{dtls.P256}}, want: version},
		{name: "small MTU", cfg: rtc.Config{MTU: 576}, want: version},
	} {
		if test.short && old != nil {
			continue
		}
		for _, weOffer := range []bool{false, true} {
			name := test.name + "/offers"
			if weOffer {
				name = test.name + "/answers"
			}
			t.Run(name, func(t *testing.T) {
				s := newBrowserSession(t, b, ns, test.cfg)
				s.page(nil, "begin", map[string]any{}, test.rsa)
				s.page(nil, "open", "x", map[string]any{})
				c := s.negotiate(weOffer)
				checkDTLS(s, c, test.cfg, test.want, weOffer)
				s.exchange(s.ours.opened("x").ID, "x")
				s.pageCloses()
			})
		}
	}
}

// negotiate connects by an offer of one side. When the page answers, its candidates are in
// the answer; otherwise they trickle.
func (s *browserSession) negotiate(weOffer bool) *rtc.Connected {
	s.t.Helper()
	if weOffer {
		s.weOffer(true, false)
	} else {
		s.browserOffers(false, false)
	}
	return s.connected()
}

// checkDTLS compares what both sides say was negotiated.
func checkDTLS(s *browserSession, c *rtc.Connected, cfg rtc.Config, version dtls.Version, weOffer bool) {
	s.t.Helper()
	group, label := dtls.X25519MLKEM768, "FEFC"
	if version == dtls.VersionDTLS12 {
		group, label = dtls.X25519, "FEFD"
	}
	if cfg.Groups != nil {
		group = cfg.Groups[0]
	}
	client := !weOffer && !cfg.PreferDTLSServer
	v := s.transport()
	s.t.Logf("ours: %v, %v, %v; the page's: %+v", c.DTLS.Version, c.DTLS.Group, c.DTLS.CipherSuite, v)
	require.Equal(s.t, version, c.DTLS.Version)
	require.Equal(s.t, group, c.DTLS.Group)
	require.Equal(s.t, client, c.DTLS.Client, "who is the DTLS client")
	require.Equal(s.t, label, strings.ToUpper(v.TLSVersion), "tlsVersion of getStats")
	if v.DTLSCipher != "" {
		require.Equal(s.t, c.DTLS.CipherSuite.String(), v.DTLSCipher)
	}
	if v.DTLSRole != "" && v.DTLSRole != "unknown" {
		require.Equal(s.t, client, v.DTLSRole == "server", "dtlsRole of getStats is %s", v.DTLSRole)
	}
	require.Equal(s.t, c.DTLS.SRTPProfile.String(), v.SRTPCipher, "agreed on for media to come")
}

// testBrowserFully goes through a session's life.
func testBrowserFully(t *testing.T, b testBrowser, ns *netns.Namespace, weOffer bool) {
	s := newBrowserSession(t, b, ns, rtc.Config{})
	s.page(nil, "begin", map[string]any{})
	s.page(nil, "open", "theirs", map[string]any{})
	id := s.ours.open(sctp.ChannelConfig{Label: "ours"}) // before there is a session
	s.ours.send(id, false, []byte("early"))
	c := s.negotiate(weOffer)
	checkDTLS(s, c, rtc.Config{}, dtls.VersionDTLS13, weOffer)

	s.opened("ours")
	var early []pageMessage
	s.page(&early, "receive", "ours", 1)
	require.Equal(t, `text "early"`, early[0].String())
	s.exchange(id, "ours")
	s.exchange(s.ours.opened("theirs").ID, "theirs")

	testKinds(s)
	testThousand(s, id, "ours")
	testBig(s, id, "ours")
	testBuffered(s, id, "ours")
	testClose(s)
	testRestart(s, id, "ours")
	if weOffer {
		s.weClose("ours")
	} else {
		s.pageCloses()
	}
}

// testKinds opens channels of every kind from both sides.
func testKinds(s *browserSession) {
	t := s.t
	three, zero := uint16(3), uint16(0)
	lifetime := 250 * time.Millisecond
	for i, kind := range []struct {
		config  sctp.ChannelConfig
		options map[string]any
	}{
		{sctp.ChannelConfig{Label: "plain"}, map[string]any{}},
		{sctp.ChannelConfig{Label: ""}, map[string]any{}},
		{sctp.ChannelConfig{Label: "größe 🎉 \"q\"", Protocol: "протокол/1"}, map[string]any{"protocol": "протокол/1"}},
		{sctp.ChannelConfig{Label: "unordered", Unordered: true}, map[string]any{"ordered": false}},
		{sctp.ChannelConfig{Label: "retransmits", MaxRetransmits: &three}, map[string]any{"maxRetransmits": 3}},
		{sctp.ChannelConfig{Label: "once", Unordered: true, MaxRetransmits: &zero}, map[string]any{"ordered": false, "maxRetransmits": 0}},
		{sctp.ChannelConfig{Label: "lifetime", MaxLifetime: &lifetime}, map[string]any{"maxPacketLifeTime": 250}},
		{sctp.ChannelConfig{Label: "unordered lifetime", Unordered: true, MaxLifetime: &lifetime, Protocol: "p"},
			map[string]any{"ordered": false, "maxPacketLifeTime": 250, "protocol": "p"}},
		{sctp.ChannelConfig{Label: "negotiated", Negotiated: true, Protocol: "n"}, map[string]any{"negotiated": true, "protocol": "n"}},
		{sctp.ChannelConfig{Label: "negotiated unordered", Negotiated: true, Unordered: true}, map[string]any{"negotiated": true, "ordered": false}},
	} {
		label := kind.config.Label
		for _, weOpen := range []bool{true, false} {
			if !weOpen {
				label += " of the page"
			}
			config := kind.config
			config.Label = label
			if config.Negotiated {
				config.StreamID = uint16(200 + 2*i)
				if !weOpen {
					config.StreamID++
				}
				kind.options["id"] = config.StreamID
			}
			if weOpen || config.Negotiated {
				s.ours.open(config)
			}
			if !weOpen || config.Negotiated {
				s.page(nil, "open", label, kind.options)
			}
			ours, theirs := s.ours.opened(label), s.opened(label)

			config.StreamID = uint16(theirs.ID)
			config.Priority = ours.Config.Priority // browsers have a say in it
			require.Equal(t, config, ours.Config, "channel %q", label)
			want := pageChannel{
				Label: label, Protocol: config.Protocol, Ordered: !config.Unordered, Negotiated: config.Negotiated, ID: theirs.ID,
			}
			if config.MaxRetransmits != nil {
				n := int(*config.MaxRetransmits)
				want.MaxRetransmits = &n
			}
			if config.MaxLifetime != nil {
				n := int(*config.MaxLifetime / time.Millisecond)
				want.MaxPacketLifeTime = &n
			}
			require.Equal(t, want, theirs, "channel %q", label)
			if config.MaxRetransmits == nil && config.MaxLifetime == nil && !config.Unordered {
				s.exchange(ours.ID, label)
			} else {
				// One message at a time, so that none overtakes another.
				s.page(nil, "send", label, []pageMessage{textMessage("ping")})
				require.Equal(t, "ping", string(s.ours.message(ours.ID).Data))
				s.ours.send(ours.ID, false, []byte("pong"))
				var got []pageMessage
				s.page(&got, "receive", label, 1)
				require.Equal(t, `text "pong"`, got[0].String())
			}
		}
	}
}

// testThousand sends 1,000 messages each way at the same time.
func testThousand(s *browserSession, id sctp.ChannelID, label string) {
	const messages = 1000
	numbered := func(i int) string { return fmt.Sprintf("%d %s", i, strings.Repeat("x", i*7%997)) }
	s.page(nil, "sendNumbers", label, messages)
	for i := range messages {
		s.ours.send(id, false, []byte(numbered(i)))
	}
	for i := range messages {
		require.Equal(s.t, numbered(i), string(s.ours.message(id).Data))
	}
	var got int
	s.page(&got, "receiveNumbers", label, messages)
	require.Equal(s.t, messages, got)
}

// testBig sends the largest message that browsers take, both ways.
func testBig(s *browserSession, id sctp.ChannelID, label string) {
	const size = 256 << 10
	s.page(nil, "sendBig", label, size)
	m := s.ours.message(id)
	require.True(s.t, m.Binary)
	require.Equal(s.t, pattern(size), m.Data)
	s.ours.send(id, true, pattern(size))
	var got int
	s.page(&got, "receiveBig", label)
	require.Equal(s.t, size, got)
}

// testBuffered watches bufferedAmount on both sides.
func testBuffered(s *browserSession, id sctp.ChannelID, label string) {
	const messages, size = 16, 64 << 10
	var got struct{ High, Low int }
	s.page(&got, "buffered", label, messages*size, size)
	require.Greater(s.t, got.High, size)
	require.Positive(s.t, got.Low, "bufferedamountlow events")
	for range messages {
		require.Len(s.t, s.ours.message(id).Data, size)
	}

	s.ours.call(func(r *rtc.Rtc, now time.Time) {
		if err := r.SetBufferedAmountLowThreshold(id, size); err != nil {
			s.t.Error(err)
		}
		for range messages {
			if err := r.Send(now, id, true, make([]byte, size)); err != nil {
				s.t.Error(err)
			}
		}
		if n := r.BufferedAmount(id); n <= size || n > messages*size {
			s.t.Errorf("BufferedAmount is %d after %d bytes were sent at once", n, messages*size)
		}
	})
	wait(s.ours, "a low buffer", func(e *rtc.ChannelBufferedAmountLow) bool { return e.ID == id })
	var sum int
	s.page(&sum, "count", label, messages)
	require.Equal(s.t, messages*size, sum)
	s.ours.call(func(r *rtc.Rtc, now time.Time) {
		if n := r.BufferedAmount(id); n != 0 {
			s.t.Errorf("BufferedAmount is %d when all has arrived", n)
		}
	})
}

// testClose closes channels from both sides, and uses their streams again.
func testClose(s *browserSession) {
	var streams [2]uint16
	for i := range streams {
		label := fmt.Sprintf("page's %d", i)
		opened := s.pageOpens(label, map[string]any{})
		streams[i] = opened.Config.StreamID
		s.exchange(opened.ID, label)
		s.page(nil, "send", label, []pageMessage{textMessage("last words")})
		s.page(nil, "closeChannel", label)
		require.Equal(s.t, "last words", string(s.ours.message(opened.ID).Data))
		s.waitChannelClosed(opened.ID)
		s.page(nil, "closed", label)
	}
	require.Equal(s.t, streams[0], streams[1], "the page can use its stream again")

	for i := range streams {
		label := fmt.Sprintf("ours %d", i)
		opened, _ := s.open(sctp.ChannelConfig{Label: label})
		streams[i] = opened.Config.StreamID
		s.exchange(opened.ID, label)
		s.ours.send(opened.ID, false, []byte("last words"))
		s.ours.closeChannel(opened.ID)
		var got []pageMessage
		s.page(&got, "receive", label, 1)
		require.Equal(s.t, `text "last words"`, got[0].String())
		s.waitChannelClosed(opened.ID)
		s.page(nil, "closed", label)
	}
	require.Equal(s.t, streams[0], streams[1], "we can use our stream again")
}

// testRestart restarts ICE from both sides.
func testRestart(s *browserSession, id sctp.ChannelID, label string) {
	names := make(map[string]bool)
	check := func(descriptions ...string) {
		s.t.Helper()
		for _, d := range descriptions {
			name := ufrag(s.t, d)
			require.False(s.t, names[name], "a restart takes a new ufrag, and %q is not", name)
			names[name] = true
		}
		wait(s.ours, "a selected path", func(*rtc.PathSelected) bool { return true })
		s.exchange(id, label)
	}
	s.ours.forget()
	check(s.browserOffers(false, true))
	s.ours.forget()
	check(s.weOffer(false, true))
	s.ours.forget()
	check(s.browserOffers(true, true))
}
