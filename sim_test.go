package rtc_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/dtls"
	"github.com/sansrtc/rtc/ice"
	"github.com/sansrtc/rtc/internal/simnet"
	"github.com/sansrtc/rtc/sctp"
	"github.com/sansrtc/rtc/srtp"
)

const ms = time.Millisecond

// seedReader gives the same bytes for the same seed.
func seedReader(seed uint64) *rand.ChaCha8 {
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	return rand.NewChaCha8(key)
}

// A simPeer drives a session as a program would: it does what PollOutput says and keeps a
// record. It is a node of the virtual network.
type simPeer struct {
	*rtc.Rtc
	t    *testing.T
	name string
	addr netip.AddrPort
	host *simnet.Host

	onEvent   func(ev rtc.Event)     // called with every event, during the drain
	onReceive func(in simnet.Packet) // called before a datagram is handled
	onClosed  func()                 // called once, at the end
	onLost    func(b []byte)         // called with datagrams that lose swallows
	lose      int                    // datagrams to lose from now on
	scribble  bool                   // overwrite what was lent once its life is over
	restless  bool                   // have everybody asked for everything, always

	log       []string // one line for each event, as describeEvent prints it
	connected *dtls.ConnectionState
	opened    map[sctp.ChannelID]sctp.ChannelConfig
	received  map[string][]message // by label
	closed    bool
	closedAt  time.Duration
	err       error

	now        time.Time // of the last datagram received
	deadline   time.Time
	lent       [][]byte
	lastPacket []byte // the SCTP packet in the last datagram that had one
	lastRTP    []byte // the RTP packet protected last, until it is printed
}

type message struct {
	binary bool
	data   string
}

func (p *simPeer) Receive(now time.Time, in simnet.Packet) {
	p.expire()
	p.stir()
	p.now = now
	if p.onReceive != nil {
		p.onReceive(in)
	}
	p.HandleInput(rtc.Input{
		Now: now, Local: in.To, Remote: in.From,
		Transport: ice.Transport(in.Transport), ECN: rtc.ECN(in.ECN), Data: in.Data,
	})
}

func (p *simPeer) Advance(now time.Time) {
	p.expire()
	p.stir()
	p.HandleInput(rtc.Input{Now: now})
}

// Poll does what the session asks until that is a datagram.
func (p *simPeer) Poll(now time.Time) (simnet.Packet, bool) {
	for range 10_000 {
		p.expire()
		p.stir()
		out := p.PollOutput()
		switch out.Kind {
		case rtc.OutputTransmit:
			t := out.Transmit
			if p.lose > 0 {
				p.lose--
				p.onLost(t.Data)
				continue
			}
			p.lent = append(p.lent, t.Data)
			if packet := p.LastPacket(); len(packet) > 0 {
				p.lastPacket = append(p.lastPacket[:0], packet...)
			}
			return simnet.Packet{From: t.Local, To: t.Remote, Transport: uint8(t.Transport), ECN: uint8(t.ECN), Data: t.Data}, true
		case rtc.OutputEvent:
			p.handle(out.Event)
		case rtc.OutputTimeout, rtc.OutputClosed:
			p.deadline = out.Deadline
			if out.Kind == rtc.OutputClosed && !p.closed {
				p.closed, p.closedAt, p.err = true, now.Sub(simnet.Epoch), out.Err
				if p.onClosed != nil {
					p.onClosed()
				}
			}
			require.Equal(p.t, out, p.PollOutput(), "%s: polling a drained session again", p.name)
			require.NoError(p.t, p.CheckRest(), p.name)
			return simnet.Packet{}, false
		}
	}
	p.t.Fatalf("%s: a drain does not end", p.name)
	return simnet.Packet{}, false
}

func (p *simPeer) Deadline() time.Time { return p.deadline }

func (p *simPeer) stir() {
	if p.restless {
		p.Disturb()
	}
}

