package sdp_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/sdp"
)

func rfc9429(t *testing.T, name string) *sdp.Session {
	t.Helper()
	b, err := os.ReadFile("testdata/rfc9429/" + name + ".sdp")
	require.NoError(t, err)
	s := mustParse(t, string(b))
	require.Equal(t, s, mustParse(t, s.String()), name)
	return s
}

// "7.1. Simple Example … 7.2. Detailed Example … 7.3. Early Transport Warmup Example"
// https://www.rfc-editor.org/rfc/rfc9429.html#section-7
//
// Alice offers first; then Bob does, in the second and third.
func TestRFC9429Examples(t *testing.T) {
	t.Parallel()
	agreed, err := sdp.Agree(nil, rfc9429(t, "offer-A1"), rfc9429(t, "answer-A1"), true)
	require.NoError(t, err)
	require.Equal(t, 0, agreed.Tag)
	require.Equal(t, "6sFv", agreed.Remote.ICEUfrag)
	require.Len(t, agreed.Remote.Candidates, 1)
	require.True(t, agreed.Remote.EndOfCandidates)
	require.Equal(t, "eec3392ab83e11ceb6a0990c903fbb19", agreed.Remote.TLSID)
	require.Equal(t, -1, agreed.Data.Line)

	for _, example := range []string{"B", "C"} {
		first, answer := rfc9429(t, "offer-"+example+"1"), rfc9429(t, "answer-"+example+"1")
		again, reanswer := rfc9429(t, "offer-"+example+"2"), rfc9429(t, "answer-"+example+"2")
		for _, alice := range []bool{true, false} {
			one, err := sdp.Agree(nil, first, answer, alice)
			require.NoError(t, err, example)
			require.Equal(t, !alice, one.Client, "Bob answers active")
			two, err := sdp.Agree(one, again, reanswer, !alice)
			require.NoError(t, err, example)
			require.Equal(t, one.Client, two.Client)
			require.False(t, two.ICERestart)
			require.Equal(t, one.Lines, two.Lines[:2])
			if example == "B" {
				require.Equal(t, 1, two.Data.Line)
				require.EqualValues(t, 65536, two.Data.MaxMessageSize)
			}
		}
	}
}

// A bundle-only section without credentials of its own lives and dies with the
// section that speaks for the bundle; with it, it is accepted.
func TestRFC9429BundleOnly(t *testing.T) {
	t.Parallel()
	offer := rfc9429(t, "offer-B1")
	offer.Media[0].Port = 0
	answer, err := sdp.NewAnswer(parameters(), nil, offer, sdp.AcceptData(nil, offer))
	require.NoError(t, err)
	require.True(t, answer.Media[0].Rejected())
	require.True(t, answer.Media[1].Rejected())
	agreed, err := sdp.Agree(nil, offer, answer, false)
	require.NoError(t, err)
	require.Equal(t, -1, agreed.Tag)

	offer = rfc9429(t, "offer-B1")
	answer, err = sdp.NewAnswer(parameters(), nil, offer, sdp.AcceptData(nil, offer))
	require.NoError(t, err)
	require.Equal(t, sdp.Inactive, answer.Media[0].Direction)
	agreed, err = sdp.Agree(nil, offer, answer, false)
	require.NoError(t, err)
	require.Equal(t, 0, agreed.Tag)
	require.Equal(t, 1, agreed.Data.Line)

	accept := sdp.AcceptData(nil, offer)
	accept[0] = &sdp.Media{Codecs: offer.Media[0].Codecs[:1]}
	answer, err = sdp.NewAnswer(parameters(), nil, offer, accept)
	require.NoError(t, err)
	require.Equal(t, []sdp.Group{{Semantics: "BUNDLE", MIDs: []string{"a1", "d1"}}}, answer.Groups)
	agreed, err = sdp.Agree(nil, offer, mustParse(t, answer.String()), false)
	require.NoError(t, err)
	require.Equal(t, 0, agreed.Tag)
	require.Equal(t, 1, agreed.Data.Line)
	require.Equal(t, "ATEn", agreed.Remote.ICEUfrag)
}

func TestRFC9429Values(t *testing.T) {
	t.Parallel()
	offer := rfc9429(t, "offer-B2")
	require.Equal(t, sdp.Origin{Username: "-", ID: 7729291447651054566, Version: 2, Address: "0.0.0.0"}, offer.Origin)
	require.Equal(t, []string{"trickle", "ice2"}, offer.ICEOptions)
	require.Equal(t, []sdp.Group{
		{Semantics: "BUNDLE", MIDs: []string{"a1", "d1", "v1", "v2"}},
		{Semantics: "LS", MIDs: []string{"a1", "v1"}},
	}, offer.Groups)
	audio, video := &offer.Media[0], &offer.Media[2]
	require.Equal(t, sdp.Codec{PayloadType: 96, Name: "opus", ClockRate: 48000, Channels: 2}, audio.Codecs[0])
	require.Equal(t, sdp.Codec{PayloadType: 97, Name: "telephone-event", ClockRate: 8000, Fmtp: "0-15"}, audio.Codecs[3])
	require.True(t, audio.RTCPMux && audio.RTCPMuxOnly && audio.RTCPRsize)
	require.Equal(t, []sdp.Attribute{{Key: "maxptime", Value: "120"}}, audio.Attributes)
	require.Equal(t, []sdp.MSID{{Stream: "71317484-2ed4-49d7-9eb7-1414322a7aae"}}, audio.MSIDs)
	require.Len(t, audio.Candidates, 3)
	require.Equal(t, []sdp.Feedback{{Type: "ccm", Parameter: "fir"}, {Type: "nack"}, {Type: "nack", Parameter: "pli"}}, video.Codecs[0].Feedback)
	require.Equal(t, []sdp.Extmap{
		{ID: 1, URI: "urn:ietf:params:rtp-hdrext:sdes:mid"},
		{ID: 3, URI: "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"},
	}, video.Extmaps)
	require.Equal(t, []sdp.RID{{ID: "1"}, {ID: "2"}, {ID: "3"}}, video.RIDs)
	require.Equal(t, sdp.Simulcast{Send: [][]sdp.SimulcastRID{{{ID: "1"}}, {{ID: "2"}}, {{ID: "3"}}}}, video.Simulcast)
	require.Same(t, video, offer.MediaByMID("v1"))
	require.Nil(t, offer.MediaByMID("v3"))
	require.Equal(t, sdp.RecvOnly, rfc9429(t, "answer-B2").Media[3].Direction)
}
