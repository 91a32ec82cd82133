package sctp

import "testing"

// checkInvariants checks that the counters of an association agree with what
// they count.
func checkInvariants(t testing.TB, a *Association) {
	t.Helper()
	s := &a.sent
	flight, unacked, flying, lostN, nGaps, abandons := 0, 0, 0, 0, 0, 0
	refs := make(map[*outMessage]int)
	for tsn := s.cumTSN + 1; tsn != s.nextTSN; tsn++ {
		c := s.at(tsn)
		if c.msg != nil {
			refs[c.msg]++
		}
		switch c.state {
		case inFlight:
			flying++
			flight += c.size()
			unacked += int(c.n)
		case lost:
			lostN++
			unacked += int(c.n)
		case gapAcked:
			nGaps++
		case abandoned:
			abandons++
		default:
			t.Fatalf("TSN %d has state %d", tsn, c.state)
		}
	}
	if flight != s.flight || unacked != s.unacked || flying != s.flying.n || lostN != s.lost.n || nGaps != s.nGaps || abandons != s.abandons {
		t.Fatalf("sent: flight %d want %d, unacked %d want %d, flying %d want %d, lost %d want %d, gaps %d want %d, abandons %d want %d",
			s.flight, flight, s.unacked, unacked, s.flying.n, flying, s.lost.n, lostN, s.nGaps, nGaps, s.abandons, abandons)
	}
	held, unsent := 0, 0
	for _, ch := range a.channels {
		buffered := 0
		for m := ch.head; m != nil; m = m.next {
			unsent++
			if _, ok := refs[m]; !ok {
				held += m.charge
			}
			if !m.dcep && !ch.empty(m) {
				buffered += len(m.data) - m.sent
			}
			if !m.queued {
				t.Fatal("a message in a queue does not know")
			}
		}
		if buffered != ch.buffered {
			t.Fatalf("channel %d: buffered %d, want %d", ch.id, ch.buffered, buffered)
		}
		if ch.head != nil && ch.hasStream != ch.active {
			t.Fatalf("channel %d: active %v with a message and stream %v", ch.id, ch.active, ch.hasStream)
		}
	}
	for m, n := range refs {
		held += m.charge
		if m.refs != n {
			t.Fatalf("message has %d references, want %d", m.refs, n)
		}
	}
	if held != a.held || unsent != a.unsent {
		t.Fatalf("held %d want %d, unsent %d want %d", a.held, held, a.unsent, unsent)
	}
	if a.state == stateDone {
		return
	}
	// Received bytes.
	used := 0
	count := func(head *fragment) {
		for f := head; f != nil; f = f.next {
			used += fragmentOverhead
			if f.data != nil {
				_, n := sizeClass(len(f.data))
				used += n
			}
		}
	}
	r := &a.recv
	seen := make(map[*fragment]bool)
	mark := func(head *fragment) {
		for f := head; f != nil; f = f.next {
			seen[f] = true
		}
	}
	if r.open != nil {
		count(r.open)
		mark(r.open)
	}
	for _, f := range r.ring {
		if f != nil && !seen[f] {
			used += fragmentOverhead
			if f.data != nil {
				_, n := sizeClass(len(f.data))
				used += n
			}
		}
	}
	for _, w := range r.waiting {
		for _, head := range w.msgs {
			count(head)
		}
	}
	for i := range a.events.n {
		e := &a.events.ring[(a.events.head+i)&(len(a.events.ring)-1)]
		count(e.msg)
	}
	count(a.lent)
	if used != r.used {
		t.Fatalf("receive buffer: used %d, want %d", r.used, used)
	}
	if r.used > 2*a.cfg.ReceiveBuffer {
		t.Fatalf("receive buffer: %d bytes of %d", r.used, a.cfg.ReceiveBuffer)
	}
	if !r.ranges.empty() && r.ranges.ranges()[0].first-r.cumTSN < 2 {
		t.Fatalf("ranges begin at %d, cumulative TSN is %d", r.ranges.ranges()[0].first, r.cumTSN)
	}
}
