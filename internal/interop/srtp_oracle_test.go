package interop

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	pionrtcp "github.com/pion/rtcp"
	pionrtp "github.com/pion/rtp"
	pionsrtp2 "github.com/pion/srtp/v2"
	pionsrtp3 "github.com/pion/srtp/v3"
	"github.com/sansrtc/rtc/rtp"
	"github.com/sansrtc/rtc/srtp"
	"github.com/stretchr/testify/require"
)

// A srtpOracle is one direction of somebody else's SRTP.
type srtpOracle interface {
	EncryptRTP(dst, plaintext []byte, header *pionrtp.Header) ([]byte, error)
	DecryptRTP(dst, encrypted []byte, header *pionrtp.Header) ([]byte, error)
	EncryptRTCP(dst, decrypted []byte, header *pionrtcp.Header) ([]byte, error)
	DecryptRTCP(dst, encrypted []byte, header *pionrtcp.Header) ([]byte, error)
}

// srtpOracles are the oracles; libsrtp is the program of buildLibsrtp.
var srtpOracles = []struct {
	name string
	make func(t *testing.T, libsrtp string, p srtp.Profile, m srtp.MasterKey) (srtpOracle, error)
}{
	{"pion v2", func(_ *testing.T, _ string, p srtp.Profile, m srtp.MasterKey) (srtpOracle, error) {
		return pionsrtp2.CreateContext(m.Key, m.Salt, pionsrtp2.ProtectionProfile(p),
			pionsrtp2.SRTPReplayProtection(512), pionsrtp2.SRTCPReplayProtection(128))
	}},
	{"pion v3", func(_ *testing.T, _ string, p srtp.Profile, m srtp.MasterKey) (srtpOracle, error) {
		return pionsrtp3.CreateContext(m.Key, m.Salt, pionsrtp3.ProtectionProfile(p),
			pionsrtp3.SRTPReplayProtection(512), pionsrtp3.SRTCPReplayProtection(128))
	}},
	{"libsrtp", startLibsrtp},
}

// srtpPeers are our contexts and an oracle's, for both directions of use.
type srtpPeers struct {
	t                         *testing.T
	random                    *rand.Rand
	send, receive             *srtp.Context
	oracleSend, oracleReceive srtpOracle
}

func forEachSRTPOracle(t *testing.T, f func(t *testing.T, p *srtpPeers)) {
	libsrtp := buildLibsrtp(t)
	for _, oracle := range srtpOracles {
		for _, profile := range []srtp.Profile{srtp.AES128_CM_HMAC_SHA1_80, srtp.AES128_CM_HMAC_SHA1_32,
			srtp.AEAD_AES_128_GCM, srtp.AEAD_AES_256_GCM} {
			t.Run(fmt.Sprintf("%s/%v", oracle.name, profile), func(t *testing.T) {
				p := &srtpPeers{t: t, random: rand.New(rand.NewPCG(7, uint64(profile)))}
				master := srtp.MasterKey{Key: p.bytes(profile.KeySize()), Salt: p.bytes(profile.SaltSize())}
				for _, c := range []**srtp.Context{&p.send, &p.receive} {
					var err error
					*c, err = srtp.NewContext(srtp.Config{Profile: profile, Master: master})
					require.NoError(t, err)
				}
				for _, c := range []*srtpOracle{&p.oracleSend, &p.oracleReceive} {
					var err error
					*c, err = oracle.make(t, libsrtp, profile, master)
					require.NoError(t, err)
				}
				f(t, p)
			})
		}
	}
}

func (p *srtpPeers) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(p.random.Uint32())
	}
	return b
}

// rtp returns a packet with a random header and payload.
func (p *srtpPeers) rtp(ssrc uint32, seq uint16) []byte {
	h := rtp.Header{
		Marker: p.random.IntN(2) == 0, PayloadType: uint8(p.random.IntN(64)),
		SequenceNumber: seq, Timestamp: p.random.Uint32(), SSRC: ssrc,
	}
	for range p.random.IntN(3) {
		h.CSRCs = h.CSRCs.Append(p.random.Uint32())
	}
	for range p.random.IntN(3) {
		h.Extensions.Append(uint8(1+p.random.IntN(14)), p.bytes(1+p.random.IntN(16)))
	}
	if p.random.IntN(4) == 0 {
		h.PaddingSize = uint8(p.random.Uint32())
	}
	return rtp.AppendPacket(nil, &h, p.bytes(p.random.IntN(1100)))
}

