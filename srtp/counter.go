package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
)

// blockCounter is AES in counter mode, block by block. It allocates nothing and is slow.
type blockCounter struct {
	block   cipher.Block
	salt    [aes.BlockSize]byte // the two last bytes are zero
	counter [aes.BlockSize]byte // these two are here as they pass through an interface
	stream  [aes.BlockSize]byte
}

func (c *blockCounter) init(keys sessionKeys) error {
	var err error
	if c.block, err = aes.NewCipher(keys.encryption); err != nil {
		return ErrKeys
	}
	copy(c.salt[:cmSaltSize], keys.salt)
	return nil
}

// iv returns the initial counter of a packet in two halves.
//
//	IV = (k_s * 2^16) XOR (SSRC * 2^64) XOR (i * 2^16)
//
// https://www.rfc-editor.org/rfc/rfc3711#section-4.1.1
func (c *blockCounter) iv(ssrc uint32, index uint64) (hi, lo uint64) {
	return binary.BigEndian.Uint64(c.salt[:]) ^ uint64(ssrc), binary.BigEndian.Uint64(c.salt[8:]) ^ index<<16
}

// xor encrypts or decrypts src into dst, beginning with a block of the key stream. A packet
// has less than 2^16 blocks, so that the counter never runs into the index.
func (c *blockCounter) xor(dst, src []byte, ssrc uint32, index uint64, block int) {
	hi, lo := c.iv(ssrc, index)
	binary.BigEndian.PutUint64(c.counter[:], hi)
	for ; len(src) > 0; block++ {
		binary.BigEndian.PutUint64(c.counter[8:], lo+uint64(block))
		c.block.Encrypt(c.stream[:], c.counter[:])
		n := subtle.XORBytes(dst, src, c.stream[:])
		dst, src = dst[n:], src[n:]
	}
}

// counterMode is AES in counter mode at the speed of the processor and without allocation.
//
// cipher.NewCTR is as fast, but a Stream cannot be given another counter: each packet would
// cost a new one, 512 bytes of garbage. Going block by block costs no garbage and three times
// the time. Yet AES-GCM encrypts in counter mode as well, and one AEAD serves all packets: it
// is used here for its key stream alone, and its tag is thrown away.
//
// GCM counts from a block J0 that it makes of the nonce. With a nonce of 16 bytes
//
//	J0 = (nonce*H + L) * H,  where H = AES(0), and L is the block that says "128 bits"
//
// in GF(2^128) (NIST SP 800-38D section 7.1, GHASH of one block). The key is ours, hence so is
// H, and the equation can be solved for the nonce that leads to the J0 we want, the counter
// before the packet's first:
//
//	nonce = J0 * H^-2 + L * H^-1
//
// Multiplication is linear, which makes this cheap: the part of J0 above the sequence number
// is the same for 2^16 packets of a stream and its product is kept in recent; for the 16 bits
// of the sequence number there is a table of products. GCM increments 32 bits of the counter
// and SRTP 128, but a packet stays within the low 16.
//
// H authenticates nothing here: that J0, which an observer might time, indexes tables made
// of H gives away at most the AES of the zero block, which encrypts nothing.
type counterMode struct {
	blockCounter
	aead   cipher.AEAD // with nonces of 16 bytes
	shift  [4][16]element
	scale  element // H^-2
	offset element // L*H^-1, and the part of the low 16 bits of J0, which are all ones
	recent [8]struct {
		hi, lo uint64 // of J0, above the sequence number
		nonce  element
	}
	nonce [aes.BlockSize]byte
	tail  [2 * aes.BlockSize]byte
}

func (c *counterMode) init(keys sessionKeys) error {
	if err := c.blockCounter.init(keys); err != nil {
		return err
	}
	var err error
	if c.aead, err = cipher.NewGCMWithNonceSize(c.block, aes.BlockSize); err != nil {
		return ErrFIPS
	}
	c.block.Encrypt(c.stream[:], c.counter[:]) // of zeros
	inverse := loadElement(c.stream[:]).inverse()
	c.scale = inverse.mul(inverse)
	c.offset = element{lo: 128}.mul(inverse).add(element{lo: 0xffff}.mul(c.scale))
	// The product for each bit of the sequence number is x times that for the bit above.
	product := element{lo: 1 << 31}.mul(c.scale)
	for bit := 15; bit >= 0; bit-- {
		for v := range c.shift[bit/4] {
			if v>>(bit%4)&1 == 1 {
				c.shift[bit/4][v] = c.shift[bit/4][v].add(product)
			}
		}
		product = product.timesX()
	}
	for i := range c.recent {
		c.recent[i].nonce = c.offset // of hi and lo zero
	}
	return nil
}

// setNonce makes the nonce that leads GCM to the counter of a packet.
func (c *counterMode) setNonce(ssrc uint32, index uint64) {
	hi, lo := c.iv(ssrc, index)
	// One less than the counter, in the 32 bits that GCM increments. The low 16 bits of the
	// counter are zero.
	seq := uint16(lo>>16) - 1
	lo &^= 1<<32 - 1
	r := &c.recent[ssrc*0x9E3779B1>>29]
	if r.hi != hi || r.lo != lo {
		r.hi, r.lo = hi, lo
		r.nonce = element{hi, lo}.mul(c.scale).add(c.offset)
	}
	n := r.nonce.add(c.shift[0][seq&0xf]).add(c.shift[1][seq>>4&0xf]).
		add(c.shift[2][seq>>8&0xf]).add(c.shift[3][seq>>12])
	binary.BigEndian.PutUint64(c.nonce[:], n.hi)
	binary.BigEndian.PutUint64(c.nonce[8:], n.lo)
}

// xor encrypts or decrypts src into dst, which is longer by the room for the packet's tag.
// What is in that room afterwards is without meaning. The two may be the same memory.
//
// The tag of GCM would need 16 bytes behind the text. So that it fits into dst, the last
// bytes, 31 at most, go block by block.
func (c *counterMode) xor(dst, src []byte, ssrc uint32, index uint64) {
	fast := max(0, len(dst)-aes.BlockSize) &^ (aes.BlockSize - 1)
	rest := len(src) - fast
	c.blockCounter.xor(c.tail[:], src[fast:], ssrc, index, fast/aes.BlockSize)
	if fast > 0 {
		c.setNonce(ssrc, index)
		c.aead.Seal(dst[:0], c.nonce[:], src[:fast], nil)
	}
	copy(dst[fast:], c.tail[:rest])
}
