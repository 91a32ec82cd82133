package sctp

import (
	"slices"
	"time"
)

// channelState is where a data channel stands.
type channelState uint8

const (
	channelConnecting channelState = iota // not yet told to the application as open
	channelOpen
	channelClosing // the streams are being reset
	channelGone
)

// channel is a data channel: a pair of streams with the same identifier.
type channel struct {
	id        ChannelID
	cfg       ChannelConfig
	state     channelState
	stream    uint16
	hasStream bool
	remote    bool // the peer opened it

	awaitingAck bool // we opened it, and nothing has come from the peer yet

	head, tail *outMessage // not fully sent
	buffered   int         // user bytes in them
	threshold  int
	lowPending bool
	blockedOn  int // bytes for which Send found no room
	ssn        uint16

	active     bool // in the round of channels
	nextActive *channel

	// Closing: each side resets its outgoing stream.
	resetOwed bool // ours is to be reset
	resetOut  bool // it is in the request that is out
	outReset  bool // the peer did
	inReset   bool // the peer's is reset
	silent    bool // the application was told that it is closed
	closeErr  error
	unread    bool    // EventChannelClosed was not taken yet
	resetAt   instant // when ours was done
}

// reliable reports whether the channel never gives up a message.
func (ch *channel) reliable() bool {
	return ch.cfg.MaxRetransmits == nil && ch.cfg.MaxLifetime == nil
}

// empty reports whether a message is one of the empty ones, whose one byte on
// the wire is not the user's.
func (ch *channel) empty(m *outMessage) bool {
	return m.ppid == ppidBinaryEmpty || m.ppid == ppidStringEmpty
}

// Open opens a data channel. It can be called before Connect, and messages can
// be sent on the channel at once. EventChannelOpened follows when the
// association is established.
func (a *Association) Open(now time.Time, cfg ChannelConfig) (ChannelID, error) {
	t := a.advance(now)
	if a.state == stateDone || a.shutdownWanted {
		return 0, ErrClosed
	}
	if err := a.checkChannel(&cfg); err != nil {
		return 0, err
	}
	ch := a.newChannel(cfg)
	switch {
	case cfg.Negotiated:
		a.setStream(ch, cfg.StreamID)
	case a.started:
		if !a.assignStream(ch) {
			a.forget(ch)
			return 0, ErrTooManyChannels
		}
	}
	if !cfg.Negotiated {
		ch.awaitingAck = true
		a.queueOpen(ch)
		a.active(t)
	}
	if a.state.connected() {
		a.announce(ch)
	}
	return ch.id, nil
}

func (a *Association) checkChannel(cfg *ChannelConfig) error {
	orDefault(&cfg.Priority, defaultPriority)
	switch limit := a.cfg.RemoteMaxMessageSize; {
	case cfg.MaxRetransmits != nil && cfg.MaxLifetime != nil,
		cfg.MaxLifetime != nil && (*cfg.MaxLifetime < 0 || cfg.MaxLifetime.Milliseconds() > 1<<32-1),
		len(cfg.Label) > 65535, len(cfg.Protocol) > 65535,
		cfg.Negotiated && cfg.StreamID == maxStreams,
		!cfg.Negotiated && limit >= 0 && dcepOpenSize+len(cfg.Label)+len(cfg.Protocol) > limit:
		return ErrChannelConfig
	case len(a.channels) >= a.cfg.MaxChannels:
		return ErrTooManyChannels
	case cfg.Negotiated && a.busy(cfg.StreamID):
		return ErrStreamInUse
	case cfg.Negotiated && a.state.connected() && int(cfg.StreamID) >= a.outStreams:
		return ErrTooManyChannels
	}
	return nil
}

// busy reports whether a stream cannot be given to a channel.
func (a *Association) busy(stream uint16) bool {
	return a.byStream[stream] != nil || a.refused.has(stream) || a.burnt.has(stream)
}

