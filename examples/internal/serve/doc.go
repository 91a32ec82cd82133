// Package serve is what the servers among the examples have in common: the part that touches the
// world. It has the UDP sockets, the clock and the one goroutine that owns all sessions (Loop), the signalling
// by HTTP, and the page.
//
// What a server is for is a [Server], which has none of these: a machine like the sessions in it,
// and so tested without any of them.
package serve

import (
	"errors"
	"net/url"
	"time"

	"github.com/sansrtc/rtc"
)

// Server is what an example is about: sessions, and what they mean to one another. All its methods
// are called by one goroutine.
type Server interface {
	// HandleInput takes a datagram, or the time.
	HandleInput(in rtc.Input)

	// PollOutput returns the next thing to do: OutputTransmit, or OutputTimeout when nothing is left.
	// Events are the server's own affair.
	PollOutput() rtc.Output

	// Join begins a session with the browser that made offer. The query is that of the URL
	// which it was sent to. The id is the session's name, which nobody can guess.
	Join(now time.Time, offer string, query url.Values) (id, answer string, err error)

	// Session returns the session of a name, or nil.
	Session(id string) *rtc.Rtc

	// Close ends all sessions.
	Close(now time.Time)
}

// Errors of requests. A Server wraps ErrBusy where it is full.
var (
	ErrBusy     = errors.New("the server is full")
	errShutDown = errors.New("the server is shutting down")
	errGone     = errors.New("no such session")
	errNoOffer  = errors.New("the body must be an SDP offer")
)
