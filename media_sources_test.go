package rtc_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/internal/simnet"
	"github.com/sansrtc/rtc/sdp"
)

// A peer that sends no MID is followed by the sources in its description, through losses and
// through another round of it. Two sections have the same payload types.
func TestMediaByDescribedSources(t *testing.T) {
	w := newWorld(t, worldConfig{seed: 9, link: simnet.LinkConfig{Delay: 20 * ms}})
	l, r := watchMedia(w.l), watchMedia(w.r)
	round := func(changes rtc.Changes) {
		t.Helper()
		offer, err := w.l.CreateOffer(w.net.Now(), changes)
		require.NoError(t, err)
		// A source that never sends stands behind the one that does.
		sections := strings.Split(without(offer.SDP(), "a=extmap:1 "), "m=")
		for i := range sections[1:] {
			sections[i+1] += fmt.Sprintf("a=ssrc:%d cname:silent\r\n", i+1)
		}
		answer, err := w.r.AcceptOffer(w.net.Now(), strings.Join(sections, "m="))
		require.NoError(t, err)
		require.NoError(t, w.l.AcceptAnswer(w.net.Now(), offer, answer))
		w.net.Run(300 * ms)
	}
	round(rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Video, Direction: sdp.SendOnly}, {Kind: rtc.Video, Direction: sdp.SendOnly}}})
	require.NotNil(t, w.r.connected)
	w.net.Link(w.l.host, w.r.host, simnet.LinkConfig{Delay: 20 * ms, Loss: simnet.RandomLoss(0.05)})
	w.write(l, rtc.Video, 0, 200, 5*ms)
	round(rtc.Changes{ICERestart: true})
	w.write(l, rtc.Video, 200, 200, 5*ms)
	w.net.Link(w.l.host, w.r.host, simnet.LinkConfig{Delay: 20 * ms})
	w.write(l, rtc.Video, 400, 20, 5*ms)
	w.net.Run(time.Second)
	require.GreaterOrEqual(t, len(r.packets), 418)
	require.Zero(t, w.r.Stats().Dropped)
	for _, s := range w.r.AppendStreamStats(nil) {
		if s.ID == l.sections[rtc.Video].ID {
			require.NotZero(t, s.Received.RTXPackets)
			require.GreaterOrEqual(t, s.Received.Packets, uint64(380), "no other stream took its place")
		}
	}
}
