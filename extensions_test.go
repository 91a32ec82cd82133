package rtc_test

import (
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

const (
	extMID         = "urn:ietf:params:rtp-hdrext:sdes:mid"
	extRID         = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
	extRepairedRID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
	extOrientation = "urn:3gpp:video-orientation"
	extTimeOffset  = "urn:ietf:params:rtp-hdrext:toffset"
)

// ownURIs returns n URIs that nobody else uses.
func ownURIs(n int) (list []sdp.Extmap) {
	for i := range n {
		list = append(list, sdp.Extmap{URI: fmt.Sprintf("https://example.com/extension/%d", i)})
	}
	return list
}

func uris(list []sdp.AgreedExtension) (uris []string) {
	for _, x := range list {
		uris = append(uris, x.URI)
	}
	return uris
}

// extensionID returns the identifier of a URI in a section.
func extensionID(t *testing.T, section rtc.MediaChanged, uri string) uint8 {
	t.Helper()
	i := slices.IndexFunc(section.Extensions, func(x sdp.AgreedExtension) bool { return x.URI == uri })
	require.GreaterOrEqual(t, i, 0, "%s in %v", uri, section.Extensions)
	return uint8(section.Extensions[i].ID)
}

// What an application adds of its own is agreed on, under the same identifier in every section,
// and travels both ways beside what the session writes itself.
func TestMediaExtensions(t *testing.T) {
	for _, test := range []struct {
		name  string
		own   int
		first bool // before those that the session writes itself
		wide  int  // sections with identifiers above 14, which take the long form
	}{
		{"one", 1, false, 0},
		{"three", 3, false, 1},
		{"many", 16, true, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			config := func(kind rtc.MediaKind) rtc.MediaConfig {
				list := append(rtc.DefaultExtensions(kind), ownURIs(test.own)...)
				if test.first {
					list = append(ownURIs(test.own), rtc.DefaultExtensions(kind)...)
				}
				return rtc.MediaConfig{Kind: kind, Extensions: list}
			}
			w := newWorld(t, worldConfig{seed: 10, link: simnet.LinkConfig{Delay: 20 * ms}, change: func(_, r *rtc.Config) {
				r.AcceptMedia = func(o rtc.MediaOffer) (rtc.MediaConfig, bool) { return config(o.Kind), true }
			}})
			l, r := watchMedia(w.l), watchMedia(w.r)
			w.negotiate(w.l, rtc.Changes{AddMedia: []rtc.MediaConfig{config(rtc.Audio), config(rtc.Video)}})
			w.until(time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })

			ids := map[uint16]string{}
			for _, p := range []*mediaPeer{l, r} {
				for _, section := range p.sections {
					for _, x := range section.Extensions {
						require.Contains(t, []string{"", x.URI}, ids[x.ID], "one meaning of identifier %d", x.ID)
						require.True(t, x.Send && x.Receive)
						ids[x.ID] = x.URI
					}
				}
			}
			require.Len(t, ids, len(rtc.DefaultExtensions(rtc.Video))+2+test.own, "of video, two of audio, and our own")

			wide := map[rtc.MediaKind]bool{}
			for kind, section := range l.sections {
				wide[kind] = slices.ContainsFunc(section.Extensions, func(x sdp.AgreedExtension) bool { return x.ID > 14 })
			}
			require.Equal(t, test.wide, len(slices.DeleteFunc([]bool{wide[rtc.Audio], wide[rtc.Video]}, func(b bool) bool { return !b })))

			for _, pair := range [][2]*mediaPeer{{l, r}, {r, l}} {
				from, to := pair[0], pair[1]
				var got []rtc.RTPReceived
				to.onEvent = func(ev rtc.Event) {
					if p, ok := ev.(*rtc.RTPReceived); ok {
						got = append(got, *p.Clone())
					}
				}
				for kind, section := range from.sections {
					h := rtp.Header{PayloadType: section.Codecs[0].Send.PayloadType}
					if wide[kind] {
						h.Extensions.Profile = rtp.ExtensionTwoByte
					}
					for i, x := range ownURIs(test.own) {
						require.True(t, h.Extensions.Append(extensionID(t, section, x.URI), []byte{1, byte(i)}))
					}
					require.NoError(t, from.WriteRTP(w.net.Now(), section.ID, "", &h, []byte{0, 1}))
					bare := rtp.Header{PayloadType: h.PayloadType, SequenceNumber: 1}
					require.NoError(t, from.WriteRTP(w.net.Now(), section.ID, "", &bare, []byte{0, 2}))
				}
				from.host.Wake()
				w.net.Run(100 * ms)
				require.Len(t, got, 4)
				for _, p := range got {
					x := p.Header.Extensions
					section := to.sections[rtc.Audio]
					if to.sections[rtc.Video].ID == p.ID {
						section = to.sections[rtc.Video]
					}
					require.Equal(t, wide[section.Kind], x.Profile == rtp.ExtensionTwoByte, "one form in a stream")
					if p.Header.SequenceNumber == 1 {
						continue
					}
					for i, own := range ownURIs(test.own) {
						v, _ := x.Get(extensionID(t, section, own.URI))
						require.Equal(t, []byte{1, byte(i)}, v)
					}
					_, ok := x.Get(extensionID(t, section, extMID))
					require.True(t, ok, "MID")
				}
			}
			require.Zero(t, w.l.Stats().Dropped)
			require.Zero(t, w.r.Stats().Dropped)
		})
	}
}

