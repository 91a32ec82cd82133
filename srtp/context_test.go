package srtp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/rtp"
)

var profiles = []Profile{AES128_CM_HMAC_SHA1_80, AES128_CM_HMAC_SHA1_32, AEAD_AES_128_GCM, AEAD_AES_256_GCM}

// forEachProfile runs a test with a sending and a receiving context of each profile.
func forEachProfile(t *testing.T, f func(t *testing.T, test *pair)) {
	for _, p := range profiles {
		t.Run(p.String(), func(t *testing.T) {
			f(t, &pair{t: t, profile: p, send: newContext(t, p), receive: newContext(t, p)})
		})
	}
}

// A pair is a sender and a receiver with the same keys.
type pair struct {
	t             testing.TB
	profile       Profile
	send, receive *Context
}

// rtpPacket returns a packet whose payload tells which one it is.
func rtpPacket(ssrc uint32, seq uint16) []byte {
	h := rtp.Header{PayloadType: 96, SSRC: ssrc, SequenceNumber: seq}
	h.Extensions.Append(1, []byte{1, 2, 3})
	return rtp.AppendPacket(nil, &h, fmt.Appendf(nil, "payload of packet %d of %08x", seq, ssrc))
}

// rtcpPacket returns a receiver report without blocks, and some more.
func rtcpPacket(ssrc uint32) []byte {
	b := binary.BigEndian.AppendUint32([]byte{0x80, 201, 0, 1}, ssrc)
	return append(b, 0x80, 204, 0, 2, 1, 2, 3, 4, 'n', 'a', 'm', 'e')
}

func (test *pair) seal(ssrc uint32, seq uint16) []byte {
	test.t.Helper()
	b, err := test.send.AppendEncryptRTP(nil, rtpPacket(ssrc, seq))
	require.NoError(test.t, err, "encrypt packet %d", seq)
	return b
}

func (test *pair) sealRTCP(ssrc uint32) []byte {
	test.t.Helper()
	b, err := test.send.AppendEncryptRTCP(nil, rtcpPacket(ssrc))
	require.NoError(test.t, err)
	return b
}

func (test *pair) wantOpen(why string, ssrc uint32, seq uint16, sealed []byte) {
	test.t.Helper()
	b, err := test.receive.AppendDecryptRTP(nil, sealed)
	require.NoError(test.t, err, "packet %d: %s", seq, why)
	require.Equal(test.t, rtpPacket(ssrc, seq), b)
}

func (test *pair) wantRefused(why string, want error, sealed []byte) {
	test.t.Helper()
	before := dump(test.receive)
	b, err := test.receive.AppendDecryptRTP(nil, sealed)
	require.ErrorIs(test.t, err, want, why)
	require.Nil(test.t, b)
	require.Equal(test.t, before, dump(test.receive), "state after a packet refused: %s", why)
}

// dump returns the state of a context.
func dump(c *Context) string {
	var b strings.Builder
	fmt.Fprintf(&b, "next %d\n", c.nextIndex)
	for _, ssrc := range slices.Sorted(maps.Keys(c.streams)) {
		s := c.streams[ssrc]
		fmt.Fprintf(&b, "%08x roc %d rtp %d %x rtcp %d %x\n", ssrc, s.roc, s.rtp.next, s.rtp.bits, s.rtcp.next, s.rtcpBits)
	}
	for s := c.lru.newer; s != &c.lru; s = s.newer {
		fmt.Fprintf(&b, "may drop %08x\n", s.ssrc)
	}
	return b.String()
}

func TestRoundTrip(t *testing.T) {
	forEachProfile(t, func(t *testing.T, test *pair) {
		for size := range 100 {
			h := rtp.Header{PayloadType: 96, SSRC: 7, SequenceNumber: uint16(size)}
			if size%3 == 0 {
				h.CSRCs = h.CSRCs.Append(5)
			}
			packet := rtp.AppendPacket(nil, &h, bytes.Repeat([]byte{byte(size)}, size))
			sealed, err := test.send.AppendEncryptRTP([]byte("before"), packet)
			require.NoError(t, err)
			require.Equal(t, "before", string(sealed[:6]))
			sealed = sealed[6:]
			require.Len(t, sealed, len(packet)+test.profile.RTPOverhead())
			require.Equal(t, packet[:h.Size()], sealed[:h.Size()], "the header is in the clear")
			if size > 16 {
				require.NotEqual(t, packet[h.Size():], sealed[h.Size():len(packet)])
			}
			opened, err := test.receive.AppendDecryptRTP([]byte("before"), sealed)
			require.NoError(t, err)
			require.Equal(t, packet, opened[6:])

			report := append(rtcpPacket(7), packet[:size&^3]...)
			sealed, err = test.send.AppendEncryptRTCP([]byte("before"), report)
			require.NoError(t, err)
			require.Len(t, sealed, 6+len(report)+test.profile.RTCPOverhead())
			opened, err = test.receive.AppendDecryptRTCP([]byte("before"), sealed[6:])
			require.NoError(t, err)
			require.Equal(t, "before"+string(report), string(opened))
		}
	})
}

