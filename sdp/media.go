package sdp

// Media is one section of a description: an m-line and what belongs to it.
//
// Attributes that were given at session level (credentials, fingerprints, setup,
// direction, extmaps, …) have been copied into every section without its own.
type Media struct {
	// Kind is the media type: "audio", "video", "application" or another.
	Kind string

	// Port of the m-line. Zero rejects the section, or, with BundleOnly in an
	// offer, allows it only inside the bundle.
	Port uint16

	// Protocol is the transport of the m-line, such as "UDP/TLS/RTP/SAVPF".
	Protocol string

	// Formats are the formats of the m-line. They are nil in an RTP section,
	// whose formats are the payload types of Codecs.
	Formats []string

	MID        string // identification tag (RFC 5888); empty: none
	BundleOnly bool   // a=bundle-only (RFC 9143)

	Transport

	// SCTPPort and MaxMessageSize belong to data channel sections (RFC 8841).
	// A MaxMessageSize of zero means that messages of any size can be received;
	// without a line in the text it is DefaultMaxMessageSize.
	SCTPPort       uint16
	MaxMessageSize uint64

	// The rest belongs to RTP sections.

	Direction        Direction
	RTCPMux          bool     // a=rtcp-mux (RFC 5761)
	RTCPMuxOnly      bool     // a=rtcp-mux-only (RFC 8858)
	RTCPRsize        bool     // a=rtcp-rsize (RFC 5506)
	RTCPXR           []string // a=rtcp-xr: extended reports wanted, such as "rcvr-rtt=all" (RFC 3611)
	ExtmapAllowMixed bool     // one- and two-byte header extensions mixed (RFC 8285)

	Codecs     []Codec     // in the order of the m-line: most wanted first
	Extmaps    []Extmap    // header extensions (RFC 8285)
	MSIDs      []MSID      // streams the track belongs to (RFC 8830); if no line says so, as SSRCs do
	SSRCs      []SSRC      // RFC 5576
	SSRCGroups []SSRCGroup // RFC 5576
	RIDs       []RID       // RFC 8851
	Simulcast  Simulcast   // RFC 8853

	// Bandwidth are the b= lines.
	Bandwidth []Bandwidth

	// Attributes are the attributes this package does not know, in order. They
	// are written back as they are.
	Attributes []Attribute
}

// Transport is what a section says about ICE and DTLS. With bundling, the
// section named first in the group speaks for all.
type Transport struct {
	ICEUfrag, ICEPwd string
	ICEOptions       []string

	// Candidates are the a=candidate lines without "a=", each beginning with
	// "candidate:". EndOfCandidates says that no more will follow.
	Candidates      []string
	EndOfCandidates bool

	Fingerprints []Fingerprint
	Setup        Setup
	TLSID        string // a=tls-id (RFC 8842); empty: none
}

// Bandwidth is a b= line, such as AS:300.
type Bandwidth struct {
	Type  string
	Value uint64
}

// DefaultMaxMessageSize is what a peer that names no a=max-message-size can
// receive (RFC 8841, section 6.1).
const DefaultMaxMessageSize = 65536

// DefaultSCTPPort is the port used when a data channel section names none.
const DefaultSCTPPort = 5000

// Rejected reports whether an offer or answer has given up the section: its port
// is zero, and it does not wait to be bundled.
func (m *Media) Rejected() bool { return m.Port == 0 && !m.BundleOnly }
