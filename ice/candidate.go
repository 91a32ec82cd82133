package ice

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
)

// A CandidateType says how an address was found (RFC 8445 section 5.1.1).
type CandidateType uint8

const (
	Host            CandidateType = iota // an address of the machine
	ServerReflexive                      // as a STUN server saw it
	PeerReflexive                        // as the peer saw it
	Relay                                // lent by a TURN server
)

// String returns the name used in candidate lines.
func (t CandidateType) String() string {
	switch t {
	case Host:
		return "host"
	case ServerReflexive:
		return "srflx"
	case PeerReflexive:
		return "prflx"
	case Relay:
		return "relay"
	}
	return "unknown"
}

// A TCPType says which side opens the connection (RFC 6544 section 4.5).
type TCPType uint8

const (
	TCPNone             TCPType = iota // a UDP candidate
	TCPActive                          // opens connections; its port means nothing
	TCPPassive                         // accepts connections
	TCPSimultaneousOpen                // both open at once
)

// String returns the name used in candidate lines, empty for TCPNone.
func (t TCPType) String() string {
	switch t {
	case TCPNone:
		return ""
	case TCPActive:
		return "active"
	case TCPPassive:
		return "passive"
	case TCPSimultaneousOpen:
		return "so"
	}
	return ""
}

// A Candidate is an address at which a peer may be reached. Either Addr or
// Hostname is set.
type Candidate struct {
	// Foundation is equal for candidates of one type, base address, protocol and
	// server. If empty in a local candidate, it is computed.
	Foundation string
	// Component is 1, or 0 for the same. Candidates of other components are
	// ignored.
	Component uint16
	Transport Transport
	// Priority is between 1 and 2³¹-1. If zero in a local candidate, it is
	// computed by the formula of RFC 8445 section 5.1.2.1.
	Priority uint32
	Type     CandidateType
	Addr     netip.AddrPort
	// Hostname stands for the address of a remote candidate until the caller has
	// resolved it, as ".local" names of browsers do. The port is Port.
	Hostname string
	// Port belongs to Hostname; it is not used when Addr is set.
	Port uint16
	// Base is where datagrams of a local candidate leave: the socket's address
	// for Host and ServerReflexive, the relayed address for Relay. If zero, Addr.
	// Not part of the text form.
	Base netip.AddrPort
	// Related is the address a reflexive or relayed candidate was derived from,
	// for diagnosis only. Optional.
	Related netip.AddrPort
	TCPType TCPType
	// Ufrag ties a remote candidate to a generation of credentials. Optional.
	Ufrag string
}

// Errors of ParseCandidate.
var (
	// ErrEndOfCandidates is returned for an empty candidate, by which a trickling
	// peer says that there are no more: call EndOfRemoteCandidates.
	ErrEndOfCandidates = errors.New("ice: empty candidate marks the end of candidates")
	ErrSyntax          = errors.New("ice: malformed candidate")
	ErrUnsupported     = errors.New("ice: candidate of unknown transport or type")
)

const maxCandidateLength = 1024

// ParseCandidate parses the candidate-attribute of RFC 8839 section 5.1, with or
// without "a=" in front and with or without "candidate:". Extensions that this
// package does not know are ignored. The result shares no memory with s beyond the
// strings in it.
func ParseCandidate(s string) (Candidate, error) {
	s = strings.TrimSpace(s)
	s = strings.TrimPrefix(s, "a=")
	s = strings.TrimPrefix(s, "candidate:")
	if s == "" {
		return Candidate{}, ErrEndOfCandidates
	}
	if len(s) > maxCandidateLength {
		return Candidate{}, ErrSyntax
	}
	f := strings.Fields(s)
	if len(f) < 8 || !strings.EqualFold(f[6], "typ") || !isICEString(f[0], 1, 32) {
		return Candidate{}, ErrSyntax
	}
	c := Candidate{Foundation: f[0]}
	component, err := strconv.ParseUint(f[1], 10, 16)
	if err != nil || component == 0 || component > 256 {
		return Candidate{}, ErrSyntax
	}
	c.Component = uint16(component)
	priority, err := strconv.ParseUint(f[3], 10, 32)
	if err != nil {
		return Candidate{}, ErrSyntax
	}
	c.Priority = uint32(priority)
	port, err := strconv.ParseUint(f[5], 10, 16)
	if err != nil {
		return Candidate{}, ErrSyntax
	}
	if addr, err := netip.ParseAddr(f[4]); err == nil {
		c.Addr = unmap(netip.AddrPortFrom(addr, uint16(port)))
	} else if isHostname(f[4]) {
		c.Hostname, c.Port = f[4], uint16(port)
	} else {
		return Candidate{}, ErrSyntax
	}
	if err := c.parseExtensions(f[8:]); err != nil {
		return Candidate{}, err
	}
	return c, c.parseKind(f[2], f[7])
}

