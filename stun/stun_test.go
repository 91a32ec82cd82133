package stun

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"net/netip"
	"slices"
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

func newKey(t testing.TB, password string) *Key {
	t.Helper()
	k, err := NewKey(password)
	require.NoError(t, err)
	return k
}

// The sample messages of https://www.rfc-editor.org/rfc/rfc5769#section-2.
const (
	samplePassword = "VOkJxbRl1RmTxUk/WvJxBt"
	sampleRequest  = `
		00010058 2112a442 b7e7a701 bc34d686 fa87dfae
		80220010 5354554e 20746573 7420636c 69656e74
		00240004 6e0001ff
		80290008 932ff9b1 51263b36
		00060009 6576746a 3a683676 59202020
		00080014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249 c1b571a2
		80280004 e57a3bcf`
	sampleIPv4 = `
		0101003c 2112a442 b7e7a701 bc34d686 fa87dfae
		8022000b 74657374 20766563 746f7220
		00200008 0001a147 e112a643
		00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7
		80280004 c07d4c96`
	sampleIPv6 = `
		01010048 2112a442 b7e7a701 bc34d686 fa87dfae
		8022000b 74657374 20766563 746f7220
		00200014 0002a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9
		00080014 a382954e 4be67bf1 1784c97c 8292c275 bfe3ed41
		80280004 c8fb0b4c`
	sampleLongTerm = `
		00010060 2112a442 78ad3433 c6ad72c0 29da412e
		00060012 e3839ee3 8388e383 aae38383 e382afe3 82b90000
		0015001c 662f2f34 39396b39 35346436 4f4c3334 6f4c3946 53547679 36347341
		0014000b 6578616d 706c652e 6f726700
		00080014 f6702465 6dd64a3e 02b8e071 2e85c9a2 8ca89666`
)

func TestRFC5769(t *testing.T) {
	longTerm := md5.Sum([]byte("マトリックス:example.org:TheMatrIX"))
	for _, test := range []struct {
		name, message, password string
		class                   Class
		mapped                  string
	}{
		{"2.1 request", sampleRequest, samplePassword, Request, ""},
		{"2.2 IPv4 response", sampleIPv4, samplePassword, Success, "192.0.2.1:32853"},
		{"2.3 IPv6 response", sampleIPv6, samplePassword, Success, "[2001:db8:1234:5678:11:2233:4455:6677]:32853"},
		{"2.4 long-term request", sampleLongTerm, string(longTerm[:]), Request, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := unhex(t, test.message)
			m, err := Parse(b)
			require.NoError(t, err)
			require.Equal(t, test.class, m.Class())
			require.Equal(t, Binding, m.Method())
			require.True(t, newKey(t, test.password).Verify(m), "integrity with the right password")
			require.False(t, newKey(t, test.password+"x").Verify(m), "integrity with a wrong password")
			mapped, ok := m.XORMappedAddress()
			require.Equal(t, test.mapped != "", ok)
			if ok {
				require.Equal(t, test.mapped, mapped.String())
			}
			for n := range b {
				_, err := Parse(b[:n])
				require.Error(t, err, "prefix of %d bytes", n)
			}
		})
	}
}

func TestRFC5769Attributes(t *testing.T) {
	m, err := Parse(unhex(t, sampleRequest))
	require.NoError(t, err)
	var types []AttrType
	for attrs := m.Attrs(); ; {
		attr, ok := attrs.Next()
		if !ok {
			break
		}
		types = append(types, attr.Type)
		switch attr.Type {
		case AttrSoftware:
			require.Equal(t, "STUN test client", string(attr.Value))
		case AttrPriority:
			v, ok := attr.Uint32()
			require.True(t, ok)
			require.EqualValues(t, 0x6e0001ff, v)
		case AttrICEControlled:
			v, ok := attr.Uint64()
			require.True(t, ok)
			require.Equal(t, uint64(0x932ff9b151263b36), v)
		}
	}
	require.Equal(t, []AttrType{AttrSoftware, AttrPriority, AttrICEControlled, AttrUsername,
		AttrMessageIntegrity, AttrFingerprint}, types)
	local, remote, ok := Username(m)
	require.True(t, ok)
	require.Equal(t, "evtj", string(local))
	require.Equal(t, "h6vY", string(remote))
}