// In place, nothing is written outside the packet and the room that it needs.
func TestInPlace(t *testing.T) {
	forEachProfile(t, func(t *testing.T, test *pair) {
		other := &pair{t: t, profile: test.profile, send: newContext(t, test.profile), receive: newContext(t, test.profile)}
		for size := range 100 {
			h := rtp.Header{SSRC: 7, SequenceNumber: uint16(size)}
			packet := rtp.AppendPacket(nil, &h, bytes.Repeat([]byte{byte(size)}, size))
			want, err := other.send.AppendEncryptRTP(nil, packet)
			require.NoError(t, err)

			buf := append([]byte("head"), packet...)
			buf = append(buf, bytes.Repeat([]byte{0xee}, test.profile.RTPOverhead())...)
			buf = append(buf, "tail"...)
			sealed, err := test.send.AppendEncryptRTP(buf[:4], buf[4:4+len(packet)])
			require.NoError(t, err)
			require.Equal(t, want, sealed[4:])
			require.Equal(t, "head"+string(want)+"tail", string(buf), "encrypted in place")

			opened, err := test.receive.AppendDecryptRTP(buf[:4], buf[4:4+len(want)])
			require.NoError(t, err)
			require.Equal(t, "head"+string(packet), string(opened))
			require.Equal(t, string(opened), string(buf[:len(opened)]), "decrypted in place")
			require.Equal(t, "tail", string(buf[len(buf)-4:]))

			report := append(rtcpPacket(7), make([]byte, size&^3)...)
			buf = slices.Grow(bytes.Clone(report), MaxOverhead)
			sealed, err = test.send.AppendEncryptRTCP(buf[:0], buf)
			require.NoError(t, err)
			require.Same(t, &buf[0], &sealed[0])
			opened, err = test.receive.AppendDecryptRTCP(sealed[:0], sealed)
			require.NoError(t, err)
			require.Same(t, &buf[0], &opened[0])
			require.Equal(t, report, opened)
		}
	})
}

// A packet without room behind it is encrypted all the same, elsewhere.
// A packet whose payload lies elsewhere is encrypted like any other.
func TestPayloadApart(t *testing.T) {
	forEachProfile(t, func(t *testing.T, test *pair) {
		packet := rtpPacket(1, 7)
		n, err := rtp.HeaderSize(packet)
		require.NoError(t, err)
		header, payload := bytes.Clone(packet[:n]), bytes.Clone(packet[n:])
		for _, bad := range [][]byte{nil, header[:n-1], packet} {
			dst, err := test.send.AppendEncryptRTPPayload([]byte("dst"), bad, payload)
			require.ErrorIs(t, err, ErrMalformed)
			require.Equal(t, "dst", string(dst))
		}
		_, err = test.send.AppendEncryptRTPPayload(nil, header, make([]byte, maxPacketSize))
		require.ErrorIs(t, err, ErrMalformed)
		got, err := test.send.AppendEncryptRTPPayload([]byte("dst"), header, payload)
		require.NoError(t, err)
		want, err := newContext(t, test.profile).AppendEncryptRTP([]byte("dst"), packet)
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.Equal(t, packet, append(header, payload...))
		_, err = test.send.AppendEncryptRTPPayload(nil, packet[:n], packet[n:])
		require.ErrorIs(t, err, ErrReused)
	})
}

func TestInPlaceWithoutRoom(t *testing.T) {
	forEachProfile(t, func(t *testing.T, test *pair) {
		packet := slices.Clip(rtpPacket(1, 1))
		sealed, err := test.send.AppendEncryptRTP(packet[:0], packet)
		require.NoError(t, err)
		test.wantOpen("made without room", 1, 1, sealed)
	})
}

