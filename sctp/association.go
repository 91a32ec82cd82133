package sctp

import (
	"encoding/binary"
	"time"
)

// Association is one end of an SCTP association and its data channels. It is
// not safe for concurrent use.
type Association struct {
	cfg   Config
	stats Stats
	state state
	err   error // why state is stateDone

	epoch  time.Time // of instants
	now    instant   // of the last call
	timers timers

	// Identity. drawn.tag and drawn.tsn are ours.
	cookieKey              [32]byte
	tag, peerTag           uint32
	initialTSN             uint32
	restartTag, restartTSN uint32
	outStreams             int // that the peer takes
	peerForwardTSN         bool
	peerReconfig           bool
	started                bool // the role is fixed
	told                   bool // EventConnected was
	hs                     handshake

	// Sending.
	sent   sentState
	loss   lossState
	cc     congestion
	rtt    rttState
	errors int     // silences of the peer in a row
	sentAt instant // of the last DATA
	paceAt instant // when the line is free again
	paced  bool    // DATA waits only for that

	// Receiving.
	recv        recvState
	gotData     bool // the packet in hand has DATA
	sackPending bool // something is not acknowledged yet
	sackNow     bool // and must be
	heardAt     instant

	// What else is owed.
	errorOwed            []byte
	errorTag             uint32
	abortOwed            bool
	abortCause           []byte
	shutdownWanted       bool // no new messages
	shutdownOwed         bool
	shutdownAckOwed      bool
	shutdownCompleteOwed bool
	heartbeatEchoOwed    bool
	heartbeatEcho        []byte
	heartbeatOwed        bool
	heartbeatOut         bool // one is not answered yet
	heartbeatSeq         uint64
	heartbeatAt          instant
	nonce                uint64
	reset                resetState

	// Channels.
	channels              []*channel // in the order they were opened
	byID                  map[ChannelID]*channel
	byStream              map[uint16]*channel
	lastID                ChannelID
	lingering             int  // channels that are gone, which the application does not know yet
	names                 int  // bytes of labels and protocols that the peer gave
	partial               bool // some channel gives messages up
	roundFirst, roundLast *channel
	unsent                int       // messages that are not fully sent
	held                  int       // bytes charged against the send buffer
	blocked               int       // channels on which Send found no room
	refused               streamSet // streams to reset on which a channel was refused
	burnt                 streamSet // streams whose reset failed

	// Events and memory.
	events        queue[event]
	lent          *fragment // the message handed out last
	scratch       []byte    // where a message of several fragments is put together
	gathered      []byte
	dcepScratch   []byte
	pool          bufferPool
	freeFragments *fragment
	freeMessages  *outMessage
	freeWaits     []*waitList
	activeAt      instant
}

// event is an Event in the queue.
type event struct {
	kind EventKind
	ch   *channel
	msg  *fragment
	err  error
}

// New returns an association that waits for Connect, or for the peer's INIT.
// Channels may be opened and messages sent on them at once.
func New(cfg Config) (*Association, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	var d drawn
	if err := d.read(cfg.Rand); err != nil {
		return nil, err
	}
	a := &Association{
		cfg: cfg, cookieKey: d.cookieKey, nonce: d.nonce,
		tag: d.tag, initialTSN: d.tsn, restartTag: d.restartTag, restartTSN: d.restartTSN,
	}
	a.resetState()
	return a, nil
}

// resetState sets the state of sending and receiving to that of a new
// association.
func (a *Association) resetState() {
	a.sent.begin(a.initialTSN)
	a.loss = lossState{highest: a.initialTSN - 1}
	a.cc.init(a.cfg.MTU)
	a.rtt.init(a.cfg.RTT, &a.cfg)
	a.reset = resetState{nextSeq: a.initialTSN, doneTSN: a.initialTSN - 1}
	a.recv.advertised = a.cfg.ReceiveBuffer
	a.timers = timers{}
	a.errors, a.paceAt, a.sentAt, a.paced = 0, 0, 0, false
	a.sackNow, a.sackPending, a.gotData = false, false, false
	a.heartbeatOwed, a.heartbeatOut, a.heartbeatEchoOwed = false, false, false
	a.refused, a.burnt = streamSet{}, streamSet{}
}

// HandlePacket takes one SCTP packet of the peer. b is neither kept nor
// changed. What is wrong with it is counted, and else has no effect.
func (a *Association) HandlePacket(now time.Time, b []byte) {
	t := a.advance(now)
	a.release()
	a.stats.PacketsReceived++
	a.stats.BytesReceived += uint64(len(b))
	if a.state == stateDone {
		a.stats.DroppedState++
		return
	}
	if len(b) < headerSize || !wellFramed(b[headerSize:]) {
		a.stats.DroppedMalformed++
		return
	}
	if binary.LittleEndian.Uint32(b[8:]) != checksum(b) {
		a.stats.DroppedChecksum++
		return
	}
	if binary.BigEndian.Uint16(b) != a.cfg.RemotePort || binary.BigEndian.Uint16(b[2:]) != a.cfg.LocalPort ||
		!a.tagFits(b) {
		a.stats.DroppedTag++
		return
	}
	tag := binary.BigEndian.Uint32(b[4:])
	for b = b[headerSize:]; len(b) > 0 && a.state != stateDone; {
		c, n := consumeChunk(b)
		b = b[n:]
		if !a.handleChunk(t, tag, c) {
			break
		}
	}
	if a.state != stateDone {
		a.sackAfterPacket(t)
	}
}

