package rtc_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/internal/simnet"
	"github.com/sansrtc/rtc/rtp"
	"github.com/sansrtc/rtc/sdp"
)

// addMedia adds a section to both sides, of which p is L's part and R's the mirror image of it.
func (w *world) addMedia(p rtc.MediaParameters) (l, r rtc.MediaID) {
	w.t.Helper()
	mirrored := p
	mirrored.Direction = p.Direction.Reverse()
	mirrored.RIDs, mirrored.RemoteRIDs = p.RemoteRIDs, p.RIDs
	mirrored.RemoteSources, mirrored.Extensions = nil, slices.Clone(p.Extensions)
	for i := range mirrored.Extensions {
		mirrored.Extensions[i].Direction = p.Extensions[i].Direction.Reverse()
	}
	if p.RemoteCodecs != nil {
		mirrored.Codecs, mirrored.RemoteCodecs = p.RemoteCodecs, p.Codecs
	}
	l, err := w.l.AddMedia(w.net.Now(), p)
	require.NoError(w.t, err)
	r, err = w.r.AddMedia(w.net.Now(), mirrored)
	require.NoError(w.t, err)
	return l, r
}

func (w *world) setMedia(l, r rtc.MediaID, direction sdp.Direction) {
	w.t.Helper()
	require.NoError(w.t, w.l.SetMedia(w.net.Now(), rtc.MediaChange{ID: l, Direction: direction}))
	require.NoError(w.t, w.r.SetMedia(w.net.Now(), rtc.MediaChange{ID: r, Direction: direction.Reverse()}))
	w.net.Run(100 * ms)
}

func video(mid string) rtc.MediaParameters {
	return rtc.MediaParameters{MediaConfig: rtc.MediaConfig{Kind: rtc.Video}, MID: mid, ReducedSizeRTCP: true}
}

// What is added without descriptions is agreed on as by descriptions, and carries media both
// ways through losses, whether it is added before Start or after.
func TestAddMedia(t *testing.T) {
	described := newWorld(t, worldConfig{seed: 20, link: simnet.LinkConfig{Delay: 20 * ms}})
	want := watchMedia(described.l)
	described.negotiate(described.l, rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Audio}, {Kind: rtc.Video}}})
	described.net.Run(100 * ms)

	for _, before := range []bool{true, false} {
		t.Run(fmt.Sprintf("before=%t", before), func(t *testing.T) {
			w := newWorld(t, worldConfig{seed: 20, link: simnet.LinkConfig{Delay: 20 * ms}})
			l, r := watchMedia(w.l), watchMedia(w.r)
			add := func() {
				w.addMedia(rtc.MediaParameters{MID: "0", ReducedSizeRTCP: true})
				w.addMedia(video("1"))
			}
			if before {
				add()
			}
			w.start()
			if !before {
				w.until(time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
				add()
			}
			w.net.Run(300 * ms)
			for kind, section := range want.sections {
				section.MSIDs = nil
				require.Equal(t, section, l.sections[kind])
				require.True(t, r.sections[kind].Added)
			}
			w.net.Link(w.l.host, w.r.host, simnet.LinkConfig{Delay: 20 * ms, Loss: simnet.RandomLoss(0.05)})
			w.write(l, rtc.Video, 0, 300, 5*ms)
			w.write(r, rtc.Video, 0, 300, 5*ms)
			w.write(l, rtc.Audio, 1000, 100, 20*ms)
			w.net.Link(w.l.host, w.r.host, simnet.LinkConfig{Delay: 20 * ms})
			w.write(l, rtc.Video, 300, 20, 5*ms)
			w.write(r, rtc.Video, 300, 20, 5*ms)
			w.write(l, rtc.Audio, 1100, 20, 20*ms)
			w.net.Run(time.Second)
			require.GreaterOrEqual(t, len(r.packets), 438)
			require.GreaterOrEqual(t, len(l.packets), 319)
			for _, s := range append(w.l.AppendStreamStats(nil), w.r.AppendStreamStats(nil)...) {
				switch {
				case s.Sending && s.ID == l.sections[rtc.Video].ID:
					require.NotZero(t, s.Sent.RTXPackets)
				case !s.Sending:
					require.NotZero(t, s.Received.Repaired)
				}
			}
			require.Zero(t, w.l.Stats().Dropped)
			require.Zero(t, w.r.Stats().Dropped)
		})
	}
}

