package dtls

// EventKind says what an [Event] is about.
type EventKind uint8

const (
	// EventHandshakeDone: the peer is authenticated, application data can be
	// sent, keying material exported. It comes once, before any EventData.
	EventHandshakeDone EventKind = iota + 1
	// EventData: a record of application data has arrived. Event.Data holds it.
	EventData
	// EventClosed: the connection is over, Event.Err says why. It is the last event.
	EventClosed
)

func (k EventKind) String() string {
	switch k {
	case EventHandshakeDone:
		return "HandshakeDone"
	case EventData:
		return "Data"
	case EventClosed:
		return "Closed"
	default:
		return "none"
	}
}

// Event is something the caller has to know.
type Event struct {
	Kind EventKind
	// Data is the content of an EventData. It belongs to the Conn and is valid until
	// the next call of HandlePacket.
	Data []byte
	// Err is why an EventClosed came: nil after [Conn.Close] or the peer's
	// close_notify; otherwise ErrHandshakeTimeout, ErrKeyLimit, or an *AlertError.
	Err error
}

// ConnectionState describes a connection.
type ConnectionState struct {
	HandshakeDone bool
	Client        bool
	Version       Version // zero: not negotiated yet, as for the fields below
	CipherSuite   CipherSuite
	Group         Group
	SRTPProfile   SRTPProfile // zero: use_srtp was not negotiated
	// PeerCertificates are the peer's certificates in DER, the end entity's
	// first. They are authenticated when HandshakeDone is true.
	PeerCertificates [][]byte
}

// Stats counts what has been dropped or repeated. No counter goes back.
type Stats struct {
	RecordsMalformed     uint64 // framing cannot be decoded, or type, version or CID not acceptable
	RecordsUndecryptable uint64 // failed authentication
	RecordsReplayed      uint64 // seen before, or older than the replay window
	RecordsUnprotected   uint64 // plaintext where only protected records count
	RecordsIgnored       uint64 // of an epoch without keys, or that came after the end
	FragmentsDropped     uint64 // handshake fragments that are inconsistent or past a limit
	DataDropped          uint64 // application data past the limit of what waits for NextEvent
	HandshakeDuplicates  uint64 // handshake messages received again
	Retransmissions      uint64 // handshake records sent again
	KeyUpdates           uint64 // changes of the keys, of either side
}
