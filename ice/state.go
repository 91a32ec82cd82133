package ice

// A State is the state of the agent's connection, in the words of
// RTCIceTransportState (https://www.w3.org/TR/webrtc/#rtcicetransportstate).
type State uint8

const (
	StateNew          State = iota // waiting for the peer's credentials
	StateChecking                  // looking for a pair that works
	StateConnected                 // a pair works; others are still being checked
	StateCompleted                 // a pair is selected and nothing is left to check
	StateDisconnected              // the peer has been silent for a while; may recover by itself
	StateFailed                    // no pair works; recovers by Restart or with new candidates
	StateClosed
)

// String returns the W3C name.
func (s State) String() string {
	switch s {
	case StateNew:
		return "new"
	case StateChecking:
		return "checking"
	case StateConnected:
		return "connected"
	case StateCompleted:
		return "completed"
	case StateDisconnected:
		return "disconnected"
	case StateFailed:
		return "failed"
	case StateClosed:
		return "closed"
	}
	return "unknown"
}
