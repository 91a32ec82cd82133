package codec_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/rtp/codec"
)

// TestMalformedPayloads sends payloads that are cut short or contradict themselves, by
// themselves and in the middle of a stream: an error, the frame is dropped, and the next key
// frame works.
func TestMalformedPayloads(t *testing.T) {
	for _, test := range []struct {
		name    string
		format  codec.Format
		payload string
		want    error
	}{
		{"empty descriptor", codec.VP8, "10", codec.ErrMalformed},
		{"long picture id cut", codec.VP8, "81 81 94", codec.ErrMalformed},
		{"picture id cut", codec.VP8, "90 80", codec.ErrMalformed},
		{"TL0PICIDX cut", codec.VP8, "90 c0 01", codec.ErrMalformed},
		{"TID cut", codec.VP8, "90 20", codec.ErrMalformed},
		{"nothing behind the descriptor", codec.VP8, "90 80 01", codec.ErrMalformed},
		{"no beginning", codec.VP8, "80 80 01 00", codec.ErrIncomplete},
		{"not the first partition", codec.VP8, "11 00", codec.ErrIncomplete},

		{"nothing behind the descriptor", codec.VP9, "0c", codec.ErrMalformed},
		{"picture id cut", codec.VP9, "8c", codec.ErrMalformed},
		{"long picture id cut", codec.VP9, "8c 81", codec.ErrMalformed},
		{"layer indices cut", codec.VP9, "ac 01", codec.ErrMalformed},
		{"TL0PICIDX cut", codec.VP9, "ac 01 00", codec.ErrMalformed},
		{"flexible without a picture id", codec.VP9, "1c 01", codec.ErrMalformed},
		{"references cut", codec.VP9, "dc 01 03", codec.ErrMalformed},
		{"four references", codec.VP9, "dc 01 03 03 03 03 82", codec.ErrMalformed},
		{"structure cut", codec.VP9, "8e 01", codec.ErrMalformed},
		{"sizes cut", codec.VP9, "8e 01 f0 01 02 03 04 05 06", codec.ErrMalformed},
		{"picture group cut", codec.VP9, "8e 01 08 ff 04 01 04 01", codec.ErrMalformed},
		{"references of a picture group cut", codec.VP9, "8e 01 08 01 0c 01", codec.ErrMalformed},
		{"no beginning", codec.VP9, "84 01 82", codec.ErrIncomplete},
		{"no end", codec.VP9, "88 01 82", codec.ErrIncomplete},
		{"the lower layer is missing", codec.VP9, "ac 01 03 00 82", codec.ErrIncomplete},

		{"type 0", codec.H264, "60 01", codec.ErrMalformed},
		{"type 30", codec.H264, "7e 01", codec.ErrMalformed},
		{"STAP-A without units", codec.H264, "78", codec.ErrMalformed},
		{"STAP-A with one trailing byte", codec.H264, "78 0002 65 88 00", codec.ErrMalformed},
		{"STAP-A with an empty unit", codec.H264, "78 0000 0002 65 88", codec.ErrMalformed},
		{"STAP-A beyond its end", codec.H264, "78 0003 65 88", codec.ErrMalformed},
		{"STAP-A in STAP-A", codec.H264, "78 0005 78 0002 65 88", codec.ErrMalformed},
		{"FU-A in STAP-A", codec.H264, "78 0003 7c 85 88", codec.ErrMalformed},
		{"STAP-B", codec.H264, "79 0000 0002 65 88", codec.ErrUnsupported},
		{"MTAP16", codec.H264, "7a 00 00", codec.ErrUnsupported},
		{"FU-B", codec.H264, "7d 85 00 00 88", codec.ErrUnsupported},
		{"FU-A of one byte", codec.H264, "7c", codec.ErrMalformed},
		{"FU-A without data", codec.H264, "7c 85", codec.ErrMalformed},
		{"FU-A of FU-A", codec.H264, "7c 9c 88", codec.ErrMalformed},
		{"FU-A without start", codec.H264, "7c 05 88", codec.ErrIncomplete},
		{"FU-A without end", codec.H264, "7c 85 88", codec.ErrIncomplete},
		{"not the first slice", codec.H264, "65 08", codec.ErrIncomplete},

		{"one byte", codec.H265, "26", codec.ErrMalformed},
		{"TID 0", codec.H265, "26 00 88", codec.ErrMalformed},
		{"type 63", codec.H265, "7e 01 88", codec.ErrMalformed},
		{"PACI of one byte", codec.H265, "64", codec.ErrMalformed},
		{"PACI", codec.H265, "64 01 26 00 88", codec.ErrUnsupported},
		{"AP without units", codec.H265, "60 01", codec.ErrMalformed},
		{"AP with one trailing byte", codec.H265, "60 01 0003 26 01 88 00", codec.ErrMalformed},
		{"AP with a cut header", codec.H265, "60 01 0001 26", codec.ErrMalformed},
		{"AP in AP", codec.H265, "60 01 0007 60 01 0003 26 01 88", codec.ErrMalformed},
		{"FU of two bytes", codec.H265, "62 01", codec.ErrMalformed},
		{"FU without data", codec.H265, "62 01 93", codec.ErrMalformed},
		{"FU of FU", codec.H265, "62 01 b1 88", codec.ErrMalformed},
		{"FU without start", codec.H265, "62 01 13 88", codec.ErrIncomplete},
		{"FU without end", codec.H265, "62 01 93 88", codec.ErrIncomplete},
		{"not the first slice", codec.H265, "26 01 08", codec.ErrIncomplete},

		{"aggregation header alone", codec.AV1, "10", codec.ErrMalformed},
		{"length beyond the end", codec.AV1, "00 05 30 10", codec.ErrMalformed},
		{"length that has no end", codec.AV1, "00 ff ff ff ff ff ff ff ff ff 01", codec.ErrMalformed},
		{"length of 2^56-1", codec.AV1, "00 ff ff ff ff ff ff ff 7f 30", codec.ErrMalformed},
		{"empty element", codec.AV1, "00 00", codec.ErrMalformed},
		{"fewer elements than announced", codec.AV1, "30 02 30 10 01 30", codec.ErrMalformed},
		{"obu_size beyond the end", codec.AV1, "10 32 05 10", codec.ErrMalformed},
		{"obu_size before the end", codec.AV1, "10 32 01 10 00", codec.ErrMalformed},
		{"obu_size cut", codec.AV1, "10 32 80", codec.ErrMalformed},
		{"extension header cut", codec.AV1, "10 34", codec.ErrMalformed},
		{"forbidden bit", codec.AV1, "10 b0 10", codec.ErrMalformed},
		{"new sequence that continues", codec.AV1, "98 30 10", codec.ErrMalformed},
		{"no beginning", codec.AV1, "90 30 10", codec.ErrIncomplete},
		{"no end", codec.AV1, "50 30 10", codec.ErrIncomplete},
	} {
		t.Run(test.format.String()+" "+test.name, func(t *testing.T) {
			payload := unhex(t, test.payload)
			bad := codec.Packet{Payload: payload, Timestamp: 1, Marker: true}

			dt := newDepacketizerTest(t, test.format.String())
			dt.pushError("the first packet", bad, test.want)
			require.EqualValues(t, 1, dt.d.Dropped)
			require.True(t, dt.d.NeedsKeyFrame())

			if test.want != codec.ErrIncomplete {
				_, err := test.format.Inspect(payload)
				require.ErrorIs(t, err, test.want)
			}
			require.False(t, test.want != codec.ErrIncomplete && test.format.IsKeyFrame(payload))

			s := newSample(test.format, 8)
			p, _ := newPair(t, test.format)
			key, delta := s.frame(), s.frame()
			whole := func(f codec.Frame, timestamp uint32) codec.Packet {
				payloads := packetize(t, p, f, 20000)
				require.Len(t, payloads, 1)
				return codec.Packet{Payload: payloads[0], Timestamp: timestamp, Marker: true}
			}
			dt.pushFrame("a key frame works", whole(key, 2))
			bad.Timestamp = 3
			dt.pushError("in the middle of a stream", bad, test.want)
			delta3 := whole(delta, 4)
			// Its picture id shows that VP8 and VP9 have not missed a frame.
			if test.format == codec.VP8 || test.format == codec.VP9 {
				dt.pushFrame("nothing is missing", delta3)
			} else {
				dt.push(delta3)
				require.True(t, dt.d.NeedsKeyFrame())
			}
			f := dt.pushFrame("the next key frame works", whole(key, 5))
			require.True(t, f.KeyFrame)
			require.Equal(t, key.Data, f.Data)
		})
	}
}

