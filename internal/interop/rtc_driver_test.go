package interop

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/ice"
	"github.com/sansrtc/rtc/sctp"
)

// rtcPeer drives an Rtc over sockets: real ones, or those of a virtual network in a
// bubble. One goroutine owns the Rtc.
type rtcPeer struct {
	t       *testing.T
	sockets map[netip.AddrPort]net.PacketConn
	do      chan func(*rtc.Rtc)
	events  chan rtc.Event
	pending []rtc.Event // events read but not yet asked for
	quit    chan struct{}
	ended   chan struct{}
	err     error // of OutputClosed, once ended is closed
	closed  bool  // by OutputClosed

	patience time.Duration // how long an event may take

	// Set by call. react sees each event first, and reports whether it is done with; lose
	// reports whether a datagram is lost, and late how long it is held back, so that others
	// overtake it.
	react func(*rtc.Rtc, rtc.Event) bool
	lose  func(b []byte) bool
	late  func(b []byte) time.Duration
}

type rtcPacket struct {
	local, remote netip.AddrPort
	data          []byte
}

// startRtc runs a session, with a host candidate for each socket, until stop is called.
func startRtc(t *testing.T, cfg rtc.Config, sockets ...net.PacketConn) *rtcPeer {
	t.Helper()
	r, err := rtc.New(time.Now(), cfg)
	require.NoError(t, err)
	p := &rtcPeer{
		t: t, sockets: map[netip.AddrPort]net.PacketConn{},
		do: make(chan func(*rtc.Rtc)), events: make(chan rtc.Event, 1<<14),
		quit: make(chan struct{}), ended: make(chan struct{}), patience: patience,
	}
	packets := make(chan rtcPacket)
	for _, socket := range sockets {
		local := socket.LocalAddr().(*net.UDPAddr).AddrPort()
		local = netip.AddrPortFrom(local.Addr().Unmap(), local.Port())
		p.sockets[local] = socket
		require.NoError(t, r.AddLocalCandidate(time.Now(), ice.Candidate{Addr: local}))
		go p.read(local, socket, packets)
	}
	go p.run(r, packets)
	return p
}

func (p *rtcPeer) read(local netip.AddrPort, socket net.PacketConn, packets chan<- rtcPacket) {
	for buf := make([]byte, 1<<16); ; {
		n, from, err := socket.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) || p.quitting() {
			return
		}
		if err != nil {
			continue // such as ECONNREFUSED: the peer is not there yet
		}
		remote := from.(*net.UDPAddr).AddrPort()
		remote = netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())
		select {
		case packets <- rtcPacket{local, remote, bytes.Clone(buf[:n])}:
		case <-p.quit:
			return
		}
	}
}

func (p *rtcPeer) quitting() bool {
	select {
	case <-p.quit:
		return true
	default:
		return false
	}
}

func (p *rtcPeer) run(r *rtc.Rtc, packets <-chan rtcPacket) {
	defer close(p.ended)
	late := make(chan rtcPacket)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		deadline, ok := p.drain(r)
		if !ok {
			return
		}
		timer.Stop()
		if !deadline.IsZero() {
			timer.Reset(time.Until(deadline))
		}
		select {
		case in := <-packets:
			if p.passes(in.data, func([]byte) {
				select {
				case late <- in:
				case <-p.ended:
				}
			}) {
				r.HandleInput(rtc.Input{Now: time.Now(), Local: in.local, Remote: in.remote, Data: in.data})
			}
		case in := <-late:
			r.HandleInput(rtc.Input{Now: time.Now(), Local: in.local, Remote: in.remote, Data: in.data})
		case <-timer.C:
			r.HandleInput(rtc.Input{Now: time.Now()})
		case f := <-p.do:
			f(r)
		case <-p.quit:
			return
		}
	}
}

