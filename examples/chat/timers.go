package main

import (
	"container/heap"
	"time"
)

// timers knows which session has to be called next: a heap of sessions, the earliest
// deadline first.
type timers []*session

// set notes that p has to be called at deadline, or not at all if that is zero.
func (t *timers) set(p *session, deadline time.Time) {
	p.deadline = deadline
	switch {
	case p.place == 0 && !deadline.IsZero():
		heap.Push(t, p)
	case p.place != 0 && deadline.IsZero():
		heap.Remove(t, p.place-1)
	case p.place != 0:
		heap.Fix(t, p.place-1)
	}
}

// earliest returns the first deadline, or zero if there is none.
func (t timers) earliest() time.Time {
	if len(t) == 0 {
		return time.Time{}
	}
	return t[0].deadline
}

// expired removes a session whose deadline has come, and returns it, or nil.
func (t *timers) expired(now time.Time) *session {
	if len(*t) == 0 || (*t)[0].deadline.After(now) {
		return nil
	}
	return heap.Pop(t).(*session)
}

// What container/heap asks for.

func (t timers) Len() int           { return len(t) }
func (t timers) Less(i, j int) bool { return t[i].deadline.Before(t[j].deadline) }

func (t timers) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].place, t[j].place = i+1, j+1
}

func (t *timers) Push(x any) {
	p := x.(*session)
	*t = append(*t, p)
	p.place = len(*t)
}

func (t *timers) Pop() any {
	last := len(*t) - 1
	p := (*t)[last]
	(*t)[last] = nil
	*t = (*t)[:last]
	p.place = 0
	return p
}
