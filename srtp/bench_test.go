package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"slices"
	"testing"
	"time"
)

// BenchmarkProtect encrypts and decrypts a packet of 1,200 bytes, beside the cryptography
// that is in it: AES-GCM, or the best that the standard library's AES-CTR and HMAC-SHA1 can
// do. The two take turns within one run, and the ratio is that of the medians of their
// rounds: the machine may be busy with other things.
func BenchmarkProtect(b *testing.B) {
	for _, p := range profiles {
		b.Run(p.String(), func(b *testing.B) {
			send, receive := newContext(b, p), newContext(b, p)
			// Through the interface, as in a session.
			var protection Protection = &Session{Send: send, Receive: receive}
			packet := append(rtpPacket(1, 0), make([]byte, 1200)...)[:1200]
			sealed, opened := make([]byte, 0, 1500), make([]byte, 0, 1500)
			seq := uint16(0)
			ours := func() {
				seq++
				binary.BigEndian.PutUint16(packet[2:], seq)
				var err error
				if sealed, err = protection.AppendEncryptRTP(sealed[:0], packet); err != nil {
					b.Fatal(err)
				}
				if opened, err = protection.AppendDecryptRTP(opened[:0], sealed); err != nil {
					b.Fatal(err)
				}
			}
			floor := cmFloor(packet, p.RTPOverhead())
			if p == AEAD_AES_128_GCM || p == AEAD_AES_256_GCM {
				floor = gcmFloor(packet, p.KeySize())
			}
			var oursTook, floorTook []time.Duration
			for b.Loop() {
				oursTook = append(oursTook, took(b, ours))
				floorTook = append(floorTook, took(b, floor))
			}
			slices.Sort(oursTook)
			slices.Sort(floorTook)
			o, f := oursTook[len(oursTook)/2], floorTook[len(floorTook)/2]
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(o)/rounds, "ns/packet")
			b.ReportMetric(float64(f)/rounds, "floor-ns/packet")
			b.ReportMetric(float64(o)/float64(f), "ratio")
		})
	}
}

// rounds is how often one side runs before it is the other's turn.
const rounds = 100

func took(b *testing.B, f func()) time.Duration {
	start := b.Elapsed()
	for range rounds {
		f()
	}
	return b.Elapsed() - start
}

func gcmFloor(packet []byte, keySize int) func() {
	block, _ := aes.NewCipher(make([]byte, keySize))
	aead, _ := cipher.NewGCM(block)
	nonce := make([]byte, 12)
	header := 20
	sealed, opened := make([]byte, 0, 1500), make([]byte, 0, 1500)
	return func() {
		sealed = aead.Seal(sealed[:0], nonce, packet[header:], packet[:header])
		opened, _ = aead.Open(opened[:0], nonce, sealed, packet[:header])
	}
}

func cmFloor(packet []byte, tagSize int) func() {
	block, _ := aes.NewCipher(make([]byte, 16))
	mac := hmac.New(sha1.New, make([]byte, macKeySize))
	iv, roc := make([]byte, 16), make([]byte, 4)
	header := 20
	sealed, opened, sum := make([]byte, 1500), make([]byte, 1500), make([]byte, 0, sha1.Size)
	return func() {
		copy(sealed, packet[:header])
		cipher.NewCTR(block, iv).XORKeyStream(sealed[header:], packet[header:])
		mac.Reset()
		mac.Write(sealed[:len(packet)])
		mac.Write(roc)
		copy(sealed[len(packet):], mac.Sum(sum)[:tagSize])

		mac.Reset()
		mac.Write(sealed[:len(packet)])
		mac.Write(roc)
		if !hmac.Equal(sealed[len(packet):len(packet)+tagSize], mac.Sum(sum)[:tagSize]) {
			panic("floor")
		}
		cipher.NewCTR(block, iv).XORKeyStream(opened[header:], sealed[header:len(packet)])
	}
}

// BenchmarkNewSession is the price of a session's keys.
func BenchmarkNewSession(b *testing.B) {
	for _, p := range profiles {
		b.Run(p.String(), func(b *testing.B) {
			keys := Keys{Local: testMaster(p), Remote: testMaster(p)}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := NewSession(p, keys); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