// D1: a packet with any bit changed, with no tag or cut at any byte is refused and changes
// nothing, be the SSRC known or not.
func TestD1Forged(t *testing.T) {
	forEachProfile(t, func(t *testing.T, test *pair) {
		for _, known := range []bool{false, true} {
			if known {
				test.wantOpen("makes the SSRC known", 1, 99, test.seal(1, 99))
			}
			seq := uint16(100)
			if known {
				seq = 101
			}
			sealed := test.seal(1, seq)
			refused := func(what string, b []byte) {
				before := dump(test.receive)
				out, err := test.receive.AppendDecryptRTP(nil, b)
				require.Error(t, err, what)
				require.Nil(t, out, what)
				require.Equal(t, before, dump(test.receive), what)
			}
			for bit := range 8 * len(sealed) {
				b := bytes.Clone(sealed)
				b[bit/8] ^= 0x80 >> (bit % 8)
				refused(fmt.Sprintf("bit %d flipped", bit), b)
			}
			for n := range sealed {
				refused(fmt.Sprintf("cut to %d bytes", n), sealed[:n])
			}
			b := bytes.Clone(sealed)
			clear(b[len(b)-test.profile.RTPOverhead():])
			refused("tag of zeros", b)
			refused("plain RTP", rtpPacket(1, seq))
			refused("a byte too many", append(bytes.Clone(sealed), 0))
			test.wantOpen("the true one", 1, seq, sealed)
		}
	})
}

func TestD1ForgedRTCP(t *testing.T) {
	forEachProfile(t, func(t *testing.T, test *pair) {
		for range 2 { // first the SSRC is not known, then it is
			sealed := test.sealRTCP(1)
			refused := func(what string, b []byte) {
				before := dump(test.receive)
				out, err := test.receive.AppendDecryptRTCP(nil, b)
				require.Error(t, err, what)
				require.Nil(t, out, what)
				require.Equal(t, before, dump(test.receive), what)
			}
			for bit := range 8 * len(sealed) {
				b := bytes.Clone(sealed)
				b[bit/8] ^= 0x80 >> (bit % 8)
				refused(fmt.Sprintf("bit %d flipped", bit), b)
			}
			for n := range sealed {
				refused(fmt.Sprintf("cut to %d bytes", n), sealed[:n])
			}
			refused("plain RTCP", rtcpPacket(1))
			out, err := test.receive.AppendDecryptRTCP(nil, sealed)
			require.NoError(t, err)
			require.Equal(t, rtcpPacket(1), out)
		}
	})
}

// D2: failures are not counted towards anything.
func TestD2ManyForged(t *testing.T) {
	forEachProfile(t, func(t *testing.T, test *pair) {
		test.wantOpen("first", 1, 1, test.seal(1, 1))
		before := dump(test.receive)
		forged := test.seal(1, 2)
		forged[len(forged)-1] ^= 1
		dst := make([]byte, 0, 200)
		for i := range 10_000 {
			binary.BigEndian.PutUint16(forged[2:], uint16(i))
			binary.BigEndian.PutUint32(forged[8:], uint32(i%100))
			_, err := test.receive.AppendDecryptRTP(dst, forged)
			require.Error(t, err)
		}
		require.Equal(t, before, dump(test.receive))
		test.wantOpen("after the flood", 1, 3, test.seal(1, 3))
	})
}

// D3: SRTCP shorter than its fixed parts.
func TestD3ShortRTCP(t *testing.T) {
	forEachProfile(t, func(t *testing.T, test *pair) {
		sealed := test.sealRTCP(1)
		for n := range rtcpHeaderSize + test.profile.RTCPOverhead() {
			for _, b := range [][]byte{sealed[:n], make([]byte, n), bytes.Repeat([]byte{0x80}, n), bytes.Repeat([]byte{0xff}, n)} {
				_, err := test.receive.AppendDecryptRTCP(nil, b)
				require.ErrorIs(t, err, ErrMalformed, "%d bytes: %x", n, b)
			}
		}
		for n := range rtcpHeaderSize {
			_, err := test.send.AppendEncryptRTCP(nil, rtcpPacket(1)[:n])
			require.ErrorIs(t, err, ErrMalformed)
		}
	})
}

// D4: padding is encrypted with the payload, so that an authentic packet may still have a
// padding that contradicts its size. It comes out as it went in, for rtp.Parse to refuse.
func TestD4Padding(t *testing.T) {
	forEachProfile(t, func(t *testing.T, test *pair) {
		for i, payload := range []string{"", "\x00", "\x02", "\x00\x00\x09"} {
			packet := append(unhex(t, `a060 0000 00000000 00000001`), payload...)
			packet[3] = byte(i)
			sealed, err := test.send.AppendEncryptRTP(nil, packet)
			require.NoError(t, err)
			opened, err := test.receive.AppendDecryptRTP(nil, sealed)
			require.NoError(t, err)
			require.Equal(t, packet, opened)
			_, _, err = rtp.Parse(opened)
			require.ErrorIs(t, err, rtp.ErrPadding)
		}
	})
}

