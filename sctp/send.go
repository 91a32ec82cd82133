package sctp

import (
	"encoding/binary"
	"time"

	"github.com/sansrtc/rtc/internal/seqnum"
)

const (
	// minFragment is the least room, in bytes, for which a fragment is cut
	// that would fit better into the next packet.
	minFragment = 512

	burstPackets = 10
	burstTime    = 2 * time.Millisecond
	paceSlack    = time.Millisecond
)

// AppendPacket appends the next SCTP packet owed to the peer to dst, and
// reports whether there was one. It touches nothing of dst but what it
// appends.
func (a *Association) AppendPacket(now time.Time, dst []byte) ([]byte, bool) {
	t := a.advance(now)
	b := dst
	switch {
	case a.abortOwed:
		b = a.appendAbort(b)
	case a.shutdownCompleteOwed:
		b = a.appendShutdownComplete(b)
	case a.state == stateDone:
		return dst, false
	case a.hs.initAck != nil:
		b = a.appendInitAck(t, b)
	case a.errorOwed != nil:
		b = a.appendError(b)
	case a.hs.initOwed:
		b = a.appendInitPacket(t, b)
	default:
		b = a.appendBundle(t, b)
		if len(b) == len(dst) && a.sent.forwardOwed {
			// There was nothing to send but messages that have expired.
			b = a.appendBundle(t, b)
		}
	}
	if len(b) == len(dst) {
		return dst, false
	}
	a.stats.PacketsSent++
	a.stats.BytesSent += uint64(len(b) - len(dst))
	return b, true
}

func (a *Association) appendShutdownComplete(b []byte) []byte {
	a.shutdownCompleteOwed = false
	start := len(b)
	b = appendHeader(b, a.cfg.LocalPort, a.cfg.RemotePort, a.peerTag)
	b = append(b, byte(chunkShutdownComplete), 0, 0, chunkHeader)
	sealPacket(b, start)
	return b
}

// appendBundle appends a packet of all the chunks that are owed and fit, DATA
// last. It appends nothing if none is.
func (a *Association) appendBundle(t instant, b []byte) []byte {
	if !a.state.connected() && !a.hs.cookieEchoOwed {
		return b
	}
	start := len(b)
	limit := start + a.cfg.MTU
	b = appendHeader(b, a.cfg.LocalPort, a.cfg.RemotePort, a.peerTag)
	withData := a.state.sendsData()
	if a.hs.cookieEchoOwed {
		// "The COOKIE ECHO chunk MAY be bundled with any pending outbound DATA
		// chunks, but it MUST be the first chunk in the packet and until the
		// COOKIE ACK chunk is returned the sender MUST NOT send any other
		// packets to the peer"
		// (https://www.rfc-editor.org/rfc/rfc9260#section-5.1).
		b = a.appendCookieEcho(t, b)
		withData = true
	} else {
		b = a.appendControl(t, b, limit)
	}
	if withData {
		b = a.appendDataChunks(t, b, limit)
	}
	if len(b) == start+headerSize {
		return b[:start]
	}
	sealPacket(b, start)
	return b
}

func (a *Association) appendCookieEcho(t instant, b []byte) []byte {
	a.hs.cookieEchoOwed = false
	a.timers.init = t.add(min(a.rtt.rto, maxInitRTO))
	if a.hs.tries == 0 {
		a.hs.sentAt = t
	}
	start := len(b)
	b = appendChunkHeader(b, chunkCookieEcho, 0)
	b = append(b, a.hs.cookie...)
	return endChunk(b, start)
}

