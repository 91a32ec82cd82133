package srtp

import (
	"encoding/binary"
	"math/bits"

	"github.com/sansrtc/rtc/rtp"
)

// Config is what NewContext needs.
type Config struct {
	Profile Profile
	Master  MasterKey // copied

	// ReplayWindow is the number of latest RTP packets of an SSRC among which a repeated one
	// is recognised; older ones are refused. If zero, 512. It is rounded up to a power of
	// two between 64 and 32768. That of RTCP is 128.
	ReplayWindow int
	// MaxSSRCs bounds the state: 0.2 KiB for an SSRC with the default window. If zero, 4096.
	MaxSSRCs int
}

const (
	defaultReplayWindow = 512
	minReplayWindow     = 64
	maxReplayWindow     = 1 << 15 // beyond half the sequence numbers there is no order
	defaultMaxSSRCs     = 4096
)

// maxPacketSize is more than a datagram holds. In counter mode a packet of 1 MiB would run
// into the key stream of the next.
const maxPacketSize = 1 << 16

// A Context protects the packets of one direction: use it either to encrypt or to decrypt.
// It is not safe for concurrent use.
//
// The state of an SSRC is made when a packet has been encrypted, or decrypted and found
// authentic, and so nobody without the keys can make it grow. An encrypting context keeps
// the state of every SSRC, since its loss could lead to the reuse of a packet index. A
// decrypting one that is full drops the SSRC not heard of for longest, except those named
// by Keep.
type Context struct {
	suite     suite
	window    int // in words of 64
	max       int
	nextIndex uint32 // of the next SRTCP packet sent

	recent  [8]*stream // cache of streams, by a hash of the SSRC
	streams map[uint32]*stream
	lru     stream // a ring of the streams that may be dropped: lru.older is the newest

	// What most packets need is here and not in memory of its own: each piece takes time to find when it has left the
	// processor's caches.
	gcm   gcmSuite // suite points to it, if it is one
	first stream   // streams points to it, once there is one
}

// A suite does the cryptography of a profile. Each method appends to dst and returns it, or dst
// as it was with an error. The packet's header has been checked.
type suite interface {
	sealRTP(dst, header, payload []byte, index uint64) []byte
	openRTP(dst, packet []byte, header int, index uint64) ([]byte, error)
	sealRTCP(dst, packet []byte, index uint32) []byte
	rtcpIndex(packet []byte) (word uint32, ok bool)
	openRTCP(dst, packet []byte, word uint32) ([]byte, error)
}

// A stream is the state of one SSRC.
type stream struct {
	ssrc         uint32
	roc          uint32 // rollover counter before the first packet
	rtp, rtcp    window
	rtpBits      [defaultReplayWindow / 64]uint64 // of a window that is not larger
	rtcpBits     [2]uint64
	sent         bool    // packets have been encrypted: must never be dropped
	newer, older *stream // in the ring Context.lru; nil: must not be dropped
}

// NewContext returns the context of one direction. It returns ErrProfile, ErrKeys or ErrFIPS.
func NewContext(cfg Config) (*Context, error) {
	c := &Context{}
	if err := c.init(cfg); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Context) init(cfg Config) error {
	size := cfg.ReplayWindow
	if size == 0 {
		size = defaultReplayWindow
	}
	size = min(max(size, minReplayWindow), maxReplayWindow)
	*c = Context{
		window:    1 << bits.Len(uint(size-1)) / 64,
		max:       cfg.MaxSSRCs,
		nextIndex: firstIndex,
		streams:   make(map[uint32]*stream),
	}
	if c.max <= 0 {
		c.max = defaultMaxSSRCs
	}
	c.lru.newer, c.lru.older = &c.lru, &c.lru
	return c.derive(cfg.Profile, cfg.Master)
}

