package main

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"time"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/examples/chat/sfu"
	"github.com/sansrtc/rtc/ice"
)

// maxBody is the largest request taken, in bytes. An offer of a browser has some 7,000.
const maxBody = 1 << 18

// maxName is the longest name of a room, in bytes.
const maxName = 100

// handler serves the page, and signalling until the data channel is open, which takes over
// from there:
//
//	POST /room/{name}             an offer; its answer comes back, and where the session is
//	POST /session/{id}/candidate  a candidate of the browser's; an empty one is the end of them
func (s *server) handler(page fs.FS) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(page))
	mux.HandleFunc("POST /room/{name}", s.postOffer)
	mux.HandleFunc("POST /session/{id}/candidate", s.postCandidate)
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		req.Body = http.MaxBytesReader(w, req.Body, maxBody)
		mux.ServeHTTP(w, req)
	})
}

func (s *server) postOffer(w http.ResponseWriter, req *http.Request) {
	room := req.PathValue("name")
	if len(room) > maxName {
		fail(w, errRoomName)
		return
	}
	offer, err := readOffer(req)
	if err != nil {
		fail(w, err)
		return
	}
	var p *session
	var answer string
	loop := s.do(func(now time.Time) { p, answer, err = s.join(now, room, offer) })
	if err := errors.Join(loop, err); err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Location", "/session/"+p.id)
	w.Header().Set("Content-Type", "application/sdp")
	w.WriteHeader(http.StatusCreated)
	io.WriteString(w, answer)
}

func (s *server) postCandidate(w http.ResponseWriter, req *http.Request) {
	text, err := io.ReadAll(req.Body)
	if err != nil {
		fail(w, err)
		return
	}
	c, parse := ice.ParseCandidate(string(text))
	err = s.with(req, func(now time.Time, p *session) error {
		switch {
		case errors.Is(parse, ice.ErrEndOfCandidates):
			s.sfu.EndOfRemoteCandidates(now, p.member)
			return nil
		case errors.Is(parse, ice.ErrUnsupported):
			return nil // of a kind we have no use for
		case parse != nil:
			return parse
		}
		return s.sfu.AddRemoteCandidate(now, p.member, c)
	})
	if err != nil {
		fail(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// with runs call in the loop for the session that the request names.
func (s *server) with(req *http.Request, call func(now time.Time, p *session) error) error {
	id := req.PathValue("id")
	var err error
	loop := s.do(func(now time.Time) {
		p := s.sessions[id]
		if p == nil {
			err = errNoSession
			return
		}
		err = call(now, p)
	})
	return errors.Join(loop, err)
}

func readOffer(req *http.Request) (string, error) {
	b, err := io.ReadAll(req.Body)
	if err == nil && len(b) == 0 {
		err = errEmptyOffer
	}
	return string(b), err
}

// fail answers a request that cannot be fulfilled.
func fail(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	switch {
	case errors.Is(err, errNoSession) || errors.Is(err, rtc.ErrClosed):
		status = http.StatusNotFound
	case errors.Is(err, errFull) || errors.Is(err, sfu.ErrRoomFull) || errors.Is(err, errShutDown):
		status = http.StatusServiceUnavailable
	}
	http.Error(w, err.Error(), status)
}
