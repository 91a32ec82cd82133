package codec_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/rtp/codec"
)

// TestNoAllocs sends frames through a packetizer and a depacketizer whose buffers have grown.
func TestNoAllocs(t *testing.T) {
	for _, format := range allFormats {
		t.Run(format.String(), func(t *testing.T) {
			s := newSample(format, 7)
			p, d := newPair(t, format)
			var frames [20]codec.Frame
			for i := range frames {
				frames[i] = s.frame()
			}
			scratch := make([]byte, 0, 1500)
			timestamp := uint32(0)
			got := 0
			send := func() {
				for _, f := range frames {
					timestamp += 3000
					if p.Start(f, 1200) != nil {
						return
					}
					for {
						payload, marker, ok := p.AppendPayload(scratch)
						if !ok {
							break
						}
						if _, err := format.Inspect(payload); err != nil {
							return
						}
						if d.Push(codec.Packet{Payload: payload, Timestamp: timestamp, Marker: marker}) != nil {
							return
						}
						for _, ok := d.Next(); ok; _, ok = d.Next() {
							got++
						}
					}
				}
			}
			send()
			require.Equal(t, len(frames), got, "frames of the first round")
			allocs := testing.AllocsPerRun(20, send)
			require.Equal(t, 22*len(frames), got, "all frames came")
			require.Zero(t, allocs, "allocations for %d frames", len(frames))
		})
	}
}
