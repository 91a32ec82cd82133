// Package ice is an ICE agent (RFC 8445) without sockets, clock or goroutines.
//
// The agent finds out which pairs of addresses work between two peers, chooses
// one, and keeps the right to send on it. It opens nothing and reads nothing: the
// caller owns the sockets, hands in every STUN packet that arrives and sends what
// the agent builds.
//
//	agent, err := ice.New(now, ice.Config{Rand: rand.Reader, Controlling: true})
//	agent.AddLocalCandidate(now, ice.Candidate{Type: ice.Host, Addr: socketAddr})
//	// exchange agent.LocalCredentials() and candidates with the peer, then
//	agent.SetRemoteCredentials(now, peerCredentials, peerIsLite)
//	agent.AddRemoteCandidate(now, peerCandidate)
//	for {
//		for {
//			packet, path, ok := agent.AppendPacket(now, buf[:0])
//			if !ok {
//				break
//			}
//			// write packet from path.Local to path.Remote
//		}
//		for event, ok := agent.NextEvent(); ok; event, ok = agent.NextEvent() {
//			// ice.PathSelected: event.Path carries the data from here on
//		}
//		// wait for a packet or for agent.Deadline(), then
//		// agent.HandlePacket(now, path, packet) if stun.Is(packet), or
//		// agent.HandleTimeout(now)
//	}
//
// Responsibilities of the caller:
//
//  1. Every method that takes a time is given the present, never an earlier one
//     than before; if it is earlier, time stands still.
//  2. After any call, take packets until there is none, and events until there is
//     none, and call again no later than Deadline.
//  3. Send application data only on SendPath, and accept it only from a path for
//     which Validated is true. Report with NoteData what the layer above
//     authenticated.
//  4. A TCP candidate's packets are handed over one at a time without RFC 4571
//     framing. A path whose local side is an active candidate means a connection
//     opened from that candidate to the remote address; its Local stays the
//     candidate's base, whatever port the connection got.
//
// # What of RFC 8445 is deliberately absent
//
// One agent is one data stream with one component, which is what BUNDLE (RFC 9143)
// and rtcp-mux (RFC 5761) leave. So there is no Frozen state, no foundation groups
// and no component 2: a candidate of another component is ignored. Gathering
// (STUN and TURN clients) belongs to the caller, who hands in the results. A local
// peer-reflexive candidate, learned from a mapped address, is not listed: it would
// share its base, hence its path, with the pair that found it. Two lite agents
// cannot connect, since neither would prove its addresses to the other.
package ice
