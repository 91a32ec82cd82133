package interop

import (
	"testing"

	pionsrtp2 "github.com/pion/srtp/v2"
	"github.com/sansrtc/rtc/srtp"
	"github.com/stretchr/testify/require"
)

// pionProtection protects the packets of a session with Pion's SRTP: the way for somebody
// who brings his own cryptography.
type pionProtection struct{ send, receive *pionsrtp2.Context }

// newPionProtection is a srtp.Factory.
func newPionProtection(p srtp.Profile, keys srtp.Keys) (srtp.Protection, error) {
	profile := pionsrtp2.ProtectionProfile(p)
	send, err := pionsrtp2.CreateContext(keys.Local.Key, keys.Local.Salt, profile)
	if err != nil {
		return nil, err
	}
	receive, err := pionsrtp2.CreateContext(keys.Remote.Key, keys.Remote.Salt, profile,
		pionsrtp2.SRTPReplayProtection(512), pionsrtp2.SRTCPReplayProtection(128))
	return &pionProtection{send, receive}, err
}

// appended appends what one of Pion's methods returns, which may not be given memory that is
// in use.
func appended(dst, out []byte, err error) ([]byte, error) {
	if err != nil {
		return dst, err
	}
	return append(dst, out...), nil
}

func (p *pionProtection) AppendEncryptRTP(dst, packet []byte) ([]byte, error) {
	out, err := p.send.EncryptRTP(nil, packet, nil)
	return appended(dst, out, err)
}

func (p *pionProtection) AppendDecryptRTP(dst, packet []byte) ([]byte, error) {
	out, err := p.receive.DecryptRTP(nil, packet, nil)
	return appended(dst, out, err)
}

func (p *pionProtection) AppendEncryptRTCP(dst, packet []byte) ([]byte, error) {
	out, err := p.send.EncryptRTCP(nil, packet, nil)
	return appended(dst, out, err)
}

func (p *pionProtection) AppendDecryptRTCP(dst, packet []byte) ([]byte, error) {
	out, err := p.receive.DecryptRTCP(nil, packet, nil)
	return appended(dst, out, err)
}

// The adapter and our own implementation understand one another, in and out of place.
func TestSRTPAdapter(t *testing.T) {
	var factory srtp.Factory = newPionProtection
	for _, profile := range []srtp.Profile{srtp.AES128_CM_HMAC_SHA1_80, srtp.AES128_CM_HMAC_SHA1_32,
		srtp.AEAD_AES_128_GCM, srtp.AEAD_AES_256_GCM} {
		t.Run(profile.String(), func(t *testing.T) {
			p := &srtpPeers{t: t, random: newRTPRandom(1).Rand}
			material := p.bytes(profile.ExporterSize())
			clientKeys, err := srtp.KeysFromExporter(profile, material, true)
			require.NoError(t, err)
			serverKeys, err := srtp.KeysFromExporter(profile, material, false)
			require.NoError(t, err)
			client, err := factory(profile, clientKeys)
			require.NoError(t, err)
			server, err := srtp.NewSession(profile, serverKeys)
			require.NoError(t, err)
			for seq := range uint16(300) {
				for i, dir := range [][2]srtp.Protection{{client, server}, {server, client}} {
					packet := p.rtp(uint32(i), seq)
					sealed, err := dir[0].AppendEncryptRTP([]byte("head"), packet)
					require.NoError(t, err)
					opened, err := dir[1].AppendDecryptRTP(sealed[:4], sealed[4:])
					require.NoError(t, err)
					require.Equal(t, "head"+string(packet), string(opened))

					report := append([]byte{0x80, 201, 0, 1}, p.bytes(4)...)
					sealed, err = dir[0].AppendEncryptRTCP([]byte("head"), report)
					require.NoError(t, err)
					opened, err = dir[1].AppendDecryptRTCP(sealed[:4], sealed[4:])
					require.NoError(t, err)
					require.Equal(t, "head"+string(report), string(opened))
				}
			}
		})
	}
}
