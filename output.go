package rtc

import (
	"net/netip"
	"time"

	"github.com/sansrtc/rtc/ice"
)

// Input is one stimulus for an [Rtc]: time has passed, and perhaps a datagram came.
//
// There is no kind. An Input without Data says only what time it is, which is what
// a caller sends when the deadline of the last [OutputTimeout] has come.
type Input struct {
	// Now is the time of the stimulus. It carries the wall clock and, when it comes
	// from time.Now, the monotonic one. A Now earlier than one already seen counts as
	// that one: for an Rtc time never goes back.
	Now time.Time

	// Local is the address the datagram arrived at: the base of a local candidate.
	// A server bound to the unspecified address gives the candidate's address.
	Local netip.AddrPort

	// Remote is the address the datagram came from.
	// IPv4-mapped IPv6 addresses are unmapped, here and in Local.
	Remote netip.AddrPort

	// Transport is what carried the datagram. For [ice.TCP] Data is one packet
	// without its RFC 4571 length, which the caller reads and writes.
	Transport ice.Transport

	// ECN is the codepoint of the IP header, if the caller can read it.
	ECN ECN

	// Data is the datagram, or nil when only time has passed. HandleInput neither
	// changes it nor keeps it.
	Data []byte
}

// ECN is the Explicit Congestion Notification codepoint of an IP header, RFC 3168 section 5.
type ECN uint8

const (
	ECNNotCapable ECN = 0b00 // Not-ECT
	ECNCapable1   ECN = 0b01 // ECT(1), which RFC 9331 (L4S) uses
	ECNCapable0   ECN = 0b10 // ECT(0)
	ECNCongested  ECN = 0b11 // CE
)

// OutputKind says which fields of an [Output] are set. These four kinds are all
// there will ever be.
type OutputKind uint8

const (
	// OutputTimeout ends a drain: there is nothing to do until Deadline, or until a
	// datagram comes or the application calls. A zero Deadline means that only those
	// two can bring more.
	OutputTimeout OutputKind = iota

	// OutputTransmit asks for Transmit to be sent.
	OutputTransmit

	// OutputEvent tells the application of Event.
	OutputEvent

	// OutputClosed is the end: the session is over and every further PollOutput says
	// the same. Err is nil if either side closed the session in the normal way.
	OutputClosed
)

// String returns the name of the kind.
func (k OutputKind) String() string {
	switch k {
	case OutputTimeout:
		return "timeout"
	case OutputTransmit:
		return "transmit"
	case OutputEvent:
		return "event"
	case OutputClosed:
		return "closed"
	default:
		return "invalid"
	}
}

// Output is one thing an [Rtc] wants done. The zero Output is inert: nothing to do, no timer.
type Output struct {
	Kind OutputKind

	// Transmit is set for OutputTransmit.
	Transmit Transmit

	// Event is set for OutputEvent. It and the bytes it points to are valid until the
	// next call of PollOutput or HandleInput.
	Event Event

	// Deadline is set for OutputTimeout. It is zero, or later than the last time the
	// Rtc was told. The zero value suits SetReadDeadline: both mean "never".
	Deadline time.Time

	// Err is set for OutputClosed: nil, or why the session failed. See [ErrICEFailed],
	// [dtls.AlertError], [dtls.ErrFingerprint], [dtls.ErrHandshakeTimeout].
	Err error
}

// Transmit is a datagram to be sent, or several to one destination.
type Transmit struct {
	// Local is the address to send from: the base of the local candidate. A caller
	// with one socket may ignore it.
	Local netip.AddrPort

	// Remote is the destination.
	Remote netip.AddrPort

	// Transport is UDP, or TCP for a packet that the caller frames as RFC 4571 says.
	Transport ice.Transport

	// ECN is the codepoint to be set in the IP header, if the caller can.
	ECN ECN

	// SegmentSize is zero when Data is one datagram. Otherwise Data is a run of
	// datagrams of SegmentSize bytes, of which the last may be shorter, as the
	// generic segmentation offload of an operating system takes them. It is zero
	// unless the caller has asked for batches; there is no way to ask yet.
	SegmentSize int

	// Data is valid until the next call of PollOutput or HandleInput.
	Data []byte
}
