package sdp

import (
	"strconv"
	"strings"
)

// String returns the description as text, with CRLF line ends.
func (s *Session) String() string { return string(s.AppendTo(nil)) }

// AppendTo appends the description as text to dst. The same value always gives
// the same text. The values are written as they are: those that a program made up
// itself must not hold line ends.
func (s *Session) AppendTo(dst []byte) []byte {
	dst = append(dst, "v=0\r\no="...)
	dst = append(dst, or(s.Origin.Username, "-")...)
	dst = append(dst, ' ')
	dst = strconv.AppendUint(dst, s.Origin.ID, 10)
	dst = append(dst, ' ')
	dst = strconv.AppendUint(dst, s.Origin.Version, 10)
	address := or(s.Origin.Address, "127.0.0.1")
	if strings.Contains(address, ":") {
		dst = append(dst, " IN IP6 "...)
	} else {
		dst = append(dst, " IN IP4 "...)
	}
	dst = append(dst, address...)
	dst = append(dst, "\r\ns=-\r\nt=0 0\r\n"...)
	for _, g := range s.Groups {
		dst = append(dst, "a=group:"...)
		dst = append(dst, g.Semantics...)
		for _, mid := range g.MIDs {
			dst = append(dst, ' ')
			dst = append(dst, mid...)
		}
		dst = append(dst, "\r\n"...)
	}
	dst = appendFlag(dst, "ice-lite", s.ICELite)
	dst = appendWords(dst, "ice-options", s.ICEOptions)
	dst = appendFlag(dst, "extmap-allow-mixed", s.ExtmapAllowMixed)
	dst = appendAttributes(dst, s.Attributes)
	for i := range s.Media {
		dst = s.appendMedia(dst, &s.Media[i])
	}
	return dst
}

func (s *Session) appendMedia(dst []byte, m *Media) []byte {
	dst = append(dst, "m="...)
	dst = append(dst, m.Kind...)
	dst = append(dst, ' ')
	dst = strconv.AppendUint(dst, uint64(m.Port), 10)
	dst = append(dst, ' ')
	dst = append(dst, m.Protocol...)
	for _, f := range m.Formats {
		dst = append(dst, ' ')
		dst = append(dst, f...)
	}
	for i := range m.Codecs {
		dst = append(dst, ' ')
		dst = strconv.AppendUint(dst, uint64(m.Codecs[i].PayloadType), 10)
	}
	// The default destination is left open: with port 9 and no address no peer takes
	// it for a mismatch with the candidates (RFC 8839, RFC 8840).
	dst = append(dst, "\r\nc=IN IP4 0.0.0.0\r\n"...)
	for _, b := range m.Bandwidth {
		dst = append(dst, "b="...)
		dst = append(dst, b.Type...)
		dst = append(dst, ':')
		dst = strconv.AppendUint(dst, b.Value, 10)
		dst = append(dst, "\r\n"...)
	}
	dst = appendValue(dst, "mid", m.MID)
	dst = appendFlag(dst, "bundle-only", m.BundleOnly)
	dst = s.appendTransport(dst, &m.Transport)
	if m.rtp() {
		dst = s.appendRTP(dst, m)
	} else if m.SCTPPort != 0 {
		dst = appendSCTP(dst, m)
	}
	return appendAttributes(dst, m.Attributes)
}

func (s *Session) appendTransport(dst []byte, t *Transport) []byte {
	dst = appendValue(dst, "ice-ufrag", t.ICEUfrag)
	dst = appendValue(dst, "ice-pwd", t.ICEPwd)
	if strings.Join(t.ICEOptions, " ") != strings.Join(s.ICEOptions, " ") {
		dst = appendWords(dst, "ice-options", t.ICEOptions)
	}
	for _, f := range t.Fingerprints {
		dst = append(dst, "a=fingerprint:"...)
		dst = f.appendTo(dst)
		dst = append(dst, "\r\n"...)
	}
	dst = appendValue(dst, "setup", t.Setup.String())
	dst = appendValue(dst, "tls-id", t.TLSID)
	for _, c := range t.Candidates {
		dst = append(dst, "a="...)
		dst = append(dst, c...)
		dst = append(dst, "\r\n"...)
	}
	return appendFlag(dst, "end-of-candidates", t.EndOfCandidates)
}

func appendSCTP(dst []byte, m *Media) []byte {
	port := strconv.Itoa(int(m.SCTPPort))
	if m.oldData() {
		dst = appendValue(dst, "sctpmap", port+" "+dataChannelFormat+" 65535")
	} else {
		dst = appendValue(dst, "sctp-port", port)
	}
	return appendValue(dst, "max-message-size", strconv.FormatUint(m.MaxMessageSize, 10))
}

