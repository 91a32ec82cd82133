package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"hash"
)

// gcmFloor seals and opens a packet with AES-GCM: the header is additional data, the rest is
// encrypted from one buffer into another. No header is copied or looked at, no state is kept,
// and the nonce is always the same.
type gcmFloor struct {
	aead           cipher.AEAD
	nonce          []byte
	header         int
	packet         []byte
	sealed, opened []byte
}

func newGCMFloor(keySize, header int, packet []byte) *gcmFloor {
	block, err := aes.NewCipher(make([]byte, keySize))
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	f := &gcmFloor{aead: aead, nonce: make([]byte, 12), header: header, packet: packet}
	f.seal()
	return f
}

func (f *gcmFloor) seal() {
	f.sealed = f.aead.Seal(f.sealed[:0], f.nonce, f.packet[f.header:], f.packet[:f.header])
}

func (f *gcmFloor) open() {
	var err error
	if f.opened, err = f.aead.Open(f.opened[:0], f.nonce, f.sealed, f.packet[:f.header]); err != nil {
		panic(err)
	}
}

func (f *gcmFloor) both() {
	f.seal()
	f.open()
}

// cmFloor protects and unprotects one known packet with AES-128 in counter mode and HMAC-SHA1 of
// 80 bits, whose key is set up once. The standard library has two ways to the key stream:
//
//   - cipher.NewCTR, a new one for each packet, since a Stream cannot be set back;
//   - AES-GCM, which encrypts in counter mode too and is allocated once. With a nonce of 12
//     bytes it begins at block 2 of a counter whose lower 32 bits are zero, as those of this
//     packet are. Blocks 0 and 1 are encrypted on their own, and the tag is overwritten.
//
// Neither knows any other packet, a replay window or a rollover counter other than zero.
type cmFloor struct {
	block    cipher.Block
	aead     cipher.AEAD
	mac      hash.Hash
	iv       [aes.BlockSize]byte // of the packet
	header   int
	packet   []byte
	sealed   []byte // with room for the tag of GCM
	opened   []byte
	counter  [aes.BlockSize]byte
	stream   [2 * aes.BlockSize]byte
	rollover [4]byte
	sum      [sha1.Size]byte
}

const (
	gcmTagSize = 16
	cmTagSize  = 10
)

// newCMFloor takes the session keys; iv is the counter of the packet's first block.
func newCMFloor(key, authentication []byte, iv [aes.BlockSize]byte, header int, packet []byte) *cmFloor {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	f := &cmFloor{
		block: block, aead: aead, mac: hmac.New(sha1.New, authentication), iv: iv, header: header, packet: packet,
		sealed: make([]byte, len(packet)+aes.BlockSize), opened: make([]byte, len(packet)+aes.BlockSize),
	}
	copy(f.sealed, packet[:header])
	return f
}

// withCTR and withGCM are the two ways.
func (f *cmFloor) withCTR() { f.both(f.xorCTR) }
func (f *cmFloor) withGCM() { f.both(f.xorGCM) }

func (f *cmFloor) both(xor func(dst, src []byte)) {
	n := len(f.packet)
	xor(f.sealed[f.header:], f.packet[f.header:])
	copy(f.sealed[n:], f.tag())
	if subtle.ConstantTimeCompare(f.tag(), f.sealed[n:n+cmTagSize]) != 1 {
		panic("scoreboard: the tag does not verify")
	}
	xor(f.opened[f.header:], f.sealed[f.header:n])
}

func (f *cmFloor) tag() []byte {
	f.mac.Reset()
	f.mac.Write(f.sealed[:len(f.packet)])
	f.mac.Write(f.rollover[:])
	return f.mac.Sum(f.sum[:0])[:cmTagSize]
}

func (f *cmFloor) xorCTR(dst, src []byte) {
	cipher.NewCTR(f.block, f.iv[:]).XORKeyStream(dst, src)
}

func (f *cmFloor) xorGCM(dst, src []byte) {
	f.counter = f.iv
	f.block.Encrypt(f.stream[:], f.counter[:])
	f.counter[15] = 1
	f.block.Encrypt(f.stream[aes.BlockSize:], f.counter[:])
	n := subtle.XORBytes(dst, src, f.stream[:])
	f.aead.Seal(dst[n:n], f.iv[:12], src[n:], nil)
}
