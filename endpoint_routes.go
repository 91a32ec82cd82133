package rtc

import (
	"slices"

	"github.com/sansrtc/rtc/ice"
	"github.com/sansrtc/rtc/stun"
)

// routes finds the member that a datagram belongs to. Each datagram takes three look-ups at most, and one of media in
// a connected session exactly one.
type routes[S any] struct {
	// byUfrag has the members by the name that their peers' checks call them.
	byUfrag map[string]*member[S]

	// byPath has the members by the addresses that their peers proved to own.
	byPath map[ice.Path]*member[S]

	// byRequest has them by addresses that an authenticated check came from, which is no proof yet:
	// a peer may send its first flight before our own check of the path is answered.
	byRequest map[ice.Path]*member[S]

	// byCheck has them by our own checks of addresses that are not proved. The
	// response to a check names no one.
	byCheck map[stun.TransactionID]*member[S]

	looked uint64 // how many look-ups were made, for the test that counts
}

// What is remembered of one member before addresses are proved, so that its peer cannot make that
// grow.
const (
	maxRequests = 16
	maxChecks   = 64
)

// memberRoute is what leads to one member.
type memberRoute struct {
	ufrags   []string
	paths    []ice.Path
	requests []ice.Path           // a ring, when it is full
	checks   []stun.TransactionID // likewise
	nextReq  int
	nextChk  int
}

// find returns the member which the datagram b belongs to, or nil.
func (t *routes[S]) find(path ice.Path, b []byte) *member[S] {
	if stun.Is(b) {
		if local, _, ok := stun.Username(b); ok {
			t.looked++
			return t.byUfrag[string(local)]
		}
		if len(t.byCheck) > 0 {
			t.looked++
			if m := t.byCheck[stun.Message(b).TransactionID()]; m != nil {
				return m
			}
		}
	}
	t.looked++
	if m := t.byPath[path]; m != nil {
		return m
	}
	if len(t.byRequest) == 0 {
		return nil
	}
	t.looked++
	return t.byRequest[path]
}

// follow learns from an event of a member.
func (t *routes[S]) follow(m *member[S], ev Event) {
	switch ev := ev.(type) {
	case *LocalUfragAdded:
		t.addUfrag(m, ev.Ufrag)
	case *LocalUfragRemoved:
		deleteOwn(t.byUfrag, ev.Ufrag, m)
		m.routes.ufrags = without(m.routes.ufrags, ev.Ufrag)
	case *RemoteAddrAdded:
		t.addPath(m, ev.Path)
	case *RemoteAddrRemoved:
		deleteOwn(t.byPath, ev.Path, m)
		m.routes.paths = without(m.routes.paths, ev.Path)
	default: // of no concern here
	}
}

func (t *routes[S]) addUfrag(m *member[S], ufrag string) {
	if t.byUfrag[ufrag] == m {
		return
	}
	put(&t.byUfrag, ufrag, m)
	m.routes.ufrags = append(m.routes.ufrags, ufrag)
}

func (t *routes[S]) addPath(m *member[S], path ice.Path) {
	deleteOwn(t.byRequest, path, m)
	if t.byPath[path] != m {
		put(&t.byPath, path, m)
		m.routes.paths = append(m.routes.paths, path)
	}
}

// noteRequest follows a datagram that m has been given: if it was an authenticated check of an address
// which is not proved yet, what comes from there next belongs to m too.
func (t *routes[S]) noteRequest(m *member[S], path ice.Path, b []byte) {
	if !stun.Is(b) || t.byRequest[path] == m || !m.rtc.agent.Requested(path) {
		return
	}
	put(&t.byRequest, path, m)
	remember(&m.routes.requests, &m.routes.nextReq, maxRequests, path, func(old ice.Path) {
		deleteOwn(t.byRequest, old, m)
	})
}

// noteCheck follows a datagram that m sends: the response to a check of an address that is not
// proved is known by its transaction.
func (t *routes[S]) noteCheck(m *member[S], out *Transmit) {
	if !stun.Is(out.Data) || stun.Message(out.Data).Class() != stun.Request {
		return
	}
	path := ice.Path{Transport: out.Transport, Local: out.Local, Remote: out.Remote}
	id := stun.Message(out.Data).TransactionID()
	if t.byPath[path] == m || t.byCheck[id] == m { // a repetition has the ID of the first
		return
	}
	put(&t.byCheck, id, m)
	remember(&m.routes.checks, &m.routes.nextChk, maxChecks, id, func(old stun.TransactionID) {
		deleteOwn(t.byCheck, old, m)
	})
}

// remove forgets everything that leads to m.
func (t *routes[S]) remove(m *member[S]) {
	for _, ufrag := range m.routes.ufrags {
		deleteOwn(t.byUfrag, ufrag, m)
	}
	for _, path := range m.routes.paths {
		deleteOwn(t.byPath, path, m)
	}
	for _, path := range m.routes.requests {
		deleteOwn(t.byRequest, path, m)
	}
	for _, id := range m.routes.checks {
		deleteOwn(t.byCheck, id, m)
	}
	m.routes = memberRoute{}
}

// put makes the map when it is first needed.
func put[K comparable, V any](table *map[K]V, key K, value V) {
	if *table == nil {
		*table = make(map[K]V)
	}
	(*table)[key] = value
}

// deleteOwn deletes table[key] if it is m. An address may have passed to another session,
// when a browser opens a page anew.
func deleteOwn[K comparable, S any](table map[K]*member[S], key K, m *member[S]) {
	if table[key] == m {
		delete(table, key)
	}
}

func without[T comparable](list []T, x T) []T {
	return slices.DeleteFunc(list, func(y T) bool { return y == x })
}

// remember appends to a list until that has limit entries, and then replaces the oldest.
func remember[T any](list *[]T, next *int, limit int, x T, forget func(old T)) {
	if len(*list) < limit {
		*list = append(*list, x)
		return
	}
	forget((*list)[*next])
	(*list)[*next] = x
	*next = (*next + 1) % limit
}
