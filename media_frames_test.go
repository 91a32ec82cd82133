package rtc_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/internal/simnet"
	"github.com/sansrtc/rtc/rtp"
	"github.com/sansrtc/rtc/rtp/codec"
	"github.com/sansrtc/rtc/sdp"
)

// vp8Frame returns bytes that begin as a VP8 frame does (RFC 6386 section 9.1). The rest tells
// frames apart.
func vp8Frame(n, size int, key bool) []byte {
	b := bytes.Repeat([]byte{byte(n)}, size)
	b[0] = 1
	if key {
		copy(b, []byte{0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00})
	}
	return b
}

// newFramesWorld lets l send video in section to r, which takes frames, over a link that loses as much
// as is said once both are connected.
func newFramesWorld(t *testing.T, delay time.Duration, loss float64, take func(*rtc.FrameReceived)) (w *world, section rtc.MediaChanged) {
	t.Helper()
	w, l := connectFrames(t, delay, take)
	w.net.Link(w.l.host, w.r.host, simnet.LinkConfig{Delay: delay, Loss: simnet.RandomLoss(loss)})
	return w, l.sections[rtc.Video]
}

func connectFrames(t *testing.T, delay time.Duration, take func(*rtc.FrameReceived)) (w *world, l *mediaPeer) {
	t.Helper()
	w = newWorld(t, worldConfig{seed: 4, link: simnet.LinkConfig{Delay: delay}, change: func(_, r *rtc.Config) {
		r.AcceptMedia = func(o rtc.MediaOffer) (rtc.MediaConfig, bool) {
			return rtc.MediaConfig{Direction: sdp.RecvOnly, Frames: true}, true
		}
	}})
	l = watchMedia(w.l)
	w.r.onEvent = func(ev rtc.Event) {
		if f, ok := ev.(*rtc.FrameReceived); ok {
			take(f)
		}
	}
	w.negotiate(w.l, rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Video}}})
	w.until(time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
	return w, l
}

// Frames that are written come out whole, in order and with the time of their capture, also
// when packets are lost on the way.
func TestMediaFrames(t *testing.T) {
	for _, loss := range []float64{0, 0.05} {
		var frames []rtc.FrameReceived
		w, section := newFramesWorld(t, 20*ms, loss, func(f *rtc.FrameReceived) { frames = append(frames, *f.Clone()) })
		const count = 90
		start := w.net.Now()
		for i := range count {
			f := codec.Frame{Data: vp8Frame(i, 4000, i == 0), Timestamp: uint32(i) * 3000}
			require.NoError(t, w.l.WriteFrame(w.net.Now(), section.ID, "", section.Codecs[0].Send.PayloadType, f))
			w.l.host.Wake()
			w.net.Run(time.Second / 30)
		}
		w.net.Run(time.Second)
		require.Len(t, frames, count, "loss %v", loss)
		for i, f := range frames {
			require.Equal(t, vp8Frame(i, 4000, i == 0), f.Frame.Data, "frame %d", i)
			require.Equal(t, i == 0, f.Frame.KeyFrame, "frame %d", i)
			require.Equal(t, "VP8", f.Codec.Name)
			came := start.Add(time.Duration(i)*(time.Second/30) + 20*ms)
			if loss == 0 {
				require.Equal(t, came, f.Received, "frame %d", i)
			} else {
				require.WithinRange(t, f.Received, came, came.Add(200*ms), "frame %d, some of it sent again", i)
			}
		}
		last := frames[count-1]
		require.WithinDuration(t, start.Add((count-1)*time.Second/30), last.Time, 10*ms, "the sender's clock")
	}
}

// A frame comes with the header extensions of its first packet and those that only its last one
// has, whatever the packets of its neighbours had.
func TestMediaFrameExtensions(t *testing.T) {
	var frames []rtc.FrameReceived
	w, section := newFramesWorld(t, 20*ms, 0, func(f *rtc.FrameReceived) { frames = append(frames, *f.Clone()) })
	orientation, timeOffset := extensionID(t, section, extOrientation), extensionID(t, section, extTimeOffset)
	p, err := codec.NewPacketizer(codec.PacketizerConfig{Name: section.Codecs[0].Name})
	require.NoError(t, err)
	number := uint16(0)
	// send has the first packet of a frame say n as its time offset, and the last one as its
	// orientation; without a marker the next frame tells that the frame is over.
	send := func(n, size int, end bool) {
		t.Helper()
		require.NoError(t, p.Start(codec.Frame{Data: vp8Frame(n, size, n == 0)}, 1000))
		for first := true; ; first = false {
			payload, marker, ok := p.AppendPayload(nil)
			if !ok {
				return
			}
			h := rtp.Header{PayloadType: section.Codecs[0].Send.PayloadType, Timestamp: uint32(n) * 3000, SequenceNumber: number, Marker: marker && end}
			number++
			if first {
				h.Extensions.Append(timeOffset, rtp.AppendTransmissionOffset(nil, int32(n)))
			} else {
				h.Extensions.Append(timeOffset, rtp.AppendTransmissionOffset(nil, -1))
			}
			if marker {
				h.Extensions.Append(orientation, rtp.VideoOrientation{Rotation: 90 * n}.AppendTo(nil))
			}
			require.NoError(t, w.l.WriteRTP(w.net.Now(), section.ID, "", &h, payload))
			w.l.host.Wake()
		}
	}
	send(0, 3000, true)
	send(1, 500, true)
	send(2, 3000, false)
	send(3, 500, true) // in one packet, which ends two frames
	w.net.Run(200 * ms)
	require.Len(t, frames, 4)
	for n, f := range frames {
		v, _ := f.Extensions.Get(timeOffset)
		offset, ok := rtp.ParseTransmissionOffset(v)
		require.True(t, ok)
		require.EqualValues(t, n, offset)
		v, ok = f.Extensions.Get(orientation)
		require.Equal(t, n != 2, ok, "what is not known to be the last packet")
		if o, ok := rtp.ParseVideoOrientation(v); ok {
			require.Equal(t, 90*n, o.Rotation)
		}
	}
}

