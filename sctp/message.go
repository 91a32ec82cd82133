package sctp

import "time"

// messageOverhead is what a queued message is charged beyond its bytes, so
// that empty ones are not free.
const messageOverhead = 160

// outMessage is a message on its way out. Its bytes are kept, in one piece,
// until all its chunks are acknowledged for good.
type outMessage struct {
	next    *outMessage // in the channel's queue
	ch      *channel
	data    []byte // from the pool
	sent    int    // bytes that have TSNs
	refs    int    // chunks not acknowledged for good
	charge  int
	maxRtx  uint32
	expires instant // zero: never
	ppid    uint32
	ssn     uint16
	ordered bool
	dcep    bool
	started bool // has a TSN
	queued  bool // in the channel's queue
}

// done reports whether all of the message has TSNs, or never will.
func (m *outMessage) done() bool { return !m.queued }

func (m *outMessage) flags() uint8 {
	if m.ordered {
		return 0
	}
	return flagUnordered
}

// newMessage queues a copy of data on a channel.
func (a *Association) newMessage(ch *channel, ppid uint32, data []byte) *outMessage {
	m := a.freeMessages
	if m == nil {
		m = new(outMessage)
	} else {
		a.freeMessages = m.next
	}
	*m = outMessage{ch: ch, ppid: ppid, maxRtx: unlimited, ordered: true, queued: true}
	m.data = a.pool.get(max(1, len(data)))
	m.data[0] = 0 // of an empty message
	copy(m.data, data)
	m.charge = cap(m.data) + messageOverhead
	a.held += m.charge
	if ch.tail == nil {
		ch.head = m
	} else {
		ch.tail.next = m
	}
	ch.tail = m
	a.unsent++
	a.activate(ch)
	return m
}

// releaseMessage gives a message back if nothing refers to it.
func (a *Association) releaseMessage(m *outMessage) {
	if m.refs > 0 || m.queued {
		return
	}
	a.held -= m.charge
	a.pool.put(m.data)
	*m = outMessage{next: a.freeMessages}
	a.freeMessages = m
}

// activate puts a channel with something to send into the round of channels,
// if it has a stream.
func (a *Association) activate(ch *channel) {
	if ch.active || ch.head == nil || !ch.hasStream {
		return
	}
	ch.active = true
	ch.nextActive = nil
	if a.roundLast == nil {
		a.roundFirst = ch
	} else {
		a.roundLast.nextActive = ch
	}
	a.roundLast = ch
}

// turn ends the turn of the channel at the front. Channels take turns message
// by message: the fragments of a message have consecutive TSNs, so that one
// cannot begin inside another (that takes I-DATA, RFC 8260).
func (a *Association) turn() {
	ch := a.roundFirst
	a.roundFirst = ch.nextActive
	if a.roundFirst == nil {
		a.roundLast = nil
	}
	ch.active, ch.nextActive = false, nil
	a.activate(ch)
}

// unqueue takes the first message off a channel's queue.
func (a *Association) unqueue(ch *channel) {
	m := ch.head
	ch.head = m.next
	if ch.head == nil {
		ch.tail = nil
	}
	m.next, m.queued = nil, false
	a.unsent--
}

// endUnsent takes a message off its queue before all of it was sent. A
// message that was begun gets an end of its own, a TSN without data, if mark is
// true.
func (a *Association) endUnsent(m *outMessage, mark bool) {
	ch := m.ch
	a.unqueue(ch)
	a.lessQueued(ch, m, len(m.data)-m.sent)
	if ch.active && a.roundFirst == ch {
		a.turn()
	}
	if m.started && mark {
		a.placeholder(m)
	}
	a.resetIfSent(ch)
}

// lessQueued notes that bytes of a message wait no longer.
func (a *Association) lessQueued(ch *channel, m *outMessage, n int) {
	if m.dcep || ch.empty(m) {
		return
	}
	was := ch.buffered
	ch.buffered -= n
	if was > ch.threshold && ch.buffered <= ch.threshold {
		a.pushLow(ch)
	}
}

