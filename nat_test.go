package rtc_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/ice"
	"github.com/sansrtc/rtc/internal/simnet"
	"github.com/sansrtc/rtc/sctp"
)

// A natClass is one of the combinations of RFC 4787 that are found in homes.
type natClass struct {
	name               string
	mapping, filtering simnet.Behavior
}

var natClasses = []natClass{
	{"full cone", simnet.EndpointIndependent, simnet.EndpointIndependent},
	{"address-restricted", simnet.EndpointIndependent, simnet.AddressDependent},
	{"port-restricted", simnet.EndpointIndependent, simnet.AddressAndPortDependent},
	{"symmetric", simnet.AddressAndPortDependent, simnet.AddressAndPortDependent},
}

// Two peers behind NATs, each with the server-reflexive candidate that a STUN server would have
// told it, connect directly unless neither can know where the other's datagrams come from: a
// symmetric NAT facing one that filters by port.
func TestNAT(t *testing.T) {
	strict := func(c natClass) bool { return c.filtering == simnet.AddressAndPortDependent }
	symmetric := func(c natClass) bool { return c.mapping == simnet.AddressAndPortDependent }
	for _, l := range natClasses {
		for _, r := range natClasses {
			want := !(symmetric(l) && strict(r) || symmetric(r) && strict(l))
			t.Run(l.name+" and "+r.name, func(t *testing.T) {
				w := newNetwork(t, worldConfig{})
				w.l.putBehind(w, l, "192.0.2.1")
				w.r.putBehind(w, r, "192.0.2.2")
				w.net.Link(w.l.host, w.r.host, simnet.LinkConfig{Delay: 20 * ms})
				w.negotiate(w.l, rtc.Changes{DataChannels: true})
				if !want {
					w.until(2*time.Minute, "failure", func() bool { return w.l.closed && w.r.closed })
					require.True(t, errors.Is(w.l.err, rtc.ErrICEFailed), "L: %v", w.l.err)
					require.True(t, errors.Is(w.r.err, rtc.ErrICEFailed), "R: %v", w.r.err)
					return
				}
				w.until(5*time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
				id, _ := w.open(sctp.ChannelConfig{Label: "chat"})

				// The consent checks keep the mappings alive, which expire after two minutes.
				w.net.Run(10 * time.Minute)
				require.NoError(t, w.l.Send(w.net.Now(), id, false, []byte("still there")))
				w.until(time.Second, "message", func() bool { return len(w.r.received["chat"]) == 1 })
			})
		}
	}
}

// putBehind gives the peer a private address behind a NAT, and the candidates for it.
func (p *simPeer) putBehind(w *world, class natClass, external string) *simnet.NAT {
	p.t.Helper()
	nat := w.net.NAT(simnet.NATConfig{
		External: netip.MustParseAddr(external), Mapping: class.mapping, Filtering: class.filtering,
	})
	p.host.Attach(p.addr.Addr(), nat)
	now := w.net.Now()
	require.NoError(p.t, p.AddLocalCandidate(now, ice.Candidate{Type: ice.Host, Addr: p.addr}))
	require.NoError(p.t, p.AddLocalCandidate(now, ice.Candidate{
		Type: ice.ServerReflexive, Base: p.addr, Related: p.addr,
		// What a STUN server would see, without the delay of asking it.
		Addr: nat.Map(now, p.addr, netip.MustParseAddrPort("198.51.100.1:3478")),
	}))
	return nat
}

// A rebound NAT gives the peer a new address in the middle of the session. The other side learns
// it from the next check and follows.
func TestNATRebinding(t *testing.T) {
	w := newNetwork(t, worldConfig{})
	nat := w.l.putBehind(w, natClasses[2], "192.0.2.1")
	w.r.host.Attach(w.r.addr.Addr(), nil)
	require.NoError(t, w.r.AddLocalCandidate(w.net.Now(), ice.Candidate{Type: ice.Host, Addr: w.r.addr}))
	w.net.Link(w.l.host, w.r.host, simnet.LinkConfig{Delay: 20 * ms})
	w.connect()
	_, r := w.open(sctp.ChannelConfig{Label: "chat"})
	w.net.Run(10 * time.Second)
	nat.Rebind()
	w.net.Run(15 * time.Second)
	require.NoError(t, w.r.Send(w.net.Now(), r, false, []byte("found you")))
	w.until(5*time.Second, "message", func() bool { return len(w.l.received["chat"]) == 1 })
	require.False(t, w.l.closed || w.r.closed)
}
