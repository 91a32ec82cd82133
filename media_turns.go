package rtc

import (
	"time"

	"github.com/sansrtc/rtc/rtp"
)

// turns are the encodings that have packets to send. They take turns at it, in an order that does not
// depend on who has come first.
type turns struct {
	list  []turn
	known bool // the list is complete
	last  uint64
}

type turn struct {
	media    *media
	encoding *encoding
	sender   *rtp.Sender // of the encoding
	place    uint64      // in the order
}

func turnOf(m *media, e *encoding) turn {
	return turn{m, e, e.sender, uint64(m.id)<<32 | uint64(e.index)}
}

// add gives an encoding that has got something to send its turn.
func (t *turns) add(new *turn) {
	if e := new.encoding; t.known && !e.waits {
		e.waits = true
		t.list = append(t.list, *new)
	}
}

// find looks for all that have something to send.
func (t *turns) find(list []*media) {
	t.list, t.known = t.list[:0], true
	for _, m := range list {
		for i := range m.encodings {
			e := &m.encodings[i]
			if e.waits = false; e.sender != nil && e.sender.Pending() {
				turn := turnOf(m, e)
				t.add(&turn)
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
func (t *turns) poll(now time.Time) (turn, *rtp.Outgoing) {
	for len(t.list) > 0 {
		i := t.next()
		turn := t.list[i]
		t.last = turn.place
		p, _ := turn.sender.Poll(now)
		if !turn.sender.Pending() {
			turn.encoding.waits = false
			end := len(t.list) - 1
			t.list[i] = t.list[end]
			t.list = t.list[:end]
		}
		if p != nil {
			return turn, p
		}
	}
	return turn{}, nil
}
