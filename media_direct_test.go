package rtc_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/ice"
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
	mirrored.RemoteSources = nil
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

// Directions change, and a section ends with a goodbye; the others go on.
func TestSetMedia(t *testing.T) {
	w := newWorld(t, worldConfig{seed: 23, link: simnet.LinkConfig{Delay: 20 * ms}})
	l, r := watchMedia(w.l), watchMedia(w.r)
	w.start()
	idL, idR := w.addMedia(video("v"))
	w.addMedia(rtc.MediaParameters{MID: "a"})
	w.until(time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
	w.write(l, rtc.Video, 0, 10, 10*ms)
	w.write(r, rtc.Video, 0, 10, 10*ms)
	w.net.Run(50 * ms)

	refused := func(p *mediaPeer) {
		t.Helper()
		section := p.sections[rtc.Video]
		h := rtp.Header{PayloadType: section.Codecs[0].Send.PayloadType}
		require.ErrorIs(t, p.WriteRTP(w.net.Now(), section.ID, "", &h, []byte{1}), rtc.ErrNotSending)
	}
	w.setMedia(idL, idR, sdp.SendOnly)
	require.Equal(t, sdp.RecvOnly, r.sections[rtc.Video].Direction)
	require.False(t, r.sections[rtc.Video].Added)
	refused(r)
	w.write(l, rtc.Video, 10, 10, 10*ms)
	w.net.Run(50 * ms)
	w.setMedia(idL, idR, sdp.Inactive)
	refused(l)
	refused(r)
	wishes := l.wishes
	w.setMedia(idL, idR, sdp.SendRecv)
	require.Greater(t, l.wishes, wishes, "what is received again begins with a key frame")
	w.write(l, rtc.Video, 20, 10, 10*ms)
	w.write(r, rtc.Video, 20, 10, 10*ms)
	w.net.Run(100 * ms)
	require.Len(t, r.packets, 30)
	require.Len(t, l.packets, 20)

	goodbyes := 0
	w.net.Trace = func(_ time.Time, fate simnet.Fate, h *simnet.Host, p simnet.Packet) {
		if fate != simnet.Sent || h.Name != "L" || !rtp.IsRTCP(p.Data) {
			return
		}
		plain, err := w.r.OpenRTCP(p.Data)
		require.NoError(t, err)
		packets, err := rtp.ParseRTCP(plain)
		require.NoError(t, err)
		for packet, ok := packets.Next(); ok; packet, ok = packets.Next() {
			if bye, ok := packet.Goodbye(); ok {
				require.Equal(t, w.r.AppendStreamStats(nil)[1].SSRC, bye.SSRCs.At(0))
				goodbyes++
			}
		}
	}
	require.NoError(t, w.l.SetMedia(w.net.Now(), rtc.MediaChange{ID: idL, Stop: true}))
	w.net.Run(10 * ms)
	require.Equal(t, 1, goodbyes)
	w.net.Trace = nil
	require.NoError(t, w.r.SetMedia(w.net.Now(), rtc.MediaChange{ID: idR, Stop: true}))
	w.net.Run(100 * ms)
	require.Equal(t, 1, l.stopped)
	require.Equal(t, 1, r.stopped)
	require.ErrorIs(t, w.l.SetMedia(w.net.Now(), rtc.MediaChange{ID: idL}), rtc.ErrNoMedia)
	require.ErrorIs(t, w.l.WriteRTP(w.net.Now(), idL, "", &rtp.Header{}, nil), rtc.ErrNoMedia)
	w.write(l, rtc.Audio, 100, 10, 20*ms)
	w.net.Run(100 * ms)
	require.Len(t, r.packets, 40)

	// The name is free again, and the id is not.
	again, _ := w.addMedia(video("v"))
	require.Greater(t, again, idL)
	w.net.Run(100 * ms)
	w.write(l, rtc.Video, 200, 10, 10*ms)
	w.net.Run(100 * ms)
	require.Len(t, r.packets, 50)
}

// What does not fit is refused, and nothing has changed.
func TestAddMediaRefuses(t *testing.T) {
	opus := sdp.Codec{PayloadType: 111, Name: "opus", ClockRate: 48000, Channels: 2}
	mid := sdp.Extmap{ID: 1, URI: extMID}
	for _, test := range []struct {
		name   string
		change func(p *rtc.MediaParameters)
		want   string
	}{
		{"no MID", func(p *rtc.MediaParameters) { p.MID = "" }, rtc.ErrMID.Error()},
		{"long MID", func(p *rtc.MediaParameters) { p.MID = strings.Repeat("m", 256) }, rtc.ErrMID.Error()},
		{"MID in use", func(p *rtc.MediaParameters) { p.MID = "first" }, rtc.ErrMID.Error()},
		{"no codecs", func(p *rtc.MediaParameters) { p.Codecs = []sdp.Codec{} }, rtc.ErrNoCodec.Error()},
		{"other codecs", func(p *rtc.MediaParameters) { p.Codecs, p.RemoteCodecs = []sdp.Codec{opus}, rtc.DefaultVideoCodecs() }, rtc.ErrNoCodec.Error()},
		{"payload type twice", func(p *rtc.MediaParameters) { p.Codecs = []sdp.Codec{opus, opus} }, "payload type"},
		{"payload type of RTCP", func(p *rtc.MediaParameters) {
			p.Codecs = []sdp.Codec{{PayloadType: 72, Name: "opus", ClockRate: 48000}}
		}, "payload type"},
		{"payload type of eight bits", func(p *rtc.MediaParameters) {
			p.RemoteCodecs = []sdp.Codec{{PayloadType: 128, Name: "opus", ClockRate: 48000}}
		}, "payload type"},
		{"no identifier", func(p *rtc.MediaParameters) { p.Extensions = []sdp.Extmap{{URI: extMID}} }, "identifier"},
		{"identifier 15", func(p *rtc.MediaParameters) { p.Extensions = []sdp.Extmap{{ID: 15, URI: extOrientation}} }, "identifier"},
		{"identifier of nine bits", func(p *rtc.MediaParameters) { p.Extensions = []sdp.Extmap{{ID: 256, URI: extOrientation}} }, "identifier"},
		{"identifier twice", func(p *rtc.MediaParameters) { p.Extensions = []sdp.Extmap{mid, {ID: 1, URI: extOrientation}} }, "identifier"},
		{"extension twice", func(p *rtc.MediaParameters) { p.Extensions = []sdp.Extmap{mid, mid} }, "identifier"},
		{"other identifier than elsewhere", func(p *rtc.MediaParameters) { p.Extensions = []sdp.Extmap{{ID: 9, URI: extMID}} }, "identifier"},
		{"identifier in use elsewhere", func(p *rtc.MediaParameters) { p.Extensions = []sdp.Extmap{{ID: 1, URI: extOrientation}} }, "identifier"},
		{"RID twice", func(p *rtc.MediaParameters) { p.RIDs = []string{"a", "a"} }, "RID"},
		{"RID in both directions", func(p *rtc.MediaParameters) { p.RIDs, p.RemoteRIDs = []string{"a"}, []string{"a"} }, "RID"},
		{"empty RID", func(p *rtc.MediaParameters) { p.RemoteRIDs = []string{""} }, "RID"},
		{"RID of two", func(p *rtc.MediaParameters) { p.RIDs = []string{"a;b"} }, "RID"},
		{"no SSRC", func(p *rtc.MediaParameters) { p.RemoteSources = []rtc.MediaSource{{}} }, "source"},
		{"SSRC in use", func(p *rtc.MediaParameters) { p.RemoteSources = []rtc.MediaSource{{SSRC: 70}} }, "source"},
		{"SSRC twice", func(p *rtc.MediaParameters) { p.RemoteSources = []rtc.MediaSource{{SSRC: 5, RTX: 5}} }, "source"},
		{"two sources of one encoding", func(p *rtc.MediaParameters) { p.RemoteSources = []rtc.MediaSource{{SSRC: 5}, {SSRC: 6}} }, "source"},
		{"source of no encoding", func(p *rtc.MediaParameters) { p.RemoteSources = []rtc.MediaSource{{RID: "a", SSRC: 5}} }, "source"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, worldConfig{seed: 24, link: simnet.LinkConfig{Delay: 20 * ms}})
			l := watchMedia(w.l)
			first := video("first")
			first.RemoteSources = []rtc.MediaSource{{SSRC: 70, RTX: 71}}
			id, _ := w.addMedia(first)
			w.start()
			w.net.Run(time.Second)
			log := slices.Clone(w.l.log)
			p := video("second")
			test.change(&p)
			_, err := w.l.AddMedia(w.net.Now(), p)
			require.ErrorContains(t, err, test.want)
			w.net.Run(100 * ms)
			require.Equal(t, log, w.l.log, "no event")
			next, _ := w.addMedia(video("second"))
			require.Equal(t, id+1, next)
			w.net.Run(time.Second)
			w.write(l, rtc.Video, 0, 10, 10*ms)
		})
	}
}

