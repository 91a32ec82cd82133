package rtc_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/internal/simnet"
	"github.com/sansrtc/rtc/rtp"
	"github.com/sansrtc/rtc/sdp"
)

// A mediaPeer remembers what a simPeer was told of media.
type mediaPeer struct {
	*simPeer
	sections map[rtc.MediaKind]rtc.MediaChanged
	packets  map[uint16]int // how often each number of a test packet came
	wishes   int            // for key frames
	stopped  int
}

func watchMedia(p *simPeer) *mediaPeer {
	m := &mediaPeer{simPeer: p, sections: map[rtc.MediaKind]rtc.MediaChanged{}, packets: map[uint16]int{}}
	p.onEvent = func(ev rtc.Event) {
		switch ev := ev.(type) {
		case *rtc.MediaChanged:
			m.sections[ev.Kind] = *ev
		case *rtc.MediaStopped:
			m.stopped++
		case *rtc.RTPReceived:
			m.packets[binary.BigEndian.Uint16(ev.Payload)]++
		case *rtc.KeyFrameRequested:
			m.wishes++
		}
	}
	return m
}

// write sends n packets of 1,000 bytes, one each interval, which carry their number.
func (w *world) write(p *mediaPeer, kind rtc.MediaKind, first, n int, interval time.Duration) {
	w.t.Helper()
	section := p.sections[kind]
	payload := make([]byte, 1000)
	for i := first; i < first+n; i++ {
		binary.BigEndian.PutUint16(payload, uint16(i))
		h := rtp.Header{
			PayloadType: section.Codecs[0].Send.PayloadType, SequenceNumber: uint16(i),
			Timestamp: uint32(i) * 3000, Marker: true,
		}
		require.NoError(w.t, p.WriteRTP(w.net.Now(), section.ID, "", &h, payload))
		p.host.Wake()
		w.net.Run(interval)
	}
}

func TestMedia(t *testing.T) {
	w := newWorld(t, worldConfig{seed: 1, link: simnet.LinkConfig{Delay: 20 * ms}})
	l, r := watchMedia(w.l), watchMedia(w.r)
	w.negotiate(w.l, rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Audio}, {Kind: rtc.Video}}, DataChannels: true})
	w.until(time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
	require.Len(t, l.sections, 2)
	require.Len(t, r.sections, 2)
	require.Equal(t, sdp.SendRecv, l.sections[rtc.Video].Direction)
	require.Equal(t, "VP8", r.sections[rtc.Video].Codecs[0].Name)

	w.write(l, rtc.Video, 0, 100, 10*ms)
	w.write(r, rtc.Video, 0, 50, 10*ms)
	w.write(l, rtc.Audio, 1000, 50, 20*ms)
	w.net.Run(200 * ms)
	require.Len(t, r.packets, 150)
	require.Len(t, l.packets, 50)
	require.Zero(t, w.l.Stats().Dropped)
	require.Zero(t, w.r.Stats().Dropped)

	var sent, received uint64
	for _, s := range w.l.AppendStreamStats(nil) {
		if s.Sending {
			sent += s.Sent.Packets
		} else {
			received += s.Received.Packets
			require.Zero(t, s.Received.Lost)
		}
	}
	require.EqualValues(t, 150, sent)
	require.EqualValues(t, 50, received)
	require.NotZero(t, l.sections[rtc.Video].Extensions, "those both sides know")
}

// Lost packets are asked for and sent again, each is delivered once.
func TestMediaLossIsRepaired(t *testing.T) {
	for _, loss := range []float64{0.05, 0.2} {
		w := newWorld(t, worldConfig{seed: 2, link: simnet.LinkConfig{Delay: 20 * ms}})
		l, r := watchMedia(w.l), watchMedia(w.r)
		w.negotiate(w.l, rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Video}}})
		w.until(time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
		w.net.Link(w.l.host, w.r.host, simnet.LinkConfig{Delay: 20 * ms, Loss: simnet.RandomLoss(loss)})
		w.write(l, rtc.Video, 0, 1000, 5*ms)
		w.net.Link(w.l.host, w.r.host, simnet.LinkConfig{Delay: 20 * ms})
		w.write(l, rtc.Video, 1000, 20, 5*ms)
		w.net.Run(time.Second)
		require.GreaterOrEqual(t, len(r.packets), 1015, "of 1,020 at a loss of %v", loss)
		for n, times := range r.packets {
			require.Equal(t, 1, times, "packet %d", n)
		}
	}
}