// TestSpoiledFrameIsDropped lets the bad packet be the second of a frame.
func TestSpoiledFrameIsDropped(t *testing.T) {
	for _, format := range videoFormats {
		s := newSample(format, 9)
		p, d := newPair(t, format)
		f := s.frame()
		for i, payload := range packetize(t, p, f, 60) {
			err := d.Push(codec.Packet{Payload: payload, Timestamp: 1})
			require.NoError(t, err)
			if i == 0 {
				require.Error(t, d.Push(codec.Packet{Payload: []byte{0xff}, Timestamp: 1}))
			}
		}
		require.NoError(t, d.Push(codec.Packet{Payload: []byte{0xff}, Timestamp: 1, Marker: true}))
		_, ok := d.Next()
		require.False(t, ok, "%v", format)
		require.EqualValues(t, 1, d.Dropped, "%v", format)
	}
}

// TestTinyPayloads packetizes for payloads of every small size: an error, or every payload
// fits and the frame comes back.
func TestTinyPayloads(t *testing.T) {
	smallest := map[codec.Format]int{ // in which a large frame can be sent
		codec.VP8: 5, codec.VP9: 12, codec.H264: 3, codec.H265: 4, codec.AV1: 2,
	}
	for _, format := range allFormats {
		t.Run(format.String(), func(t *testing.T) {
			s := newSample(format, 10)
			p, d := newPair(t, format)
			f := s.frame()
			for size := -1; size < 40; size++ {
				if !format.Video() || size < smallest[format] {
					require.ErrorIs(t, p.Start(f, size), codec.ErrPayloadSize, "size %d", size)
					_, _, ok := p.AppendPayload(nil)
					require.False(t, ok, "size %d: no payload after an error", size)
					continue
				}
				payloads := packetize(t, p, f, size)
				for i, payload := range payloads {
					require.NoError(t, d.Push(codec.Packet{
						Payload: payload, Timestamp: uint32(size), Marker: i == len(payloads)-1,
					}), "size %d, packet %d: %x", size, i, payload)
				}
				got, ok := d.Next()
				require.True(t, ok)
				require.Equal(t, f.Data, got.Data, "size %d", size)
			}
			for _, empty := range [][]byte{nil, {}} {
				require.ErrorIs(t, p.Start(codec.Frame{Data: empty}, 1200), codec.ErrEmptyFrame)
				_, _, ok := p.AppendPayload(nil)
				require.False(t, ok)
			}
		})
	}
}

