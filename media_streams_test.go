package rtc_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/internal/simnet"
	"github.com/sansrtc/rtc/rtp"
)

// The end of a stream is told once, after its packets, and what was lost of it is asked for no more. The
// stream may go on.
func TestStreamEnds(t *testing.T) {
	w := newWorld(t, worldConfig{seed: 3, link: simnet.LinkConfig{Delay: 20 * ms}})
	l, r := watchMedia(w.l), watchMedia(w.r)
	w.negotiate(w.l, rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Video}}})
	w.until(time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
	var ends []rtc.StreamEnded
	watch := w.r.onEvent
	w.r.onEvent = func(ev rtc.Event) {
		if end, ok := ev.(*rtc.StreamEnded); ok {
			require.Len(t, r.packets, 10*(len(ends)+1)-len(ends), "packets come before the end")
			ends = append(ends, *end)
		}
		watch(ev)
	}
	ssrc := w.l.MediaSources(l.sections[rtc.Video].ID)[0].SSRC
	goodbye := func() {
		plain := rtp.AppendGoodbye(rtp.AppendReceiverReport(nil, rtp.ReceiverReport{SSRC: ssrc}), rtp.Goodbye{SSRCs: rtp.SSRCs(nil).Append(ssrc).Append(99)})
		b, err := w.l.SealRTCP(plain)
		require.NoError(t, err)
		w.net.Inject(simnet.Packet{From: w.l.addr, To: w.r.addr, Data: b})
		w.net.Run(0)
	}
	goodbye()
	require.Empty(t, ends, "of what has not begun")
	w.write(l, rtc.Video, 0, 9, 5*ms)
	w.net.Run(20 * ms)
	w.l.lose, w.l.onLost = 1, func([]byte) {}
	w.write(l, rtc.Video, 9, 2, 5*ms) // of which one is lost
	w.net.Run(20 * ms)
	for range 3 {
		goodbye()
	}
	require.Equal(t, []rtc.StreamEnded{{ID: r.sections[rtc.Video].ID, SSRC: ssrc}}, ends)
	asked := w.r.AppendStreamStats(nil)[1].Received.NACKs
	w.net.Run(2 * time.Second)
	require.LessOrEqual(t, w.r.AppendStreamStats(nil)[1].Received.NACKs, asked+1)

	w.write(l, rtc.Video, 11, 9, 5*ms)
	w.net.Run(20 * ms)
	require.GreaterOrEqual(t, len(r.packets), 19, "it goes on")
	goodbye()
	require.Len(t, ends, 2)
}

// A forwarder hears of packets that are padding, whose numbers it has to leave out.
func TestPaddingIsDelivered(t *testing.T) {
	w := newWorld(t, worldConfig{seed: 3, link: simnet.LinkConfig{Delay: 20 * ms}})
	l := watchMedia(w.l)
	w.negotiate(w.l, rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Audio}}})
	w.until(time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
	var sizes []int
	w.r.onEvent = func(ev rtc.Event) {
		if p, ok := ev.(*rtc.RTPReceived); ok {
			sizes = append(sizes, len(p.Payload))
		}
	}
	section := l.sections[rtc.Audio]
	h := rtp.Header{PayloadType: section.Codecs[0].Send.PayloadType}
	for _, payload := range [][]byte{{1}, nil, {2, 3}} {
		h.SequenceNumber++
		require.NoError(t, w.l.WriteRTP(w.net.Now(), section.ID, "", &h, payload))
	}
	w.net.Run(100 * ms)
	require.Equal(t, []int{1, 0, 2}, sizes)
}
