package rtc

import (
	"slices"

	"github.com/sansrtc/rtc/ice"
)

// A peer may send its first flight before our check of its address is answered:
// ICE tells it at once that the path works, and us half a round trip later. Losing
// that flight would cost a retransmission, so a few datagrams are held.
const (
	maxHeldPerPath = 4
	maxHeld        = 16
	maxHeldSize    = 2048 // bytes; no handshake and no media has larger datagrams
)

// holdQueue keeps the first datagrams of paths on which an authenticated request came,
// until the path is validated. It is bounded per path and in all, and empty in the steady state.
type holdQueue struct {
	datagrams []heldDatagram
}

type heldDatagram struct {
	path ice.Path
	data []byte
}

// push keeps a copy of b, or reports that there is no room.
func (q *holdQueue) push(path ice.Path, b []byte) bool {
	n := 0
	for _, d := range q.datagrams {
		if d.path == path {
			n++
		}
	}
	if n >= maxHeldPerPath || len(q.datagrams) >= maxHeld || len(b) > maxHeldSize {
		return false
	}
	q.datagrams = append(q.datagrams, heldDatagram{path, slices.Clone(b)})
	return true
}

// pop takes out the oldest datagram whose path is good.
func (q *holdQueue) pop(good func(ice.Path) bool) (ice.Path, []byte, bool) {
	for i, d := range q.datagrams {
		if good(d.path) {
			q.datagrams = slices.Delete(q.datagrams, i, i+1)
			if len(q.datagrams) == 0 {
				q.datagrams = nil
			}
			return d.path, d.data, true
		}
	}
	return ice.Path{}, nil, false
}

// clear forgets everything: after the handshake the peer has nothing early to say.
func (q *holdQueue) clear() { q.datagrams = nil }

// maxEarlyMedia is how many datagrams of media are held until the handshake is done.
const maxEarlyMedia = 16

// holdMedia keeps a datagram of media for which there are no keys yet, or reports that there is no
// room. The peer sends at once when it has the keys; its last flight may be overtaken, or get lost. A
// stream without its beginning cannot be decoded.
func (r *Rtc) holdMedia(path ice.Path, b []byte) bool {
	if r.conn == nil || r.conn.State().HandshakeDone || len(r.media) == 0 {
		return false
	}
	if len(r.early) == maxEarlyMedia || len(b) > maxHeldSize {
		return false
	}
	r.early = append(r.early, heldDatagram{path, slices.Clone(b)})
	return true
}

// releaseMedia takes in what holdMedia has kept.
func (r *Rtc) releaseMedia() {
	early := r.early
	r.early = nil
	for i := range early {
		r.receiveMedia(&early[i].path, early[i].data)
	}
}