// TestBuildRFC5769 builds the IPv6 sample again. The samples pad with spaces, we pad
// with zeros, so SOFTWARE is given its padding as text and its length is put right.
func TestBuildRFC5769(t *testing.T) {
	want := unhex(t, sampleIPv6)
	m, err := Parse(want)
	require.NoError(t, err)
	dst := []byte("before")
	b := NewBuilder(dst, Success, Binding, m.TransactionID())
	b.Software("test vector ")
	b.b[len(dst)+headerSize+3] = 11
	b.XORMappedAddress(netip.MustParseAddrPort("[2001:db8:1234:5678:11:2233:4455:6677]:32853"))
	b.Integrity(newKey(t, samplePassword))
	b.Fingerprint()
	require.Equal(t, "before", string(b.Bytes()[:len(dst)]))
	require.Equal(t, hex.EncodeToString(want), hex.EncodeToString(b.Bytes()[len(dst):]))
}

func testID(n byte) (id TransactionID) {
	for i := range id {
		id[i] = n + byte(i)
	}
	return id
}

func TestRoundTrip(t *testing.T) {
	key := newKey(t, "secret")
	// Memory that was used before: padding must not show it.
	dirty := bytes.Repeat([]byte{0xEE}, 512)[:0]
	b := NewBuilder(dirty, Error, Method(0xABC), testID(7))
	b.Username("abcd", "efghi+/")
	b.Attr(AttrUseCandidate, nil)
	b.ErrorCode(487, "Role Conflict")
	b.UnknownAttributes(0x7001, 0x7002, 0x7003)
	b.XORMappedAddress(netip.MustParseAddrPort("[::ffff:203.0.113.9]:65535"))
	b.Integrity(key)
	b.Fingerprint()
	require.NotContains(t, string(b.Bytes()), "\xEE")

	m, err := Parse(b.Bytes())
	require.NoError(t, err)
	require.Equal(t, Error, m.Class())
	require.Equal(t, Method(0xABC), m.Method())
	require.Equal(t, testID(7), m.TransactionID())
	require.True(t, key.Verify(m))
	value, ok := m.Attr(AttrErrorCode)
	require.True(t, ok)
	code, reason, ok := Attr{AttrErrorCode, value}.ErrorCode()
	require.True(t, ok)
	require.Equal(t, 487, code)
	require.Equal(t, "Role Conflict", string(reason))
	value, _ = m.Attr(AttrUnknownAttributes)
	require.Equal(t, "700170027003", hex.EncodeToString(value))
	addr, ok := m.XORMappedAddress()
	require.True(t, ok)
	require.Equal(t, "203.0.113.9:65535", addr.String())
	local, remote, ok := Username(b.Bytes())
	require.True(t, ok)
	require.Equal(t, "abcd efghi+/", string(local)+" "+string(remote))
}

func TestEveryTypeRoundTrips(t *testing.T) {
	for method := range Method(0x1000) {
		for class := range Class(4) {
			b := NewBuilder(nil, class, method, TransactionID{})
			m, err := Parse(b.Bytes())
			require.NoError(t, err)
			if m.Class() != class || m.Method() != method {
				t.Fatalf("class %d method %#x came back as %d %#x", class, method, m.Class(), m.Method())
			}
		}
	}
}

// "agents MUST ignore all other attributes that follow MESSAGE-INTEGRITY"
// https://www.rfc-editor.org/rfc/rfc8489#section-14.5
func TestAttributesAfterIntegrity(t *testing.T) {
	key := newKey(t, "secret")
	b := NewBuilder(nil, Request, Binding, testID(0))
	b.Username("a", "b")
	b.Integrity(key)
	b.Attr(AttrUseCandidate, nil)
	b.XORMappedAddress(netip.MustParseAddrPort("192.0.2.1:1"))
	b.Fingerprint()
	m, err := Parse(b.Bytes())
	require.NoError(t, err)
	require.True(t, key.Verify(m))
	_, ok := m.Attr(AttrUseCandidate)
	require.False(t, ok, "USE-CANDIDATE after the integrity counts")
	_, ok = m.XORMappedAddress()
	require.False(t, ok)
	_, ok = m.Attr(AttrFingerprint)
	require.True(t, ok)
}

