package srtp

import "errors"

var (
	// ErrProfile is returned for a protection profile that is not one of this package's.
	ErrProfile = errors.New("srtp: unknown protection profile")
	// ErrKeys is returned for keys or salts of the wrong size.
	ErrKeys = errors.New("srtp: wrong size of key or salt")
	// ErrFIPS is returned where FIPS 140-only mode forbids the ciphers of SRTP.
	ErrFIPS = errors.New("srtp: not available in FIPS 140-only mode")

	// ErrMalformed is returned for a packet that is too short, too long, or not RTP or RTCP.
	ErrMalformed = errors.New("srtp: malformed packet")
	// ErrAuthentication is returned for a packet that was not made with the keys, or was changed.
	ErrAuthentication = errors.New("srtp: authentication failed")
	// ErrReplayed is returned for a packet that came before, or is older than the replay window.
	ErrReplayed = errors.New("srtp: replayed packet")
	// ErrReused is returned for a packet to be encrypted whose SSRC and sequence number were
	// used before, or are older than the window that could tell.
	ErrReused = errors.New("srtp: packet index already used")
	// ErrTooManySSRCs is returned when there is no room for the state of another SSRC.
	ErrTooManySSRCs = errors.New("srtp: too many SSRCs")
	// ErrExhausted is returned when all packet indices of a key have been used.
	ErrExhausted = errors.New("srtp: key exhausted")
)