// appendControl appends the control chunks that are owed.
func (a *Association) appendControl(t instant, b []byte, limit int) []byte {
	if a.hs.cookieAckOwed {
		a.hs.cookieAckOwed = false
		b = append(b, byte(chunkCookieAck), 0, 0, chunkHeader)
	}
	if a.state == stateShutdownSent && a.sackNow {
		// "For each packet … that contains DATA … the SHUTDOWN … is sent
		// again", beside the SACK.
		a.shutdownOwed = true
	}
	if a.sackNow || a.sackPending && a.canSendData(t) {
		b = a.appendSack(b, limit-len(b))
	}
	if a.reset.owed || a.reset.nResponses > 0 {
		if len(b)+a.reconfigSize()+chunkHeader <= limit {
			b = a.appendReconfig(t, b)
		}
	}
	if a.heartbeatEchoOwed && len(b)+chunkHeader+padded(len(a.heartbeatEcho)) <= limit {
		a.heartbeatEchoOwed = false
		start := len(b)
		b = appendChunkHeader(b, chunkHeartbeatAck, 0)
		b = append(b, a.heartbeatEcho...)
		b = endChunk(b, start)
	}
	if a.heartbeatOwed && len(b)+24 <= limit {
		a.heartbeatOwed = false
		a.heartbeatAt = t
		start := len(b)
		b = appendChunkHeader(b, chunkHeartbeat, 0)
		token := a.heartbeatToken()
		b = appendParam(b, heartbeatInfo, token[:])
		b = endChunk(b, start)
	}
	if a.sent.forwardOwed && a.state.sendsData() && len(b)+32 <= limit {
		if seqnum.Less(a.sent.cumTSN, a.sent.advTSN) {
			b = a.appendForwardTSN(b, limit-len(b))
		}
		a.sent.forwardOwed = false
	}
	if a.shutdownOwed && len(b)+8 <= limit {
		a.shutdownOwed = false
		b = append(b, byte(chunkShutdown), 0, 0, 8)
		b = binary.BigEndian.AppendUint32(b, a.recv.cumTSN)
	}
	if a.shutdownAckOwed && len(b)+chunkHeader <= limit {
		a.shutdownAckOwed = false
		b = append(b, byte(chunkShutdownAck), 0, 0, chunkHeader)
	}
	return b
}

// canSendData reports whether DATA would be sent now, more or less: enough to
// know whether a SACK that may wait has company.
func (a *Association) canSendData(t instant) bool {
	return a.state.sendsData() && (a.sent.lost.n > 0 || a.roundFirst != nil) &&
		a.sent.flight < a.cc.cwnd && (a.sent.window > 0 || a.sent.flight == 0) && !a.mustPace(t)
}

// mustPace reports whether the next DATA has to wait for its turn on the line.
// Once it waits it waits until paceResume, so that a call in between, for
// whatever reason, does not change when it is sent.
func (a *Association) mustPace(t instant) bool {
	switch {
	case a.rtt.srtt < time.Millisecond:
		return false
	case a.paced:
		return a.paceResume() > t
	default:
		return a.paceAt > t
	}
}

// paceResume is when to send again: a little later than the first packet
// could, so that one wake-up sends several.
func (a *Association) paceResume() instant {
	return a.paceAt.add(min(paceSlack, a.rtt.srtt/8))
}

// appendDataChunks appends DATA: first what was lost, then what is new, as far
// as the peer's window, the congestion window, pacing and the packet allow.
func (a *Association) appendDataChunks(t instant, b []byte, limit int) []byte {
	s := &a.sent
	begin := len(b)
	a.paced = a.paced && a.mustPace(t)
	lastFlags := -1 // where the flags of the last DATA chunk are
	if a.loss.probeOwed {
		a.loss.probeOwed = false
		b, lastFlags = a.appendProbe(t, b, limit)
	} else if s.lost.n == 0 && a.roundFirst == nil {
		a.paced = false
		return b
	}
	a.decay(t)
	for {
		if s.flight >= a.cc.cwnd && s.flight > 0 {
			a.cc.limited = true
			break
		}
		if s.flight > 0 && a.mustPace(t) {
			if s.lost.n > 0 || a.roundFirst != nil {
				a.paced = true
			}
			break
		}
		at := len(b) + 1
		var ok bool
		if s.lost.n > 0 {
			b, ok = a.appendLost(t, b, limit)
		} else {
			b, ok = a.appendNew(t, b, limit)
		}
		if !ok {
			break
		}
		if len(b) > at { // an expired message leaves nothing
			lastFlags = at
		}
	}
	if len(b) == begin {
		return b
	}
	if lastFlags >= 0 && (a.roundFirst == nil && s.lost.n == 0 || a.cc.cwnd <= 4*a.cfg.MTU) {
		// The last of a burst asks for a SACK without delay, so that its loss
		// is noticed soon (RFC 7053 section 4.1).
		b[lastFlags] |= flagImmediate
	}
	n := len(b) - begin
	if srtt := a.rtt.srtt; srtt > 0 {
		burst := max(a.cc.interval(burstPackets*a.cfg.MTU, srtt), burstTime)
		a.paceAt = max(a.paceAt, t.add(-burst)).add(a.cc.interval(n, srtt))
	}
	a.sentAt = t
	if a.timers.rtx == 0 && a.state != stateCookieEchoed {
		a.timers.rtx = t.add(a.rtt.rto)
	}
	a.armProbe(t)
	return b
}