func TestFirstDuplicateWins(t *testing.T) {
	b := NewBuilder(nil, Request, Binding, testID(0))
	b.Uint32(AttrPriority, 1)
	b.Uint32(AttrPriority, 2)
	m, err := Parse(b.Bytes())
	require.NoError(t, err)
	value, _ := m.Attr(AttrPriority)
	require.Equal(t, []byte{0, 0, 0, 1}, value)
}

func TestParseRejects(t *testing.T) {
	good := func() []byte {
		b := NewBuilder(nil, Request, Binding, testID(0))
		b.Username("abc", "def")
		b.Fingerprint()
		return b.Bytes()
	}
	for _, test := range []struct {
		name string
		bad  func(b []byte) []byte
		want error
	}{
		{"empty", func([]byte) []byte { return nil }, ErrMalformed},
		{"first bits set", func(b []byte) []byte { b[0] |= 0x80; return b }, ErrMalformed},
		{"no cookie", func(b []byte) []byte { b[4]++; return b }, ErrMalformed},
		{"length too small", func(b []byte) []byte { b[3] -= 4; return b }, ErrMalformed},
		{"length not a multiple of 4", func(b []byte) []byte { b[3]++; return append(b, 0) }, ErrMalformed},
		{"trailing bytes", func(b []byte) []byte { return append(b, 0, 0, 0, 0) }, ErrMalformed},
		{"attribute past the end", func(b []byte) []byte { b[22] = 0xFF; return b }, ErrMalformed},
		{"wrong fingerprint", func(b []byte) []byte { b[len(b)-1]++; return b }, ErrFingerprint},
		{"damaged", func(b []byte) []byte { b[25]++; return b }, ErrFingerprint},
		{"attribute after the fingerprint", func(b []byte) []byte {
			x := Builder{b: b}
			x.Attr(AttrUseCandidate, nil)
			return x.b
		}, ErrMalformed},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Parse(test.bad(good()))
			require.ErrorIs(t, err, test.want)
		})
	}
}

func TestAttributeDecodersReject(t *testing.T) {
	for _, v := range []string{"", "00", "000004", "00000200", "00000700", "00000464"} {
		_, _, ok := Attr{AttrErrorCode, unhex(t, v)}.ErrorCode()
		require.False(t, ok, "ERROR-CODE %q", v)
	}
	_, ok := Attr{AttrPriority, []byte{1, 2, 3}}.Uint32()
	require.False(t, ok)
	_, ok = Attr{AttrICEControlled, []byte{1, 2, 3, 4}}.Uint64()
	require.False(t, ok)
	for _, v := range []string{"", "0001", "00010000", "0001000001020304ff", "0002000001020304", "0003000001020304"} {
		b := NewBuilder(nil, Success, Binding, testID(0))
		b.Attr(AttrXORMappedAddress, unhex(t, v))
		m, err := Parse(b.Bytes())
		require.NoError(t, err)
		_, ok := m.XORMappedAddress()
		require.False(t, ok, "XOR-MAPPED-ADDRESS %q", v)
	}
}

func TestVerifyRejects(t *testing.T) {
	key := newKey(t, "secret")
	b := NewBuilder(nil, Request, Binding, testID(0))
	require.False(t, key.Verify(Message(b.Bytes())), "no MESSAGE-INTEGRITY")
	b.Attr(AttrMessageIntegrity, make([]byte, 19))
	m, err := Parse(b.Bytes())
	require.NoError(t, err)
	require.False(t, key.Verify(m), "short MESSAGE-INTEGRITY")

	b = NewBuilder(nil, Request, Binding, testID(0))
	b.Username("a", "b")
	b.Integrity(key)
	for i := range b.Bytes() {
		for bit := range 8 {
			bad := slices.Clone(b.Bytes())
			bad[i] ^= 1 << bit
			if m, err := Parse(bad); err == nil && key.Verify(m) {
				t.Fatalf("message with bit %d of byte %d flipped verifies", bit, i)
			}
		}
	}
}

