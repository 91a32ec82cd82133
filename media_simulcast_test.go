package rtc_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/internal/simnet"
	"github.com/sansrtc/rtc/sdp"
)

// A further offer of the side that receives a simulcast must not end it.
func TestSimulcastSurvivesOfferOfReceiver(t *testing.T) {
	w := newWorld(t, worldConfig{seed: 5, link: simnet.LinkConfig{Delay: 20 * ms}})
	l, r := watchMedia(w.l), watchMedia(w.r)
	rids := []string{"low", "high"}
	w.negotiate(w.l, rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Video, Direction: sdp.SendOnly, RIDs: rids}}})
	w.until(time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
	require.Equal(t, rids, r.sections[rtc.Video].RIDs)
	for range 2 {
		w.negotiate(w.r, rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Audio, Direction: sdp.SendOnly}}})
		w.net.Run(100 * ms)
		require.Equal(t, rids, l.sections[rtc.Video].SendRIDs)
		require.Equal(t, rids, r.sections[rtc.Video].RIDs)
	}
}
