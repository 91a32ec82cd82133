package ice

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// behindNAT puts a node behind a port-restricted NAT that shows base as outside.
func (n *node) behindNAT(base, outside string) {
	n.nat = map[netip.AddrPort]netip.AddrPort{addr(base): addr(outside)}
	n.opened = map[[2]netip.AddrPort]bool{}
}

// The side behind a NAT is found by its request, as a peer-reflexive candidate.
func TestPeerReflexive(t *testing.T) {
	for seed := range uint64(20) {
		w := newWorld(t, seed)
		w.loss = float64(seed%3) * 0.1
		l, r := w.pair()
		l.behindNAT("10.0.0.1:1000", "192.0.2.1:4000")
		w.connect(l, r)
		w.loss = 0
		w.run(time.Second)
		path, _ := r.agent.SendPath()
		require.Equal(t, addr("192.0.2.1:4000"), path.Remote)
		for _, p := range r.agent.AppendPairs(nil) {
			if p.Selected {
				require.Equal(t, PeerReflexive, p.Remote.Type)
				require.Equal(t, uint32(110<<24|65535<<8|255), p.Remote.Priority, "the priority that the check carried")
			}
		}
	}
}

// Both sides behind NATs, with server-reflexive candidates: both have to begin before
// either gets through.
func TestBothBehindNAT(t *testing.T) {
	for seed := range uint64(20) {
		w := newWorld(t, seed)
		w.loss = float64(seed%3) * 0.1
		l, r := w.pair()
		l.behindNAT("10.0.0.1:1000", "192.0.2.1:4000")
		r.behindNAT("10.0.0.2:2000", "192.0.2.2:5000")
		require.NoError(t, l.agent.AddLocalCandidate(w.now, Candidate{Type: ServerReflexive, Addr: addr("192.0.2.1:4000"), Base: addr("10.0.0.1:1000")}))
		require.NoError(t, r.agent.AddLocalCandidate(w.now, Candidate{Type: ServerReflexive, Addr: addr("192.0.2.2:5000"), Base: addr("10.0.0.2:2000")}))
		w.introduce(r, l)
		w.run(2 * time.Second) // the answer reaches the other side late
		w.introduce(l, r)
		start := w.now
		w.connect(l, r)
		if w.loss == 0 {
			require.LessOrEqual(t, w.now.Sub(start), 200*ms)
		}
		path, _ := l.agent.SendPath()
		require.Equal(t, Path{UDP, addr("10.0.0.1:1000"), addr("192.0.2.2:5000")}, path, "sends from the base")
		require.Len(t, l.agent.AppendPairs(nil), 2, "no pair for the reflexive candidate of its own base")
	}
}

// A NAT that moves the peer: its next check comes from a new port, and the session
// goes on there, time after time.
func TestRebinding(t *testing.T) {
	w := newWorld(t, 1)
	l, r := w.pair()
	l.behindNAT("10.0.0.1:1000", "192.0.2.1:4000")
	w.connect(l, r)
	for port := uint16(4001); port < 4100; port++ {
		out := netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), port)
		l.nat[addr("10.0.0.1:1000")] = out
		w.run(25 * time.Second)
		path, ok := r.agent.SendPath()
		require.True(t, ok)
		require.Equal(t, out, path.Remote)
		require.NotEqual(t, StateFailed, l.agent.State())
	}
	require.LessOrEqual(t, r.agent.cur.peerReflexive(), 32)
}

func TestFamilies(t *testing.T) {
	for _, test := range []struct {
		local, remote string
		want          bool
	}{
		{"10.0.0.1:1", "10.0.0.2:1", true},
		{"10.0.0.1:1", "[2001:db8::1]:1", false},
		{"[2001:db8::1]:1", "[2001:db8::2]:1", true},
		{"[fe80::1%eth0]:1", "[fe80::2]:1", true},
		{"[fe80::1%eth0]:1", "[2001:db8::2]:1", false},
		{"[2001:db8::1]:1", "[fe80::2]:1", false},
		{"[::ffff:10.0.0.1]:1", "10.0.0.2:1", true},
		{"127.0.0.1:1", "127.0.0.1:2", true},
	} {
		w := newWorld(t, 1)
		a := w.add("L", Config{}, test.local).agent
		require.NoError(t, a.AddRemoteCandidate(w.now, host(test.remote)))
		require.Equal(t, test.want, len(a.AppendPairs(nil)) == 1, "%s with %s", test.local, test.remote)
	}
}