// expire ends the life of what PollOutput has lent.
func (p *simPeer) expire() {
	if p.scribble {
		for _, b := range p.lent {
			for i := range b {
				b[i] = 0x5a
			}
		}
	}
	p.lent = p.lent[:0]
}

func (p *simPeer) handle(ev rtc.Event) {
	p.log = append(p.log, describeEvent(ev))
	switch ev := ev.(type) {
	case *rtc.Connected:
		p.connected = &ev.DTLS
	case *rtc.ChannelOpened:
		p.opened[ev.ID] = ev.Config
	case *rtc.ChannelMessage:
		label := p.opened[ev.ID].Label
		p.received[label] = append(p.received[label], message{ev.Binary, string(ev.Data)})
		p.lent = append(p.lent, ev.Data)
	}
	if p.onEvent != nil {
		p.onEvent(ev)
	}
}

// channel returns the open channel of that label.
func (p *simPeer) channel(label string) (sctp.ChannelID, bool) {
	for id, cfg := range p.opened {
		if cfg.Label == label {
			return id, true
		}
	}
	return 0, false
}

// describeEvent prints an event on one line.
func describeEvent(ev rtc.Event) string {
	switch ev := ev.(type) {
	case *rtc.ICEStateChanged:
		return fmt.Sprintf("ICEStateChanged %v", ev.State)
	case *rtc.PathSelected:
		return fmt.Sprintf("PathSelected %v → %v", ev.Path.Local, ev.Path.Remote)
	case *rtc.LocalUfragAdded:
		return "LocalUfragAdded"
	case *rtc.LocalUfragRemoved:
		return "LocalUfragRemoved"
	case *rtc.RemoteAddrAdded:
		return fmt.Sprintf("RemoteAddrAdded %v", ev.Path.Remote)
	case *rtc.RemoteAddrRemoved:
		return fmt.Sprintf("RemoteAddrRemoved %v", ev.Path.Remote)
	case *rtc.ResolveHostname:
		return "ResolveHostname " + ev.Hostname
	case *rtc.Connected:
		return fmt.Sprintf("Connected %v %v %v", ev.DTLS.Version, ev.DTLS.CipherSuite, ev.DTLS.Group)
	case *rtc.ChannelOpened:
		return fmt.Sprintf("ChannelOpened %d %q", ev.ID, ev.Config.Label)
	case *rtc.ChannelMessage:
		if len(ev.Data) > 32 {
			return fmt.Sprintf("ChannelMessage %d binary=%t %d bytes", ev.ID, ev.Binary, len(ev.Data))
		}
		return fmt.Sprintf("ChannelMessage %d binary=%t %q", ev.ID, ev.Binary, ev.Data)
	case *rtc.ChannelBufferedAmountLow:
		return fmt.Sprintf("ChannelBufferedAmountLow %d", ev.ID)
	case *rtc.ChannelClosed:
		return fmt.Sprintf("ChannelClosed %d %v", ev.ID, ev.Err)
	default:
		return describeMediaEvent(ev)
	}
}

// A world is two peers and the link between them.
type world struct {
	t     *testing.T
	net   *simnet.Net
	l, r  *simPeer
	peers map[string]*simPeer
}

// A worldConfig says how two peers meet. Both use X25519, because the encapsulation of
// ML-KEM cannot be seeded and the run would not repeat.
type worldConfig struct {
	seed     uint64
	link     simnet.LinkConfig
	schedule simnet.Schedule
	scribble bool
	restless bool
	change   func(l, r *rtc.Config) // applied to the configurations before New
}

// newWorld makes two peers that have not heard of each other, and each has a host candidate.
func newWorld(t *testing.T, cfg worldConfig) *world {
	t.Helper()
	w := newNetwork(t, cfg)
	for _, p := range []*simPeer{w.l, w.r} {
		p.host.Attach(p.addr.Addr(), nil)
		require.NoError(t, p.AddLocalCandidate(w.net.Now(), ice.Candidate{Type: ice.Host, Addr: p.addr}))
	}
	w.net.Link(w.l.host, w.r.host, cfg.link)
	return w
}

