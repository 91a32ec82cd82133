package codec

// noInfo is the Info of a payload that says nothing.
var noInfo = Info{PictureID: -1, TL0PICIDX: -1}

// Inspect returns what a payload says about its frame. It returns ErrMalformed for a payload
// that does not fit the format, and ErrUnsupported for a mode that is not supported.
func (f Format) Inspect(payload []byte) (Info, error) {
	switch f {
	case VP8:
		return inspectVP8(payload)
	case VP9:
		return inspectVP9(payload)
	case H264, H265:
		return inspectNAL(nalFormatOf(f), payload)
	case AV1:
		return inspectAV1(payload)
	case Opus, PCMU, PCMA, G722, RED, CN, TelephoneEvent:
		info := noInfo
		info.KeyFrame, info.Start = true, true
		return info, nil
	default:
		return noInfo, ErrUnknownFormat
	}
}