// Every packet is encrypted to the same bytes, and decrypted by the other, while the
// sequence numbers of three sources wrap, with losses and reordering.
func TestSRTPOracleRTP(t *testing.T) {
	forEachSRTPOracle(t, func(t *testing.T, p *srtpPeers) {
		ssrcs := []uint32{1, 0xdeadbeef, p.random.Uint32()}
		index := []int{65000, 100, 32000}
		for range 3000 {
			which := p.random.IntN(len(ssrcs))
			index[which] += 1 + p.random.IntN(20)
			if p.random.IntN(20) == 0 {
				index[which] += p.random.IntN(20_000)
			}
			packet := p.rtp(ssrcs[which], uint16(index[which]))
			ours, err := p.send.AppendEncryptRTP(nil, packet)
			require.NoError(t, err)
			theirs, err := p.oracleSend.EncryptRTP(nil, packet, nil)
			require.NoError(t, err)
			require.Equal(t, theirs, ours, "packet %d of %08x", index[which], ssrcs[which])
			if p.random.IntN(10) == 0 {
				continue // lost
			}
			opened, err := p.receive.AppendDecryptRTP(nil, theirs)
			require.NoError(t, err)
			require.Equal(t, packet, opened)
			opened, err = p.oracleReceive.DecryptRTP(nil, ours, nil)
			require.NoError(t, err)
			require.Equal(t, packet, opened)

			// Both refuse the packet's second coming and a change to it.
			_, err = p.receive.AppendDecryptRTP(nil, ours)
			require.ErrorIs(t, err, srtp.ErrReplayed)
			_, err = p.oracleReceive.DecryptRTP(nil, ours, nil)
			require.Error(t, err)
		}
		require.Greater(t, slices.Max(index), 3<<16, "the counters have rolled over several times")
	})
}

// Both come to the same verdict about packets that are late and doubled.
func TestSRTPOracleReordered(t *testing.T) {
	forEachSRTPOracle(t, func(t *testing.T, p *srtpPeers) {
		var sealed [][]byte
		for i := range 2000 {
			b, err := p.send.AppendEncryptRTP(nil, p.rtp(1, uint16(64_800+i)))
			require.NoError(t, err)
			sealed = append(sealed, b)
		}
		at, accepted := 0, 0
		for range 6000 {
			at = min(max(0, at+p.random.IntN(9)-3), len(sealed)-1)
			i := max(0, at-p.random.IntN(600)*p.random.IntN(2))
			_, ours := p.receive.AppendDecryptRTP(nil, sealed[i])
			_, theirs := p.oracleReceive.DecryptRTP(nil, sealed[i], nil)
			require.Equal(t, theirs == nil, ours == nil, "packet %d: ours %v, theirs %v", i, ours, theirs)
			if ours == nil {
				accepted++
			}
		}
		require.Greater(t, accepted, 500)
	})
}

func TestSRTPOracleRTCP(t *testing.T) {
	forEachSRTPOracle(t, func(t *testing.T, p *srtpPeers) {
		for range 1000 {
			packet := binary.BigEndian.AppendUint32([]byte{0x80, 201, 0, 1}, 0xcafebabe)
			packet = append(packet, p.bytes(4*p.random.IntN(200))...)
			ours, err := p.send.AppendEncryptRTCP(nil, packet)
			require.NoError(t, err)
			theirs, err := p.oracleSend.EncryptRTCP(nil, packet, nil)
			require.NoError(t, err)
			require.Equal(t, theirs, ours)
			opened, err := p.receive.AppendDecryptRTCP(nil, theirs)
			require.NoError(t, err)
			require.Equal(t, packet, opened)
			opened, err = p.oracleReceive.DecryptRTCP(nil, ours, nil)
			require.NoError(t, err)
			require.Equal(t, packet, opened)
		}
	})
}

// Our index counts over all sources, theirs for each one. Each decrypts the other's.
func TestSRTPOracleRTCPOfManySSRCs(t *testing.T) {
	forEachSRTPOracle(t, func(t *testing.T, p *srtpPeers) {
		for i := range 200 {
			packet := binary.BigEndian.AppendUint32([]byte{0x80, 201, 0, 1}, uint32(i%7))
			ours, err := p.send.AppendEncryptRTCP(nil, packet)
			require.NoError(t, err)
			opened, err := p.oracleReceive.DecryptRTCP(nil, ours, nil)
			require.NoError(t, err)
			require.Equal(t, packet, opened)
			theirs, err := p.oracleSend.EncryptRTCP(nil, packet, nil)
			require.NoError(t, err)
			opened, err = p.receive.AppendDecryptRTCP(nil, theirs)
			require.NoError(t, err)
			require.Equal(t, packet, opened)
		}
	})
}

// exportedKeys is what a DTLS exporter returns.
type exportedKeys []byte

func (e exportedKeys) ExportKeyingMaterial(label string, _ []byte, n int) ([]byte, error) {
	if label != srtp.ExporterLabel || n != len(e) {
		return nil, fmt.Errorf("%d bytes for %q", n, label)
	}
	return e, nil
}

func TestSRTPOracleExporter(t *testing.T) {
	p := &srtpPeers{t: t, random: rand.New(rand.NewPCG(7, 7))}
	for _, profile := range []srtp.Profile{srtp.AES128_CM_HMAC_SHA1_80, srtp.AEAD_AES_128_GCM, srtp.AEAD_AES_256_GCM} {
		material := p.bytes(profile.ExporterSize())
		for _, client := range []bool{true, false} {
			cfg := pionsrtp3.Config{Profile: pionsrtp3.ProtectionProfile(profile)}
			require.NoError(t, cfg.ExtractSessionKeysFromDTLS(exportedKeys(material), client))
			keys, err := srtp.KeysFromExporter(profile, material, client)
			require.NoError(t, err)
			require.Equal(t, cfg.Keys.LocalMasterKey, keys.Local.Key)
			require.Equal(t, cfg.Keys.LocalMasterSalt, keys.Local.Salt)
			require.Equal(t, cfg.Keys.RemoteMasterKey, keys.Remote.Key)
			require.Equal(t, cfg.Keys.RemoteMasterSalt, keys.Remote.Salt)
		}
	}
}
