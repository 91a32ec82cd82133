package rtc_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/ice"
	"github.com/sansrtc/rtc/internal/simnet"
	"github.com/sansrtc/rtc/rtp"
	"github.com/sansrtc/rtc/sdp"
)

// Directions change, and a section ends with a goodbye; the others go on.
func TestSetMedia(t *testing.T) {
	w := newWorld(t, worldConfig{seed: 23, link: simnet.LinkConfig{Delay: 20 * ms}})
	l, r := watchMedia(w.l), watchMedia(w.r)
	w.start()
	idL, idR := w.addMedia(video("v"))
	w.addMedia(rtc.MediaParameters{MID: "a"})
	w.until(time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
	w.write(l, rtc.Video, 0, 10, 10*ms)
	w.write(r, rtc.Video, 0, 10, 10*ms)
	w.net.Run(50 * ms)

	refused := func(p *mediaPeer) {
		t.Helper()
		section := p.sections[rtc.Video]
		h := rtp.Header{PayloadType: section.Codecs[0].Send.PayloadType}
		require.ErrorIs(t, p.WriteRTP(w.net.Now(), section.ID, "", &h, []byte{1}), rtc.ErrNotSending)
	}
	w.setMedia(idL, idR, sdp.SendOnly)
	require.Equal(t, sdp.RecvOnly, r.sections[rtc.Video].Direction)
	require.False(t, r.sections[rtc.Video].Added)
	refused(r)
	w.write(l, rtc.Video, 10, 10, 10*ms)
	w.net.Run(50 * ms)
	w.setMedia(idL, idR, sdp.Inactive)
	refused(l)
	refused(r)
	wishes := l.wishes
	w.setMedia(idL, idR, sdp.SendRecv)
	require.Greater(t, l.wishes, wishes, "what is received again begins with a key frame")
	w.write(l, rtc.Video, 20, 10, 10*ms)
	w.write(r, rtc.Video, 20, 10, 10*ms)
	w.net.Run(100 * ms)
	require.Len(t, r.packets, 30)
	require.Len(t, l.packets, 20)

	goodbyes := 0
	w.net.Trace = func(_ time.Time, fate simnet.Fate, h *simnet.Host, p simnet.Packet) {
		if fate != simnet.Sent || h.Name != "L" || !rtp.IsRTCP(p.Data) {
			return
		}
		plain, err := w.r.OpenRTCP(p.Data)
		require.NoError(t, err)
		packets, err := rtp.ParseRTCP(plain)
		require.NoError(t, err)
		for packet, ok := packets.Next(); ok; packet, ok = packets.Next() {
			if bye, ok := packet.Goodbye(); ok {
				require.Equal(t, w.r.AppendStreamStats(nil)[1].SSRC, bye.SSRCs.At(0))
				goodbyes++
			}
		}
	}
	require.NoError(t, w.l.SetMedia(w.net.Now(), rtc.MediaChange{ID: idL, Stop: true}))
	w.net.Run(10 * ms)
	require.Equal(t, 1, goodbyes)
	w.net.Trace = nil
	require.NoError(t, w.r.SetMedia(w.net.Now(), rtc.MediaChange{ID: idR, Stop: true}))
	w.net.Run(100 * ms)
	require.Equal(t, 1, l.stopped)
	require.Equal(t, 1, r.stopped)
	require.ErrorIs(t, w.l.SetMedia(w.net.Now(), rtc.MediaChange{ID: idL}), rtc.ErrNoMedia)
	require.ErrorIs(t, w.l.WriteRTP(w.net.Now(), idL, "", &rtp.Header{}, nil), rtc.ErrNoMedia)
	w.write(l, rtc.Audio, 100, 10, 20*ms)
	w.net.Run(100 * ms)
	require.Len(t, r.packets, 40)

	// The name is free again, and the id is not.
	again, _ := w.addMedia(video("v"))
	require.Greater(t, again, idL)
	w.net.Run(100 * ms)
	w.write(l, rtc.Video, 200, 10, 10*ms)
	w.net.Run(100 * ms)
	require.Len(t, r.packets, 50)
}

// A session goes one of the two ways.
func TestDirectOrDescribed(t *testing.T) {
	newPair := func() *world { return newWorld(t, worldConfig{seed: 25, link: simnet.LinkConfig{Delay: ms}}) }
	restart := func(p *simPeer) error {
		credentials, err := ice.NewCredentials(seedReader(1))
		require.NoError(t, err)
		return p.RestartICE(simnet.Epoch, credentials, rtc.Parameters{ICE: credentials})
	}
	w := newPair()
	require.ErrorContains(t, restart(w.l), "Start")
	w.negotiate(w.l, rtc.Changes{DataChannels: true})
	for _, p := range []*simPeer{w.l, w.r} {
		_, err := p.AddMedia(w.net.Now(), video("v"))
		require.ErrorIs(t, err, rtc.ErrDescribed)
		require.ErrorIs(t, p.SetMedia(w.net.Now(), rtc.MediaChange{}), rtc.ErrDescribed)
		require.ErrorIs(t, restart(p), rtc.ErrDescribed)
	}

	w = newPair()
	offer, err := w.l.CreateOffer(w.net.Now(), rtc.Changes{DataChannels: true})
	require.NoError(t, err)
	answer, err := w.r.AcceptOffer(w.net.Now(), offer.SDP())
	require.NoError(t, err)
	_, err = w.l.AddMedia(w.net.Now(), video("v")) // the offer has changed nothing
	require.NoError(t, err)
	require.ErrorIs(t, w.l.AcceptAnswer(w.net.Now(), offer, answer), rtc.ErrDirect)
	_, err = w.l.CreateOffer(w.net.Now(), rtc.Changes{DataChannels: true})
	require.ErrorIs(t, err, rtc.ErrDirect)
	_, err = w.l.AcceptOffer(w.net.Now(), offer.SDP())
	require.ErrorIs(t, err, rtc.ErrDirect)

	w.l.Close(w.net.Now())
	_, err = w.l.AddMedia(w.net.Now(), video("w"))
	require.ErrorIs(t, err, rtc.ErrClosed)
	require.ErrorIs(t, w.l.SetMedia(w.net.Now(), rtc.MediaChange{}), rtc.ErrClosed)
	require.ErrorIs(t, restart(w.l), rtc.ErrClosed)

	// One that was refused has decided nothing.
	w = newPair()
	_, err = w.l.AddMedia(w.net.Now(), rtc.MediaParameters{MID: "a", MediaConfig: rtc.MediaConfig{Codecs: []sdp.Codec{}}})
	require.ErrorIs(t, err, rtc.ErrNoCodec)
	w.connect()
}

// Both sides change their credentials, to another address of the peer, while media flows.
func TestRestartICE(t *testing.T) {
	w := newWorld(t, worldConfig{seed: 26, link: simnet.LinkConfig{Delay: 20 * ms}})
	l, r := watchMedia(w.l), watchMedia(w.r)
	w.addMedia(video("v"))
	w.start()
	w.until(time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
	w.write(l, rtc.Video, 0, 10, 10*ms)

	var credentials [2]ice.Credentials
	for i := range credentials {
		var err error
		credentials[i], err = ice.NewCredentials(seedReader(30 + uint64(i)))
		require.NoError(t, err)
	}
	before := [2]ice.Credentials{w.l.LocalParameters().ICE, w.r.LocalParameters().ICE}
	remote := w.r.LocalParameters()
	for _, test := range []struct {
		local  ice.Credentials
		remote rtc.Parameters
		want   error
	}{
		{ice.Credentials{}, remote, ice.ErrCredentials},
		{credentials[0], rtc.Parameters{}, ice.ErrCredentials},
		{before[0], remote, ice.ErrSameCredentials},
	} {
		require.ErrorIs(t, w.l.RestartICE(w.net.Now(), test.local, test.remote), test.want)
		require.Equal(t, before[0], w.l.LocalParameters().ICE)
	}
	w.write(l, rtc.Video, 10, 10, 10*ms)

	for i, p := range []*simPeer{w.r, w.l} { // R has been told by L
		remote := w.other(p).LocalParameters()
		remote.ICE = credentials[i]
		require.NoError(t, p.RestartICE(w.net.Now(), credentials[1-i], remote))
		require.Equal(t, credentials[1-i], p.LocalParameters().ICE)
		w.write(l, rtc.Video, 20+10*i, 10, 10*ms)
	}
	w.until(10*time.Second, "the old credentials are forgotten", func() bool {
		return slices.Contains(w.l.log, "LocalUfragRemoved") && slices.Contains(w.r.log, "LocalUfragRemoved")
	})
	w.write(l, rtc.Video, 40, 10, 10*ms)
	w.net.Run(100 * ms)
	require.Len(t, r.packets, 50)
	require.Zero(t, w.r.Stats().Dropped)

	lite := newWorld(t, worldConfig{seed: 26, change: func(l, _ *rtc.Config) { l.ICELite = true }})
	lite.start()
	remote = lite.r.LocalParameters()
	remote.ICELite = true
	require.ErrorIs(t, lite.l.RestartICE(lite.net.Now(), credentials[0], remote), ice.ErrBothLite)
}
