package ice

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseCandidate(t *testing.T) {
	for _, test := range []struct {
		text string
		want Candidate
		back string // what String returns; if empty, text
	}{
		{text: "candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host",
			want: Candidate{Foundation: "1", Component: 1, Priority: 2130706431, Addr: addr("192.0.2.1:5000")}},
		{text: "a=candidate:842163049 1 UDP 1677729535 203.0.113.9 40000 typ srflx raddr 10.0.0.1 rport 5000 generation 0 ufrag aB+/ network-id 1 network-cost 999\r\n",
			want: Candidate{Foundation: "842163049", Component: 1, Priority: 1677729535, Type: ServerReflexive,
				Addr: addr("203.0.113.9:40000"), Related: addr("10.0.0.1:5000"), Ufrag: "aB+/"},
			back: "candidate:842163049 1 udp 1677729535 203.0.113.9 40000 typ srflx raddr 10.0.0.1 rport 5000 ufrag aB+/"},
		{text: "candidate:2 1 udp 41885439 2001:db8::7 3478 typ relay raddr 0.0.0.0 rport 0",
			want: Candidate{Foundation: "2", Component: 1, Priority: 41885439, Type: Relay,
				Addr: addr("[2001:db8::7]:3478"), Related: addr("0.0.0.0:0")}},
		{text: "0 1 udp 1 ::ffff:192.0.2.1 1 typ prflx",
			want: Candidate{Foundation: "0", Component: 1, Priority: 1, Type: PeerReflexive, Addr: addr("192.0.2.1:1")},
			back: "candidate:0 1 udp 1 192.0.2.1 1 typ prflx"},
		{text: "candidate:3 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active",
			want: Candidate{Foundation: "3", Component: 1, Transport: TCP, Priority: 1518280447, Addr: addr("192.0.2.1:9"), TCPType: TCPActive}},
		{text: "candidate:3 1 TCP 5 192.0.2.1 443 typ host tcptype passive generation 0",
			want: Candidate{Foundation: "3", Component: 1, Transport: TCP, Priority: 5, Addr: addr("192.0.2.1:443"), TCPType: TCPPassive},
			back: "candidate:3 1 tcp 5 192.0.2.1 443 typ host tcptype passive"},
		{text: "candidate:3 1 tcp 5 192.0.2.1 443 typ host tcptype so",
			want: Candidate{Foundation: "3", Component: 1, Transport: TCP, Priority: 5, Addr: addr("192.0.2.1:443"), TCPType: TCPSimultaneousOpen}},
		{text: "candidate:1 2 udp 2113937151 0a1b2c3d-4e5f-6789-abcd-ef0123456789.local 40000 typ host",
			want: Candidate{Foundation: "1", Component: 2, Priority: 2113937151, Hostname: "0a1b2c3d-4e5f-6789-abcd-ef0123456789.local", Port: 40000}},
	} {
		got, err := ParseCandidate(test.text)
		require.NoError(t, err, test.text)
		require.Equal(t, test.want, got, test.text)
		want := test.back
		if want == "" {
			want = test.text
		}
		require.Equal(t, want, got.String())
		again, err := ParseCandidate(got.String())
		require.NoError(t, err)
		require.Equal(t, got, again)
	}
}

func TestParseCandidateRejects(t *testing.T) {
	for text, want := range map[string]error{
		"":                                                            ErrEndOfCandidates,
		"candidate:":                                                  ErrEndOfCandidates,
		"a=candidate:":                                                ErrEndOfCandidates,
		"candidate:1":                                                 ErrSyntax,
		"candidate:1 1 udp 1 1.2.3.4 5":                               ErrSyntax,
		"1 1 udp 1 1.2.3.4 5 type host":                               ErrSyntax,
		"1 0 udp 1 1.2.3.4 5 typ host":                                ErrSyntax,
		"1 999 udp 1 1.2.3.4 5 typ host":                              ErrSyntax,
		"1 1 udp 4294967296 1.2.3.4 5 typ host":                       ErrSyntax,
		"1 1 udp -1 1.2.3.4 5 typ host":                               ErrSyntax,
		"1 1 udp 1 1.2.3.4 65536 typ host":                            ErrSyntax,
		"1 1 udp 1 1.2.3.4.5 5 typ host":                              ErrSyntax,
		"1 1 udp 1 [::1] 5 typ host":                                  ErrSyntax,
		"! 1 udp 1 1.2.3.4 5 typ host":                                ErrSyntax,
		"1 1 udp 1 1.2.3.4 5 typ host raddr":                          ErrSyntax,
		"1 1 udp 1 1.2.3.4 5 typ host rport x":                        ErrSyntax,
		"1 1 udp 1 1.2.3.4 5 typ host ufrag a-b":                      ErrSyntax,
		"1 1 tcp 1 1.2.3.4 5 typ host":                                ErrSyntax,
		"1 1 tcp 1 1.2.3.4 5 typ host tcptype other":                  ErrSyntax,
		"1 1 ssltcp 1 1.2.3.4 5 typ host":                             ErrUnsupported,
		"1 1 udp 1 1.2.3.4 5 typ token":                               ErrUnsupported,
		"1 1 udp 1 1.2.3.4 5 typ host x " + strings.Repeat("y", 1100): ErrSyntax,
	} {
		_, err := ParseCandidate(text)
		require.ErrorIs(t, err, want, "%q", text)
	}
	// Every prefix that ends before the type does.
	full := "candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host"
	for n := range len(full) {
		_, err := ParseCandidate(full[:n])
		require.Error(t, err, full[:n])
	}
}

