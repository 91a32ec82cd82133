package sdp

import (
	"errors"
	"strconv"
)

// Reasons for which a description is refused. They arrive wrapped in a
// *ParseError or a *MediaError, which say where.
var (
	ErrTooLarge    = errors.New("sdp: description over a limit")
	ErrSyntax      = errors.New("sdp: syntax error")
	ErrValue       = errors.New("sdp: value out of range or malformed")
	ErrDuplicate   = errors.New("sdp: given twice")
	ErrMLines      = errors.New("sdp: m-lines do not match")
	ErrProtocol    = errors.New("sdp: transport protocol does not match")
	ErrRTCPMux     = errors.New("sdp: rtcp-mux is required")
	ErrNotBundled  = errors.New("sdp: accepted section outside the bundle")
	ErrSetup       = errors.New("sdp: setup role not allowed here")
	ErrFingerprint = errors.New("sdp: no fingerprint with a known hash")
	ErrCredentials = errors.New("sdp: ICE credentials missing or of illegal length")
	ErrRoleChanged = errors.New("sdp: the DTLS role of a running connection cannot change")
	ErrNewPeer     = errors.New("sdp: the certificate of a running connection cannot change")
	ErrRestart     = errors.New("sdp: ICE credentials may only change on both sides, in an ICE restart")
	ErrMID         = errors.New("sdp: mid malformed, unknown or not the one offered")
	ErrParameters  = errors.New("sdp: local parameters incomplete or malformed")
)

// ParseError says which line of a text could not be read. Err is one of the
// errors of this package.
type ParseError struct {
	Line int // counted from 1; 0: the description as a whole
	What string
	Err  error
}

func (e *ParseError) Error() string {
	s := e.Err.Error()
	if e.Line > 0 {
		s += " in line " + strconv.Itoa(e.Line)
	}
	if e.What != "" {
		s += ": " + e.What
	}
	return s
}

func (e *ParseError) Unwrap() error { return e.Err }

// MediaError says which section of a description breaks a rule of offer and
// answer. Err is one of the errors of this package.
type MediaError struct {
	Index int // of the m-line, counted from 0; -1: the description as a whole
	MID   string
	Err   error
}

func (e *MediaError) Error() string {
	if e.Index < 0 {
		return e.Err.Error()
	}
	s := e.Err.Error() + " in m-line " + strconv.Itoa(e.Index)
	if e.MID != "" {
		s += " (mid " + strconv.Quote(e.MID) + ")"
	}
	return s
}

func (e *MediaError) Unwrap() error { return e.Err }