// D5: header lengths that lie.
func TestD5HeaderLengths(t *testing.T) {
	forEachProfile(t, func(t *testing.T, test *pair) {
		for _, s := range []string{
			`8f60 0001 00000000 00000001 00000002`,
			`9f60 0001 00000000 00000001`,
			`9060 0001 00000000 00000001 bede ffff 00000000`,
			`9060 0001 00000000 00000001 bede 0002 00000000`,
			`8060 0001 00000000 000000`,
		} {
			packet := unhex(t, s)
			_, err := test.send.AppendEncryptRTP(nil, packet)
			require.ErrorIs(t, err, ErrMalformed)
			test.wantRefused("header longer than packet", ErrMalformed, packet)
		}
		// The header fits, but then there is no room for a tag.
		tag := test.profile.RTPOverhead()
		test.wantRefused("no room for a tag", ErrMalformed, append(unhex(t, `8060 0001 00000000 00000001`), make([]byte, tag-1)...))
	})
}

// D6: a packet is accepted once, at every position of the window, and not at all behind it.
func TestD6Replay(t *testing.T) {
	forEachProfile(t, func(t *testing.T, test *pair) {
		const window = 512
		var sealed [window + 2][]byte
		for i := range sealed {
			sealed[i] = test.seal(1, uint16(1000+i))
		}
		last := len(sealed) - 1
		test.wantOpen("the newest first", 1, uint16(1000+last), sealed[last])
		test.wantRefused("the newest again", ErrReplayed, sealed[last])
		for back := 1; back < window; back++ {
			test.wantOpen("inside the window", 1, uint16(1000+last-back), sealed[last-back])
			test.wantRefused("for the second time", ErrReplayed, sealed[last-back])
		}
		test.wantRefused("behind the window", ErrReplayed, sealed[last-window])
		test.wantRefused("far behind the window", ErrReplayed, sealed[0])
	})
}

func TestD6ReplayRTCP(t *testing.T) {
	forEachProfile(t, func(t *testing.T, test *pair) {
		var sealed [200][]byte
		for i := range sealed {
			sealed[i] = test.sealRTCP(1)
		}
		open := func(i int) error {
			_, err := test.receive.AppendDecryptRTCP(nil, sealed[i])
			return err
		}
		require.NoError(t, open(0))
		require.NoError(t, open(199), "a jump")
		for i := 198; i >= 72; i-- {
			require.NoError(t, open(i), "inside the window")
			require.ErrorIs(t, open(i), ErrReplayed)
		}
		require.ErrorIs(t, open(71), ErrReplayed, "behind the window of 128")
		require.ErrorIs(t, open(0), ErrReplayed)

		// Far ahead, to the last index there is.
		test.send.nextIndex = maxRTCPIndex
		last := test.sealRTCP(1)
		_, err := test.receive.AppendDecryptRTCP(nil, last)
		require.NoError(t, err)
		_, err = test.receive.AppendDecryptRTCP(nil, last)
		require.ErrorIs(t, err, ErrReplayed)
		require.ErrorIs(t, open(150), ErrReplayed)
		_, err = test.send.AppendEncryptRTCP(nil, rtcpPacket(1))
		require.ErrorIs(t, err, ErrExhausted, "the index does not wrap")
	})
}

func TestReplayWindowSizes(t *testing.T) {
	for _, test := range []struct{ configured, want int }{
		{0, 512}, {1, 64}, {64, 64}, {65, 128}, {512, 512}, {1000, 1024}, {1 << 20, 1 << 15}, {-1, 64},
	} {
		c, err := NewContext(Config{Profile: AEAD_AES_128_GCM, Master: testMaster(AEAD_AES_128_GCM), ReplayWindow: test.configured})
		require.NoError(t, err)
		require.Equal(t, test.want, 64*c.window, "of %d", test.configured)
	}
}

// The window agrees with one that remembers everything.
func TestWindow(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		w := window{bits: make([]uint64, 2)}
		seen, next := map[uint64]bool{}, uint64(0)
		for range 2000 {
			index := next + uint64(random.IntN(150))
			index -= min(index, uint64(random.IntN(300)))
			want := seen[index] || index+128 < next
			require.Equal(t, want, w.used(index), "index %d, next %d", index, next)
			if !want {
				w.add(index)
				seen[index], next = true, max(next, index+1)
			}
		}
	}
}

