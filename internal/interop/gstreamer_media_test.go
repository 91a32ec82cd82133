package interop

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/rtp/codec"
	"github.com/sansrtc/rtc/sctp"
	"github.com/sansrtc/rtc/sdp"
)

// gstFormats are the codecs of video that webrtcbin has. The packages have an encoder of AV1 too, but
// nothing that puts it into RTP.
var gstFormats = []codec.Format{codec.VP8, codec.VP9, codec.H264, codec.H265}

// TestGStreamer lets webrtcbin send a picture and a tone, which come back to it as packets or as
// frames. Data channels are tried out beside them, once for each role.
func TestGStreamer(t *testing.T) {
	for i, format := range gstFormats {
		for _, weOffer := range []bool{false, true} {
			frames := weOffer == (i%2 == 0)
			t.Run(format.String()+"/"+gstRole(weOffer), func(t *testing.T) {
				t.Parallel()
				testGStreamer(t, format, weOffer, frames)
			})
		}
	}
}

func testGStreamer(t *testing.T, format codec.Format, weOffer, frames bool) {
	s := startGStreamer(t, asFrames(frames), "bundle-policy=max-bundle")
	s.media(rtc.Audio, "OPUS", 111, nil)
	s.media(rtc.Video, format.String(), payloadTypeOf(format), nil)
	s.begin(weOffer, frames)
	s.ours.call(func(*rtc.Rtc, time.Time) {
		for _, section := range s.sections {
			if len(section.MSIDs) != 1 || section.Direction != sdp.SendRecv {
				t.Errorf("section %+v", *section)
			}
		}
	})

	r := s.plays(20, 60)
	video, audio := r.decoded(rtc.Video), r.decoded(rtc.Audio)
	require.Equal(t, []int{320, 180}, []int{video.Width, video.Height})
	require.Equal(t, []int{48000, 2}, []int{audio.Rate, audio.Channels})
	s.asksForKeyFrames()
	s.reports()
	if format == codec.VP8 {
		s.tryChannels()
	}
	if frames {
		s.checkFrames(format)
		s.checkTimes()
	} else {
		s.checkPackets()
	}
	s.end()
}

// tryChannels runs through what data channels can do.
func (s *gstSession) tryChannels() {
	s.t.Helper()
	testNodeKinds(s.t, s.ours, s.theirs)
	testNodeMessages(s.t, s.ours, s.theirs, s.channel, "ours")
	closed := func(id sctp.ChannelID) {
		wait(s.ours, "a closed channel", func(c *rtc.ChannelClosed) bool { return c.ID == id && c.Err == nil })
	}
	s.ours.closeChannel(s.channel)
	closed(s.channel)
	s.theirs.waitLabel("closed", "ours")
	id := s.ours.open(sctp.ChannelConfig{Label: "another"})
	s.theirs.waitLabel("open", "another")
	s.theirs.tell("close-channel", labelled("another"))
	closed(id)
}

// payloadTypeOf returns what we offer a codec under.
func payloadTypeOf(format codec.Format) uint8 {
	codecs := rtc.DefaultVideoCodecs()
	i := slices.IndexFunc(codecs, func(c sdp.Codec) bool { return codec.FormatByName(c.Name) == format })
	return codecs[i].PayloadType
}

// asksForKeyFrames lets webrtcbin ask for a key frame of what comes back to it, for which we ask webrtcbin.
func (s *gstSession) asksForKeyFrames() {
	s.t.Helper()
	for _, command := range []bool{false, true} {
		r := s.stats()
		theirs, ours := r.decoded(rtc.Video).Keys, s.received(rtc.Video).keys
		s.theirs.tell("key-frame", map[string]any{"command": command})
		s.until("a key frame", func(r driverReport) bool { return r.decoded(rtc.Video).Keys > theirs })
		require.Greater(s.t, s.received(rtc.Video).keys, ours)
	}
	sent := s.streamStats(rtc.Video, true).Sent
	require.Positive(s.t, sent.PLIs)
	require.Positive(s.t, sent.FIRs)
}

// streamStats returns our statistics of a stream that we send or receive.
func (s *gstSession) streamStats(kind rtc.MediaKind, sending bool) (got rtc.StreamStats) {
	s.t.Helper()
	s.ours.call(func(r *rtc.Rtc, _ time.Time) {
		for _, stats := range r.AppendStreamStats(nil) {
			if stats.Sending == sending && s.sections[stats.ID].Kind == kind {
				got = stats
			}
		}
	})
	return got
}

