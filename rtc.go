package rtc

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/sansrtc/rtc/dtls"
	"github.com/sansrtc/rtc/ice"
	"github.com/sansrtc/rtc/sctp"
)

// Rtc is one WebRTC session with one peer: ICE, DTLS and SCTP as a single state
// machine that never touches a socket, a clock or a goroutine. See the package
// documentation for the loop that drives it.
//
// An Rtc is not safe for concurrent use. Any sequence of calls is legal: inputs may
// be given and methods called without polling in between.
type Rtc struct {
	cfg Config

	// What every packet of media needs lies together, up to the first fields of mediaState: of many sessions, little is
	// in the processor's caches.
	now time.Time // the latest time told

	// owner, if not nil, wants to know when there may be something to poll.
	owner   interface{ noteReady() }
	ending  bool   // goodbyes are owed, and after them OutputClosed
	out     []byte // the datagram last handed out
	traffic traffic
	message ChannelMessage // what a ChannelMessage event points to
	rest    rest
	mediaState

	agent *ice.Agent
	conn  *dtls.Conn        // nil until there is a path and a description to check the peer against
	assoc *sctp.Association // nil until somebody wants data channels

	negotiation negotiation
	held        holdQueue

	dropped       Drops                    // by the session itself
	connectedOwed bool                     // a Connected event
	low           ChannelBufferedAmountLow // what such an event points to

	plain []byte // the SCTP packet inside the datagram last handed out

	failedAt time.Time // when a failed ICE agent ends the session
	err      error     // of OutputClosed
}

// New returns a session that has not met its peer yet. Give it local candidates with
// AddLocalCandidate, then a description: by CreateOffer and AcceptAnswer, by
// AcceptOffer, or without SDP by Start.
func New(now time.Time, cfg Config) (*Rtc, error) {
	cfg, err := cfg.withDefaults(now)
	if err != nil {
		return nil, err
	}
	agent, err := ice.New(now, ice.Config{Rand: cfg.Rand, Lite: cfg.ICELite})
	if err != nil {
		return nil, fmt.Errorf("rtc: %w", err)
	}
	r := &Rtc{cfg: cfg, now: now, agent: agent}
	if err := r.negotiation.init(cfg.Rand); err != nil {
		return nil, err
	}
	r.settle()
	return r, nil
}

// HandleInput tells the machine the time and, if in.Data is not nil, gives it a
// datagram. The whole machine runs to rest before HandleInput returns.
//
// Nothing in a datagram makes HandleInput fail: what does not belong to the session
// is dropped and counted in [Stats]. A late or a needless tick does no harm.
func (r *Rtc) HandleInput(in Input) {
	r.endLoans()
	r.advance(in.Now)
	if r.ending {
		return
	}
	if in.Data != nil {
		path := &r.rest.path
		if !r.rest.isPathOf(&in) {
			p := pathOf(&in)
			path = &p
		}
		r.receive(path, in.Data)
	}
	if !r.rest.below {
		r.handleTimeouts()
		r.settle()
	}
	if !r.rest.media {
		r.handleMediaTimeouts()
	}
}

// PollOutput returns the next thing to do. Call it until it returns OutputTimeout or
// OutputClosed. It changes nothing that a layer could notice: what it returns is
// derived from state that HandleInput and the other methods have already reached.
func (r *Rtc) PollOutput() (out Output) {
	r.poll(&out)
	return out
}

// poll fills in an output that is empty.
func (r *Rtc) poll(out *Output) {
	r.endLoans()
	if r.rest.below {
		r.pollMedia(out)
		return
	}
	if out.Event = r.nextEvent(); out.Event != nil {
		out.Kind = OutputEvent
		return
	}
	if r.nextTransmit(&out.Transmit) {
		out.Kind = OutputTransmit
		return
	}
	if r.ending {
		out.Kind, out.Err = OutputClosed, r.err
		return
	}
	// Who looks for something to send may find messages to give up, which is news.
	if out.Event = r.nextEvent(); out.Event != nil {
		out.Kind = OutputEvent
		return
	}
	r.noteRest()
	out.Deadline = r.rest.until
}

// receive gives a datagram to the layer it belongs to.
func (r *Rtc) receive(path *ice.Path, b []byte) {
	r.traffic.datagramsReceived++
	r.traffic.bytesReceived += uint64(len(b))
	class := classify(b)
	if r.tracing(levelPacket) {
		r.tracePacket("received", class, *path, len(b))
	}
	switch class {
	case classSTUN:
		r.disturb()
		r.agent.HandlePacket(r.now, *path, b)
	case classDTLS:
		r.disturb()
		r.receiveDTLS(*path, b)
	case classRTP:
		r.receiveMedia(path, b)
	case classUnknown:
		r.dropped.Unknown++
	}
}

