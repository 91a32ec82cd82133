package sctp

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// A state cookie holds all that is needed to establish the association, so
// that an INIT costs no memory (RFC 9260 section 5.1.3). It consists of plain
// numbers and their HMAC-SHA256 under a key of this association; it holds
// nothing of our memory, and nobody else can make one.
const (
	cookieVersion  = 1
	cookieBody     = 1 + 1 + 8 + 7*4 + 2*2
	cookieSize     = cookieBody + sha256.Size
	cookieLifetime = 60 * time.Second
)

type stateCookie struct {
	made               instant
	localTag, peerTag  uint32
	localTSN, peerTSN  uint32
	window             uint32
	tieLocal, tiePeer  uint32 // the tags of the association that stood when it was made
	outbound, inbound  uint16
	forwardTSN, reconf bool
}

func (a *Association) appendCookie(b []byte, c *stateCookie) []byte {
	start := len(b)
	flags := byte(0)
	if c.forwardTSN {
		flags |= 1
	}
	if c.reconf {
		flags |= 2
	}
	b = append(b, cookieVersion, flags)
	b = binary.BigEndian.AppendUint64(b, uint64(c.made))
	for _, v := range [...]uint32{c.localTag, c.peerTag, c.localTSN, c.peerTSN, c.window, c.tieLocal, c.tiePeer} {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	b = binary.BigEndian.AppendUint16(b, c.outbound)
	b = binary.BigEndian.AppendUint16(b, c.inbound)
	mac := hmac.New(sha256.New, a.cookieKey[:])
	mac.Write(b[start:])
	return mac.Sum(b)
}

// openCookie reads a cookie of ours. It is false for any other.
func (a *Association) openCookie(b []byte) (c stateCookie, ok bool) {
	if len(b) != cookieSize || b[0] != cookieVersion {
		return c, false
	}
	mac := hmac.New(sha256.New, a.cookieKey[:])
	mac.Write(b[:cookieBody])
	if !hmac.Equal(mac.Sum(nil), b[cookieBody:]) {
		return c, false
	}
	c.forwardTSN, c.reconf = b[1]&1 != 0, b[1]&2 != 0
	c.made = instant(binary.BigEndian.Uint64(b[2:]))
	for i, v := range [...]*uint32{&c.localTag, &c.peerTag, &c.localTSN, &c.peerTSN, &c.window, &c.tieLocal, &c.tiePeer} {
		*v = binary.BigEndian.Uint32(b[10+4*i:])
	}
	c.outbound = binary.BigEndian.Uint16(b[38:])
	c.inbound = binary.BigEndian.Uint16(b[40:])
	return c, true
}
