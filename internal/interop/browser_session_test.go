package interop

import (
	"encoding/hex"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/internal/interop/netns"
	"github.com/sansrtc/rtc/sctp"
)

// browserSession is a session between an Rtc and the page of testdata/page.
type browserSession struct {
	t    *testing.T
	b    testBrowser
	ours *rtcPeer
}

// loadPage loads the page that browserSession needs.
func loadPage(b testBrowser) {
	b.t.Helper()
	path, err := filepath.Abs("testdata/page/index.html")
	require.NoError(b.t, err)
	b.navigate("file://" + path)
}

// newSocketIn opens a socket at an address of ns.
func newSocketIn(t *testing.T, ns *netns.Namespace, v6 bool) net.PacketConn {
	t.Helper()
	addr := &net.UDPAddr{IP: ns.V4.AsSlice()}
	if v6 {
		addr.IP = ns.V6.AsSlice()
	}
	var conn *net.UDPConn
	require.NoError(t, ns.Do(func() (err error) {
		conn, err = net.ListenUDP("udp", addr)
		return err
	}))
	require.NoError(t, conn.SetReadBuffer(1<<20))
	return conn
}

// newBrowserSession makes an Rtc with an IPv4 and an IPv6 socket. The page must begin a connection.
func newBrowserSession(t *testing.T, b testBrowser, ns *netns.Namespace, cfg rtc.Config) *browserSession {
	t.Helper()
	ours := startRtc(t, cfg, newSocketIn(t, ns, false), newSocketIn(t, ns, true))
	t.Cleanup(ours.stop)
	return &browserSession{t, b.with(t), ours}
}

// page calls a function of page.js and decodes what it returns to out.
func (s *browserSession) page(out any, name string, args ...any) {
	s.t.Helper()
	s.b.eval(out, "(...args) => "+name+"(...args)", args...)
}

// browserOffers negotiates with an offer of the page. Candidates are in the offer if it is
// gathered; otherwise they follow it.
func (s *browserSession) browserOffers(gathered, restart bool) (offer, answer string) {
	s.t.Helper()
	s.page(&offer, "offer", map[string]any{"gathered": gathered, "restart": restart})
	answer = s.ours.acceptOffer(offer)
	s.page(nil, "accept", answer)
	s.trickle()
	return offer, answer
}

// weOffer negotiates with an offer of ours.
func (s *browserSession) weOffer(gathered, restart bool) (offer, answer string) {
	s.t.Helper()
	o := s.ours.offer(rtc.Changes{DataChannels: true, ICERestart: restart})
	s.page(&answer, "answer", o.SDP(), map[string]any{"gathered": gathered})
	s.ours.acceptAnswer(o, answer)
	s.trickle()
	return o.SDP(), answer
}

// trickle passes on the candidates that the page has found so far. The others are learnt
// from its checks.
func (s *browserSession) trickle() {
	s.t.Helper()
	var lines []string
	s.page(&lines, "candidates")
	for _, line := range lines {
		if line != "" { // which is the end of candidates
			s.ours.addCandidate(line)
		}
	}
}

// connected waits until both sides are connected.
func (s *browserSession) connected() *rtc.Connected {
	s.t.Helper()
	c := wait(s.ours, "connected", func(*rtc.Connected) bool { return true })
	var state string
	s.page(&state, "connected")
	require.Equal(s.t, "connected", state, "state of the page's connection")
	return c
}

// transport is what getStats tells of the connection.
type transport struct {
	TLSVersion, DTLSCipher, SRTPCipher, DTLSRole, TLSGroup string
	Local, Remote                                          string // candidate types
}

func (s *browserSession) transport() (v transport) {
	s.t.Helper()
	s.page(&v, "transport")
	return v
}

// pageMessage is a message as page.js takes and gives it.
type pageMessage struct {
	Text   *string `json:"text,omitempty"`
	Binary *string `json:"binary,omitempty"`
}

func textMessage(s string) pageMessage { return pageMessage{Text: &s} }

func binaryMessage(b []byte) pageMessage {
	s := hex.EncodeToString(b)
	return pageMessage{Binary: &s}
}

