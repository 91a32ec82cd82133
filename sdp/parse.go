package sdp

import (
	"slices"
	"strconv"
	"strings"

	pion "github.com/pion/sdp/v3"
)

// Parse reads a session description of at most 1 MiB, 32,768 lines and 256
// m-lines. Lines may end in LF as well as in CRLF.
//
// A value that cannot be understood fails the description with a *ParseError,
// except where an RFC says to ignore it. Attributes, media types and transport
// protocols that are not known are kept.
func Parse(text string) (*Session, error) {
	src, err := newSource(text)
	if err != nil {
		return nil, err
	}
	var desc pion.SessionDescription
	if err := desc.UnmarshalString(src.text); err != nil {
		return nil, &ParseError{What: shorten(strings.TrimPrefix(err.Error(), "sdp: ")), Err: ErrSyntax}
	}
	// The grammar stops without complaint at the end of a text, even an empty one.
	if len(desc.TimeDescriptions) == 0 {
		return nil, &ParseError{What: "v=, o=, s= and t= lines are required", Err: ErrSyntax}
	}
	s := &Session{Origin: Origin{
		Username: or(desc.Origin.Username, "-"),
		ID:       desc.Origin.SessionID,
		Version:  desc.Origin.SessionVersion,
		Address:  desc.Origin.UnicastAddress,
	}}
	defaults := newSection(nil)
	for i, a := range desc.Attributes {
		if err := s.addAttribute(defaults, a.Key, a.Value); err != nil {
			return nil, &ParseError{src.attributeLine(-1, i), shorten("a=" + a.Key + ":" + a.Value), err}
		}
	}
	s.ICEOptions = defaults.ICEOptions
	s.ExtmapAllowMixed = defaults.ExtmapAllowMixed
	if len(desc.MediaDescriptions) > 0 {
		s.Media = make([]Media, 0, len(desc.MediaDescriptions))
	}
	for i, md := range desc.MediaDescriptions {
		m, err := parseMedia(src, i, md, defaults)
		if err != nil {
			return nil, err
		}
		s.Media = append(s.Media, *m)
	}
	if err := s.check(src); err != nil {
		return nil, err
	}
	return s, nil
}

// addAttribute reads a session-level attribute. What may stand at either level
// goes into defaults, from where the sections take it.
func (s *Session) addAttribute(defaults *section, key, value string) error {
	switch key {
	case "group":
		words := strings.Fields(value)
		if len(words) == 0 {
			return ErrValue
		}
		if len(s.Groups) == maxGroups || len(words)-1 > maxGroupMIDs {
			return ErrTooLarge
		}
		s.Groups = append(s.Groups, Group{words[0], words[1:]})
	case "ice-lite":
		s.ICELite = true
	case "ice-ufrag", "ice-pwd", "ice-options", "fingerprint", "setup", "tls-id",
		"sendrecv", "sendonly", "recvonly", "inactive", "extmap", "extmap-allow-mixed":
		return defaults.addAttribute(key, value)
	default:
		s.Attributes = append(s.Attributes, Attribute{key, value})
	}
	return nil
}

// check looks at what concerns several sections at once.
func (s *Session) check(src *source) error {
	mids := make(map[string]bool, len(s.Media))
	for i := range s.Media {
		mid := s.Media[i].MID
		if mid != "" && mids[mid] {
			return &ParseError{src.media[i].line, shorten("a=mid:" + mid), ErrDuplicate}
		}
		mids[mid] = true
	}
	// A section has one transport, hence at most one bundle.
	bundled := make(map[string]bool)
	for _, g := range s.Groups {
		if g.Semantics != Bundle {
			continue
		}
		for _, mid := range g.MIDs {
			if bundled[mid] {
				return &ParseError{0, shorten("mid " + mid + " bundled twice"), ErrDuplicate}
			}
			bundled[mid] = true
		}
	}
	return nil
}

func parseMedia(src *source, i int, md *pion.MediaDescription, defaults *section) (*Media, error) {
	line := src.media[i]
	sec := newSection(&Media{
		Kind:     line.kind,
		Protocol: line.protocol,
		Port:     uint16(md.MediaName.Port.Value), // the grammar checks the range
	})
	if err := sec.addFormats(md.MediaName.Formats); err != nil {
		return nil, &ParseError{line.line, shorten("m=" + line.kind), err}
	}
	for _, b := range md.Bandwidth {
		kind := b.Type
		if b.Experimental {
			kind = "X-" + kind
		}
		sec.Bandwidth = append(sec.Bandwidth, Bandwidth{kind, b.Bandwidth})
	}
	for k, a := range md.Attributes {
		if err := sec.addAttribute(a.Key, a.Value); err != nil {
			return nil, &ParseError{src.attributeLine(i, k), shorten("a=" + a.Key + ":" + a.Value), err}
		}
	}
	if err := sec.finish(defaults); err != nil {
		return nil, &ParseError{line.line, shorten("m=" + line.kind), err}
	}
	return &sec.Media, nil
}

// addFormats reads the formats of an m-line.
func (sec *section) addFormats(formats []string) error {
	if !sec.rtp() {
		sec.Formats = formats
		return nil
	}
	sec.Codecs = make([]Codec, 0, len(formats))
	for _, f := range formats {
		pt, err := parsePayloadType(f)
		if err != nil {
			return err
		}
		if sec.codec[pt] != 0 {
			return ErrDuplicate
		}
		sec.Codecs = append(sec.Codecs, staticCodec(pt))
		sec.codec[pt] = uint8(len(sec.Codecs))
	}
	return nil
}

func parsePayloadType(s string) (uint8, error) {
	pt, err := strconv.ParseUint(s, 10, 7)
	if err != nil {
		return 0, ErrValue
	}
	return uint8(pt), nil
}

// isToken reports whether s is a token of RFC 8866, section 9.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// shorten keeps a peer's text short enough for an error.
func shorten(s string) string {
	const most = 80
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ToValidUTF8(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, s), "?")
}

// appendUnique appends v unless list has it.
func appendUnique(list []string, v string) []string {
	if slices.Contains(list, v) {
		return list
	}
	return append(list, v)
}