// parseKind parses the transport and the type, which are open sets: a value that
// is merely unknown is told apart from bad syntax, so that callers can pass over it.
func (c *Candidate) parseKind(transport, typ string) error {
	switch strings.ToLower(transport) {
	case "udp":
		c.Transport = UDP
		c.TCPType = TCPNone
	case "tcp":
		c.Transport = TCP
		// "If the transport is TCP, the candidate-attribute MUST have a tcptype."
		// https://www.rfc-editor.org/rfc/rfc6544#section-4.5
		if c.TCPType == TCPNone {
			return ErrSyntax
		}
	default:
		return ErrUnsupported
	}
	switch strings.ToLower(typ) {
	case "host":
		c.Type = Host
	case "srflx":
		c.Type = ServerReflexive
	case "prflx":
		c.Type = PeerReflexive
	case "relay":
		c.Type = Relay
	default:
		return ErrUnsupported
	}
	return nil
}

// parseExtensions parses the pairs of name and value after the type.
func (c *Candidate) parseExtensions(f []string) error {
	if len(f)%2 != 0 {
		return ErrSyntax
	}
	var related netip.Addr
	var relatedPort uint64
	for ; len(f) > 0; f = f[2:] {
		value := f[1]
		switch strings.ToLower(f[0]) {
		case "raddr":
			// A hostname or a placeholder tells nothing, and is not an error.
			related, _ = netip.ParseAddr(value)
		case "rport":
			var err error
			if relatedPort, err = strconv.ParseUint(value, 10, 16); err != nil {
				return ErrSyntax
			}
		case "tcptype":
			switch strings.ToLower(value) {
			case "active":
				c.TCPType = TCPActive
			case "passive":
				c.TCPType = TCPPassive
			case "so":
				c.TCPType = TCPSimultaneousOpen
			default:
				return ErrSyntax
			}
		case "ufrag":
			if !isICEString(value, 1, 256) {
				return ErrSyntax
			}
			c.Ufrag = value
		}
	}
	if related.IsValid() {
		c.Related = unmap(netip.AddrPortFrom(related, uint16(relatedPort)))
	}
	return nil
}

// String returns the text form, beginning with "candidate:".
func (c Candidate) String() string { return string(c.AppendText(nil)) }

// AppendText appends what String returns to dst.
func (c Candidate) AppendText(dst []byte) []byte {
	dst = append(dst, "candidate:"...)
	if c.Foundation == "" {
		dst = append(dst, '0')
	}
	dst = append(dst, c.Foundation...)
	dst = append(dst, ' ')
	dst = strconv.AppendUint(dst, uint64(max(c.Component, 1)), 10)
	dst = append(dst, ' ')
	dst = append(dst, c.Transport.String()...)
	dst = append(dst, ' ')
	dst = strconv.AppendUint(dst, uint64(c.Priority), 10)
	dst = append(dst, ' ')
	port := c.Addr.Port()
	if c.Hostname != "" && !c.Addr.IsValid() {
		dst = append(dst, c.Hostname...)
		port = c.Port
	} else {
		// A zone means something on this machine only.
		dst = c.Addr.Addr().WithZone("").AppendTo(dst)
	}
	dst = append(dst, ' ')
	dst = strconv.AppendUint(dst, uint64(port), 10)
	dst = append(dst, " typ "...)
	dst = append(dst, c.Type.String()...)
	if c.Related.IsValid() {
		dst = append(dst, " raddr "...)
		dst = c.Related.Addr().WithZone("").AppendTo(dst)
		dst = append(dst, " rport "...)
		dst = strconv.AppendUint(dst, uint64(c.Related.Port()), 10)
	}
	if c.Transport == TCP {
		dst = append(dst, " tcptype "...)
		dst = append(dst, c.TCPType.String()...)
	}
	if c.Ufrag != "" {
		dst = append(dst, " ufrag "...)
		dst = append(dst, c.Ufrag...)
	}
	return dst
}

// isICEString reports whether s consists of ice-chars only: ALPHA / DIGIT / "+" / "/".
// https://www.rfc-editor.org/rfc/rfc8839#section-5.1
func isICEString(s string, shortest, longest int) bool {
	if len(s) < shortest || len(s) > longest {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '+', c == '/':
		default:
			return false
		}
	}
	return true
}

// isHostname reports whether s can be a domain name: letters, digits, hyphens,
// underscores and dots, with at least one letter.
func isHostname(s string) bool {
	if len(s) == 0 || len(s) > 253 {
		return false
	}
	letter := false
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
			letter = true
		case '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return letter
}