// newNetwork makes two peers that are not attached to the network yet.
func newNetwork(t *testing.T, cfg worldConfig) *world {
	t.Helper()
	w := &world{t: t, net: simnet.New(cfg.seed), peers: map[string]*simPeer{}}
	w.l = w.peer("L", "10.0.0.1:5000")
	w.r = w.peer("R", "10.0.0.2:5000")
	var configs [2]rtc.Config
	for i := range configs {
		configs[i] = rtc.Config{
			Rand:        seedReader(cfg.seed<<1 + uint64(i)),
			Certificate: testCertificates[i],
			Groups:      []dtls.Group{dtls.X25519},
		}
	}
	if cfg.change != nil {
		cfg.change(&configs[0], &configs[1])
	}
	for i, p := range []*simPeer{w.l, w.r} {
		p.host.Schedule = cfg.schedule
		p.host.MTU = configs[i].MTU
		if p.host.MTU == 0 {
			p.host.MTU = 1200
		}
		p.scribble, p.restless = cfg.scribble, cfg.restless
		p.start(configs[i], w.net.Now())
	}
	return w
}

func (w *world) peer(name, addr string) *simPeer {
	p := &simPeer{
		t: w.t, name: name, addr: netip.MustParseAddrPort(addr),
		opened: map[sctp.ChannelID]sctp.ChannelConfig{}, received: map[string][]message{},
	}
	p.host = w.net.Host(name, p)
	w.peers[name] = p
	return p
}

func (p *simPeer) start(cfg rtc.Config, now time.Time) {
	p.t.Helper()
	if cfg.MediaProtection == nil {
		cfg.MediaProtection = func(profile srtp.Profile, keys srtp.Keys) (srtp.Protection, error) {
			s, err := srtp.NewSession(profile, keys)
			spying := &spyingProtection{s, p}
			if p.restless { // takes the long way everywhere
				return struct{ srtp.Protection }{spying}, err
			}
			return spying, err
		}
	}
	session, err := rtc.New(now, cfg)
	require.NoError(p.t, err)
	p.Rtc = session
}

// spyingProtection shows what is inside of the datagrams of media.
type spyingProtection struct {
	*srtp.Session
	peer *simPeer
}

func (s *spyingProtection) AppendEncryptRTP(dst, packet []byte) ([]byte, error) {
	s.peer.lastRTP = append(s.peer.lastRTP[:0], packet...)
	return s.Session.AppendEncryptRTP(dst, packet)
}

func (s *spyingProtection) AppendEncryptRTPPayload(dst, header, payload []byte) ([]byte, error) {
	s.peer.lastRTP = append(append(s.peer.lastRTP[:0], header...), payload...)
	return s.Session.AppendEncryptRTPPayload(dst, header, payload)
}

// negotiate has from make an offer, which the other peer answers at once.
func (w *world) negotiate(from *simPeer, changes rtc.Changes) {
	w.t.Helper()
	to := w.other(from)
	offer, err := from.CreateOffer(w.net.Now(), changes)
	require.NoError(w.t, err)
	answer, err := to.AcceptOffer(w.net.Now(), offer.SDP())
	require.NoError(w.t, err)
	require.NoError(w.t, from.AcceptAnswer(w.net.Now(), offer, answer))
}

func (w *world) other(p *simPeer) *simPeer {
	if p == w.l {
		return w.r
	}
	return w.l
}

// until runs the network until done is true, and fails when that takes longer than limit.
func (w *world) until(limit time.Duration, what string, done func() bool) {
	w.t.Helper()
	if !w.net.RunUntil(limit, done) {
		w.t.Fatalf("%s: not within %v\nL: %s, %v\nR: %s, %v", what, limit,
			strings.Join(w.l.log, "; "), w.l.err, strings.Join(w.r.log, "; "), w.r.err)
	}
}

