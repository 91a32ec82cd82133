package dtls

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"slices"
)

// Content types of records.
const (
	recordChangeCipherSpec uint8 = 20
	recordAlert            uint8 = 21
	recordHandshake        uint8 = 22
	recordApplicationData  uint8 = 23
	recordACK              uint8 = 26
)

const (
	plainHeaderSize   = 13
	messageHeaderSize = 12
	tagSize           = 16
	explicitNonceSize = 8

	// overhead12 and overhead13 are what protection adds to the content of a record.
	overhead12 = plainHeaderSize + explicitNonceSize + tagSize
	overhead13 = unifiedHeaderSize + 1 + tagSize
	// unifiedHeaderSize is that of the form we send: 16-bit sequence number, length.
	unifiedHeaderSize = 1 + 2 + 2
)

// Bits of the first byte of a unified header.
// https://www.rfc-editor.org/rfc/rfc9147#section-4
const (
	unifiedMask   = 0xe0
	unifiedFixed  = 0x20
	unifiedCID    = 0x10
	unifiedSeq16  = 0x08
	unifiedLength = 0x04
	unifiedEpoch  = 0x03
)

// keyLimits are numbers of records that may be sent with a key.
type keyLimits struct {
	soft uint64 // from here on new keys are wanted
	hard uint64 // from here on nothing is sent
}

// AES-GCM may protect 2^24.5 records of full size with a key. In DTLS 1.2, which
// has no such rule and no way to change keys, the sequence numbers must not wrap.
// https://www.rfc-editor.org/rfc/rfc9147#section-4.5.3
var (
	limits13 = keyLimits{soft: 1 << 23, hard: 23726566}
	limits12 = keyLimits{soft: maxSequence, hard: maxSequence}
)

// maxForgeries is how many records may fail authentication with a key of
// AES-GCM, by the same section.
const maxForgeries = 1 << 36

// maxSequence is the last sequence number of an epoch.
const maxSequence = 1<<48 - 1

// protection holds the keys of one direction and epoch.
type protection struct {
	epoch  uint64
	v13    bool
	aead   cipher.AEAD
	sn     cipher.Block // record number encryption; DTLS 1.3 only
	iv     [12]byte     // DTLS 1.2: the first four bytes, the rest is explicit
	next   uint64       // sending: the next sequence number
	limits keyLimits    // sending
	window replayWindow // receiving

	failures uint64 // receiving: records that failed authentication

	// Scratch memory: what goes through an interface would escape to the heap.
	nonce  [12]byte
	header [plainHeaderSize]byte
	mask   [aes.BlockSize]byte
}

// newProtection12 makes the keys of epoch 1 of DTLS 1.2.
func newProtection12(key, salt []byte) (*protection, error) {
	p := &protection{epoch: 1, limits: limits12}
	copy(p.iv[:], salt)
	return p, p.setKey(key)
}

// newProtection13 derives the keys of an epoch from its traffic secret.
// https://www.rfc-editor.org/rfc/rfc8446#section-7.3
func newProtection13(suite CipherSuite, epoch uint64, secret []byte) (*protection, error) {
	k := keySchedule{hash: suite.hash(), prefix: labelPrefix}
	p := &protection{epoch: epoch, v13: true, limits: limits13}
	key, err := k.expand(secret, "key", nil, suite.keyLen())
	if err != nil {
		return nil, err
	}
	iv, err := k.expand(secret, "iv", nil, len(p.iv))
	if err != nil {
		return nil, err
	}
	copy(p.iv[:], iv)
	// https://www.rfc-editor.org/rfc/rfc9147#section-4.2.3
	sn, err := k.expand(secret, "sn", nil, suite.keyLen())
	if err != nil {
		return nil, err
	}
	if p.sn, err = aes.NewCipher(sn); err != nil {
		return nil, err
	}
	return p, p.setKey(key)
}

func (p *protection) setKey(key []byte) error {
	block, err := aes.NewCipher(key)
	if err != nil {
		return err
	}
	p.aead, err = cipher.NewGCM(block)
	return err
}

func (p *protection) overhead() int {
	if p.v13 {
		return overhead13
	}
	return overhead12
}

// seal appends a protected record to dst. The caller has checked that a sequence
// number is left.
func (p *protection) seal(dst []byte, typ uint8, plaintext []byte) []byte {
	seq := p.next
	p.next++
	if p.v13 {
		return p.seal13(dst, seq, typ, plaintext)
	}
	return p.seal12(dst, seq, typ, plaintext)
}

func (p *protection) seal12(dst []byte, seq uint64, typ uint8, plaintext []byte) []byte {
	dst = appendPlainHeader(dst, typ, VersionDTLS12, p.epoch, seq, explicitNonceSize+len(plaintext)+tagSize)
	// The nonce never repeats, since it is the epoch and the sequence number.
	// https://www.rfc-editor.org/rfc/rfc5288#section-3
	number := p.epoch<<48 | seq
	dst = binary.BigEndian.AppendUint64(dst, number)
	p.prepare12(typ, number, len(plaintext))
	return p.aead.Seal(dst, p.nonce[:], plaintext, p.header[:])
}

