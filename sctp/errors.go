package sctp

import (
	"errors"
	"fmt"
)

// Errors of the methods of [Association], and of its events.
var (
	// ErrClosed: the association is closed or closing.
	ErrClosed = errors.New("sctp: association is closed")
	// ErrNoChannel: there is no such channel, or it is closing.
	ErrNoChannel = errors.New("sctp: no such data channel")
	// ErrBufferFull: the message does not fit Config.SendBuffer now. Wait for
	// EventBufferedAmountLow of the channel.
	ErrBufferFull = errors.New("sctp: send buffer is full")
	// ErrMessageTooLarge: a message is larger than its receiver accepts.
	ErrMessageTooLarge = errors.New("sctp: message is larger than the maximum message size")
	// ErrChannelConfig: a ChannelConfig is contradictory or out of range.
	ErrChannelConfig = errors.New("sctp: invalid data channel configuration")
	// ErrStreamInUse: the stream of a negotiated channel is taken.
	ErrStreamInUse = errors.New("sctp: stream identifier is in use")
	// ErrTooManyChannels: no stream identifier is free, or
	// Config.MaxChannels is reached.
	ErrTooManyChannels = errors.New("sctp: too many data channels")
	// ErrStarted: it is too late for this call.
	ErrStarted = errors.New("sctp: association is already connecting")

	// ErrTimeout: the peer stopped answering.
	ErrTimeout = errors.New("sctp: peer does not answer")
	// ErrProtocol: the peer broke the rules of a data channel.
	ErrProtocol = errors.New("sctp: data channel protocol violation")
	// ErrRestarted: the peer lost its state and started anew.
	ErrRestarted = errors.New("sctp: peer restarted the association")
)

// AbortError ends an association that was aborted, by the peer or, when it
// broke the protocol, by us.
type AbortError struct {
	Local bool   // we sent the ABORT
	Cause uint16 // the first error cause code of RFC 9260 section 3.3.10; zero: none given
	// Reason is text that came with the cause, if any: at most 128 bytes,
	// quoted when printed.
	Reason string
}

func (e *AbortError) Error() string {
	who := "peer"
	if e.Local {
		who = "us"
	}
	if e.Reason == "" {
		return fmt.Sprintf("sctp: association aborted by %s (cause %d)", who, e.Cause)
	}
	return fmt.Sprintf("sctp: association aborted by %s (cause %d): %q", who, e.Cause, e.Reason)
}
