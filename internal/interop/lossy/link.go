// Package lossy is a point-to-point datagram link with delay, loss and a
// bottleneck, for peers that want a net.Conn and a clock of their own. It is meant
// for testing/synctest bubbles, where its delays are virtual time.
//
// It keeps datagrams in order: one goroutine to a direction carries them. A timer
// per datagram would not do, since timers of the same instant fire in any order.
package lossy

import (
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/pion/transport/v5/deadline"
)

// Config describes both directions of a link. The zero value delivers at once.
type Config struct {
	// Delay is the propagation delay of each direction.
	Delay time.Duration

	// Rate is the speed of the bottleneck in bytes per second. If zero, it is unlimited.
	Rate int

	// Queue is how many bytes wait before the bottleneck; more are dropped.
	Queue int

	// Loss is the probability with which a datagram is lost, independently of others.
	Loss float64

	// Seed begins the random sequence of the losses.
	Seed uint64
}

// capacity is how many datagrams a direction holds in flight. The links of the
// tests hold fewer: 12.5 MB/s × 0.1 s / 1,200 B ≈ 1,000.
const capacity = 4096

// Pipe returns the two ends of a new link. Both must be closed.
func Pipe(cfg Config) (a, b *Conn) {
	ab, ba := newDirection(cfg, 0), newDirection(cfg, 1)
	a = &Conn{send: ab, receive: ba, deadline: deadline.New(), addr: Addr("a"), peer: Addr("b")}
	b = &Conn{send: ba, receive: ab, deadline: deadline.New(), addr: Addr("b"), peer: Addr("a")}
	return a, b
}

// direction carries datagrams one way.
type direction struct {
	cfg     Config
	line    chan datagram // sent, not yet arrived
	arrived chan []byte   // waiting to be read

	closeOnce sync.Once
	closed    chan struct{}

	mu     sync.Mutex
	rand   *rand.Rand
	freeAt time.Time // when the bottleneck has sent all it was given
}

type datagram struct {
	due  time.Time
	data []byte
}

func newDirection(cfg Config, stream uint64) *direction {
	d := &direction{
		cfg:     cfg,
		line:    make(chan datagram, capacity),
		arrived: make(chan []byte, capacity),
		closed:  make(chan struct{}),
		rand:    rand.New(rand.NewPCG(cfg.Seed, stream)),
	}
	go d.carry()
	return d
}

func (d *direction) carry() {
	for {
		select {
		case <-d.closed:
			return
		case p := <-d.line:
			if wait := time.Until(p.due); wait > 0 && !d.sleep(wait) {
				return
			}
			select {
			case d.arrived <- p.data:
			default: // nobody reads: a full socket buffer drops as well
			}
		}
	}
}

// sleep waits, and reports false if the direction is closed meanwhile: a bubble may
// not end while a goroutine sleeps in it.
func (d *direction) sleep(wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-d.closed:
		return false
	}
}

func (d *direction) write(b []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	left := time.Now()
	if d.cfg.Rate > 0 {
		if d.freeAt.After(left) {
			backlog := float64(d.freeAt.Sub(left)) * float64(d.cfg.Rate) / float64(time.Second)
			if int(backlog)+len(b) > d.cfg.Queue {
				return
			}
			left = d.freeAt
		}
		left = left.Add(time.Duration(len(b)) * time.Second / time.Duration(d.cfg.Rate))
		d.freeAt = left
	}
	if d.cfg.Loss > 0 && d.rand.Float64() < d.cfg.Loss {
		return
	}
	select {
	case d.line <- datagram{left.Add(d.cfg.Delay), append([]byte(nil), b...)}:
	default:
	}
}

func (d *direction) close() { d.closeOnce.Do(func() { close(d.closed) }) }

// Addr is the address of an end.
type Addr string

// Network returns "lossy".
func (Addr) Network() string { return "lossy" }

// String returns the name of the end.
func (a Addr) String() string { return string(a) }

// Conn is an end of a link: a net.Conn whose reads and writes are datagrams.
type Conn struct {
	send, receive *direction
	deadline      *deadline.Deadline
	addr, peer    Addr
}

// Read waits for a datagram. What does not fit into b is lost.
func (c *Conn) Read(b []byte) (int, error) {
	select { // a deadline in the past wins over data, as with sockets
	case <-c.deadline.Done():
		return 0, timeoutError{}
	case <-c.receive.closed:
		return 0, net.ErrClosed
	default:
	}
	select {
	case data := <-c.receive.arrived:
		return copy(b, data), nil
	case <-c.deadline.Done():
		return 0, timeoutError{}
	case <-c.receive.closed:
		return 0, net.ErrClosed
	}
}

// Write sends a datagram, and never waits.
func (c *Conn) Write(b []byte) (int, error) {
	select {
	case <-c.receive.closed:
		return 0, net.ErrClosed
	default:
	}
	c.send.write(b)
	return len(b), nil
}

// Close ends reads and writes of this end. What is in flight still arrives.
func (c *Conn) Close() error {
	c.receive.close()
	return nil
}

// ReadFrom is Read, for a net.PacketConn.
func (c *Conn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, err := c.Read(b)
	return n, c.peer, err
}

// WriteTo is Write, for a net.PacketConn. There is one destination only.
func (c *Conn) WriteTo(b []byte, _ net.Addr) (int, error) { return c.Write(b) }

// LocalAddr returns the address of this end.
func (c *Conn) LocalAddr() net.Addr { return c.addr }

// RemoteAddr returns the address of the other end.
func (c *Conn) RemoteAddr() net.Addr { return c.peer }

// SetReadDeadline sets when reads give up. The zero time means never.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.deadline.Set(t)
	return nil
}

// SetWriteDeadline does nothing: writes do not wait.
func (c *Conn) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline is SetReadDeadline.
func (c *Conn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// timeoutError is what a read past its deadline returns; net.Error asks for it.
type timeoutError struct{}

func (timeoutError) Error() string   { return "lossy: read past the deadline" }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return true }
