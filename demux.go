package rtc

// packetClass is what the first byte of a datagram says it is.
type packetClass uint8

const (
	classUnknown packetClass = iota
	classSTUN
	classDTLS
	classRTP // and RTCP
)

// classify tells the protocols that share one address pair apart.
// https://www.rfc-editor.org/rfc/rfc7983#section-7
// https://www.rfc-editor.org/rfc/rfc9443#section-2 keeps these ranges. ZRTP, TURN
// channels and QUIC do not occur here, so their ranges are unknown to us.
func classify(b []byte) packetClass {
	if len(b) == 0 {
		return classUnknown
	}
	switch first := b[0]; {
	case first <= 3:
		return classSTUN
	case first >= 20 && first <= 63:
		return classDTLS
	case first >= 128 && first <= 191:
		return classRTP
	default:
		return classUnknown
	}
}

func (c packetClass) String() string {
	switch c {
	case classSTUN:
		return "STUN"
	case classDTLS:
		return "DTLS"
	case classRTP:
		return "RTP"
	default:
		return "unknown"
	}
}