// The two sides may receive a codec under different payload types, with different parameters and
// their own preference.
func TestAddMediaAsymmetric(t *testing.T) {
	vp8 := func(payloadType uint8) sdp.Codec {
		return sdp.Codec{PayloadType: payloadType, Name: "VP8", ClockRate: 90000, Feedback: []sdp.Feedback{{Type: "nack"}}}
	}
	vp9 := func(payloadType uint8, fmtp string) sdp.Codec {
		return sdp.Codec{PayloadType: payloadType, Name: "VP9", ClockRate: 90000, Fmtp: fmtp}
	}
	ours, theirs := vp8(100), vp8(96)
	w := newWorld(t, worldConfig{seed: 21, link: simnet.LinkConfig{Delay: 20 * ms}})
	l, r := watchMedia(w.l), watchMedia(w.r)
	p := video("v")
	p.Codecs = []sdp.Codec{ours, ours.RTX(101), vp9(102, "profile-id=0"), {PayloadType: 110, Name: "H264", ClockRate: 90000}}
	p.RemoteCodecs = []sdp.Codec{vp9(98, "profile-id=0;max-fr=30"), theirs, theirs.RTX(97)}
	w.start()
	w.addMedia(p)
	w.until(time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
	require.Equal(t, []sdp.AgreedCodec{
		{
			Name: "VP9", ClockRate: 90000,
			Send: sdp.PayloadFormat{PayloadType: 98, Fmtp: "profile-id=0;max-fr=30"}, Receive: sdp.PayloadFormat{PayloadType: 102, Fmtp: "profile-id=0"},
		},
		{
			Name: "VP8", ClockRate: 90000, Feedback: []sdp.Feedback{{Type: "nack"}},
			Send: sdp.PayloadFormat{PayloadType: 96, RTX: 97}, Receive: sdp.PayloadFormat{PayloadType: 100, RTX: 101},
		},
	}, l.sections[rtc.Video].Codecs)
	w.net.Link(w.l.host, w.r.host, simnet.LinkConfig{Delay: 20 * ms, Loss: simnet.RandomLoss(0.05)})
	for n := range uint16(200) {
		for from, payloadType := range map[*mediaPeer]uint8{l: 96, r: 100} {
			h := rtp.Header{PayloadType: payloadType, SequenceNumber: n, Timestamp: uint32(n) * 3000}
			require.NoError(t, from.WriteRTP(w.net.Now(), from.sections[rtc.Video].ID, "", &h, []byte{byte(n >> 8), byte(n)}))
			h.PayloadType = 96 + 100 - payloadType
			require.ErrorIs(t, from.WriteRTP(w.net.Now(), from.sections[rtc.Video].ID, "", &h, []byte{0}), rtc.ErrPayloadType)
			from.host.Wake()
		}
		w.net.Run(10 * ms)
	}
	w.net.Run(time.Second)
	require.GreaterOrEqual(t, len(l.packets), 199)
	require.GreaterOrEqual(t, len(r.packets), 199)
}

// Header extensions are those given, under their identifiers, each in its direction.
func TestAddMediaExtensions(t *testing.T) {
	w := newWorld(t, worldConfig{seed: 29, link: simnet.LinkConfig{Delay: 20 * ms}})
	l, r := watchMedia(w.l), watchMedia(w.r)
	var got []rtc.RTPReceived
	own := ownURIs(2)
	p := video("v")
	p.Extensions = []sdp.Extmap{{ID: 7, URI: extMID}, {ID: 200, URI: own[0].URI, Direction: sdp.SendOnly}, {ID: 3, URI: own[1].URI}}
	w.addMedia(p)
	w.start()
	w.until(time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
	w.net.Run(100 * ms)
	require.Equal(t, []sdp.AgreedExtension{
		{URI: extMID, ID: 7, Send: true, Receive: true}, {URI: own[0].URI, ID: 200, Send: true}, {URI: own[1].URI, ID: 3, Send: true, Receive: true},
	}, l.sections[rtc.Video].Extensions)
	require.Equal(t, []sdp.AgreedExtension{
		{URI: extMID, ID: 7, Send: true, Receive: true}, {URI: own[0].URI, ID: 200, Receive: true}, {URI: own[1].URI, ID: 3, Send: true, Receive: true},
	}, r.sections[rtc.Video].Extensions)
	w.r.onEvent = func(ev rtc.Event) {
		if p, ok := ev.(*rtc.RTPReceived); ok {
			got = append(got, *p.Clone())
		}
	}
	h := rtp.Header{PayloadType: 96, Extensions: rtp.Extensions{Profile: rtp.ExtensionTwoByte}}
	require.True(t, h.Extensions.Append(200, []byte("own")))
	require.True(t, h.Extensions.Append(3, nil))
	require.NoError(t, w.l.WriteRTP(w.net.Now(), l.sections[rtc.Video].ID, "", &h, []byte{0, 1}))
	w.l.host.Wake()
	w.net.Run(100 * ms)
	require.Len(t, got, 1)
	require.Equal(t, []uint8{200, 3, 7}, extensionIDs(&got[0].Header.Extensions))
	v, _ := got[0].Header.Extensions.Get(200)
	require.Equal(t, "own", string(v))
}

// A simulcast needs no descriptions.
func TestAddMediaSimulcast(t *testing.T) {
	for _, whole := range []bool{false, true} {
		t.Run(fmt.Sprintf("frames=%t", whole), func(t *testing.T) {
			s := newSimulcastTest(t, nil)
			s.start()
			p := video("v")
			p.Direction, p.RIDs, p.Frames = sdp.SendOnly, layers, whole
			s.addMedia(p)
			s.until(time.Second, "connect", func() bool { return s.l.connected != nil && s.r.connected != nil })
			s.net.Run(100 * ms)
			s.prove(whole)

			s.setMedia(s.section.ID, s.remote.ID, sdp.Inactive)
			s.refuses(layers...)
			clear(s.wishes)
			s.setMedia(s.section.ID, s.remote.ID, sdp.SendOnly)
			require.Equal(t, layers, s.section.SendRIDs)
			s.net.Run(500 * ms) // since the last wish
			for _, rid := range layers {
				require.Positive(t, s.wishes[rid], "what is received again begins with a key frame")
			}
			before := s.came(whole)
			s.send(10, whole, layers...)
			s.net.Run(100 * ms)
			for rid, n := range s.came(whole) {
				require.Equal(t, before[rid]+10, n, "of %q", rid)
			}
		})
	}
}

// Peers without the MID in their packets tell each other their sources. Two sections have the
// same payload types, and a simulcast is told in this way too.
func TestAddMediaBySources(t *testing.T) {
	w := newWorld(t, worldConfig{seed: 22, link: simnet.LinkConfig{Delay: 20 * ms}})
	type key struct {
		id  rtc.MediaID
		rid string
	}
	got := map[key]int{}
	w.r.onEvent = func(ev rtc.Event) {
		if p, ok := ev.(*rtc.RTPReceived); ok {
			got[key{p.ID, p.RID}]++
			require.Empty(t, extensionIDs(&p.Header.Extensions))
		}
	}
	w.start()
	w.until(time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
	want := map[key]int{}
	sent := map[rtc.MediaID][]string{}
	var total int
	for i, rids := range [][]string{nil, nil, layers} {
		p := video(fmt.Sprint(i))
		p.Direction, p.Extensions, p.RIDs = sdp.SendOnly, []sdp.Extmap{}, rids
		l, err := w.l.AddMedia(w.net.Now(), p)
		require.NoError(t, err)
		sources := w.l.MediaSources(l)
		require.Len(t, sources, max(len(rids), 1))
		p.Direction, p.RIDs, p.RemoteRIDs, p.RemoteSources = sdp.RecvOnly, nil, rids, sources
		r, err := w.r.AddMedia(w.net.Now(), p)
		require.NoError(t, err)
		for _, s := range sources {
			require.NotZero(t, s.RTX)
			sent[l] = append(sent[l], s.RID)
			want[key{r, s.RID}] = 220
			total++
		}
	}
	w.net.Link(w.l.host, w.r.host, simnet.LinkConfig{Delay: 20 * ms, Loss: simnet.RandomLoss(0.05)})
	for n := range uint16(220) {
		if n == 200 {
			w.net.Link(w.l.host, w.r.host, simnet.LinkConfig{Delay: 20 * ms})
		}
		for id, rids := range sent {
			for _, rid := range rids {
				h := rtp.Header{PayloadType: 96, SequenceNumber: n, Timestamp: uint32(n) * 3000}
				require.NoError(t, w.l.WriteRTP(w.net.Now(), id, rid, &h, make([]byte, 500)))
			}
		}
		w.l.host.Wake()
		w.net.Run(10 * ms)
	}
	w.net.Run(time.Second)
	require.Equal(t, want, got)
	require.Nil(t, w.l.MediaSources(99))
}

func extensionIDs(x *rtp.Extensions) (ids []uint8) {
	for c := x.Elements(); ; {
		id, _, ok := c.Next()
		if !ok {
			return ids
		}
		ids = append(ids, id)
	}
}

// Feedback comes alone only where that was agreed on, and requests for lost packets only for
// codecs with such feedback.
func TestAddMediaFeedback(t *testing.T) {
	for _, test := range []struct {
		name    string
		reduced bool
		nack    bool
	}{
		{"compound", false, true},
		{"reduced", true, true},
		{"none", true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, worldConfig{seed: 27, link: simnet.LinkConfig{Delay: 20 * ms}})
			l := watchMedia(w.l)
			p := rtc.MediaParameters{MID: "a", ReducedSizeRTCP: test.reduced}
			p.Codecs = []sdp.Codec{{PayloadType: 0, Name: "PCMU", ClockRate: 8000}}
			if test.nack {
				p.Codecs[0].Feedback = []sdp.Feedback{{Type: "nack"}}
			}
			w.addMedia(p)
			w.start()
			w.until(time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
			requests, alone := 0, 0
			w.net.Trace = func(_ time.Time, fate simnet.Fate, h *simnet.Host, p simnet.Packet) {
				if fate != simnet.Sent || h.Name != "R" || !rtp.IsRTCP(p.Data) {
					return
				}
				plain, err := w.l.OpenRTCP(p.Data)
				require.NoError(t, err)
				packets, err := rtp.ParseRTCP(plain)
				require.NoError(t, err)
				for first := true; ; first = false {
					packet, ok := packets.Next()
					if !ok {
						return
					}
					if first && packet.Type != rtp.RTCPReceiverReport && packet.Type != rtp.RTCPSenderReport {
						alone++
					}
					if _, ok := packet.NACK(); ok {
						requests++
					}
				}
			}
			w.write(l, rtc.Audio, 0, 10, 20*ms)
			w.l.lose, w.l.onLost = 1, func([]byte) {}
			w.write(l, rtc.Audio, 10, 20, 20*ms)
			w.net.Run(time.Second)
			require.Equal(t, test.nack, requests > 0)
			require.Equal(t, test.reduced, alone > 0)
		})
	}
}

// Sections need neither MIDs nor sources if their payload types tell them apart.
func TestAddMediaByPayloadType(t *testing.T) {
	w := newWorld(t, worldConfig{seed: 28, link: simnet.LinkConfig{Delay: 20 * ms}})
	l, r := watchMedia(w.l), watchMedia(w.r)
	for _, p := range []rtc.MediaParameters{{MID: "a"}, video("v")} {
		p.Extensions = []sdp.Extmap{}
		w.addMedia(p)
	}
	w.start()
	w.until(time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
	w.write(l, rtc.Audio, 0, 10, 20*ms)
	w.write(l, rtc.Video, 10, 10, 20*ms)
	w.net.Run(100 * ms)
	require.Len(t, r.packets, 20)
	require.Zero(t, w.r.Stats().Dropped)
}