func (m pageMessage) String() string {
	if m.Text != nil {
		return fmt.Sprintf("text %q", *m.Text)
	}
	return "binary " + *m.Binary
}

func toPage(m *rtc.ChannelMessage) pageMessage {
	if m.Binary {
		return binaryMessage(m.Data)
	}
	return textMessage(string(m.Data))
}

func (m pageMessage) bytes(t *testing.T) (binary bool, data []byte) {
	t.Helper()
	if m.Text != nil {
		return false, []byte(*m.Text)
	}
	b, err := hex.DecodeString(*m.Binary)
	require.NoError(t, err)
	return true, b
}

// exchange sends a message of each kind both ways on a channel.
func (s *browserSession) exchange(id sctp.ChannelID, label string) {
	s.t.Helper()
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	messages := []pageMessage{
		textMessage("hello"), textMessage(""), binaryMessage(nil), binaryMessage(all),
		textMessage("grüße, 世界 🎉 \x00 \u2028"), binaryMessage([]byte{0}), textMessage(strings.Repeat("long ", 1000)),
	}
	s.page(nil, "send", label, messages)
	for i, want := range messages {
		m := s.ours.message(id)
		require.Equal(s.t, want.String(), toPage(m).String(), "message %d of the page on %q", i, label)
		binary, data := want.bytes(s.t)
		s.ours.send(id, binary, data)
	}
	var got []pageMessage
	s.page(&got, "receive", label, len(messages))
	for i, want := range messages {
		require.Equal(s.t, want.String(), got[i].String(), "message %d of ours on %q", i, label)
	}
}

// open opens a channel from our side and waits until both have it.
func (s *browserSession) open(cfg sctp.ChannelConfig) (*rtc.ChannelOpened, pageChannel) {
	s.t.Helper()
	s.ours.open(cfg)
	return s.ours.opened(cfg.Label), s.opened(cfg.Label)
}

// pageChannel is a channel as the page sees it.
type pageChannel struct {
	Label, Protocol                   string
	Ordered, Negotiated               bool
	MaxRetransmits, MaxPacketLifeTime *int
	ID                                int
}

func (s *browserSession) opened(label string) (v pageChannel) {
	s.t.Helper()
	s.page(&v, "opened", label)
	return v
}

// pageOpens opens a channel from the page's side and waits until both have it.
func (s *browserSession) pageOpens(label string, options map[string]any) *rtc.ChannelOpened {
	s.t.Helper()
	s.page(nil, "open", label, options)
	s.opened(label)
	return s.ours.opened(label)
}

// waitChannelClosed waits until a channel is closed in good order.
func (s *browserSession) waitChannelClosed(id sctp.ChannelID) {
	s.t.Helper()
	ev := wait(s.ours, "a closed channel", func(c *rtc.ChannelClosed) bool { return c.ID == id })
	require.NoError(s.t, ev.Err)
}

// ufrag returns the ice-ufrag of a description.
func ufrag(t *testing.T, description string) string {
	t.Helper()
	_, after, ok := strings.Cut(description, "a=ice-ufrag:")
	require.True(t, ok, "no ice-ufrag in %s", description)
	value, _, _ := strings.Cut(after, "\r\n")
	return value
}

// pageCloses lets the page close its connection; we must hear of it.
func (s *browserSession) pageCloses() {
	s.t.Helper()
	begun := time.Now()
	s.page(nil, "finish")
	require.NoError(s.t, s.ours.waitClosed(), "the page said goodbye")
	require.Less(s.t, time.Since(begun), 20*time.Second, "a goodbye is not a timeout")
}

// weClose ends our side; the page must hear of it.
func (s *browserSession) weClose(label string) {
	s.t.Helper()
	s.ours.close()
	require.NoError(s.t, s.ours.waitClosed())
	var state string
	s.page(&state, "closed", label)
	require.Equal(s.t, "closed", state)
}

// forget drops the events that have not been asked for.
func (p *rtcPeer) forget() {
	p.pending = nil
	for len(p.events) > 0 {
		<-p.events
	}
}
