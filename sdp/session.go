package sdp

// Session is one session description (RFC 8866).
type Session struct {
	Origin Origin

	// Groups are the a=group lines (RFC 5888), in order.
	Groups []Group

	// ICELite says that the endpoint is a lite one (RFC 8839, 5.3).
	ICELite bool

	// ICEOptions are the session-level a=ice-options, such as "trickle".
	ICEOptions []string

	// ExtmapAllowMixed is the session-level a=extmap-allow-mixed (RFC 8285).
	ExtmapAllowMixed bool

	// Attributes are the session-level attributes this package does not know,
	// in order. They are written back as they are.
	Attributes []Attribute

	// Media are the sections, in the order of their m-lines.
	Media []Media
}

// Origin is the o= line without its constant parts. Username and Address are
// "-" and "127.0.0.1" when written from the zero value.
type Origin struct {
	Username string
	ID       uint64
	Version  uint64 // grows with every new description of a session
	Address  string
}

// Group is one a=group line: the sections named by their mids belong together.
type Group struct {
	Semantics string // "BUNDLE", "LS", …
	MIDs      []string
}

// Bundle is the semantics of the group of sections that share a transport.
const Bundle = "BUNDLE"

// Attribute is an a= line. An attribute without a value has an empty one.
type Attribute struct {
	Key, Value string
}

// MediaByMID returns the section with the given mid, or nil. The pointer is into
// s.Media.
func (s *Session) MediaByMID(mid string) *Media {
	if i := s.indexOf(mid); i >= 0 {
		return &s.Media[i]
	}
	return nil
}

// indexOf returns the index of the section with the given mid, or -1.
func (s *Session) indexOf(mid string) int {
	if mid == "" {
		return -1
	}
	for i := range s.Media {
		if s.Media[i].MID == mid {
			return i
		}
	}
	return -1
}
