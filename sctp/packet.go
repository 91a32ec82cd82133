package sctp

import (
	"encoding/binary"
	"hash/crc32"
)

// chunkType is the type of a chunk (RFC 9260 section 3.2).
type chunkType uint8

const (
	chunkData             chunkType = 0
	chunkInit             chunkType = 1
	chunkInitAck          chunkType = 2
	chunkSack             chunkType = 3
	chunkHeartbeat        chunkType = 4
	chunkHeartbeatAck     chunkType = 5
	chunkAbort            chunkType = 6
	chunkShutdown         chunkType = 7
	chunkShutdownAck      chunkType = 8
	chunkError            chunkType = 9
	chunkCookieEcho       chunkType = 10
	chunkCookieAck        chunkType = 11
	chunkShutdownComplete chunkType = 14
	chunkReconfig         chunkType = 0x82 // RFC 6525
	chunkForwardTSN       chunkType = 0xC0 // RFC 3758
)

// Flags of the DATA chunk, and of ABORT and SHUTDOWN COMPLETE.
const (
	flagEnd       = 1 << 0
	flagBegin     = 1 << 1
	flagUnordered = 1 << 2
	flagImmediate = 1 << 3 // RFC 7053

	flagReflectedTag = 1 << 0 // the T bit
)

const (
	headerSize  = 12
	chunkHeader = 4
	dataHeader  = 16 // of a DATA chunk, with its chunk header
	sackHeader  = 16
	paramHeader = 4
	initFixed   = 16 // of INIT and INIT ACK, without the chunk header
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	zeroWord   = [4]byte{}
)

// checksum returns the CRC32c of a packet, its checksum field taken as zero
// (RFC 9260 appendix A). It goes on the wire in little-endian order.
func checksum(b []byte) uint32 {
	c := crc32.Update(0, castagnoli, b[:8])
	c = crc32.Update(c, castagnoli, zeroWord[:])
	return crc32.Update(c, castagnoli, b[headerSize:])
}

func appendHeader(b []byte, src, dst uint16, tag uint32) []byte {
	b = binary.BigEndian.AppendUint16(b, src)
	b = binary.BigEndian.AppendUint16(b, dst)
	b = binary.BigEndian.AppendUint32(b, tag)
	return append(b, 0, 0, 0, 0)
}

// sealPacket fills in the checksum of the packet that begins at b[start].
func sealPacket(b []byte, start int) {
	binary.LittleEndian.PutUint32(b[start+8:], checksum(b[start:]))
}

// appendChunkHeader starts a chunk; endChunk sets its length and pads it.
func appendChunkHeader(b []byte, t chunkType, flags uint8) []byte {
	return append(b, byte(t), flags, 0, 0)
}

func endChunk(b []byte, start int) []byte {
	binary.BigEndian.PutUint16(b[start+2:], uint16(len(b)-start))
	return pad(b, start)
}

// pad fills up with zeros to a multiple of four bytes after start.
func pad(b []byte, start int) []byte {
	for (len(b)-start)&3 != 0 {
		b = append(b, 0)
	}
	return b
}

// padded is n rounded up to a multiple of four.
func padded(n int) int { return (n + 3) &^ 3 }

// chunk is one chunk of a packet: a view of its bytes.
type chunk struct {
	typ   chunkType
	flags uint8
	value []byte // without header and padding
	raw   []byte // with the header, without padding
}

// consumeChunk takes the first chunk off b. n is the number of bytes taken,
// padding included; n < 0 if b does not begin with a whole chunk.
func consumeChunk(b []byte) (c chunk, n int) {
	if len(b) < chunkHeader {
		return c, -1
	}
	length := int(binary.BigEndian.Uint16(b[2:]))
	n = padded(length)
	if length < chunkHeader || n > len(b) {
		return c, -1
	}
	return chunk{chunkType(b[0]), b[1], b[chunkHeader:length:length], b[:length:length]}, n
}

// consumeParam takes the first parameter, or error cause, off b. "The total
// length of a parameter MUST be a multiple of 4 bytes", but the padding of the
// last one belongs to the chunk and is not in its value (RFC 9260 section
// 3.2.1, https://www.rfc-editor.org/rfc/rfc9260#section-3.2.1).
func consumeParam(b []byte) (typ uint16, value []byte, n int) {
	if len(b) < paramHeader {
		return 0, nil, -1
	}
	length := int(binary.BigEndian.Uint16(b[2:]))
	if length < paramHeader || length > len(b) {
		return 0, nil, -1
	}
	return binary.BigEndian.Uint16(b), b[paramHeader:length:length], min(padded(length), len(b))
}

func appendParam(b []byte, typ uint16, value []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, typ)
	b = binary.BigEndian.AppendUint16(b, uint16(paramHeader+len(value)))
	start := len(b)
	b = append(b, value...)
	return pad(b, start)
}

// wellFramed reports whether the chunks of a packet, the header cut off, are
// all whole, and long enough for their fixed parts. It is asked before the
// first chunk is acted on, so that a packet cut short changes nothing.
func wellFramed(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	for len(b) > 0 {
		c, n := consumeChunk(b)
		if n < 0 || len(c.value) < minValue(c.typ) {
			return false
		}
		b = b[n:]
	}
	return true
}

// minValue is the least size of a chunk's value.
func minValue(t chunkType) int {
	switch t {
	case chunkData:
		return dataHeader - chunkHeader
	case chunkInit, chunkInitAck:
		return initFixed
	case chunkSack:
		return sackHeader - chunkHeader
	case chunkShutdown, chunkForwardTSN:
		return 4
	case chunkHeartbeat, chunkHeartbeatAck, chunkReconfig:
		return paramHeader
	case chunkCookieEcho:
		return 1
	default:
		return 0
	}
}
