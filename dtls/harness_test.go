package dtls

import (
	"bytes"
	"container/heap"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// epoch is when virtual time begins.
var testEpoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// seeded returns a reproducible source of randomness.
func seeded(seed uint64) *rand.ChaCha8 {
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	return rand.NewChaCha8(key)
}

// testCertificate returns a certificate that depends on seed only.
func testCertificate(t testing.TB, seed uint64) *Certificate {
	t.Helper()
	c, err := NewCertificate(seeded(seed), testEpoch)
	if err != nil {
		t.Fatalf("NewCertificate: %v", err)
	}
	return c
}

// pair is a client and a server with a network between them, in virtual time.
type pair struct {
	t              testing.TB
	now            time.Time
	client, server *peer
	delay          time.Duration // one way
	// filter decides about a datagram on its way: nil drops it, several
	// duplicate it. The number counts the datagrams of each side.
	filter func(from *peer, n int, b []byte) [][]byte
	wire   datagrams
	order  int
	trace  bytes.Buffer
}

// peer is a Conn and what has come out of it.
type peer struct {
	name      string
	conn      *Conn
	other     *peer
	sent      int
	done      time.Time
	data      [][]byte
	closed    bool
	err       error
	datagrams [][]byte // all that were sent
}

type datagram struct {
	at    time.Time
	order int
	to    *peer
	b     []byte
}

// datagrams is a heap, ordered by time, then by sending.
type datagrams []datagram

func (d datagrams) Len() int { return len(d) }
func (d datagrams) Less(i, j int) bool {
	if !d[i].at.Equal(d[j].at) {
		return d[i].at.Before(d[j].at)
	}
	return d[i].order < d[j].order
}
func (d datagrams) Swap(i, j int) { d[i], d[j] = d[j], d[i] }
func (d *datagrams) Push(x any)   { *d = append(*d, x.(datagram)) }
func (d *datagrams) Pop() any {
	old := *d
	x := old[len(old)-1]
	*d = old[:len(old)-1]
	return x
}

// options for newPair; both sides get the same unless client or server differs.
type pairOptions struct {
	seed           uint64
	delay          time.Duration
	config         Config
	client, server func(*Config)
}

func newPair(t testing.TB, o pairOptions) *pair {
	t.Helper()
	test := &pair{t: t, now: testEpoch, delay: o.delay}
	if test.delay == 0 {
		test.delay = 25 * time.Millisecond
	}
	configs := [2]Config{}
	for i := range configs {
		cfg := o.config
		cfg.Client = i == 0
		cfg.Rand = seeded(2*o.seed + uint64(i))
		if cfg.Certificate == nil {
			cfg.Certificate = testCertificate(t, uint64(1000+i))
		}
		configs[i] = cfg
	}
	if o.client != nil {
		o.client(&configs[0])
	}
	if o.server != nil {
		o.server(&configs[1])
	}
	for i := range configs {
		if configs[i].Fingerprints == nil && configs[i].VerifyPeerCertificate == nil {
			configs[i].Fingerprints = []Fingerprint{configs[1-i].Certificate.Fingerprint("sha-256")}
		}
	}
	test.client, test.server = &peer{name: "client"}, &peer{name: "server"}
	test.client.other, test.server.other = test.server, test.client
	for i, p := range []*peer{test.client, test.server} {
		conn, err := NewConn(test.now, configs[i])
		if err != nil {
			t.Fatalf("NewConn(%s): %v", p.name, err)
		}
		p.conn = conn
	}
	return test
}

func (test *pair) peers() [2]*peer { return [2]*peer{test.client, test.server} }

// logf adds a line to the transcript.
func (test *pair) logf(format string, args ...any) {
	fmt.Fprintf(&test.trace, "%8.3f ", test.now.Sub(testEpoch).Seconds())
	fmt.Fprintf(&test.trace, format+"\n", args...)
}

// drain takes everything out of a peer and checks the rules for that.
func (test *pair) drain(p *peer) {
	test.t.Helper()
	prefix := []byte("prefix")
	for i := 0; ; i++ {
		if i > 1000 {
			test.t.Fatalf("%s: more than 1000 datagrams in one drain", p.name)
		}
		b, ok := p.conn.AppendPacket(test.now, prefix[:len(prefix):len(prefix)])
		if !bytes.HasPrefix(b, prefix) {
			test.t.Fatalf("%s: AppendPacket changed what was there", p.name)
		}
		b = b[len(prefix):]
		if !ok {
			if len(b) > 0 {
				test.t.Fatalf("%s: AppendPacket returned false and %d bytes", p.name, len(b))
			}
			break
		}
		if len(b) > p.conn.cfg.MTU || len(b) == 0 {
			test.t.Fatalf("%s: datagram of %d bytes, MTU %d", p.name, len(b), p.conn.cfg.MTU)
		}
		test.send(p, b)
	}
	for {
		e, ok := p.conn.NextEvent()
		if !ok {
			break
		}
		if p.closed {
			test.t.Fatalf("%s: event %v after EventClosed", p.name, e.Kind)
		}
		switch e.Kind {
		case EventHandshakeDone:
			if !p.done.IsZero() {
				test.t.Fatalf("%s: EventHandshakeDone twice", p.name)
			}
			p.done = test.now
		case EventData:
			if p.done.IsZero() {
				test.t.Fatalf("%s: data before EventHandshakeDone", p.name)
			}
			p.data = append(p.data, bytes.Clone(e.Data))
		case EventClosed:
			p.closed, p.err = true, e.Err
		default:
			test.t.Fatalf("%s: event %v", p.name, e.Kind)
		}
		test.logf("%s %v %q %v", p.name, e.Kind, e.Data, e.Err)
	}
	if d := p.conn.Deadline(); !d.IsZero() && !d.After(test.now) {
		test.t.Fatalf("%s: deadline %v is not after now after a drain", p.name, d.Sub(testEpoch))
	}
}

// send puts a datagram of p on the wire.
func (test *pair) send(p *peer, b []byte) {
	b = bytes.Clone(b)
	p.datagrams = append(p.datagrams, b)
	n := p.sent
	p.sent++
	out := [][]byte{b}
	if test.filter != nil {
		out = test.filter(p, n, b)
	}
	test.logf("%s > %d bytes, %d copies: %s", p.name, len(b), len(out), describe(b))
	for i, b := range out {
		if b == nil { // delayed: after the next one
			continue
		}
		test.order++
		heap.Push(&test.wire, datagram{test.now.Add(test.delay + time.Duration(i)*time.Microsecond), test.order, p.other, bytes.Clone(b)})
	}
}

// sendLater puts a datagram on the wire that is delayed by d in addition.
func (test *pair) sendLater(to *peer, b []byte, d time.Duration) {
	test.order++
	heap.Push(&test.wire, datagram{test.now.Add(test.delay + d), test.order, to, bytes.Clone(b)})
}

// step goes on to the next datagram or deadline. It returns false if there is none.
func (test *pair) step() bool {
	test.t.Helper()
	test.drain(test.client)
	test.drain(test.server)
	var next time.Time
	earlier := func(t time.Time) {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	if len(test.wire) > 0 {
		earlier(test.wire[0].at)
	}
	for _, p := range test.peers() {
		earlier(p.conn.Deadline())
	}
	if next.IsZero() {
		return false
	}
	if next.After(test.now) {
		test.now = next
	}
	for len(test.wire) > 0 && !test.wire[0].at.After(test.now) {
		d := heap.Pop(&test.wire).(datagram)
		test.receive(d.to, d.b)
		test.drain(d.to)
	}
	for _, p := range test.peers() {
		if d := p.conn.Deadline(); !d.IsZero() && !d.After(test.now) {
			p.conn.HandleTimeout(test.now)
			test.drain(p)
		}
	}
	return true
}

// receive hands a datagram to a peer, and checks that it is not changed.
func (test *pair) receive(p *peer, b []byte) {
	test.t.Helper()
	in := bytes.Clone(b)
	p.conn.HandlePacket(test.now, in)
	if !bytes.Equal(in, b) {
		test.t.Fatalf("%s: HandlePacket changed its input", p.name)
	}
	clear(in) // nothing may point to it
}

// connected reports whether both sides are.
func (test *pair) connected() bool {
	return !test.client.done.IsZero() && !test.server.done.IsZero()
}

// runUntil goes on until cond, for at most d of virtual time.
func (test *pair) runUntil(d time.Duration, cond func() bool) bool {
	test.t.Helper()
	limit := test.now.Add(d)
	for steps := 0; !cond(); steps++ {
		if steps > 100000 {
			test.t.Fatalf("no end of steps")
		}
		if test.now.After(limit) || !test.step() {
			return cond()
		}
	}
	return true
}

// run goes on for d of virtual time, or until nothing is left to do.
func (test *pair) run(d time.Duration) {
	test.t.Helper()
	test.runUntil(d, func() bool { return false })
}

// connect runs the handshake and fails if it does not complete.
func (test *pair) connect() {
	test.t.Helper()
	if !test.runUntil(40*time.Second, test.connected) {
		test.t.Fatalf("no connection: client %v, server %v\n%s", test.client.err, test.server.err, test.trace.String())
	}
}

// write sends application data from p.
func (test *pair) write(p *peer, data []byte) {
	test.t.Helper()
	b, err := p.conn.AppendData(test.now, nil, data)
	if err != nil {
		test.t.Fatalf("%s: AppendData: %v", p.name, err)
	}
	test.send(p, b)
}

// wantData checks that the last data that p has received is want.
func (test *pair) wantData(why string, p *peer, want string) {
	test.t.Helper()
	if len(p.data) == 0 || string(p.data[len(p.data)-1]) != want {
		test.t.Fatalf("%s: %s has data %q, want %q at the end\n%s", why, p.name, p.data, want, test.trace.String())
	}
}

// talk sends data both ways and checks that it arrives.
func (test *pair) talk() {
	test.t.Helper()
	test.write(test.client, []byte("ping"))
	test.write(test.server, []byte("pong"))
	test.runUntil(time.Second, func() bool { return len(test.server.data) > 0 && len(test.client.data) > 0 })
	test.wantData("talk", test.server, "ping")
	test.wantData("talk", test.client, "pong")
}

// describe names the records of a datagram.
func describe(b []byte) string {
	s := ""
	for len(b) > 0 {
		if b[0]&unifiedMask == unifiedFixed {
			h, n := parseUnified(b)
			if n < 0 {
				return s + " bad"
			}
			s += fmt.Sprintf(" [epoch %d, %d]", h.first&3, len(h.body))
			b = b[n:]
			continue
		}
		if len(b) < plainHeaderSize {
			return s + " bad"
		}
		n := plainHeaderSize + int(b[11])<<8 + int(b[12])
		if n > len(b) {
			return s + " bad"
		}
		s += fmt.Sprintf(" [type %d epoch %d seq %d, %d]", b[0], b[4], b[10], n-plainHeaderSize)
		b = b[n:]
	}
	return s
}
