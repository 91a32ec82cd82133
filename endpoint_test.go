package rtc_test

import (
	"fmt"
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/dtls"
	"github.com/sansrtc/rtc/ice"
	"github.com/sansrtc/rtc/internal/simnet"
	"github.com/sansrtc/rtc/sctp"
	"github.com/sansrtc/rtc/stun"
)

// A simServer drives an endpoint as a program would: a node of the virtual network with one address,
// whose sessions echo.
type simServer struct {
	rtc.Endpoint[*served]
	t        *testing.T
	net      *simnet.Net
	host     *simnet.Host
	addr     netip.AddrPort
	deadline time.Time

	events map[string]int
	closed map[string]error
	joined uint64
}

// served is a session of a simServer and the peer that it serves.
type served struct {
	*rtc.Rtc
	name   string
	client *simPeer
}

func newServer(t *testing.T, seed uint64) *simServer {
	s := &simServer{
		t: t, net: simnet.New(seed), addr: netip.MustParseAddrPort("10.0.0.1:3478"),
		events: map[string]int{}, closed: map[string]error{},
	}
	s.host = s.net.Host("server", s)
	s.host.MTU = 1200
	s.host.Attach(s.addr.Addr(), nil)
	return s
}

func (s *simServer) Receive(now time.Time, in simnet.Packet) {
	s.HandleInput(rtc.Input{Now: now, Local: in.To, Remote: in.From, Data: in.Data})
}

func (s *simServer) Advance(now time.Time) { s.HandleInput(rtc.Input{Now: now}) }
func (s *simServer) Deadline() time.Time   { return s.deadline }

func (s *simServer) Poll(now time.Time) (simnet.Packet, bool) {
	for {
		session, out := s.PollOutput()
		switch out.Kind {
		case rtc.OutputTransmit:
			return simnet.Packet{From: out.Transmit.Local, To: out.Transmit.Remote, Data: out.Transmit.Data}, true
		case rtc.OutputEvent:
			s.events[fmt.Sprintf("%s %T", session.name, out.Event)]++
			if m, ok := out.Event.(*rtc.ChannelMessage); ok {
				require.NoError(s.t, session.Send(now, m.ID, m.Binary, m.Data))
			}
		case rtc.OutputClosed:
			s.closed[session.name] = out.Err
		case rtc.OutputTimeout:
			require.Nil(s.t, session)
			s.deadline = out.Deadline
			return simnet.Packet{}, false
		}
	}
}

// join brings a new peer to the server. Odd ones make the offer, even ones are made one.
func (s *simServer) join(i int) *served {
	s.t.Helper()
	w := &world{t: s.t, net: s.net, peers: map[string]*simPeer{}}
	c := w.peer(fmt.Sprintf("client %d", i), fmt.Sprintf("10.0.%d.%d:5000", 1+i/250, 1+i%250))
	c.host.MTU = 1200
	c.host.Attach(c.addr.Addr(), nil)
	s.net.Link(s.host, c.host, simnet.LinkConfig{Delay: 10 * ms})
	now := s.net.Now()
	s.joined++
	c.start(rtc.Config{Rand: seedReader(2*s.joined + 1), Certificate: testCertificates[0], Groups: []dtls.Group{dtls.X25519}}, now)
	r, err := rtc.New(now, rtc.Config{Rand: seedReader(2 * s.joined), Certificate: testCertificates[1], Groups: []dtls.Group{dtls.X25519}})
	require.NoError(s.t, err)
	require.NoError(s.t, c.AddLocalCandidate(now, ice.Candidate{Type: ice.Host, Addr: c.addr}))
	require.NoError(s.t, r.AddLocalCandidate(now, ice.Candidate{Type: ice.Host, Addr: s.addr}))
	p := &served{r, c.name, c}
	s.Add(r, p)
	_, err = c.OpenChannel(now, sctp.ChannelConfig{Label: "echo"})
	require.NoError(s.t, err)
	from, to := c.Rtc, r
	if i%2 == 0 {
		from, to = r, c.Rtc
	}
	offer, err := from.CreateOffer(now, rtc.Changes{DataChannels: true})
	require.NoError(s.t, err)
	answer, err := to.AcceptOffer(now, offer.SDP())
	require.NoError(s.t, err)
	require.NoError(s.t, from.AcceptAnswer(now, offer, answer))
	s.host.Wake()
	c.host.Wake()
	return p
}

// echoed sends a message through the channel of each peer, and waits for all echoes.
func (s *simServer) echoed(all []*served, text string) {
	s.t.Helper()
	for _, p := range all {
		id, ok := p.client.channel("echo")
		require.True(s.t, ok, p.name)
		require.NoError(s.t, p.client.Send(s.net.Now(), id, false, []byte(text)))
		p.client.host.Wake()
	}
	s.net.Run(100 * ms)
	for _, p := range all {
		got := p.client.received["echo"]
		require.NotEmpty(s.t, got, p.name)
		require.Equal(s.t, text, got[len(got)-1].data, p.name)
	}
}

