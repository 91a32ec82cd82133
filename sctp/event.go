package sctp

// EventKind says what happened.
type EventKind uint8

const (
	// EventNone is the kind of the zero Event.
	EventNone EventKind = iota

	// EventConnected: the association is established. Messages queued
	// before are on their way.
	EventConnected

	// EventChannelOpened: channel ID can carry messages. For a channel that the
	// peer opened this is the first mention of it; one that was opened here is
	// reported when the association is established. Config is set.
	EventChannelOpened

	// EventMessage: a message arrived on channel ID. Binary and Data are set.
	EventMessage

	// EventBufferedAmountLow: the bytes waiting on channel ID fell to its
	// threshold, or there is room again after Send failed with ErrBufferFull.
	EventBufferedAmountLow

	// EventChannelClosed: channel ID is gone, in both directions. Err is nil
	// after an orderly close by either side.
	EventChannelClosed

	// EventClosed: the association is over. It is the last event. Err is nil
	// after an orderly end: our Close, or the peer's, or a shutdown.
	EventClosed
)

func (k EventKind) String() string {
	switch k {
	case EventNone:
		return "None"
	case EventConnected:
		return "Connected"
	case EventChannelOpened:
		return "ChannelOpened"
	case EventMessage:
		return "Message"
	case EventBufferedAmountLow:
		return "BufferedAmountLow"
	case EventChannelClosed:
		return "ChannelClosed"
	case EventClosed:
		return "Closed"
	default:
		return "EventKind(?)"
	}
}

// Event is something the application should know. Fields not named by its
// Kind are zero.
type Event struct {
	Kind   EventKind
	Binary bool          // EventMessage: a binary message, not a UTF-8 string
	Remote bool          // EventChannelOpened: the peer opened it
	ID     ChannelID     // the channel: all but EventConnected and EventClosed
	Data   []byte        // EventMessage: valid until the next NextEvent or HandlePacket
	Config ChannelConfig // EventChannelOpened
	Err    error         // EventChannelClosed, EventClosed
}
