package interop

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	pion "github.com/pion/ice/v4"
	"github.com/pion/logging"
	piontransport "github.com/pion/transport/v5"
	"github.com/pion/transport/v5/vnet"
	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/ice"
	"github.com/sansrtc/rtc/stun"
)

// iceCase is one way in which our agent meets Pion's.
type iceCase struct {
	name        string
	controlling bool // our agent is
	ourLite     bool
	theirLite   bool
	ourNAT      bool // our agent is behind a NAT, which Pion learns by our checks
	theirNAT    bool
	conflict    bool // both think that they control, or neither does
	loss        float64
	seeds       uint64
}

// TestICEPion connects our agent with Pion's, in virtual time: in both roles, full and
// lite, through NATs, over lossy links, and with both sides in one role.
func TestICEPion(t *testing.T) {
	for _, c := range []iceCase{
		{name: "controlling", controlling: true, seeds: 3},
		{name: "controlled", seeds: 3},
		{name: "controlling/loss", controlling: true, loss: 0.2, seeds: 10},
		{name: "controlled/loss", loss: 0.2, seeds: 10},
		{name: "weAreLite", ourLite: true, seeds: 3},
		{name: "weAreLite/loss", ourLite: true, loss: 0.2, seeds: 10},
		{name: "theyAreLite", controlling: true, theirLite: true, seeds: 3},
		{name: "theyAreLite/loss", controlling: true, theirLite: true, loss: 0.2, seeds: 10},
		{name: "weAreBehindNAT/controlling", controlling: true, ourNAT: true, seeds: 3},
		{name: "weAreBehindNAT/controlled", ourNAT: true, seeds: 3},
		{name: "theyAreBehindNAT/controlling", controlling: true, theirNAT: true, seeds: 3},
		{name: "theyAreBehindNAT/controlled/loss", theirNAT: true, loss: 0.1, seeds: 5},
		{name: "weAreLite/theyAreBehindNAT", ourLite: true, theirNAT: true, seeds: 3},
		{name: "bothControlling", controlling: true, conflict: true, seeds: 10},
		{name: "bothControlled", conflict: true, seeds: 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			for seed := range c.seeds {
				synctest.Test(t, func(t *testing.T) { testICEPion(t, c, seed) })
			}
		})
	}
}

func testICEPion(t *testing.T, c iceCase, seed uint64) {
	w := newICEWorld(t, c, seed)
	defer w.stop()
	start := time.Now()
	theirs := w.connect()
	took := time.Since(start)
	if c.loss == 0 && !c.conflict {
		// Pion begins to check after up to 200 ms and then nominates; we need 40 ms.
		require.Less(t, took, 3*time.Second, "connecting at 40 ms RTT")
	}
	t.Logf("seed %d: Pion connected after %v", seed, took)
	w.ours.waitState(ice.StateConnected, ice.StateCompleted)
	w.exchange(theirs, 50)

	w.ours.do(func(a *ice.Agent) {
		if c.conflict {
			require.Positive(t, a.Stats().RoleConflicts)
		} else {
			require.Equal(t, c.controlling, a.Controlling())
		}
		path, ok := a.SendPath()
		require.True(t, ok)
		require.True(t, a.Validated(path))
		if !c.ourLite {
			require.GreaterOrEqual(t, a.RTT(), 40*time.Millisecond)
			require.Less(t, a.RTT(), 60*time.Millisecond)
		}
	})
	pair, err := w.theirs.GetSelectedCandidatePair()
	require.NoError(t, err)
	require.NotNil(t, pair)
	if c.ourNAT {
		require.Equal(t, pion.CandidateTypePeerReflexive, pair.Remote.Type(), "Pion found us by our check")
	}

	// Half an hour: consent in both directions, and no change of mind.
	w.setLoss(0)
	time.Sleep(30 * time.Minute)
	w.exchange(theirs, 10)
	require.NotContains(t, w.ours.seen(), ice.StateFailed)

	// Pion goes without a word.
	require.NoError(t, w.theirs.Close())
	time.Sleep(45 * time.Second)
	w.ours.do(func(a *ice.Agent) {
		require.Equal(t, ice.StateFailed, a.State())
		_, ok := a.SendPath()
		require.False(t, ok, "consent is over")
	})
}