// A section can take the codecs of the peer as they are offered, or some of them.
func TestAcceptOfferedCodecs(t *testing.T) {
	offered := slices.Clone(rtc.DefaultVideoCodecs())
	slices.Reverse(offered) // RTX before what it repairs, too
	offered = append([]sdp.Codec{{PayloadType: 60, Name: "X-NEW", ClockRate: 90_000}}, offered...)
	names := func(codecs []sdp.AgreedCodec) (names []string) {
		for _, c := range codecs {
			names = append(names, c.Name)
		}
		return names
	}
	for _, test := range []struct {
		accept func(o rtc.MediaOffer) []sdp.Codec
		want   []string
	}{
		{func(rtc.MediaOffer) []sdp.Codec { return nil }, []string{"VP8", "VP9", "VP9", "H264", "H264", "H264", "H264", "H264", "AV1", "H265"}},
		{func(o rtc.MediaOffer) []sdp.Codec { return o.Codecs }, []string{"X-NEW", "H265", "AV1", "H264", "H264", "H264", "H264", "H264", "VP9", "VP9", "VP8"}},
		{func(o rtc.MediaOffer) []sdp.Codec { return o.Codecs[:1] }, []string{"X-NEW"}},
	} {
		w := newWorld(t, worldConfig{seed: 3, link: simnet.LinkConfig{Delay: 20 * ms}, change: func(l, r *rtc.Config) {
			l.VideoCodecs = offered
			r.AcceptMedia = func(o rtc.MediaOffer) (rtc.MediaConfig, bool) { return rtc.MediaConfig{Codecs: test.accept(o)}, true }
		}})
		l := watchMedia(w.l)
		w.negotiate(w.l, rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Video}}})
		w.net.Run(time.Second)
		require.Equal(t, test.want, names(l.sections[rtc.Video].Codecs), "in the order of the answer")
	}
}

// A payload that is shared among sessions arrives like any other, and stays as it is.
func TestSharedPayloads(t *testing.T) {
	var shared [][]byte
	for i := range 300 {
		shared = append(shared, bytes.Repeat([]byte{byte(i), byte(i >> 8)}, 400))
	}
	for _, restless := range []bool{false, true} {
		w := newWorld(t, worldConfig{seed: 3, link: simnet.LinkConfig{Delay: 20 * ms}, restless: restless})
		got := map[*simPeer]map[uint16][]byte{w.l: {}, w.r: {}}
		sections := map[*simPeer]rtc.MediaChanged{}
		for _, p := range []*simPeer{w.l, w.r} {
			p.onEvent = func(ev rtc.Event) {
				switch ev := ev.(type) {
				case *rtc.MediaChanged:
					sections[p] = *ev
				case *rtc.RTPReceived:
					got[p][ev.Header.SequenceNumber] = bytes.Clone(ev.Payload)
				}
			}
		}
		w.negotiate(w.l, rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Video}}})
		w.until(time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
		w.net.Link(w.l.host, w.r.host, simnet.LinkConfig{Delay: 20 * ms, Loss: simnet.RandomLoss(0.1)})
		for i, payload := range append(shared, nil, []byte{}) {
			for p, section := range sections {
				h := rtp.Header{PayloadType: section.Codecs[0].Send.PayloadType, SequenceNumber: uint16(i), Timestamp: uint32(i)}
				require.NoError(t, p.WriteRTPShared(w.net.Now(), section.ID, "", &h, payload))
				p.host.Wake()
			}
			w.net.Run(5 * ms)
		}
		w.net.Run(time.Second)
		for _, p := range []*simPeer{w.l, w.r} {
			require.Greater(t, len(got[p]), len(shared)-10)
			for i, payload := range shared {
				if b, ok := got[p][uint16(i)]; ok {
					require.Equal(t, bytes.Repeat([]byte{byte(i), byte(i >> 8)}, 400), b, "packet %d", i)
				}
				require.Equal(t, bytes.Repeat([]byte{byte(i), byte(i >> 8)}, 400), payload)
			}
			require.ErrorIs(t, p.WriteRTPShared(w.net.Now(), 99, "", &rtp.Header{}, shared[0]), rtc.ErrNoMedia)
		}
	}
}

