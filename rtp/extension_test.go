package rtp

import (
	"bytes"
	"encoding/hex"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// decoded is a typed value without its second result, for tables.
func decoded[T any](v T, ok bool) any {
	if !ok {
		return nil
	}
	return v
}

func TestExtensionValues(t *testing.T) {
	for _, test := range []struct {
		name, value string
		want        any
		decode      func(v []byte) any
		encode      func(dst []byte) []byte
	}{{
		"transport-wide sequence number", `1234`, uint16(0x1234),
		func(v []byte) any { return decoded(ParseTransportSequence(v)) },
		func(dst []byte) []byte { return AppendTransportSequence(dst, 0x1234) },
	}, {
		"transport-wide sequence number of version 2", `12340001`, uint16(0x1234),
		func(v []byte) any { return decoded(ParseTransportSequence(v[:max(len(v), 2)])) }, nil,
	}, {
		"abs-send-time", `fedcba`, AbsSendTime(0xfedcba),
		func(v []byte) any { return decoded(ParseAbsSendTime(v)) },
		AbsSendTime(0xfedcba).AppendTo,
	}, {
		"audio level", `55`, AudioLevel{Level: 0x55},
		func(v []byte) any { return decoded(ParseAudioLevel(v)) },
		AudioLevel{Level: 0x55}.AppendTo,
	}, {
		"audio level with a voice", `ff`, AudioLevel{Level: 127, Voice: true},
		func(v []byte) any { return decoded(ParseAudioLevel(v)) },
		AudioLevel{Level: 200, Voice: true}.AppendTo,
	}, {
		"video orientation", `0e`, VideoOrientation{Rotation: 180, Flip: true, BackCamera: true},
		func(v []byte) any { return decoded(ParseVideoOrientation(v)) },
		VideoOrientation{Rotation: 180, Flip: true, BackCamera: true}.AppendTo,
	}, {
		"video orientation to the left", `03`, VideoOrientation{Rotation: 270},
		func(v []byte) any { return decoded(ParseVideoOrientation(v)) },
		VideoOrientation{Rotation: -90}.AppendTo,
	}, {
		"transmission offset", `fffffe`, int32(-2),
		func(v []byte) any { return decoded(ParseTransmissionOffset(v)) },
		func(dst []byte) []byte { return AppendTransmissionOffset(dst, -2) },
	}, {
		"transmission offset out of range", `7fffff`, int32(1<<23 - 1),
		func(v []byte) any { return decoded(ParseTransmissionOffset(v)) },
		func(dst []byte) []byte { return AppendTransmissionOffset(dst, math.MaxInt32) },
	}, {
		"capture time", `83aa7e80 80000000`, AbsCaptureTime{Time: 0x83aa7e8080000000},
		func(v []byte) any { return decoded(ParseAbsCaptureTime(v)) },
		AbsCaptureTime{Time: 0x83aa7e8080000000}.AppendTo,
	}, {
		"capture time with offset", `83aa7e80 80000000 ffffffff 80000000`,
		AbsCaptureTime{Time: 0x83aa7e8080000000, HasOffset: true, Offset: -1 << 31},
		func(v []byte) any {
			if len(v) == 8 {
				return nil // which is the short form
			}
			return decoded(ParseAbsCaptureTime(v))
		},
		AbsCaptureTime{Time: 0x83aa7e8080000000, HasOffset: true, Offset: -1 << 31}.AppendTo,
	}, {
		"playout delay", `00a1f4`, PlayoutDelay{100 * time.Millisecond, 5 * time.Second},
		func(v []byte) any { return decoded(ParsePlayoutDelay(v)) },
		PlayoutDelay{109 * time.Millisecond, 5 * time.Second}.AppendTo,
	}, {
		"playout delay out of range", `000fff`, PlayoutDelay{0, 40950 * time.Millisecond},
		func(v []byte) any { return decoded(ParsePlayoutDelay(v)) },
		PlayoutDelay{-time.Second, time.Hour}.AppendTo,
	}} {
		t.Run(test.name, func(t *testing.T) {
			v := unhex(t, test.value)
			require.Equal(t, test.want, test.decode(v))
			if test.encode == nil {
				return
			}
			require.Equal(t, test.value, spaced(test.encode(nil), test.value))
			for n := range v {
				require.Nil(t, test.decode(v[:n]), "cut to %d bytes", n)
			}
			// In a header and out again, in both forms.
			for _, profile := range []ExtensionProfile{ExtensionOneByte, ExtensionTwoByte} {
				h := Header{Extensions: Extensions{Profile: profile}}
				require.True(t, h.Extensions.Append(7, test.encode(nil)))
				got, _, err := Parse(h.AppendTo(nil))
				require.NoError(t, err)
				value, ok := got.Extensions.Get(7)
				require.True(t, ok)
				require.Equal(t, test.want, test.decode(value))
			}
		})
	}
	_, ok := ParsePlayoutDelay(unhex(t, `002001`))
	require.False(t, ok, "the least is more than the most")
}

// spaced returns b in hex, with spaces where like has them.
func spaced(b []byte, like string) string {
	s := hex.EncodeToString(b)
	for i, c := range like {
		if c == ' ' && i < len(s) {
			s = s[:i] + " " + s[i:]
		}
	}
	return s
}

func TestAbsSendTime(t *testing.T) {
	at := NTPTimeOf(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	for _, d := range []time.Duration{0, time.Millisecond, time.Second, 31 * time.Second, -time.Second, -31 * time.Second} {
		a, b := AbsSendTimeOf(at.Add(d)), AbsSendTimeOf(at)
		require.InDelta(t, d, a.Sub(b), float64(4*time.Microsecond))
		require.Less(t, a, AbsSendTime(1<<24))
	}
}

func TestMixerAudioLevels(t *testing.T) {
	m := MixerAudioLevels(nil).Append(3).Append(127).Append(255)
	require.Equal(t, 3, m.Len())
	require.EqualValues(t, 3, m.At(0))
	require.EqualValues(t, 127, m.At(2))
	require.EqualValues(t, 1, MixerAudioLevels{0x81}.At(0), "the reserved bit is ignored")
}

// What a Chromium has sent with AV1 in three spatial and three temporal layers.
const (
	captureStructure = `c10172 80081485214eafffaaaa863cf0430c10c302afc0aaa0063c00430010c002a000a800060000
		40001d954926e082b04a0941b820ac1282503157f974000ca864330e222222eca8655304224230eca877530077004200ef008601df010d`
	captureActive = `860173 40fc`
	capturePlain  = `8b0174`
)

func TestDependencyReader(t *testing.T) {
	var r DependencyReader
	var d DependencyDescriptor
	require.ErrorIs(t, r.Read(unhex(t, capturePlain), &d), ErrNoTemplate, "no structure has come")
	require.True(t, d.StartOfFrame)
	require.False(t, d.EndOfFrame)
	require.EqualValues(t, 11, d.TemplateID)
	require.EqualValues(t, 0x174, d.FrameNumber)

	require.NoError(t, r.Read(unhex(t, captureStructure), &d))
	require.True(t, d.StartOfFrame)
	require.True(t, d.EndOfFrame)
	require.EqualValues(t, 1, d.TemplateID)
	require.EqualValues(t, 0x172, d.FrameNumber)
	require.True(t, d.HasStructure)
	require.EqualValues(t, 0x1ff, d.ActiveTargets)
	require.Equal(t, Resolution{120, 67}, d.Resolution)
	require.Zero(t, d.Frame.DiffCount, "a key frame depends on nothing")

	s := &r.Structure
	require.Equal(t, 9, s.DecodeTargets)
	require.Equal(t, 3, s.Chains)
	require.Equal(t, []uint8{0, 0, 0, 1, 1, 1, 2, 2, 2}, s.ProtectedBy[:9])
	require.Equal(t, []Resolution{{120, 67}, {240, 135}, {480, 270}}, s.Resolutions[:s.spatialLayers()])
	for target := range s.DecodeTargets {
		spatial, temporal := s.DecodeTargetLayers(target)
		require.EqualValues(t, target/3, spatial)
		require.EqualValues(t, target%3, temporal)
	}

	require.NoError(t, r.Read(unhex(t, captureActive), &d))
	require.True(t, d.HasActiveTargets)
	require.EqualValues(t, 0x3f, d.ActiveTargets)
	require.EqualValues(t, 1, d.Frame.SpatialID)
	require.Equal(t, Resolution{240, 135}, d.Resolution)
	require.EqualValues(t, []uint16{1}, d.Frame.Diffs[:d.Frame.DiffCount], "on the frame of the layer below")

	require.NoError(t, r.Read(unhex(t, capturePlain), &d))
	require.False(t, d.HasStructure)
	require.False(t, d.HasActiveTargets)
	require.EqualValues(t, 0x3f, d.ActiveTargets, "as told before")
	require.EqualValues(t, 2, d.Frame.SpatialID)

	// A packet that is refused changes nothing.
	kept := r.Structure
	whole := unhex(t, captureStructure)
	for n := range whole {
		err := r.Read(whole[:n], &d)
		if n == 3 {
			require.NoError(t, err, "the first three bytes are a descriptor of their own")
			continue
		}
		require.Error(t, err, "cut to %d bytes", n)
		require.Equal(t, kept, r.Structure)
	}
	require.EqualValues(t, 0x3f, r.active)
	require.ErrorIs(t, r.Read(unhex(t, `bf0000`), &d), ErrNoTemplate)
}

func TestDependencyDescriptorAppend(t *testing.T) {
	var r DependencyReader
	var d DependencyDescriptor
	for _, s := range []string{captureStructure, captureActive, capturePlain} {
		v := unhex(t, s)
		require.NoError(t, r.Read(v, &d))
		got, ok := d.AppendTo([]byte("x"), &r.Structure)
		require.True(t, ok)
		require.Equal(t, append([]byte("x"), v...), got)
	}

	// What is custom is written, and read again.
	d.CustomDTIs, d.CustomDiffs, d.CustomChains = true, true, true
	d.Frame.DTIs[8] = DTISwitch
	d.Frame.DiffCount = 4
	copy(d.Frame.Diffs[:], []uint16{1, 16, 17, 4096})
	d.Frame.ChainDiffs[2] = 255
	v, ok := d.AppendTo(nil, &r.Structure)
	require.True(t, ok)
	var got DependencyDescriptor
	require.NoError(t, r.Read(v, &got))
	require.Equal(t, d.Frame, got.Frame)

	s := &r.Structure
	for _, spoil := range []func(){
		func() { d.TemplateID = 63 },
		func() { d.Frame.DiffCount = 17 },
		func() { d.Frame.Diffs[0] = 0 },
		func() { d.Frame.Diffs[0] = 4097 },
		func() { s.DecodeTargets = 0 },
		func() { s.DecodeTargets = 33 },
		func() { s.Chains = 10 },
		func() { s.ProtectedBy[1] = 3 },
		func() { s.TemplateIDOffset = 64 },
		func() { s.Templates = nil },
		func() { s.Templates[0].SpatialID = 1 },
		func() { s.Templates[1].TemporalID = 5 },
		func() { s.Templates[2].DiffCount, s.Templates[2].Diffs[0] = 1, 17 },
		func() { s.Templates[2].ChainDiffs[0] = 16 },
		func() { s.Resolutions[2].Width = 0 },
		func() { s.Resolutions[0].Height = 1<<16 + 1 },
	} {
		keptD, keptS := d, *s
		s.Templates = append([]FrameDependencies(nil), s.Templates...)
		spoil()
		dst, ok := d.AppendTo([]byte("x"), s)
		require.False(t, ok)
		require.Equal(t, "x", string(dst))
		d, *s = keptD, keptS
	}
	_, ok = d.AppendTo(nil, s)
	require.True(t, ok)
}

// Structures that claim what they may not.
func TestDependencyStructureBounds(t *testing.T) {
	structure := func(write func(w *bitWriter)) []byte {
		w := &bitWriter{}
		w.bits(0b11_000000, 8)
		w.bits(1, 16)
		w.bits(0b10000, 5)
		w.bits(0, 6)
		write(w)
		w.bits(0, 32)
		return append(w.b, make([]byte, 2000)...)
	}
	for _, test := range []struct {
		name  string
		write func(w *bitWriter)
	}{
		{"65 templates", func(w *bitWriter) {
			w.bits(0, 5)
			for range 64 {
				w.bits(layerSame, 2)
			}
			w.bits(layerEnd, 2)
		}},
		{"five spatial layers", func(w *bitWriter) {
			w.bits(0, 5)
			w.bits(0b10101010_11, 10)
		}},
		{"nine temporal layers", func(w *bitWriter) {
			w.bits(0, 5)
			w.bits(0b01010101_01010101_11, 18)
		}},
		{"17 differences", func(w *bitWriter) {
			w.bits(0, 5)
			w.bits(layerEnd, 2)
			w.bits(0, 2)
			for range 17 {
				w.bits(0b10000, 5)
			}
		}},
	} {
		var r DependencyReader
		var d DependencyDescriptor
		require.ErrorIs(t, r.Read(structure(test.write), &d), ErrMalformed, test.name)
		require.Empty(t, r.Structure.Templates, test.name)
	}
	// And a frame with more differences than are kept.
	var custom DependencyReader
	var frame DependencyDescriptor
	require.NoError(t, custom.Read(unhex(t, captureStructure), &frame))
	w := &bitWriter{}
	w.bits(0b11_000001, 8)
	w.bits(0x173, 16)
	w.bits(0b00010, 5)
	for range MaxFrameDiffs + 1 {
		w.bits(0b01_0000, 6)
	}
	w.bits(0, 32)
	require.ErrorIs(t, custom.Read(w.b, &frame), ErrMalformed)

	var r DependencyReader
	var d DependencyDescriptor
	require.NoError(t, r.Read(structure(func(w *bitWriter) {
		w.bits(31, 5)
		for range 63 {
			w.bits(layerSame, 2)
		}
		w.bits(layerEnd, 2)
	}), &d), "64 templates and 32 targets are allowed")
	require.Len(t, r.Structure.Templates, 64)
	require.Equal(t, uint32(math.MaxUint32), d.ActiveTargets)
}

// The fields are those of the format's description, in its order.
func TestVideoLayersAllocation(t *testing.T) {
	for _, test := range []struct {
		name, value string
		want        VideoLayersAllocation
	}{{
		"nothing is sent", `00`, VideoLayersAllocation{Streams: 1},
	}, {
		"one stream of one layer", `01 00 64`,
		VideoLayersAllocation{Streams: 1, Layers: []VideoLayer{{Temporal: 1, Bitrates: [4]uint32{100}}}},
	}, {
		"two streams with the same layers, of two and one temporal layers, with sizes",
		`51 40 3264ac02 013f00b31e 027f01671e`,
		VideoLayersAllocation{Stream: 1, Streams: 2, HasSizes: true, Layers: []VideoLayer{
			{Stream: 0, Temporal: 2, Bitrates: [4]uint32{50, 100}, Width: 320, Height: 180, FrameRate: 30},
			{Stream: 1, Temporal: 1, Bitrates: [4]uint32{300}, Width: 640, Height: 360, FrameRate: 30},
		}},
	}, {
		"streams with different layers", `20 3010 00 0102808001`,
		VideoLayersAllocation{Streams: 3, Layers: []VideoLayer{
			{Stream: 0, SpatialID: 0, Temporal: 1, Bitrates: [4]uint32{1}},
			{Stream: 0, SpatialID: 1, Temporal: 1, Bitrates: [4]uint32{2}},
			{Stream: 2, SpatialID: 0, Temporal: 1, Bitrates: [4]uint32{16384}},
		}},
	}, {
		"all layers", `ff ffffffff
			01020304 01020304 01020304 01020304 01020304 01020304 01020304 01020304
			01020304 01020304 01020304 01020304 01020304 01020304 01020304 01020304`,
		func() VideoLayersAllocation {
			a := VideoLayersAllocation{Stream: 3, Streams: 4}
			for i := range uint8(16) {
				a.Layers = append(a.Layers, VideoLayer{Stream: i / 4, SpatialID: i % 4, Temporal: 4, Bitrates: [4]uint32{1, 2, 3, 4}})
			}
			return a
		}(),
	}} {
		t.Run(test.name, func(t *testing.T) {
			v := unhex(t, test.value)
			var a VideoLayersAllocation
			require.NoError(t, a.Parse(v))
			require.Equal(t, test.want, a)
			got, ok := a.AppendTo([]byte("x"))
			require.True(t, ok)
			require.Equal(t, append([]byte("x"), v...), got)
			sizes := 0
			if a.HasSizes {
				sizes = 5 * len(a.Layers)
			}
			for n := range v {
				if n != len(v)-sizes {
					require.ErrorIs(t, a.Parse(v[:n]), ErrMalformed, "cut to %d bytes", n)
				}
			}
			require.ErrorIs(t, a.Parse(append(bytes.Clone(v), 0)), ErrMalformed, "one byte more")
		})
	}
	for _, s := range []string{``, `41 0064`, `20`, `10 00 00`, `01 00 ffffffffffffffff7f`, `01 00 ffffffff7f`, `01`} {
		var a VideoLayersAllocation
		require.ErrorIs(t, a.Parse(unhex(t, s)), ErrMalformed, s)
	}
	layer := VideoLayer{Temporal: 1}
	for name, a := range map[string]VideoLayersAllocation{
		"no streams":           {Layers: []VideoLayer{layer}},
		"five streams":         {Streams: 5, Layers: []VideoLayer{layer}},
		"stream out of range":  {Streams: 1, Stream: 1, Layers: []VideoLayer{layer}},
		"layer of no stream":   {Streams: 1, Layers: []VideoLayer{{Stream: 1, Temporal: 1}}},
		"fifth layer":          {Streams: 1, Layers: []VideoLayer{{SpatialID: 4, Temporal: 1}}},
		"no temporal layers":   {Streams: 1, Layers: []VideoLayer{{}}},
		"five temporal layers": {Streams: 1, Layers: []VideoLayer{{Temporal: 5}}},
		"twice":                {Streams: 1, Layers: []VideoLayer{layer, layer}},
		"no size":              {Streams: 1, HasSizes: true, Layers: []VideoLayer{layer}},
	} {
		dst, ok := a.AppendTo([]byte("x"))
		require.False(t, ok, name)
		require.Equal(t, "x", string(dst))
	}
}

func TestExtensionAllocs(t *testing.T) {
	var r DependencyReader
	var d DependencyDescriptor
	var a VideoLayersAllocation
	structure, plain, layers := unhex(t, captureStructure), unhex(t, capturePlain), unhex(t, `51403264ac02013f00b31e027f01671e`)
	dst, data := make([]byte, 0, 200), make([]byte, 0, 200)
	round := func() {
		if r.Read(structure, &d) != nil || r.Read(plain, &d) != nil || a.Parse(layers) != nil {
			t.Fatal("not read")
		}
		dst, _ = d.AppendTo(dst[:0], &r.Structure)
		dst, _ = a.AppendTo(dst)
		e := Extensions{Data: data}
		var buf [16]byte
		e.Append(1, AppendTransportSequence(buf[:0], 1))
		e.Append(2, AbsSendTime(3).AppendTo(buf[:0]))
		e.Append(3, AudioLevel{Level: 3}.AppendTo(buf[:0]))
		e.Append(4, AbsCaptureTime{HasOffset: true}.AppendTo(buf[:0]))
		if v, ok := e.Get(3); !ok || len(v) != 1 {
			t.Fatal("not there")
		}
	}
	round()
	round() // the second structure has room of its own
	require.Zero(t, testing.AllocsPerRun(100, round))
}

func FuzzDependencyDescriptor(f *testing.F) {
	f.Add(unhex(f, captureStructure), unhex(f, captureActive), unhex(f, capturePlain))
	f.Fuzz(func(t *testing.T, a, b, c []byte) {
		var r DependencyReader
		var d DependencyDescriptor
		for _, v := range [][]byte{a, b, c} {
			before := r.Structure
			before.Templates = append([]FrameDependencies(nil), before.Templates...)
			if r.Read(v, &d) != nil {
				require.Equal(t, before.DecodeTargets, r.Structure.DecodeTargets)
				require.Equal(t, len(before.Templates), len(r.Structure.Templates))
				continue
			}
			w, ok := d.AppendTo(nil, &r.Structure)
			require.True(t, ok)
			again := DependencyReader{Structure: r.Structure, active: r.active}
			again.Structure.Templates = append([]FrameDependencies(nil), r.Structure.Templates...)
			var e DependencyDescriptor
			require.NoError(t, again.Read(w, &e))
			require.Equal(t, d, e)
			require.Equal(t, r.Structure, again.Structure)
		}
	})
}

func FuzzVideoLayersAllocation(f *testing.F) {
	f.Add(unhex(f, `51403264ac02013f00b31e027f01671e`))
	f.Add(unhex(f, `20 3010 00 0102808001`))
	f.Fuzz(func(t *testing.T, v []byte) {
		var a, b VideoLayersAllocation
		if a.Parse(v) != nil {
			return
		}
		w, ok := a.AppendTo(nil)
		require.True(t, ok)
		require.NoError(t, b.Parse(w))
		require.Equal(t, a, b)
	})
}
