package rtc

import (
	"time"

	"github.com/sansrtc/rtc/rtp"
)

// turns are the encodings that have packets to send: while known is set, those whose senders are pending. They take
// turns at it, in an order that does not depend on who has come first.
type turns struct {
	list  []turn
	known bool // the list is complete
	last  uint64
	room  [2]turn // for most lists
}

// A turn has what is needed to send a packet, so that nothing has to be looked up.
type turn struct {
	media    *media
	encoding *encoding
	sender   *rtp.Sender // of the encoding
	place    uint64      // in the order
	ids      blankIDs    // of the section
}

func turnOf(m *media, e *encoding) turn {
	return turn{m, e, e.sender, uint64(m.id)<<32 | uint64(e.index), m.sendIDs.blankIDs}
}

// write has an encoding send a packet when its turn comes.
func (t *turns) write(now time.Time, at *turn, h *rtp.Header, payload []byte) error {
	waits := at.sender.Pending()
	if err := at.sender.Write(now, h, payload); err != nil {
		return err
	}
	if t.known && !waits {
		t.list = append(t.list, *at)
	}
	return nil
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
				t.list = append(t.list, turnOf(m, e))
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

// poll returns the next packet to be sent and whose it is, until the next call, or nil.
func (t *turns) poll(now time.Time) (*turn, *rtp.Outgoing) {
	for len(t.list) > 0 {
		i, end := t.next(), len(t.list)-1
		at := &t.list[i]
		t.last = at.place
		p, _ := at.sender.Poll(now)
		if !at.sender.Pending() {
			if i != end {
				t.list[i], t.list[end] = t.list[end], t.list[i]
				at = &t.list[end]
			}
			t.list = t.list[:end]
		}
		if p != nil {
			return at, p
		}
	}
	return nil, nil
}