// connect negotiates data channels and runs until both sides are connected.
func (w *world) connect() {
	w.t.Helper()
	w.negotiate(w.l, rtc.Changes{DataChannels: true})
	w.until(30*time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
}

// open opens a channel at L and waits until both sides have it.
func (w *world) open(cfg sctp.ChannelConfig) (l, r sctp.ChannelID) {
	w.t.Helper()
	_, err := w.l.OpenChannel(w.net.Now(), cfg)
	require.NoError(w.t, err)
	w.until(30*time.Second, "open "+cfg.Label, func() bool {
		var okL, okR bool
		l, okL = w.l.channel(cfg.Label)
		r, okR = w.r.channel(cfg.Label)
		return okL && okR
	})
	return l, r
}

// A recorder writes down everything that happens, to compare runs byte by byte.
type recorder struct{ bytes.Buffer }

func (w *world) record() *recorder {
	rec := &recorder{}
	w.net.Trace = func(at time.Time, fate simnet.Fate, h *simnet.Host, p simnet.Packet) {
		if fate == simnet.Sent {
			fmt.Fprintf(rec, "%v %s %v→%v %x\n", at.Sub(simnet.Epoch), h.Name, p.From, p.To, p.Data)
		}
	}
	for _, p := range []*simPeer{w.l, w.r} {
		then := p.onEvent
		p.onEvent = func(ev rtc.Event) {
			fmt.Fprintf(rec, "%v %s %s\n", w.net.Elapsed(), p.name, describeEvent(ev))
			if then != nil {
				then(ev)
			}
		}
	}
	return rec
}

// testCertificates are made once: to have different ones for each session would test nothing
// more, and making one costs as much as half a handshake.
var testCertificates = func() (certs [2]*dtls.Certificate) {
	for i := range certs {
		cert, err := dtls.NewCertificate(seedReader(1000+uint64(i)), simnet.Epoch)
		if err != nil {
			panic(err)
		}
		certs[i] = cert
	}
	return certs
}()

func TestConnect(t *testing.T) {
	for _, version := range []dtls.Version{dtls.VersionDTLS12, dtls.VersionDTLS13} {
		for _, group := range []dtls.Group{dtls.X25519MLKEM768, dtls.X25519, dtls.P256, dtls.P384} {
			if version == dtls.VersionDTLS12 && group == dtls.X25519MLKEM768 {
				continue // a group of TLS 1.3
			}
			for _, server := range []bool{false, true} {
				t.Run(fmt.Sprintf("%v/%v/%t", version, group, server), func(t *testing.T) {
					w := newWorld(t, worldConfig{
						link: simnet.LinkConfig{Delay: 25 * ms},
						change: func(l, r *rtc.Config) {
							l.Groups, r.Groups = []dtls.Group{group}, []dtls.Group{group}
							l.MinDTLSVersion, r.MinDTLSVersion = version, version
							r.MaxDTLSVersion = version
							r.PreferDTLSServer = server
						},
					})
					w.connect()
					require.Equal(t, version, w.l.connected.Version)
					require.Equal(t, version, w.r.connected.Version)
					require.Equal(t, group, w.l.connected.Group)
					require.Equal(t, server, w.l.connected.Client)
					l, r := w.open(sctp.ChannelConfig{Label: "chat"})
					require.NoError(t, w.l.Send(w.net.Now(), l, false, []byte("ping")))
					require.NoError(t, w.r.Send(w.net.Now(), r, true, []byte{}))
					w.until(time.Second, "messages", func() bool {
						return len(w.l.received["chat"]) == 1 && len(w.r.received["chat"]) == 1
					})
					require.Equal(t, []message{{false, "ping"}}, w.r.received["chat"])
					require.Equal(t, []message{{true, ""}}, w.l.received["chat"])

					w.l.Close(w.net.Now())
					w.until(time.Second, "close", func() bool { return w.l.closed && w.r.closed })
					require.NoError(t, w.l.err)
					require.NoError(t, w.r.err)
				})
			}
		}
	}
}
