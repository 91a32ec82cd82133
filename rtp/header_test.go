package rtp

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	require.NoError(t, err)
	return b
}

// element is one header extension element of a test.
type element struct {
	id    uint8
	value string
}

func elements(e *Extensions) (all []element) {
	for c := e.Elements(); ; {
		id, value, ok := c.Next()
		if !ok {
			return all
		}
		all = append(all, element{id, hex.EncodeToString(value)})
	}
}

func TestHeader(t *testing.T) {
	for _, test := range []struct {
		name, packet string
		want         Header
		csrcs        []uint32
		elements     []element
		payload      string
	}{{
		name:    "fixed",
		packet:  `80e0 1234 00010203 deadbeef aabb`,
		want:    Header{Marker: true, PayloadType: 96, SequenceNumber: 0x1234, Timestamp: 0x10203, SSRC: 0xdeadbeef},
		payload: "aabb",
	}, {
		name:   "no payload",
		packet: `8000 0000 00000000 00000000`,
	}, {
		name:    "contributing sources",
		packet:  `826f ffff ffffffff 00000001 00000002 00000003 aa`,
		want:    Header{PayloadType: 111, SequenceNumber: 0xffff, Timestamp: 0xffffffff, SSRC: 1},
		csrcs:   []uint32{2, 3},
		payload: "aa",
	}, {
		name:    "padding",
		packet:  `a000 0001 00000000 00000001 aabb 000003`,
		want:    Header{SequenceNumber: 1, SSRC: 1, PaddingSize: 3},
		payload: "aabb",
	}, {
		name:   "nothing but padding",
		packet: `a000 0001 00000000 00000001 00000004`,
		want:   Header{SequenceNumber: 1, SSRC: 1, PaddingSize: 4},
	}, {
		// The one-byte example of https://www.rfc-editor.org/rfc/rfc8285#section-4.2, with ids.
		name:     "one-byte elements",
		packet:   `9000 0001 00000000 00000001 bede0003 10aa21bbbb0000 33cccccccc aa`,
		want:     Header{SequenceNumber: 1, SSRC: 1},
		elements: []element{{1, "aa"}, {2, "bbbb"}, {3, "cccccccc"}},
		payload:  "aa",
	}, {
		// https://www.rfc-editor.org/rfc/rfc8285#section-4.3
		name:     "two-byte elements",
		packet:   `9000 0001 00000000 00000001 10000003 0100 0201bb 00 0304cccccccc`,
		want:     Header{SequenceNumber: 1, SSRC: 1},
		elements: []element{{1, ""}, {2, "bb"}, {3, "cccccccc"}},
	}, {
		name:     "two-byte elements with application bits",
		packet:   `9000 0001 00000000 00000001 100f0001 ff 01 aa 00`,
		want:     Header{SequenceNumber: 1, SSRC: 1},
		elements: []element{{255, "aa"}},
	}, {
		name:    "another profile",
		packet:  `9000 0001 00000000 00000001 abac0001 10aa0000 bb`,
		want:    Header{SequenceNumber: 1, SSRC: 1},
		payload: "bb",
	}, {
		name:     "everything",
		packet:   `b1e0 0001 00000000 00000001 00000002 bede0001 10aa0000 bbbb 0002`,
		want:     Header{Marker: true, PayloadType: 96, SequenceNumber: 1, SSRC: 1, PaddingSize: 2},
		csrcs:    []uint32{2},
		elements: []element{{1, "aa"}},
		payload:  "bbbb",
	}} {
		t.Run(test.name, func(t *testing.T) {
			b := unhex(t, test.packet)
			h, payload, err := Parse(b)
			require.NoError(t, err)
			var csrcs []uint32
			for i := range h.CSRCs.Len() {
				csrcs = append(csrcs, h.CSRCs.At(i))
			}
			require.Equal(t, test.csrcs, csrcs)
			require.Equal(t, test.elements, elements(&h.Extensions))
			require.Equal(t, test.payload, hex.EncodeToString(payload))
			require.Equal(t, b, AppendPacket(nil, &h, payload), "appended again")
			size, err := HeaderSize(b)
			require.NoError(t, err)
			require.Equal(t, size, h.Size())
			for n := range size {
				_, _, err := Parse(b[:n])
				require.Error(t, err, "prefix of %d bytes", n)
			}

			h.CSRCs, h.Extensions = nil, Extensions{}
			require.Equal(t, test.want, h)
		})
	}
}

