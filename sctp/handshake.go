package sctp

import (
	"encoding/binary"
	"io"
	"time"
)

// Timing of INIT and COOKIE ECHO. A lost one delays the start of everything,
// so repetition does not back off as far as that of data.
const (
	initialRTO = 500 * time.Millisecond
	maxInitRTO = 3 * time.Second
	maxCookie  = 4096 // bytes of the peer's cookie that we carry
)

// drawn is what an association takes from Config.Rand, at once and in this
// order, so that the same source makes the same association.
type drawn struct {
	cookieKey  [32]byte
	tag        uint32
	tsn        uint32
	restartTag uint32 // offered to a peer that restarts
	restartTSN uint32
	nonce      uint64 // of heartbeats
}

func (d *drawn) read(r io.Reader) error {
	var b [32 + 4*4 + 8]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return err
	}
	copy(d.cookieKey[:], b[:])
	d.tag = max(1, binary.BigEndian.Uint32(b[32:]))
	d.tsn = binary.BigEndian.Uint32(b[36:])
	d.restartTag = max(1, binary.BigEndian.Uint32(b[40:]))
	d.restartTSN = binary.BigEndian.Uint32(b[44:])
	d.nonce = binary.BigEndian.Uint64(b[48:])
	return nil
}

// handshake is what is needed until the association stands.
type handshake struct {
	initOwed       bool
	cookieEchoOwed bool
	cookieAckOwed  bool
	cookie         []byte     // the peer's, to echo
	initAck        *initReply // owed to the peer
	tries          int
	sentAt         instant // of the INIT or COOKIE ECHO, if it was sent once
}

// initReply is an INIT ACK that is owed: the peer's INIT, and what we answer.
type initReply struct {
	peer          initChunk
	tag, tsn      uint32
	tieLoc, tieRm uint32
}

// Connect starts the association: an INIT is owed to the peer. Once the role
// is known and Connect was called, channels have their stream identifiers.
// Calling it again, or when the peer was first, is harmless.
func (a *Association) Connect(now time.Time) {
	t := a.advance(now)
	if a.state != stateClosed {
		return
	}
	a.start(t)
	a.state = stateCookieWait
	a.hs.initOwed = true
}

// start fixes the role.
func (a *Association) start(t instant) {
	a.started = true
	a.assignStreams()
}

// initTimeout is the expiry of T1-init or T1-cookie.
func (a *Association) initTimeout(t instant) {
	a.timers.init = 0
	a.stats.Timeouts++
	a.hs.tries++
	if a.cfg.MaxRetransmits > 0 && a.hs.tries > a.cfg.MaxRetransmits {
		a.finish(ErrTimeout)
		return
	}
	a.rtt.backOff(maxInitRTO)
	switch a.state {
	case stateCookieWait:
		a.hs.initOwed = true
	case stateCookieEchoed:
		a.hs.cookieEchoOwed = true
		// The DATA beside it went the same way.
		a.loseAll()
	}
}

func (a *Association) handleInit(t instant, value []byte) {
	c, ok := parseInit(value)
	if !ok {
		a.stats.DroppedMalformed++
		return
	}
	r := &initReply{peer: c, tag: a.tag, tsn: a.initialTSN}
	switch a.state {
	case stateClosed, stateCookieWait, stateCookieEchoed:
		// "Upon receipt of an INIT chunk in the COOKIE-WAIT or COOKIE-ECHOED
		// state, an endpoint MUST respond with an INIT ACK chunk using the same
		// parameters it sent in its original INIT chunk"
		// (https://www.rfc-editor.org/rfc/rfc9260#section-5.2.1). Before
		// Connect they are the ones it is going to send.
	case stateShutdownAckSent:
		// "it MUST discard the INIT chunk and retransmit the SHUTDOWN ACK
		// chunk" (https://www.rfc-editor.org/rfc/rfc9260#section-9.2).
		a.shutdownAckOwed = true
		return
	case stateDone:
		a.stats.DroppedState++
		return
	default:
		// A peer that lost its memory, or an INIT that was delayed: answered
		// from a new tag, with the tags that stand as tie-tags
		// (https://www.rfc-editor.org/rfc/rfc9260#section-5.2.2).
		r.tag, r.tsn = a.restartTag, a.restartTSN
		r.tieLoc, r.tieRm = a.tag, a.peerTag
	}
	a.hs.initAck = r
}

