package serve

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/ice"
)

const (
	packetBuffer = 1024 // datagrams that may wait for the loop
	maxDatagram  = 2048 // bytes; no browser sends larger ones
)

// Loop owns a server. Its goroutine takes datagrams, requests and expired deadlines one after another,
// so nothing is locked.
type Loop struct {
	server  Server
	sockets []socket
	conns   map[netip.AddrPort]*net.UDPConn // the same by address

	packets chan packet
	free    chan []byte // buffers for packets
	calls   chan func(now time.Time)
	done    chan struct{} // closed when the loop has ended
}

// packet is a datagram on its way from a socket to the loop.
type packet struct {
	local, remote netip.AddrPort
	data          []byte
}

// listen opens the sockets that all sessions share.
func listen(at string) (*Loop, error) {
	sockets, err := listenUDP(at)
	if err != nil {
		return nil, err
	}
	return newLoop(sockets), nil
}

func newLoop(sockets []socket) *Loop {
	l := &Loop{
		sockets: sockets,
		conns:   make(map[netip.AddrPort]*net.UDPConn),
		packets: make(chan packet, packetBuffer),
		free:    make(chan []byte, packetBuffer+len(sockets)),
		calls:   make(chan func(now time.Time)),
		done:    make(chan struct{}),
	}
	for _, s := range sockets {
		l.conns[s.local] = s.conn
	}
	for range cap(l.free) {
		l.free <- make([]byte, maxDatagram)
	}
	return l
}

// candidates returns where every session can be reached.
func (l *Loop) candidates() []ice.Candidate {
	var all []ice.Candidate
	for _, s := range l.sockets {
		all = append(all, ice.Candidate{Type: ice.Host, Addr: s.local})
	}
	return all
}

// run is the loop. Whatever happens, the server is drained afterwards, which sets the timer
// to the earliest deadline of all sessions. When ctx is done, everybody is told goodbye.
func (l *Loop) run(ctx context.Context) {
	defer close(l.done)
	for _, s := range l.sockets {
		go l.read(s)
	}
	timer := time.NewTimer(0)
	for {
		select {
		case p := <-l.packets:
			l.receive(p)
			// What has piled up is taken in one go: many datagrams in, one
			// acknowledgement out.
			for range len(l.packets) {
				l.receive(<-l.packets)
			}
		case call := <-l.calls:
			call(time.Now())
		case now := <-timer.C:
			l.server.HandleInput(rtc.Input{Now: now})
		case <-ctx.Done():
			l.server.Close(time.Now())
			l.drain()
			return
		}
		if deadline := l.drain(); deadline.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(time.Until(deadline))
		}
	}
}

func (l *Loop) receive(p packet) {
	l.server.HandleInput(rtc.Input{Now: time.Now(), Local: p.local, Remote: p.remote, Data: p.data})
	l.free <- p.data[:maxDatagram]
}

// drain does what the server asks, and returns when it must be called again.
func (l *Loop) drain() time.Time {
	for {
		out := l.server.PollOutput()
		if out.Kind == rtc.OutputTimeout {
			return out.Deadline
		}
		// A failed write is a lost datagram: the network may refuse one candidate and take the next.
		l.conns[out.Transmit.Local].WriteToUDPAddrPort(out.Transmit.Data, out.Transmit.Remote)
	}
}

// Do runs call in the loop, and returns when it has run. It fails when the server is shutting
// down.
func (l *Loop) Do(call func(now time.Time)) error {
	ran := make(chan struct{})
	select {
	case l.calls <- func(now time.Time) { call(now); close(ran) }:
		<-ran
		return nil
	case <-l.done:
		return errShutDown
	}
}

// close closes the sockets.
func (l *Loop) close() {
	for _, s := range l.sockets {
		s.conn.Close()
	}
}