// D7: wrapping of the sequence number, with losses and reordering.
func TestD7RolloverCounter(t *testing.T) {
	forEachProfile(t, func(t *testing.T, test *pair) {
		before := test.seal(1, 65534) // retransmitted later
		test.wantOpen("starts near the wrap", 1, 65533, test.seal(1, 65533))
		test.seal(1, 65535) // lost
		test.seal(1, 0)     // lost
		after := test.seal(1, 1)
		test.wantOpen("wrap within a gap", 1, 1, after)
		test.wantOpen("from before the wrap", 1, 65534, before)
		test.wantRefused("again", ErrReplayed, before)
		test.wantRefused("again", ErrReplayed, after)
		require.EqualValues(t, 1<<16+2, test.receive.find(1).rtp.next)

		// Another SSRC has its own counter.
		test.wantOpen("another SSRC", 2, 1, test.seal(2, 1))
		test.wantOpen("another SSRC", 2, 40000, test.seal(2, 40000))

		// A gap of 2^15 is read as forward, one more as backward.
		test.wantOpen("gap of 2^15", 1, 1+1<<15, test.seal(1, 1+1<<15))
		test.wantOpen("gap of 2^15-1, over the wrap", 1, 0, test.seal(1, 0))
		require.EqualValues(t, 2<<16+1, test.receive.find(1).rtp.next)

		// A forged packet does not move the counter: this one claims to be far ahead.
		forged := test.seal(3, 30000)
		binary.BigEndian.PutUint32(forged[8:], 1)
		test.wantRefused("forged, far ahead", ErrAuthentication, forged)
		test.wantOpen("the stream goes on", 1, 1, test.seal(1, 1))
	})
}

// Three whole turns of the sequence number, with every tenth packet lost.
func TestD7ManyTurns(t *testing.T) {
	test := &pair{t: t, send: newContext(t, AEAD_AES_128_GCM), receive: newContext(t, AEAD_AES_128_GCM)}
	packet := rtpPacket(1, 0)
	sealed, opened := make([]byte, 0, 200), make([]byte, 0, 200)
	for i := 30000; i < 3<<16; i++ {
		binary.BigEndian.PutUint16(packet[2:], uint16(i))
		var err error
		sealed, err = test.send.AppendEncryptRTP(sealed[:0], packet)
		require.NoError(t, err)
		if i%10 == 0 {
			continue
		}
		if opened, err = test.receive.AppendDecryptRTP(opened[:0], sealed); err != nil || !bytes.Equal(packet, opened) {
			t.Fatalf("packet %d: %v", i, err)
		}
	}
	require.EqualValues(t, 3<<16, test.receive.find(1).rtp.next)
}

// The estimate is that of https://www.rfc-editor.org/rfc/rfc3711#appendix-A
func TestGuess(t *testing.T) {
	for _, test := range []struct {
		name    string
		highest uint64
		seq     uint16
		want    uint64
	}{
		{"next", 5<<16 | 10, 11, 5<<16 | 11},
		{"wrap", 5<<16 | 65535, 0, 6 << 16},
		{"before the wrap", 5 << 16, 65535, 4<<16 | 65535},
		{"2^15 ahead", 5 << 16, 1 << 15, 5<<16 | 1<<15},
		{"2^15+1 ahead is behind", 5 << 16, 1<<15 + 1, 4<<16 | 1<<15 + 1},
		{"2^15 behind", 5<<16 | 1<<15, 0, 5 << 16},
		{"2^15+1 behind is ahead", 5<<16 | 1<<15 + 1, 0, 6 << 16},
		{"nothing is before rollover zero", 10, 65535, 65535},
		{"beyond the last", maxIndex, 0, maxIndex + 1},
	} {
		w := window{next: test.highest + 1}
		require.Equal(t, test.want, w.guess(0, test.seq), test.name)
	}
	require.EqualValues(t, 7<<16|3, (&window{}).guess(7, 3), "first packet")
}

func TestIndexExhausted(t *testing.T) {
	forEachProfile(t, func(t *testing.T, test *pair) {
		require.NoError(t, test.send.SetROC(1, 1<<32-1))
		require.NoError(t, test.receive.SetROC(1, 1<<32-1))
		test.wantOpen("last rollover", 1, 65535, test.seal(1, 65535))
		_, err := test.send.AppendEncryptRTP(nil, rtpPacket(1, 0))
		require.ErrorIs(t, err, ErrExhausted)
	})
}

func TestSetROC(t *testing.T) {
	forEachProfile(t, func(t *testing.T, test *pair) {
		test.seal(1, 65000)
		late := test.seal(1, 10)
		test.wantRefused("not known to have rolled over", ErrAuthentication, late)
		require.NoError(t, test.receive.SetROC(1, 1))
		test.wantOpen("known", 1, 10, late)
		require.NoError(t, test.receive.SetROC(1, 9))
		test.wantOpen("too late to have an effect", 1, 11, test.seal(1, 11))
	})
}

