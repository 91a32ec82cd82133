package serve

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/ice"
)

// maxBody is the largest request taken, in bytes. An offer of a browser with a data
// channel has some 500; with every kind of media, 50,000.
const maxBody = 1 << 18

// signal serves the signalling:
//
//	POST   /session                 an offer; its answer comes back, and where the session is
//	POST   /session/{id}            a further offer, for an ICE restart
//	POST   /session/{id}/candidate  a candidate of the browser's; an empty one is the end of them
//	DELETE /session/{id}            the end
//
// A client of WHIP (RFC 9725) that waits for its candidates before it makes the offer can use it too.
func (s *Site) signal() {
	s.mux.HandleFunc("POST /session", s.postOffer)
	s.HandleSession("POST /session/{id}", func(now time.Time, _ string, r *rtc.Rtc, body []byte) (string, error) {
		return r.AcceptOffer(now, string(body))
	})
	s.HandleSession("POST /session/{id}/candidate", func(now time.Time, _ string, r *rtc.Rtc, body []byte) (string, error) {
		return "", addCandidate(now, r, string(body))
	})
	s.HandleSession("DELETE /session/{id}", func(now time.Time, _ string, r *rtc.Rtc, _ []byte) (string, error) {
		r.Close(now)
		return "", nil
	})
}

func (s *Site) postOffer(w http.ResponseWriter, req *http.Request) {
	offer, err := io.ReadAll(req.Body)
	if err == nil && len(offer) == 0 {
		err = errNoOffer
	}
	var id, answer string
	if err != nil {
		fail(w, err)
		return
	}
	loop := s.loop.Do(func(now time.Time) {
		id, answer, err = s.loop.server.Join(now, string(offer), req.URL.Query())
	})
	if err := errors.Join(loop, err); err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Location", "/session/"+id)
	w.Header().Set("Content-Type", "application/sdp")
	w.WriteHeader(http.StatusCreated)
	io.WriteString(w, answer)
}

// Accept makes the session that answers an offer. It can be reached at all addresses of the server.
func (s *Site) Accept(now time.Time, cfg rtc.Config, offer string) (r *rtc.Rtc, answer string, err error) {
	if r, err = rtc.New(now, cfg); err != nil {
		return nil, "", err
	}
	for _, c := range s.Candidates {
		if err := r.AddLocalCandidate(now, c); err != nil {
			return nil, "", fmt.Errorf("candidate %v: %w", c.Addr, err)
		}
	}
	answer, err = r.AcceptOffer(now, offer)
	return r, answer, err
}

// HandleSession serves requests about a session, whose pattern must have its {id}. Call runs in the loop with
// the body of the request, and returns the body of the response.
func (s *Site) HandleSession(pattern string, call func(now time.Time, id string, r *rtc.Rtc, body []byte) (string, error)) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			fail(w, err)
			return
		}
		var reply string
		err = errGone
		loop := s.loop.Do(func(now time.Time) {
			id := req.PathValue("id")
			if r := s.loop.server.Session(id); r != nil {
				reply, err = call(now, id, r, body)
			}
		})
		switch err := errors.Join(loop, err); {
		case err != nil:
			fail(w, err)
		case reply == "":
			w.WriteHeader(http.StatusNoContent)
		default:
			w.Header().Set("Content-Type", contentType(reply))
			io.WriteString(w, reply)
		}
	})
}

// contentType tells the two things that are said about sessions apart.
func contentType(reply string) string {
	if reply[0] == '{' {
		return "application/json"
	}
	return "application/sdp"
}

func addCandidate(now time.Time, r *rtc.Rtc, text string) error {
	c, err := ice.ParseCandidate(text)
	switch {
	case errors.Is(err, ice.ErrEndOfCandidates):
		r.EndOfRemoteCandidates(now)
		return nil
	case errors.Is(err, ice.ErrUnsupported):
		return nil // of a kind we have no use for
	case err != nil:
		return err
	}
	return r.AddRemoteCandidate(now, c)
}

// fail answers a request that cannot be fulfilled.
func fail(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	switch {
	case errors.Is(err, errGone) || errors.Is(err, rtc.ErrClosed):
		status = http.StatusNotFound
	case errors.Is(err, ErrBusy) || errors.Is(err, errShutDown):
		status = http.StatusServiceUnavailable
	}
	http.Error(w, err.Error(), status)
}
