package codec_test

import (
	"encoding/binary"
	"testing"

	"github.com/sansrtc/rtc/rtp/codec"
)

func FuzzVP8Depacketizer(f *testing.F)  { fuzzDepacketizer(f, codec.VP8) }
func FuzzVP9Depacketizer(f *testing.F)  { fuzzDepacketizer(f, codec.VP9) }
func FuzzH264Depacketizer(f *testing.F) { fuzzDepacketizer(f, codec.H264) }
func FuzzH265Depacketizer(f *testing.F) { fuzzDepacketizer(f, codec.H265) }
func FuzzAV1Depacketizer(f *testing.F)  { fuzzDepacketizer(f, codec.AV1) }
func FuzzOpusDepacketizer(f *testing.F) { fuzzDepacketizer(f, codec.Opus) }

// fuzzDepacketizer makes packets of the input: a byte of flags, two of length, and the
// payload. Whatever comes out keeps to the limits, and goes through a packetizer and a second
// depacketizer unchanged if the packetizer takes it for a frame.
func fuzzDepacketizer(f *testing.F, format codec.Format) {
	s := newSample(format, 16)
	p, _ := newPair(f, format)
	for _, size := range []int{60, 400, 8000} {
		var input []byte
		for range 5 {
			payloads := packetize(f, p, s.frame(), max(size, 401*int(bit(!format.Video()))))
			for i, payload := range payloads {
				input = append(input, bit(i == len(payloads)-1)|byte(len(input))&2)
				input = binary.BigEndian.AppendUint16(input, uint16(len(payload)))
				input = append(input, payload...)
			}
		}
		f.Add(input)
	}
	const maxSize, maxPackets = 4000, 20
	f.Fuzz(func(t *testing.T, input []byte) {
		d, err := codec.NewDepacketizer(codec.DepacketizerConfig{
			Name: format.String(), MaxFrameSize: maxSize, MaxFramePackets: maxPackets,
		})
		if err != nil {
			t.Fatal(err)
		}
		timestamp := uint32(0)
		for len(input) >= 3 {
			flags, n := input[0], int(binary.BigEndian.Uint16(input[1:]))
			input = input[3:]
			n = min(n, len(input))
			payload := input[:n:n]
			input = input[n:]
			_, _ = format.Inspect(payload)
			_ = d.Push(codec.Packet{
				Payload: payload, Timestamp: timestamp, Marker: flags&1 != 0, Lost: flags&0x10 != 0,
			})
			if flags&5 != 0 {
				timestamp += 3000
			}
			for f, ok := d.Next(); ok; f, ok = d.Next() {
				// A superframe index and parameter sets are not from the packets.
				if len(f.Data) == 0 || len(f.Data) > maxSize+34+8<<10 || f.Packets > maxPackets {
					t.Fatalf("a frame of %d bytes in %d packets", len(f.Data), f.Packets)
				}
				resend(t, format, f)
			}
		}
	})
}

func resend(t *testing.T, format codec.Format, f codec.Frame) {
	p, d := newPair(t, format)
	if p.Start(f, 100+len(f.Data)*int(bit(!format.Video()))) != nil {
		return
	}
	for {
		payload, marker, ok := p.AppendPayload(nil)
		if !ok {
			break
		}
		_ = d.Push(codec.Packet{Payload: payload, Marker: marker})
	}
	got, ok := d.Next()
	if format == codec.H264 || format == codec.H265 {
		// A start code within a unit makes two of it.
		return
	}
	if ok != f.KeyFrame && format != codec.VP9 {
		t.Fatalf("%v: a frame with key frame %v has come back: %v\n%x", format, f.KeyFrame, ok, f.Data)
	}
	if ok && string(got.Data) != string(f.Data) {
		t.Fatalf("got  %x\nwant %x", got.Data, f.Data)
	}
}
