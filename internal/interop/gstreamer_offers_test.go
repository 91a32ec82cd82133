package interop

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/rtp/codec"
	"github.com/sansrtc/rtc/sdp"
)

// TestGStreamerBundles shows what becomes of webrtcbin's bundle policies. Without a bundle there is one
// section, the first; as an answer that is none.
func TestGStreamerBundles(t *testing.T) {
	for _, policy := range []string{"none", "balanced"} {
		t.Run(policy+"/offers", func(t *testing.T) {
			t.Parallel()
			s := startGStreamer(t, rtc.Config{}, "bundle-policy="+policy)
			s.media(rtc.Audio, "OPUS", 97, nil)
			s.media(rtc.Video, "VP8", 96, nil)
			s.theyOffer()
			s.connected()
			s.plays(0, 20)
			require.Empty(t, s.received(rtc.Video).packets)
		})
		t.Run(policy+"/answers", func(t *testing.T) {
			t.Parallel()
			s := startGStreamer(t, rtc.Config{}, "bundle-policy="+policy)
			s.media(rtc.Audio, "OPUS", 111, nil)
			s.media(rtc.Video, "VP8", 96, nil)
			o := s.ours.offer(rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Audio}, {Kind: rtc.Video}}})
			s.theirs.tell("accept-offer", map[string]any{"sdp": o.SDP()})
			answer := s.theirs.wait("answer", nil).SDP
			s.ours.call(func(r *rtc.Rtc, now time.Time) {
				if err := r.AcceptAnswer(now, o, answer); !errors.Is(err, sdp.ErrNotBundled) {
					t.Errorf("AcceptAnswer: %v", err)
				}
			})
		})
	}
	for _, weOffer := range []bool{false, true} {
		t.Run("max-compat"+"/"+gstRole(weOffer), func(t *testing.T) {
			t.Parallel()
			s := startGStreamer(t, rtc.Config{}, "bundle-policy=max-compat")
			s.media(rtc.Audio, "OPUS", 111, nil)
			s.media(rtc.Video, "VP8", 96, nil)
			s.begin(weOffer, false)
			s.plays(15, 20)
			s.end()
		})
	}
}

// TestGStreamerRejects rejects the video that webrtcbin offers.
func TestGStreamerRejects(t *testing.T) {
	t.Parallel()
	s := startGStreamer(t, rtc.Config{AcceptMedia: func(o rtc.MediaOffer) (rtc.MediaConfig, bool) {
		return rtc.MediaConfig{}, o.Kind == rtc.Audio
	}}, "bundle-policy=max-bundle")
	s.media(rtc.Audio, "OPUS", 111, nil)
	s.media(rtc.Video, "VP8", 96, nil)
	s.begin(false, false)
	s.plays(0, 20)
	s.end()
}

// TestGStreamerOneType lets webrtcbin send sound and pictures under the same payload type, as its parts
// number them if nobody does. Only the sources tell them apart.
func TestGStreamerOneType(t *testing.T) {
	t.Parallel()
	s := startGStreamer(t, asFrames(true), "bundle-policy=max-bundle")
	s.ours.call(func(*rtc.Rtc, time.Time) { s.quiet = true })
	s.media(rtc.Audio, "OPUS", 96, nil)
	s.media(rtc.Video, "VP8", 96, nil)
	s.begin(false, true)
	s.until("media", func(driverReport) bool {
		return len(s.received(rtc.Audio).frames) > 50 && len(s.received(rtc.Video).frames) > 15
	})
	s.checkFrames(codec.VP8)
	s.end()
}

// gstExtensions are header extensions, with which webrtcbin begins to count at one, as we do.
var gstExtensions = []string{
	"urn:ietf:params:rtp-hdrext:sdes:mid",
	"http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
}

