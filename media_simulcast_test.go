package rtc_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/internal/simnet"
	"github.com/sansrtc/rtc/rtp"
	"github.com/sansrtc/rtc/rtp/codec"
	"github.com/sansrtc/rtc/sdp"
)

// layers are the encodings of the simulcasts below, with the sizes of their frames.
var (
	layers     = []string{"q", "h", "f"}
	layerSizes = map[string]int{"q": 700, "h": 1800, "f": 4000}
)

// A simulcastTest has L send three encodings to R.
type simulcastTest struct {
	*world
	section rtc.MediaChanged // at L
	remote  rtc.MediaChanged // at R

	packets map[string]map[uint16]int // at R, by RID
	frames  map[string][]codec.Frame
	wishes  map[string]int  // for key frames, at L
	key     map[string]bool // wanted in the next frame
	number  map[string]uint16
}

func newSimulcastTest(t *testing.T, change func(l, r *rtc.Config)) *simulcastTest {
	s := &simulcastTest{
		world:   newWorld(t, worldConfig{seed: 12, link: simnet.LinkConfig{Delay: 20 * ms}, change: change}),
		packets: map[string]map[uint16]int{}, frames: map[string][]codec.Frame{},
		wishes: map[string]int{}, key: map[string]bool{}, number: map[string]uint16{},
	}
	s.l.onEvent = func(ev rtc.Event) {
		switch ev := ev.(type) {
		case *rtc.MediaChanged:
			if ev.Kind == rtc.Video {
				s.section = *ev
			}
		case *rtc.KeyFrameRequested:
			s.wishes[ev.RID]++
			s.key[ev.RID] = true
		}
	}
	s.r.onEvent = func(ev rtc.Event) {
		switch ev := ev.(type) {
		case *rtc.MediaChanged:
			if ev.Kind == rtc.Video {
				s.remote = *ev
			}
		case *rtc.RTPReceived:
			if s.packets[ev.RID] == nil {
				s.packets[ev.RID] = map[uint16]int{}
			}
			s.packets[ev.RID][binary.BigEndian.Uint16(ev.Payload[len(ev.Payload)-2:])]++
		case *rtc.FrameReceived:
			s.frames[ev.RID] = append(s.frames[ev.RID], ev.Clone().Frame)
		}
	}
	return s
}

func simulcastConfig() rtc.MediaConfig {
	return rtc.MediaConfig{Kind: rtc.Video, Direction: sdp.SendOnly, RIDs: layers}
}

// describe has from make an offer, and edit the answer, which is read again.
func (s *simulcastTest) describe(from *simPeer, changes rtc.Changes, edit func(answer string) string) {
	s.t.Helper()
	offer, err := from.CreateOffer(s.net.Now(), changes)
	require.NoError(s.t, err)
	answer, err := s.other(from).AcceptOffer(s.net.Now(), offer.SDP())
	require.NoError(s.t, err)
	if edit != nil {
		answer = edit(answer)
	}
	require.NoError(s.t, from.AcceptAnswer(s.net.Now(), offer, answer))
	s.until(time.Second, "connect", func() bool { return s.l.connected != nil && s.r.connected != nil })
	s.net.Run(100 * ms)
}

// send writes n frames of each of some encodings, whole or in packets that end in their number.
func (s *simulcastTest) send(n int, whole bool, rids ...string) {
	s.t.Helper()
	payloadType := s.section.Codecs[0].Send.PayloadType
	for range n {
		for _, rid := range rids {
			i := s.number[rid]
			s.number[rid]++
			if whole {
				f := codec.Frame{Data: vp8Frame(int(i), layerSizes[rid], i == 0 || s.key[rid]), Timestamp: uint32(i) * 3000}
				s.key[rid] = false
				require.NoError(s.t, s.l.WriteFrame(s.net.Now(), s.section.ID, rid, payloadType, f), "rid %q", rid)
				continue
			}
			h := rtp.Header{PayloadType: payloadType, SequenceNumber: i, Timestamp: uint32(i) * 3000, Marker: true}
			payload := binary.BigEndian.AppendUint16(make([]byte, layerSizes[rid]/4), i)
			require.NoError(s.t, s.l.WriteRTP(s.net.Now(), s.section.ID, rid, &h, payload), "rid %q", rid)
		}
		s.l.host.Wake()
		s.net.Run(20 * ms)
	}
}