// tagFits checks the verification tag against the first chunk (RFC 9260
// section 8.5).
func (a *Association) tagFits(b []byte) bool {
	tag := binary.BigEndian.Uint32(b[4:])
	c, n := consumeChunk(b[headerSize:])
	alone := headerSize+n == len(b)
	switch c.typ {
	case chunkInit:
		// "an INIT chunk … MUST be the only chunk in the SCTP packet", and has
		// the tag 0.
		return tag == 0 && alone
	case chunkInitAck:
		return tag == a.tag && alone
	case chunkCookieEcho:
		return tag != 0 // against the cookie, later
	case chunkAbort, chunkShutdownComplete:
		// "The receiver of an ABORT chunk MUST accept the packet if the
		// Verification Tag field of the packet matches its own tag and the T
		// bit is not set OR if it is set to its Peer's Tag and the T bit is set
		// in the Chunk Flags" (https://www.rfc-editor.org/rfc/rfc9260#section-8.5.1).
		if c.typ == chunkShutdownComplete && !alone {
			return false
		}
		if c.flags&flagReflectedTag != 0 {
			return a.peerTag != 0 && tag == a.peerTag
		}
		return tag == a.tag
	default:
		return tag == a.tag
	}
}

// handleChunk takes one chunk. It reports whether the rest of the packet is to
// be processed.
func (a *Association) handleChunk(t instant, tag uint32, c chunk) bool {
	switch c.typ {
	case chunkInit:
		if tag == 0 {
			a.handleInit(t, c.value)
		}
		return false
	case chunkInitAck:
		a.handleInitAck(t, c.value)
		return false
	case chunkCookieEcho:
		a.handleCookieEcho(t, tag, c.value)
		// What is bundled with a cookie that was not taken is not for us.
		return tag == a.tag && a.state.connected()
	case chunkAbort:
		a.handleAbort(c.value)
		return false
	case chunkError:
		a.handleError(t, c.value)
		return true
	case chunkCookieAck:
		a.handleCookieAck(t)
		return true
	case chunkShutdownAck:
		a.handleShutdownAck()
		return true
	case chunkShutdownComplete:
		a.handleShutdownComplete()
		return false
	}
	switch c.typ {
	case chunkData, chunkSack, chunkHeartbeat, chunkHeartbeatAck, chunkShutdown, chunkForwardTSN, chunkReconfig:
		if !a.state.connected() {
			a.stats.DroppedState++
			return true
		}
		a.heardAt = t
	default:
		return a.unknownChunk(c)
	}
	switch c.typ {
	case chunkData:
		if !a.state.takesData() {
			a.stats.DroppedState++
			return true
		}
		a.handleData(t, c)
	case chunkSack:
		a.handleSack(t, c.value)
	case chunkHeartbeat:
		a.handleHeartbeat(c.value)
	case chunkHeartbeatAck:
		a.handleHeartbeatAck(t, c.value)
	case chunkShutdown:
		a.handleShutdown(t, c.value)
	case chunkForwardTSN:
		if a.state.takesData() {
			a.handleForwardTSN(t, c.value)
		}
	case chunkReconfig:
		a.handleReconfig(t, c.value)
	}
	return true
}

// release takes back the message that was handed out.
func (a *Association) release() {
	if a.lent != nil {
		a.freeRun(a.lent)
		a.lent = nil
		a.windowOpened()
	}
}

// NextEvent returns the next event, and false if there is none.
func (a *Association) NextEvent() (Event, bool) {
	a.release()
	for {
		e, ok := a.events.pop()
		if !ok {
			return Event{}, false
		}
		out := Event{Kind: e.kind, Err: e.err}
		if e.ch != nil {
			out.ID = e.ch.id
		}
		switch e.kind {
		case EventMessage:
			if e.ch.state == channelClosing && !e.ch.inReset {
				// The application closed the channel meanwhile.
				a.stats.DroppedMessages++
				a.freeRun(e.msg)
				a.windowOpened()
				continue
			}
			out.Binary, out.Data = a.message(e.msg)
			a.stats.MessagesReceived++
		case EventChannelOpened:
			out.Config, out.Remote = e.ch.cfg, e.ch.remote
		case EventChannelClosed:
			a.closedTaken(e.ch)
		case EventBufferedAmountLow:
			e.ch.lowPending = false
			if e.ch.state == channelGone {
				continue
			}
		}
		return out, true
	}
}

// message hands out a message in one piece. Its share of the receive buffer is
// free at once: what the application holds is one message.
func (a *Association) message(head *fragment) (binary bool, data []byte) {
	binary = head.ppid == ppidBinary || head.ppid == ppidBinaryEmpty || head.ppid == ppidBinaryPartial
	empty := head.ppid == ppidBinaryEmpty || head.ppid == ppidStringEmpty
	if head.next == nil {
		data = head.data
		a.lent = head // lent; freed by the next call
	} else {
		a.scratch = a.scratch[:0]
		for f := head; f != nil; f = f.next {
			a.scratch = append(a.scratch, f.data...)
		}
		data = a.scratch
		a.freeRun(head)
		a.windowOpened()
	}
	if empty {
		data = data[:0]
	}
	a.active(a.now)
	return binary, data[:len(data):len(data)]
}
