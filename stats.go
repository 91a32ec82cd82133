package rtc

import (
	"github.com/sansrtc/rtc/dtls"
	"github.com/sansrtc/rtc/ice"
	"github.com/sansrtc/rtc/sctp"
)

// Stats is a snapshot of a session. Counters begin at zero with the session and
// only grow.
type Stats struct {
	BytesReceived     uint64 // of datagrams, UDP payload
	BytesSent         uint64
	DatagramsReceived uint64
	DatagramsSent     uint64

	// Dropped counts datagrams, or what they carried, that were not used.
	Dropped Drops

	ICE  ice.Stats
	DTLS dtls.Stats // zero before there is a path
	SCTP sctp.Stats // zero without data channels
}

// traffic is what of Stats every datagram counts for.
type traffic struct {
	bytesReceived, bytesSent         uint64
	datagramsReceived, datagramsSent uint64
}

// Drops counts what came in and was dropped by the session itself, by reason. What a
// layer dropped is in the Stats of that layer.
type Drops struct {
	Unknown       uint64 // no protocol begins with such a byte
	Unvalidated   uint64 // not STUN, and from an address the peer has not proved to own
	Held          uint64 // early datagrams past the limit of what is held for a path under validation
	Media         uint64 // RTP or RTCP that nobody agreed to receive, or past the limit of what is held until there are keys
	Unauthentic   uint64 // RTP or RTCP that failed authentication, or was replayed
	Malformed     uint64 // authentic RTP or RTCP that breaks the rules
	UnknownSource uint64 // authentic RTP that belongs to no section
	Unread        uint64 // RTP packets that the application did not poll in time
	Unsealed      uint64 // RTP or RTCP that could not be protected
	NoChannels    uint64 // SCTP packets, although data channels were not agreed on
}

// Stats returns a snapshot.
func (r *Rtc) Stats() Stats {
	s := Stats{
		BytesReceived: r.traffic.bytesReceived, BytesSent: r.traffic.bytesSent,
		DatagramsReceived: r.traffic.datagramsReceived, DatagramsSent: r.traffic.datagramsSent,
		Dropped: r.dropped,
		ICE:     r.agent.Stats(),
	}
	if r.conn != nil {
		s.DTLS = r.conn.Stats()
	}
	if r.assoc != nil {
		s.SCTP = r.assoc.Stats()
	}
	return s
}
