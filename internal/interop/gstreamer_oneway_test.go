package interop

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/rtp/codec"
	"github.com/sansrtc/rtc/sdp"
)

// TestGStreamerReceives lets webrtcbin show what ffmpeg has encoded, written as frames, and send
// nothing.
func TestGStreamerReceives(t *testing.T) {
	for i, format := range gstFormats {
		t.Run(format.String(), func(t *testing.T) {
			t.Parallel()
			kind := videoKinds[slices.IndexFunc(videoKinds, func(k videoKind) bool { return k.format == format })]
			frames := kind.stream(t)[:31]
			s := startGStreamer(t, rtc.Config{}, "bundle-policy=max-bundle")
			s.media(rtc.Video, format.String(), payloadTypeOf(format), map[string]any{"direction": "recvonly"})
			if i%2 == 0 {
				s.weOffer(rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Video, Direction: sdp.SendOnly}}})
			} else {
				s.theyOffer()
			}
			s.connected()
			s.ours.call(func(*rtc.Rtc, time.Time) {
				for _, section := range s.sections {
					if section.Direction != sdp.SendOnly {
						t.Errorf("direction %v", section.Direction)
					}
				}
			})
			s.write(frames)
			r := s.until("pictures", func(r driverReport) bool { return r.decoded(rtc.Video).Frames >= len(frames)-1 })
			got := r.decoded(rtc.Video)
			require.Equal(t, []int{320, 180}, []int{got.Width, got.Height})
			require.GreaterOrEqual(t, got.Keys, 2, "one in fifteen")
		})
	}
}

// write sends frames, 15 in a second.
func (s *gstSession) write(frames [][]byte) {
	s.t.Helper()
	ticker := time.NewTicker(time.Second / 15)
	defer ticker.Stop()
	for i, data := range frames {
		s.ours.call(func(r *rtc.Rtc, now time.Time) {
			for id, section := range s.sections {
				payloadType := section.Codecs[0].Send.PayloadType
				if err := r.WriteFrame(now, id, "", payloadType, codec.Frame{Data: data, Timestamp: uint32(i) * 6000}); err != nil {
					s.t.Errorf("frame %d: %v", i, err)
				}
			}
		})
		<-ticker.C
	}
}

// TestGStreamerSends lets webrtcbin send, and receive nothing. After an outage, which nothing repairs, pictures
// go on with a key frame that we have asked for.
func TestGStreamerSends(t *testing.T) {
	for _, weOffer := range []bool{false, true} {
		t.Run(gstRole(weOffer), func(t *testing.T) {
			t.Parallel()
			cfg := rtc.Config{AcceptMedia: func(o rtc.MediaOffer) (rtc.MediaConfig, bool) {
				return rtc.MediaConfig{Frames: true, Direction: sdp.RecvOnly}, o.Direction == sdp.RecvOnly
			}}
			s := startGStreamer(t, cfg, "bundle-policy=max-bundle")
			s.ours.call(func(*rtc.Rtc, time.Time) { s.quiet = true })
			direction := map[string]any{"direction": "sendonly"}
			s.media(rtc.Audio, "OPUS", 111, direction)
			s.media(rtc.Video, "VP8", payloadTypeOf(codec.VP8), direction)
			if weOffer {
				s.weOffer(rtc.Changes{AddMedia: []rtc.MediaConfig{
					{Kind: rtc.Audio, Frames: true, Direction: sdp.RecvOnly},
					{Kind: rtc.Video, Frames: true, Direction: sdp.RecvOnly},
				}})
			} else {
				s.theyOffer()
			}
			s.connected()
			s.receives(rtc.Audio, 20)
			s.receives(rtc.Video, 10)
			s.ours.call(func(*rtc.Rtc, time.Time) {
				s.ours.lose = func(b []byte) bool { return b[0]>>6 == 2 }
			})
			time.Sleep(time.Second)
			s.ours.call(func(*rtc.Rtc, time.Time) { s.ours.lose = nil })
			s.receives(rtc.Video, 10)
			s.receives(rtc.Audio, 20)
			got := s.received(rtc.Video)
			gap := slices.IndexFunc(got.frames, func(f receivedFrame) bool { return f.Frame.Gap })
			require.Positive(t, gap, "there was an outage")
			require.True(t, got.frames[gap].Frame.KeyFrame)
			require.Positive(t, s.streamStats(rtc.Video, false).Received.KeyRequests)
		})
	}
}

// receives waits until n more frames have come to us.
func (s *gstSession) receives(kind rtc.MediaKind, n int) {
	s.t.Helper()
	n += len(s.received(kind).frames)
	s.until("frames for us", func(driverReport) bool { return len(s.received(kind).frames) >= n })
}
