package rtc_test

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/ice"
	"github.com/sansrtc/rtc/internal/simnet"
	"github.com/sansrtc/rtc/sctp"
)

// start sets both peers up without SDP, L as the controlling DTLS client.
func (w *world) start() {
	w.t.Helper()
	now := w.net.Now()
	require.NoError(w.t, w.l.Start(now, w.r.LocalParameters(), rtc.Role{Controlling: true, DTLSClient: true}))
	require.NoError(w.t, w.r.Start(now, w.l.LocalParameters(), rtc.Role{}))
}

func TestStart(t *testing.T) {
	w := newWorld(t, worldConfig{link: simnet.LinkConfig{Delay: 10 * ms}})
	w.start()
	l, _ := w.open(sctp.ChannelConfig{Label: "game", Unordered: true, MaxRetransmits: new(uint16(0))})
	require.NoError(t, w.l.Send(w.net.Now(), l, true, []byte("up")))
	w.net.Run(time.Second)
	require.Equal(t, []message{{true, "up"}}, w.r.received["game"])
	require.True(t, w.l.connected.Client)
	require.False(t, w.r.connected.Client)
}

// A Start that fails leaves no trace: the session can still be set up in either way.
func TestStartFails(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(p *rtc.Parameters)
		want   error
	}{
		{"both are lite", func(p *rtc.Parameters) { p.ICELite = true }, ice.ErrBothLite},
		{"bad credentials", func(p *rtc.Parameters) { p.ICE.Pwd = "short" }, ice.ErrCredentials},
	} {
		t.Run(test.name, func(t *testing.T) {
			lite := func(l, _ *rtc.Config) { l.ICELite = true }
			start := func(w *world) {
				remote := w.r.LocalParameters()
				test.change(&remote)
				require.ErrorIs(t, w.l.Start(w.net.Now(), remote, rtc.Role{}), test.want)
			}
			w := newWorld(t, worldConfig{link: simnet.LinkConfig{Delay: ms}, change: lite})
			start(w)
			w.negotiate(w.r, rtc.Changes{DataChannels: true})
			w.until(5*time.Second, "connect by SDP", func() bool { return w.l.connected != nil && w.r.connected != nil })

			w = newWorld(t, worldConfig{link: simnet.LinkConfig{Delay: ms}, change: lite})
			start(w)
			w.start()
			w.until(5*time.Second, "connect by Start", func() bool { return w.l.connected != nil && w.r.connected != nil })
		})
	}
}

// What is given to Start is the caller's again when it returns.
func TestStartCopies(t *testing.T) {
	w := newWorld(t, worldConfig{link: simnet.LinkConfig{Delay: ms}})
	for _, p := range []*simPeer{w.l, w.r} {
		remote := w.other(p).LocalParameters()
		require.NoError(t, p.Start(w.net.Now(), remote, rtc.Role{Controlling: p == w.l, DTLSClient: p == w.l}))
		clear(remote.Fingerprints[0].Value)
		clear(remote.Fingerprints)
		clear(remote.Candidates)
	}
	w.until(5*time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
}

// The port of the peer's association is where packets go.
func TestStartSCTPPort(t *testing.T) {
	w := newWorld(t, worldConfig{link: simnet.LinkConfig{Delay: ms}})
	remote := w.r.LocalParameters()
	remote.SCTPPort = 6000
	require.NoError(t, w.l.Start(w.net.Now(), remote, rtc.Role{Controlling: true, DTLSClient: true}))
	require.NoError(t, w.r.Start(w.net.Now(), w.l.LocalParameters(), rtc.Role{}))
	w.until(5*time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
	w.net.Run(50 * ms)
	require.NotEmpty(t, w.l.lastPacket)
	require.Equal(t, uint16(6000), binary.BigEndian.Uint16(w.l.lastPacket[2:]), "destination port")
}

// An answer concludes its offer; a second answer to it comes too late.
func TestAnswerTwice(t *testing.T) {
	w := newWorld(t, worldConfig{link: simnet.LinkConfig{Delay: ms}})
	now := w.net.Now()
	offer, err := w.l.CreateOffer(now, rtc.Changes{DataChannels: true})
	require.NoError(t, err)
	answer, err := w.r.AcceptOffer(now, offer.SDP())
	require.NoError(t, err)
	require.NoError(t, w.l.AcceptAnswer(now, offer, answer))
	require.ErrorIs(t, w.l.AcceptAnswer(now, offer, answer), rtc.ErrStaleOffer)
	w.until(5*time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
}

// Candidates known to LocalParameters are those that were added.
func TestLocalParameters(t *testing.T) {
	w := newWorld(t, worldConfig{})
	p := w.l.LocalParameters()
	require.True(t, slices.ContainsFunc(p.Candidates, func(c ice.Candidate) bool { return c.Addr == w.l.addr }), "%v", p.Candidates)
	require.Equal(t, testCertificates[0].Fingerprint("sha-256"), p.Fingerprints[0])
	require.Equal(t, uint64(256<<10), p.MaxMessageSize)
}