// Without RTX a lost packet is sent again as it was.
func TestMediaRepairWithoutRTX(t *testing.T) {
	w := newWorld(t, worldConfig{seed: 2, link: simnet.LinkConfig{Delay: 20 * ms}})
	l, r := watchMedia(w.l), watchMedia(w.r)
	w.negotiate(w.l, rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Audio}}})
	w.until(time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
	w.net.Link(w.l.host, w.r.host, simnet.LinkConfig{Delay: 20 * ms, Loss: simnet.RandomLoss(0.05)})
	w.write(l, rtc.Audio, 0, 500, 20*ms)
	w.net.Link(w.l.host, w.r.host, simnet.LinkConfig{Delay: 20 * ms})
	w.write(l, rtc.Audio, 500, 20, 20*ms)
	w.net.Run(time.Second)
	require.GreaterOrEqual(t, len(r.packets), 518)
	for n, times := range r.packets {
		require.Equal(t, 1, times, "packet %d", n)
	}
	require.Zero(t, w.l.Stats().Dropped)
}

// A wish for a key frame reaches the sender, and is repeated until a key frame begins.
func TestRequestKeyFrame(t *testing.T) {
	w := newWorld(t, worldConfig{seed: 2, link: simnet.LinkConfig{Delay: 20 * ms}})
	l, r := watchMedia(w.l), watchMedia(w.r)
	w.negotiate(w.l, rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Video}}})
	w.until(time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
	section := r.sections[rtc.Video]
	send := func(n uint16, vp8Header byte) {
		t.Helper()
		h := rtp.Header{PayloadType: section.Codecs[0].Send.PayloadType, SequenceNumber: n, Timestamp: uint32(n) * 3000}
		payload := []byte{0x10, vp8Header, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0, 0}
		require.NoError(t, w.l.WriteRTP(w.net.Now(), l.sections[rtc.Video].ID, "", &h, payload))
		w.l.host.Wake()
		w.net.Run(100 * ms)
	}
	send(1, 0x11) // a picture that builds on others
	require.Zero(t, l.wishes)
	require.NoError(t, w.r.RequestKeyFrame(w.net.Now(), section.ID, ""))
	w.r.host.Wake()
	w.net.Run(100 * ms)
	require.Equal(t, 1, l.wishes)
	send(2, 0x11)
	w.net.Run(time.Second)
	require.Greater(t, l.wishes, 1, "no key frame has come")
	send(3, 0x10)
	n := l.wishes
	w.net.Run(5 * time.Second)
	require.Equal(t, n, l.wishes)
	require.ErrorIs(t, w.r.RequestKeyFrame(w.net.Now(), 99, ""), rtc.ErrNoMedia)
}

// Directions change, sections are added and stopped while the session runs.
func TestMediaRenegotiation(t *testing.T) {
	w := newWorld(t, worldConfig{seed: 3, link: simnet.LinkConfig{Delay: 20 * ms}})
	l, r := watchMedia(w.l), watchMedia(w.r)
	w.connect()
	w.negotiate(w.l, rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Video, Direction: sdp.SendOnly}}})
	w.net.Run(100 * ms)
	require.Equal(t, sdp.SendOnly, l.sections[rtc.Video].Direction)
	require.Equal(t, sdp.RecvOnly, r.sections[rtc.Video].Direction)
	w.write(l, rtc.Video, 0, 10, 10*ms)
	err := w.r.WriteRTP(w.net.Now(), r.sections[rtc.Video].ID, "", &rtp.Header{PayloadType: r.sections[rtc.Video].Codecs[0].Send.PayloadType}, []byte{1})
	require.ErrorIs(t, err, rtc.ErrNotSending)

	w.negotiate(w.r, rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Audio, Direction: sdp.SendOnly}}})
	w.net.Run(100 * ms)
	w.write(r, rtc.Audio, 0, 10, 10*ms)
	w.net.Run(100 * ms)
	require.Len(t, l.packets, 10)
	require.Len(t, r.packets, 10)

	w.negotiate(w.l, rtc.Changes{SetMedia: []rtc.MediaChange{{ID: l.sections[rtc.Video].ID, Stop: true}}})
	w.net.Run(100 * ms)
	require.Equal(t, 1, l.stopped)
	require.Equal(t, 1, r.stopped)
	err = w.l.WriteRTP(w.net.Now(), l.sections[rtc.Video].ID, "", &rtp.Header{}, nil)
	require.ErrorIs(t, err, rtc.ErrNoMedia)
	w.write(r, rtc.Audio, 100, 10, 10*ms)
	w.net.Run(100 * ms)
	require.Len(t, l.packets, 20)
}