func (a *Association) newChannel(cfg ChannelConfig) *channel {
	a.lastID++
	ch := &channel{id: a.lastID, cfg: cfg}
	if a.byID == nil {
		a.byID = make(map[ChannelID]*channel)
		a.byStream = make(map[uint16]*channel)
	}
	a.byID[ch.id] = ch
	a.channels = append(a.channels, ch)
	a.partial = a.partial || !ch.reliable()
	return ch
}

func (a *Association) setStream(ch *channel, stream uint16) {
	ch.stream, ch.hasStream, ch.cfg.StreamID = stream, true, stream
	a.byStream[stream] = ch
	a.activate(ch)
}

// assignStream gives a channel the lowest free stream of our parity: "the
// side acting as the DTLS client uses Streams with even Stream Identifiers,
// and the side acting as the DTLS server uses … odd"
// (https://www.rfc-editor.org/rfc/rfc8832#section-6).
func (a *Association) assignStream(ch *channel) bool {
	first := 1
	if a.cfg.Client {
		first = 0
	}
	limit := maxStreams
	if a.outStreams > 0 {
		limit = a.outStreams
	}
	for s := first; s < limit; s += 2 {
		if !a.busy(uint16(s)) {
			a.setStream(ch, uint16(s))
			return true
		}
	}
	return false
}

// assignStreams gives the channels opened so far their streams.
func (a *Association) assignStreams() {
	for _, ch := range slices.Clone(a.channels) {
		if !ch.hasStream && !a.assignStream(ch) {
			a.dropChannel(ch, ErrTooManyChannels)
		}
	}
}

// announceChannels tells the application of the channels that are open now.
func (a *Association) announceChannels() {
	for _, ch := range slices.Clone(a.channels) {
		if int(ch.stream) >= a.outStreams {
			a.dropChannel(ch, ErrTooManyChannels)
			continue
		}
		a.announce(ch)
		if ch.state == channelClosing {
			a.resetIfSent(ch)
		}
	}
}

func (a *Association) announce(ch *channel) {
	if ch.state == channelConnecting {
		ch.state = channelOpen
		a.events.push(event{kind: EventChannelOpened, ch: ch})
	}
}

// CloseChannel closes a channel: what is queued on it is sent, then the
// streams are reset in both directions. Messages that arrive meanwhile are
// dropped. EventChannelClosed follows.
func (a *Association) CloseChannel(now time.Time, id ChannelID) error {
	a.advance(now)
	if a.state == stateDone {
		return ErrClosed
	}
	ch := a.byID[id]
	if ch == nil || ch.state > channelOpen {
		return ErrNoChannel
	}
	if !a.state.connected() && ch.head == nil {
		a.dropChannel(ch, nil) // nobody knows of it
		return nil
	}
	a.beginClose(ch, nil)
	return nil
}

// beginClose starts the closing procedure of RFC 8831 section 6.7.
func (a *Association) beginClose(ch *channel, err error) {
	if ch.state >= channelClosing {
		return
	}
	ch.state = channelClosing
	ch.closeErr = err
	ch.resetOwed = true
	if ch.blockedOn > 0 {
		ch.blockedOn = 0
		a.blocked--
	}
	a.resetIfSent(ch)
}

// dropQueued discards the messages of a channel that were not begun.
func (a *Association) dropQueued(ch *channel) {
	m := ch.head
	if m == nil {
		return
	}
	keep := (*outMessage)(nil)
	if m.started {
		keep, m = m, m.next
	}
	for m != nil {
		next := m.next
		m.next, m.queued = nil, false
		a.unsent--
		a.stats.MessagesAbandoned++
		a.releaseMessage(m)
		m = next
	}
	ch.head, ch.tail = keep, keep
	ch.buffered = 0
	if keep != nil {
		keep.next = nil
		if !keep.dcep {
			ch.buffered = len(keep.data) - keep.sent
		}
	} else if ch.active {
		a.deactivate(ch)
	}
}

