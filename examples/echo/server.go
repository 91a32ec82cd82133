package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/dtls"
	"github.com/sansrtc/rtc/ice"
	"github.com/sansrtc/rtc/sctp"
)

const (
	maxSessions  = 1000
	packetBuffer = 256  // datagrams that may wait for the loop
	maxDatagram  = 2048 // bytes; no browser sends larger ones
)

var (
	errShutDown   = errors.New("server is shutting down")
	errFull       = errors.New("server has too many sessions")
	errNoSession  = errors.New("no such session")
	errEmptyOffer = errors.New("the body must be an SDP offer")
)

// server owns all sessions. Only the goroutine in run touches them; others ask it to
// with do.
type server struct {
	log     slog.Handler
	sockets []socket
	conns   map[netip.AddrPort]*net.UDPConn // the same by address
	cert    *dtls.Certificate               // one for all sessions: making it costs more than using it

	packets chan packet
	free    chan []byte // buffers for packets
	calls   chan func(now time.Time)
	done    chan struct{} // closed when the loop has ended

	sessions map[string]*session // by id
	routes   routes
	timers   timers
	touched  []*session // those that something happened to since they were drained
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
		log:      log,
		sockets:  sockets,
		conns:    make(map[netip.AddrPort]*net.UDPConn),
		cert:     cert,
		packets:  make(chan packet, packetBuffer),
		free:     make(chan []byte, packetBuffer+len(sockets)),
		calls:    make(chan func(now time.Time)),
		done:     make(chan struct{}),
		sessions: make(map[string]*session),
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

// run is the loop. Whatever happens, the sessions it happens to are drained
// afterwards, and the timer is set to the earliest deadline of all.
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
				p.rtc.HandleInput(rtc.Input{Now: now})
				s.touch(p)
			}
		case <-ctx.Done():
			for _, p := range s.sessions {
				p.rtc.Close(time.Now())
				s.touch(p)
			}
			s.drainTouched()
			return
		}
		s.drainTouched()
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
		p.rtc.HandleInput(rtc.Input{
			Now: time.Now(), Local: packet.path.Local, Remote: packet.path.Remote, Data: packet.data,
		})
		s.touch(p)
	}
	s.free <- packet.data[:maxDatagram]
}

// touch notes that p has to be drained.
func (s *server) touch(p *session) {
	if !p.touched {
		p.touched = true
		s.touched = append(s.touched, p)
	}
}

func (s *server) drainTouched() {
	for _, p := range s.touched {
		p.touched = false
		s.drain(p)
	}
	s.touched = s.touched[:0]
}

// drain does what the session asks and notes when it must be called again.
func (s *server) drain(p *session) {
	for {
		out := p.rtc.PollOutput()
		switch out.Kind {
		case rtc.OutputTransmit:
			// A failed write is a lost datagram: the network may refuse one candidate and take the next.
			s.routes.noteSent(p, out.Transmit)
			s.conns[out.Transmit.Local].WriteToUDPAddrPort(out.Transmit.Data, out.Transmit.Remote)
		case rtc.OutputEvent:
			s.handle(p, out.Event)
		case rtc.OutputTimeout:
			s.timers.set(p, out.Deadline)
			return
		case rtc.OutputClosed:
			s.remove(p, out.Err)
			return
		}
	}
}

// handle is the application: it echoes. The rest of it keeps the routes, and remembers
// what the page will ask for.
func (s *server) handle(p *session, ev rtc.Event) {
	switch ev := ev.(type) {
	case *rtc.ChannelMessage:
		p.echo(ev)
	case *rtc.ChannelBufferedAmountLow:
		// An echo is sent at once or not at all, so nothing waits for this.
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
	case *rtc.LocalUfragAdded:
		s.routes.addUfrag(p, ev.Ufrag)
	case *rtc.LocalUfragRemoved:
		s.routes.removeUfrag(p, ev.Ufrag)
	case *rtc.RemoteAddrAdded:
		s.routes.addPath(p, ev.Path)
	case *rtc.RemoteAddrRemoved:
		s.routes.removePath(p, ev.Path)
	case *rtc.ResolveHostname:
		// A browser hides its addresses behind a name in the multicast DNS. Ours are no
		// secret: its checks reach us, and tell its address.
	default:
		// The rest is about audio and video, and what later versions may tell.
	}
}

// accept begins a session with the browser that made offer.
func (s *server) accept(now time.Time, offer string) (p *session, answer string, err error) {
	if len(s.sessions) >= maxSessions {
		return nil, "", errFull
	}
	id := rand.Text()
	log := slog.New(s.log).With("session", id[:6])
	r, err := rtc.New(now, rtc.Config{Certificate: s.cert})
	if err != nil {
		return nil, "", err
	}
	for _, socket := range s.sockets {
		if err := r.AddLocalCandidate(now, ice.Candidate{Type: ice.Host, Addr: socket.local}); err != nil {
			return nil, "", fmt.Errorf("candidate %v: %w", socket.local, err)
		}
	}
	if answer, err = r.AcceptOffer(now, offer); err != nil {
		return nil, "", err
	}
	p = &session{id: id, rtc: r, log: log, since: now}
	s.sessions[id] = p
	s.touch(p)
	log.Info("session begins")
	return p, answer, nil
}

// remove forgets a session that has ended.
func (s *server) remove(p *session, err error) {
	delete(s.sessions, p.id)
	s.routes.remove(p)
	s.timers.set(p, time.Time{})
	p.log.Info("session ends", "err", err)
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

	touched  bool
	deadline time.Time // as timers keeps it
	place    int       // in the heap of timers, counted from one; zero: not there
	ufrags   []string  // as routes keeps them
	paths    []ice.Path
}

// echo sends a message back. Whoever sends without taking the echoes fills our
// buffer, and loses the channel.
func (p *session) echo(m *rtc.ChannelMessage) {
	now := time.Now()
	err := p.rtc.Send(now, m.ID, m.Binary, m.Data)
	if err != nil && !errors.Is(err, sctp.ErrNoChannel) {
		p.log.Warn("closing a channel", "err", err)
		p.rtc.CloseChannel(now, m.ID)
	}
}
