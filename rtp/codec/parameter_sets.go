package codec

import (
	"bytes"
	"encoding/base64"
	"strings"
)

// The limits of the parameter sets that are kept, in bytes with start codes and by number.
// Real streams have three, of a hundred bytes. Each new one is compared with those that are
// there.
const (
	maxParameterSetBytes = 8 << 10
	maxParameterSets     = 16
)

// parameterSets are the parameter sets in force, for key frames that come without: some
// senders send them once, or only in the session description.
type parameterSets struct {
	stream []byte // as a byte stream, in the order of arrival
	has    uint16 // a bit for each nalClass
	count  int
	closed bool // a picture has come since
}

// put takes over a parameter set.
func (s *parameterSets) put(nal []byte, class nalClass) {
	for b := s.stream; ; {
		known, rest := nextNAL(b)
		if known == nil {
			break
		}
		if bytes.Equal(known, nal) {
			return
		}
		b = rest
	}
	size := len(startCode) + len(nal)
	// A new sequence replaces what was there.
	if s.closed && class != nalPPS || len(s.stream)+size > maxParameterSetBytes || s.count == maxParameterSets {
		s.stream, s.has, s.count = s.stream[:0], 0, 0
	}
	s.closed = false
	if size > maxParameterSetBytes {
		return
	}
	s.stream = append(append(s.stream, startCode...), nal...)
	s.has |= 1 << class
	s.count++
}

// putDescription takes over the parameter sets of a parameter of a session description, a
// list of units in base64. What is not one is passed over.
func (s *parameterSets) putDescription(n *nalFormat, list string) {
	for text := range strings.SplitSeq(list, ",") {
		nal, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
		if err != nil {
			continue
		}
		if class := n.class(nal); class.parameterSet() {
			s.put(bytes.TrimRight(nal, "\x00"), class)
		}
	}
}