// deactivate takes a channel out of the round.
func (a *Association) deactivate(ch *channel) {
	var prev *channel
	for c := a.roundFirst; c != nil; prev, c = c, c.nextActive {
		if c != ch {
			continue
		}
		if prev == nil {
			a.roundFirst = c.nextActive
		} else {
			prev.nextActive = c.nextActive
		}
		if a.roundLast == c {
			a.roundLast = prev
		}
		break
	}
	ch.active, ch.nextActive = false, nil
}

// remotelyReset is told when the peer has reset its stream of a channel.
func (a *Association) remotelyReset(ch *channel) {
	ch.inReset = true
	if ch.state < channelClosing {
		// "if the incoming stream was reset by the peer, the other side
		// resets its outgoing stream". What was not begun will not be read.
		a.dropQueued(ch)
		a.beginClose(ch, nil)
	}
	a.closedIfReset(ch)
}

// closedIfReset ends a channel when both its streams are reset.
func (a *Association) closedIfReset(ch *channel) {
	if ch.inReset && ch.outReset {
		a.dropChannel(ch, ch.closeErr)
	}
}

// dropChannel ends a channel here and now.
func (a *Association) dropChannel(ch *channel, err error) {
	if ch.state == channelGone {
		return
	}
	for ch.head != nil {
		m := ch.head
		a.unqueue(ch)
		a.releaseMessage(m)
	}
	if ch.active {
		a.deactivate(ch)
	}
	if ch.blockedOn > 0 {
		ch.blockedOn = 0
		a.blocked--
	}
	a.forget(ch)
	if !ch.silent {
		a.pushClosed(ch, err)
	}
	if ch.unread {
		a.lingering++
	} else {
		a.uncharge(ch)
	}
}

// pushClosed tells the application that a channel is closed.
func (a *Association) pushClosed(ch *channel, err error) {
	ch.silent, ch.unread = true, true
	a.events.push(event{kind: EventChannelClosed, ch: ch, err: err})
}

// closedTaken notes that the application knows it.
func (a *Association) closedTaken(ch *channel) {
	ch.unread = false
	if ch.state == channelGone {
		a.lingering--
		a.uncharge(ch)
	}
}

// uncharge takes the names that the peer gave to a channel off its account.
func (a *Association) uncharge(ch *channel) {
	if ch.remote {
		a.names -= len(ch.cfg.Label) + len(ch.cfg.Protocol)
	}
}

func (a *Association) forget(ch *channel) {
	ch.state = channelGone
	delete(a.byID, ch.id)
	if ch.hasStream && a.byStream[ch.stream] == ch {
		delete(a.byStream, ch.stream)
	}
	if i := slices.Index(a.channels, ch); i >= 0 {
		a.channels = slices.Delete(a.channels, i, i+1)
	}
}

// BufferedAmount returns the bytes queued on a channel that were not yet
// sent for the first time, zero if there is no such channel.
func (a *Association) BufferedAmount(id ChannelID) int {
	if ch := a.byID[id]; ch != nil {
		return ch.buffered
	}
	return 0
}

// SetBufferedAmountLowThreshold sets the BufferedAmount of a channel at which,
// when it falls from above, EventBufferedAmountLow is due. It is zero at first.
func (a *Association) SetBufferedAmountLowThreshold(id ChannelID, n int) error {
	ch := a.byID[id]
	if ch == nil {
		return ErrNoChannel
	}
	ch.threshold = max(0, n)
	return nil
}

// streamSet is a set of stream identifiers, of at most 8 KiB.
type streamSet struct {
	bits *[1 << 10]uint64
	n    int
}

func (s *streamSet) has(stream uint16) bool {
	return s.n > 0 && s.bits[stream>>6]&(1<<(stream&63)) != 0
}

func (s *streamSet) add(stream uint16) {
	if s.has(stream) {
		return
	}
	if s.bits == nil {
		s.bits = new([1 << 10]uint64)
	}
	s.bits[stream>>6] |= 1 << (stream & 63)
	s.n++
}

func (s *streamSet) remove(stream uint16) {
	if s.has(stream) {
		s.bits[stream>>6] &^= 1 << (stream & 63)
		s.n--
	}
}
