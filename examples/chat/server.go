package main

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/dtls"
	"github.com/sansrtc/rtc/examples/chat/sfu"
	"github.com/sansrtc/rtc/ice"
)

const (
	maxSessions  = 1000
	packetBuffer = 1024 // datagrams that may wait for the loop
	maxDatagram  = 2048 // bytes; no browser sends larger ones
)

var (
	errShutDown   = errors.New("server is shutting down")
	errFull       = errors.New("server has too many sessions")
	errNoSession  = errors.New("no such session")
	errRoomName   = errors.New("the name of the room is too long")
	errEmptyOffer = errors.New("the body must be an SDP offer")
)

// server owns the SFU and all sessions. Only the goroutine in run touches them; others ask it to
// with do.
type server struct {
	log     slog.Handler
	sockets []socket
	conns   map[netip.AddrPort]*net.UDPConn // the same by address

	packets chan packet
	free    chan []byte // buffers for packets
	calls   chan func(now time.Time)
	done    chan struct{} // closed when the loop has ended

	sfu      *sfu.SFU
	sessions map[string]*session           // by id
	members  map[*sfu.Participant]*session // the same by what the SFU calls them
	routes   routes
	timers   timers
}

// packet is a datagram on its way from a socket to the loop.
type packet struct {
	path ice.Path
	data []byte
}

func newServer(sockets []socket, log slog.Handler) (*server, error) {
	cert, err := dtls.NewCertificate(rand.Reader, time.Now())
	if err != nil {
		return nil, err
	}
	s := &server{
		// One certificate for all sessions: making it costs more than using it.
		sfu:      sfu.New(rtc.Config{Certificate: cert, FailedTimeout: time.Second, Log: log}),
		log:      log,
		sockets:  sockets,
		conns:    make(map[netip.AddrPort]*net.UDPConn),
		packets:  make(chan packet, packetBuffer),
		free:     make(chan []byte, packetBuffer+len(sockets)),
		calls:    make(chan func(now time.Time)),
		done:     make(chan struct{}),
		sessions: make(map[string]*session),
		members:  make(map[*sfu.Participant]*session),
		routes:   newRoutes(),
	}
	for _, socket := range sockets {
		s.conns[socket.local] = socket.conn
	}
	for range cap(s.free) {
		s.free <- make([]byte, maxDatagram)
	}
	return s, nil
}

// run is the loop. Whatever happens, the SFU is drained afterwards, and the timer is set to
// the earliest deadline of all sessions.
func (s *server) run(ctx context.Context) {
	defer close(s.done)
	for _, socket := range s.sockets {
		go s.read(socket)
	}
	timer := time.NewTimer(0)
	for {
		select {
		case p := <-s.packets:
			s.receive(p)
			// What has piled up is taken in one go: many datagrams in, one
			// acknowledgement out.
			for range len(s.packets) {
				s.receive(<-s.packets)
			}
		case call := <-s.calls:
			call(time.Now())
		case <-timer.C:
			now := time.Now()
			for p := s.timers.expired(now); p != nil; p = s.timers.expired(now) {
				s.sfu.HandleInput(p.member, rtc.Input{Now: now})
			}
		case <-ctx.Done():
			s.sfu.Close(time.Now())
			s.drain()
			return
		}
		s.drain()
		if deadline := s.timers.earliest(); deadline.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(time.Until(deadline))
		}
	}
}

// do runs call in the loop, and returns when it has run.
func (s *server) do(call func(now time.Time)) error {
	ran := make(chan struct{})
	select {
	case s.calls <- func(now time.Time) { call(now); close(ran) }:
		<-ran
		return nil
	case <-s.done:
		return errShutDown
	}
}

// receive gives a datagram to its session. One that belongs to none is dropped.
func (s *server) receive(packet packet) {
	if p := s.routes.find(packet.path, packet.data); p != nil {
		s.sfu.HandleInput(p.member, rtc.Input{
			Now: time.Now(), Local: packet.path.Local, Remote: packet.path.Remote, Data: packet.data,
		})
	}
	s.free <- packet.data[:maxDatagram]
}

// drain does what the sessions ask, and notes when they must be called again.
func (s *server) drain() {
	for {
		member, out, ok := s.sfu.PollOutput()
		if !ok {
			return
		}
		p := s.members[member]
		switch out.Kind {
		case rtc.OutputTransmit:
			// A failed write is a lost datagram: the network may refuse one candidate and take the next.
			s.routes.noteSent(p, out.Transmit)
			s.conns[out.Transmit.Local].WriteToUDPAddrPort(out.Transmit.Data, out.Transmit.Remote)
		case rtc.OutputEvent:
			s.handle(p, out.Event)
		case rtc.OutputTimeout:
			s.timers.set(p, out.Deadline)
		case rtc.OutputClosed:
			s.remove(p, out.Err)
		}
	}
}

// handle keeps the routes. What people see and hear is the SFU's affair.
func (s *server) handle(p *session, ev rtc.Event) {
	switch ev := ev.(type) {
	case *rtc.LocalUfragAdded:
		s.routes.addUfrag(p, ev.Ufrag)
	case *rtc.LocalUfragRemoved:
		s.routes.removeUfrag(p, ev.Ufrag)
	case *rtc.RemoteAddrAdded:
		s.routes.addPath(p, ev.Path)
	case *rtc.RemoteAddrRemoved:
		s.routes.removePath(p, ev.Path)
	case *rtc.Connected:
		p.log.Info("connected", "dtls", ev.DTLS.Version, "srtp", ev.DTLS.SRTPProfile)
	default:
	}
}

// join brings the page that made offer into a room.
func (s *server) join(now time.Time, room, offer string) (p *session, answer string, err error) {
	if len(s.sessions) >= maxSessions {
		return nil, "", errFull
	}
	var candidates []ice.Candidate
	for _, socket := range s.sockets {
		candidates = append(candidates, ice.Candidate{Type: ice.Host, Addr: socket.local})
	}
	member, answer, err := s.sfu.Join(now, room, offer, candidates)
	if err != nil {
		return nil, "", err
	}
	id := rand.Text()
	p = &session{id: id, member: member, log: slog.New(s.log).With("session", id[:6])}
	s.sessions[id], s.members[member] = p, p
	p.log.Info("session begins", "room", room)
	return p, answer, nil
}

// remove forgets a session that has ended.
func (s *server) remove(p *session, err error) {
	delete(s.sessions, p.id)
	delete(s.members, p.member)
	s.routes.remove(p)
	s.timers.set(p, time.Time{})
	p.log.Info("session ends", "err", err)
}

// session is what the server knows of one page.
type session struct {
	id     string
	member *sfu.Participant
	log    *slog.Logger

	deadline time.Time // as timers keeps it
	place    int       // in the heap of timers, counted from one; zero: not there
	ufrags   []string  // as routes keeps them
	paths    []ice.Path
}