// TestStartForgets begins a frame while payloads of another are left.
func TestStartForgets(t *testing.T) {
	for _, format := range videoFormats {
		s := newSample(format, 11)
		p, d := newPair(t, format)
		first, second := s.frame(), s.frame()
		second.Data = append([]byte(nil), first.Data...)
		require.NoError(t, p.Start(first, 20))
		_, _, ok := p.AppendPayload(nil)
		require.True(t, ok)
		payloads := packetize(t, p, second, 20)
		for i, payload := range payloads {
			require.NoError(t, d.Push(codec.Packet{Payload: payload, Marker: i == len(payloads)-1}))
		}
		got, ok := d.Next()
		require.True(t, ok, "%v", format)
		require.Equal(t, second.Data, got.Data)
	}
}

// TestEndlessFrame sends a frame that never ends: it is limited in bytes and in packets, and
// what is behind it comes.
func TestEndlessFrame(t *testing.T) {
	for _, format := range videoFormats {
		for _, limits := range []codec.DepacketizerConfig{
			{MaxFrameSize: 10_000},
			{MaxFramePackets: 10},
		} {
			limits.Name = format.String()
			d, err := codec.NewDepacketizer(limits)
			require.NoError(t, err)
			start, more := endless(t, format)
			require.NoError(t, d.Push(codec.Packet{Payload: start, Timestamp: 1}), "%v", format)
			var failed int
			for range 20_000 {
				if err := d.Push(codec.Packet{Payload: more, Timestamp: 1}); err != nil {
					require.ErrorIs(t, err, codec.ErrFrameTooLarge)
					failed++
				}
			}
			require.Equal(t, 1, failed, "%v: one error for the frame", format)

			s := newSample(format, 12)
			p, _ := newPair(t, format)
			f := s.frame()
			f.Data = f.Data[:len(f.Data):len(f.Data)]
			payloads := packetize(t, p, f, 5000)
			for i, payload := range payloads {
				require.NoError(t, d.Push(codec.Packet{
					Payload: payload, Timestamp: 2, Marker: i == len(payloads)-1,
				}))
			}
			_, ok := d.Next()
			require.True(t, ok, "%v: the next key frame works", format)
			require.EqualValues(t, 1, d.Dropped)
		}
	}
}