func TestUsernameIsBounded(t *testing.T) {
	b := NewBuilder(nil, Request, Binding, testID(0))
	for range 100 {
		b.Attr(0x9999, nil)
	}
	b.Username("a", "b")
	_, _, ok := Username(b.Bytes())
	require.False(t, ok)
	b = NewBuilder(nil, Request, Binding, testID(0))
	b.Attr(AttrUsername, []byte("no colon"))
	_, _, ok = Username(b.Bytes())
	require.False(t, ok)
}

// answer parses, verifies and answers a check as an agent does.
func answer(dst, check []byte, key *Key) []byte {
	m, err := Parse(check)
	if err != nil {
		return nil
	}
	if _, _, ok := Username(m); !ok || !key.Verify(m) {
		return nil
	}
	b := NewBuilder(dst, Success, Binding, m.TransactionID())
	b.XORMappedAddress(netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, 1}), 5000))
	b.Integrity(key)
	b.Fingerprint()
	return b.Bytes()
}

func TestAllocs(t *testing.T) {
	check, key := unhex(t, sampleRequest), newKey(t, samplePassword)
	buf := make([]byte, 0, 256)
	allocs := testing.AllocsPerRun(100, func() {
		if len(answer(buf, check, key)) == 0 {
			t.Fatal("no answer")
		}
	})
	require.Zero(t, allocs)
}

// BenchmarkAnswer is to be compared with BenchmarkFloor.
func BenchmarkAnswer(b *testing.B) {
	check, key := unhex(b, sampleRequest), newKey(b, samplePassword)
	buf := make([]byte, 0, 256)
	b.ReportAllocs()
	for b.Loop() {
		answer(buf, check, key)
	}
}

// BenchmarkFloor is what answering a check cannot do without: a scan of the
// attributes, two HMAC-SHA1 and two CRC-32 over messages of the same size.
func BenchmarkFloor(b *testing.B) {
	check, buf := unhex(b, sampleRequest), make([]byte, 0, 256)
	mac := hmac.New(sha1.New, []byte(samplePassword))
	response := answer(buf, check, newKey(b, samplePassword))
	sum := make([]byte, 0, 20)
	b.ReportAllocs()
	for b.Loop() {
		var kinds uint16
		for off := headerSize; off < len(check); {
			kinds ^= binary.BigEndian.Uint16(check[off:])
			off += 4 + padded(int(binary.BigEndian.Uint16(check[off+2:])))
		}
		for _, m := range [][]byte{check, response} {
			mac.Reset()
			mac.Write(m[:len(m)-8-integritySize])
			sum = mac.Sum(sum[:0])
			_ = crc32.ChecksumIEEE(m[:len(m)-8])
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{sampleRequest, sampleIPv4, sampleIPv6, sampleLongTerm} {
		f.Add(unhex(f, s))
	}
	key := newKey(f, samplePassword)
	f.Fuzz(func(t *testing.T, b []byte) {
		kept := slices.Clone(b)
		Username(b)
		m, err := Parse(b)
		if err != nil {
			return
		}
		key.Verify(m)
		m.XORMappedAddress()
		// What was parsed can be built again, attribute by attribute.
		again := NewBuilder(nil, m.Class(), m.Method(), m.TransactionID())
		var want []Attr
		for attrs := m.Attrs(); ; {
			attr, ok := attrs.Next()
			if !ok {
				break
			}
			attr.Uint32()
			attr.Uint64()
			attr.ErrorCode()
			if attr.Type == AttrFingerprint {
				again.Fingerprint()
				break
			}
			want = append(want, attr)
			again.Attr(attr.Type, attr.Value)
		}
		m2, err := Parse(again.Bytes())
		require.NoError(t, err)
		attrs := m2.Attrs()
		for _, w := range want {
			got, ok := attrs.Next()
			require.True(t, ok)
			require.Equal(t, w.Type, got.Type)
			require.Equal(t, string(w.Value), string(got.Value))
		}
		require.Equal(t, kept, b, "Parse changed its input")
	})
}