func (s *Session) appendRTP(dst []byte, m *Media) []byte {
	if m.ExtmapAllowMixed && !s.ExtmapAllowMixed {
		dst = appendFlag(dst, "extmap-allow-mixed", true)
	}
	for _, e := range m.Extmaps {
		dst = append(dst, "a=extmap:"...)
		dst = strconv.AppendUint(dst, uint64(e.ID), 10)
		if e.Direction != SendRecv {
			dst = append(dst, '/')
			dst = append(dst, e.Direction.String()...)
		}
		dst = append(dst, ' ')
		dst = append(dst, e.URI...)
		if e.Attributes != "" {
			dst = append(dst, ' ')
			dst = append(dst, e.Attributes...)
		}
		dst = append(dst, "\r\n"...)
	}
	dst = appendFlag(dst, m.Direction.String(), true)
	for _, id := range m.MSIDs {
		dst = appendValue(dst, "msid", strings.TrimSuffix(id.Stream+" "+id.Track, " "))
	}
	dst = appendFlag(dst, "rtcp-mux", m.RTCPMux)
	dst = appendFlag(dst, "rtcp-mux-only", m.RTCPMuxOnly)
	dst = appendFlag(dst, "rtcp-rsize", m.RTCPRsize)
	dst = appendWords(dst, "rtcp-xr", m.RTCPXR)
	for i := range m.Codecs {
		dst = appendCodec(dst, &m.Codecs[i])
	}
	for _, r := range m.RIDs {
		dst = append(dst, "a=rid:"...)
		dst = appendRID(dst, r)
		dst = append(dst, "\r\n"...)
	}
	if len(m.Simulcast.Send) > 0 || len(m.Simulcast.Recv) > 0 {
		dst = append(dst, "a=simulcast:"...)
		dst = appendSimulcast(dst, m.Simulcast)
		dst = append(dst, "\r\n"...)
	}
	return appendSources(dst, m)
}

func appendCodec(dst []byte, c *Codec) []byte {
	pt := strconv.Itoa(int(c.PayloadType))
	if c.Name != "" {
		dst = append(dst, "a=rtpmap:"...)
		dst = append(dst, pt...)
		dst = append(dst, ' ')
		dst = append(dst, c.Name...)
		dst = append(dst, '/')
		dst = strconv.AppendUint(dst, uint64(c.ClockRate), 10)
		if c.Channels != 0 {
			dst = append(dst, '/')
			dst = strconv.AppendUint(dst, uint64(c.Channels), 10)
		}
		dst = append(dst, "\r\n"...)
	}
	for _, f := range c.Feedback {
		dst = appendValue(dst, "rtcp-fb", pt+" "+f.String())
	}
	if c.Fmtp != "" {
		dst = appendValue(dst, "fmtp", pt+" "+c.Fmtp)
	}
	return dst
}

func appendSources(dst []byte, m *Media) []byte {
	for _, g := range m.SSRCGroups {
		dst = append(dst, "a=ssrc-group:"...)
		dst = append(dst, g.Semantics...)
		for _, id := range g.SSRCs {
			dst = append(dst, ' ')
			dst = strconv.AppendUint(dst, uint64(id), 10)
		}
		dst = append(dst, "\r\n"...)
	}
	for _, src := range m.SSRCs {
		id := strconv.FormatUint(uint64(src.ID), 10)
		if src.CNAME != "" || src.MSID == "" {
			dst = appendValue(dst, "ssrc", id+" cname:"+src.CNAME)
		}
		if src.MSID != "" {
			dst = appendValue(dst, "ssrc", id+" msid:"+src.MSID)
		}
	}
	return dst
}

func appendAttributes(dst []byte, attributes []Attribute) []byte {
	for _, a := range attributes {
		if a.Value == "" {
			dst = appendFlag(dst, a.Key, true)
		} else {
			dst = appendValue(dst, a.Key, a.Value)
		}
	}
	return dst
}

func appendFlag(dst []byte, key string, present bool) []byte {
	if !present {
		return dst
	}
	dst = append(dst, "a="...)
	dst = append(dst, key...)
	return append(dst, "\r\n"...)
}

// appendValue appends an attribute unless its value is empty.
func appendValue(dst []byte, key, value string) []byte {
	if value == "" {
		return dst
	}
	dst = append(dst, "a="...)
	dst = append(dst, key...)
	dst = append(dst, ':')
	dst = append(dst, value...)
	return append(dst, "\r\n"...)
}

func appendWords(dst []byte, key string, words []string) []byte {
	return appendValue(dst, key, strings.Join(words, " "))
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