// A link-local address needs a zone to be sent to: that of the base.
func TestLinkLocalZone(t *testing.T) {
	w := newWorld(t, 1)
	a := w.add("L", Config{Controlling: true}, "[fe80::1%eth0]:1").agent
	require.NoError(t, a.SetRemoteCredentials(w.now, Credentials{"peer", peerPwd}, false))
	require.NoError(t, a.AddRemoteCandidate(w.now, host("[fe80::2]:2")))
	_, path, ok := a.AppendPacket(w.now, nil)
	require.True(t, ok)
	require.Equal(t, addr("[fe80::2%eth0]:2"), path.Remote)
	require.NotContains(t, a.AppendLocalCandidates(nil)[0].String(), "%")
	creds := a.LocalCredentials()
	a.HandlePacket(w.now, path, buildCheck(t, creds.Ufrag, creds.Pwd, nil))
	require.Len(t, a.AppendPairs(nil), 1, "the request belongs to the pair there is")
}

// Dual-stack sockets report ::ffff:192.0.2.1.
func TestMappedAddresses(t *testing.T) {
	p := newPeer(t, Config{})
	mapped := func(a netip.AddrPort) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr().As16()), a.Port())
	}
	plain := p.path
	p.path = Path{Local: mapped(plain.Local), Remote: mapped(plain.Remote)}
	p.request(nil)
	require.True(t, p.agent.Requested(p.path))
	require.True(t, p.agent.Requested(plain))
	p.path = plain
	p.want("the answer goes to the plain address")
}

// https://www.rfc-editor.org/rfc/rfc6544#section-6.2
func TestTCPPairs(t *testing.T) {
	tcp := func(s string, tt TCPType) Candidate {
		return Candidate{Transport: TCP, TCPType: tt, Addr: addr(s)}
	}
	for _, test := range []struct {
		local, remote TCPType
		want          bool
	}{
		{TCPActive, TCPPassive, true}, {TCPActive, TCPActive, false}, {TCPActive, TCPSimultaneousOpen, false},
		{TCPPassive, TCPActive, false}, {TCPPassive, TCPPassive, false}, {TCPPassive, TCPSimultaneousOpen, false},
		{TCPSimultaneousOpen, TCPSimultaneousOpen, true}, {TCPSimultaneousOpen, TCPPassive, false},
	} {
		w := newWorld(t, 1)
		a := w.add("L", Config{}).agent
		require.NoError(t, a.AddLocalCandidate(w.now, tcp("10.0.0.1:1", test.local)))
		require.NoError(t, a.AddRemoteCandidate(w.now, tcp("10.0.0.2:2", test.remote)))
		require.NoError(t, a.AddRemoteCandidate(w.now, host("10.0.0.2:2")))
		require.Equal(t, test.want, len(a.AppendPairs(nil)) == 1, "%v with %v", test.local, test.remote)
	}
}

// The active side connects; the passive one learns of it by the first check.
func TestTCPConnects(t *testing.T) {
	w := newWorld(t, 1)
	l, r := w.add("L", Config{Controlling: true}), w.add("R", Config{})
	require.NoError(t, l.agent.AddLocalCandidate(w.now, Candidate{Transport: TCP, TCPType: TCPActive, Addr: addr("10.0.0.1:9")}))
	require.NoError(t, r.agent.AddLocalCandidate(w.now, Candidate{Transport: TCP, TCPType: TCPPassive, Addr: addr("10.0.0.2:443")}))
	l.nat = map[netip.AddrPort]netip.AddrPort{addr("10.0.0.1:9"): addr("10.0.0.1:55555")} // the connection's real port
	l.opened = map[[2]netip.AddrPort]bool{}
	w.connect(l, r)
	path, _ := r.agent.SendPath()
	require.Equal(t, Path{TCP, addr("10.0.0.2:443"), addr("10.0.0.1:55555")}, path)
	require.Equal(t, "active", r.agent.AppendPairs(nil)[0].Remote.TCPType.String())
}

// UDP is preferred to TCP, and a relay comes last.
func TestPreference(t *testing.T) {
	w := newWorld(t, 1)
	l := w.add("L", Config{Controlling: true}, "10.0.0.1:1")
	require.NoError(t, l.agent.AddLocalCandidate(w.now, Candidate{Type: Relay, Addr: addr("192.0.2.9:3478"), Related: addr("10.0.0.1:1")}))
	require.NoError(t, l.agent.AddLocalCandidate(w.now, Candidate{Transport: TCP, TCPType: TCPActive, Addr: addr("10.0.0.1:9")}))
	r := w.add("R", Config{}, "10.0.0.2:2")
	require.NoError(t, r.agent.AddLocalCandidate(w.now, Candidate{Transport: TCP, TCPType: TCPPassive, Addr: addr("10.0.0.2:443")}))
	w.block = func(from, to netip.AddrPort) bool { return from == addr("10.0.0.1:1") || to == addr("10.0.0.1:1") }
	w.connect(l, r)
	w.run(5 * time.Second)
	path, _ := l.agent.SendPath()
	require.Equal(t, TCP, path.Transport, "UDP is blocked, TCP comes before the relay")
}