// D8: an authenticated peer that uses more and more SSRCs.
func TestD8ManySSRCs(t *testing.T) {
	for _, p := range profiles {
		send := newContext(t, p)
		receive, err := NewContext(Config{Profile: p, Master: testMaster(p), MaxSSRCs: 10})
		require.NoError(t, err)
		test := &pair{t: t, profile: p, send: send, receive: receive}
		require.NoError(t, receive.Keep(1))
		require.NoError(t, receive.Keep(2))
		first := test.seal(1, 1)
		test.wantOpen("signalled", 1, 1, first)
		for ssrc := uint32(100); ssrc < 1100; ssrc++ {
			test.wantOpen("an SSRC more", ssrc, 1, test.seal(ssrc, 1))
			if ssrc > 100 {
				test.wantOpen("heard of all the time", 100, uint16(ssrc), test.seal(100, uint16(ssrc)))
			}
			_, err := receive.AppendDecryptRTCP(nil, test.sealRTCP(ssrc+10000))
			require.NoError(t, err)
			require.LessOrEqual(t, len(receive.streams), 10)
		}
		test.wantRefused("its state has been kept", ErrReplayed, first)
		require.Contains(t, receive.streams, uint32(2), "signalled, though it never spoke")
		require.EqualValues(t, 1100, receive.streams[100].rtp.next, "the least recently heard of is dropped")

		for ssrc := uint32(3); ssrc <= 10; ssrc++ {
			require.NoError(t, receive.Keep(ssrc))
		}
		require.ErrorIs(t, receive.Keep(11), ErrTooManySSRCs)
		test.wantRefused("no room", ErrTooManySSRCs, test.seal(5000, 1))
		_, err = receive.AppendDecryptRTCP(nil, test.sealRTCP(5000))
		require.ErrorIs(t, err, ErrTooManySSRCs)
		require.ErrorIs(t, receive.SetROC(11, 1), ErrTooManySSRCs)
		receive.Release(10)
		test.wantOpen("room again", 5000, 2, test.seal(5000, 2))
		require.NotContains(t, receive.streams, uint32(10))
		receive.Release(999)
	}
}

// An encrypting context would forget which indices it has used.
func TestD8SenderForgetsNothing(t *testing.T) {
	p := AEAD_AES_128_GCM
	c, err := NewContext(Config{Profile: p, Master: testMaster(p), MaxSSRCs: 3})
	require.NoError(t, err)
	for ssrc := uint32(1); ssrc <= 3; ssrc++ {
		_, err = c.AppendEncryptRTP(nil, rtpPacket(ssrc, 1))
		require.NoError(t, err)
		c.Release(ssrc)
	}
	_, err = c.AppendEncryptRTP(nil, rtpPacket(4, 1))
	require.ErrorIs(t, err, ErrTooManySSRCs)
	require.ErrorIs(t, c.Keep(4), ErrTooManySSRCs)
	for ssrc := uint32(1); ssrc <= 3; ssrc++ {
		_, err = c.AppendEncryptRTP(nil, rtpPacket(ssrc, 1))
		require.ErrorIs(t, err, ErrReused)
	}
}

// D9: no key stream is used twice.
func TestD9Reuse(t *testing.T) {
	forEachProfile(t, func(t *testing.T, test *pair) {
		test.seal(1, 1000)
		test.seal(1, 2000)
		for _, seq := range []uint16{1000, 2000, 2000 - 512, 1} {
			before := dump(test.send)
			packet := rtpPacket(1, seq)
			packet[len(packet)-1] ^= 1
			dst, err := test.send.AppendEncryptRTP([]byte("dst"), packet)
			require.ErrorIs(t, err, ErrReused, "packet %d", seq)
			require.Equal(t, "dst", string(dst))
			require.Equal(t, before, dump(test.send))
		}
		test.wantOpen("late, but new", 1, 2000-511, test.seal(1, 2000-511))
		test.wantOpen("another SSRC", 2, 2000, test.seal(2, 2000))

		sealed := map[string]bool{}
		for range 100 {
			sealed[string(test.sealRTCP(1))] = true
		}
		require.Len(t, sealed, 100, "the index of RTCP never repeats")
	})
}

// The E flag of an SRTCP packet says whether it is encrypted. That it is authentic is all that
// counts. https://www.rfc-editor.org/rfc/rfc3711#section-3.4
func TestRTCPNotEncrypted(t *testing.T) {
	for _, p := range []Profile{AES128_CM_HMAC_SHA1_80, AES128_CM_HMAC_SHA1_32} {
		c := newContext(t, p)
		packet := rtcpPacket(1)
		const index = 7
		tag := c.suite.(*cmSuite).rtcpMAC.compute(packet, index)[:cmTagSize]
		sealed := append(binary.BigEndian.AppendUint32(bytes.Clone(packet), index), tag...)
		forged := bytes.Clone(sealed)
		forged[len(packet)] ^= 0x80 // the flag is authenticated
		_, err := c.AppendDecryptRTCP(nil, forged)
		require.ErrorIs(t, err, ErrAuthentication)
		got, err := c.AppendDecryptRTCP(nil, sealed)
		require.NoError(t, err)
		require.Equal(t, packet, got)
		_, err = c.AppendDecryptRTCP(nil, sealed)
		require.ErrorIs(t, err, ErrReplayed)
	}
}