func TestHeaderRejects(t *testing.T) {
	for _, test := range []struct {
		name, packet string
		want         error
	}{
		{"empty", ``, ErrMalformed},
		{"version 0", `0000 0001 00000000 00000001`, ErrVersion},
		{"version 1", `4000 0001 00000000 00000001`, ErrVersion},
		{"version 3", `c000 0001 00000000 00000001`, ErrVersion},
		{"15 sources, one there", `8f00 0001 00000000 00000001 00000002`, ErrMalformed},
		{"extension header cut", `9000 0001 00000000 00000001 bede00`, ErrMalformed},
		{"extension past the end", `9000 0001 00000000 00000001 bede0002 10aa0000`, ErrMalformed},
		{"extension of 65535 words", `9000 0001 00000000 00000001 bedeffff 10aa0000`, ErrMalformed},
		{"15 sources and an extension", `9f00 0001 00000000 00000001 bede0001 10aa0000`, ErrMalformed},
		{"padding without payload", `a000 0001 00000000 00000001`, ErrPadding},
		{"padding of zero", `a000 0001 00000000 00000001 aa00`, ErrPadding},
		{"padding beyond the payload", `a000 0001 00000000 00000001 aa03`, ErrPadding},
		{"padding into the sources", `a100 0001 00000000 00000001 00000002 02`, ErrPadding},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := Parse(unhex(t, test.packet))
			require.ErrorIs(t, err, test.want)
		})
	}
}

// "If the ID value 15 is encountered, its length field MUST be ignored, processing of the entire
// extension MUST terminate at that point"
// https://www.rfc-editor.org/rfc/rfc8285#section-4.2
func TestE1ReservedExtensionIDs(t *testing.T) {
	for _, test := range []struct{ name, data string }{
		{"id 15", `10aa f0bb 20cc 0000`},
		{"id 15, length past the end", `10aa ffbb 20cc 0000`},
		{"id 0 with a length", `10aa 01bb 20cc 0000`},
	} {
		e := Extensions{Profile: ExtensionOneByte, Data: unhex(t, test.data)}
		require.Equal(t, []element{{1, "aa"}}, elements(&e), test.name)
		_, ok := e.Get(15)
		require.False(t, ok, test.name)
		_, ok = e.Get(2)
		require.False(t, ok, test.name)
	}
}

func TestE2ExtensionElements(t *testing.T) {
	e := Extensions{Profile: ExtensionOneByte, Data: unhex(t, `10aa 10bb`)}
	value, ok := e.Get(1)
	require.True(t, ok)
	require.Equal(t, []byte{0xaa}, value, "of duplicates the first counts")

	for _, e := range []Extensions{
		{Profile: ExtensionOneByte, Data: unhex(t, `10aa 23bbcccc`)},
		{Profile: ExtensionTwoByte, Data: unhex(t, `0101aa 0204bbcccc`)},
		{Profile: ExtensionTwoByte, Data: unhex(t, `0101aa 02`)},
	} {
		require.Equal(t, []element{{1, "aa"}}, elements(&e), "an element past the end is not there")
	}
}

