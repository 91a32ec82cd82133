package codec

import (
	"bytes"
	"encoding/binary"
)

// A nalFormat is what is different between the payload formats of H.264 and H.265, of which
// one is modelled on the other.
type nalFormat struct {
	headerSize  int
	typeMask    byte // of the unit's type in a fragment header
	aggregation byte // the type of packets of several units: STAP-A, AP
	fragment    byte // the type of packets of a part of a unit: FU-A, FU
	recovery    bool // a recovery point can take the place of an IDR picture

	classOf func(nalType byte) nalClass
}

// A nalClass is what a NAL unit is to a depacketizer.
type nalClass uint8

const (
	nalInvalid     nalClass = iota // not for a byte stream
	nalUnsupported                 // packets of modes that are not supported
	nalOther                       // of no interest
	nalSEI                         // supplemental enhancement information
	nalSlice                       // a part of a picture
	nalKeySlice                    // a part of a picture at which decoding can start
	nalVPS                         // parameter sets
	nalSPS
	nalPPS
)

func (c nalClass) slice() bool        { return c == nalSlice || c == nalKeySlice }
func (c nalClass) parameterSet() bool { return c >= nalVPS }

func nalFormatOf(f Format) *nalFormat {
	if f == H264 {
		return &h264
	}
	return &h265
}

// typeOf returns the type in a header.
func (n *nalFormat) typeOf(nal []byte) byte {
	if n.headerSize == 1 {
		return nal[0] & 0x1f
	}
	return nal[0] >> 1 & 0x3f
}

// class returns the class of a unit, which may have come without its end.
func (n *nalFormat) class(nal []byte) nalClass {
	if len(nal) < n.headerSize || n.headerSize == 2 && nal[1]&7 == 0 {
		return nalInvalid // "A TID value of 0 is illegal"
	}
	return n.classOf(n.typeOf(nal))
}

// fragmentHeader returns the header of the unit that a packet of a fragment is a part of.
func (n *nalFormat) fragmentHeader(payload []byte) [2]byte {
	nalType := payload[n.headerSize] & n.typeMask
	if n.headerSize == 1 {
		return [2]byte{payload[0]&0xe0 | nalType}
	}
	return [2]byte{payload[0]&0x81 | nalType<<1, payload[1]}
}

// firstSlice reports whether a slice, given from behind its header, is the first of its
// picture. In both formats a bit says so: first_slice_segment_in_pic_flag of H.265, and
// first_mb_in_slice of H.264, whose code for zero is a 1.
func firstSlice(body []byte) bool { return len(body) > 0 && body[0]&0x80 != 0 }

// nextAggregated returns the first unit of an aggregation packet and what is behind it, or
// nil if that is not a unit.
func nextAggregated(b []byte) (nal, rest []byte) {
	if len(b) < 2 {
		return nil, nil
	}
	size := int(binary.BigEndian.Uint16(b))
	b = b[2:]
	if size == 0 || size > len(b) {
		return nil, nil
	}
	return b[:size], b[size:]
}

// startCode precedes each unit in a byte stream. The first zero may be missing.
var startCode = []byte{0, 0, 0, 1}

// nextNAL returns the first unit of a byte stream and what is behind it, or nil if there is
// none. Empty units are passed over.
func nextNAL(b []byte) (nal, rest []byte) {
	for {
		at := bytes.Index(b, startCode[1:])
		if at < 0 {
			return nil, nil
		}
		b = b[at+3:]
		end := bytes.Index(b, startCode[1:])
		if end < 0 {
			end = len(b)
		}
		// Zeros before a start code and at the end are not a part of the unit, which never
		// ends with one.
		nal, b = bytes.TrimRight(b[:end], "\x00"), b[end:]
		if len(nal) > 0 {
			return nal, b
		}
	}
}

// inspectNAL looks at a payload of H.264 or H.265.
func inspectNAL(n *nalFormat, payload []byte) (Info, error) {
	info := noInfo
	class := n.class(payload)
	if class == nalUnsupported {
		return info, ErrUnsupported
	}
	if len(payload) < n.headerSize {
		return info, ErrMalformed
	}
	// nal_ref_idc of H.264, which packets take from the units in them.
	info.Discardable = n.headerSize == 1 && payload[0]&0x60 == 0
	if n.headerSize == 2 {
		if payload[1]&7 == 0 {
			return noInfo, ErrMalformed
		}
		info.SpatialID = layerID(payload)
		info.TemporalID = payload[1]&7 - 1
	}
	body := payload[n.headerSize:]
	switch n.typeOf(payload) {
	case n.aggregation:
		if len(body) == 0 {
			return noInfo, ErrMalformed
		}
		for len(body) > 0 {
			var nal []byte
			nal, body = nextAggregated(body)
			class := n.class(nal)
			if class <= nalUnsupported {
				return noInfo, ErrMalformed
			}
			info.see(class, nal[n.headerSize:])
		}
	case n.fragment:
		if len(body) < 2 {
			return noInfo, ErrMalformed
		}
		header := n.fragmentHeader(payload)
		class := n.class(header[:n.headerSize])
		if class <= nalUnsupported {
			return noInfo, ErrMalformed
		}
		if body[0]&fragmentStart != 0 {
			info.see(class, body[1:])
		}
	default:
		if class == nalInvalid {
			return noInfo, ErrMalformed
		}
		info.see(class, body)
	}
	return info, nil
}

// see adds a unit, given from behind its header, to what is known of a packet.
func (i *Info) see(class nalClass, body []byte) {
	first := class.slice() && firstSlice(body)
	set := class == nalVPS || class == nalSPS
	i.Start = i.Start || first || set
	// Parameter sets announce a key frame: who waits for it needs them.
	i.KeyFrame = i.KeyFrame || set || class == nalKeySlice && first
}