// reports waits until both sides know what the other one reports.
func (s *gstSession) reports() {
	s.t.Helper()
	for _, kind := range []rtc.MediaKind{rtc.Audio, rtc.Video} {
		s.until("reports of "+kind.String(), func(driverReport) bool {
			return s.streamStats(kind, true).Sent.RemoteReports > 0 && s.streamStats(kind, false).Received.SenderReports > 0
		})
		sent := s.streamStats(kind, true)
		require.Less(s.t, sent.Sent.RTT, time.Second)
		s.until("our report of "+kind.String(), func(r driverReport) bool {
			return slices.ContainsFunc(r.Stats, func(stats gstStats) bool { return stats.SSRC == sent.SSRC && stats.Source.HasSender })
		})
	}
	s.until("a round trip", func(r driverReport) bool {
		return slices.ContainsFunc(r.Stats, func(stats gstStats) bool { return stats.Source.HasReport && stats.Source.RoundTrip < 1<<16 })
	})
}

// checkPackets looks at what came as packets.
func (s *gstSession) checkPackets() {
	s.t.Helper()
	for _, kind := range []rtc.MediaKind{rtc.Audio, rtc.Video} {
		got := s.received(kind)
		s.t.Logf("%v: %v", kind, &got)
		require.True(s.t, got.begins || s.beheaded(), "%v begins with a key frame", kind)
		require.EqualValues(s.t, got.last-got.first+1, got.packets, "nothing is lost on loopback")
	}
}

// beheaded reports whether more media came before the end of the handshake than is held: webrtcbin sends as
// soon as it has the keys, which on a busy machine is well before its last flight.
func (s *gstSession) beheaded() (dropped bool) {
	s.t.Helper()
	s.ours.call(func(r *rtc.Rtc, _ time.Time) { dropped = r.Stats().Dropped.Media > 0 })
	return dropped
}

// checkFrames looks at what came as frames.
func (s *gstSession) checkFrames(format codec.Format) {
	s.t.Helper()
	video, audio := s.received(rtc.Video), s.received(rtc.Audio)
	gaps := 0 // that there may be in each, where what was not held is missing
	if s.beheaded() {
		gaps = 1
	}
	for _, stream := range []receivedStream{video, audio} {
		missing := 0
		s.t.Logf("%v", &stream)
		require.True(s.t, stream.begins, "the first frame is a key frame")
		for i, f := range stream.frames[1:] {
			if f.Frame.Gap {
				missing++
			}
			require.LessOrEqual(s.t, missing, gaps, "frame %d", i+1)
			require.Positive(s.t, int32(f.Frame.Timestamp-stream.frames[i].Frame.Timestamp), "frame %d", i+1)
		}
	}

	var frames [][]byte
	for _, f := range video.frames {
		frames = append(frames, f.Frame.Data)
	}
	i := slices.IndexFunc(videoKinds, func(k videoKind) bool { return k.format == format })
	size, pictures := videoKinds[i].pictures(s.t, frames)
	require.Equal(s.t, "320x180", size)
	require.Len(s.t, pictures, len(frames))
}

// checkTimes compares the times of frames with those at which they came. webrtcbin's first sender reports
// may be wrong, by how long its first packets had to wait for the connection.
func (s *gstSession) checkTimes() {
	s.t.Helper()
	kinds := []rtc.MediaKind{rtc.Video, rtc.Audio}
	s.until("more sender reports", func(driverReport) bool {
		return !slices.ContainsFunc(kinds, func(kind rtc.MediaKind) bool {
			return s.streamStats(kind, false).Received.SenderReports < 2
		})
	})
	begun := time.Now()
	s.receives(rtc.Video, 10)
	s.receives(rtc.Audio, 10)
	var least []time.Duration // that a frame took from its capture to us
	for _, kind := range kinds {
		delay := time.Hour
		for _, f := range s.received(kind).frames {
			if f.at.After(begun) {
				require.False(s.t, f.Time.IsZero())
				delay = min(delay, f.at.Sub(f.Time))
			}
		}
		least = append(least, delay)
	}
	s.t.Logf("the least delays are %v", least)
	require.Less(s.t, (least[0] - least[1]).Abs(), time.Second/2, "sound and picture are in step")
	require.Less(s.t, least[0].Abs(), 2*time.Second, "both sides have the same clock")
}