func TestPacketTooLong(t *testing.T) {
	forEachProfile(t, func(t *testing.T, test *pair) {
		b := append(rtpPacket(1, 1), make([]byte, maxPacketSize)...)
		_, err := test.send.AppendEncryptRTP(nil, b)
		require.ErrorIs(t, err, ErrMalformed)
		test.wantRefused("too long", ErrMalformed, b)
		b = append(rtcpPacket(1), b...)
		_, err = test.send.AppendEncryptRTCP(nil, b)
		require.ErrorIs(t, err, ErrMalformed)
		_, err = test.receive.AppendDecryptRTCP(nil, b)
		require.ErrorIs(t, err, ErrMalformed)
	})
}

func TestNewContextErrors(t *testing.T) {
	for _, p := range profiles {
		for _, change := range []func(*MasterKey){
			func(m *MasterKey) { m.Key = m.Key[1:] },
			func(m *MasterKey) { m.Key = append(m.Key, 0) },
			func(m *MasterKey) { m.Salt = m.Salt[1:] },
			func(m *MasterKey) { m.Salt = append(m.Salt, 0) },
			func(m *MasterKey) { m.Key, m.Salt = nil, nil },
		} {
			m := testMaster(p)
			change(&m)
			_, err := NewContext(Config{Profile: p, Master: m})
			require.ErrorIs(t, err, ErrKeys)
		}
	}
	for _, p := range []Profile{0, 3, 5, 6, 9} { // NULL ciphers among them
		_, err := NewContext(Config{Profile: p, Master: testMaster(AES128_CM_HMAC_SHA1_80)})
		require.ErrorIs(t, err, ErrProfile)
		_, err = NewSession(p, Keys{})
		require.ErrorIs(t, err, ErrProfile)
	}
}

func TestKeysFromExporter(t *testing.T) {
	for _, p := range profiles {
		material := make([]byte, p.ExporterSize())
		for i := range material {
			material[i] = byte(i)
		}
		client, err := KeysFromExporter(p, material, true)
		require.NoError(t, err)
		server, err := KeysFromExporter(p, material, false)
		require.NoError(t, err)
		require.Equal(t, client.Local, server.Remote)
		require.Equal(t, client.Remote, server.Local)
		k, s := p.KeySize(), p.SaltSize()
		require.Equal(t, material[:k], client.Local.Key)
		require.Equal(t, material[k:2*k], client.Remote.Key)
		require.Equal(t, material[2*k:2*k+s], client.Local.Salt)
		require.Equal(t, material[2*k+s:], client.Remote.Salt)

		a, err := NewSession(p, client)
		require.NoError(t, err)
		b, err := NewSession(p, server)
		require.NoError(t, err)
		for i, dir := range [][2]Protection{{a, b}, {b, a}} {
			ssrc := uint32(i)
			sealed, err := dir[0].AppendEncryptRTP(nil, rtpPacket(ssrc, 1))
			require.NoError(t, err)
			opened, err := dir[1].AppendDecryptRTP(nil, sealed)
			require.NoError(t, err)
			require.Equal(t, rtpPacket(ssrc, 1), opened)
			_, err = dir[0].AppendDecryptRTP(nil, sealed)
			require.ErrorIs(t, err, ErrAuthentication, "one's own packet, reflected")
			sealed, err = dir[0].AppendEncryptRTCP(nil, rtcpPacket(ssrc))
			require.NoError(t, err)
			_, err = dir[1].AppendDecryptRTCP(nil, sealed)
			require.NoError(t, err)
			_, err = dir[0].AppendDecryptRTCP(nil, sealed)
			require.ErrorIs(t, err, ErrAuthentication, "one's own packet, reflected")
		}

		_, err = KeysFromExporter(p, material[1:], true)
		require.ErrorIs(t, err, ErrKeys)
	}
	_, err := KeysFromExporter(0x0005, make([]byte, 60), true)
	require.ErrorIs(t, err, ErrProfile)
}

