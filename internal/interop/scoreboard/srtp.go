package main

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"

	"github.com/sansrtc/rtc/rtp"
	"github.com/sansrtc/rtc/srtp"
)

// mediaPayload is the payload of the packets that are measured.
const mediaPayload = 1200

// srtpRows compare protecting and unprotecting a packet with the cryptography in it.
func srtpRows(b *board) {
	packet := srtpPacket()
	for _, v := range []struct {
		name    string
		profile srtp.Profile
		limit   float64
	}{
		{"gcm128", srtp.AEAD_AES_128_GCM, 1.10},
		{"gcm256", srtp.AEAD_AES_256_GCM, 0},
		{"cm128", srtp.AES128_CM_HMAC_SHA1_80, 1.15},
	} {
		ours, pion := b.srtpRoundTrip(v.profile, packet), b.pionSRTP(v.profile, packet)
		floors := b.srtpFloors(v.profile, packet)
		times := b.interleaveQuick(workloads(append([]func(){ours, pion}, floors...)...)...)
		floor := times[2]
		for _, other := range times[3:] {
			if median(other) < median(floor) {
				floor = other
			}
		}
		name := "srtp." + v.name
		if v.limit > 0 {
			b.atMost(name, ratio(times[0], floor), "× floor", v.limit, ratio(times[1], floor))
		} else {
			b.shown(name, ratio(times[0], floor), "× floor", ratio(times[1], floor))
		}
		b.atMost(name+".allocs", allocations(ours), "per packet", 0, allocations(pion))
		b.shown(name+".floor", median(floor), "ns")
		if len(floors) > 1 {
			b.shown(name+".floor.ctr", median(times[2]), "ns")
			b.shown(name+".floor.gcm", median(times[3]), "ns")
		}
	}
}

// srtpPacket returns the packet, which has a header extension of 12 bytes. Its SSRC and number are zero.
func srtpPacket() []byte {
	h := rtp.Header{PayloadType: 96}
	h.Extensions.Append(1, make([]byte, 7))
	h.Extensions.Append(2, make([]byte, 3))
	return rtp.AppendPacket(nil, &h, make([]byte, mediaPayload))
}

// srtpMaster is the master key of a profile, all zeros.
func srtpMaster(p srtp.Profile) srtp.MasterKey {
	return srtp.MasterKey{Key: make([]byte, p.KeySize()), Salt: make([]byte, p.SaltSize())}
}

// srtpSession is a session that hears what it says.
func (b *board) srtpSession(p srtp.Profile) srtp.Protection {
	s, err := srtp.NewSession(p, srtp.Keys{Local: srtpMaster(p), Remote: srtpMaster(p)})
	b.must(err)
	return s
}

// srtpRoundTrip protects and unprotects a packet under the next number.
func (b *board) srtpRoundTrip(p srtp.Profile, packet []byte) func() {
	session := b.srtpSession(p)
	packet = append([]byte(nil), packet...)
	var sealed, opened []byte
	number := uint16(0)
	return func() {
		number++
		binary.BigEndian.PutUint16(packet[2:], number)
		var err error
		sealed, err = session.AppendEncryptRTP(sealed[:0], packet)
		b.must(err)
		opened, err = session.AppendDecryptRTP(opened[:0], sealed)
		b.must(err)
	}
}

// srtpFloors returns the floors of a profile. If there are several, the fastest counts.
func (b *board) srtpFloors(p srtp.Profile, packet []byte) []func() {
	header, err := rtp.HeaderSize(packet)
	b.must(err)
	if p != srtp.AES128_CM_HMAC_SHA1_80 {
		return []func(){newGCMFloor(p.KeySize(), header, packet).both}
	}
	f := b.srtpCMFloor(header, packet)
	return []func(){f.withCTR, f.withGCM}
}

// srtpCMFloor derives the session keys of the zero master key, and makes the packet one whose
// counter the floor knows: that with the number in which key and number cancel out.
// https://www.rfc-editor.org/rfc/rfc3711#section-4.3
func (b *board) srtpCMFloor(header int, packet []byte) *cmFloor {
	block, err := aes.NewCipher(make([]byte, 16))
	b.must(err)
	derive := func(label byte, n int) []byte {
		var iv [aes.BlockSize]byte
		iv[7] = label
		out := make([]byte, n)
		cipher.NewCTR(block, iv[:]).XORKeyStream(out, out)
		return out
	}
	key, authentication, salt := derive(0, 16), derive(1, 20), derive(2, 14)
	var iv [aes.BlockSize]byte
	copy(iv[:12], salt) // the SSRC and the higher bits of the index are zero
	packet = append([]byte(nil), packet...)
	copy(packet[2:4], salt[12:])
	return newCMFloor(key, authentication, iv, header, packet)
}
