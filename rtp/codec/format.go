package codec

import "strings"

// A Format is an RTP payload format. The zero value is none.
type Format uint8

// The formats of the package.
const (
	VP8 Format = iota + 1
	VP9
	H264
	H265
	AV1
	Opus
	PCMU
	PCMA
	G722
	RED            // redundant audio, RFC 2198: frames are the payloads as they are
	CN             // comfort noise, RFC 3389: frames are the payloads as they are
	TelephoneEvent // RFC 4733: frames are the payloads as they are
)

// formatNames are the encoding names of rtpmap attributes.
var formatNames = [...]string{
	VP8: "VP8", VP9: "VP9", H264: "H264", H265: "H265", AV1: "AV1",
	Opus: "opus", PCMU: "PCMU", PCMA: "PCMA", G722: "G722",
	RED: "red", CN: "CN", TelephoneEvent: "telephone-event",
}

// FormatByName returns the format with an encoding name of a session description, in any
// case (RFC 4855 section 3), or zero.
func FormatByName(name string) Format {
	for f, known := range formatNames {
		if known != "" && strings.EqualFold(name, known) {
			return Format(f)
		}
	}
	return 0
}

// String returns the encoding name, or "unknown".
func (f Format) String() string {
	if f.valid() {
		return formatNames[f]
	}
	return "unknown"
}

// Video reports whether the frames of the format are pictures, of which some depend on
// earlier ones.
func (f Format) Video() bool { return f >= VP8 && f <= AV1 }

func (f Format) valid() bool { return f > 0 && int(f) < len(formatNames) }