// receiveDTLS lets in what comes over a path the peer has shown to be its own, and
// holds a few datagrams of a peer that is about to show it.
func (r *Rtc) receiveDTLS(path ice.Path, b []byte) {
	switch {
	case r.conn != nil && r.agent.Validated(path):
		r.conn.HandlePacket(r.now, b)
		r.pumpDTLS(path)
	case r.agent.Validated(path) || r.agent.Requested(path):
		if !r.held.push(path, b) {
			r.dropped.Held++
		}
	default:
		r.dropped.Unvalidated++
	}
}

// handleTimeouts runs the timers of the layers below media that have expired.
func (r *Rtc) handleTimeouts() {
	if r.due(r.agent.Deadline()) {
		r.agent.HandleTimeout(r.now)
	}
	if r.conn != nil && r.due(r.conn.Deadline()) {
		r.conn.HandleTimeout(r.now)
		r.pumpDTLS(ice.Path{})
	}
	if r.assoc != nil && r.due(r.assoc.Deadline()) {
		r.assoc.HandleTimeout(r.now)
	}
	if r.due(r.failedAt) {
		r.end(ErrICEFailed)
	}
}

// settle carries the consequences of whatever was done upward, layer by layer. The
// layers form a line, so one pass is enough. Everything that changes the machine
// ends with it.
func (r *Rtc) settle() {
	r.disturb()
	r.settleFailure()
	r.settleHandshake()
	r.settleChannels()
}

// settleHandshake starts DTLS once there is a path and a peer to expect on it, and
// gives it the datagrams that came too early.
func (r *Rtc) settleHandshake() {
	if r.ending {
		return
	}
	if r.conn == nil {
		if _, ok := r.agent.SendPath(); !ok || !r.negotiation.remoteKnown {
			return
		}
		if err := r.startDTLS(); err != nil {
			r.end(err)
			return
		}
	}
	for {
		path, b, ok := r.held.pop(r.agent.Validated)
		if !ok {
			return
		}
		r.conn.HandlePacket(r.now, b)
		r.pumpDTLS(path)
	}
}

// nextEvent returns the next event or nil. Events wait in the layer they come from
// until they are asked for: the agent forgets what has become untrue meanwhile, and
// messages nobody reads close the window of the association. So what is not polled
// stays bounded.
func (r *Rtc) nextEvent() Event {
	if ev, ok := r.agent.NextEvent(); ok {
		return r.iceEvent(ev)
	}
	if r.connectedOwed {
		r.connectedOwed = false
		return &Connected{DTLS: r.conn.State()}
	}
	if ev := r.nextMediaEvent(); ev != nil {
		return ev
	}
	if r.assoc == nil {
		return nil
	}
	for {
		ev, ok := r.assoc.NextEvent()
		if !ok {
			return nil
		}
		if out := r.channelEvent(ev); out != nil {
			return out
		}
	}
}

// nextTransmit builds the most urgent datagram owed into t: checks keep the path alive,
// a handshake waits for nothing, data comes last.
func (r *Rtc) nextTransmit(t *Transmit) bool {
	if !r.ending {
		if b, path, ok := r.agent.AppendPacket(r.now, r.out[:0]); ok {
			r.transmit(t, &path, b)
			return true
		}
	}
	path, ok := r.agent.SendPath()
	if !ok || r.conn == nil {
		return false
	}
	b, ok := r.appendAny(r.out[:0])
	if ok {
		r.transmit(t, &path, b)
	}
	return ok
}

// appendAny appends the next datagram owed that goes wherever the path leads.
func (r *Rtc) appendAny(dst []byte) ([]byte, bool) {
	// Goodbyes are said from the top: that of SCTP travels inside DTLS.
	if r.ending {
		if b, ok := r.appendRTCP(dst); ok {
			return b, true
		}
		if b, ok := r.appendSCTP(dst); ok {
			return b, true
		}
	}
	if b, ok := r.conn.AppendPacket(r.now, dst); ok {
		return b, true
	}
	if b, ok := r.appendMedia(dst); ok {
		return b, true
	}
	return r.appendSCTP(dst)
}

// transmit fills in t. It is called for every datagram, and structures of that size cost more to
// hand on than to fill in.
func (r *Rtc) transmit(t *Transmit, path *ice.Path, b []byte) {
	r.out = b
	r.traffic.datagramsSent++
	r.traffic.bytesSent += uint64(len(b))
	if r.tracing(levelPacket) {
		r.tracePacket("sent", classify(b), *path, len(b))
	}
	t.Local, t.Remote, t.Transport = path.Local, path.Remote, path.Transport
	t.Data = b[:len(b):len(b)]
}

// endLoans voids the bytes of the last output.
func (r *Rtc) endLoans() {
	poison(r.out)
	r.message.Data = nil
}

// unmap turns an IPv4-mapped IPv6 address, as a dual-stack socket reports it, into
// the IPv4 address that candidates are written in.
func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