// A session goes one of the two ways.
func TestDirectOrDescribed(t *testing.T) {
	newPair := func() *world { return newWorld(t, worldConfig{seed: 25, link: simnet.LinkConfig{Delay: ms}}) }
	restart := func(p *simPeer) error {
		credentials, err := ice.NewCredentials(seedReader(1))
		require.NoError(t, err)
		return p.RestartICE(simnet.Epoch, credentials, rtc.Parameters{ICE: credentials})
	}
	w := newPair()
	require.ErrorContains(t, restart(w.l), "Start")
	w.negotiate(w.l, rtc.Changes{DataChannels: true})
	for _, p := range []*simPeer{w.l, w.r} {
		_, err := p.AddMedia(w.net.Now(), video("v"))
		require.ErrorIs(t, err, rtc.ErrDescribed)
		require.ErrorIs(t, p.SetMedia(w.net.Now(), rtc.MediaChange{}), rtc.ErrDescribed)
		require.ErrorIs(t, restart(p), rtc.ErrDescribed)
	}

	w = newPair()
	offer, err := w.l.CreateOffer(w.net.Now(), rtc.Changes{DataChannels: true})
	require.NoError(t, err)
	answer, err := w.r.AcceptOffer(w.net.Now(), offer.SDP())
	require.NoError(t, err)
	_, err = w.l.AddMedia(w.net.Now(), video("v")) // the offer has changed nothing
	require.NoError(t, err)
	require.ErrorIs(t, w.l.AcceptAnswer(w.net.Now(), offer, answer), rtc.ErrDirect)
	_, err = w.l.CreateOffer(w.net.Now(), rtc.Changes{DataChannels: true})
	require.ErrorIs(t, err, rtc.ErrDirect)
	_, err = w.l.AcceptOffer(w.net.Now(), offer.SDP())
	require.ErrorIs(t, err, rtc.ErrDirect)

	w.l.Close(w.net.Now())
	_, err = w.l.AddMedia(w.net.Now(), video("w"))
	require.ErrorIs(t, err, rtc.ErrClosed)
	require.ErrorIs(t, w.l.SetMedia(w.net.Now(), rtc.MediaChange{}), rtc.ErrClosed)
	require.ErrorIs(t, restart(w.l), rtc.ErrClosed)

	// One that was refused has decided nothing.
	w = newPair()
	_, err = w.l.AddMedia(w.net.Now(), rtc.MediaParameters{MID: "a", MediaConfig: rtc.MediaConfig{Codecs: []sdp.Codec{}}})
	require.ErrorIs(t, err, rtc.ErrNoCodec)
	w.connect()
}

