package codec

// h264 is the payload format of H.264 (RFC 6184), without the interleaved mode.
//
//	0..23  a NAL unit of its own
//	24     STAP-A: several units of one picture, each behind its size
//	28     FU-A: a part of a unit
//
// https://www.rfc-editor.org/rfc/rfc6184#section-5.2
var h264 = nalFormat{
	headerSize:  1,
	typeMask:    0x1f,
	aggregation: 24,
	fragment:    28,
	recovery:    true,
	classOf: func(nalType byte) nalClass {
		switch nalType {
		case 1, 2: // a slice; its partition A, which has the slice header
			return nalSlice
		case 5:
			return nalKeySlice // IDR
		case 6:
			return nalSEI
		case 7:
			return nalSPS
		case 8:
			return nalPPS
		case 25, 26, 27, 29: // STAP-B, MTAP16, MTAP24, FU-B
			return nalUnsupported
		case 0, 24, 28, 30, 31:
			return nalInvalid
		default:
			return nalOther
		}
	},
}

// isRecoveryPoint reports whether an SEI unit of H.264 says that decoding can start here
// with a correct picture: streams of open groups of pictures have that, and no IDR pictures
// after the first.
func isRecoveryPoint(sei []byte) bool {
	const recoveryPoint = 6
	b := sei[1:]
	for len(b) > 2 {
		var kind, size int
		if kind, b = consumeSEINumber(b); b == nil {
			return false
		}
		if size, b = consumeSEINumber(b); b == nil || size > len(b) {
			return false
		}
		if kind == recoveryPoint {
			// It begins with recovery_frame_cnt, whose code for zero is a 1.
			return size > 0 && b[0]&0x80 != 0
		}
		b = b[size:]
	}
	return false
}

// consumeSEINumber reads a number that is the sum of bytes up to one that is not 255. It
// returns a nil rest if there is none.
func consumeSEINumber(b []byte) (n int, rest []byte) {
	for i, v := range b {
		n += int(v)
		if v != 0xff {
			return n, b[i+1:]
		}
	}
	return 0, nil
}