// TestGStreamerExtensions lets webrtcbin send header extensions, of which there are none by default, and
// reads what it makes of our transport-wide feedback.
func TestGStreamerExtensions(t *testing.T) {
	for _, weOffer := range []bool{false, true} {
		t.Run(gstRole(weOffer), func(t *testing.T) {
			t.Parallel()
			s := startGStreamer(t, rtc.Config{}, "bundle-policy=max-bundle")
			extensions := map[string]any{"extensions": gstExtensions}
			s.media(rtc.Audio, "OPUS", 111, extensions)
			s.media(rtc.Video, "VP8", payloadTypeOf(codec.VP8), extensions)
			s.begin(weOffer, false)
			s.plays(15, 50)
			r := s.until("feedback", func(r driverReport) bool { return r.Feedback.Received > 0 })
			require.Zero(t, r.Feedback.Lost)
			s.ours.call(func(*rtc.Rtc, time.Time) {
				for _, section := range s.sections {
					if len(section.Extensions) != 2 {
						t.Errorf("agreed on %v", section.Extensions)
					}
				}
			})
			s.end()
		})
	}
}

// TestGStreamerRenegotiation adds sections and changes their direction while others run.
func TestGStreamerRenegotiation(t *testing.T) {
	t.Parallel()
	s := startGStreamer(t, rtc.Config{}, "bundle-policy=max-bundle")
	s.media(rtc.Audio, "OPUS", 111, nil)
	s.begin(false, false)
	s.plays(0, 20)
	s.media(rtc.Video, "VP8", 96, nil)
	s.theyOffer()
	s.plays(15, 20)

	// webrtcbin 1.22 cannot answer an offer that ends a section: it gives what is rejected a certificate
	// of its own, and refuses its own answer for that.
	s.weOffer(rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Video, Direction: sdp.SendOnly}}})
	s.plays(15, 20)
	var second rtc.MediaID
	s.ours.call(func(*rtc.Rtc, time.Time) { second = slices.Max(slices.Collect(maps.Keys(s.sections))) })
	s.weOffer(rtc.Changes{SetMedia: []rtc.MediaChange{{ID: second, Direction: sdp.Inactive}}})
	s.plays(15, 20)

	// Nor does it restart ICE: it keeps its credentials, and the session goes on with our new ones.
	s.weOffer(rtc.Changes{ICERestart: true})
	require.Equal(t, ufragOf(t, s.offer), ufragOf(t, s.answer))
	s.plays(15, 20)
	s.end()
}

// TestGStreamerErrorCorrection leaves out RED and ULP FEC, which webrtcbin offers beside its codecs.
func TestGStreamerErrorCorrection(t *testing.T) {
	t.Parallel()
	s := startGStreamer(t, rtc.Config{}, "bundle-policy=max-bundle")
	s.media(rtc.Audio, "OPUS", 111, nil)
	s.media(rtc.Video, "H264", 102, map[string]any{"fec": true, "nack": true})
	s.begin(false, false)
	require.Contains(t, s.offer, "ulpfec/90000")
	s.plays(15, 20)
	s.end()
}

// TestGStreamerParameterSets receives H.264 and H.265 whose parameter sets are in the description only, which
// is what webrtcbin's parts do if nobody tells them otherwise.
func TestGStreamerParameterSets(t *testing.T) {
	for _, format := range []codec.Format{codec.H264, codec.H265} {
		for _, weOffer := range []bool{false, true} {
			t.Run(format.String()+"/"+gstRole(weOffer), func(t *testing.T) {
				t.Parallel()
				s := startGStreamer(t, asFrames(true), "bundle-policy=max-bundle")
				s.media(rtc.Audio, "OPUS", 111, nil)
				s.media(rtc.Video, format.String(), payloadTypeOf(format), map[string]any{"sets": false})
				s.ours.call(func(*rtc.Rtc, time.Time) { s.quiet = true })
				s.begin(weOffer, true)
				s.receives(rtc.Video, 15)
				s.receives(rtc.Audio, 20)
				s.checkFrames(format)
				if !s.beheaded() {
					require.Zero(t, s.streamStats(rtc.Video, false).Received.KeyRequests, "the first picture can be decoded")
				}
				s.end()
			})
		}
	}
}
