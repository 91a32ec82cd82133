package rtc_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/internal/simnet"
	"github.com/sansrtc/rtc/sdp"
)

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