func (c *Context) derive(p Profile, master MasterKey) error {
	switch {
	case p.KeySize() == 0:
		return ErrProfile
	case len(master.Key) != p.KeySize() || len(master.Salt) != p.SaltSize():
		return ErrKeys
	}
	rtpKeys, err := deriveSession(p, master, labelRTPEncryption)
	if err != nil {
		return err
	}
	rtcpKeys, err := deriveSession(p, master, labelRTCPEncryption)
	if err != nil {
		return err
	}
	return c.setKeys(p, rtpKeys, rtcpKeys)
}

func (c *Context) setKeys(p Profile, rtpKeys, rtcpKeys sessionKeys) (err error) {
	if p == AEAD_AES_128_GCM || p == AEAD_AES_256_GCM {
		c.suite = &c.gcm
		return c.gcm.init(rtpKeys, rtcpKeys)
	}
	c.suite, err = newCMSuite(p.RTPOverhead(), rtpKeys, rtcpKeys)
	return err
}

// find returns the state of an SSRC, or nil.
func (c *Context) find(ssrc uint32) *stream {
	slot := &c.recent[ssrc*0x9E3779B1>>29]
	if s := *slot; s != nil && s.ssrc == ssrc {
		return s
	}
	s := c.streams[ssrc]
	if s != nil {
		*slot = s
	}
	return s
}

// hasRoom reports whether a stream can be added, if need be in place of another.
func (c *Context) hasRoom() bool { return len(c.streams) < c.max || c.lru.newer != &c.lru }

// add returns new state, for which hasRoom has said that there is room.
func (c *Context) add(ssrc uint32) *stream {
	if len(c.streams) >= c.max {
		oldest := c.lru.newer
		oldest.unlink()
		delete(c.streams, oldest.ssrc)
		if slot := &c.recent[oldest.ssrc*0x9E3779B1>>29]; *slot == oldest {
			*slot = nil
		}
	}
	s := &c.first
	if s.rtcp.bits != nil { // it is taken, or was
		s = &stream{}
	}
	s.ssrc = ssrc
	s.rtcp.bits = s.rtcpBits[:]
	c.streams[ssrc] = s
	return s
}

// unlink takes s out of the ring.
func (s *stream) unlink() {
	if s.newer != nil {
		s.newer.older, s.older.newer = s.older, s.newer
		s.newer, s.older = nil, nil
	}
}

// heard makes s the newest of the ring.
func (c *Context) heard(s *stream) {
	if c.lru.older == s {
		return
	}
	s.unlink()
	s.newer, s.older = &c.lru, c.lru.older
	s.newer.older, s.older.newer = s, s
}

// Keep makes room for an SSRC that has been signalled and sees to it that its state is not
// dropped. It returns ErrTooManySSRCs if MaxSSRCs are kept already.
func (c *Context) Keep(ssrc uint32) error {
	s := c.find(ssrc)
	if s == nil {
		if !c.hasRoom() {
			return ErrTooManySSRCs
		}
		s = c.add(ssrc)
	}
	s.unlink()
	return nil
}

// Release ends Keep: the state of the SSRC may be dropped from a decrypting context when room
// is needed.
func (c *Context) Release(ssrc uint32) {
	if s := c.find(ssrc); s != nil && !s.sent {
		c.heard(s)
	}
}

// SetROC sets the rollover counter of an SSRC whose packets begin in the middle of a stream,
// known by other means, and keeps the SSRC. It has no effect after the first packet.
// Without it the first packet has rollover counter zero.
func (c *Context) SetROC(ssrc, roc uint32) error {
	if err := c.Keep(ssrc); err != nil {
		return err
	}
	c.find(ssrc).roc = roc
	return nil
}

// rtpIndex returns the index of a packet of s, which may be nil, and whether it was used.
func (s *stream) rtpIndex(seq uint16) (index uint64, used bool) {
	if s == nil {
		return uint64(seq), false
	}
	if next := s.rtp.next; next > 0 && seq == uint16(next) { // in order, as most are
		return next, false
	}
	return s.guess(seq)
}

func (s *stream) guess(seq uint16) (index uint64, used bool) {
	index = s.rtp.guess(s.roc, seq)
	return index, s.rtp.used(index)
}

