package sdp

// Setup is the DTLS role an endpoint offers or takes (RFC 8842, RFC 4145).
type Setup uint8

const (
	SetupNone     Setup = iota // no a=setup line
	SetupActpass               // either role: what an offer says
	SetupActive                // DTLS client
	SetupPassive               // DTLS server
	SetupHoldconn              // no connection for now; not used by WebRTC
)

// Direction says who sends in an RTP section. The zero value, sendrecv, is also
// what a section without a direction means.
type Direction uint8

const (
	SendRecv Direction = iota
	SendOnly
	RecvOnly
	Inactive
)

// Fingerprint is the hash of a certificate (RFC 8122). Algorithm is in lower
// case, such as "sha-256".
type Fingerprint struct {
	Algorithm string
	Value     []byte
}

// Codec is one payload type of an RTP section with its a=rtpmap, a=fmtp and
// a=rtcp-fb lines.
type Codec struct {
	PayloadType uint8
	Name        string // encoding name as written; empty: the text has no a=rtpmap for it
	ClockRate   uint32 // Hz
	Channels    uint8  // zero: not given, which means one
	Fmtp        string // format parameters as written; empty: none
	Feedback    []Feedback
}

// Feedback is an RTCP feedback message (RFC 4585): {"nack", "pli"}.
type Feedback struct {
	Type, Parameter string
}

// Extmap gives a header extension its local identifier (RFC 8285).
type Extmap struct {
	ID         uint16
	Direction  Direction
	URI        string
	Attributes string // extension attributes as written; mostly empty
}

// MSID names a stream and a track in it (RFC 8830). Stream "-" means none.
type MSID struct {
	Stream, Track string
}

// SSRC is a synchronisation source announced by the sender (RFC 5576).
type SSRC struct {
	ID    uint32
	CNAME string
	MSID  string // the older way to name stream and track; empty: none
}

// SSRCGroup relates sources: FID pairs a source with its retransmissions.
type SSRCGroup struct {
	Semantics string
	SSRCs     []uint32
}

// RID is a restriction identifier: one encoding of a simulcast (RFC 8851).
type RID struct {
	ID           string
	Recv         bool        // the describing endpoint receives it; else it sends
	PayloadTypes []uint8     // nil: all
	Restrictions []Parameter // max-width=1280, …
}

// Parameter is a key with a value, such as max-width=1280.
type Parameter struct {
	Key, Value string
}

// Simulcast is an a=simulcast line (RFC 8853). The streams of each direction are
// in order of preference, each a list of alternatives.
type Simulcast struct {
	Send, Recv [][]SimulcastRID
}

// SimulcastRID is one alternative of a simulcast stream.
type SimulcastRID struct {
	ID     string
	Paused bool // initially paused
}

var setupNames = [...]string{"", "actpass", "active", "passive", "holdconn"}

// String returns the value of the attribute, empty for SetupNone.
func (s Setup) String() string {
	if int(s) < len(setupNames) {
		return setupNames[s]
	}
	return "invalid"
}

func parseSetup(s string) (Setup, bool) {
	for i, name := range setupNames {
		if i > 0 && s == name {
			return Setup(i), true
		}
	}
	return SetupNone, false
}

var directionNames = [...]string{"sendrecv", "sendonly", "recvonly", "inactive"}

// String returns the name of the attribute.
func (d Direction) String() string {
	if int(d) < len(directionNames) {
		return directionNames[d]
	}
	return "invalid"
}

func parseDirection(s string) (Direction, bool) {
	for i, name := range directionNames {
		if s == name {
			return Direction(i), true
		}
	}
	return SendRecv, false
}

// Sends reports whether the endpoint that describes itself so sends.
func (d Direction) Sends() bool { return d == SendRecv || d == SendOnly }

// Receives reports whether the endpoint that describes itself so receives.
func (d Direction) Receives() bool { return d == SendRecv || d == RecvOnly }

// Reverse returns the direction as the other endpoint sees it.
func (d Direction) Reverse() Direction {
	switch d {
	case SendOnly:
		return RecvOnly
	case RecvOnly:
		return SendOnly
	}
	return d
}

// Intersect returns what both directions allow, seen from the same side.
func (d Direction) Intersect(e Direction) Direction {
	send, receive := d.Sends() && e.Sends(), d.Receives() && e.Receives()
	switch {
	case send && receive:
		return SendRecv
	case send:
		return SendOnly
	case receive:
		return RecvOnly
	}
	return Inactive
}

// String returns the feedback as in an a=rtcp-fb line: "nack pli".
func (f Feedback) String() string {
	if f.Parameter == "" {
		return f.Type
	}
	return f.Type + " " + f.Parameter
}
