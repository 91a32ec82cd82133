package sctp

import "time"

// Stats is a snapshot of an association's counters.
type Stats struct {
	PacketsSent, PacketsReceived      uint64
	BytesSent, BytesReceived          uint64 // SCTP packets, headers included
	MessagesSent, MessagesReceived    uint64 // user messages: given to Send, handed out by NextEvent
	MessagesAbandoned                 uint64 // by partial reliability or a closed channel
	ChunksRetransmitted               uint64
	DuplicateTSNs                     uint64 // received twice
	Timeouts                          uint64 // retransmission timer expiries
	TailProbes                        uint64
	DroppedPackets                    uint64 // sum of the next five
	DroppedMalformed                  uint64 // length, framing, illegal contents
	DroppedChecksum                   uint64
	DroppedTag                        uint64 // wrong ports or verification tag
	DroppedState                      uint64 // not expected in this state
	DroppedCookie                     uint64 // forged, stale or foreign state cookie
	DroppedWindow                     uint64 // DATA outside of the receive window
	DroppedMessages                   uint64 // on streams without a channel
	SRTT                              time.Duration
	CongestionWindow, FlightSize      int
	RemoteReceiveWindow               int
	ReceiveBufferUsed, SendBufferUsed int
	Channels                          int
}

// Stats returns a snapshot.
func (a *Association) Stats() Stats {
	s := a.stats
	s.DroppedPackets = s.DroppedMalformed + s.DroppedChecksum + s.DroppedTag + s.DroppedState + s.DroppedCookie
	s.SRTT = a.rtt.srtt
	s.CongestionWindow, s.FlightSize = a.cc.cwnd, a.sent.flight
	s.RemoteReceiveWindow = max(0, a.sent.window-a.sent.unacked)
	s.ReceiveBufferUsed, s.SendBufferUsed = a.recv.used, a.held
	s.Channels = len(a.channels)
	return s
}
