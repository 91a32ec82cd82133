package rtp

import (
	"bytes"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// rtcpPackets returns all packets of a datagram.
func rtcpPackets(t testing.TB, b []byte) (all []RTCPPacket) {
	t.Helper()
	c, err := ParseRTCP(b)
	require.NoError(t, err, "%x", b)
	for {
		p, ok := c.Next()
		if !ok {
			return all
		}
		all = append(all, p)
	}
}

// only returns the packet of a datagram that holds one.
func only(t testing.TB, b []byte) RTCPPacket {
	t.Helper()
	all := rtcpPackets(t, b)
	require.Len(t, all, 1)
	return all[0]
}

var testBlock = ReportBlock{SSRC: 0x01020304, FractionLost: 0x55, TotalLost: -2, HighestSequence: 0x10020,
	Jitter: 7, LastSR: 0xaabbccdd, Delay: 0x10000}

const testBlockHex = `01020304 55fffffe 00010020 00000007 aabbccdd 00010000 `

// rtcpSamples are packets of every kind, each with what appends it and what decodes it.
var rtcpSamples = []struct {
	name, packet string
	encode       func(dst []byte) []byte
	decode       func(t *testing.T, p RTCPPacket) (ok bool)
}{{
	name:   "sender report",
	packet: `81c8000c cafebabe 83aa7e80 80000000 00000064 0000000a 000003e8 ` + testBlockHex,
	encode: func(dst []byte) []byte {
		return AppendSenderReport(dst, SenderReport{
			SSRC:   0xcafebabe,
			Info:   SenderInfo{NTP: 0x83aa7e8080000000, RTPTime: 100, Packets: 10, Octets: 1000},
			Blocks: ReportBlocks(nil).Append(testBlock),
		})
	},
	decode: func(t *testing.T, p RTCPPacket) bool {
		r, ok := p.SenderReport()
		if ok {
			require.Equal(t, uint32(0xcafebabe), r.SSRC)
			require.Equal(t, SenderInfo{NTP: 0x83aa7e8080000000, RTPTime: 100, Packets: 10, Octets: 1000}, r.Info)
			require.Equal(t, 1, r.Blocks.Len())
			require.Equal(t, testBlock, r.Blocks.At(0))
		}
		return ok
	},
}, {
	name:   "receiver report",
	packet: `82c9000d cafebabe ` + testBlockHex + testBlockHex,
	encode: func(dst []byte) []byte {
		return AppendReceiverReport(dst, ReceiverReport{SSRC: 0xcafebabe, Blocks: ReportBlocks(nil).Append(testBlock).Append(testBlock)})
	},
	decode: func(t *testing.T, p RTCPPacket) bool {
		r, ok := p.ReceiverReport()
		if ok {
			require.Equal(t, uint32(0xcafebabe), r.SSRC)
			require.Equal(t, 2, r.Blocks.Len())
			require.Equal(t, testBlock, r.Blocks.At(1))
		}
		return ok
	},
}, {
	name:   "receiver report without blocks",
	packet: `80c90001 cafebabe`,
	encode: func(dst []byte) []byte { return AppendReceiverReport(dst, ReceiverReport{SSRC: 0xcafebabe}) },
	decode: func(t *testing.T, p RTCPPacket) bool {
		r, ok := p.ReceiverReport()
		require.Zero(t, r.Blocks.Len())
		return ok
	},
}, {
	name:   "source description",
	packet: `81ca0003 cafebabe 01046e61 6d650000`,
	encode: func(dst []byte) []byte {
		return AppendSourceDescription(dst, SDESItem{SSRC: 0xcafebabe, Type: SDESCNAME, Text: []byte("name")})
	},
	decode: func(t *testing.T, p RTCPPacket) bool {
		c, ok := p.SourceDescription()
		if ok {
			item, more := c.Next()
			require.True(t, more)
			require.Equal(t, SDESItem{0xcafebabe, SDESCNAME, []byte("name")}, item)
			_, more = c.Next()
			require.False(t, more)
		}
		return ok
	},
}, {
	name:   "goodbye",
	packet: `82cb0004 cafebabe 00000002 036f7574 00000000`,
	decode: func(t *testing.T, p RTCPPacket) bool {
		g, ok := p.Goodbye()
		if ok {
			require.Equal(t, 2, g.SSRCs.Len())
			require.Equal(t, uint32(0xcafebabe), g.SSRCs.At(0))
			require.EqualValues(t, 2, g.SSRCs.At(1))
			require.Equal(t, "out", string(g.Reason))
		}
		return ok
	},
}, {
	name:   "goodbye without reason",
	packet: `81cb0001 cafebabe`,
	encode: func(dst []byte) []byte {
		return AppendGoodbye(dst, Goodbye{SSRCs: SSRCs(nil).Append(0xcafebabe)})
	},
	decode: func(t *testing.T, p RTCPPacket) bool {
		g, ok := p.Goodbye()
		require.Empty(t, g.Reason)
		return ok
	},
}, {
	name:   "application",
	packet: `85cc0003 cafebabe 74657374 01020304`,
	encode: func(dst []byte) []byte {
		return AppendApplication(dst, Application{Subtype: 5, SSRC: 0xcafebabe, Name: [4]byte([]byte("test")), Data: []byte{1, 2, 3, 4}})
	},
	decode: func(t *testing.T, p RTCPPacket) bool {
		a, ok := p.Application()
		if ok {
			require.Equal(t, Application{5, 0xcafebabe, [4]byte([]byte("test")), []byte{1, 2, 3, 4}}, a)
		}
		return ok
	},
}, {
	name:   "NACK",
	packet: `81cd0004 cafebabe 00000002 00058003 fffe0005`,
	encode: func(dst []byte) []byte {
		return AppendNACK(dst, 0xcafebabe, 2, []uint16{5, 6, 7, 21, 65534, 65535, 1})
	},
	decode: func(t *testing.T, p RTCPPacket) bool {
		n, ok := p.NACK()
		if ok {
			require.Equal(t, uint32(0xcafebabe), n.Sender)
			require.EqualValues(t, 2, n.Media)
			require.Equal(t, []uint16{5, 6, 7, 21, 65534, 65535, 1}, lostOf(n))
		}
		return ok
	},
}, {
	name:   "PLI",
	packet: `81ce0002 cafebabe 00000002`,
	encode: func(dst []byte) []byte { return AppendPLI(dst, 0xcafebabe, 2) },
	decode: func(t *testing.T, p RTCPPacket) bool {
		sender, media, ok := p.PLI()
		if ok {
			require.Equal(t, uint32(0xcafebabe), sender)
			require.EqualValues(t, 2, media)
		}
		return ok
	},
}, {
	name:   "FIR",
	packet: `84ce0004 cafebabe 00000000 00000002 2a000000`,
	encode: func(dst []byte) []byte { return AppendFIR(dst, 0xcafebabe, 2, 42) },
	decode: func(t *testing.T, p RTCPPacket) bool {
		c, ok := p.FIR()
		if ok {
			media, number, more := c.Next()
			require.True(t, more)
			require.Equal(t, uint32(0xcafebabe), c.Sender)
			require.EqualValues(t, 2, media)
			require.EqualValues(t, 42, number)
			_, _, more = c.Next()
			require.False(t, more)
		}
		return ok
	},
}, {
	name:   "REMB",
	packet: `8fce0005 cafebabe 00000000 52454d42 010bd090 00000002`,
	encode: func(dst []byte) []byte {
		return AppendREMB(dst, REMB{Sender: 0xcafebabe, Bitrate: 1_000_000, SSRCs: SSRCs(nil).Append(2)})
	},
	decode: func(t *testing.T, p RTCPPacket) bool {
		r, ok := p.REMB()
		if ok {
			require.Equal(t, uint32(0xcafebabe), r.Sender)
			require.EqualValues(t, 1_000_000, r.Bitrate)
			require.Equal(t, 1, r.SSRCs.Len())
			require.EqualValues(t, 2, r.SSRCs.At(0))
		}
		return ok
	},
}, {
	name:   "receiver reference time",
	packet: `80cf0004 cafebabe 04000002 83aa7e80 80000000`,
	encode: func(dst []byte) []byte { return AppendReceiverReferenceTime(dst, 0xcafebabe, 0x83aa7e8080000000) },
	decode: func(t *testing.T, p RTCPPacket) bool {
		c, ok := p.ExtendedReport()
		if ok {
			b, more := c.Next()
			require.True(t, more)
			require.Equal(t, uint32(0xcafebabe), c.SSRC)
			ntp, is := b.ReceiverReferenceTime()
			require.True(t, is)
			require.Equal(t, NTPTime(0x83aa7e8080000000), ntp)
			_, is = b.DLRR()
			require.False(t, is)
			_, more = c.Next()
			require.False(t, more)
		}
		return ok
	},
}, {
	name:   "DLRR",
	packet: `80cf0008 cafebabe 05000006 00000001 aabbccdd 00010000 00000002 00000000 00000000`,
	encode: func(dst []byte) []byte {
		return AppendDLRR(dst, 0xcafebabe, DLRRs(nil).Append(DLRR{1, 0xaabbccdd, 0x10000}).Append(DLRR{SSRC: 2}))
	},
	decode: func(t *testing.T, p RTCPPacket) bool {
		c, ok := p.ExtendedReport()
		if ok {
			b, more := c.Next()
			require.True(t, more)
			answers, is := b.DLRR()
			require.True(t, is)
			require.Equal(t, 2, answers.Len())
			require.Equal(t, DLRR{1, 0xaabbccdd, 0x10000}, answers.At(0))
			require.Equal(t, DLRR{SSRC: 2}, answers.At(1))
			_, is = b.ReceiverReferenceTime()
			require.False(t, is)
		}
		return ok
	},
}, {
	name: "transport-wide feedback",
	// 5 from 65534 on: two come, one is lost, one comes 100 ms later, one 1 ms before.
	packet: `8fcd0006 cafebabe 00000002 fffe0005 00001007 d4a00a04 0190fffc`,
	decode: func(t *testing.T, p RTCPPacket) bool {
		f, ok := p.TransportCC()
		if ok {
			require.Equal(t, uint32(0xcafebabe), f.Sender)
			require.EqualValues(t, 2, f.Media)
			require.EqualValues(t, 7, f.Number)
			base := 16 * 64 * time.Millisecond
			require.Equal(t, []PacketStatus{
				{65534, true, base + 2500*time.Microsecond},
				{65535, true, base + 3500*time.Microsecond},
				{0, false, 0},
				{1, true, base + 103500*time.Microsecond},
				{2, true, base + 102500*time.Microsecond},
			}, statusesOf(f))
		}
		return ok
	},
}}

func lostOf(n NACK) (all []uint16) {
	for c := n.Lost(); ; {
		seq, ok := c.Next()
		if !ok {
			return all
		}
		all = append(all, seq)
	}
}

func statusesOf(f TransportCC) (all []PacketStatus) {
	for c := f.Packets(); ; {
		p, ok := c.Next()
		if !ok {
			return all
		}
		all = append(all, p)
	}
}

func TestRTCPPackets(t *testing.T) {
	for i, test := range rtcpSamples {
		t.Run(test.name, func(t *testing.T) {
			b := unhex(t, test.packet)
			p := only(t, b)
			require.True(t, test.decode(t, p), "decoded by its own method")
			require.Equal(t, b, AppendRTCP(nil, p), "appended as it is")
			if test.encode != nil {
				require.Equal(t, b, test.encode(nil), "encoded")
				require.Equal(t, append([]byte("abc"), b...), test.encode([]byte("abc")), "appended")
			}
			for n := range b {
				_, err := ParseRTCP(b[:n])
				require.Error(t, err, "cut to %d bytes", n)
			}
			// A shorter packet with a length that fits must be refused or ignored, not misread.
			for n := 4; n < len(b); n += 4 {
				cut := bytes.Clone(b[:n])
				cut[2], cut[3] = 0, byte(n/4-1)
				decodeAll(only(t, cut))
			}
			for j, other := range rtcpSamples {
				q := only(t, unhex(t, other.packet))
				if q.Type != p.Type || q.Count != p.Count && q.Type >= RTCPTransportFeedback {
					require.False(t, test.decode(t, q), "%s decoded by the method of %s", rtcpSamples[j].name, rtcpSamples[i].name)
				}
			}
		})
	}
}

// decodeAll calls every method on a packet and walks over all they return. It returns a number
// made of it, so that nothing is left out.
func decodeAll(p RTCPPacket) (n int) {
	if r, ok := p.SenderReport(); ok {
		for i := range r.Blocks.Len() {
			n += int(r.Blocks.At(i).SSRC)
		}
	}
	if r, ok := p.ReceiverReport(); ok {
		for i := range r.Blocks.Len() {
			n += int(r.Blocks.At(i).SSRC)
		}
	}
	if c, ok := p.SourceDescription(); ok {
		for item, ok := c.Next(); ok; item, ok = c.Next() {
			n += len(item.Text)
		}
	}
	if g, ok := p.Goodbye(); ok {
		for i := range g.SSRCs.Len() {
			n += int(g.SSRCs.At(i)) + len(g.Reason)
		}
	}
	if a, ok := p.Application(); ok {
		n += len(a.Data)
	}
	if f, ok := p.NACK(); ok {
		n += len(lostOf(f))
	}
	if _, media, ok := p.PLI(); ok {
		n += int(media)
	}
	if c, ok := p.FIR(); ok {
		for media, _, ok := c.Next(); ok; media, _, ok = c.Next() {
			n += int(media)
		}
	}
	if r, ok := p.REMB(); ok {
		for i := range r.SSRCs.Len() {
			n += int(r.SSRCs.At(i))
		}
	}
	if c, ok := p.ExtendedReport(); ok {
		for b, ok := c.Next(); ok; b, ok = c.Next() {
			if d, ok := b.DLRR(); ok {
				for i := range d.Len() {
					n += int(d.At(i).SSRC)
				}
			}
			if ntp, ok := b.ReceiverReferenceTime(); ok {
				n += int(ntp)
			}
		}
	}
	if f, ok := p.TransportCC(); ok {
		for c := f.Packets(); ; n++ {
			if _, ok := c.Next(); !ok {
				break
			}
		}
	}
	return n
}

func TestRTCPCompound(t *testing.T) {
	var b []byte
	b = AppendSenderReport(b, SenderReport{SSRC: 1})
	b = AppendSourceDescription(b, SDESItem{SSRC: 1, Type: SDESCNAME, Text: []byte("c")})
	b = AppendRTCP(b, RTCPPacket{Type: 210, Count: 3, Body: []byte{1, 2, 3}}) // of a type that nobody knows
	b = AppendPLI(b, 1, 2)
	b = append(b, 0xa0, 203, 0, 2, 0, 0, 0, 0, 0, 0, 0, 8) // BYE of nobody, and padding
	var types []RTCPType
	all := rtcpPackets(t, b)
	for _, p := range all {
		types = append(types, p.Type)
	}
	require.Equal(t, []RTCPType{RTCPSenderReport, RTCPSourceDescription, 210, RTCPPayloadFeedback, RTCPGoodbye}, types)
	require.Equal(t, []byte{1, 2, 3, 0}, all[2].Body)
	require.Empty(t, all[4].Body)
}

// libwebrtc fills up transport-wide feedback with padding of less than a word, and packets may
// follow it.
func TestRTCPPaddingOfLibwebrtc(t *testing.T) {
	b := unhex(t, `afcd0006 cafebabe 00000002 00070002 00001007 b0000a04 00000004`)
	b[len(b)-1] = 3
	b[len(b)-4] = 0
	all := rtcpPackets(t, append(b, AppendPLI(nil, 1, 2)...))
	require.Len(t, all, 2)
	require.Len(t, all[0].Body, 21)
	f, ok := all[0].TransportCC()
	require.True(t, ok)
	require.Len(t, statusesOf(f), 2)
	_, _, ok = all[1].PLI()
	require.True(t, ok)
}

// A chunk of a source description may have several items or none, and ends with one to four
// zeros.
func TestSourceDescriptionChunks(t *testing.T) {
	p := only(t, unhex(t, `83ca000a
		00000001 01026161 0f016d00
		00000002 00000000
		00000003 01056162636465 0c0178 0d00 00000000
		`))
	c, ok := p.SourceDescription()
	require.True(t, ok)
	var got []SDESItem
	for item, ok := c.Next(); ok; item, ok = c.Next() {
		got = append(got, item)
	}
	require.Equal(t, []SDESItem{
		{1, SDESCNAME, []byte("aa")}, {1, SDESMID, []byte("m")},
		{3, SDESCNAME, []byte("abcde")}, {3, SDESRID, []byte("x")}, {3, SDESRepairedRID, []byte{}},
	}, got)

	long := bytes.Repeat([]byte("x"), 300)
	for n := range long {
		b := AppendSourceDescription(nil, SDESItem{SSRC: 1, Type: SDESCNAME, Text: long[:n]})
		c, ok := only(t, b).SourceDescription()
		require.True(t, ok)
		item, ok := c.Next()
		require.True(t, ok)
		require.Len(t, item.Text, min(n, 255))
	}
}

// E3: lengths and counts that lie.
func TestE3RTCPLengths(t *testing.T) {
	for _, test := range []struct {
		name, packet string
		want         error
	}{
		{"empty", ``, ErrMalformed},
		{"shorter than a header", `80c900`, ErrMalformed},
		{"length past the end", `80c90002 00000001`, ErrMalformed},
		{"length of 256 KiB", `80c9ffff 00000001`, ErrMalformed},
		{"a second packet cut short", `80c90001 00000001 81ce00`, ErrMalformed},
		{"a second packet past the end", `80c90001 00000001 81ce0002 00000001`, ErrMalformed},
		{"version 1", `40c90001 00000001`, ErrVersion},
		{"version of the second packet", `80c90001 00000001 01ce0002 00000001 00000002`, ErrVersion},
		{"padding of zero", `a0c90001 00000000`, ErrPadding},
		{"padding beyond the packet", `a0c90001 00000008`, ErrPadding},
		{"padding of a packet that is nothing else", `a0c90000`, ErrPadding},
	} {
		_, err := ParseRTCP(unhex(t, test.packet))
		require.ErrorIs(t, err, test.want, test.name)
	}
	for _, test := range []struct{ name, packet string }{
		{"sender report with a block that is not there", `81c80006 00000001 00000000 00000000 00000000 00000000 00000000`},
		{"sender report without sender", `80c80000`},
		{"receiver report with 31 blocks, one there", `9fc90007 00000001` + testBlockHex},
		{"receiver report without SSRC", `80c90000`},
		{"source description of two sources, one there", `82ca0002 00000001 00000000`},
		{"source description without end", `81ca0002 00000001 01026161`},
		{"source description with an item past the end", `81ca0002 00000001 01ff6161`},
		{"source description with a cut item", `81ca0002 00000001 01016101`},
		{"goodbye of more than are there", `82cb0001 00000001`},
		{"application without name", `80cc0001 00000001`},
		{"NACK without pairs", `81cd0002 00000001 00000002`},
		{"PLI without media", `81ce0001 00000001`},
		{"FIR without entries", `84ce0002 00000001 00000000`},
		{"FIR with half an entry", `84ce0003 00000001 00000000 00000002`},
		{"REMB of another name", `8fce0004 00000001 00000000 52454d43 00000000`},
		{"extended report with a block past the end", `80cf0002 00000001 04000002`},
		{"extended report without SSRC", `80cf0000`},
	} {
		p := only(t, unhex(t, test.packet))
		require.Zero(t, decodeAll(p), test.name)
	}
	g, ok := only(t, unhex(t, `81cb0002 00000001 ff616161`)).Goodbye()
	require.True(t, ok, "the goodbye counts even if its reason does not fit")
	require.Empty(t, g.Reason)

	// Hundreds of packets in one datagram are read one by one.
	b := bytes.Repeat(unhex(t, `80c90001 00000001`), 8000)
	require.Len(t, rtcpPackets(t, b), 8000)
}

// E4: feedback that claims more than it holds.
func TestE4TransportCC(t *testing.T) {
	head := `00000001 00000002 `
	for _, test := range []struct{ name, packet string }{
		{"no chunks", `8fcd0004` + head + `00010001 00000000`},
		{"65535 received, no deltas", `8fcd000a` + head + `0000ffff 00000000 3fff3fff 3fff3fff 3fff3fff 3fff3fff 3fff0000 00000000`},
		{"chunks used up before the count", `8fcd0005` + head + `0000ffff 00000000 1fff1fff`},
		{"a delta missing", `8fcd0005` + head + `00000003 00000000 20030101`},
		{"a large delta cut", `8fcd0005` + head + `00000002 00000000 40020101`},
		{"reserved symbol in a run", `8fcd0005` + head + `00000001 00000000 60010000`},
		{"reserved symbol in a vector", `8fcd0005` + head + `00000007 00000000 ffff0000`},
		{"shorter than its fields", `8fcd0003` + head + `00000001`},
	} {
		_, ok := only(t, unhex(t, test.packet)).TransportCC()
		require.False(t, ok, test.name)
	}

	// 65535 lost packets in 16 bytes: they can be walked over, and the walk be ended.
	f, ok := only(t, unhex(t, `8fcd0009`+head+`fff0ffff 7fffff00 1fff1fff 1fff1fff 1fff1fff 1fff1fff 1fff0000`)).TransportCC()
	require.True(t, ok)
	require.EqualValues(t, 1<<23-1, f.Reference)
	all := statusesOf(f)
	require.Len(t, all, 65535)
	require.EqualValues(t, 0xfff0, all[0].SequenceNumber)
	require.EqualValues(t, 0xffee, all[65534].SequenceNumber)

	// A run of nothing does not stop the walk.
	f, ok = only(t, unhex(t, `8fcd0006`+head+`00000001 80000000 00000000 20010400`)).TransportCC()
	require.True(t, ok)
	require.EqualValues(t, -1<<23, f.Reference)
	require.Len(t, statusesOf(f), 1)
}

// E5: one datagram asks for thousands of packets; the cursor gives them one by one.
func TestE5NACKList(t *testing.T) {
	b := unhex(t, `81cd012b 00000001 00000002`)
	b = append(b, bytes.Repeat([]byte{0, 1, 0xff, 0xff}, 297)...)
	b[2], b[3] = byte((len(b)/4-1)>>8), byte(len(b)/4-1)
	n, ok := only(t, b).NACK()
	require.True(t, ok)
	all := lostOf(n)
	require.Len(t, all, 297*17)
	require.Equal(t, []uint16{1, 2, 3}, all[:3])
	require.EqualValues(t, 17, all[16])
}

// E9: bitrates at the ends of what can be said, and lists of sources that are not there.
func TestE9REMB(t *testing.T) {
	for _, test := range []struct {
		fields string
		want   uint64
	}{
		{`00000000`, 0},
		{`00fc0000`, 0},
		{`00ffffff`, math.MaxUint64},
		{`00fc0001`, 1 << 63},
		{`00fc0002`, math.MaxUint64},
		{`00b80000`, 0},
		{`00bbffff`, (1<<18 - 1) << 46},
		{`00bfffff`, math.MaxUint64},
		{`0003ffff`, 1<<18 - 1},
	} {
		r, ok := only(t, unhex(t, `8fce0004 00000001 00000000 52454d42`+test.fields)).REMB()
		require.True(t, ok)
		require.Equal(t, test.want, r.Bitrate, test.fields)
		require.Zero(t, r.SSRCs.Len())
	}
	_, ok := only(t, unhex(t, `8fce0005 00000001 00000000 52454d42 ff000000 00000001`)).REMB()
	require.False(t, ok, "255 sources, one there")

	for _, bitrate := range []uint64{0, 1, 1<<18 - 1, 1 << 18, 1<<18 + 1, 12_345_678, math.MaxUint64} {
		r, ok := only(t, AppendREMB(nil, REMB{Bitrate: bitrate, SSRCs: make(SSRCs, 4*300)})).REMB()
		require.True(t, ok)
		require.Equal(t, 255, r.SSRCs.Len())
		require.LessOrEqual(t, r.Bitrate, bitrate)
		require.GreaterOrEqual(t, float64(r.Bitrate), float64(bitrate)*(1-1.0/(1<<17)))
	}
}

func TestReportBlocksLimits(t *testing.T) {
	var blocks ReportBlocks
	for i := range 40 {
		blocks = blocks.Append(ReportBlock{SSRC: uint32(i)})
	}
	r, ok := only(t, AppendReceiverReport(nil, ReceiverReport{Blocks: blocks})).ReceiverReport()
	require.True(t, ok)
	require.Equal(t, MaxReportBlocks, r.Blocks.Len())
	s, ok := only(t, AppendSenderReport(nil, SenderReport{Blocks: blocks})).SenderReport()
	require.True(t, ok)
	require.EqualValues(t, 30, s.Blocks.At(30).SSRC)
	for _, test := range [][2]int32{{0, 0}, {-1, -1}, {1 << 23, 1<<23 - 1}, {1<<23 - 1, 1<<23 - 1}, {-1 << 23, -1 << 23},
		{-1<<23 - 1, -1 << 23}, {math.MaxInt32, 1<<23 - 1}, {math.MinInt32, -1 << 23}} {
		got := ReportBlocks(nil).Append(ReportBlock{TotalLost: test[0], FractionLost: 255}).At(0)
		require.Equal(t, ReportBlock{TotalLost: test[1], FractionLost: 255}, got)
	}
	g, ok := only(t, AppendGoodbye(nil, Goodbye{SSRCs: make(SSRCs, 4*40), Reason: make([]byte, 300)})).Goodbye()
	require.True(t, ok)
	require.Equal(t, 31, g.SSRCs.Len())
	require.Len(t, g.Reason, 255)
}

func TestAppendNACK(t *testing.T) {
	require.Equal(t, []byte("x"), AppendNACK([]byte("x"), 1, 2, nil))
	for _, lost := range [][]uint16{
		{1}, {1, 17}, {1, 18}, {65535, 0, 15, 16}, {5, 5, 5}, {9, 3}, {0, 16, 17, 33, 34, 50, 51},
	} {
		n, ok := only(t, AppendNACK(nil, 1, 2, lost)).NACK()
		require.True(t, ok)
		got := lostOf(n)
		for _, seq := range lost {
			require.Contains(t, got, seq, "of %v", lost)
		}
		for _, seq := range got {
			require.Contains(t, lost, seq, "of %v", lost)
		}
	}
	require.Len(t, AppendNACK(nil, 1, 2, []uint16{0, 16, 17, 33, 34, 50}), 12+3*4, "17 to a pair")
}

func TestRTCPAllocs(t *testing.T) {
	var datagram []byte
	for _, s := range rtcpSamples {
		datagram = append(datagram, unhex(t, s.packet)...)
	}
	lost, blocks := []uint16{1, 2, 30}, make(ReportBlocks, 0, 100)
	dst, text := make([]byte, 0, 1500), []byte("cname")
	sum := 0
	require.Zero(t, testing.AllocsPerRun(100, func() {
		c, err := ParseRTCP(datagram)
		if err != nil {
			t.Fatal(err)
		}
		for p, ok := c.Next(); ok; p, ok = c.Next() {
			if n, ok := p.NACK(); ok {
				for c := n.Lost(); ; {
					seq, ok := c.Next()
					if !ok {
						break
					}
					sum += int(seq)
				}
				continue
			}
			if f, ok := p.TransportCC(); ok {
				for c := f.Packets(); ; {
					s, ok := c.Next()
					if !ok {
						break
					}
					sum += int(s.Arrival)
				}
				continue
			}
			sum += decodeAll(p)
		}
		dst = AppendSenderReport(dst[:0], SenderReport{SSRC: 1, Blocks: blocks[:0].Append(testBlock)})
		dst = AppendSourceDescription(dst, SDESItem{1, SDESCNAME, text})
		dst = AppendNACK(dst, 1, 2, lost)
		dst = AppendPLI(dst, 1, 2)
		dst = AppendFIR(dst, 1, 2, 3)
		dst = AppendREMB(dst, REMB{Sender: 1, Bitrate: 1e6})
		dst = AppendReceiverReferenceTime(dst, 1, 2)
		dst = AppendDLRR(dst, 1, DLRRs(blocks[:0]).Append(DLRR{1, 2, 3}))
		dst = AppendGoodbye(dst, Goodbye{SSRCs: SSRCs(blocks[:0]).Append(1)})
	}))
}

func FuzzRTCP(f *testing.F) {
	all := []byte(nil)
	for _, s := range rtcpSamples {
		b := unhex(f, s.packet)
		f.Add(b)
		all = append(all, b...)
	}
	f.Add(all)
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseRTCP(b)
		if err != nil {
			return
		}
		var again []byte
		for p, ok := c.Next(); ok; p, ok = c.Next() {
			decodeAll(p)
			again = AppendRTCP(again, p)
		}
		packets, copies := rtcpPackets(t, b), rtcpPackets(t, again)
		require.Equal(t, len(packets), len(copies))
		for i, p := range packets {
			q := copies[i]
			require.Equal(t, p.Type, q.Type)
			require.Equal(t, p.Count, q.Count)
			require.True(t, bytes.Equal(p.Body, q.Body[:len(p.Body)]))
			require.Less(t, len(q.Body)-len(p.Body), 4, "filled up to whole words")
			reencode(t, p)
		}
	})
}

// reencode appends what a packet says, and expects to read the same again.
func reencode(t *testing.T, p RTCPPacket) {
	if r, ok := p.SenderReport(); ok {
		again, ok := only(t, AppendSenderReport(nil, r)).SenderReport()
		require.True(t, ok)
		require.Equal(t, r.Info, again.Info)
		require.True(t, bytes.Equal(r.Blocks, again.Blocks))
	}
	if r, ok := p.REMB(); ok {
		again, ok := only(t, AppendREMB(nil, r)).REMB()
		require.True(t, ok)
		require.InEpsilon(t, float64(r.Bitrate)+1, float64(again.Bitrate)+1, 1e-5)
	}
	if g, ok := p.Goodbye(); ok {
		again, ok := only(t, AppendGoodbye(nil, g)).Goodbye()
		require.True(t, ok)
		require.Equal(t, string(g.Reason), string(again.Reason))
	}
	if n, ok := p.NACK(); ok {
		lost := lostOf(n)
		again, ok := only(t, AppendNACK(nil, n.Sender, n.Media, lost)).NACK()
		require.True(t, ok)
		require.Subset(t, lost, lostOf(again))
		require.Subset(t, lostOf(again), lost)
	}
}
