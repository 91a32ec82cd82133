// Package sctp is a Sans-IO SCTP association (RFC 9260) with WebRTC data
// channels (RFC 8831, RFC 8832), to be run over DTLS (RFC 8261) or any other
// transport of authenticated datagrams.
//
// An [Association] opens no socket, reads no clock and starts no goroutine.
// Packets, time and the application's calls go in; packets, events and one
// deadline come out:
//
//	a.HandlePacket(now, packet)   // one SCTP packet of the peer
//	a.HandleTimeout(now)          // Deadline has passed (early or late is harmless)
//	b, ok := a.AppendPacket(now, dst) // the next packet owed to the peer
//	ev, ok := a.NextEvent()       // what the application should know
//	a.Deadline()                  // when to call HandleTimeout
//
// After any call, take events until there are none, then packets until there
// are none, then wait for input or the deadline. No order of calls is wrong.
//
// # What is in it
//
// Association: simultaneous INIT, signed state cookie, restart, fragmentation
// and reassembly, SACK with gap blocks and duplicates, congestion control,
// loss detection by time (RFC 8985 carried over to SCTP), partial reliability
// (RFC 3758, RFC 7496), stream reset (RFC 6525), immediate SACK (RFC 7053),
// heartbeats, shutdown. Data channels: in-band and negotiated, every
// reliability, strings, binary and empty messages, close from either side.
//
// What data channels do not need does not exist: multi-homing, AUTH, ASCONF,
// PKTDROP. Their chunks meet the rules for unknown chunks.
//
// # Limits
//
// The peer can make the association hold no more than Config.ReceiveBuffer
// for the application (bookkeeping included) and as much again while it fills
// gaps, Config.MaxChannels channels, and some fixed tables. Messages
// the application has not taken with NextEvent close the window that the peer
// sees; reliable messages are never dropped.
package sctp