// came returns how much of each encoding has come to R.
func (s *simulcastTest) came(whole bool) map[string]int {
	n := map[string]int{}
	for rid, packets := range s.packets {
		n[rid] = len(packets)
		for number, times := range packets {
			require.Equal(s.t, 1, times, "packet %d of %q", number, rid)
		}
	}
	if whole {
		for rid, frames := range s.frames {
			n[rid] = len(frames)
		}
	}
	return n
}

// Each encoding comes to the peer under its RID, its losses are repaired by a source of its own, and a
// key frame is asked for in the one that needs it.
func TestSimulcast(t *testing.T) {
	for _, whole := range []bool{false, true} {
		t.Run(fmt.Sprintf("frames=%t", whole), func(t *testing.T) {
			s := newSimulcastTest(t, func(_, r *rtc.Config) {
				r.AcceptMedia = func(o rtc.MediaOffer) (rtc.MediaConfig, bool) {
					return rtc.MediaConfig{Frames: whole}, slices.Equal(layers, o.RIDs)
				}
			})
			s.describe(s.l, rtc.Changes{AddMedia: []rtc.MediaConfig{simulcastConfig()}}, nil)
			s.prove(whole)
		})
	}
}

// flows checks that every encoding comes, and nothing else.
func (s *simulcastTest) flows() {
	s.t.Helper()
	require.Equal(s.t, layers, s.section.SendRIDs)
	require.Equal(s.t, layers, s.remote.RIDs)
	before := s.came(false)
	s.send(10, false, layers...)
	s.net.Run(100 * ms)
	for rid, n := range s.came(false) {
		require.Equal(s.t, before[rid]+10, n, "of %q", rid)
	}
	require.Len(s.t, s.packets, len(layers))
}

// prove checks a simulcast that is agreed on.
func (s *simulcastTest) prove(whole bool) {
	t := s.t
	require.Equal(t, layers, s.section.SendRIDs)
	require.Equal(t, layers, s.remote.RIDs)
	s.net.Link(s.l.host, s.r.host, simnet.LinkConfig{Delay: 20 * ms, Loss: simnet.RandomLoss(0.05)})
	s.send(300, whole, layers...)
	s.net.Link(s.l.host, s.r.host, simnet.LinkConfig{Delay: 20 * ms})
	s.send(20, whole, layers...) // tells of the last losses
	s.net.Run(time.Second)
	require.Equal(t, map[string]int{"q": 320, "h": 320, "f": 320}, s.came(whole))
	for rid, frames := range s.frames {
		for i, f := range frames {
			require.Equal(t, vp8Frame(i, layerSizes[rid], f.KeyFrame), f.Data, "frame %d of %q", i, rid)
		}
	}
	s.wantStats()

	clear(s.wishes)
	require.NoError(t, s.r.RequestKeyFrame(s.net.Now(), s.remote.ID, "h"))
	s.r.host.Wake()
	s.net.Run(100 * ms)
	require.Equal(t, map[string]int{"h": 1}, s.wishes)
	require.NoError(t, s.r.RequestKeyFrame(s.net.Now(), s.remote.ID, ""))
	s.r.host.Wake()
	s.net.Run(100 * ms)
	require.Positive(t, s.wishes["q"])
	require.Positive(t, s.wishes["f"])
	require.Zero(t, s.l.Stats().Dropped)
	require.Zero(t, s.r.Stats().Dropped)
}

// wantStats looks for the streams of each encoding on both sides, and compares them.
func (s *simulcastTest) wantStats() {
	t := s.t
	var rids []string
	for _, sent := range s.l.AppendStreamStats(nil) {
		require.Equal(t, s.section.ID, sent.ID)
		require.True(t, sent.Sending)
		rids = append(rids, sent.RID)
		for _, received := range s.r.AppendStreamStats(nil) {
			if received.RID != sent.RID {
				continue
			}
			require.Equal(t, s.remote.ID, received.ID)
			require.Equal(t, sent.SSRC, received.SSRC)
			require.NotZero(t, sent.Sent.RTXPackets, "of %q", sent.RID)
			require.NotZero(t, received.Received.RTXPackets, "of %q", sent.RID)
			require.NotZero(t, received.Received.Repaired, "of %q", sent.RID)
			require.NotZero(t, received.Received.SenderReports, "of %q", sent.RID)
			require.NotZero(t, sent.Sent.RemoteReports, "of %q", sent.RID)
			require.Less(t, received.Received.Packets, sent.Sent.Packets)
		}
	}
	require.Equal(t, layers, rids)
	require.Len(t, s.r.AppendStreamStats(nil), 3)
}