// drain does what r asks and returns when r must be called again, or false at its end.
func (p *rtcPeer) drain(r *rtc.Rtc) (time.Time, bool) {
	for {
		switch out := r.PollOutput(); out.Kind {
		case rtc.OutputTransmit:
			socket, remote := p.sockets[out.Transmit.Local], net.UDPAddrFromAddrPort(out.Transmit.Remote)
			send := func(b []byte) { socket.WriteTo(b, remote) } // a failed write is a lost datagram
			if p.passes(out.Transmit.Data, send) {
				send(out.Transmit.Data)
			}
		case rtc.OutputEvent:
			if p.react != nil && p.react(r, out.Event) {
				continue
			}
			p.events <- keepEvent(out.Event)
		case rtc.OutputTimeout:
			return out.Deadline, true
		case rtc.OutputClosed:
			p.err, p.closed = out.Err, true
			return time.Time{}, false
		}
	}
}

// passes reports whether a datagram goes through at once. If not, it is lost, or a copy of
// it is delivered later.
func (p *rtcPeer) passes(b []byte, deliver func([]byte)) bool {
	if p.lose != nil && p.lose(b) {
		return false
	}
	if p.late == nil {
		return true
	}
	wait := p.late(b)
	if wait <= 0 {
		return true
	}
	b = bytes.Clone(b)
	time.AfterFunc(wait, func() { deliver(b) })
	return false
}

// keepEvent copies what is only lent until the next poll.
func keepEvent(ev rtc.Event) rtc.Event {
	switch ev := ev.(type) {
	case *rtc.ChannelMessage:
		return ev.Clone()
	case *rtc.ChannelBufferedAmountLow:
		low := *ev
		return &low
	case *rtc.RTPReceived:
		return ev.Clone()
	case *rtc.FrameReceived:
		return ev.Clone()
	default:
		return ev
	}
}

// stop ends the goroutines and closes the sockets.
func (p *rtcPeer) stop() {
	close(p.quit)
	for _, socket := range p.sockets {
		socket.Close()
	}
	<-p.ended
}

// call runs f on the Rtc, in the goroutine that owns it.
func (p *rtcPeer) call(f func(*rtc.Rtc, time.Time)) {
	p.t.Helper()
	done := make(chan struct{})
	select {
	case p.do <- func(r *rtc.Rtc) { f(r, time.Now()); close(done) }:
		<-done
	case <-p.ended:
		p.t.Fatalf("the session has ended: %v", p.err)
	}
}

// wait returns the first event of type T that match accepts. Events before it are kept
// for other calls.
func wait[T rtc.Event](p *rtcPeer, why string, match func(T) bool) T {
	p.t.Helper()
	timeout := time.After(p.patience)
	for i := 0; ; i++ {
		for i >= len(p.pending) {
			select {
			case ev := <-p.events:
				p.pending = append(p.pending, ev)
				continue
			default:
			}
			end := "it goes on"
			select {
			case ev := <-p.events:
				p.pending = append(p.pending, ev)
				continue
			case <-p.ended:
				end = fmt.Sprintf("it has ended: %v", p.err)
			case <-timeout:
			}
			if len(p.events) == 0 {
				p.t.Fatalf("session without event %T: %s; %s; events not asked for: %s", *new(T), why, end, describe(p.pending))
			}
		}
		if ev, ok := p.pending[i].(T); ok && (match == nil || match(ev)) {
			p.pending = slices.Delete(p.pending, i, i+1)
			return ev
		}
	}
}

func describe(events []rtc.Event) string {
	var s []string
	for _, ev := range events[max(0, len(events)-20):] {
		s = append(s, fmt.Sprintf("%T%.80s", ev, fmt.Sprint(ev)))
	}
	return fmt.Sprint(s)
}

// waitClosed waits for the end of the session and returns its error.
func (p *rtcPeer) waitClosed() error {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(p.patience):
		p.t.Fatal("the session did not end")
	}
	require.True(p.t, p.closed)
	return p.err
}

func (p *rtcPeer) open(cfg sctp.ChannelConfig) (id sctp.ChannelID) {
	p.t.Helper()
	p.call(func(r *rtc.Rtc, now time.Time) {
		var err error
		if id, err = r.OpenChannel(now, cfg); err != nil {
			p.t.Errorf("OpenChannel(%q): %v", cfg.Label, err)
		}
	})
	return id
}

