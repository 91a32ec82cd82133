package sdp

// Parameters are what the local endpoint says of itself in a description.
type Parameters struct {
	// SessionID and Version go into the o= line. SessionID is random, below
	// 2^63, and stays; Version grows with every description.
	SessionID, Version uint64

	ICEUfrag, ICEPwd string
	ICELite          bool

	// Candidates and EndOfCandidates are put into the section that speaks for
	// the transport.
	Candidates      []string
	EndOfCandidates bool

	// Fingerprints of the local certificate; at least one.
	Fingerprints []Fingerprint

	// Setup is the role to answer with where the offer leaves the choice:
	// SetupActive or SetupPassive. If zero, SetupActive. It is not used once
	// there is an Agreement: roles stay.
	Setup Setup

	// SCTPPort and MaxMessageSize describe the data channels. If SCTPPort is
	// zero, DefaultSCTPPort. A MaxMessageSize of zero says "any size".
	SCTPPort       uint16
	MaxMessageSize uint64
}

// Agreement is what an offer and its answer settled, seen from one side. It is
// a value: Agree makes a new one and never changes the old.
type Agreement struct {
	// Lines are the m-lines of the session, in order.
	Lines []Line

	// Remote holds the transport parameters of the peer. It is the zero
	// Transport when every section was rejected.
	Remote     Transport
	RemoteLite bool // the peer is an ICE-lite endpoint
	RemoteTag  int  // index of the line whose section speaks for the transport; -1: none

	// Client says that the local endpoint is the DTLS client.
	Client bool

	// ICERestart says that the peer's credentials differ from those of the
	// agreement before.
	ICERestart bool

	// Data describes the data channel section; its Line is -1 if there is none.
	Data DataAgreement
}

// DataAgreement describes the SCTP association of the data channels.
type DataAgreement struct {
	Line           int // index into Lines; -1: there are no data channels
	RemotePort     uint16
	MaxMessageSize uint64 // largest message the peer receives; zero: any size
}

// Line is one m-line as both sides know it.
type Line struct {
	Kind     string
	Protocol string
	MID      string
	Rejected bool // free to be recycled
	Data     bool // carries data channels
}
