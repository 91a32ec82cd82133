package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"slices"
)

// gcmSuite is AES-GCM. https://www.rfc-editor.org/rfc/rfc7714
type gcmSuite struct {
	rtp, rtcp gcmKey
	aad       []byte // scratch: header and index of an SRTCP packet
}

// gcmKey is one session key with its salt. The nonce is here and not on the stack because the
// AEAD is behind an interface, and a nonce on the stack would have to be allocated.
type gcmKey struct {
	aead  cipher.AEAD
	salt  [gcmSaltSize]byte
	nonce [gcmSaltSize]byte
}

func (s *gcmSuite) init(rtpKeys, rtcpKeys sessionKeys) error {
	for _, k := range []struct {
		key  *gcmKey
		from sessionKeys
	}{{&s.rtp, rtpKeys}, {&s.rtcp, rtcpKeys}} {
		block, err := aes.NewCipher(k.from.encryption)
		if err != nil {
			return ErrKeys
		}
		if k.key.aead, err = cipher.NewGCM(block); err != nil {
			return ErrFIPS
		}
		copy(k.key.salt[:], k.from.salt)
	}
	return nil
}

// setNonce makes the nonce of a packet: for RTP of SSRC, rollover counter and sequence number,
// for RTCP of SSRC and index, which come to the same.
//
//	 0  0  0  0  0  0  0  0  0  0  1  1
//	 0  1  2  3  4  5  6  7  8  9  0  1
//	+--+--+--+--+--+--+--+--+--+--+--+--+
//	|00|00|    SSRC   |     ROC   | SEQ |---+
//	+--+--+--+--+--+--+--+--+--+--+--+--+   |
//	                                        |
//	+--+--+--+--+--+--+--+--+--+--+--+--+   |
//	|         Encryption Salt           |->(+)
//	+--+--+--+--+--+--+--+--+--+--+--+--+   |
//
// https://www.rfc-editor.org/rfc/rfc7714#section-8.1
// https://www.rfc-editor.org/rfc/rfc7714#section-9.1
func (k *gcmKey) setNonce(ssrc uint32, index uint64) {
	hi, lo := uint64(ssrc)<<16|index>>32, uint32(index)
	binary.BigEndian.PutUint64(k.nonce[:], binary.BigEndian.Uint64(k.salt[:])^hi)
	binary.BigEndian.PutUint32(k.nonce[8:], binary.BigEndian.Uint32(k.salt[8:])^lo)
}

func (s *gcmSuite) sealRTP(dst, header, payload []byte, index uint64) []byte {
	dst = append(slices.Grow(dst, len(header)+len(payload)+gcmTagSize), header...)
	s.rtp.setNonce(binary.BigEndian.Uint32(header[8:]), index)
	return s.rtp.aead.Seal(dst, s.rtp.nonce[:], payload, header)
}

func (s *gcmSuite) openRTP(dst, packet []byte, header int, index uint64) ([]byte, error) {
	if len(packet) < header+gcmTagSize {
		return dst, ErrMalformed
	}
	out := append(slices.Grow(dst, len(packet)), packet[:header]...)
	s.rtp.setNonce(binary.BigEndian.Uint32(packet[8:]), index)
	out, err := s.rtp.aead.Open(out, s.rtp.nonce[:], packet[header:], packet[:header])
	if err != nil {
		return dst, ErrAuthentication
	}
	return out, nil
}

// associate sets the data that is authenticated but not encrypted: what is in the clear, and
// the word with the index. https://www.rfc-editor.org/rfc/rfc7714#section-9.2
func (s *gcmSuite) associate(inClear []byte, word uint32) []byte {
	s.aad = append(s.aad[:0], inClear...)
	s.aad = binary.BigEndian.AppendUint32(s.aad, word)
	return s.aad
}

func (s *gcmSuite) sealRTCP(dst, packet []byte, index uint32) []byte {
	word := index | encryptedFlag
	aad := s.associate(packet[:rtcpHeaderSize], word)
	dst = append(slices.Grow(dst, len(packet)+gcmTagSize+indexSize), packet[:rtcpHeaderSize]...)
	s.rtcp.setNonce(binary.BigEndian.Uint32(packet[4:]), uint64(index))
	dst = s.rtcp.aead.Seal(dst, s.rtcp.nonce[:], packet[rtcpHeaderSize:], aad)
	return binary.BigEndian.AppendUint32(dst, word)
}

// rtcpIndex returns the word with the index, which in this suite is the packet's last.
func (s *gcmSuite) rtcpIndex(packet []byte) (word uint32, ok bool) {
	if len(packet) < rtcpHeaderSize+gcmTagSize+indexSize {
		return 0, false
	}
	return binary.BigEndian.Uint32(packet[len(packet)-indexSize:]), true
}

func (s *gcmSuite) openRTCP(dst, packet []byte, word uint32) ([]byte, error) {
	s.rtcp.setNonce(binary.BigEndian.Uint32(packet[4:]), uint64(word&^encryptedFlag))
	sealed := packet[:len(packet)-indexSize]
	inClear := rtcpHeaderSize
	if word&encryptedFlag == 0 {
		inClear = len(sealed) - gcmTagSize
	}
	aad := s.associate(sealed[:inClear], word)
	out := append(slices.Grow(dst, len(packet)), sealed[:inClear]...)
	out, err := s.rtcp.aead.Open(out, s.rtcp.nonce[:], sealed[inClear:], aad)
	if err != nil {
		return dst, ErrAuthentication
	}
	return out, nil
}
