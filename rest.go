package rtc

import (
	"time"

	"github.com/sansrtc/rtc/ice"
)

// rest is what makes a packet of media cheap: who was asked and has nothing to do is not asked again
// for each packet.
//
// Invariant: while below is set, no layer below media (ICE, DTLS, SCTP) has an event, a datagram or a timer due
// before belowUntil, and there is nothing to settle between them. While media is set too, the same holds for media until
// mediaUntil, except for packets that wait to be polled or sent. PollOutput finds that out at the end of a drain;
// whatever may change it calls disturb or disturbMedia.
type rest struct {
	below, media           bool
	belowUntil, mediaUntil time.Time // zero: for ever
	until                  time.Time // the earlier of both

	path ice.Path // that media is sent on, if open
	open bool

	heardAt time.Time // when ICE was last told that the peer is heard on path
}

// disturb ends the rest of all layers.
func (r *Rtc) disturb() {
	r.rest.below = false
	r.disturbMedia()
}

// disturbMedia ends the rest of media alone.
func (r *Rtc) disturbMedia() {
	r.rest.media = false
	r.turns.known = false
	r.lastSource.stream, r.usual.encoding = nil, nil
}

// wake ends the rest of those that have something due now.
func (r *Rtc) wake() {
	if r.rest.below && r.due(r.rest.belowUntil) {
		r.disturb()
	}
	if r.rest.media && r.due(r.rest.mediaUntil) {
		r.disturbMedia()
	}
}

// mediaDueBy notes that media has a new deadline.
func (r *Rtc) mediaDueBy(deadline time.Time) {
	r.rest.mediaUntil = earliest(r.rest.mediaUntil, deadline)
	r.rest.until = earliest(r.rest.until, deadline)
	r.wake()
}

// noteRest notes that all were found with nothing to do.
func (r *Rtc) noteRest() {
	if !r.rest.below {
		path, ok := r.agent.SendPath()
		r.rest = rest{below: true, belowUntil: r.belowDeadline(), path: path, open: ok && r.conn != nil}
	}
	r.rest.media, r.rest.mediaUntil = true, r.mediaDeadline()
	r.rest.until = earliest(r.rest.belowUntil, r.rest.mediaUntil)
	r.wake()
}

// idle reports whether PollOutput would find nothing, without asking it.
func (r *Rtc) idle() bool {
	return r.rest.below && r.rest.media && r.packets.count == 0 && !r.turns.some()
}

// isPath reports whether a path is the one that media is sent on, which is a validated one.
func (r *rest) isPath(path *ice.Path) bool {
	return r.below && r.open && (path == &r.path || r.path == *path)
}

// isPathOf reports whether an input came over that path. It may not if its addresses are IPv4-mapped.
func (r *rest) isPathOf(in *Input) bool {
	return in.Remote == r.path.Remote && in.Local == r.path.Local && in.Transport == r.path.Transport
}
