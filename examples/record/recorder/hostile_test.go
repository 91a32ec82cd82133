package recorder

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/rtp/codec"
	"github.com/sansrtc/rtc/sdp"
)

// Nothing a peer may do to clocks, timestamps, codecs and sections brings the recorder out of step: the files are
// what files have to be, which the harness checks, and what is held stays bounded.
func TestHostile(t *testing.T) {
	for seed := range uint64(40) {
		w := newWorld(t)
		random := rand.New(rand.NewPCG(seed, 1))
		one := func(n int) bool { return random.IntN(n) == 0 }
		codecs := []*sdp.AgreedCodec{opusCodec, vp8Codec, vp9Codec, h264Codec, av1Codec, {Name: "H265", ClockRate: 90000}, {Name: "VP8"}, {Name: "opus", ClockRate: 1}}
		keys := [][]byte{{1}, keyFrame(t, "vp8"), keyFrame(t, "vp9"), keyFrame(t, "h264"), keyFrame(t, "av1"), {0}, keyFrame(t, "vp8"), {2}}
		codecOf := map[rtc.MediaID]int{}
		var timestamp uint32
		for range 1000 {
			w.now = w.now.Add(time.Duration(random.Int64N(int64(50 * ms))))
			if one(100) {
				w.now = w.now.Add(time.Duration(random.Int64N(int64(time.Hour))))
			}
			id := rtc.MediaID(random.IntN(3))
			if _, ok := codecOf[id]; !ok || one(50) {
				codecOf[id] = random.IntN(len(codecs))
			}
			switch {
			case one(100):
				w.deliver(&rtc.MediaStopped{ID: id})
				continue
			case one(100):
				w.deliver(&rtc.MediaChanged{ID: id, Kind: rtc.MediaKind(random.IntN(2)), Direction: sdp.Direction(random.IntN(4))})
				continue
			}
			timestamp += uint32(random.IntN(5000))
			if one(50) {
				timestamp = random.Uint32()
			}
			f := &rtc.FrameReceived{ID: id, Codec: codecs[codecOf[id]], Frame: codec.Frame{Data: []byte{1, 2, 3}, Timestamp: timestamp, KeyFrame: one(5)}}
			if f.Frame.KeyFrame {
				f.Frame.Data = keys[codecOf[id]]
			}
			if one(200) {
				f.Frame.Data = make([]byte, 4<<20)
			}
			switch random.IntN(4) {
			case 0:
				f.Time = time.Unix(random.Int64N(1<<32), 0)
			case 1, 2:
				f.Time = w.now.Add(time.Duration(random.Int64N(int64(time.Second))))
			}
			w.deliver(f)
			require.LessOrEqual(t, w.recorder.held, maxHeld+4<<20)
		}
		require.NoError(t, w.recorder.Close())
		require.Zero(t, w.recorder.held)
		for _, p := range w.parts {
			require.True(t, p.closed)
		}
	}
}
