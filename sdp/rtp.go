package sdp

import (
	"strconv"
	"strings"
)

// staticCodecs are the static payload types that need no a=rtpmap and are still
// in use (RFC 3551, section 6).
var staticCodecs = []Codec{
	{PayloadType: 0, Name: "PCMU", ClockRate: 8000},
	{PayloadType: 8, Name: "PCMA", ClockRate: 8000},
	{PayloadType: 9, Name: "G722", ClockRate: 8000},
	{PayloadType: 13, Name: "CN", ClockRate: 8000},
}

func staticCodec(pt uint8) Codec {
	for _, c := range staticCodecs {
		if c.PayloadType == pt {
			return c
		}
	}
	return Codec{PayloadType: pt}
}

// addRTP reads an attribute that only an RTP section has.
func (sec *section) addRTP(key, value string) error {
	switch key {
	case "rtcp-mux":
		sec.RTCPMux = true
	case "rtcp-mux-only":
		sec.RTCPMuxOnly = true
	case "rtcp-rsize":
		sec.RTCPRsize = true
	case "rtcp-xr":
		sec.RTCPXR = append(sec.RTCPXR, strings.Fields(value)...)
		if len(sec.RTCPXR) > maxOptions {
			return ErrTooLarge
		}
	case "rtpmap":
		return sec.addRTPMap(value)
	case "fmtp":
		return sec.addFmtp(value)
	case "rtcp-fb":
		return sec.addFeedback(value)
	case "msid":
		return sec.addMSID(value)
	case "ssrc":
		return sec.addSSRC(value)
	case "ssrc-group":
		return sec.addSSRCGroup(value)
	case "rid":
		return sec.addRID(value)
	case "simulcast":
		return sec.addSimulcast(value)
	default:
		sec.Attributes = append(sec.Attributes, Attribute{key, value})
	}
	return nil
}

// cutCodec splits "<payload type> <rest>" and finds the codec, nil if the m-line
// does not list the payload type.
func (sec *section) cutCodec(value string) (c *Codec, rest string, err error) {
	first, rest, _ := strings.Cut(value, " ")
	pt, err := parsePayloadType(first)
	if err != nil {
		return nil, "", err
	}
	rest = strings.TrimSpace(rest)
	if rest == "" {
		return nil, "", ErrValue
	}
	if i := sec.codec[pt]; i > 0 {
		c = &sec.Codecs[i-1]
	}
	return c, rest, nil
}

// addRTPMap reads "111 opus/48000/2".
func (sec *section) addRTPMap(value string) error {
	c, rest, err := sec.cutCodec(value)
	if err != nil {
		return err
	}
	parts := strings.Split(rest, "/")
	if len(parts) < 2 || len(parts) > 3 || !isToken(parts[0]) {
		return ErrValue
	}
	rate, err := strconv.ParseUint(parts[1], 10, 32)
	if err != nil || rate == 0 {
		return ErrValue
	}
	channels := uint64(0)
	if len(parts) == 3 {
		if channels, err = strconv.ParseUint(parts[2], 10, 8); err != nil || channels == 0 {
			return ErrValue
		}
	}
	if c == nil {
		return nil
	}
	key := "rtpmap:" + strconv.Itoa(int(c.PayloadType))
	if before, ok := sec.seen[key]; ok && before != rest {
		return ErrDuplicate
	}
	sec.seen[key] = rest
	c.Name, c.ClockRate, c.Channels = parts[0], uint32(rate), uint8(channels)
	return nil
}

// addFmtp reads "96 profile-id=0". Several lines for one payload type are joined.
func (sec *section) addFmtp(value string) error {
	c, rest, err := sec.cutCodec(value)
	if err != nil || c == nil {
		return err
	}
	if c.Fmtp != "" {
		rest = c.Fmtp + ";" + rest
	}
	if len(rest) > maxLineLength {
		return ErrTooLarge
	}
	c.Fmtp = rest
	return nil
}

