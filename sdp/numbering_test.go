package sdp_test

import (
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/sdp"
)

// Two sections of one offer, and later offers, use a number for one thing only.
func TestOfferNumbers(t *testing.T) {
	t.Parallel()
	texts := corpus(t)
	// Firefox offers; our own numbers are Chromium's.
	offer := mustParse(t, texts["x-firefox-to-chromium-av.offer"])
	own := map[string]*sdp.Capabilities{}
	for _, m := range mustParse(t, texts["chromium-b-av.offer"]).Media {
		own[m.Kind] = capabilitiesOf(&m)
	}
	accept := sdp.AcceptData(nil, offer)
	var want []sdp.Media
	for i := range offer.Media {
		m := &offer.Media[i]
		if m.IsData() {
			continue
		}
		accept[i] = own[m.Kind].Answer(m)
		want = append(want, own[m.Kind].Offer(m.Kind, m.MID))
	}
	answer, err := sdp.NewAnswer(parameters(), nil, offer, accept)
	require.NoError(t, err)
	agreed, err := sdp.Agree(nil, offer, answer, false)
	require.NoError(t, err)

	want = append(want, own["video"].Offer("video", ""), own["audio"].Offer("audio", ""))
	before := want[0].Codecs[0]
	next, err := sdp.NewOffer(parameters(), agreed, want)
	require.NoError(t, err)
	require.Equal(t, before, want[0].Codecs[0], "want was changed")
	requireConsistent(t, next, offer, answer)
	for i := range next.Media {
		m := &next.Media[i]
		if m.IsData() || m.Rejected() {
			continue
		}
		w := own[m.Kind]
		require.Len(t, m.Codecs, len(w.Codecs), "m-line %d", i)
		require.Len(t, m.Extmaps, len(w.Extmaps), "m-line %d", i)
		for k := range m.Codecs {
			require.Equal(t, w.Codecs[k].Name, m.Codecs[k].Name, "the order is kept")
		}
	}
	read := mustParse(t, next.String())
	require.Equal(t, next.String(), read.String())
}

// requireConsistent checks that a number means the same throughout an offer, and what
// it meant in the descriptions before.
func requireConsistent(t *testing.T, offer *sdp.Session, before ...*sdp.Session) {
	t.Helper()
	ids := make(map[uint16]string)
	pts := make(map[uint8]sdp.Codec)
	for _, s := range append(slices.Clone(before), offer) {
		for i := range s.Media {
			for _, e := range s.Media[i].Extmaps {
				if known, ok := ids[e.ID]; ok {
					require.Equal(t, known, e.URI, "extension %d", e.ID)
				}
				ids[e.ID] = e.URI
			}
			if s.Media[i].Rejected() {
				continue
			}
			for _, c := range s.Media[i].Codecs {
				known, ok := pts[c.PayloadType]
				switch {
				case !ok:
				case c.Is("rtx"), c.Is("red"):
					require.Equal(t, known.Fmtp, c.Fmtp, "payload type %d", c.PayloadType)
				default:
					require.True(t, known.Matches(&c), "payload type %d: %v and %v", c.PayloadType, known, c)
				}
				pts[c.PayloadType] = c
			}
		}
	}
}

func TestNewNumbers(t *testing.T) {
	t.Parallel()
	codec := func(pt uint8, name, fmtp string) sdp.Codec {
		return sdp.Codec{PayloadType: pt, Name: name, ClockRate: 90000, Fmtp: fmtp}
	}
	first := sdp.Media{Kind: "video", Codecs: []sdp.Codec{codec(96, "A", "")}, Extmaps: []sdp.Extmap{{ID: 1, URI: "a"}}}
	second := sdp.Media{
		Kind: "video",
		Codecs: []sdp.Codec{
			codec(98, "rtx", "apt=96"), codec(96, "B", ""), codec(97, "A", ""), codec(72, "C", ""),
			codec(99, "red", "96/97"), codec(100, "red", "96/101"), codec(102, "rtx", "apt=103"), codec(104, "A", ""),
		},
		Extmaps: []sdp.Extmap{{ID: 1, URI: "b"}, {ID: 2, URI: "a"}, {ID: 15, URI: "c"}, {ID: 4096, URI: "d"}},
		RIDs:    []sdp.RID{{ID: "x", PayloadTypes: []uint8{96, 100}}},
	}
	offer, err := sdp.NewOffer(parameters(), nil, []sdp.Media{first, second})
	require.NoError(t, err)
	requireConsistent(t, offer)
	m := &offer.Media[1]
	require.Equal(t, []sdp.Codec{
		codec(100, "rtx", "apt=97"), codec(97, "B", ""), codec(96, "A", ""), codec(98, "C", ""),
		codec(99, "red", "97/96"), codec(104, "A", ""),
	}, m.Codecs)
	require.Equal(t, []sdp.Extmap{{ID: 2, URI: "b"}, {ID: 1, URI: "a"}, {ID: 3, URI: "c"}, {ID: 4, URI: "d"}}, m.Extmaps)
	require.Equal(t, []sdp.RID{{ID: "x", PayloadTypes: []uint8{97}}}, m.RIDs)
	require.EqualValues(t, 98, second.Codecs[0].PayloadType, "want was changed")
	require.Equal(t, []uint8{96, 100}, second.RIDs[0].PayloadTypes, "want was changed")

	// There is an end to the numbers.
	many := sdp.Media{Kind: "video"}
	for i := range 300 {
		many.Codecs = append(many.Codecs, codec(uint8(i%128), "X"+strconv.Itoa(i), ""))
		many.Extmaps = append(many.Extmaps, sdp.Extmap{ID: 1, URI: "x" + strconv.Itoa(i)})
	}
	offer, err = sdp.NewOffer(parameters(), nil, []sdp.Media{many})
	require.NoError(t, err)
	require.Len(t, offer.Media[0].Extmaps, 254)
	require.LessOrEqual(t, len(offer.Media[0].Codecs), 128-32)
	requireConsistent(t, mustParse(t, offer.String()))
}
