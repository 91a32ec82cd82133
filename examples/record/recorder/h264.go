package recorder

import (
	"bytes"
	"encoding/binary"
	"iter"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

// units returns the NAL units of a frame, which has start codes in front of them.
func units(frame []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for unit := range bytes.SplitSeq(frame, []byte{0, 0, 1}) {
			// What is left over are zeros: of a start code of four bytes, for one.
			if unit = bytes.TrimRight(unit, "\x00"); len(unit) > 0 && !yield(unit) {
				return
			}
		}
	}
}

// withLengths puts lengths in place of the start codes of a frame. Parameter sets stay, so that a decoder sees when
// they change.
func withLengths(frame []byte) []byte {
	b := make([]byte, 0, len(frame)+8)
	for unit := range units(frame) {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(unit))), unit...)
	}
	return b
}

// describeH264 reads the parameter sets in front of a key frame.
func (t *Track) describeH264(frame []byte) bool {
	var sequence, picture []byte
	for unit := range units(frame) {
		switch h264.NALUType(unit[0] & 0x1f) {
		case h264.NALUTypeSPS:
			sequence = unit
		case h264.NALUTypePPS:
			picture = unit
		}
	}
	var sps h264.SPS
	if len(sequence) < 4 || picture == nil || sps.Unmarshal(sequence) != nil {
		return false
	}
	t.Width, t.Height = sps.Width(), sps.Height()
	t.Private = avcC(&sps, sequence, picture)
	return true
}

// avcC makes the AVCDecoderConfigurationRecord of ISO/IEC 14496-15, section 5.3.3.1.
func avcC(sps *h264.SPS, sequence, picture []byte) []byte {
	const lengthSize = 4
	b := []byte{1, sequence[1], sequence[2], sequence[3], 0xfc | (lengthSize - 1), 0xe0 | 1}
	b = append(binary.BigEndian.AppendUint16(b, uint16(len(sequence))), sequence...)
	b = append(b, 1)
	b = append(binary.BigEndian.AppendUint16(b, uint16(len(picture))), picture...)
	switch sps.ProfileIdc {
	case 100, 110, 122, 144:
		b = append(b, 0xfc|byte(sps.ChromaFormatIdc), 0xf8|byte(sps.BitDepthLumaMinus8), 0xf8|byte(sps.BitDepthChromaMinus8), 0)
	}
	return b
}