// A stream that begins with a key frame of many packets needs no other one.
func TestMediaFramesAskForNothing(t *testing.T) {
	frames := 0
	w, l := connectFrames(t, 20*ms, func(*rtc.FrameReceived) { frames++ })
	w.net.Link(w.l.host, w.r.host, simnet.LinkConfig{Delay: 20 * ms, Jitter: 5 * ms})
	section := l.sections[rtc.Video]
	for i := range 60 {
		f := codec.Frame{Data: vp8Frame(i, 4000, i == 0), Timestamp: uint32(i) * 3000}
		require.NoError(t, w.l.WriteFrame(w.net.Now(), section.ID, "", section.Codecs[0].Send.PayloadType, f))
		w.l.host.Wake()
		w.net.Run(33 * ms)
	}
	require.Greater(t, frames, 55)
	require.Zero(t, l.wishes)
}

// Packets without payload, which some peers probe the network with, are no gap between frames.
func TestMediaFramesAmongPadding(t *testing.T) {
	frames := 0
	w, l := connectFrames(t, 20*ms, func(*rtc.FrameReceived) { frames++ })
	section := l.sections[rtc.Video]
	for i := range uint16(10) {
		h := rtp.Header{PayloadType: section.Codecs[0].Send.PayloadType, SequenceNumber: 2 * i, Timestamp: uint32(i) * 3000, Marker: true}
		require.NoError(t, w.l.WriteRTP(w.net.Now(), section.ID, "", &h, append([]byte{0x10}, vp8Frame(int(i), 100, i == 0)...)))
		h.SequenceNumber, h.Marker = h.SequenceNumber+1, false
		require.NoError(t, w.l.WriteRTP(w.net.Now(), section.ID, "", &h, nil))
		w.l.host.Wake()
		w.net.Run(33 * ms)
		require.EqualValues(t, i+1, frames, "at once")
	}
	require.Zero(t, l.wishes)
}

// What is left of a frame whose other packets are lost is nobody's mistake.
func TestMediaFramesIncomplete(t *testing.T) {
	frames := 0
	w, section := newFramesWorld(t, 20*ms, 0.5, func(*rtc.FrameReceived) { frames++ })
	const count = 90
	for i := range count {
		f := codec.Frame{Data: vp8Frame(i, 4000, i%10 == 0), Timestamp: uint32(i) * 3000}
		require.NoError(t, w.l.WriteFrame(w.net.Now(), section.ID, "", section.Codecs[0].Send.PayloadType, f))
		w.l.host.Wake()
		w.net.Run(time.Second / 30)
	}
	require.Less(t, frames, count)
	require.Zero(t, w.r.Stats().Dropped.Malformed)
}

// On a short path there is time for more than three requests before a frame is given up, which
// costs all frames up to the next key frame.
func TestMediaFramesManyLost(t *testing.T) {
	frames := 0
	w, section := newFramesWorld(t, 10*ms, 0.2, func(*rtc.FrameReceived) { frames++ })
	const count = 900
	for i := range count {
		f := codec.Frame{Data: vp8Frame(i, 4000, i%30 == 0), Timestamp: uint32(i) * 3000}
		require.NoError(t, w.l.WriteFrame(w.net.Now(), section.ID, "", section.Codecs[0].Send.PayloadType, f))
		w.l.host.Wake()
		w.net.Run(time.Second / 30)
	}
	w.net.Run(time.Second)
	require.Greater(t, frames, count*9/10)
}

