package rtc

import "errors"

// What the methods of an [Rtc] return to their caller. Errors of the layers below
// come wrapped or as they are: see the sctp, sdp and ice packages.
var (
	// ErrClosed is returned by methods of an Rtc that is closed or has failed.
	ErrClosed = errors.New("rtc: session is closed")

	// ErrFIPS140Only is returned by New in a process that runs with
	// GODEBUG=fips140=only. ICE authenticates with HMAC-SHA1 (RFC 8489), which that
	// mode forbids. GODEBUG=fips140=on works.
	ErrFIPS140Only = errors.New("rtc: ICE needs HMAC-SHA1, which GODEBUG=fips140=only forbids; use fips140=on")

	// ErrStaleOffer is returned by AcceptAnswer for an offer that no longer fits: a
	// later one was made, or a description was applied since. Make a new one.
	ErrStaleOffer = errors.New("rtc: offer is stale, another description was applied or offered since; create a new offer")

	// ErrNothingToOffer is returned by CreateOffer if there would be no m-line.
	ErrNothingToOffer = errors.New("rtc: nothing to offer; open a channel first or set Changes.DataChannels")

	// ErrStarted is returned by Start if the session was set up already, by it or by
	// a description.
	ErrStarted = errors.New("rtc: session is already set up; further changes go by offer and answer, or by AddMedia, SetMedia and RestartICE")

	// ErrDirect is returned for descriptions in a session without, which Start or AddMedia
	// have set up.
	ErrDirect = errors.New("rtc: session is set up without descriptions, by Start or AddMedia; they cannot be mixed in")

	// ErrDescribed is returned by AddMedia, SetMedia and RestartICE in a session that is
	// negotiated by offer and answer.
	ErrDescribed = errors.New("rtc: session is negotiated by offer and answer; changes go the same way")
)

// Why a session ended, in [Output.Err]. Failures of the DTLS handshake are those of
// the dtls package: [dtls.AlertError], [dtls.ErrFingerprint], [dtls.ErrHandshakeTimeout].
var (
	// ErrICEFailed says that there is no path to the peer, or none any more, and that
	// no ICE restart changed that within [Config.FailedTimeout].
	ErrICEFailed = errors.New("rtc: ICE failed")
)
