package main

import (
	"encoding/binary"

	"github.com/pion/rtp"
	pionsrtp "github.com/pion/srtp/v3"

	"github.com/sansrtc/rtc/srtp"
)

// pionProfiles are what pion/srtp calls the profiles.
var pionProfiles = map[srtp.Profile]pionsrtp.ProtectionProfile{
	srtp.AEAD_AES_128_GCM:       pionsrtp.ProtectionProfileAeadAes128Gcm,
	srtp.AEAD_AES_256_GCM:       pionsrtp.ProtectionProfileAeadAes256Gcm,
	srtp.AES128_CM_HMAC_SHA1_80: pionsrtp.ProtectionProfileAes128CmHmacSha1_80,
}

// pionSRTP protects and unprotects a packet with pion/srtp v3, with the replay protection of pion/webrtc. The
// headers it parses are used again.
func (b *board) pionSRTP(p srtp.Profile, packet []byte) func() {
	master := srtpMaster(p)
	send, err := pionsrtp.CreateContext(master.Key, master.Salt, pionProfiles[p])
	b.must(err)
	receive, err := pionsrtp.CreateContext(master.Key, master.Salt, pionProfiles[p], pionsrtp.SRTPReplayProtection(64))
	b.must(err)
	packet = append([]byte(nil), packet...)
	var sealed, opened []byte
	var sent, received rtp.Header
	number := uint16(0)
	return func() {
		number++
		binary.BigEndian.PutUint16(packet[2:], number)
		sealed, err = send.EncryptRTP(sealed[:0], packet, &sent)
		b.must(err)
		opened, err = receive.DecryptRTP(opened[:0], sealed, &received)
		b.must(err)
	}
}
