package recorder

import (
	"encoding/binary"
	"slices"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
)

// describeAV1 reads the sequence header in front of a key frame.
func (t *Track) describeAV1(frame []byte) bool {
	header := sequenceHeader(frame)
	var h av1.SequenceHeader
	if header == nil || h.Unmarshal(header) != nil {
		return false
	}
	t.Width, t.Height = h.Width(), h.Height()
	t.Private = append(av1C(&h), header...)
	return true
}

// sequenceHeader returns the OBU of that type, or nil.
func sequenceHeader(frame []byte) []byte {
	const extended, sized = 4, 2 // bits of the header
	for b := frame; len(b) >= 2; {
		header := b[:1]
		if b[0]&extended != 0 { // by a byte that tells the layer
			header = []byte{b[0] &^ extended}
			b = b[1:]
		}
		length, n := binary.Uvarint(b[1:])
		if n <= 0 || header[0]&sized == 0 || length > uint64(len(b)-1-n) {
			return nil
		}
		size := 1 + n + int(length)
		if av1.OBUType(header[0]>>3&15) == av1.OBUTypeSequenceHeader {
			return slices.Concat(header, b[1:size])
		}
		b = b[size:]
	}
	return nil
}

// av1C makes the AV1CodecConfigurationRecord, up to the sequence header that ends it.
// https://aomediacodec.github.io/av1-isobmff/#av1codecconfigurationbox-syntax
func av1C(h *av1.SequenceHeader) []byte {
	var tier, level byte
	if len(h.SeqTier) > 0 {
		tier = bit(h.SeqTier[0], 7)
	}
	if len(h.SeqLevelIdx) > 0 {
		level = h.SeqLevelIdx[0]
	}
	c := &h.ColorConfig
	return []byte{
		0x81, // the version
		h.SeqProfile<<5 | level,
		tier | bit(c.HighBitDepth, 6) | bit(c.TwelveBit, 5) | bit(c.MonoChrome, 4) |
			bit(c.SubsamplingX, 3) | bit(c.SubsamplingY, 2) | byte(c.ChromaSamplePosition)&3,
		0, // a decoder may show the first picture at once
	}
}

func bit(set bool, place int) byte {
	if set {
		return 1 << place
	}
	return 0
}
