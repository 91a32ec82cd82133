package sctp

import "encoding/binary"

// Error causes (RFC 9260 section 3.3.10).
const (
	causeStaleCookie       = 3
	causeUnrecognizedChunk = 6
	causeNoUserData        = 9
	causeUserAbort         = 12
	causeProtocolViolation = 13
)

const (
	maxErrorEcho  = 256 // bytes of a chunk sent back
	maxReasonText = 128
)

// oweError owes the peer an ERROR chunk with one cause. Of several only the
// last is sent: they are hints.
func (a *Association) oweError(cause uint16, value []byte, tag uint32) {
	value = value[:min(len(value), maxErrorEcho)]
	a.errorOwed = appendParam(a.errorOwed[:0], cause, value)
	a.errorTag = tag
}

// appendError appends the ERROR that is owed, a packet of its own.
func (a *Association) appendError(b []byte) []byte {
	start := len(b)
	b = appendHeader(b, a.cfg.LocalPort, a.cfg.RemotePort, a.errorTag)
	chunk := len(b)
	b = appendChunkHeader(b, chunkError, 0)
	b = append(b, a.errorOwed...)
	b = endChunk(b, chunk)
	a.errorOwed = nil
	sealPacket(b, start)
	return b
}

// handleError takes an ERROR chunk. "An ERROR chunk is not considered fatal in
// and of itself", and most say nothing that we could act on.
func (a *Association) handleError(t instant, b []byte) {
	cause, _, n := consumeParam(b)
	if n < 0 || cause != causeStaleCookie || a.state != stateCookieEchoed {
		return
	}
	// Begin anew, within the tries there are
	// (https://www.rfc-editor.org/rfc/rfc9260#section-5.2.6).
	a.hs.cookieEchoOwed = false
	a.hs.initOwed = true
	a.hs.tries++
	a.loseAll()
	a.state = stateCookieWait
}

// abort ends the association since the peer broke the protocol.
func (a *Association) abort(cause uint16, value []byte, reason string) {
	if a.state == stateDone {
		return
	}
	if a.peerTag != 0 {
		a.abortOwed = true
		a.abortCause = appendParam(nil, cause, append(append([]byte(nil), value...), reason...))
	}
	a.finish(&AbortError{Local: true, Cause: cause, Reason: reason})
}

// appendAbort appends the ABORT that is owed, a packet of its own.
func (a *Association) appendAbort(b []byte) []byte {
	a.abortOwed = false
	start := len(b)
	b = appendHeader(b, a.cfg.LocalPort, a.cfg.RemotePort, a.peerTag)
	chunk := len(b)
	b = appendChunkHeader(b, chunkAbort, 0)
	b = append(b, a.abortCause...)
	b = endChunk(b, chunk)
	a.abortCause = nil
	sealPacket(b, start)
	return b
}

// handleAbort takes an ABORT whose tag was found right.
func (a *Association) handleAbort(b []byte) {
	if a.state == stateClosed {
		a.stats.DroppedState++
		return
	}
	cause, text, n := consumeParam(b)
	if n > 0 && cause == causeUserAbort {
		a.finish(nil) // how WebRTC peers say goodbye
		return
	}
	err := &AbortError{}
	if n > 0 {
		err.Cause = cause
		if cause == causeProtocolViolation {
			err.Reason = string(text[:min(len(text), maxReasonText)])
		}
	}
	a.finish(err)
}

// unknownChunk deals with a chunk of a type that we do not know, by the two
// highest bits of the type (RFC 9260 section 3.2). It reports whether the rest
// of the packet is to be processed.
func (a *Association) unknownChunk(c chunk) bool {
	if c.typ&0x40 != 0 && a.peerTag != 0 {
		a.oweError(causeUnrecognizedChunk, c.raw, a.peerTag)
	}
	return c.typ&0x80 != 0
}

// heartbeatInfo is the type of the one parameter of HEARTBEAT.
const heartbeatInfo = 1

// handleHeartbeat owes the peer the echo of its HEARTBEAT.
func (a *Association) handleHeartbeat(b []byte) {
	if len(b)+chunkHeader+headerSize > a.cfg.MTU {
		a.stats.DroppedMalformed++ // it could not be sent back
		return
	}
	a.heartbeatEcho = append(a.heartbeatEcho[:0], b...)
	a.heartbeatEchoOwed = true
}

// armHeartbeat starts the pause before the next heartbeat.
func (a *Association) armHeartbeat(t instant) {
	a.timers.heartbeat = 0
	if a.cfg.HeartbeatInterval > 0 {
		a.timers.heartbeat = t.add(a.cfg.HeartbeatInterval)
	}
}

// heartbeatTimeout sends a heartbeat on an idle association, and counts the
// last one if it was not answered. While DATA is acknowledged the peer is
// known to be alive, and the path is measured.
func (a *Association) heartbeatTimeout(t instant) {
	a.timers.heartbeat = 0
	if !a.state.sendsData() {
		return
	}
	if a.heartbeatOut {
		a.heartbeatOut = false
		if a.failed() {
			return
		}
	} else if next := a.heardAt.add(a.cfg.HeartbeatInterval); next > t {
		a.timers.heartbeat = next
		return
	}
	a.heartbeatOwed = true
	a.heartbeatOut = true
	a.heartbeatSeq++
	a.timers.heartbeat = t.add(max(a.rtt.rto, min(a.cfg.HeartbeatInterval, a.cfg.MaxRTO)))
}

// heartbeatToken is what our heartbeat carries and its echo must bring back.
func (a *Association) heartbeatToken() [16]byte {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], a.nonce+a.heartbeatSeq)
	binary.BigEndian.PutUint64(b[8:], uint64(a.heartbeatAt))
	return b
}

func (a *Association) handleHeartbeatAck(t instant, b []byte) {
	typ, value, n := consumeParam(b)
	want := a.heartbeatToken()
	if n < 0 || typ != heartbeatInfo || !a.heartbeatOut || string(value) != string(want[:]) {
		a.stats.DroppedState++
		return
	}
	a.heartbeatOut = false
	a.errors = 0
	a.heardAt = t
	a.rtt.sample(t.sub(a.heartbeatAt))
	a.armHeartbeat(t)
}