// pushLow tells once that a channel has room, until that was taken.
func (a *Association) pushLow(ch *channel) {
	if !ch.lowPending && ch.state != channelGone {
		ch.lowPending = true
		a.events.push(event{kind: EventBufferedAmountLow, ch: ch})
	}
}

// checkRoom tells the channels on which Send failed when there is room again.
func (a *Association) checkRoom() {
	if a.blocked == 0 {
		return
	}
	for _, ch := range a.channels {
		if n := ch.blockedOn; n > 0 && (a.held == 0 || a.held+n <= a.cfg.SendBuffer-a.cfg.SendBuffer/4 || a.held+n <= a.cfg.SendBuffer && n > a.cfg.SendBuffer/4) {
			ch.blockedOn = 0
			a.blocked--
			a.pushLow(ch)
		}
	}
}

// frontMessage returns the message whose turn it is, and drops those that have
// expired.
func (a *Association) frontMessage(t instant) *outMessage {
	for a.roundFirst != nil {
		m := a.roundFirst.head
		if !m.expires.due(t) || !a.peerForwardTSN {
			return m
		}
		switch {
		case m.refs > 0:
			// Only one message is begun at a time: its last chunk is the last.
			a.abandon(m, a.sent.nextTSN-1)
		default:
			a.stats.MessagesAbandoned++
			a.endUnsent(m, true)
			a.releaseMessage(m)
			a.advancePoint()
		}
		if a.roundFirst != nil {
			a.checkRoom()
		}
	}
	return nil
}

// Send queues a copy of data as one message on a channel, which may be empty.
// Strings (binary is false) should be UTF-8; it is not checked. It can be
// called before the association is connected.
//
// It fails with ErrBufferFull if Config.SendBuffer has no room: then an
// EventBufferedAmountLow of the channel will tell when there is. It fails with
// ErrMessageTooLarge if the peer takes no message of that size.
func (a *Association) Send(now time.Time, id ChannelID, binary bool, data []byte) error {
	t := a.advance(now)
	if a.state == stateDone || a.shutdownWanted {
		return ErrClosed
	}
	ch := a.byID[id]
	if ch == nil || ch.state > channelOpen {
		return ErrNoChannel
	}
	if a.cfg.RemoteMaxMessageSize >= 0 && len(data) > a.cfg.RemoteMaxMessageSize {
		return ErrMessageTooLarge
	}
	_, size := sizeClass(max(1, len(data)))
	if size > maxPooled {
		size = len(data)
	}
	if need := size + messageOverhead; a.held > 0 && a.held+need > a.cfg.SendBuffer {
		if ch.blockedOn == 0 {
			a.blocked++
		}
		ch.blockedOn = need
		return ErrBufferFull
	}
	ppid := uint32(ppidString)
	switch {
	case binary && len(data) == 0:
		ppid = ppidBinaryEmpty
	case binary:
		ppid = ppidBinary
	case len(data) == 0:
		ppid = ppidStringEmpty
	}
	m := a.newMessage(ch, ppid, data)
	// "Before the DATA_CHANNEL_ACK message or any other message has been
	// received on a data channel, all other messages containing user data and
	// belonging to this data channel MUST be sent ordered, no matter whether
	// the data channel is ordered or not"
	// (https://www.rfc-editor.org/rfc/rfc8832#section-6).
	m.ordered = !ch.cfg.Unordered || ch.awaitingAck
	if n := ch.cfg.MaxRetransmits; n != nil {
		m.maxRtx = uint32(*n)
	}
	if d := ch.cfg.MaxLifetime; d != nil {
		m.expires = t.add(*d)
	}
	ch.buffered += len(data)
	a.stats.MessagesSent++
	a.active(t)
	return nil
}