// Both sides change their credentials, to another address of the peer, while media flows.
func TestRestartICE(t *testing.T) {
	w := newWorld(t, worldConfig{seed: 26, link: simnet.LinkConfig{Delay: 20 * ms}})
	l, r := watchMedia(w.l), watchMedia(w.r)
	w.addMedia(video("v"))
	w.start()
	w.until(time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
	w.write(l, rtc.Video, 0, 10, 10*ms)

	var credentials [2]ice.Credentials
	for i := range credentials {
		var err error
		credentials[i], err = ice.NewCredentials(seedReader(30 + uint64(i)))
		require.NoError(t, err)
	}
	before := [2]ice.Credentials{w.l.LocalParameters().ICE, w.r.LocalParameters().ICE}
	remote := w.r.LocalParameters()
	for _, test := range []struct {
		local  ice.Credentials
		remote rtc.Parameters
		want   error
	}{
		{ice.Credentials{}, remote, ice.ErrCredentials},
		{credentials[0], rtc.Parameters{}, ice.ErrCredentials},
		{before[0], remote, ice.ErrSameCredentials},
	} {
		require.ErrorIs(t, w.l.RestartICE(w.net.Now(), test.local, test.remote), test.want)
		require.Equal(t, before[0], w.l.LocalParameters().ICE)
	}
	w.write(l, rtc.Video, 10, 10, 10*ms)

	for i, p := range []*simPeer{w.r, w.l} { // R has been told by L
		remote := w.other(p).LocalParameters()
		remote.ICE = credentials[i]
		require.NoError(t, p.RestartICE(w.net.Now(), credentials[1-i], remote))
		require.Equal(t, credentials[1-i], p.LocalParameters().ICE)
		w.write(l, rtc.Video, 20+10*i, 10, 10*ms)
	}
	w.until(10*time.Second, "the old credentials are forgotten", func() bool {
		return slices.Contains(w.l.log, "LocalUfragRemoved") && slices.Contains(w.r.log, "LocalUfragRemoved")
	})
	w.write(l, rtc.Video, 40, 10, 10*ms)
	w.net.Run(100 * ms)
	require.Len(t, r.packets, 50)
	require.Zero(t, w.r.Stats().Dropped)

	lite := newWorld(t, worldConfig{seed: 26, change: func(l, _ *rtc.Config) { l.ICELite = true }})
	lite.start()
	remote = lite.r.LocalParameters()
	remote.ICELite = true
	require.ErrorIs(t, lite.l.RestartICE(lite.net.Now(), credentials[0], remote), ice.ErrBothLite)
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
