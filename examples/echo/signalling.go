package main

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"time"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/ice"
)

// maxBody is the largest request taken, in bytes. An offer of a browser with a data
// channel has some 500; with every kind of media, 50,000.
const maxBody = 1 << 18

// handler serves the page, and signalling:
//
//	POST /session                 an offer; its answer comes back, and where the session is
//	POST /session/{id}            a further offer, for an ICE restart
//	POST /session/{id}/candidate  a candidate of the browser's; an empty one is the end of them
//	GET  /session/{id}            the server's view of the session, as JSON
func (s *server) handler(page fs.FS) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(page))
	mux.HandleFunc("POST /session", s.postOffer)
	mux.HandleFunc("POST /session/{id}", s.postFurtherOffer)
	mux.HandleFunc("POST /session/{id}/candidate", s.postCandidate)
	mux.HandleFunc("GET /session/{id}", s.getState)
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		// An isolated page gets clocks that are fine enough to time a local network.
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Embedder-Policy", "require-corp")
		req.Body = http.MaxBytesReader(w, req.Body, maxBody)
		mux.ServeHTTP(w, req)
	})
}

func (s *server) postOffer(w http.ResponseWriter, req *http.Request) {
	offer, err := readOffer(req)
	if err != nil {
		fail(w, err)
		return
	}
	var p *session
	var answer string
	loop := s.do(func(now time.Time) { p, answer, err = s.accept(now, offer) })
	if err := errors.Join(loop, err); err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Location", "/session/"+p.id)
	writeAnswer(w, http.StatusCreated, answer)
}

func (s *server) postFurtherOffer(w http.ResponseWriter, req *http.Request) {
	offer, err := readOffer(req)
	if err != nil {
		fail(w, err)
		return
	}
	var answer string
	err = s.with(req, func(now time.Time, p *session) (err error) {
		answer, err = p.rtc.AcceptOffer(now, offer)
		return err
	})
	if err != nil {
		fail(w, err)
		return
	}
	writeAnswer(w, http.StatusOK, answer)
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
			p.rtc.EndOfRemoteCandidates(now)
			return nil
		case errors.Is(parse, ice.ErrUnsupported):
			return nil // of a kind we have no use for
		case parse != nil:
			return parse
		}
		return p.rtc.AddRemoteCandidate(now, c)
	})
	if err != nil {
		fail(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *server) getState(w http.ResponseWriter, req *http.Request) {
	var v state
	err := s.with(req, func(now time.Time, p *session) error {
		v = p.state(now)
		return nil
	})
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
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
		s.touch(p)
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

func writeAnswer(w http.ResponseWriter, status int, answer string) {
	w.Header().Set("Content-Type", "application/sdp")
	w.WriteHeader(status)
	io.WriteString(w, answer)
}

// fail answers a request that cannot be fulfilled.
func fail(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	switch {
	case errors.Is(err, errNoSession) || errors.Is(err, rtc.ErrClosed):
		status = http.StatusNotFound
	case errors.Is(err, errFull) || errors.Is(err, errShutDown):
		status = http.StatusServiceUnavailable
	}
	http.Error(w, err.Error(), status)
}