// send sends a message, and waits while the send buffer is full.
func (p *rtcPeer) send(id sctp.ChannelID, binary bool, data []byte) {
	p.t.Helper()
	for range 10_000 {
		var err error
		p.call(func(r *rtc.Rtc, now time.Time) { err = r.Send(now, id, binary, data) })
		if err == nil {
			return
		}
		if !errors.Is(err, sctp.ErrBufferFull) {
			p.t.Fatalf("Send: %v", err)
		}
		time.Sleep(5 * time.Millisecond)
	}
	p.t.Fatal("the send buffer stays full")
}

// message returns the next message of a channel.
func (p *rtcPeer) message(id sctp.ChannelID) *rtc.ChannelMessage {
	p.t.Helper()
	return wait(p, "a message", func(m *rtc.ChannelMessage) bool { return m.ID == id })
}

// opened waits for a channel by its label.
func (p *rtcPeer) opened(label string) *rtc.ChannelOpened {
	p.t.Helper()
	return wait(p, "channel "+label, func(o *rtc.ChannelOpened) bool { return o.Config.Label == label })
}

func (p *rtcPeer) closeChannel(id sctp.ChannelID) {
	p.t.Helper()
	p.call(func(r *rtc.Rtc, now time.Time) {
		if err := r.CloseChannel(now, id); err != nil {
			p.t.Errorf("CloseChannel: %v", err)
		}
	})
}

func (p *rtcPeer) close() {
	p.t.Helper()
	p.call(func(r *rtc.Rtc, now time.Time) { r.Close(now) })
}

// offer makes an offer.
func (p *rtcPeer) offer(changes rtc.Changes) (o *rtc.Offer) {
	p.t.Helper()
	p.call(func(r *rtc.Rtc, now time.Time) {
		var err error
		if o, err = r.CreateOffer(now, changes); err != nil {
			p.t.Errorf("CreateOffer: %v", err)
		}
	})
	if o == nil {
		p.t.FailNow()
	}
	return o
}

func (p *rtcPeer) acceptAnswer(o *rtc.Offer, answer string) {
	p.t.Helper()
	p.call(func(r *rtc.Rtc, now time.Time) {
		if err := r.AcceptAnswer(now, o, answer); err != nil {
			p.t.Errorf("AcceptAnswer: %v\n%s", err, answer)
		}
	})
}

func (p *rtcPeer) acceptOffer(offer string) (answer string) {
	p.t.Helper()
	p.call(func(r *rtc.Rtc, now time.Time) {
		var err error
		if answer, err = r.AcceptOffer(now, offer); err != nil {
			p.t.Errorf("AcceptOffer: %v\n%s", err, offer)
		}
	})
	return answer
}

// addCandidate takes a candidate line of the peer. One that we cannot use, such as one
// over TCP, is passed over.
func (p *rtcPeer) addCandidate(line string) {
	p.t.Helper()
	c, err := ice.ParseCandidate(line)
	if err != nil {
		p.t.Fatalf("ParseCandidate(%q): %v", line, err)
	}
	p.call(func(r *rtc.Rtc, now time.Time) {
		if err := r.AddRemoteCandidate(now, c); err != nil {
			p.t.Errorf("AddRemoteCandidate(%q): %v", line, err)
		}
	})
}

// newUDPSocket opens a socket on loopback.
func newUDPSocket(t *testing.T) net.PacketConn {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	require.NoError(t, conn.SetReadBuffer(1<<20))
	return conn
}

// ufragOf returns the ICE username fragment in a description.
func ufragOf(t *testing.T, description string) string {
	t.Helper()
	for line := range strings.Lines(description) {
		if ufrag, ok := strings.CutPrefix(strings.TrimSpace(line), "a=ice-ufrag:"); ok {
			return ufrag
		}
	}
	t.Fatalf("no ice-ufrag in %q", description)
	panic("unreachable")
}
