package rtc

import (
	"time"

	"github.com/sansrtc/rtc/rtp"
)

// turns are the encodings that have packets to send: while known is set, those whose senders are pending. They take
// turns at it, in an order that does not depend on who has come first.
type turns struct {
	list  []*encoding
	known bool // the list is complete
	last  uint64
	room  [2]*encoding // for most lists
}

// write has an encoding send a packet when its turn comes.
func (t *turns) write(now time.Time, e *encoding, h *rtp.Header, payload []byte, shared bool) (err error) {
	waits := e.sender.Pending()
	if shared {
		err = e.sender.WriteShared(now, h, payload)
	} else {
		err = e.sender.Write(now, h, payload)
	}
	if err == nil && t.known && !waits {
		t.list = append(t.list, e)
	}
	return err
}

// find looks for all that have something to send.
func (t *turns) find(list []*media) {
	if t.list == nil {
		t.list = t.room[:]
	}
	t.list, t.known = t.list[:0], true
	for _, m := range list {
		for i := range m.encodings {
			if e := &m.encodings[i]; e.sender != nil && e.sender.Pending() {
				t.list = append(t.list, e)
			}
		}
	}
}

// some reports whether anybody may have something to send.
func (t *turns) some() bool { return len(t.list) > 0 || !t.known }

// next returns the index of the turn that is next.
func (t *turns) next() (best int) {
	// What is above the last one comes first: subtraction wraps around.
	for i := range t.list {
		if t.list[i].place-t.last-1 < t.list[best].place-t.last-1 {
			best = i
		}
	}
	return best
}

// poll returns the next packet to be sent and whose it is, or nil.
func (t *turns) poll(now time.Time) (*encoding, *rtp.Outgoing) {
	for len(t.list) > 0 {
		i, end := t.next(), len(t.list)-1
		e := t.list[i]
		t.last = e.place
		p, _ := e.sender.Poll(now)
		if !e.sender.Pending() {
			t.list[i] = t.list[end]
			t.list = t.list[:end]
		}
		if p != nil {
			return e, p
		}
	}
	return nil, nil
}
