package codec

// h265 is the payload format of H.265 (RFC 7798), for streams that are sent in decoding
// order: sprop-max-don-diff is 0 or absent, so that there are no decoding order numbers.
//
//	0..47  a NAL unit of its own
//	48     AP: several units of one picture, each behind its size
//	49     FU: a part of a unit
//	50     PACI: not supported
//
// https://www.rfc-editor.org/rfc/rfc7798#section-4.4
var h265 = nalFormat{
	headerSize:  2,
	typeMask:    0x3f,
	aggregation: 48,
	fragment:    49,
	classOf: func(nalType byte) nalClass {
		switch {
		case nalType >= 16 && nalType <= 21: // BLA, IDR, CRA
			return nalKeySlice
		case nalType < 32:
			return nalSlice
		case nalType == 32:
			return nalVPS
		case nalType == 33:
			return nalSPS
		case nalType == 34:
			return nalPPS
		case nalType == 39:
			return nalSEI
		case nalType < 48:
			return nalOther
		case nalType == 50:
			return nalUnsupported
		default:
			return nalInvalid
		}
	},
}