// A key frame is asked for once and not while one is on its way: at the beginning none is missing, and
// after an outage the sender answers at once.
func TestMediaFramesKeyRequests(t *testing.T) {
	frames := 0
	w, section := newFramesWorld(t, 20*ms, 0, func(*rtc.FrameReceived) { frames++ })
	key := true
	w.l.onEvent = func(ev rtc.Event) {
		if _, ok := ev.(*rtc.KeyFrameRequested); ok {
			key = true
		}
	}
	requests := func() uint64 { return w.r.AppendStreamStats(nil)[0].Received.KeyRequests }
	n := 0
	write := func(count int) {
		for range count {
			f := codec.Frame{Data: vp8Frame(n, 8000, key), Timestamp: uint32(n) * 3000}
			n, key = n+1, false
			require.NoError(t, w.l.WriteFrame(w.net.Now(), section.ID, "", section.Codecs[0].Send.PayloadType, f))
			w.l.host.Wake()
			w.net.Run(time.Second / 30)
		}
	}
	write(90)
	require.Equal(t, 90, frames)
	require.Zero(t, requests(), "a stream begins with a key frame")

	w.net.Link(w.l.host, w.r.host, simnet.LinkConfig{Delay: 20 * ms, Loss: simnet.RandomLoss(1)})
	write(60)
	w.net.Link(w.l.host, w.r.host, simnet.LinkConfig{Delay: 20 * ms})
	before := frames
	write(90)
	require.Greater(t, frames, before+60)
	require.Equal(t, uint64(1), requests(), "one outage")
}

// Parameter sets that a sender tells in its description only, as webrtcbin does by default, are
// put before the first key frame.
func TestMediaFramesDescribedSets(t *testing.T) {
	const sets = "Z0LADNoFBn58BagwMDUoAAADAAgAAAMA9HihVQ==,aM48gA=="
	idr := append([]byte{0, 0, 0, 1, 0x65}, bytes.Repeat([]byte{0x88}, 100)...)
	for _, senderOffers := range []bool{true, false} {
		w := newWorld(t, worldConfig{seed: 5, link: simnet.LinkConfig{Delay: 20 * ms}, change: func(l, r *rtc.Config) {
			fmtp := "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
			r.VideoCodecs = []sdp.Codec{{PayloadType: 100, Name: "H264", ClockRate: 90000, Fmtp: fmtp}}
			l.VideoCodecs = []sdp.Codec{{PayloadType: 100, Name: "H264", ClockRate: 90000, Fmtp: fmtp + ";sprop-parameter-sets=" + sets}}
			r.AcceptMedia = func(rtc.MediaOffer) (rtc.MediaConfig, bool) { return rtc.MediaConfig{Frames: true}, true }
		}})
		l := watchMedia(w.l)
		var frames [][]byte
		w.r.onEvent = func(ev rtc.Event) {
			if f, ok := ev.(*rtc.FrameReceived); ok {
				frames = append(frames, bytes.Clone(f.Frame.Data))
			}
		}
		if senderOffers {
			w.negotiate(w.l, rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Video}}})
		} else {
			w.negotiate(w.r, rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Video, Frames: true}}})
		}
		w.until(time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
		require.NoError(t, w.l.WriteFrame(w.net.Now(), l.sections[rtc.Video].ID, "", 100, codec.Frame{Data: idr}))
		w.l.host.Wake()
		w.net.Run(time.Second)
		require.Len(t, frames, 1, "the sender offers: %t", senderOffers)
		require.True(t, bytes.HasSuffix(frames[0], idr))
		require.Equal(t, []byte{0, 0, 0, 1, 0x67, 0x42, 0xc0}, frames[0][:7], "a sequence parameter set")
	}
}

// Nor does one in which packets come before that which shows that it is a key frame: an access unit
// delimiter, for example.
func TestMediaFramesWaitForTheKey(t *testing.T) {
	for _, key := range []bool{true, false} {
		w := newWorld(t, worldConfig{seed: 4, link: simnet.LinkConfig{Delay: 20 * ms}, change: func(_, r *rtc.Config) {
			r.AcceptMedia = func(rtc.MediaOffer) (rtc.MediaConfig, bool) { return rtc.MediaConfig{Frames: true}, true }
		}})
		l := watchMedia(w.l)
		w.negotiate(w.l, rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Video}}})
		w.until(time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
		section := l.sections[rtc.Video]
		i := slices.IndexFunc(section.Codecs, func(c sdp.AgreedCodec) bool { return c.Name == "H264" })
		packets := [][]byte{{0x09, 0xf0}, {0x67, 0x42, 0xc0, 0x0c}, {0x68, 0xce, 0x3c}, {0x65, 0x88, 0x84}}
		if !key {
			packets = [][]byte{{0x09, 0xf0}, {0x41, 0x9a, 0x01}, {0x41, 0x9a, 0x02}}
		}
		for n, payload := range packets {
			h := rtp.Header{PayloadType: section.Codecs[i].Send.PayloadType, SequenceNumber: uint16(n), Marker: n == len(packets)-1}
			require.NoError(t, w.l.WriteRTP(w.net.Now(), section.ID, "", &h, payload))
			w.l.host.Wake()
			w.net.Run(5 * ms)
		}
		w.net.Run(100 * ms)
		require.Equal(t, !key, l.wishes > 0)
	}
}