// TestICEPionRestart restarts both sides while data flows, several times.
func TestICEPionRestart(t *testing.T) {
	for _, controlling := range []bool{true, false} {
		for _, loss := range []float64{0, 0.1} {
			t.Run(fmt.Sprintf("weControl=%t/loss=%g", controlling, 100*loss), func(t *testing.T) {
				for seed := range uint64(3) {
					synctest.Test(t, func(t *testing.T) {
						w := newICEWorld(t, iceCase{controlling: controlling, loss: loss}, seed)
						defer w.stop()
						theirs := w.connect()
						for range 3 {
							w.exchange(theirs, 10)
							w.restart()
							time.Sleep(10 * time.Second)
						}
						w.exchange(theirs, 10)
						require.NotContains(t, w.ours.seen(), ice.StateFailed)
						require.NotContains(t, w.ours.seen(), ice.StateDisconnected)
					})
				}
			})
		}
	}
}

// iceWorld is a bubble's network with Pion's agent on one host and ours on another.
type iceWorld struct {
	t      *testing.T
	c      iceCase
	wan    *vnet.Router
	ours   *iceDriver
	theirs *pion.Agent

	mu   sync.Mutex
	rand *mathrand.Rand
	loss float64

	received chan []byte // by Pion
}

// newICEWorld must be called in a bubble.
func newICEWorld(t *testing.T, c iceCase, seed uint64) *iceWorld {
	t.Helper()
	w := &iceWorld{t: t, c: c, loss: c.loss, rand: mathrand.New(mathrand.NewPCG(seed, 1)), received: make(chan []byte, 1000)}
	quiet := logging.NewDefaultLoggerFactory()
	quiet.DefaultLogLevel = logging.LogLevelDisabled
	wan, err := vnet.NewRouter(&vnet.RouterConfig{CIDR: "192.0.2.0/24", MinDelay: 20 * time.Millisecond, LoggerFactory: quiet})
	require.NoError(t, err)
	wan.AddChunkFilter(func(vnet.Chunk) bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.loss == 0 || w.rand.Float64() >= w.loss
	})
	w.wan = wan
	our, ourIP := w.host(1, c.ourNAT, quiet)
	their, _ := w.host(2, c.theirNAT, quiet)
	require.NoError(t, wan.Start())

	options := []pion.AgentOption{
		pion.WithNet(their), pion.WithLoggerFactory(quiet),
		pion.WithNetworkTypes([]pion.NetworkType{pion.NetworkTypeUDP4}),
		pion.WithCandidateTypes([]pion.CandidateType{pion.CandidateTypeHost}),
		pion.WithMulticastDNSMode(pion.MulticastDNSModeDisabled),
		pion.WithICELite(c.theirLite),
	}
	w.theirs, err = pion.NewAgentWithOptions(options...)
	require.NoError(t, err)

	socket, err := our.ListenUDP("udp4", &net.UDPAddr{IP: ourIP.AsSlice()})
	require.NoError(t, err)
	agent, err := ice.New(time.Now(), ice.Config{Rand: rand.Reader, Controlling: c.controlling, Lite: c.ourLite})
	require.NoError(t, err)
	w.ours = startICE(t, agent, socket)
	return w
}

// host adds a host to the world, behind a NAT of its own if wanted.
func (w *iceWorld) host(n int, behindNAT bool, quiet *logging.DefaultLoggerFactory) (*vnet.Net, netip.Addr) {
	w.t.Helper()
	router, ip := w.wan, netip.AddrFrom4([4]byte{192, 0, 2, byte(n)})
	if behindNAT {
		lan, err := vnet.NewRouter(&vnet.RouterConfig{
			CIDR: fmt.Sprintf("10.0.%d.0/24", n), StaticIPs: []string{ip.String()}, LoggerFactory: quiet,
			NATType: &vnet.NATType{
				MappingBehavior:   vnet.EndpointIndependent,
				FilteringBehavior: vnet.EndpointAddrPortDependent,
			},
		})
		require.NoError(w.t, err)
		require.NoError(w.t, router.AddRouter(lan))
		router, ip = lan, netip.AddrFrom4([4]byte{10, 0, byte(n), 7})
	}
	host, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{ip.String()}})
	require.NoError(w.t, err)
	require.NoError(w.t, router.AddNet(host))
	return host, ip
}

