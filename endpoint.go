package rtc

import (
	"time"

	"github.com/sansrtc/rtc/ice"
)

// Endpoint is many sessions on the same sockets, as a machine of the kind that Rtc is:
// it has no sockets, no clock and no goroutines. It finds the session of a datagram with one
// look-up, and knows which session must be called next, however many there are.
//
// The loop is that of a single session. S is what the application calls a session, usually a
// pointer to something of its own, and comes with every output:
//
//	endpoint.HandleInput(rtc.Input{Now: now, Local: local, Remote: remote, Data: datagram})
//	for {
//		session, out := endpoint.PollOutput()
//		switch out.Kind {
//		case rtc.OutputTransmit:
//			send(out.Transmit)
//		case rtc.OutputEvent:
//			session.handle(out.Event)
//		case rtc.OutputClosed:
//			session.ended(out.Err) // it has left the endpoint
//		case rtc.OutputTimeout:
//			return out.Deadline // of all sessions
//		}
//	}
//
// Methods of a session are called on its [Rtc] directly; the endpoint notices and polls it.
// HandleInput and PollOutput of the Rtc are the endpoint's to call.
//
// The zero Endpoint is empty and ready for use. It and the sessions in it have one owner: none of
// them is safe for concurrent use.
type Endpoint[S any] struct {
	members []*member[S]
	routes  routes[S]
	timers  timers[S]
	ready   readyList[S]
	now     time.Time
	out     []byte // the datagram last handed out: one for all is in the processor's caches
	stats   EndpointStats
}

// EndpointStats is a snapshot of an [Endpoint].
type EndpointStats struct {
	Sessions int    // in the endpoint now
	Unrouted uint64 // datagrams that belong to no session, and were dropped
}

// A member is a session in an endpoint.
type member[S any] struct {
	rtc     *Rtc
	session S
	owner   *Endpoint[S]
	place   int // in members; negative: it has left

	ready      bool        // in the list of those to be polled
	timerPlace int         // in the heap of timers, counted from one; zero: not there
	deadline   time.Time   // there
	routes     memberRoute // what has to be taken back when it leaves
}

// noteReady is called by the Rtc whenever something happens to it.
func (m *member[S]) noteReady() {
	if !m.ready && m.place >= 0 {
		m.ready = true
		m.owner.ready.push(m)
	}
}

// Add puts a session into the endpoint, which drives it from here on. An Rtc is in one endpoint
// at most: adding it elsewhere is a mistake that panics.
func (e *Endpoint[S]) Add(r *Rtc, session S) {
	if r.owner != nil {
		panic("rtc: the session is in an endpoint already")
	}
	m := &member[S]{rtc: r, session: session, owner: e, place: len(e.members)}
	e.members = append(e.members, m)
	r.owner = m
	// The events that tell this may have been polled before.
	e.routes.addUfrag(m, r.agent.LocalCredentials().Ufrag)
	for _, pair := range r.agent.AppendPairs(nil) {
		if pair.State == ice.PairSucceeded {
			e.routes.addPath(m, pair.Path)
		}
	}
	m.noteReady()
}

// Remove takes a session out without another word: what it still owes is not sent. It is
// for sessions that go elsewhere; [Rtc.Close] is the way to end one. A session that is not in the endpoint
// is passed over.
func (e *Endpoint[S]) Remove(r *Rtc) {
	if m, ok := r.owner.(*member[S]); ok && m.owner == e {
		e.remove(m)
	}
}

func (e *Endpoint[S]) remove(m *member[S]) {
	last := len(e.members) - 1
	e.members[m.place] = e.members[last]
	e.members[m.place].place = m.place
	e.members[last] = nil
	e.members = e.members[:last]
	m.place = -1
	m.rtc.owner = nil
	e.routes.remove(m)
	e.timers.set(m, time.Time{})
}

// Find returns the session that a datagram belongs to. It is for sockets that others share, or for
// servers that begin sessions when the first datagram comes: HandleInput finds the session itself.
func (e *Endpoint[S]) Find(in Input) (session S, ok bool) {
	if m := e.routes.find(pathOf(&in), in.Data); m != nil {
		return m.session, true
	}
	return session, false
}

// HandleInput gives a datagram to its session, or drops it, and runs the timers of all
// sessions that have expired.
func (e *Endpoint[S]) HandleInput(in Input) {
	poison(e.out)
	if in.Now.After(e.now) {
		e.now = in.Now
	}
	if in.Data != nil {
		path := pathOf(&in)
		if m := e.routes.find(path, in.Data); m != nil {
			m.rtc.HandleInput(in)
			e.routes.noteRequest(m, path, in.Data)
		} else {
			e.stats.Unrouted++
		}
	}
	for m := e.timers.expired(e.now); m != nil; m = e.timers.expired(e.now) {
		m.rtc.HandleInput(Input{Now: e.now})
	}
}

// PollOutput returns the next thing to do for some session. OutputTimeout ends the drain: nothing
// is left to do for any session, session is the zero S, and Deadline is the earliest of all. After
// OutputClosed the session has left the endpoint. An output is valid until the next call of
// PollOutput or HandleInput.
//
// Events that tell where datagrams belong (LocalUfragAdded and its kin) come out too, but the
// endpoint has seen to them.
func (e *Endpoint[S]) PollOutput() (session S, out Output) {
	for {
		m := e.ready.first()
		if m == nil {
			return session, Output{Kind: OutputTimeout, Deadline: e.timers.earliest()}
		}
		if m.place < 0 { // it has left since it became ready
			e.ready.pop()
			continue
		}
		r := m.rtc
		r.out = e.out
		r.poll(&out)
		e.out, r.out = r.out, nil
		switch out.Kind {
		case OutputTransmit:
			e.routes.noteCheck(m, &out.Transmit)
			if r.idle() {
				e.ready.pop()
				e.timers.set(m, r.rest.until)
			}
		case OutputEvent:
			e.routes.follow(m, out.Event)
		case OutputTimeout:
			e.ready.pop()
			e.timers.set(m, out.Deadline)
			out = Output{}
			continue
		case OutputClosed:
			e.ready.pop()
			e.remove(m)
		}
		return m.session, out
	}
}

// Close ends all sessions. What they still have to say comes out of PollOutput, and then an
// OutputClosed for each.
func (e *Endpoint[S]) Close(now time.Time) {
	for _, m := range e.members {
		m.rtc.Close(now)
	}
}

// Stats returns a snapshot.
func (e *Endpoint[S]) Stats() EndpointStats {
	s := e.stats
	s.Sessions = len(e.members)
	return s
}

func pathOf(in *Input) ice.Path {
	return ice.Path{Transport: in.Transport, Local: unmap(in.Local), Remote: unmap(in.Remote)}
}

// readyList holds the sessions that something has happened to since they were polled, in that order.
type readyList[S any] struct {
	list []*member[S]
	head int
}

func (l *readyList[S]) push(m *member[S]) { l.list = append(l.list, m) }

func (l *readyList[S]) first() *member[S] {
	if l.head == len(l.list) {
		return nil
	}
	return l.list[l.head]
}

// pop removes the first. The list is emptied before it grows: PollOutput is called until nothing is left.
func (l *readyList[S]) pop() {
	l.list[l.head].ready = false
	l.list[l.head] = nil
	if l.head++; l.head == len(l.list) {
		l.list, l.head = l.list[:0], 0
	}
}
