package srtp

import (
	"crypto/fips140"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"hash"
	"slices"
)

// cmSuite is AES in counter mode with HMAC-SHA1.
// https://www.rfc-editor.org/rfc/rfc3711#section-4
type cmSuite struct {
	rtp     counterMode
	rtcp    blockCounter
	rtpMAC  mac
	rtcpMAC mac
	tagSize int // of RTP
}

func newCMSuite(tagSize int, rtpKeys, rtcpKeys sessionKeys) (*cmSuite, error) {
	if fips140.Enforced() {
		return nil, ErrFIPS
	}
	s := &cmSuite{tagSize: tagSize}
	if err := s.rtp.init(rtpKeys); err != nil {
		return nil, err
	}
	if err := s.rtcp.init(rtcpKeys); err != nil {
		return nil, err
	}
	s.rtpMAC.init(rtpKeys.authentication)
	s.rtcpMAC.init(rtcpKeys.authentication)
	return s, nil
}

// mac is HMAC-SHA1 with one key. It holds the hash state after the key, so that a packet
// costs no set-up and no allocation.
type mac struct {
	h    hash.Hash
	tail [indexSize]byte
	sum  [sha1.Size]byte
}

func (m *mac) init(key []byte) {
	m.h = hmac.New(sha1.New, key)
	m.h.Reset() // keeps the state after the key from here on
}

// compute returns the authenticator of the data and a word behind it: the rollover counter for
// RTP, index and E flag for RTCP. https://www.rfc-editor.org/rfc/rfc3711#section-4.2
func (m *mac) compute(data []byte, word uint32) []byte {
	binary.BigEndian.PutUint32(m.tail[:], word)
	m.h.Reset()
	m.h.Write(data)
	m.h.Write(m.tail[:])
	return m.h.Sum(m.sum[:0])
}

func (s *cmSuite) sealRTP(dst, header, payload []byte, index uint64) []byte {
	start := len(dst)
	ssrc := binary.BigEndian.Uint32(header[8:])
	body := start + len(header)
	end := body + len(payload)
	dst = append(slices.Grow(dst, len(header)+len(payload)+s.tagSize), header...)
	s.rtp.xor(dst[body:end+s.tagSize], payload, ssrc, index)
	dst = dst[:end]
	return append(dst, s.rtpMAC.compute(dst[start:], uint32(index>>16))[:s.tagSize]...)
}

func (s *cmSuite) openRTP(dst, packet []byte, header int, index uint64) ([]byte, error) {
	n := len(packet) - s.tagSize
	if n < header {
		return dst, ErrMalformed
	}
	tag := s.rtpMAC.compute(packet[:n], uint32(index>>16))[:s.tagSize]
	if !hmac.Equal(tag, packet[n:]) {
		return dst, ErrAuthentication
	}
	start := len(dst)
	ssrc := binary.BigEndian.Uint32(packet[8:])
	dst = append(slices.Grow(dst, len(packet)), packet[:header]...)
	// The room behind the payload is that of the tag, which is done with.
	s.rtp.xor(dst[start+header:start+len(packet)], packet[header:n], ssrc, index)
	return dst[:start+n], nil
}

func (s *cmSuite) sealRTCP(dst, packet []byte, index uint32) []byte {
	start, end := len(dst), len(dst)+len(packet)
	ssrc, word := binary.BigEndian.Uint32(packet[4:]), index|encryptedFlag
	dst = append(slices.Grow(dst, len(packet)+indexSize+cmTagSize), packet[:rtcpHeaderSize]...)
	s.rtcp.xor(dst[start+rtcpHeaderSize:end], packet[rtcpHeaderSize:], ssrc, uint64(index), 0)
	dst = dst[:end]
	tag := s.rtcpMAC.compute(dst[start:], word)[:cmTagSize]
	return append(binary.BigEndian.AppendUint32(dst, word), tag...)
}

// rtcpIndex returns the word with the index, which is before the tag.
// https://www.rfc-editor.org/rfc/rfc3711#section-3.4
func (s *cmSuite) rtcpIndex(packet []byte) (word uint32, ok bool) {
	n := len(packet) - cmTagSize - indexSize
	if n < rtcpHeaderSize {
		return 0, false
	}
	return binary.BigEndian.Uint32(packet[n:]), true
}

func (s *cmSuite) openRTCP(dst, packet []byte, word uint32) ([]byte, error) {
	n := len(packet) - cmTagSize - indexSize
	tag := s.rtcpMAC.compute(packet[:n], word)[:cmTagSize]
	if !hmac.Equal(tag, packet[n+indexSize:]) {
		return dst, ErrAuthentication
	}
	if word&encryptedFlag == 0 {
		return append(dst, packet[:n]...), nil
	}
	start := len(dst)
	ssrc := binary.BigEndian.Uint32(packet[4:])
	dst = append(slices.Grow(dst, n), packet[:rtcpHeaderSize]...)
	s.rtcp.xor(dst[start+rtcpHeaderSize:start+n], packet[rtcpHeaderSize:n], ssrc, uint64(word&^encryptedFlag), 0)
	return dst[:start+n], nil
}