// What the peer does not accept, or pauses, is not sent until another description wants it.
func TestSimulcastLayers(t *testing.T) {
	accepted := layers[:2]
	s := newSimulcastTest(t, func(_, r *rtc.Config) {
		r.AcceptMedia = func(rtc.MediaOffer) (rtc.MediaConfig, bool) { return rtc.MediaConfig{RemoteRIDs: accepted}, true }
	})
	s.describe(s.l, rtc.Changes{AddMedia: []rtc.MediaConfig{simulcastConfig()}}, nil)
	require.Equal(t, accepted, s.section.SendRIDs)
	require.Equal(t, accepted, s.remote.RIDs)
	s.send(20, false, accepted...)
	s.net.Run(100 * ms)
	require.Equal(t, map[string]int{"q": 20, "h": 20}, s.came(false))
	s.refuses("f")

	pause := func(answer string) string {
		require.Contains(t, answer, "a=simulcast:recv q;h")
		return strings.Replace(answer, "recv q;h", "recv ~q;h", 1)
	}
	s.describe(s.l, rtc.Changes{}, pause)
	require.Equal(t, []string{"h"}, s.section.SendRIDs)
	s.refuses("q", "f")
	s.send(20, false, "h")
	s.describe(s.l, rtc.Changes{}, nil)
	require.Equal(t, accepted, s.section.SendRIDs)
	s.send(20, false, accepted...)
	s.net.Run(100 * ms)
	require.Equal(t, map[string]int{"q": 40, "h": 60}, s.came(false))
	require.Zero(t, s.r.Stats().Dropped)
}

func (s *simulcastTest) refuses(rids ...string) {
	s.t.Helper()
	for _, rid := range rids {
		h := rtp.Header{PayloadType: s.section.Codecs[0].Send.PayloadType}
		require.ErrorIs(s.t, s.l.WriteRTP(s.net.Now(), s.section.ID, rid, &h, []byte{0}), rtc.ErrNotSending, "rid %q", rid)
	}
}

// A peer that knows no simulcast gets the first encoding, and hears of no RID.
func TestSimulcastUnknownToPeer(t *testing.T) {
	s := newSimulcastTest(t, nil)
	s.describe(s.l, rtc.Changes{AddMedia: []rtc.MediaConfig{simulcastConfig()}}, func(answer string) string {
		return without(answer, "a=rid:", "a=simulcast:")
	})
	require.Equal(t, layers[:1], s.section.SendRIDs)
	s.refuses("h", "f")
	rid, seen := extensionID(t, s.section, extRID), 0
	s.net.Trace = func(_ time.Time, fate simnet.Fate, _ *simnet.Host, p simnet.Packet) {
		if fate == simnet.Sent && p.Data[0]>>6 == 2 && !rtp.IsRTCP(p.Data) {
			h, _, err := rtp.Parse(p.Data)
			require.NoError(t, err)
			_, ok := h.Extensions.Get(rid)
			require.False(t, ok)
			seen++
		}
	}
	s.send(5, false, "q")
	require.Equal(t, 5, seen)
	require.Equal(t, "q", s.l.AppendStreamStats(nil)[0].RID)
}

// The one who receives a simulcast may make the next offer, and the first one too.
func TestSimulcastOfferedByReceiver(t *testing.T) {
	t.Run("further", func(t *testing.T) {
		s := newSimulcastTest(t, nil)
		s.describe(s.l, rtc.Changes{AddMedia: []rtc.MediaConfig{simulcastConfig()}}, nil)
		s.send(10, false, layers...)
		s.describe(s.r, rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Audio}}}, nil)
		s.flows()
		// It stops receiving for a while.
		s.describe(s.r, rtc.Changes{SetMedia: []rtc.MediaChange{{ID: s.remote.ID, Direction: sdp.Inactive}}}, nil)
		require.Empty(t, s.section.SendRIDs)
		s.refuses(layers...)
		s.describe(s.r, rtc.Changes{SetMedia: []rtc.MediaChange{{ID: s.remote.ID, Direction: sdp.RecvOnly}}}, nil)
		s.flows()
	})
	t.Run("first", func(t *testing.T) {
		s := newSimulcastTest(t, func(l, _ *rtc.Config) {
			l.AcceptMedia = func(o rtc.MediaOffer) (rtc.MediaConfig, bool) {
				return simulcastConfig(), o.Direction == sdp.SendOnly && slices.Equal(layers, o.SendRIDs)
			}
		})
		s.describe(s.r, rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Video, Direction: sdp.RecvOnly, RemoteRIDs: layers}}}, nil)
		s.flows()
	})
}

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