func TestExtensionsAppend(t *testing.T) {
	var e Extensions
	require.False(t, e.Append(0, []byte{1}))
	require.False(t, e.Append(15, []byte{1}))
	require.False(t, e.Append(1, nil))
	require.False(t, e.Append(1, make([]byte, 17)))
	require.True(t, e.Append(14, make([]byte, 16)))
	require.True(t, e.Append(1, []byte{0xaa}))
	require.Equal(t, ExtensionOneByte, e.Profile)
	before := elements(&e)

	e.Widen()
	require.Equal(t, ExtensionTwoByte, e.Profile)
	require.Equal(t, before, elements(&e), "widening keeps the elements")
	require.False(t, e.Append(0, []byte{1}))
	require.False(t, e.Append(1, make([]byte, 256)))
	require.True(t, e.Append(15, nil))
	require.True(t, e.Append(255, make([]byte, 255)))
	require.Len(t, elements(&e), 4)

	h := Header{SSRC: 1, Extensions: e}
	got, payload, err := Parse(append(h.AppendTo(nil), "payload"...))
	require.NoError(t, err)
	require.Equal(t, elements(&e), elements(&got.Extensions))
	require.Equal(t, "payload", string(payload))

	opaque := Extensions{Profile: 0xabac, Data: []byte{1, 2, 3, 4}}
	require.False(t, opaque.Append(1, []byte{1}))
	full := Extensions{Profile: ExtensionTwoByte, Data: make([]byte, maxExtensionData)}
	require.False(t, full.Append(1, nil))
}

// An element appended to a parsed header does not write into the packet.
func TestExtensionsAppendCopiesBorrowed(t *testing.T) {
	b := unhex(t, `9000 0001 00000000 00000001 bede0001 10aa0000 bbbbbbbb`)
	kept := bytes.Clone(b)
	h, _, err := Parse(b)
	require.NoError(t, err)
	require.True(t, h.Extensions.Append(2, []byte{1, 2}))
	h.Extensions.Widen()
	require.Equal(t, []element{{1, "aa"}, {2, "0102"}}, elements(&h.Extensions))
	require.Equal(t, kept, b)
}

func TestHeaderLimits(t *testing.T) {
	h := Header{PayloadType: 0xff, CSRCs: make(CSRCs, 4*20)}
	b := h.AppendTo(nil)
	require.Equal(t, len(b), h.Size())
	got, _, err := Parse(b)
	require.NoError(t, err)
	require.Equal(t, MaxCSRCs, got.CSRCs.Len())
	require.EqualValues(t, 127, got.PayloadType)
	require.False(t, got.Marker)

	h = Header{PaddingSize: 255}
	b = AppendPacket([]byte("x"), &h, []byte("payload"))
	require.Len(t, b, 1+12+7+255)
	got, payload, err := Parse(b[1:])
	require.NoError(t, err)
	require.EqualValues(t, 255, got.PaddingSize)
	require.Equal(t, "payload", string(payload))
}

func TestIsRTCP(t *testing.T) {
	for second := range 256 {
		require.Equal(t, second >= 192 && second <= 223, IsRTCP([]byte{0x80, byte(second)}), "second byte %d", second)
	}
	require.False(t, IsRTCP(nil))
	require.False(t, IsRTCP([]byte{0x80}))
}

func TestHeaderAllocs(t *testing.T) {
	b := unhex(t, `b1e0 0001 00000000 00000001 00000002 bede0002 10aa21bbbb000000 bbbb 0002`)
	dst, data := make([]byte, 0, 100), make([]byte, 0, 100)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		h, payload, err := Parse(b)
		value, ok := h.Extensions.Get(2)
		if err != nil || !ok || len(value) != 2 {
			t.Fatal("not parsed")
		}
		h.Extensions = Extensions{Data: data}
		h.Extensions.Append(3, value)
		h.Extensions.Widen()
		dst = AppendPacket(dst[:0], &h, payload)
	}))
}

func FuzzHeader(f *testing.F) {
	f.Add(unhex(f, `b1e0 0001 00000000 00000001 00000002 bede0002 10aa21bbbb000000 bbbb 0002`))
	f.Add(unhex(f, `9000 0001 00000000 00000001 10000003 0100 0201bb 00 0304cccccccc`))
	f.Add(unhex(f, `9000 0001 00000000 00000001 abac0000 bb`))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, payload, err := Parse(b)
		if err != nil {
			return
		}
		all := elements(&h.Extensions)
		again := AppendPacket(nil, &h, payload)
		h2, payload2, err := Parse(again)
		require.NoError(t, err)
		require.Equal(t, h, h2)
		require.True(t, bytes.Equal(payload, payload2))
		h.Extensions.Widen()
		require.Equal(t, all, elements(&h.Extensions))
	})
}