// decay shrinks the window of an association that was idle, since it no longer
// says anything about the path: "the cwnd of the transport address SHOULD be
// adjusted to max(cwnd / 2, 4 * PMDCS) once per RTO"
// (https://www.rfc-editor.org/rfc/rfc9260#section-7.2.1).
func (a *Association) decay(t instant) {
	if a.sent.flight > 0 || a.sentAt == 0 {
		return
	}
	least := initialWindowPackets * a.cfg.MTU
	for idle := t.sub(a.sentAt); idle > a.rtt.rto && a.cc.cwnd > least; idle -= a.rtt.rto {
		a.cc.ssthresh = max(a.cc.ssthresh, a.cc.cwnd/4*3)
		a.cc.cwnd = max(a.cc.cwnd/2, least)
	}
}

// appendLost appends the first of the lost chunks. ok is false if none can be
// sent in this packet.
func (a *Association) appendLost(t instant, b []byte, limit int) (_ []byte, ok bool) {
	s := &a.sent
	tsn := s.lost.first
	c := s.at(tsn)
	if a.expired(c) {
		a.abandon(c.msg, tsn)
		return b, true
	}
	// Once the peer's window is shut, what lies above all it has was dropped
	// by it and would be again. One chunk at a time asks whether it opened.
	if s.window == 0 && s.flight > 0 && !seqnum.Less(tsn, a.loss.highest) {
		return b, false
	}
	if len(b)+c.size() > limit {
		return b, false
	}
	c.rtx++
	a.stats.ChunksRetransmitted++
	s.fly(tsn, t)
	return appendDataChunk(b, c, tsn), true
}

// appendNew appends the next fragment of the message whose turn it is.
func (a *Association) appendNew(t instant, b []byte, limit int) (_ []byte, ok bool) {
	s := &a.sent
	m := a.frontMessage(t)
	if m == nil || s.len() >= maxOutstanding {
		return b, false
	}
	n := len(m.data) - m.sent
	if room := (limit - len(b) - dataHeader) &^ 3; n > room {
		if room < minFragment {
			if limit-len(b) < a.cfg.MTU-headerSize || room <= 0 {
				return b, false
			}
		}
		n = room
	}
	// "At any given time, the data sender MUST NOT transmit new data … if its
	// peer's rwnd indicates that the peer has no buffer space … However,
	// regardless of the value of rwnd (including if it is 0), the data sender
	// can always have one DATA chunk in flight"
	// (https://www.rfc-editor.org/rfc/rfc9260#section-6.1).
	if n > s.window-s.unacked && s.flight > 0 {
		return b, false
	}
	c, tsn := s.push()
	ch := m.ch
	if !m.started {
		m.started = true
		if m.ordered {
			m.ssn = ch.ssn
			ch.ssn++
		}
		c.flags = flagBegin
	}
	c.flags |= m.flags()
	c.msg, c.off, c.n = m, uint32(m.sent), uint32(n)
	c.stream, c.ssn = ch.stream, m.ssn
	m.sent += n
	m.refs++
	s.unacked += n
	a.lessQueued(ch, m, n)
	if m.sent == len(m.data) {
		c.flags |= flagEnd
		a.unqueue(ch)
		a.turn()
		a.resetIfSent(ch)
	}
	s.fly(tsn, t)
	return appendDataChunk(b, c, tsn), true
}

// appendProbe appends the tail loss probe: new data if there is some, else the
// last chunk sent, once more.
func (a *Association) appendProbe(t instant, b []byte, limit int) (_ []byte, flagsAt int) {
	s := &a.sent
	at := len(b) + 1
	if a.roundFirst != nil {
		if out, ok := a.appendNew(t, b, limit); ok && len(out) > at {
			return out, at
		}
	}
	if s.flying.n == 0 {
		return b, -1
	}
	tsn := s.flying.last
	c := s.at(tsn)
	if a.expired(c) || len(b)+c.size() > limit {
		return b, -1
	}
	s.land(tsn)
	c.rtx++
	a.stats.ChunksRetransmitted++
	s.fly(tsn, t)
	return appendDataChunk(b, c, tsn), at
}

func appendDataChunk(b []byte, c *sentChunk, tsn uint32) []byte {
	start := len(b)
	b = append(b, byte(chunkData), c.flags, 0, 0)
	b = binary.BigEndian.AppendUint32(b, tsn)
	b = binary.BigEndian.AppendUint16(b, c.stream)
	b = binary.BigEndian.AppendUint16(b, c.ssn)
	b = binary.BigEndian.AppendUint32(b, c.msg.ppid)
	b = append(b, c.msg.data[c.off:c.off+c.n]...)
	return endChunk(b, start)
}
