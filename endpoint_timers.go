package rtc

import "time"

// timers is a heap of the members of an endpoint, the earliest deadline first. The deadlines stand
// in the heap itself, so that to move one through it touches no other session's memory.
type timers[S any] struct {
	heap     []timer[S]
	compared uint64 // how often two deadlines were compared, for the test that counts
}

type timer[S any] struct {
	deadline time.Time
	member   *member[S]
}

// set notes that m has to be called at deadline, or not at all if that is zero.
func (t *timers[S]) set(m *member[S], deadline time.Time) {
	if deadline == m.deadline { // as after most packets
		return
	}
	m.deadline = deadline
	if deadline.IsZero() {
		t.remove(m)
		return
	}
	if m.timerPlace == 0 {
		t.heap = append(t.heap, timer[S]{deadline, m})
		m.timerPlace = len(t.heap)
		t.up(len(t.heap) - 1)
		return
	}
	i := m.timerPlace - 1
	before := t.heap[i].deadline
	t.heap[i].deadline = deadline
	if deadline.Before(before) {
		t.up(i)
	} else {
		t.down(i)
	}
}

func (t *timers[S]) remove(m *member[S]) {
	if m.timerPlace == 0 {
		return
	}
	i, last := m.timerPlace-1, len(t.heap)-1
	t.swap(i, last)
	t.heap[last] = timer[S]{}
	t.heap = t.heap[:last]
	m.timerPlace, m.deadline = 0, time.Time{}
	if i < last {
		t.down(i)
		t.up(i)
	}
}

// earliest returns the first deadline, or zero if there is none.
func (t *timers[S]) earliest() time.Time {
	if len(t.heap) == 0 {
		return time.Time{}
	}
	return t.heap[0].deadline
}

// expired removes a member whose deadline has come, and returns it, or nil.
func (t *timers[S]) expired(now time.Time) *member[S] {
	if len(t.heap) == 0 || t.heap[0].deadline.After(now) {
		return nil
	}
	m := t.heap[0].member
	t.remove(m)
	return m
}

func (t *timers[S]) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !t.before(i, parent) {
			return
		}
		t.swap(i, parent)
		i = parent
	}
}

func (t *timers[S]) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(t.heap) {
			return
		}
		if right := child + 1; right < len(t.heap) && t.before(right, child) {
			child = right
		}
		if !t.before(child, i) {
			return
		}
		t.swap(i, child)
		i = child
	}
}

func (t *timers[S]) before(i, j int) bool {
	t.compared++
	return t.heap[i].deadline.Before(t.heap[j].deadline)
}

func (t *timers[S]) swap(i, j int) {
	t.heap[i], t.heap[j] = t.heap[j], t.heap[i]
	t.heap[i].member.timerPlace, t.heap[j].member.timerPlace = i+1, j+1
}