// appendInitAck appends the INIT ACK that is owed, a packet of its own.
func (a *Association) appendInitAck(t instant, b []byte) []byte {
	r := a.hs.initAck
	a.hs.initAck = nil
	start := len(b)
	b = appendHeader(b, a.cfg.LocalPort, a.cfg.RemotePort, r.peer.tag)
	cookie := a.appendCookie(nil, &stateCookie{
		made: t, localTag: r.tag, peerTag: r.peer.tag, localTSN: r.tsn, peerTSN: r.peer.tsn,
		window: r.peer.window, tieLocal: r.tieLoc, tiePeer: r.tieRm,
		outbound: r.peer.outbound, inbound: r.peer.inbound,
		forwardTSN: r.peer.forwardTSN, reconf: r.peer.reconfig,
	})
	b = appendInit(b, &initChunk{
		tag: r.tag, window: uint32(a.cfg.ReceiveBuffer), outbound: maxStreams, inbound: maxStreams,
		tsn: r.tsn, cookie: cookie, unrecognized: r.peer.unrecognized,
	})
	sealPacket(b, start)
	return b
}

// appendInitPacket appends the INIT, a packet of its own, with tag zero.
func (a *Association) appendInitPacket(t instant, b []byte) []byte {
	a.hs.initOwed = false
	a.timers.init = t.add(min(a.rtt.rto, maxInitRTO))
	start := len(b)
	b = appendHeader(b, a.cfg.LocalPort, a.cfg.RemotePort, 0)
	b = appendInit(b, &initChunk{
		tag: a.tag, window: uint32(a.cfg.ReceiveBuffer), outbound: maxStreams, inbound: maxStreams,
		tsn: a.initialTSN,
	})
	sealPacket(b, start)
	if a.hs.tries == 0 {
		a.hs.sentAt = t
	}
	return b
}

func (a *Association) handleInitAck(t instant, value []byte) {
	// "If an INIT ACK chunk is received by an endpoint in any state other than
	// the COOKIE-WAIT state, the endpoint SHOULD discard the INIT ACK chunk"
	// (https://www.rfc-editor.org/rfc/rfc9260#section-5.2.3).
	if a.state != stateCookieWait {
		a.stats.DroppedState++
		return
	}
	c, ok := parseInit(value)
	if !ok || len(c.cookie) == 0 || len(c.cookie) > min(maxCookie, a.cfg.MTU-headerSize-chunkHeader-3) {
		a.stats.DroppedMalformed++
		return
	}
	if a.hs.tries == 0 && a.hs.sentAt != 0 {
		a.rtt.sample(t.sub(a.hs.sentAt))
	}
	a.peerStarts(&c)
	a.hs.cookie = append([]byte(nil), c.cookie...)
	a.hs.cookieEchoOwed = true
	a.hs.initOwed = false
	a.hs.tries = 0
	a.hs.sentAt = 0
	a.rtt.reset()
	a.timers.init = 0
	a.state = stateCookieEchoed
}

// peerStarts takes what the peer says about itself at its start.
func (a *Association) peerStarts(c *initChunk) {
	a.peerTag = c.tag
	a.peerForwardTSN = c.forwardTSN
	a.peerReconfig = c.reconfig
	a.outStreams = min(int(c.inbound), maxStreams)
	a.sent.window = int(min(c.window, unlimitedWindow))
	a.recv.begin(c.tsn)
	a.reset.begin(c.tsn)
}