func FuzzParseCandidate(f *testing.F) {
	f.Add("candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host")
	f.Add("a=candidate:3 1 tcp 5 ::1 443 typ srflx raddr 1.2.3.4 rport 5 tcptype so ufrag abcd")
	f.Add("candidate:1 1 udp 1 x.local 1 typ host network-cost 999")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCandidate(s)
		if err != nil {
			return
		}
		again, err := ParseCandidate(c.String())
		require.NoError(t, err, c.String())
		require.Equal(t, c.String(), again.String())
	})
}

// "priority = (2^24)*(type preference) + (2^8)*(local preference) + (256 - component ID)"
func TestLocalPriority(t *testing.T) {
	w := newWorld(t, 1)
	a := w.add("L", Config{}).agent
	for _, c := range []Candidate{
		host("10.0.0.1:1"),
		host("[2001:db8::1]:1"),
		{Type: ServerReflexive, Addr: addr("192.0.2.1:1"), Base: addr("10.0.0.1:1")},
		{Type: Relay, Addr: addr("192.0.2.2:1")},
		{Transport: TCP, TCPType: TCPPassive, Addr: addr("10.0.0.1:1")},
		{Transport: TCP, TCPType: TCPActive, Addr: addr("10.0.0.1:9")},
		{Addr: addr("10.0.0.9:1"), Priority: 77, Foundation: "mine"},
	} {
		require.NoError(t, a.AddLocalCandidate(w.now, c))
		require.NoError(t, a.AddLocalCandidate(w.now, c), "twice is no error")
	}
	got := a.AppendLocalCandidates(nil)
	require.Len(t, got, 7)
	var priorities []uint32
	foundations := map[string]bool{}
	for _, c := range got {
		priorities = append(priorities, c.Priority)
		foundations[c.Foundation] = true
		_, err := ParseCandidate(c.String())
		require.NoError(t, err)
	}
	require.Equal(t, []uint32{0x7EFFFFFF, 0x7EFFFEFF, 0x64FFFFFF, 0x00FFFFFF, 0x5A9FFFFF, 0x5ADFFFFF, 77}, priorities)
	require.Len(t, foundations, 7)
}

func TestPairPriority(t *testing.T) {
	require.Equal(t, uint64(1)<<32+2*2+0, pairPriority(true, 1, 2))
	require.Equal(t, uint64(1)<<32+2*2+1, pairPriority(true, 2, 1))
	require.Equal(t, pairPriority(true, 5, 9), pairPriority(false, 9, 5), "both sides agree")
}

func TestCandidateErrors(t *testing.T) {
	w := newWorld(t, 1)
	a := w.add("L", Config{MaxLocalCandidates: 1}).agent
	for _, s := range []string{"0.0.0.0:1", "[::]:1", "224.0.0.1:1", "[ff02::1]:1", "255.255.255.255:1", "10.0.0.1:0"} {
		require.ErrorIs(t, a.AddLocalCandidate(w.now, host(s)), ErrCandidate, s)
		require.ErrorIs(t, a.AddRemoteCandidate(w.now, host(s)), ErrCandidate, s)
	}
	require.ErrorIs(t, a.AddRemoteCandidate(w.now, Candidate{}), ErrCandidate)
	require.ErrorIs(t, a.AddRemoteCandidate(w.now, Candidate{Hostname: "a b", Port: 1}), ErrCandidate)
	require.ErrorIs(t, a.AddRemoteCandidate(w.now, Candidate{Hostname: "a.local"}), ErrCandidate)
	require.ErrorIs(t, a.AddLocalCandidate(w.now, Candidate{Transport: TCP, Addr: addr("10.0.0.1:1")}), ErrCandidate)
	require.NoError(t, a.AddLocalCandidate(w.now, host("10.0.0.1:1")))
	require.ErrorIs(t, a.AddLocalCandidate(w.now, host("10.0.0.1:2")), ErrTooManyCandidates)
}

// Firefox offers component 2 as well, and sends an empty candidate at the end.
func TestIgnoredCandidates(t *testing.T) {
	p := newPeer(t, Config{Controlling: true})
	for _, s := range []string{
		"candidate:0 2 udp 2122252542 10.0.0.2 2001 typ host",
		"candidate:1 1 tcp 2105524479 10.0.0.2 9 typ host tcptype active",
		"candidate:2 1 udp 2122252543 10.0.0.2 2002 typ host ufrag former",
	} {
		c, err := ParseCandidate(s)
		require.NoError(t, err)
		require.NoError(t, p.agent.AddRemoteCandidate(p.now, c))
	}
	p.wantIdle("no pair")
	require.EqualValues(t, 3, p.agent.Stats().IgnoredCandidates)
}

