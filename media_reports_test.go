package rtc_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/internal/simnet"
	"github.com/sansrtc/rtc/rtp"
)

// Every stream is reported in every round, in as many datagrams as that takes: the virtual network
// refuses those over the MTU.
func TestMediaReportsOfManyStreams(t *testing.T) {
	const sections = 60 // more than the blocks of one report
	w := newWorld(t, worldConfig{seed: 13, link: simnet.LinkConfig{Delay: 20 * ms}, change: func(l, r *rtc.Config) {
		l.MTU, r.MTU = 576, 1200
	}})
	ids := map[*simPeer][]rtc.MediaChanged{}
	for _, p := range []*simPeer{w.l, w.r} {
		p.onEvent = func(ev rtc.Event) {
			if c, ok := ev.(*rtc.MediaChanged); ok {
				ids[p] = append(ids[p], *c)
			}
		}
	}
	w.negotiate(w.l, rtc.Changes{AddMedia: make([]rtc.MediaConfig, sections)})
	w.until(time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
	for n := range 150 {
		for _, p := range []*simPeer{w.l, w.r} {
			for _, section := range ids[p] {
				h := rtp.Header{PayloadType: section.Codecs[0].Send.PayloadType, SequenceNumber: uint16(n), Timestamp: uint32(n) * 960}
				require.NoError(t, p.WriteRTP(w.net.Now(), section.ID, "", &h, make([]byte, 20)))
			}
			p.host.Wake()
		}
		w.net.Run(20 * ms)
	}
	w.net.Run(100 * ms)
	for _, p := range []*simPeer{w.l, w.r} {
		stats := p.AppendStreamStats(nil)
		require.Len(t, stats, 2*sections)
		for _, s := range stats {
			if s.Sending {
				require.GreaterOrEqual(t, s.Sent.RemoteReports, uint64(2), "%s: %d", p.name, s.ID)
				require.Less(t, s.Sent.RTT, 60*ms)
			} else {
				require.GreaterOrEqual(t, s.Received.SenderReports, uint64(2), "%s: %d", p.name, s.ID)
			}
		}
		require.Zero(t, p.Stats().Dropped)
	}
}

// referenceTime returns an extended report that tells a receiver's clock.
func referenceTime(ssrc uint32, t time.Time) []byte {
	return rtp.AppendReceiverReferenceTime(nil, ssrc, rtp.NTPTimeOf(t))
}

// Reference times of the peer's receivers are answered under each source that is sent, with the time
// that has passed since they came; each once, the latest of a source only, and a few sources.
func TestMediaReferenceTimes(t *testing.T) {
	for _, test := range []struct {
		name    string
		sources []uint32
		want    map[uint32]bool
	}{
		{"none", nil, map[uint32]bool{}},
		{"one", []uint32{7}, map[uint32]bool{7: true}},
		{"the same twice", []uint32{7, 7}, map[uint32]bool{7: true}},
		{"two", []uint32{7, 9}, map[uint32]bool{7: true, 9: true}},
		{"too many", []uint32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, worldConfig{seed: 14, link: simnet.LinkConfig{Delay: 20 * ms}})
			l := watchMedia(w.l)
			w.negotiate(w.l, rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Audio}, {Kind: rtc.Video}}})
			w.until(time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
			w.write(l, rtc.Audio, 0, 1, 10*ms)
			w.write(l, rtc.Video, 1, 1, 10*ms)

			told := w.net.Now()
			answers := map[uint32]map[uint32]int{} // by our source, and the peer's
			w.net.Trace = func(at time.Time, fate simnet.Fate, h *simnet.Host, p simnet.Packet) {
				if fate != simnet.Sent || h.Name != "L" || !rtp.IsRTCP(p.Data) {
					return
				}
				plain, err := w.r.OpenRTCP(p.Data)
				require.NoError(t, err)
				packets, err := rtp.ParseRTCP(plain)
				require.NoError(t, err)
				for packet, ok := packets.Next(); ok; packet, ok = packets.Next() {
					blocks, ok := packet.ExtendedReport()
					if !ok {
						continue
					}
					block, _ := blocks.Next()
					list, ok := block.DLRR()
					require.True(t, ok)
					for i := range list.Len() {
						a := list.At(i)
						if answers[blocks.SSRC] == nil {
							answers[blocks.SSRC] = map[uint32]int{}
						}
						answers[blocks.SSRC][a.SSRC]++
						// Its delay is what the one who asked takes off the time that has passed.
						trip, ok := rtp.RoundTrip(rtp.NTPTimeOf(at), a.LastRR, a.Delay)
						require.True(t, ok)
						require.InDelta(t, 0, trip, float64(ms), "there and back by a call")
					}
				}
			}
			for i, ssrc := range test.sources {
				at := told.Add(time.Duration(i-len(test.sources)+1) * time.Microsecond)
				b, err := w.r.SealRTCP(referenceTime(ssrc, at))
				require.NoError(t, err)
				w.l.HandleInput(rtc.Input{Now: told, Local: w.l.addr, Remote: w.r.addr, Data: b})
			}
			w.l.host.Wake()
			w.net.Run(5 * time.Second)
			if len(test.want) == 0 && len(test.sources) == 0 {
				require.Empty(t, answers)
				return
			}
			require.Len(t, answers, 2, "our sources")
			for _, sent := range w.l.AppendStreamStats(nil) {
				if !sent.Sending {
					continue
				}
				got := answers[sent.SSRC]
				for ssrc, times := range got {
					require.Equal(t, 1, times)
					require.True(t, test.want == nil || test.want[ssrc])
				}
				if test.want != nil {
					require.Len(t, got, len(test.want))
				} else {
					require.Len(t, got, 16, "as many as are remembered")
				}
			}
			require.Zero(t, w.l.Stats().Dropped)
		})
	}
}