// endless returns the first and a further payload of a frame of which no end is to be seen.
func endless(t *testing.T, format codec.Format) (start, more []byte) {
	body := make([]byte, 1000)
	for i := range body {
		body[i] = 0xaa
	}
	starts := map[codec.Format]string{
		codec.VP8: "90 80 01 00", codec.VP9: "8a 01 00 82", codec.H264: "7c 85 88",
		codec.H265: "62 01 93 88", codec.AV1: "58 30 10",
	}
	mores := map[codec.Format]string{
		codec.VP8: "80 80 01", codec.VP9: "80 01", codec.H264: "7c 05",
		codec.H265: "62 01 13", codec.AV1: "d0",
	}
	return append(unhex(t, starts[format]), body...), append(unhex(t, mores[format]), body...)
}

// TestNoRecursion gives payloads inside payloads of their own kind, over and over: redundant
// audio in redundant audio, and aggregates in aggregates.
func TestNoRecursion(t *testing.T) {
	// Each block: "F=1, block PT 99 (itself), no offset, the rest".
	red := []byte{}
	for range 10_000 {
		red = append(red, 0x80|99, 0, 0, 4)
	}
	dt := newDepacketizerTest(t, "red")
	f := dt.pushFrame("a frame is the payload", codec.Packet{Payload: red})
	require.Equal(t, red, f.Data)

	nest := func(header ...byte) []byte {
		var b []byte
		for left := 60_000; left > 10; {
			left -= len(header) + 2
			b = append(append(b, header...), byte(left>>8), byte(left))
		}
		return append(b, make([]byte, 10)...)
	}
	dt = newDepacketizerTest(t, "H264")
	dt.pushError("STAP-A in STAP-A", codec.Packet{Payload: nest(24), Marker: true}, codec.ErrMalformed)
	dt = newDepacketizerTest(t, "H265")
	dt.pushError("AP in AP", codec.Packet{Payload: nest(48<<1, 1), Marker: true}, codec.ErrMalformed)
}

// TestPrefixes cuts every payload of a stream at every byte: nothing panics, the frame of a
// video stream that came so is dropped or ended early, and the next key frame comes.
func TestPrefixes(t *testing.T) {
	for _, format := range videoFormats {
		s := newSample(format, 13)
		p, d := newPair(t, format)
		key := s.frame()
		keyPayloads := packetize(t, p, key, 20000)
		for range 20 {
			for _, payload := range packetize(t, p, s.frame(), 100) {
				for n := range payload {
					_, _ = format.Inspect(payload[:n])
					_ = d.Push(codec.Packet{Payload: payload[:n:n], Timestamp: uint32(n)})
				}
			}
			d.Reset()
			require.NoError(t, d.Push(codec.Packet{Payload: keyPayloads[0], Timestamp: 7, Marker: true}))
			f, ok := d.Next()
			require.True(t, ok, "%v: the next key frame works", format)
			require.Equal(t, key.Data, f.Data)
		}
	}
}

// TestFlippedBytes changes a byte in every payload of a stream: nothing panics, frames keep
// their limits, and without a change a key frame comes.
func TestFlippedBytes(t *testing.T) {
	for _, format := range allFormats {
		s := newSample(format, 14)
		p, d := newPair(t, format)
		r := rand.New(rand.NewPCG(14, 0))
		for i := range 500 {
			f := s.frame()
			intact := s.count%10 == 1
			size := 100
			if !format.Video() {
				size = 400
			}
			payloads := packetize(t, p, f, size)
			sum := 0
			for j, payload := range payloads {
				if !intact {
					payload[r.IntN(min(len(payload), 8))] ^= byte(1 << r.IntN(8))
				}
				sum += len(payload) + 8
				_, _ = format.Inspect(payload)
				_ = d.Push(codec.Packet{Payload: payload, Timestamp: uint32(i), Marker: j == len(payloads)-1})
				for got, ok := d.Next(); ok; got, ok = d.Next() {
					require.NotEmpty(t, got.Data)
					if intact {
						require.Equal(t, f.Data, got.Data, "%v", format)
						sum = -1
					}
				}
			}
			if intact {
				require.Equal(t, -1, sum, "%v: an intact key frame comes", format)
			}
		}
	}
}