// Nothing is allocated for a packet, in any profile and with the packets of several SSRCs
// mixed, whether it is accepted or not.
func TestAllocs(t *testing.T) {
	forEachProfile(t, func(t *testing.T, test *pair) {
		session := &Session{Send: test.send, Receive: test.receive}
		var p Protection = session
		packet := append(rtpPacket(1, 0), make([]byte, 1100)...)
		sealed, opened := make([]byte, 0, 1500), make([]byte, 0, 1500)
		seq := uint16(0)
		round := func() {
			for ssrc := range uint32(12) {
				binary.BigEndian.PutUint16(packet[2:], seq)
				binary.BigEndian.PutUint32(packet[8:], ssrc)
				var err error
				if sealed, err = p.AppendEncryptRTP(sealed[:0], packet); err != nil {
					t.Fatal(err)
				}
				sealed[20] ^= 1
				if _, err = p.AppendDecryptRTP(opened[:0], sealed); err == nil {
					t.Fatal("forged packet accepted")
				}
				sealed[20] ^= 1
				if opened, err = p.AppendDecryptRTP(opened[:0], sealed); err != nil || !bytes.Equal(opened, packet) {
					t.Fatal(err)
				}
				if _, err = p.AppendDecryptRTP(opened[:0], sealed); err == nil {
					t.Fatal("replayed packet accepted")
				}
				sealed, err = p.AppendEncryptRTCP(sealed[:0], packet)
				if err != nil {
					t.Fatal(err)
				}
				if sealed, err = p.AppendDecryptRTCP(sealed[:0], sealed); err != nil {
					t.Fatal(err)
				}
			}
			seq++
		}
		round()
		require.Zero(t, testing.AllocsPerRun(100, round))
	})
}

func FuzzDecrypt(f *testing.F) {
	for i, p := range profiles {
		test := &pair{t: f, profile: p, send: newContext(f, p)}
		f.Add(byte(i), test.seal(1, 1))
		f.Add(byte(i), test.sealRTCP(1))
	}
	f.Fuzz(func(t *testing.T, which byte, b []byte) {
		p := profiles[int(which)%len(profiles)]
		c := newContext(t, p)
		kept := bytes.Clone(b)
		if out, err := c.AppendDecryptRTP(nil, b); err == nil {
			again, err := newContext(t, p).AppendEncryptRTP(nil, out)
			require.NoError(t, err)
			require.Equal(t, b, again)
			_, err = c.AppendDecryptRTP(nil, b)
			require.ErrorIs(t, err, ErrReplayed)
		} else {
			require.Empty(t, c.streams)
		}
		c = newContext(t, p)
		if _, err := c.AppendDecryptRTCP(nil, b); err == nil {
			_, err = c.AppendDecryptRTCP(nil, b)
			require.ErrorIs(t, err, ErrReplayed)
		} else {
			require.Empty(t, c.streams)
		}
		require.Equal(t, kept, b, "the input is not changed")
	})
}

// FuzzStream sends packets in an order that the input chooses: each byte pair is an SSRC, a
// step of the sequence number and whether the packet is lost, doubled or changed.
func FuzzStream(f *testing.F) {
	f.Add([]byte{0, 1, 1, 200, 2, 3, 0x40, 9, 0x80, 7, 0xc0, 255})
	f.Fuzz(func(t *testing.T, ops []byte) {
		p := AEAD_AES_128_GCM
		send := newContext(t, p)
		receive, err := NewContext(Config{Profile: p, Master: testMaster(p), MaxSSRCs: 4, ReplayWindow: 64})
		require.NoError(t, err)
		var next [8]uint64
		sent := map[[2]uint64]bool{}
		for ; len(ops) >= 2; ops = ops[2:] {
			ssrc := uint64(ops[0] & 7)
			index := next[ssrc] + uint64(ops[1]&0x7f)*uint64(ops[1]&0x7f)
			if ops[1]&0x80 != 0 {
				index -= min(index, uint64(ops[1]&0x7f)*2)
			}
			sealed, err := send.AppendEncryptRTP(nil, rtpPacket(uint32(ssrc), uint16(index)))
			key := [2]uint64{ssrc, index}
			if sent[key] {
				require.ErrorIs(t, err, ErrReused)
				continue
			}
			if err != nil {
				require.Less(t, index+512, next[ssrc])
				continue
			}
			sent[key], next[ssrc] = true, max(next[ssrc], index+1)
			switch ops[0] >> 6 {
			case 1:
				continue // lost
			case 2:
				sealed[int(ops[1])%len(sealed)] ^= 0x10
				_, err := receive.AppendDecryptRTP(nil, sealed)
				require.Error(t, err)
				continue
			}
			before := dump(receive)
			if _, err = receive.AppendDecryptRTP(nil, sealed); err != nil {
				require.Equal(t, before, dump(receive))
			}
			_, err = receive.AppendDecryptRTP(nil, sealed)
			require.Error(t, err, "twice")
			require.LessOrEqual(t, len(receive.streams), 4)
		}
	})
}