func (w *iceWorld) setLoss(loss float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.loss = loss
}

// signal carries the descriptions from each side to the other.
func (w *iceWorld) signal() {
	w.t.Helper()
	gathered := make(chan struct{})
	var once sync.Once
	require.NoError(w.t, w.theirs.OnCandidate(func(c pion.Candidate) {
		if c == nil {
			once.Do(func() { close(gathered) })
			return
		}
		parsed, err := ice.ParseCandidate(c.Marshal())
		require.NoError(w.t, err)
		w.ours.do(func(a *ice.Agent) { require.NoError(w.t, a.AddRemoteCandidate(time.Now(), parsed)) })
	}))
	require.NoError(w.t, w.theirs.GatherCandidates())
	<-gathered
	ufrag, pwd, err := w.theirs.GetLocalUserCredentials()
	require.NoError(w.t, err)
	var candidates []ice.Candidate
	w.ours.do(func(a *ice.Agent) {
		a.EndOfRemoteCandidates(time.Now())
		require.NoError(w.t, a.SetRemoteCredentials(time.Now(), ice.Credentials{Ufrag: ufrag, Pwd: pwd}, w.c.theirLite))
		candidates = a.AppendLocalCandidates(nil)
	})
	for _, c := range candidates {
		parsed, err := pion.UnmarshalCandidate(c.String())
		require.NoError(w.t, err, c.String())
		require.NoError(w.t, w.theirs.AddRemoteCandidate(parsed))
	}
}

func (w *iceWorld) credentials() (c ice.Credentials) {
	w.ours.do(func(a *ice.Agent) { c = a.LocalCredentials() })
	return c
}

// connect signals, and runs Pion until it has a pair, and us likewise.
func (w *iceWorld) connect() *pion.Conn {
	w.t.Helper()
	w.signal()
	require.NoError(w.t, w.theirs.SetRemoteICELite(w.c.ourLite))
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	mine := w.credentials()
	start := w.theirs.Dial
	if w.c.controlling != w.c.conflict {
		start = w.theirs.Accept
	}
	conn, err := start(ctx, mine.Ufrag, mine.Pwd)
	require.NoError(w.t, err, "Pion did not connect: %v", w.ours.story())
	go func() {
		for buf := make([]byte, 1500); ; {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			w.received <- bytes.Clone(buf[:n])
		}
	}()
	return conn
}

// restart gives both sides new credentials.
func (w *iceWorld) restart() {
	w.t.Helper()
	require.NoError(w.t, w.theirs.Restart("", ""))
	w.ours.do(func(a *ice.Agent) { require.NoError(w.t, a.Restart(time.Now(), ice.Credentials{})) })
	w.signal()
	mine := w.credentials()
	require.NoError(w.t, w.theirs.SetRemoteCredentials(mine.Ufrag, mine.Pwd))
}

// exchange sends n datagrams each way, and expects that all that were not lost arrive.
func (w *iceWorld) exchange(theirs *pion.Conn, n int) {
	w.t.Helper()
	for i := range n {
		_, err := theirs.Write(fmt.Appendf(nil, "\xFFto us %d", i))
		require.NoError(w.t, err)
		w.ours.send(fmt.Appendf(nil, "\xFFto Pion %d", i))
		time.Sleep(10 * time.Millisecond)
	}
	time.Sleep(time.Second)
	w.mu.Lock()
	enough := n
	if w.loss > 0 {
		enough = n / 4
	}
	w.mu.Unlock()
	require.GreaterOrEqual(w.t, len(w.received), enough, "datagrams that Pion received")
	require.GreaterOrEqual(w.t, len(w.ours.data), enough, "datagrams that we received\n%s", w.ours.story())
	for len(w.received) > 0 {
		require.Contains(w.t, string(<-w.received), "to Pion")
	}
	for len(w.ours.data) > 0 {
		require.Contains(w.t, string(<-w.ours.data), "to us")
	}
}