func TestEndpoint(t *testing.T) {
	s := newServer(t, 1)
	var all []*served
	for i := range 40 {
		all = append(all, s.join(i))
	}
	s.net.Run(time.Second)
	require.Equal(t, rtc.EndpointStats{Sessions: 40}, s.Stats(), "every datagram must find its session, the first flights too")
	s.echoed(all, "hello")
	for _, p := range all {
		require.Zero(t, p.Rtc.Stats().Dropped, p.name)
	}

	// Idle sessions keep their consent by timers alone.
	s.net.Run(time.Minute)
	s.echoed(all, "still there")

	// A call on a session is noticed, without another word to the endpoint.
	for _, p := range all[:10] {
		p.Rtc.Close(s.net.Now())
	}
	s.host.Wake()
	s.net.Run(100 * ms)
	require.Len(t, s.closed, 10)
	require.Equal(t, 30, s.Stats().Sessions)
	for _, p := range all[:10] {
		require.True(t, p.client.closed, "the goodbye must have reached %s", p.name)
	}
	s.echoed(all[10:], "and we go on")

	// A peer says goodbye, and one vanishes.
	all[10].client.Close(s.net.Now())
	all[10].client.host.Wake()
	all[11].client.host.Detach(all[11].client.addr.Addr())
	s.net.Run(time.Minute)
	require.Equal(t, 28, s.Stats().Sessions)
	require.NoError(t, s.closed[all[10].name])
	require.ErrorIs(t, s.closed[all[11].name], rtc.ErrICEFailed)

	// One leaves without a word, and comes back.
	s.Remove(all[12].Rtc)
	s.Remove(all[12].Rtc)
	require.Equal(t, 27, s.Stats().Sessions)
	s.Add(all[12].Rtc, all[12])
	require.Panics(t, func() { s.Add(all[12].Rtc, all[12]) })
	s.echoed(all[12:], "as if it had not left")

	s.Endpoint.Close(s.net.Now())
	s.host.Wake()
	s.net.Run(time.Second)
	require.Len(t, s.closed, 40)
	require.Zero(t, s.Leftovers(), "nothing must be left")
	_, out := s.PollOutput()
	require.Equal(t, rtc.Output{}, out)
}

// The work for a datagram must not grow with the number of sessions: up to three look-ups find the
// session, and its timer moves through a heap.
func TestEndpointWork(t *testing.T) {
	for _, n := range []int{1, 10, 100, 400} {
		if quick() && n > 100 {
			continue
		}
		s := newServer(t, 2)
		var all []*served
		for i := range n {
			all = append(all, s.join(i))
		}
		s.net.Run(2 * time.Second)
		received := func() (sum uint64) {
			for _, p := range all {
				sum += p.Rtc.Stats().DatagramsReceived
			}
			return sum
		}
		datagrams := received()
		lookups, comparisons := s.Work()
		for i := range 20 {
			s.echoed(all, fmt.Sprint(i))
		}
		datagrams = received() - datagrams
		lookupsNow, comparisonsNow := s.Work()
		perDatagram := float64(comparisonsNow-comparisons) / float64(datagrams)
		t.Logf("%d sessions: %d datagrams, %.1f comparisons of deadlines for each", n, datagrams, perDatagram)
		require.LessOrEqual(t, lookupsNow-lookups, 2*datagrams, "%d sessions", n)
		require.LessOrEqual(t, perDatagram, 4+2*math.Log2(float64(n)), "%d sessions", n)
		require.Zero(t, s.Stats().Unrouted)
	}
}

// Nothing that strangers send leads anywhere, and it is counted.
func TestEndpointStrangers(t *testing.T) {
	s := newServer(t, 3)
	p := s.join(0)
	s.net.Run(time.Second)
	in := rtc.Input{Now: s.net.Now(), Local: s.addr, Remote: netip.MustParseAddrPort("192.0.2.1:9")}
	check := stun.NewBuilder(nil, stun.Request, stun.Binding, stun.TransactionID{1})
	check.Username("nobody", "else")
	answer := stun.NewBuilder(nil, stun.Success, stun.Binding, stun.TransactionID{1})
	before := s.Leftovers()
	for i, b := range [][]byte{{}, {0}, {22, 254, 253, 0}, {0x80, 96, 0, 1}, check.Bytes(), answer.Bytes()} {
		in.Data = b
		_, found := s.Find(in)
		require.False(t, found, "%x", b)
		s.HandleInput(in)
		require.EqualValues(t, i+1, s.Stats().Unrouted)
	}

	// One that knows the name of a session is let through to it, and no further.
	forged := stun.NewBuilder(nil, stun.Request, stun.Binding, stun.TransactionID{2})
	forged.Username(p.Rtc.LocalParameters().ICE.Ufrag, "stranger")
	in.Data = forged.Bytes()
	session, found := s.Find(in)
	require.True(t, found)
	require.Same(t, p, session)
	s.HandleInput(in)
	in.Data = []byte{22, 254, 253, 0}
	_, found = s.Find(in)
	require.False(t, found, "a check that is not authentic proves nothing")
	require.Equal(t, before, s.Leftovers())
	s.echoed([]*served{p}, "unimpressed")
}

// A second session from an address takes it over, and the end of the first does not take it away.
func TestEndpointAddressChangesHands(t *testing.T) {
	s := newServer(t, 4)
	first := s.join(1)
	s.net.Run(time.Second)
	s.echoed([]*served{first}, "one")
	first.client.host.Detach(first.client.addr.Addr()) // the browser has gone without a word
	second := s.join(1)
	second.name = "second"
	s.net.Run(time.Second)
	s.echoed([]*served{second}, "two")
	s.net.Run(2 * time.Minute)
	require.ErrorIs(t, s.closed[first.name], rtc.ErrICEFailed)
	s.echoed([]*served{second}, "three")
	require.Equal(t, 1, s.Stats().Sessions)
}
