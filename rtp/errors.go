package rtp

import "errors"

// Errors of parsing. Nothing has been changed when one is returned.
var (
	// ErrMalformed is returned for a packet or element that is cut short, or whose lengths
	// contradict each other.
	ErrMalformed = errors.New("rtp: malformed packet")
	// ErrVersion is returned for a packet that is not of version 2.
	ErrVersion = errors.New("rtp: not version 2")
	// ErrPadding is returned for a padding length of zero, or beyond the payload.
	ErrPadding = errors.New("rtp: bad padding")
)
