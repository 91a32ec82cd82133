package interop

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/rtp/codec"
	"github.com/sansrtc/rtc/sdp"
)

var simulcastRIDs = []string{"q", "h", "f"}

// TestPionMediaSimulcastReceived receives three encodings of one picture from Pion.
func TestPionMediaSimulcastReceived(t *testing.T) {
	video := mediaStream(t, codec.VP8)
	for _, frames := range []bool{false, true} {
		for _, loss := range []float64{0, 0.05} {
			t.Run(fmt.Sprintf("frames=%t/loss=%g", frames, 100*loss), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					m := newPionMedia(t, pionMediaConfig{loss: loss, seed: 1, frames: frames, accept: func(o rtc.MediaOffer) (rtc.MediaConfig, bool) {
						require.Equal(t, simulcastRIDs, o.RIDs)
						require.Equal(t, sdp.SendRecv, o.Direction)
						return rtc.MediaConfig{Frames: frames, Direction: sdp.RecvOnly}, true
					}})
					defer m.stop()
					m.pionSendsSimulcast(video)
					m.theyOffer(nil)
					m.connected()
					mid := m.mid(m.encodings()[0])
					require.Equal(t, simulcastRIDs, m.changed(mid).RIDs)
					for _, p := range m.encodings() {
						p.start()
					}
					m.flows()
					for i, p := range m.encodings() {
						m.weAsk(p)
						for _, other := range m.encodings()[i+1:] {
							if loss == 0 {
								require.Zero(t, other.asked.Load(), "encoding %s was asked for a key frame", other.track.RID())
							}
						}
					}
					m.arrivedWell(4 * time.Second)
					for _, p := range m.encodings() {
						stream := m.stream(mid, p.track.RID(), false)
						require.Equal(t, m.pionSSRC(p), stream.SSRC)
						require.Equal(t, loss > 0, stream.Received.RTXPackets > 0)
					}
				})
			})
		}
	}
}

// pionSendsSimulcast adds a picture in three encodings.
func (m *pionMedia) pionSendsSimulcast(kind *mediaKind) {
	t := m.ours.t
	t.Helper()
	first := newPionTrack(t, kind, simulcastRIDs[0])
	sender, err := m.pc.AddTrack(first)
	require.NoError(t, err)
	m.addEncoding(kind, first, sender)
	for _, rid := range simulcastRIDs[1:] {
		track := newPionTrack(t, kind, rid)
		require.NoError(t, sender.AddEncoding(track))
		m.addEncoding(kind, track, sender)
	}
}

// TestPionMediaSimulcastSent sends three encodings of one picture to Pion.
func TestPionMediaSimulcastSent(t *testing.T) {
	video := mediaStream(t, codec.VP8)
	for _, frames := range []bool{false, true} {
		for _, loss := range []float64{0, 0.05} {
			t.Run(fmt.Sprintf("frames=%t/loss=%g", frames, 100*loss), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					m := newPionMedia(t, pionMediaConfig{loss: loss, seed: 1, frames: frames})
					defer m.stop()
					m.weOffer(rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Video, Direction: sdp.SendOnly, RIDs: simulcastRIDs}}})
					m.connected()
					require.Equal(t, simulcastRIDs, m.changed("0").SendRIDs)
					for _, rid := range simulcastRIDs {
						m.weSend(video, "0", rid).start()
					}
					m.flows()
					for _, rid := range simulcastRIDs {
						m.theyAsk("0", rid)
					}
					m.arrivedWell(4 * time.Second)
					for _, rid := range simulcastRIDs {
						require.Equal(t, loss > 0, m.stream("0", rid, true).Sent.RTXPackets > 0)
					}
				})
			})
		}
	}
}