// addRTP marks the index of a packet.
func (c *Context) addRTP(s *stream, index uint64) {
	if s.rtp.bits == nil {
		s.openWindow(c.window)
	}
	s.rtp.add(index)
}

func (s *stream) openWindow(words int) {
	if s.rtp.bits = s.rtpBits[:min(words, len(s.rtpBits))]; words > len(s.rtpBits) {
		s.rtp.bits = make([]uint64, words)
	}
}

// AppendEncryptRTP appends the SRTP packet for an RTP packet to dst. It returns ErrReused for
// an SSRC and sequence number used before, whatever the packet: a second one would undo the
// protection of both. A sequence number too old for ReplayWindow counts as used.
//
// The packet may be behind dst in the same array, as in AppendEncryptRTP(b[:0], b); if there
// is room for Profile.RTPOverhead bytes behind it, it is encrypted in place. Any other
// overlap is not allowed. With an error, dst is returned as it was.
func (c *Context) AppendEncryptRTP(dst, packet []byte) ([]byte, error) {
	n, err := rtp.HeaderSize(packet)
	if err != nil {
		return dst, ErrMalformed
	}
	return c.encryptRTP(dst, packet[:n], packet[n:])
}

// AppendEncryptRTPPayload is AppendEncryptRTP for a packet of which header and payload lie apart, such as a payload that
// goes to many. Neither may be in the array of dst.
func (c *Context) AppendEncryptRTPPayload(dst, header, payload []byte) ([]byte, error) {
	if n, err := rtp.HeaderSize(header); err != nil || n != len(header) {
		return dst, ErrMalformed
	}
	return c.encryptRTP(dst, header, payload)
}

func (c *Context) encryptRTP(dst, header, payload []byte) ([]byte, error) {
	if len(header)+len(payload) > maxPacketSize {
		return dst, ErrMalformed
	}
	ssrc := binary.BigEndian.Uint32(header[8:])
	s := c.find(ssrc)
	index, used := s.rtpIndex(binary.BigEndian.Uint16(header[2:]))
	switch {
	case used:
		return dst, ErrReused
	case index > maxIndex:
		return dst, ErrExhausted
	case s == nil && len(c.streams) >= c.max:
		return dst, ErrTooManySSRCs
	case s == nil:
		s = c.add(ssrc)
	}
	s.unlink()
	s.sent = true
	c.addRTP(s, index)
	return c.suite.sealRTP(dst, header, payload, index), nil
}

// AppendDecryptRTP appends the RTP packet in an SRTP packet to dst. The packet may be behind
// dst in the same array, as in AppendDecryptRTP(b[:0], b), and is decrypted in place then; any
// other overlap is not allowed. With an error, dst is returned as it was, except that the
// bytes of a packet in place may be lost. Up to len(packet) bytes of dst's capacity are used.
func (c *Context) AppendDecryptRTP(dst, packet []byte) ([]byte, error) {
	header, err := rtp.HeaderSize(packet)
	if err != nil || len(packet) > maxPacketSize {
		return dst, ErrMalformed
	}
	ssrc := binary.BigEndian.Uint32(packet[8:])
	s := c.find(ssrc)
	index, used := s.rtpIndex(binary.BigEndian.Uint16(packet[2:]))
	if used || index > maxIndex {
		return dst, ErrReplayed
	}
	out, err := c.suite.openRTP(dst, packet, header, index)
	if err != nil {
		return dst, err
	}
	if s == nil || s != c.lru.older { // otherwise it was heard last, too
		if s, err = c.authenticated(s, ssrc); err != nil {
			return dst, err
		}
	}
	c.addRTP(s, index)
	return out, nil
}

// authenticated notes that an authentic packet came. If s is nil, it is the SSRC's first.
func (c *Context) authenticated(s *stream, ssrc uint32) (*stream, error) {
	if s == nil {
		if !c.hasRoom() {
			return nil, ErrTooManySSRCs
		}
		s = c.add(ssrc)
		c.heard(s)
	} else if s.newer != nil {
		c.heard(s)
	}
	return s, nil
}