func (a *Association) handleCookieEcho(t instant, tag uint32, value []byte) {
	c, ok := a.openCookie(value)
	// "Compare the … Verification Tag … contained in the State Cookie to the
	// actual … in the packet" (RFC 9260 section 5.1.5).
	if !ok || c.localTag != tag || c.localTag == 0 || c.peerTag == 0 {
		a.stats.DroppedCookie++
		return
	}
	local, peer := c.localTag == a.tag, c.peerTag == a.peerTag
	if t.sub(c.made) > cookieLifetime && !(a.state.connected() && local && peer) {
		a.stats.DroppedCookie++
		if a.state == stateClosed {
			return // we have nothing to answer from
		}
		a.staleCookie(t, &c)
		return
	}
	// The table of https://www.rfc-editor.org/rfc/rfc9260#section-5.2.4.
	switch {
	case a.state == stateDone:
		a.stats.DroppedState++
	case a.state == stateClosed:
		if !local {
			a.stats.DroppedCookie++
			return
		}
		a.start(t)
		a.adoptCookie(&c)
		a.establish(t)
		a.hs.cookieAckOwed = true
	case !local && c.tieLocal == a.tag && c.tiePeer == a.peerTag && a.state.connected():
		a.restart(t, &c) // action A
	case local && !a.state.connected():
		// Actions B and D, before we are established: both sides sent an INIT,
		// and the peer's cookie came first.
		if !peer || a.state == stateCookieWait {
			a.adoptCookie(&c)
		}
		a.establish(t)
		a.hs.cookieAckOwed = true
	case local:
		// Actions B and D: our COOKIE ACK was lost, or the peer's tag changed
		// in a collision.
		a.peerTag = c.peerTag
		a.hs.cookieAckOwed = true
	default:
		a.stats.DroppedCookie++ // action C
	}
}

// adoptCookie takes the peer's side of the association from a cookie.
func (a *Association) adoptCookie(c *stateCookie) {
	a.peerStarts(&initChunk{
		tag: c.peerTag, window: c.window, outbound: c.outbound, inbound: c.inbound,
		tsn: c.peerTSN, forwardTSN: c.forwardTSN, reconfig: c.reconf,
	})
}

// restart replaces the association by the one that a restarted peer asks for.
// What the channels carried is lost, and their state at the peer too.
func (a *Association) restart(t instant, c *stateCookie) {
	if a.state == stateShutdownAckSent {
		a.shutdownAckOwed = true
		return
	}
	for _, ch := range a.channels {
		a.dropChannel(ch, ErrRestarted)
	}
	a.sent.clear(a)
	a.recv.clear(a)
	a.tag, a.initialTSN = c.localTag, c.localTSN
	a.restartTag++ // the next one must differ
	a.restartTag = max(1, a.restartTag)
	a.resetState()
	a.adoptCookie(c)
	a.state = stateCookieWait
	a.establish(t)
	a.hs.cookieAckOwed = true
}

// staleCookie owes the peer the measure of how late its cookie is.
func (a *Association) staleCookie(t instant, c *stateCookie) {
	late := t.sub(c.made) - cookieLifetime
	var v [4]byte
	binary.BigEndian.PutUint32(v[:], uint32(min(late.Microseconds(), 1<<32-1)))
	a.oweError(causeStaleCookie, v[:], c.peerTag)
}

func (a *Association) handleCookieAck(t instant) {
	if a.state != stateCookieEchoed {
		a.stats.DroppedState++
		return
	}
	if a.hs.tries == 0 && a.hs.sentAt != 0 {
		a.rtt.sample(t.sub(a.hs.sentAt))
	}
	a.establish(t)
}

// establish enters ESTABLISHED.
func (a *Association) establish(t instant) {
	a.state = stateEstablished
	cookieAck := a.hs.cookieAckOwed
	a.hs = handshake{initAck: a.hs.initAck, cookieAckOwed: cookieAck}
	a.timers.init = 0
	a.rtt.reset()
	a.errors = 0
	a.heardAt = t
	a.armHeartbeat(t)
	if a.sent.flight > 0 && a.timers.rtx == 0 {
		a.timers.rtx = t.add(a.rtt.rto)
		a.armProbe(t)
	}
	if !a.told {
		a.told = true
		a.events.push(event{kind: EventConnected})
	}
	a.announceChannels()
	if a.shutdownWanted {
		a.beginShutdown(t)
	}
}
