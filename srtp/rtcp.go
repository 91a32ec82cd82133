package srtp

import "encoding/binary"

const (
	rtcpHeaderSize = 8 // header and SSRC of the first packet of a compound, left in the clear
	encryptedFlag  = 1 << 31
	maxRTCPIndex   = 1<<31 - 1
	// firstIndex follows the other implementations; the RFC would allow zero.
	firstIndex = 1
)

func checkRTCP(packet []byte) bool {
	return len(packet) >= rtcpHeaderSize && len(packet) <= maxPacketSize && packet[0]>>6 == 2
}

// AppendEncryptRTCP appends the SRTCP packet for a compound RTCP packet, or one of reduced
// size, to dst. It needs room for Profile.RTCPOverhead bytes; memory is as for
// AppendEncryptRTP. It returns ErrExhausted after 2^31-1 packets.
//
// The index counts all packets of the context, which satisfies a receiver that counts those
// of each SSRC, and needs no state for them.
func (c *Context) AppendEncryptRTCP(dst, packet []byte) ([]byte, error) {
	switch {
	case !checkRTCP(packet):
		return dst, ErrMalformed
	case c.nextIndex > maxRTCPIndex:
		return dst, ErrExhausted
	}
	index := c.nextIndex
	c.nextIndex++
	return c.suite.sealRTCP(dst, packet, index), nil
}

// AppendDecryptRTCP appends the RTCP packet in an SRTCP packet to dst, as AppendDecryptRTP
// does. A packet that is authentic but, by its E flag, not encrypted is accepted.
func (c *Context) AppendDecryptRTCP(dst, packet []byte) ([]byte, error) {
	if !checkRTCP(packet) {
		return dst, ErrMalformed
	}
	word, ok := c.suite.rtcpIndex(packet)
	if !ok {
		return dst, ErrMalformed
	}
	ssrc, index := binary.BigEndian.Uint32(packet[4:]), uint64(word&^encryptedFlag)
	s := c.find(ssrc)
	if s != nil && s.rtcp.used(index) {
		return dst, ErrReplayed
	}
	out, err := c.suite.openRTCP(dst, packet, word)
	if err != nil {
		return dst, err
	}
	if s, err = c.authenticated(s, ssrc); err != nil {
		return dst, err
	}
	s.rtcp.add(index)
	return out, nil
}
