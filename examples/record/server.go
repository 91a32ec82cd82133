package main

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/dtls"
	"github.com/sansrtc/rtc/examples/internal/serve"
	"github.com/sansrtc/rtc/examples/record/recorder"
	"github.com/sansrtc/rtc/sdp"
)

const maxSessions = 100

// server has all sessions, each with a recorder.
type server struct {
	site     *serve.Site
	cert     *dtls.Certificate // one for all sessions: making it costs more than using it
	archive  *archive
	now      time.Time
	endpoint rtc.Endpoint[*session]
	sessions map[string]*session // by id
}

// session is what the server knows of one page.
type session struct {
	id       string
	name     string // of its files, without extension
	rtc      *rtc.Rtc
	recorder *recorder.Recorder
	log      *slog.Logger
	archive  *archive
	files    []*file
	failed   bool
	offered  [2]bool // by kind: the page's offer had a section of it
}

func newServer(site *serve.Site, dir string) (serve.Server, error) {
	archive, err := newArchive(dir)
	if err != nil {
		return nil, err
	}
	cert, err := dtls.NewCertificate(rand.Reader, time.Now())
	if err != nil {
		return nil, err
	}
	s := &server{site: site, cert: cert, archive: archive, sessions: make(map[string]*session)}
	site.Handle("GET /recordings/", archive)
	site.HandleSession("GET /session/{id}", func(_ time.Time, id string, _ *rtc.Rtc, _ []byte) (string, error) {
		return s.sessions[id].state()
	})
	site.HandleSession("POST /session/{id}/stop", func(now time.Time, id string, r *rtc.Rtc, _ []byte) (string, error) {
		s.sessions[id].finish()
		r.Close(now)
		return s.sessions[id].state()
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
			p.handle(s.now, out.Event)
		case rtc.OutputClosed:
			p.finish()
			delete(s.sessions, p.id)
			stats := p.recorder.Stats()
			p.log.Info("session ends", "err", out.Err, "recorded", stats.Duration, "dropped", stats.Dropped)
		default:
			return out
		}
	}
}

// handle gives what happens in a session to its recorder, and asks for the key frames that this wants.
func (p *session) handle(now time.Time, ev rtc.Event) {
	p.recorder.HandleEvent(now, ev)
	for id, ok := p.recorder.NextKeyFrameRequest(); ok; id, ok = p.recorder.NextKeyFrameRequest() {
		p.rtc.RequestKeyFrame(now, id, "") // a section that is no more needs none
	}
	p.noteError(p.recorder.Err())
}

// finish ends the recording. The session may go on.
func (p *session) finish() { p.noteError(p.recorder.Close()) }

func (p *session) noteError(err error) {
	if err != nil && !p.failed {
		p.failed = true
		p.log.Error("the recording has failed", "err", err)
	}
}

// open begins a file of the recording.
func (p *session) open(part recorder.Part) (recorder.Muxer, error) {
	name := p.name
	if part.Number > 1 {
		name += fmt.Sprintf("-%d", part.Number)
	}
	f, err := p.archive.create(name, p.id, part.Tracks)
	if err != nil {
		return nil, err
	}
	p.files = append(p.files, f)
	p.log.Info("file begins", "name", f.name, "tracks", describe(part.Tracks))
	for _, t := range part.Tracks {
		if !t.Synchronised {
			p.log.Warn("no sender reports: placed by when frames came", "track", t.Codec)
		}
	}
	return f, nil
}

// Join begins a session with the page that made offer. It is recorded from the first frame.
func (s *server) Join(now time.Time, offer string, _ url.Values) (id, answer string, err error) {
	if len(s.sessions) >= maxSessions {
		return "", "", serve.ErrBusy
	}
	p := &session{id: rand.Text(), archive: s.archive}
	p.name = now.Format("2006-01-02-150405-") + strings.ToLower(p.id[:4])
	p.log = slog.New(s.site.Log).With("session", p.id[:6])
	p.recorder = recorder.New(recorder.Config{Open: p.open})
	p.rtc, answer, err = s.site.Accept(now, rtc.Config{
		Certificate: s.cert, FailedTimeout: time.Second, Log: s.site.Log,
		AudioCodecs: audioCodecs(), VideoCodecs: videoCodecs(), AcceptMedia: p.acceptMedia,
	}, offer)
	if err != nil {
		return "", "", err
	}
	s.sessions[p.id] = p
	s.endpoint.Add(p.rtc, p)
	p.log.Info("session begins")
	return p.id, answer, nil
}

// acceptMedia takes one section of each kind, to receive whole frames.
func (p *session) acceptMedia(o rtc.MediaOffer) (rtc.MediaConfig, bool) {
	if p.offered[o.Kind] || !o.Direction.Receives() {
		return rtc.MediaConfig{}, false
	}
	p.offered[o.Kind] = true
	return rtc.MediaConfig{Direction: sdp.RecvOnly, Frames: true, Extensions: extensions(o.Kind)}, true
}

// extensions leaves out the one that tells how a phone is held, of which files know nothing: a browser that cannot tell it
// turns the pictures itself.
func extensions(kind rtc.MediaKind) []sdp.Extmap {
	return slices.DeleteFunc(rtc.DefaultExtensions(kind), func(x sdp.Extmap) bool { return x.URI == "urn:3gpp:video-orientation" })
}

// audioCodecs and videoCodecs are those that can be recorded.
func audioCodecs() []sdp.Codec {
	return slices.DeleteFunc(rtc.DefaultAudioCodecs(), func(c sdp.Codec) bool { return !c.Is("opus") })
}

func videoCodecs() []sdp.Codec {
	all := rtc.DefaultVideoCodecs()
	h265 := slices.IndexFunc(all, func(c sdp.Codec) bool { return c.Is("H265") })
	return slices.Delete(all, h265, h265+2) // with its RTX
}

func (s *server) Session(id string) *rtc.Rtc {
	if p := s.sessions[id]; p != nil {
		return p.rtc
	}
	return nil
}

func (s *server) Close(now time.Time) { s.endpoint.Close(now) }
