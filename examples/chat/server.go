package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/dtls"
	"github.com/sansrtc/rtc/examples/chat/sfu"
	"github.com/sansrtc/rtc/examples/internal/serve"
)

const (
	maxSessions = 1000
	maxRoomName = 100 // bytes
)

var errRoomName = errors.New("the name of the room is too long")

// server gives the sessions of the SFU names.
type server struct {
	site     *serve.Site
	sfu      *sfu.SFU
	sessions map[string]*session // by id
	members  map[*sfu.Participant]*session
}

// session is what the server knows of one page.
type session struct {
	id     string
	member *sfu.Participant
	log    *slog.Logger
}

func newServer(site *serve.Site) (serve.Server, error) {
	cert, err := dtls.NewCertificate(rand.Reader, time.Now())
	if err != nil {
		return nil, err
	}
	s := &server{
		site: site,
		// One certificate for all sessions: making it costs more than using it.
		sfu:      sfu.New(rtc.Config{Certificate: cert, FailedTimeout: time.Second, Log: site.Log}),
		sessions: make(map[string]*session),
		members:  make(map[*sfu.Participant]*session),
	}
	site.HandleSession("POST /session/{id}/restart", func(now time.Time, id string, _ *rtc.Rtc, body []byte) (string, error) {
		return s.restart(now, s.sessions[id].member, body)
	})
	site.HandleSession("POST /session/{id}/answer", func(now time.Time, id string, _ *rtc.Rtc, body []byte) (string, error) {
		var answer description
		err := json.Unmarshal(body, &answer)
		if err == nil {
			s.sfu.Answer(now, s.sessions[id].member, answer.Round, answer.SDP)
		}
		return "", err
	})
	return s, nil
}

// description is an offer of the SFU or the answer to one, where it travels by HTTP.
type description struct {
	Round uint64 `json:"round"`
	SDP   string `json:"sdp"`
}

// restart makes an offer to a page that lost its way to us.
func (s *server) restart(now time.Time, p *sfu.Participant, body []byte) (string, error) {
	var answer description
	if err := json.Unmarshal(body, &answer); err != nil {
		return "", err
	}
	round, offer, err := s.sfu.Restart(now, p, answer.Round, answer.SDP)
	if err != nil {
		return "", err
	}
	b, err := json.Marshal(description{round, offer})
	return string(b), err
}

func (s *server) HandleInput(in rtc.Input) { s.sfu.HandleInput(in) }

func (s *server) PollOutput() rtc.Output {
	for {
		member, out := s.sfu.PollOutput()
		switch out.Kind {
		case rtc.OutputEvent: // the SFU has seen to it
		case rtc.OutputClosed:
			p := s.members[member]
			delete(s.sessions, p.id)
			delete(s.members, member)
			p.log.Info("session ends", "err", out.Err)
		default:
			return out
		}
	}
}

// Join brings the page that made offer into a room.
func (s *server) Join(now time.Time, offer string, query url.Values) (id, answer string, err error) {
	room := query.Get("room")
	switch {
	case len(room) > maxRoomName:
		return "", "", errRoomName
	case len(s.sessions) >= maxSessions:
		return "", "", serve.ErrBusy
	}
	member, answer, err := s.sfu.Join(now, room, offer, s.site.Candidates)
	if errors.Is(err, sfu.ErrRoomFull) {
		err = fmt.Errorf("%w: %w", serve.ErrBusy, err)
	}
	if err != nil {
		return "", "", err
	}
	id = rand.Text()
	p := &session{id: id, member: member, log: slog.New(s.site.Log).With("session", id[:6])}
	s.sessions[id], s.members[member] = p, p
	p.log.Info("session begins", "room", room)
	return id, answer, nil
}

func (s *server) Session(id string) *rtc.Rtc {
	if p := s.sessions[id]; p != nil {
		return p.member.Rtc
	}
	return nil
}

func (s *server) Close(now time.Time) { s.sfu.Close(now) }
