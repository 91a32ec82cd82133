package srtp

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"math/rand/v2"
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

// https://www.rfc-editor.org/rfc/rfc3711#appendix-B.2
func TestRFC3711KeyStream(t *testing.T) {
	keys := sessionKeys{
		encryption: unhex(t, `2B7E151628AED2A6ABF7158809CF4F3C`),
		salt:       unhex(t, `F0F1F2F3F4F5F6F7F8F9FAFBFCFD`),
	}
	first := unhex(t, `E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB
		41E95B3BB0A2E8DD477901E4FCA894C0`)
	last := unhex(t, `EC8CDF7398607CB0F2D21675EA9EA1E4 362B7C3C6773516318A077D7FC5073AE
		6A2CC3787889374FBEB4C81B17BA6C44`) // blocks 0xFEFF to 0xFF01
	stream := make([]byte, 0xff02*aes.BlockSize)
	var slow blockCounter
	require.NoError(t, slow.init(keys))
	slow.xor(stream, stream, 0, 0, 0)
	require.Equal(t, first, stream[:len(first)])
	require.Equal(t, last, stream[0xfeff*aes.BlockSize:])

	var fast counterMode
	require.NoError(t, fast.init(keys))
	again := make([]byte, len(stream)+cmTagSize)
	fast.xor(again, again[:len(stream)], 0, 0)
	require.True(t, bytes.Equal(stream, again[:len(stream)]), "fast form")
}

// https://www.rfc-editor.org/rfc/rfc3711#appendix-B.3
func TestRFC3711KeyDerivation(t *testing.T) {
	master := MasterKey{
		Key:  unhex(t, `E1F97A0D3E018BE0D64FA32C06DE4139`),
		Salt: unhex(t, `0EC675AD498AFEEBB6960B3AABE6`),
	}
	keys, err := deriveSession(AES128_CM_HMAC_SHA1_80, master, labelRTPEncryption)
	require.NoError(t, err)
	require.Equal(t, unhex(t, `C61E7A93744F39EE10734AFE3FF7A087`), keys.encryption)
	require.Equal(t, unhex(t, `30CBBC08863D8C85D49DB34A9AE1`), keys.salt)
	// The RFC derives 94 bytes of authentication key, of which HMAC-SHA1 uses 20.
	require.Equal(t, unhex(t, `CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4`), keys.authentication)
	auth, err := derive(master, labelRTPAuthentication, 94)
	require.NoError(t, err)
	require.Equal(t, unhex(t, `CEBE321F6FF7716B6FD4AB49AF256A15 6D38BAA48F0A0ACF3C34E2359E6CDBCE
		E049646C43D9327AD175578EF7227098 6371C10C9A369AC2F94A8C5FBCDDDC25
		6D6E919A48B610EF17C2041E47403576 6B68642C59BBFC2F34DB60DBDFB2`), auth)
}