// Candidates may come before the description: those of another generation go when it
// comes.
func TestCandidatesBeforeCredentials(t *testing.T) {
	w := newWorld(t, 1)
	a := w.add("L", Config{Controlling: true}, "10.0.0.1:1").agent
	for _, c := range []Candidate{
		{Addr: addr("10.0.0.2:1"), Ufrag: "peer"}, {Addr: addr("10.0.0.2:2"), Ufrag: "other"}, {Addr: addr("10.0.0.2:3")},
		{Hostname: "x.local", Port: 4, Ufrag: "other"},
	} {
		require.NoError(t, a.AddRemoteCandidate(w.now, c))
	}
	require.Equal(t, StateNew, a.State())
	_, _, ok := a.AppendPacket(w.now, nil)
	require.False(t, ok)
	require.NoError(t, a.SetRemoteCredentials(w.now, Credentials{"peer", peerPwd}, false))
	require.Len(t, a.AppendPairs(nil), 2)
	require.Empty(t, a.cur.hostnames)
	checkInvariants(t, a)
}

func TestHostname(t *testing.T) {
	p := newPeer(t, Config{Controlling: true})
	p.agent.NextEvent()
	for port := uint16(2000); port < 2002; port++ {
		require.NoError(t, p.agent.AddRemoteCandidate(p.now, Candidate{Hostname: "x.local", Port: port, Priority: 9}))
	}
	require.NoError(t, p.agent.AddRemoteCandidate(p.now, Candidate{Hostname: "y.local", Port: 1}))
	var names []string
	for ev, ok := p.agent.NextEvent(); ok; ev, ok = p.agent.NextEvent() {
		if ev.Kind == ResolveHostname {
			names = append(names, ev.Name)
		}
	}
	require.Equal(t, []string{"x.local", "y.local"}, names)
	p.wantIdle("no address yet")
	require.ErrorIs(t, p.agent.ResolveRemoteCandidate(p.now, "z.local", netip.Addr{}), ErrHostname)
	require.NoError(t, p.agent.ResolveRemoteCandidate(p.now, "y.local", netip.Addr{}))
	require.NoError(t, p.agent.ResolveRemoteCandidate(p.now, "x.local", p.path.Remote.Addr()))
	require.Len(t, p.agent.AppendPairs(nil), 2)
	require.ErrorIs(t, p.agent.ResolveRemoteCandidate(p.now, "x.local", p.path.Remote.Addr()), ErrHostname)
	p.answer(p.wantCheck("resolved, checked"))
	p.agent.EndOfRemoteCandidates(p.now)
	require.Equal(t, StateConnected, p.agent.State(), "another pair is still to be checked")
}

func TestTrickle(t *testing.T) {
	w := newWorld(t, 1)
	l, r := w.add("L", Config{Controlling: true}), w.add("R", Config{})
	require.NoError(t, l.agent.SetRemoteCredentials(w.now, r.agent.LocalCredentials(), false))
	require.NoError(t, r.agent.SetRemoteCredentials(w.now, l.agent.LocalCredentials(), false))
	w.run(5 * time.Second)
	require.NoError(t, l.agent.AddLocalCandidate(w.now, host("10.0.0.1:1")))
	require.NoError(t, r.agent.AddLocalCandidate(w.now, host("10.0.0.2:2")))
	require.NoError(t, r.agent.AddRemoteCandidate(w.now, host("10.0.0.1:1")))
	w.run(time.Second)
	require.Equal(t, StateConnected, l.agent.State(), "by the peer's check alone")
	require.Equal(t, StateConnected, r.agent.State())
	l.agent.EndOfRemoteCandidates(w.now)
	require.Equal(t, StateCompleted, l.agent.State())
	w.run(time.Second)
	require.NoError(t, l.agent.AddRemoteCandidate(w.now, host("10.0.0.3:3")))
	require.Equal(t, StateConnected, l.agent.State(), "late candidates are welcome")
	w.run(31 * time.Second)
	require.Equal(t, StateCompleted, l.agent.State())
}

// The agent waits for late candidates before it fails.
func TestFailsLate(t *testing.T) {
	p := newPeer(t, Config{})
	p.agent.EndOfRemoteCandidates(p.now)
	p.advance(29 * time.Second)
	require.Equal(t, StateChecking, p.agent.State())
	require.NoError(t, p.agent.AddRemoteCandidate(p.now, host("10.0.0.2:2000")))
	p.wantCheck("checked at once")
	p.advance(29 * time.Second)
	require.Equal(t, StateChecking, p.agent.State())
	p.advance(time.Second)
	require.Equal(t, StateFailed, p.agent.State())
	require.NoError(t, p.agent.AddRemoteCandidate(p.now, Candidate{Addr: addr("10.0.0.3:2000")}))
	require.Equal(t, StateChecking, p.agent.State(), "a new candidate is new hope")
}