// prepare12 fills nonce and header, the latter with the additional data.
func (p *protection) prepare12(typ uint8, number uint64, length int) {
	copy(p.nonce[:4], p.iv[:4])
	binary.BigEndian.PutUint64(p.nonce[4:], number)
	binary.BigEndian.PutUint64(p.header[:], number)
	p.header[8] = typ
	binary.BigEndian.PutUint16(p.header[9:], uint16(VersionDTLS12))
	binary.BigEndian.PutUint16(p.header[11:], uint16(length))
}

func (p *protection) seal13(dst []byte, seq uint64, typ uint8, plaintext []byte) []byte {
	start := len(dst)
	first := byte(unifiedFixed | unifiedSeq16 | unifiedLength | p.epoch&unifiedEpoch)
	length := len(plaintext) + 1 + tagSize
	dst = slices.Grow(dst, unifiedHeaderSize+length)
	dst = append(dst, first, byte(seq>>8), byte(seq), byte(length>>8), byte(length))
	body := len(dst)
	dst = append(dst, plaintext...)
	dst = append(dst, typ)
	p.prepareNonce13(seq)
	dst = p.aead.Seal(dst[:body], p.nonce[:], dst[body:], dst[start:body])
	p.sn.Encrypt(p.mask[:], dst[body:body+aes.BlockSize])
	dst[start+1] ^= p.mask[0]
	dst[start+2] ^= p.mask[1]
	return dst
}

// prepareNonce13 fills nonce. The epoch is not part of it.
func (p *protection) prepareNonce13(seq uint64) {
	p.nonce = p.iv
	tail := p.nonce[4:]
	binary.BigEndian.PutUint64(tail, binary.BigEndian.Uint64(tail)^seq)
}

// open12 opens the body of a record with the explicit nonce, and appends the
// content to dst, which has room for it. It does not look at the replay window.
func (p *protection) open12(dst []byte, typ uint8, seq uint64, body []byte) ([]byte, bool) {
	if len(body) < explicitNonceSize+tagSize {
		return dst, false
	}
	p.prepare12(typ, p.epoch<<48|seq, len(body)-explicitNonceSize-tagSize)
	// The peer is free in its choice of the explicit nonce.
	copy(p.nonce[4:], body)
	out, err := p.aead.Open(dst, p.nonce[:], body[explicitNonceSize:], p.header[:])
	if err != nil {
		return dst, false
	}
	return out, true
}

// unified is a parsed unified header.
type unified struct {
	first  byte
	seqLen int // bytes of the sequence number
	size   int // bytes of the header
	body   []byte
}

// parseUnified reads a record with a unified header from the front of b, and
// returns its length, or n < 0 if it cannot be decoded.
func parseUnified(b []byte) (h unified, n int) {
	h.first = b[0]
	h.seqLen = 1
	if h.first&unifiedSeq16 != 0 {
		h.seqLen = 2
	}
	h.size = 1 + h.seqLen
	end := len(b) // without a length the record goes on to the end of the datagram
	if h.first&unifiedLength != 0 {
		h.size += 2
		if len(b) < h.size {
			return h, -1
		}
		end = h.size + int(binary.BigEndian.Uint16(b[h.size-2:]))
	}
	// No connection id has been negotiated, ever.
	if h.first&unifiedCID != 0 || end > len(b) || end-h.size > maxCiphertext {
		return h, -1
	}
	// The mask is computed from the first 16 bytes, so that shorter records have
	// to be refused. A content type and a tag are 17.
	if end-h.size < tagSize+1 {
		return h, -1
	}
	h.body = b[h.size:end]
	return h, end
}

// number recovers the sequence number of a record. raw is the record from its
// first byte on. The header without mask stays in p.header.
// https://www.rfc-editor.org/rfc/rfc9147#section-4.2.2
func (p *protection) number(h *unified, raw []byte) uint64 {
	copy(p.header[:], raw[:h.size])
	p.sn.Encrypt(p.mask[:], h.body[:aes.BlockSize])
	var low uint64
	for i := range h.seqLen {
		p.header[1+i] ^= p.mask[i]
		low = low<<8 | uint64(p.header[1+i])
	}
	// The number closest to the next expected one.
	span := uint64(1) << (8 * h.seqLen)
	seq := p.window.next&^(span-1) | low
	switch {
	case seq+span/2 < p.window.next:
		seq += span
	case seq > p.window.next+span/2 && seq >= span:
		seq -= span
	}
	return seq
}

// open13 opens a record whose number has just been recovered with p.number. It
// appends the content to dst, which has room for it.
func (p *protection) open13(dst []byte, h *unified, seq uint64) (out []byte, typ uint8, ok bool) {
	p.prepareNonce13(seq)
	out, err := p.aead.Open(dst, p.nonce[:], h.body, p.header[:h.size])
	if err != nil {
		return dst, 0, false
	}
	// The type is the last byte that is not padding. Zero: there is none.
	end := len(out)
	for end > len(dst) && out[end-1] == 0 {
		end--
	}
	if end == len(dst) {
		return dst, 0, true
	}
	return out[:end-1], out[end-1], true
}

// appendPlainHeader appends the header of a record that is not protected, or
// protected by DTLS 1.2.
func appendPlainHeader(dst []byte, typ uint8, v Version, epoch, seq uint64, length int) []byte {
	dst = append(dst, typ)
	dst = appendUint16(dst, v)
	dst = binary.BigEndian.AppendUint64(dst, epoch<<48|seq)
	return appendUint16(dst, uint16(length))
}