// A section has the extensions it was given, and those that tell streams apart.
func TestMediaExtensionsReplaced(t *testing.T) {
	w := newWorld(t, worldConfig{seed: 10, link: simnet.LinkConfig{Delay: 20 * ms}, change: func(_, r *rtc.Config) {
		r.AcceptMedia = func(rtc.MediaOffer) (rtc.MediaConfig, bool) {
			return rtc.MediaConfig{Extensions: ownURIs(2)}, true
		}
	}})
	l, r := watchMedia(w.l), watchMedia(w.r)
	own := []sdp.Extmap{
		{ID: 1, URI: ownURIs(1)[0].URI}, // the identifier that MID would have
		{URI: ownURIs(2)[1].URI, Direction: sdp.SendOnly},
	}
	w.negotiate(w.l, rtc.Changes{AddMedia: []rtc.MediaConfig{
		{Kind: rtc.Video, Extensions: own}, {Kind: rtc.Audio, Extensions: []sdp.Extmap{}},
	}})
	w.until(time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
	for _, p := range []*mediaPeer{l, r} {
		require.ElementsMatch(t, []string{own[0].URI, own[1].URI, extMID, extRID, extRepairedRID}, uris(p.sections[rtc.Video].Extensions))
		require.Equal(t, []string{extMID}, uris(p.sections[rtc.Audio].Extensions))
	}
	require.EqualValues(t, 1, extensionID(t, r.sections[rtc.Video], own[0].URI))
	for _, x := range l.sections[rtc.Video].Extensions {
		require.Equal(t, x.URI != own[1].URI, x.Receive, x.URI)
	}
	w.write(l, rtc.Video, 0, 10, 10*ms)
	w.write(l, rtc.Audio, 10, 10, 10*ms)
	w.net.Run(time.Second)
	require.Len(t, r.packets, 20)
	require.Zero(t, w.r.Stats().Dropped)
}

// A peer may call a section by a long name, which takes the long form, and room from the payload.
func TestMediaLongMID(t *testing.T) {
	w := newWorld(t, worldConfig{seed: 11, link: simnet.LinkConfig{Delay: 20 * ms}})
	offer, err := w.l.CreateOffer(w.net.Now(), rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Video, Frames: true}, {Kind: rtc.Video, Frames: true}}})
	require.NoError(t, err)
	// The peer is a session of ours, whose mids are short: a third party makes them long.
	name := strings.Repeat("m", 200)
	longer := strings.NewReplacer("a=mid:1\r", "a=mid:"+name+"\r", "BUNDLE 0 1\r", "BUNDLE 0 "+name+"\r")
	answer, err := w.r.AcceptOffer(w.net.Now(), longer.Replace(offer.SDP()))
	require.NoError(t, err)
	require.Contains(t, answer, name)
	shorter := strings.NewReplacer(name, "1")
	require.NoError(t, w.l.AcceptAnswer(w.net.Now(), offer, shorter.Replace(answer)))
	var sections []rtc.MediaChanged
	w.r.onEvent = func(ev rtc.Event) {
		if c, ok := ev.(*rtc.MediaChanged); ok {
			sections = append(sections, *c)
		}
	}
	w.until(time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
	require.Equal(t, name, sections[1].MID)
	seen := 0
	w.net.Trace = func(_ time.Time, fate simnet.Fate, h *simnet.Host, p simnet.Packet) {
		if fate == simnet.Sent && p.Data[0]>>6 == 2 && !rtp.IsRTCP(p.Data) {
			size, err := rtp.HeaderSize(p.Data)
			require.NoError(t, err)
			require.Greater(t, size, 200, "the name is in it")
			seen++
		}
	}
	f := codec.Frame{Data: vp8Frame(1, 20000, true)}
	require.NoError(t, w.r.WriteFrame(w.net.Now(), sections[1].ID, "", sections[1].Codecs[0].Send.PayloadType, f))
	w.r.host.Wake()
	w.net.Run(100 * ms) // the virtual network refuses what is over the MTU
	require.Greater(t, seen, 20)
}
