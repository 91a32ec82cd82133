package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"net/url"
	"time"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/dtls"
	"github.com/sansrtc/rtc/examples/internal/serve"
	"github.com/sansrtc/rtc/ice"
	"github.com/sansrtc/rtc/sctp"
)

const maxSessions = 1000

// server has all sessions.
type server struct {
	site     *serve.Site
	cert     *dtls.Certificate // one for all sessions: making it costs more than using it
	now      time.Time
	endpoint rtc.Endpoint[*session]
	sessions map[string]*session // by id
}

// session is what the server knows of one browser.
type session struct {
	id    string
	rtc   *rtc.Rtc
	log   *slog.Logger
	since time.Time

	ice  ice.State
	path ice.Path             // zero until one is selected
	dtls dtls.ConnectionState // zero until connected
}

func newServer(site *serve.Site) (serve.Server, error) {
	cert, err := dtls.NewCertificate(rand.Reader, time.Now())
	if err != nil {
		return nil, err
	}
	s := &server{site: site, cert: cert, sessions: make(map[string]*session)}
	site.HandleSession("GET /session/{id}", func(now time.Time, id string, _ *rtc.Rtc, _ []byte) (string, error) {
		b, err := json.Marshal(s.sessions[id].state(now))
		return string(b), err
	})
	return s, nil
}

func (s *server) HandleInput(in rtc.Input) {
	s.now = in.Now
	s.endpoint.HandleInput(in)
}

func (s *server) PollOutput() rtc.Output {
	for {
		p, out := s.endpoint.PollOutput()
		switch out.Kind {
		case rtc.OutputEvent:
			s.handle(p, out.Event)
		case rtc.OutputClosed:
			delete(s.sessions, p.id)
			p.log.Info("session ends", "err", out.Err)
		default:
			return out
		}
	}
}

// handle is the application: it echoes. The rest of it remembers what the page will ask for.
func (s *server) handle(p *session, ev rtc.Event) {
	switch ev := ev.(type) {
	case *rtc.ChannelMessage:
		p.echo(s.now, ev)
	case *rtc.ChannelOpened:
		p.log.Info("channel opened", "label", ev.Config.Label, "stream", ev.Config.StreamID)
	case *rtc.ChannelClosed:
		p.log.Info("channel closed", "err", ev.Err)
	case *rtc.Connected:
		p.dtls = ev.DTLS
		p.log.Info("connected", "dtls", ev.DTLS.Version, "group", ev.DTLS.Group)
	case *rtc.ICEStateChanged:
		p.ice = ev.State
		p.log.Info("ICE", "state", ev.State)
	case *rtc.PathSelected:
		p.path = ev.Path
		p.log.Info("path selected", "local", ev.Path.Local, "remote", ev.Path.Remote)
	default:
		// ResolveHostname is among them: a browser hides its addresses behind a name in the multicast
		// DNS. Ours are no secret: its checks reach us, and tell its address.
	}
}

// echo sends a message back. Whoever sends without taking the echoes fills our
// buffer, and loses the channel.
func (p *session) echo(now time.Time, m *rtc.ChannelMessage) {
	err := p.rtc.Send(now, m.ID, m.Binary, m.Data)
	if err != nil && !errors.Is(err, sctp.ErrNoChannel) {
		p.log.Warn("closing a channel", "err", err)
		p.rtc.CloseChannel(now, m.ID)
	}
}

// Join begins a session with the browser that made offer.
func (s *server) Join(now time.Time, offer string, _ url.Values) (id, answer string, err error) {
	if len(s.sessions) >= maxSessions {
		return "", "", serve.ErrBusy
	}
	r, answer, err := s.site.Accept(now, rtc.Config{Certificate: s.cert}, offer)
	if err != nil {
		return "", "", err
	}
	id = rand.Text()
	p := &session{id: id, rtc: r, log: slog.New(s.site.Log).With("session", id[:6]), since: now}
	s.sessions[id] = p
	s.endpoint.Add(r, p)
	p.log.Info("session begins")
	return id, answer, nil
}

func (s *server) Session(id string) *rtc.Rtc {
	if p := s.sessions[id]; p != nil {
		return p.rtc
	}
	return nil
}

func (s *server) Close(now time.Time) { s.endpoint.Close(now) }
