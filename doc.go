// Package rtc is WebRTC as one synchronous state machine. An [Rtc] is a session with
// one peer, a browser for instance: ICE, DTLS, audio and video over SRTP, and data channels, set up by
// SDP offer and answer or without it. It has no sockets, no clock and no goroutines.
// The caller owns the loop that reads and writes datagrams, and tells it the time.
//
// # The loop
//
// Give every datagram and every expired deadline to [Rtc.HandleInput], then call
// [Rtc.PollOutput] until it has nothing more to do:
//
//	// drain does what r asks and returns when r must be called again.
//	func drain(r *rtc.Rtc, conn *net.UDPConn, handle func(rtc.Event)) (time.Time, error) {
//		for {
//			out := r.PollOutput()
//			switch out.Kind {
//			case rtc.OutputTransmit:
//				// A failed write is a lost datagram: the network may refuse one candidate and take the next.
//				conn.WriteToUDPAddrPort(out.Transmit.Data, out.Transmit.Remote)
//			case rtc.OutputEvent:
//				handle(out.Event)
//			case rtc.OutputTimeout:
//				return out.Deadline, nil
//			case rtc.OutputClosed:
//				return time.Time{}, cmp.Or(out.Err, io.EOF)
//			}
//		}
//	}
//
//	func run(r *rtc.Rtc, conn *net.UDPConn, local netip.AddrPort, handle func(rtc.Event)) error {
//		buf := make([]byte, 2048)
//		in := rtc.Input{Now: time.Now()}
//		for {
//			r.HandleInput(in)
//			deadline, err := drain(r, conn, handle)
//			if err != nil {
//				return err
//			}
//			conn.SetReadDeadline(deadline) // the zero time means no deadline, for both
//			n, remote, err := conn.ReadFromUDPAddrPort(buf)
//			in = rtc.Input{Now: time.Now()}
//			switch {
//			case err == nil:
//				in.Local, in.Remote, in.Data = local, remote, buf[:n]
//			case !errors.Is(err, os.ErrDeadlineExceeded):
//				return err
//			}
//		}
//	}
//
// An Rtc has one owner. When the application has calls of its own to make, let one
// goroutine read the socket into a channel, and another own the Rtc and select over
// datagrams, the application's requests and a timer; the README shows it.
//
// # What the caller does
//
//  1. Finds local addresses and tells them with [Rtc.AddLocalCandidate], before a
//     description is made so that it lists them.
//  2. Exchanges descriptions with the peer over a way of its own: [Rtc.AcceptOffer]
//     returns the answer to an offer; [Rtc.CreateOffer] makes an offer, which
//     [Rtc.AcceptAnswer] concludes. Or it does without SDP, see below.
//  3. Runs the loop until OutputClosed. Calls may be made at any time, in any order,
//     any number between two polls; after them the loop polls again, since they may
//     have made something to send and may have moved the deadline.
//  4. Passes the current time to whatever asks for it. Time that goes back is ignored.
//  5. Copies what it wants to keep: bytes in an [Output] are lent until the next
//     HandleInput or PollOutput, and not voided by any other call. Bytes given to a method or in
//     an [Input] are the caller's again when the call returns, but for those of [Rtc.WriteRTPShared].
//
// # What to expect
//
// No datagram can make a call fail or panic, or use memory without bound. What does not
// belong to the session is dropped and counted in [Stats]. A session ends in one
// way, with [OutputClosed], whether it was closed, closed by the peer, or failed. Before
// that come the events not yet read, and those that void the session's routes and channels.
//
// A peer that vanishes without a goodbye is noticed by its silence: after 8 s (15 s with [Config.ICELite]) ICE is
// disconnected, after 30 s it has failed (RFC 7675), and after [Config.FailedTimeout]
// more the session ends.
//
// With the same inputs, the same [Config.Rand] and the same certificate a session
// gives the same outputs, byte for byte; see [Config.Rand] for the one exception.
//
// # Sessions without descriptions
//
// Two programs that know each other may agree by means of their own. They exchange
// [Rtc.LocalParameters] and call [Rtc.Start], with which data channels are there, and
// [Rtc.AddMedia] for each section of audio or video, before or after. Each side says
// what it does and the other the mirror image of that; [Rtc.SetMedia] changes it, and
// [Rtc.RestartICE] looks for another path. All that descriptions can agree on can be had
// in this way, and the same events tell of it. A session goes one of the two ways.
//
// Nothing compares what the two sides say: media with a payload type or a MID that only
// one side knows is dropped and counted.
//
// # Many sessions on one socket
//
// An [Endpoint] holds the sessions of a server. It is driven like one session, finds the session of each
// datagram with one look-up, and knows the earliest deadline of all. The examples are servers built on it.
//
// A server with routing of its own puts what [LocalUfragAdded] and [RemoteAddrAdded] tell into two
// maps; Username of package stun reads the first datagrams. The answers to a session's own first checks have neither
// a username nor a known address yet: they are found by the transaction ID of the check.
package rtc