// addFeedback reads "96 nack pli" or "* nack".
func (sec *section) addFeedback(value string) error {
	if all, ok := strings.CutPrefix(value, "* "); ok {
		if len(sec.wildcard) == maxFeedback {
			return ErrTooLarge
		}
		f, ok := parseFeedback(all)
		if !ok {
			return ErrValue
		}
		sec.wildcard = append(sec.wildcard, f)
		return nil
	}
	c, rest, err := sec.cutCodec(value)
	if err != nil || c == nil {
		return err
	}
	f, ok := parseFeedback(rest)
	if !ok {
		return ErrValue
	}
	if len(c.Feedback) == maxFeedback {
		return ErrTooLarge
	}
	c.Feedback = append(c.Feedback, f)
	return nil
}

func parseFeedback(s string) (Feedback, bool) {
	words := strings.Fields(s)
	if len(words) == 0 {
		return Feedback{}, false
	}
	return Feedback{words[0], strings.Join(words[1:], " ")}, true
}

// addExtmap reads "4/recvonly urn:… attributes".
func (sec *section) addExtmap(value string) error {
	words := strings.Fields(value)
	if len(words) < 2 {
		return ErrValue
	}
	number, direction, directed := strings.Cut(words[0], "/")
	// An offer may number what it does not yet assign from 4096 on.
	// https://www.rfc-editor.org/rfc/rfc8285.html#section-7
	id, err := strconv.ParseUint(number, 10, 16)
	if err != nil || id == 0 || id > 255 && (id < 4096 || id > 4351) {
		return ErrValue
	}
	ext := Extmap{ID: uint16(id), URI: words[1], Attributes: strings.Join(words[2:], " ")}
	if directed {
		var ok bool
		if ext.Direction, ok = parseDirection(direction); !ok {
			return ErrValue
		}
	}
	for _, e := range sec.Extmaps {
		if e.ID != ext.ID {
			continue
		}
		if e == ext {
			return nil
		}
		return ErrDuplicate
	}
	if len(sec.Extmaps) == maxExtmaps {
		return ErrTooLarge
	}
	sec.Extmaps = append(sec.Extmaps, ext)
	return nil
}

// addMSID reads "stream track", "- track" or "stream".
func (sec *section) addMSID(value string) error {
	words := strings.Fields(value)
	if len(words) == 0 || len(words) > 2 {
		return ErrValue
	}
	id := MSID{Stream: words[0]}
	if len(words) == 2 {
		id.Track = words[1]
	}
	sec.MSIDs = append(sec.MSIDs, id)
	return nil
}

// addSSRC reads "1234 cname:abc"; the lines of one source are put together.
func (sec *section) addSSRC(value string) error {
	first, rest, _ := strings.Cut(value, " ")
	id, err := strconv.ParseUint(first, 10, 32)
	if err != nil {
		return ErrValue
	}
	i, ok := sec.ssrc[uint32(id)]
	if !ok {
		if sec.ssrc == nil {
			sec.ssrc = make(map[uint32]int)
		}
		i = len(sec.SSRCs)
		sec.ssrc[uint32(id)] = i
		sec.SSRCs = append(sec.SSRCs, SSRC{ID: uint32(id)})
	}
	switch key, v, _ := strings.Cut(strings.TrimSpace(rest), ":"); key {
	case "cname":
		sec.SSRCs[i].CNAME = v
	case "msid":
		sec.SSRCs[i].MSID = v
	}
	return nil
}

// addSSRCGroup reads "FID 1234 5678".
func (sec *section) addSSRCGroup(value string) error {
	words := strings.Fields(value)
	if len(words) < 2 {
		return ErrValue
	}
	g := SSRCGroup{Semantics: words[0]}
	for _, w := range words[1:] {
		id, err := strconv.ParseUint(w, 10, 32)
		if err != nil {
			return ErrValue
		}
		g.SSRCs = append(g.SSRCs, uint32(id))
	}
	sec.SSRCGroups = append(sec.SSRCGroups, g)
	return nil
}