// https://www.rfc-editor.org/rfc/rfc6188#section-7.2, for the derivation from keys of 256 bits.
func TestRFC6188KeyDerivation(t *testing.T) {
	master := MasterKey{
		Key:  unhex(t, `f0f04914b513f2763a1b1fa130f10e29 98f6f6e43e4309d1e622a0e332b9f1b6`),
		Salt: unhex(t, `3b04803de51ee7c96423ab5b78d2`),
	}
	for _, test := range []struct {
		label byte
		want  string
	}{
		{labelRTPEncryption, `5ba1064e30ec51613cad926c5a28ef73 1ec7fb397f70a960653caf06554cd8c4`},
		{labelRTPSalt, `fa31791685ca444a9e07c6c64e93`},
		{labelRTPAuthentication, `fd9c32d39ed5fbb5a9dc96b30818454d1313dc05`},
	} {
		want := unhex(t, test.want)
		got, err := derive(master, test.label, len(want))
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

// contextWith returns a context with given session keys, as the vectors of RFC 7714 have them.
func contextWith(t testing.TB, p Profile, keys sessionKeys) *Context {
	t.Helper()
	c := newContext(t, p)
	require.NoError(t, c.setKeys(p, keys, keys))
	return c
}

func newContext(t testing.TB, p Profile) *Context {
	t.Helper()
	c, err := NewContext(Config{Profile: p, Master: testMaster(p)})
	require.NoError(t, err)
	return c
}

// testMaster is a key of counting bytes.
func testMaster(p Profile) (m MasterKey) {
	for i := range p.KeySize() {
		m.Key = append(m.Key, byte(i))
	}
	for i := range p.SaltSize() {
		m.Salt = append(m.Salt, 0xa0+byte(i))
	}
	return m
}

// https://www.rfc-editor.org/rfc/rfc7714#section-16, 17
func TestRFC7714(t *testing.T) {
	rtpPlain := unhex(t, `8040f17b 8041f8d3 5501a0b2
		47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465 73207472 6573`)
	rtcpPlain := unhex(t, `81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
		deadbeef deadbeef deadbeef deadbeef deadbeef`)
	for _, test := range []struct {
		name            string
		profile         Profile
		key             string
		rtp, rtcp       string
		rtcpUnencrypted string
	}{{
		name:    "AEAD_AES_128_GCM, sections 16.1 and 17.1, 17.3",
		profile: AEAD_AES_128_GCM,
		key:     `000102030405060708090a0b0c0d0e0f`,
		rtp: `8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b
			36de3adf 8833 899d7f27 beb16a91 52cf765e e4390cce`,
		rtcp: `81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda
			4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4`,
		rtcpUnencrypted: `81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
			deadbeef deadbeef deadbeef deadbeef deadbeef 841dd968 3dd78ec9 2ae58790 125f62b3 000005d4`,
	}, {
		name:    "AEAD_AES_256_GCM, sections 16.2 and 17.2, 17.4",
		profile: AEAD_AES_256_GCM,
		key:     `000102030405060708090a0b0c0d0e0f 101112131415161718191a1b1c1d1e1f`,
		rtp: `8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02 76ffae0f
			1ba63799 b87b 7aa3db36 dfffd6b0 f9bb7878 d7a76c13`,
		rtcp: `81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50 a2eaa5c1 110555be
			8415f658 c61de047 6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be 800005d4`,
		rtcpUnencrypted: `81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
			deadbeef deadbeef deadbeef deadbeef deadbeef 91db4afb feee5a97 8fab4393 ed2615fe 000005d4`,
	}} {
		t.Run(test.name, func(t *testing.T) {
			keys := sessionKeys{encryption: unhex(t, test.key), salt: unhex(t, `517569642070726f2071756f`)}
			c := contextWith(t, test.profile, keys)
			got, err := c.AppendEncryptRTP(nil, rtpPlain)
			require.NoError(t, err)
			require.Equal(t, unhex(t, test.rtp), got)
			c.nextIndex = 0x5d4
			got, err = c.AppendEncryptRTCP(nil, rtcpPlain)
			require.NoError(t, err)
			require.Equal(t, unhex(t, test.rtcp), got)

			c = contextWith(t, test.profile, keys)
			got, err = c.AppendDecryptRTP(nil, unhex(t, test.rtp))
			require.NoError(t, err)
			require.Equal(t, rtpPlain, got)
			got, err = c.AppendDecryptRTCP(nil, unhex(t, test.rtcp))
			require.NoError(t, err)
			require.Equal(t, rtcpPlain, got)

			c = contextWith(t, test.profile, keys)
			got, err = c.AppendDecryptRTCP(nil, unhex(t, test.rtcpUnencrypted))
			require.NoError(t, err, "authenticated, not encrypted")
			require.Equal(t, rtcpPlain, got)
		})
	}
}

// TestCounterMode compares the key stream that is got out of GCM with that of cipher.NewCTR.
func TestCounterMode(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	fill := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		return b
	}
	for range 20 {
		keys := sessionKeys{encryption: fill(16), salt: fill(cmSaltSize)}
		var c counterMode
		require.NoError(t, c.init(keys))
		block, err := aes.NewCipher(keys.encryption)
		require.NoError(t, err)
		for i := range 100 {
			ssrc, index := random.Uint32(), random.Uint64()&maxIndex
			switch salt := uint64(keys.salt[12])<<8 | uint64(keys.salt[13]); i % 5 {
			case 0: // the counter above the low 16 bits is zero, and the one before it wraps
				index = index&^0xffff | salt
			case 1: // all ones
				index = index&^0xffff | salt ^ 0xffff
			case 2:
				ssrc, index = 0, 0
			case 3: // the next packet of the same stream
				ssrc, index = 1, uint64(i)
			}
			hi, lo := c.iv(ssrc, index)
			var iv [16]byte
			for j := range 8 {
				iv[j], iv[8+j] = byte(hi>>(56-8*j)), byte(lo>>(56-8*j))
			}
			room := []int{4, cmTagSize}[random.IntN(2)]
			src := fill(random.IntN(200))
			if i%20 == 0 {
				src = fill(1 << 16) // all 4096 blocks
			}
			want := make([]byte, len(src))
			cipher.NewCTR(block, iv[:]).XORKeyStream(want, src)

			dst := make([]byte, len(src)+room)
			c.xor(dst, src, ssrc, index)
			require.True(t, bytes.Equal(want, dst[:len(src)]), "%d bytes of SSRC %#x, index %#x", len(src), ssrc, index)
			copy(dst, src)
			c.xor(dst, dst[:len(src)], ssrc, index)
			require.True(t, bytes.Equal(want, dst[:len(src)]), "in place")
		}
	}
}

func TestFieldInverse(t *testing.T) {
	one := element{hi: 1 << 63}
	random := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		a := element{random.Uint64(), random.Uint64()}
		b := element{random.Uint64(), random.Uint64()}
		require.Equal(t, a, a.mul(one))
		require.Equal(t, one, a.mul(a.inverse()))
		require.Equal(t, a.mul(b), b.mul(a))
		require.Equal(t, a.mul(b).add(a), a.mul(b.add(one)))
	}
	require.Zero(t, element{}.inverse())
}