// A section that the peer rejects is told to be stopped, and its id is never used again.
func TestMediaRejected(t *testing.T) {
	w := newWorld(t, worldConfig{seed: 7, link: simnet.LinkConfig{Delay: 20 * ms}, change: func(_, r *rtc.Config) {
		r.AcceptMedia = func(o rtc.MediaOffer) (rtc.MediaConfig, bool) { return rtc.MediaConfig{}, o.Kind == rtc.Audio }
	}})
	l := watchMedia(w.l)
	offer, err := w.l.CreateOffer(w.net.Now(), rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Audio}, {Kind: rtc.Video}}})
	require.NoError(t, err)
	answer, err := w.r.AcceptOffer(w.net.Now(), offer.SDP())
	require.NoError(t, err)
	require.NoError(t, w.l.AcceptAnswer(w.net.Now(), offer, answer))
	w.net.Run(100 * ms)
	require.Equal(t, 1, l.stopped)
	require.Len(t, l.sections, 1)
	require.Equal(t, offer.Added()[0], l.sections[rtc.Audio].ID)

	again, err := w.l.CreateOffer(w.net.Now(), rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Video}}})
	require.NoError(t, err)
	require.Greater(t, again.Added()[0], offer.Added()[1])
}

// An offer need not name its sections.
func TestMediaWithoutMID(t *testing.T) {
	w := newWorld(t, worldConfig{seed: 8, link: simnet.LinkConfig{Delay: 20 * ms}})
	l, r := watchMedia(w.l), watchMedia(w.r)
	offer, err := w.l.CreateOffer(w.net.Now(), rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Audio}}})
	require.NoError(t, err)
	answer, err := w.r.AcceptOffer(w.net.Now(), without(offer.SDP(), "a=mid:", "a=group:", "a=extmap:1 "))
	require.NoError(t, err)
	require.NotContains(t, answer, "a=mid:")
	require.NoError(t, w.l.AcceptAnswer(w.net.Now(), offer, answer))
	w.until(time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
	w.write(l, rtc.Audio, 0, 10, 20*ms)
	w.net.Run(100 * ms)
	require.Len(t, r.packets, 10)
	require.Zero(t, r.stopped)
}

// without returns a description without the lines that begin so.
func without(description string, beginnings ...string) string {
	var kept strings.Builder
	for line := range strings.Lines(description) {
		if !slices.ContainsFunc(beginnings, func(b string) bool { return strings.HasPrefix(line, b) }) {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// Of a section that has stopped nothing comes any more, not even what waited to be polled.
func TestMediaStoppedIsTheEnd(t *testing.T) {
	w := newWorld(t, worldConfig{seed: 15, link: simnet.LinkConfig{Delay: 20 * ms}})
	l := watchMedia(w.l)
	w.negotiate(w.l, rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Audio}, {Kind: rtc.Video}}})
	w.until(time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
	w.net.Run(100 * ms)
	video := l.sections[rtc.Video]
	now := w.net.Now()
	for _, section := range l.sections {
		h := rtp.Header{PayloadType: section.Codecs[0].Send.PayloadType}
		require.NoError(t, w.l.WriteRTP(now, section.ID, "", &h, []byte{0, 1}))
	}
	exchange(now, w.l, w.r, nil, nil)
	w.negotiate(w.l, rtc.Changes{SetMedia: []rtc.MediaChange{{ID: video.ID, Stop: true}}})
	var got []string
	exchange(now, w.r, w.l, nil, func(ev rtc.Event) { got = append(got, describeEvent(ev)) })
	require.Contains(t, got, "MediaStopped 2")
	require.Contains(t, got, "RTPReceived 1 #0")
	require.NotContains(t, got, "RTPReceived 2 #0")
	require.EqualValues(t, 1, w.r.Stats().Dropped.Unread)
}

// Peers of old, and webrtcbin, name streams and tracks beside the sources only.
func TestMediaNamedBySources(t *testing.T) {
	offer, err := os.ReadFile("testdata/sdp/gstreamer-b-av.offer.sdp")
	require.NoError(t, err)
	var offered [][]sdp.MSID
	w := newWorld(t, worldConfig{seed: 8, change: func(l, _ *rtc.Config) {
		l.AcceptMedia = func(o rtc.MediaOffer) (rtc.MediaConfig, bool) {
			offered = append(offered, o.MSIDs)
			return rtc.MediaConfig{}, true
		}
	}})
	l := watchMedia(w.l)
	_, err = w.l.AcceptOffer(w.net.Now(), string(offer))
	require.NoError(t, err)
	w.l.host.Wake()
	w.net.Run(100 * ms)
	want := [][]sdp.MSID{
		{{Stream: "user869969498@host-c5551529", Track: "webrtctransceiver0"}},
		{{Stream: "user869969498@host-c5551529", Track: "webrtctransceiver1"}},
	}
	require.Equal(t, want, offered)
	require.Equal(t, want, [][]sdp.MSID{l.sections[rtc.Audio].MSIDs, l.sections[rtc.Video].MSIDs})
}
