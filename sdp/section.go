package sdp

import (
	"slices"
	"strconv"
	"strings"
)

// section is a Media being read.
type section struct {
	Media

	directed bool              // has a direction of its own
	seen     map[string]string // attributes that may be given once
	codec    [128]uint8        // payload type → 1 + index into Codecs
	ssrc     map[uint32]int    // source → index into SSRCs
	wildcard []Feedback        // a=rtcp-fb:*
	maxSize  bool              // has a=max-message-size
}

func newSection(m *Media) *section {
	sec := &section{seen: make(map[string]string)}
	if m != nil {
		sec.Media = *m
	}
	return sec
}

// rtp reports whether the section carries RTP.
func (m *Media) rtp() bool {
	i := strings.LastIndexByte(m.Protocol, '/')
	if i < 0 || !strings.HasSuffix(m.Protocol[:i], "RTP") {
		return false
	}
	switch m.Protocol[i+1:] {
	case "AVP", "AVPF", "SAVP", "SAVPF":
		return true
	}
	return false
}

// addAttribute reads one attribute into the section.
func (sec *section) addAttribute(key, value string) error {
	switch key {
	case "mid", "ice-ufrag", "ice-pwd", "setup", "tls-id", "sctp-port", "max-message-size":
		if before, ok := sec.seen[key]; ok && before != value {
			return ErrDuplicate
		}
		sec.seen[key] = value
		return sec.addSingle(key, value)
	case "bundle-only":
		sec.BundleOnly = true
	case "ice-options":
		for _, option := range strings.Fields(value) {
			sec.ICEOptions = appendUnique(sec.ICEOptions, option)
		}
		if len(sec.ICEOptions) > maxOptions {
			return ErrTooLarge
		}
	case "candidate":
		if value == "" {
			return ErrValue
		}
		sec.Candidates = append(sec.Candidates, "candidate:"+value)
	case "end-of-candidates":
		sec.EndOfCandidates = true
	case "fingerprint":
		return sec.addFingerprint(value)
	case "sctpmap":
		return sec.addSCTPMap(value)
	case "sendrecv", "sendonly", "recvonly", "inactive":
		sec.Direction, _ = parseDirection(key)
		sec.directed = true
	case "extmap":
		return sec.addExtmap(value)
	case "extmap-allow-mixed":
		sec.ExtmapAllowMixed = true
	default:
		if sec.rtp() {
			return sec.addRTP(key, value)
		}
		sec.Attributes = append(sec.Attributes, Attribute{key, value})
	}
	return nil
}

// addSingle reads an attribute that is given once.
func (sec *section) addSingle(key, value string) error {
	switch key {
	case "mid":
		if !isToken(value) || len(value) > 255 {
			return ErrMID
		}
		sec.MID = value
	case "ice-ufrag":
		if !validICE(value, 4) {
			return ErrCredentials
		}
		sec.ICEUfrag = value
	case "ice-pwd":
		if !validICE(value, 22) {
			return ErrCredentials
		}
		sec.ICEPwd = value
	case "setup":
		setup, ok := parseSetup(value)
		if !ok {
			return ErrValue
		}
		sec.Setup = setup
	case "tls-id":
		if value == "" {
			return ErrValue
		}
		sec.TLSID = value
	case "sctp-port":
		port, err := strconv.ParseUint(value, 10, 16)
		if err != nil || port == 0 {
			return ErrValue
		}
		sec.SCTPPort = uint16(port)
	case "max-message-size":
		size, err := strconv.ParseUint(value, 10, 64)
		if err != nil {
			return ErrValue
		}
		sec.MaxMessageSize, sec.maxSize = size, true
	}
	return nil
}

// validICE reports whether s can be a user name fragment or password of at least
// the given length. RFC 8839, section 5.4 allows 256 ice-chars at most; the four
// others are seen in the wild and do no harm.
func validICE(s string, least int) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte("+/-#=_", c) >= 0:
		default:
			return false
		}
	}
	return least <= len(s) && len(s) <= 256
}

func (sec *section) addFingerprint(value string) error {
	f, err := ParseFingerprint(value)
	if err != nil {
		return err
	}
	if len(sec.Fingerprints) == maxFingerprints {
		return ErrTooLarge
	}
	sec.Fingerprints = append(sec.Fingerprints, f)
	return nil
}

// addSCTPMap reads the data channel description of before RFC 8841:
// "a=sctpmap:5000 webrtc-datachannel 1024" under "m=application 9 DTLS/SCTP 5000".
func (sec *section) addSCTPMap(value string) error {
	words := strings.Fields(value)
	if len(words) < 2 {
		return ErrValue
	}
	port, err := strconv.ParseUint(words[0], 10, 16)
	if err != nil || port == 0 {
		return ErrValue
	}
	if words[1] == dataChannelFormat && slices.Contains(sec.Formats, words[0]) {
		sec.SCTPPort = uint16(port)
	}
	return nil
}

// finish takes over what was given at session level and fills in defaults.
func (sec *section) finish(defaults *section) error {
	if sec.ICEUfrag == "" {
		sec.ICEUfrag = defaults.ICEUfrag
	}
	if sec.ICEPwd == "" {
		sec.ICEPwd = defaults.ICEPwd
	}
	if sec.ICEOptions == nil {
		sec.ICEOptions = slices.Clone(defaults.ICEOptions)
	}
	if sec.Fingerprints == nil {
		sec.Fingerprints = slices.Clone(defaults.Fingerprints)
	}
	if sec.Setup == SetupNone {
		sec.Setup = defaults.Setup
	}
	if sec.TLSID == "" {
		sec.TLSID = defaults.TLSID
	}
	sec.finishData()
	if sec.rtp() {
		return sec.finishRTP(defaults)
	}
	// These mean nothing without RTP.
	sec.Extmaps, sec.ExtmapAllowMixed, sec.Direction = nil, false, SendRecv
	return nil
}

func (sec *section) finishData() {
	switch {
	case !sec.IsData():
		sec.SCTPPort, sec.MaxMessageSize = 0, 0
	case sec.Rejected():
		if sec.SCTPPort == 0 {
			sec.MaxMessageSize = 0
		}
	default:
		if sec.SCTPPort == 0 {
			sec.SCTPPort = DefaultSCTPPort
		}
		if !sec.maxSize {
			sec.MaxMessageSize = DefaultMaxMessageSize
		}
	}
}

func (sec *section) finishRTP(defaults *section) error {
	if !sec.directed {
		sec.Direction = defaults.Direction
	}
	if sec.Extmaps == nil {
		sec.Extmaps = slices.Clone(defaults.Extmaps)
	}
	sec.ExtmapAllowMixed = sec.ExtmapAllowMixed || defaults.ExtmapAllowMixed
	// Streams and tracks were named beside the sources once; webrtcbin does so still.
	for i := 0; i < len(sec.SSRCs) && len(sec.MSIDs) == 0; i++ {
		_ = sec.addMSID(sec.SSRCs[i].MSID) // none, or one that we do not understand
	}
	for i := range sec.Codecs {
		c := &sec.Codecs[i]
		for _, f := range sec.wildcard {
			if !slices.Contains(c.Feedback, f) {
				c.Feedback = append(c.Feedback, f)
			}
		}
		if len(c.Feedback) > maxFeedback {
			return ErrTooLarge
		}
	}
	return nil
}
