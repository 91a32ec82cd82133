package rtc_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/ice"
	"github.com/sansrtc/rtc/internal/simnet"
	"github.com/sansrtc/rtc/sctp"
)

// A local candidate that is withdrawn while it carries the session is not used again, and the
// other takes over at once: nothing waits for a timeout.
func TestWithdrawLocalCandidate(t *testing.T) {
	w := newNetwork(t, worldConfig{seed: 7})
	second := netip.MustParseAddrPort("10.0.1.1:5000")
	now := w.net.Now()
	for _, p := range []*simPeer{w.l, w.r} {
		p.host.Attach(p.addr.Addr(), nil)
		require.NoError(t, p.AddLocalCandidate(now, ice.Candidate{Addr: p.addr}))
	}
	w.l.host.Attach(second.Addr(), nil)
	require.NoError(t, w.l.AddLocalCandidate(now, ice.Candidate{Addr: second}))
	w.net.Link(w.l.host, w.r.host, simnet.LinkConfig{Delay: 10 * ms})
	w.connect()
	l, r := w.open(sctp.ChannelConfig{Label: "chat"})
	w.net.Run(2 * time.Second)

	var selected []ice.Path
	var removed []netip.AddrPort
	w.l.onEvent = func(ev rtc.Event) {
		switch ev := ev.(type) {
		case *rtc.PathSelected:
			selected = append(selected, ev.Path)
		case *rtc.RemoteAddrRemoved:
			removed = append(removed, ev.Path.Local)
		}
	}
	now = w.net.Now()
	require.NoError(t, w.l.RemoveLocalCandidate(now, ice.Candidate{Addr: w.l.addr}))
	w.net.Trace = func(_ time.Time, fate simnet.Fate, h *simnet.Host, p simnet.Packet) {
		if fate == simnet.Sent && h == w.l.host {
			require.Equal(t, second, p.From, "a datagram leaves from the address withdrawn")
		}
	}
	require.NoError(t, w.l.Send(now, l, true, []byte("up")))
	require.NoError(t, w.r.Send(now, r, true, []byte("down")))
	w.net.Run(30 * ms)
	require.Len(t, w.r.received["chat"], 1, "one way takes 10 ms")
	require.Equal(t, []ice.Path{{Local: second, Remote: w.r.addr}}, selected)
	require.Equal(t, []netip.AddrPort{w.l.addr}, removed)
	w.until(time.Second, "the peer follows", func() bool { return len(w.l.received["chat"]) == 1 })

	// What still arrives there is nobody's.
	before := w.l.Stats()
	w.l.HandleInput(rtc.Input{Now: w.net.Now(), Local: w.l.addr, Remote: w.r.addr, Data: []byte{22, 0xfe, 0xfd}})
	require.Equal(t, before.Dropped.Unvalidated+1, w.l.Stats().Dropped.Unvalidated)
	require.False(t, slices.ContainsFunc(w.l.LocalParameters().Candidates, func(c ice.Candidate) bool { return c.Addr == w.l.addr }))
	w.net.Run(time.Minute)
	require.False(t, w.l.closed || w.r.closed)
}

// Without another candidate the session waits for one, and goes on when it is there.
func TestWithdrawLastCandidate(t *testing.T) {
	w := newWorld(t, worldConfig{link: simnet.LinkConfig{Delay: 10 * ms}})
	w.connect()
	l, _ := w.open(sctp.ChannelConfig{Label: "chat"})
	require.NoError(t, w.l.RemoveLocalCandidate(w.net.Now(), ice.Candidate{Addr: w.l.addr}))
	require.NoError(t, w.l.Send(w.net.Now(), l, true, []byte("kept")))
	w.net.Run(5 * time.Second)
	require.Empty(t, w.r.received["chat"])
	require.False(t, w.l.closed)

	addr := netip.MustParseAddrPort("10.0.0.9:5000")
	w.l.host.Attach(addr.Addr(), nil)
	w.net.Link(w.l.host, w.r.host, simnet.LinkConfig{Delay: 10 * ms})
	require.NoError(t, w.l.AddLocalCandidate(w.net.Now(), ice.Candidate{Addr: addr}))
	w.until(5*time.Second, "the message", func() bool { return len(w.r.received["chat"]) == 1 })
}

// A loss now and then is no reason to call a session that is idle disconnected, although one that is lite has
// nothing but the other side's checks to go by.
func TestIdleSessionStaysConnected(t *testing.T) {
	for _, lite := range []bool{false, true} {
		seeds(t, 10, func(t *testing.T, seed uint64) {
			link := simnet.LinkConfig{Delay: 20 * ms}
			w := newWorld(t, worldConfig{seed: seed, link: link, change: func(l, _ *rtc.Config) { l.ICELite = lite }})
			w.connect()
			link.Loss = simnet.RandomLoss(0.05)
			w.net.Link(w.l.host, w.r.host, link)
			before := [][]string{slices.Clone(w.l.log), slices.Clone(w.r.log)}
			w.net.Run(20 * time.Minute)
			require.Equal(t, before, [][]string{w.l.log, w.r.log})
		})
	}
}
