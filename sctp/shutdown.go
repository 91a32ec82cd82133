package sctp

import (
	"encoding/binary"
	"time"
)

// Close ends the association at once: an ABORT is owed to the peer, which is
// what WebRTC peers send and expect at the end of a session. What is queued or
// not acknowledged is lost. AppendPacket still has the ABORT.
func (a *Association) Close(now time.Time) {
	a.advance(now)
	if a.state == stateDone {
		return
	}
	if a.peerTag != 0 {
		a.abortOwed = true
		a.abortCause = appendParam(nil, causeUserAbort, nil)
	}
	a.finish(nil)
}

// Shutdown ends the association once everything queued is acknowledged by the
// peer (RFC 9260 section 9.2). Nothing more can be sent.
func (a *Association) Shutdown(now time.Time) {
	t := a.advance(now)
	switch a.state {
	case stateClosed:
		a.finish(nil)
	case stateCookieWait, stateCookieEchoed:
		a.shutdownWanted = true
	case stateEstablished:
		a.beginShutdown(t)
	}
}

func (a *Association) beginShutdown(t instant) {
	a.shutdownWanted = true
	a.state = stateShutdownPending
	a.drained(t)
}

// drained goes on with a shutdown when nothing is left to be sent or
// acknowledged.
func (a *Association) drained(t instant) {
	if a.sent.len() > 0 || a.unsent > 0 {
		return
	}
	switch a.state {
	case stateShutdownPending:
		a.state = stateShutdownSent
		a.shutdownOwed = true
	case stateShutdownReceived:
		a.state = stateShutdownAckSent
		a.shutdownAckOwed = true
	default:
		return
	}
	a.errors = 0
	a.timers.shutdown = t.add(a.rtt.rto)
}

// shutdownTimeout is the expiry of T2-shutdown.
func (a *Association) shutdownTimeout(t instant) {
	a.timers.shutdown = 0
	switch a.state {
	case stateShutdownSent:
		a.shutdownOwed = true
	case stateShutdownAckSent:
		a.shutdownAckOwed = true
	default:
		return
	}
	a.stats.Timeouts++
	if a.failed() {
		return
	}
	a.rtt.backOff(a.cfg.MaxRTO)
	a.timers.shutdown = t.add(a.rtt.rto)
}

func (a *Association) handleShutdown(t instant, b []byte) {
	switch a.state {
	case stateEstablished, stateShutdownPending:
		a.state = stateShutdownReceived
		// "Upon reception of the SHUTDOWN … stop accepting new data from its
		// upper layer, and verify, by checking the Cumulative TSN Ack field of
		// the chunk, that all its outstanding DATA chunks have been received".
		a.shutdownWanted = true
	case stateShutdownReceived:
	case stateShutdownSent:
		// "If an endpoint is in the SHUTDOWN-SENT state and receives a SHUTDOWN
		// chunk from its peer, the endpoint SHOULD respond immediately with a
		// SHUTDOWN ACK chunk to its peer and move to the SHUTDOWN-ACK-SENT
		// state".
		a.state = stateShutdownAckSent
		a.shutdownAckOwed = true
		a.timers.shutdown = t.add(a.rtt.rto)
		return
	case stateShutdownAckSent:
		a.shutdownAckOwed = true
		return
	default:
		a.stats.DroppedState++
		return
	}
	a.ackedByShutdown(t, binary.BigEndian.Uint32(b))
	a.drained(t)
}

// ackedByShutdown takes the cumulative TSN of a SHUTDOWN.
func (a *Association) ackedByShutdown(t instant, cum uint32) {
	s := &a.sent
	if d := s.nextTSN - cum; d == 0 || d > 1<<31 || int32(cum-s.cumTSN) < 0 {
		return
	}
	r := ackResult{flightWas: s.flight}
	a.ackTo(t, cum, &r)
	a.acked(t, &r)
}

func (a *Association) handleShutdownAck() {
	switch a.state {
	case stateShutdownSent, stateShutdownAckSent:
		a.shutdownCompleteOwed = true
		a.finish(nil)
	default:
		a.stats.DroppedState++
	}
}

func (a *Association) handleShutdownComplete() {
	// "it MUST only … if in the SHUTDOWN-ACK-SENT state"
	// (https://www.rfc-editor.org/rfc/rfc9260#section-8.5.1).
	if a.state != stateShutdownAckSent {
		a.stats.DroppedState++
		return
	}
	a.finish(nil)
}

// Done reports whether the association is over, as EventClosed does, and the error of
// that event. Messages that arrived before can still be taken.
func (a *Association) Done() (done bool, err error) { return a.state == stateDone, a.err }

// finish ends everything. An ABORT or SHUTDOWN COMPLETE that is owed still
// comes out.
func (a *Association) finish(err error) {
	if a.state == stateDone {
		return
	}
	a.state, a.err = stateDone, err
	a.timers = timers{}
	a.paced = false
	for len(a.channels) > 0 {
		a.dropChannel(a.channels[0], err)
	}
	a.sent.clear(a)
	a.recv.clear(a)
	a.hs = handshake{}
	a.reset = resetState{}
	a.pool = bufferPool{}
	a.freeFragments, a.freeMessages, a.freeWaits = nil, nil, nil
	a.events.push(event{kind: EventClosed, err: err})
}
