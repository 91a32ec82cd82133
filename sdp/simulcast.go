package sdp

import (
	"slices"
	"strconv"
	"strings"
)

// addRID reads "hi send pt=96,97;max-width=1280".
//
// A line that is malformed is discarded, and the others stay:
// https://www.rfc-editor.org/rfc/rfc8851.html#section-6.2.2
func (sec *section) addRID(value string) error {
	words := strings.Fields(value)
	if len(words) < 2 || len(words) > 3 || !isRID(words[0]) {
		return nil
	}
	rid := RID{ID: words[0]}
	switch words[1] {
	case "send":
	case "recv":
		rid.Recv = true
	default:
		return nil
	}
	if len(words) == 3 && !rid.addRestrictions(words[2]) {
		return nil
	}
	key := "rid:" + rid.ID
	if _, ok := sec.seen[key]; ok {
		return ErrDuplicate
	}
	if len(sec.RIDs) == maxRIDs {
		return ErrTooLarge
	}
	sec.seen[key] = value
	sec.RIDs = append(sec.RIDs, rid)
	return nil
}

func (r *RID) addRestrictions(s string) bool {
	for part := range strings.SplitSeq(s, ";") {
		key, v, _ := strings.Cut(part, "=")
		if key != "pt" {
			if key == "" {
				return false
			}
			r.Restrictions = append(r.Restrictions, Parameter{key, v})
			continue
		}
		for number := range strings.SplitSeq(v, ",") {
			pt, err := parsePayloadType(number)
			if err != nil {
				return false
			}
			if !slices.Contains(r.PayloadTypes, pt) {
				r.PayloadTypes = append(r.PayloadTypes, pt)
			}
		}
	}
	return true
}

// isRID reports whether s is a restriction identifier as RFC 8852 lets it travel:
// letters, digits, and the "-" and "_" of RFC 8851.
func isRID(s string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return s != "" && len(s) <= 255
}

// addSimulcast reads "send 1,~4;2 recv 5". A malformed line is ignored, as if
// simulcast were not known.
func (sec *section) addSimulcast(value string) error {
	if _, ok := sec.seen["simulcast"]; ok {
		return ErrDuplicate
	}
	sec.seen["simulcast"] = value
	words := strings.Fields(value)
	var sim Simulcast
	if len(words) != 2 && len(words) != 4 {
		return nil
	}
	for i := 0; i < len(words); i += 2 {
		streams, ok := parseSimulcastStreams(words[i+1])
		switch {
		case ok && words[i] == "send" && sim.Send == nil:
			sim.Send = streams
		case ok && words[i] == "recv" && sim.Recv == nil:
			sim.Recv = streams
		default:
			return nil
		}
	}
	sec.Simulcast = sim
	return nil
}

func parseSimulcastStreams(s string) ([][]SimulcastRID, bool) {
	var streams [][]SimulcastRID
	for stream := range strings.SplitSeq(s, ";") {
		var alternatives []SimulcastRID
		for id := range strings.SplitSeq(stream, ",") {
			id, paused := strings.CutPrefix(id, "~")
			if !isRID(id) {
				return nil, false
			}
			alternatives = append(alternatives, SimulcastRID{id, paused})
		}
		streams = append(streams, alternatives)
	}
	return streams, true
}

func appendSimulcast(dst []byte, sim Simulcast) []byte {
	separator := ""
	for _, side := range []struct {
		word    string
		streams [][]SimulcastRID
	}{{"send", sim.Send}, {"recv", sim.Recv}} {
		if len(side.streams) == 0 {
			continue
		}
		dst = append(dst, separator...)
		dst = append(dst, side.word...)
		dst = append(dst, ' ')
		for i, alternatives := range side.streams {
			if i > 0 {
				dst = append(dst, ';')
			}
			for j, alternative := range alternatives {
				if j > 0 {
					dst = append(dst, ',')
				}
				if alternative.Paused {
					dst = append(dst, '~')
				}
				dst = append(dst, alternative.ID...)
			}
		}
		separator = " "
	}
	return dst
}

func appendRID(dst []byte, r RID) []byte {
	dst = append(dst, r.ID...)
	if r.Recv {
		dst = append(dst, " recv"...)
	} else {
		dst = append(dst, " send"...)
	}
	separator := byte(' ')
	for i, pt := range r.PayloadTypes {
		if i == 0 {
			dst = append(dst, separator)
			dst = append(dst, "pt="...)
			separator = ';'
		} else {
			dst = append(dst, ',')
		}
		dst = strconv.AppendUint(dst, uint64(pt), 10)
	}
	for _, p := range r.Restrictions {
		dst = append(dst, separator)
		dst = append(dst, p.Key...)
		if p.Value != "" {
			dst = append(dst, '=')
			dst = append(dst, p.Value...)
		}
		separator = ';'
	}
	return dst
}
