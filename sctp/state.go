package sctp

// state is the state of the association (RFC 9260 section 4).
type state uint8

const (
	stateClosed state = iota // not started: an INIT of the peer is answered
	stateCookieWait
	stateCookieEchoed
	stateEstablished
	stateShutdownPending
	stateShutdownSent
	stateShutdownReceived
	stateShutdownAckSent
	stateDone // over, for good
)

func (s state) String() string {
	switch s {
	case stateClosed:
		return "Closed"
	case stateCookieWait:
		return "CookieWait"
	case stateCookieEchoed:
		return "CookieEchoed"
	case stateEstablished:
		return "Established"
	case stateShutdownPending:
		return "ShutdownPending"
	case stateShutdownSent:
		return "ShutdownSent"
	case stateShutdownReceived:
		return "ShutdownReceived"
	case stateShutdownAckSent:
		return "ShutdownAckSent"
	case stateDone:
		return "Done"
	default:
		return "state(?)"
	}
}

// connected reports whether both sides have each other's tags for certain.
func (s state) connected() bool { return s >= stateEstablished && s < stateDone }

// takesData reports whether DATA is received in the state: "DATA chunks MUST
// only be received … in ESTABLISHED, SHUTDOWN-PENDING, and SHUTDOWN-SENT"
// (https://www.rfc-editor.org/rfc/rfc9260#section-6).
func (s state) takesData() bool {
	return s == stateEstablished || s == stateShutdownPending || s == stateShutdownSent
}

// sendsData reports whether DATA may be sent, other than beside COOKIE ECHO.
func (s state) sendsData() bool {
	return s == stateEstablished || s == stateShutdownPending || s == stateShutdownReceived
}
