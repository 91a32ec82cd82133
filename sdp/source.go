package sdp

import (
	"slices"
	"strconv"
	"strings"
)

// Limits on what Parse reads. A browser's description of 18 sections with every
// codec has 61 KB and 1,500 lines.
const (
	maxSize       = 1 << 20 // bytes
	maxLineLength = 16 << 10
	maxLines      = 1 << 15
	maxMedia      = 256

	// Lists that are searched for every section.
	maxGroups    = 64
	maxGroupMIDs = maxMedia
	maxRIDs      = 256

	// Lists that are copied into every section or every codec.
	maxOptions      = 64
	maxFingerprints = 32
	maxExtmaps      = 256
	maxFeedback     = 64
)

// source is a text whose lines have been checked one by one, made ready for the
// grammar.
type source struct {
	text  string
	media []mline

	// attributes[0] holds the line numbers of the session's a= lines,
	// attributes[1+i] those of section i.
	attributes [][]int
}

// mline is what the grammar does not keep of an m-line.
type mline struct {
	line           int
	kind, protocol string
}

// The grammar knows these words and fails a whole description for any other.
// Other media types and protocols are replaced while it reads: a section that we
// do not understand is to be rejected alone.
var (
	grammarKinds     = []string{"audio", "video", "text", "application", "message"}
	grammarProtocols = []string{
		"UDP", "RTP", "AVP", "SAVP", "SAVPF", "TLS", "DTLS", "SCTP", "AVPF",
		"TCP", "MSRP", "BFCP", "UDT", "IX", "MRCPv2", "FEC",
	}
	grammarBandwidths = []string{"CT", "AS", "TIAS", "RS", "RR"}
)

// grammarWords counts the words of the lines with a fixed number.
var grammarWords = map[byte]int{'v': 1, 'o': 6, 't': 2, 'c': 3}

// newSource checks sizes and characters. It accepts LF for CRLF, empty lines, and
// a last line without an end: hand-written signalling often trims.
func newSource(text string) (*source, error) {
	if len(text) > maxSize {
		return nil, &ParseError{What: "more than " + strconv.Itoa(maxSize) + " bytes", Err: ErrTooLarge}
	}
	src := &source{attributes: [][]int{nil}}
	var b strings.Builder
	b.Grow(len(text) + 2)
	number := 0
	for line := range strings.Lines(text) {
		number++
		if number > maxLines {
			return nil, &ParseError{number, "more than " + strconv.Itoa(maxLines) + " lines", ErrTooLarge}
		}
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if line == "" {
			continue
		}
		if err := src.add(&b, number, line); err != nil {
			return nil, err
		}
	}
	src.text = b.String()
	return src, nil
}

// add checks one line and writes it for the grammar.
func (src *source) add(b *strings.Builder, number int, line string) error {
	switch {
	case len(line) > maxLineLength:
		return &ParseError{number, "more than " + strconv.Itoa(maxLineLength) + " bytes", ErrTooLarge}
	case strings.ContainsAny(line, "\x00\r"):
		return &ParseError{number, "NUL or CR inside the line", ErrSyntax}
	case len(line) < 2 || line[1] != '=':
		return &ParseError{number, "not of the form x=value", ErrSyntax}
	}
	switch line[0] {
	case 'v', 'o', 't', 'c':
		// The grammar reads words up to the number it wants, and takes what
		// follows for the next line.
		words := strings.Fields(line[2:])
		if len(words) != grammarWords[line[0]] {
			return &ParseError{number, "wrong number of words", ErrSyntax}
		}
		line = line[:2] + strings.Join(words, " ")
	case 'm':
		var err error
		if line, err = src.addMedia(number, line); err != nil {
			return err
		}
	case 'a':
		if line == "a=" || line[2] == ':' {
			return &ParseError{number, "attribute without a name", ErrSyntax}
		}
		last := len(src.attributes) - 1
		src.attributes[last] = append(src.attributes[last], number)
	case 'b':
		// "SDP parsers MUST ignore bandwidth-fields with unknown <bwtype> names."
		// https://www.rfc-editor.org/rfc/rfc8866.html#section-5.8
		kind, _, _ := strings.Cut(line[2:], ":")
		if !slices.Contains(grammarBandwidths, kind) && !strings.HasPrefix(kind, "X-") {
			return nil
		}
	}
	b.WriteString(line)
	b.WriteString("\r\n")
	return nil
}

// addMedia begins a section, and returns the m-line in words the grammar knows.
func (src *source) addMedia(number int, line string) (string, error) {
	if len(src.media) == maxMedia {
		return "", &ParseError{number, "more than " + strconv.Itoa(maxMedia) + " m-lines", ErrTooLarge}
	}
	fields := strings.Fields(line[2:])
	if len(fields) < 4 {
		return "", &ParseError{number, "m-line without a format", ErrSyntax}
	}
	src.media = append(src.media, mline{number, fields[0], fields[2]})
	src.attributes = append(src.attributes, nil)
	if !slices.Contains(grammarKinds, fields[0]) {
		fields[0] = "application"
	}
	for word := range strings.SplitSeq(fields[2], "/") {
		if !slices.Contains(grammarProtocols, word) {
			fields[2] = "UDP"
			break
		}
	}
	return "m=" + strings.Join(fields, " "), nil
}

// attributeLine returns the line number of an a= line of a section; -1 is the
// session. Zero means that it is not known.
func (src *source) attributeLine(section, k int) int {
	lines := src.attributes[section+1]
	if k >= len(lines) {
		return 0
	}
	return lines[k]
}
