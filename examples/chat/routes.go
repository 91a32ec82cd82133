package main

import (
	"slices"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/ice"
	"github.com/sansrtc/rtc/stun"
)

// routes finds the session of a datagram with one look-up, however many there are.
type routes struct {
	// byUfrag has the sessions by the name that a peer's checks call them.
	byUfrag map[string]*session

	// byPath has the sessions by the addresses that their peers proved to own.
	byPath map[ice.Path]*session

	// byCheck has those that have sent a check to an address which is in byPath for
	// nobody. The response to a check names no one, so it comes back by this.
	byCheck map[ice.Path]*session
}

func newRoutes() routes {
	return routes{
		byUfrag: make(map[string]*session),
		byPath:  make(map[ice.Path]*session),
		byCheck: make(map[ice.Path]*session),
	}
}

// find returns the session which the datagram b belongs to, or nil.
func (r *routes) find(path ice.Path, b []byte) *session {
	if local, _, ok := stun.Username(b); ok {
		return r.byUfrag[string(local)]
	}
	if p := r.byPath[path]; p != nil {
		return p
	}
	if stun.Is(b) {
		return r.byCheck[path]
	}
	return nil
}

// noteSent remembers to whom the answer to a check belongs.
func (r *routes) noteSent(p *session, t rtc.Transmit) {
	if !stun.Is(t.Data) || stun.Message(t.Data).Class() != stun.Request {
		return
	}
	path := ice.Path{Transport: t.Transport, Local: t.Local, Remote: t.Remote}
	if r.byPath[path] != p && r.byCheck[path] != p {
		r.byCheck[path] = p
		p.keepPath(path)
	}
}

func (r *routes) addUfrag(p *session, ufrag string) {
	r.byUfrag[ufrag] = p
	p.ufrags = append(p.ufrags, ufrag)
}

func (r *routes) removeUfrag(p *session, ufrag string) {
	deleteOwn(r.byUfrag, ufrag, p)
	p.ufrags = slices.DeleteFunc(p.ufrags, func(u string) bool { return u == ufrag })
}

func (r *routes) addPath(p *session, path ice.Path) {
	r.byPath[path] = p
	deleteOwn(r.byCheck, path, p)
	p.keepPath(path)
}

func (r *routes) removePath(p *session, path ice.Path) {
	deleteOwn(r.byPath, path, p)
	deleteOwn(r.byCheck, path, p)
	p.paths = slices.DeleteFunc(p.paths, func(x ice.Path) bool { return x == path })
}

// remove forgets all routes to p.
func (r *routes) remove(p *session) {
	for _, ufrag := range p.ufrags {
		deleteOwn(r.byUfrag, ufrag, p)
	}
	for _, path := range p.paths {
		deleteOwn(r.byPath, path, p)
		deleteOwn(r.byCheck, path, p)
	}
}

// deleteOwn deletes m[key] if it is p. An address may have passed to another session,
// when a browser opens the page anew.
func deleteOwn[K comparable](m map[K]*session, key K, p *session) {
	if m[key] == p {
		delete(m, key)
	}
}

// keepPath notes a path that remove must take back. There are as many as candidate pairs.
func (p *session) keepPath(path ice.Path) {
	if !slices.Contains(p.paths, path) {
		p.paths = append(p.paths, path)
	}
}
