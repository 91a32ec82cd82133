package interop

import (
	"fmt"
	"math/rand"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
)

// TestGStreamerLoss loses every twentieth datagram of media, both ways. Retransmissions repair that,
// of sound as well as of pictures.
func TestGStreamerLoss(t *testing.T) {
	for _, weOffer := range []bool{false, true} {
		t.Run(gstRole(weOffer), func(t *testing.T) {
			t.Parallel()
			cfg := asFrames(false)
			cfg.AudioCodecs = rtc.DefaultAudioCodecs()
			cfg.AudioCodecs = append(cfg.AudioCodecs, cfg.AudioCodecs[0].RTX(118))
			// webrtcbin collects what it asks for over some hundred milliseconds.
			s := startGStreamer(t, cfg, "bundle-policy=max-bundle", "latency=1000")
			more := map[string]any{"nack": true, "extensions": gstExtensions}
			videoType := uint8(98) // webrtcbin offers retransmissions of sound as 96
			if weOffer {
				videoType = 96 // as we do
			}
			s.media(rtc.Audio, "OPUS", 111, more)
			s.media(rtc.Video, "VP8", videoType, more)
			s.begin(weOffer, false)
			s.plays(15, 50)
			s.repairs()
			s.end()
		})
	}
}

// repairs loses datagrams until both sides have repaired some streams, and then looks at what is
// still missing.
func (s *gstSession) repairs() {
	s.t.Helper()
	random := rand.New(rand.NewSource(1))
	s.ours.call(func(*rtc.Rtc, time.Time) {
		clear(s.streams)
		s.ours.lose = func(b []byte) bool { return b[0]>>6 == 2 && random.Intn(20) == 0 }
	})
	kinds := []rtc.MediaKind{rtc.Audio, rtc.Video}
	s.until("repair", func(r driverReport) bool {
		for _, kind := range kinds {
			buffer := r.Buffers[fmt.Sprint(s.streamStats(kind, true).SSRC)]
			if buffer.Repaired < 3 || s.streamStats(kind, false).Received.Repaired < 3 {
				return false
			}
		}
		return true
	})
	s.until("loss in our transport-wide feedback", func(r driverReport) bool { return r.Feedback.Lost > 0 })
	s.ours.call(func(*rtc.Rtc, time.Time) { s.ours.lose = nil })
	s.plays(30, 100)
	for _, kind := range kinds {
		got, stats := s.received(kind), s.streamStats(kind, false).Received
		span := int(got.last-got.first) + 1
		s.t.Logf("%v: of %d packets came %d, of which %d had been lost; webrtcbin got %d again",
			kind, span, got.packets, stats.Repaired, s.streamStats(kind, true).Sent.Resends)
		require.GreaterOrEqual(s.t, got.packets*100, span*98, kind)
	}
}