func (w *iceWorld) stop() {
	_ = w.theirs.Close()
	w.ours.stop()
	_ = w.wan.Stop() // and those behind it
	synctest.Wait()
}

// iceDriver runs our agent over a socket: one goroutine owns it.
type iceDriver struct {
	t      *testing.T
	agent  *ice.Agent
	socket piontransport.UDPConn
	local  netip.AddrPort
	calls  chan func()
	data   chan []byte // authenticated by nobody here, but from a validated path
	done   chan struct{}

	mu     sync.Mutex
	states []ice.State
	events []ice.Event
}

func startICE(t *testing.T, agent *ice.Agent, socket piontransport.UDPConn) *iceDriver {
	t.Helper()
	d := &iceDriver{
		t: t, agent: agent, socket: socket, local: socket.LocalAddr().(*net.UDPAddr).AddrPort(),
		calls: make(chan func()), data: make(chan []byte, 1000), done: make(chan struct{}),
	}
	d.local = netip.AddrPortFrom(d.local.Addr().Unmap(), d.local.Port())
	require.NoError(t, agent.AddLocalCandidate(time.Now(), ice.Candidate{Type: ice.Host, Addr: d.local}))
	type packet struct {
		from netip.AddrPort
		data []byte
	}
	packets := make(chan packet, 1000)
	go func() {
		defer close(packets)
		for buf := make([]byte, 1500); ; {
			n, from, err := socket.ReadFrom(buf)
			if err != nil {
				return
			}
			packets <- packet{from.(*net.UDPAddr).AddrPort(), bytes.Clone(buf[:n])}
		}
	}()
	go func() {
		defer close(d.done)
		for {
			var timer <-chan time.Time
			if at := d.drain(); !at.IsZero() {
				timer = time.After(time.Until(at))
			}
			select {
			case p, ok := <-packets:
				if !ok {
					return
				}
				d.receive(ice.Path{Local: d.local, Remote: p.from}, p.data)
			case call := <-d.calls:
				call()
			case <-timer:
				agent.HandleTimeout(time.Now())
			}
		}
	}()
	return d
}

func (d *iceDriver) receive(path ice.Path, b []byte) {
	switch {
	case stun.Is(b):
		d.agent.HandlePacket(time.Now(), path, b)
	case d.agent.Validated(path):
		d.agent.NoteData(time.Now(), path)
		d.data <- b
	}
}

// drain sends what is owed and returns the deadline.
func (d *iceDriver) drain() time.Time {
	for {
		b, path, ok := d.agent.AppendPacket(time.Now(), nil)
		if !ok {
			break
		}
		_, _ = d.socket.WriteTo(b, net.UDPAddrFromAddrPort(path.Remote))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for ev, ok := d.agent.NextEvent(); ok; ev, ok = d.agent.NextEvent() {
		d.events = append(d.events, ev)
		if ev.Kind == ice.StateChanged {
			d.states = append(d.states, ev.State)
		}
	}
	return d.agent.Deadline()
}

// do runs f where the agent is at rest.
func (d *iceDriver) do(f func(*ice.Agent)) {
	done := make(chan struct{})
	d.calls <- func() { f(d.agent); close(done) }
	<-done
}

func (d *iceDriver) send(b []byte) {
	d.do(func(a *ice.Agent) {
		if path, ok := a.SendPath(); ok {
			_, _ = d.socket.WriteTo(b, net.UDPAddrFromAddrPort(path.Remote))
		}
	})
}

func (d *iceDriver) seen() []ice.State {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.states)
}

func (d *iceDriver) story() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return fmt.Sprintf("%v\n%+v", d.events, d.agent.Stats())
}

// waitState waits until the agent is in one of the states.
func (d *iceDriver) waitState(states ...ice.State) {
	d.t.Helper()
	for range 1000 {
		var s ice.State
		d.do(func(a *ice.Agent) { s = a.State() })
		if slices.Contains(states, s) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	require.Fail(d.t, "state was not reached", "%v: %s", states, d.story())
}

func (d *iceDriver) stop() {
	_ = d.socket.Close()
	<-d.done
}
