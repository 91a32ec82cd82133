package dtls

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestEachByteCorrupted corrupts each byte of each datagram of a handshake, cuts it there, and sends
// the result instead of the datagram, or before it. The session connects with unaltered
// parameters, or ends on both sides with a typed error.
func TestEachByteCorrupted(t *testing.T) {
	for _, tt := range []struct {
		version Version
		group   Group
		step    int
	}{
		{VersionDTLS13, X25519, 5}, {VersionDTLS12, X25519, 5}, {VersionDTLS13, X25519MLKEM768, 101},
	} {
		t.Run(fmt.Sprintf("%v/%v", tt.version, tt.group), func(t *testing.T) {
			o := pairOptions{config: Config{
				MinVersion: tt.version, MaxVersion: tt.version,
				Groups: []Group{tt.group}, HandshakeTimeout: 2 * time.Second,
				SRTPProfiles: []SRTPProfile{SRTP_AEAD_AES_128_GCM},
			}}
			plain := newPair(t, o)
			plain.connect()
			connected, refused, expired := 0, 0, 0
			sizes := [2][]int{}
			for i, p := range plain.peers() {
				for _, b := range p.datagrams {
					sizes[i] = append(sizes[i], len(b))
				}
			}
			for side := range 2 {
				for victim, size := range sizes[side] {
					for at := victim % tt.step; at < size; at += tt.step {
						for mode := range 3 {
							test := newPair(t, o)
							test.filter = func(from *peer, n int, b []byte) [][]byte {
								if from != test.peers()[side] || n != victim {
									return [][]byte{b}
								}
								bad := bytes.Clone(b)
								bad[at] ^= 1 << (at % 8)
								switch mode {
								case 0:
									return [][]byte{bad}
								case 1:
									return [][]byte{bad, b}
								default:
									return [][]byte{b[:at]}
								}
							}
							test.runUntil(5*time.Second, func() bool {
								return test.connected() || test.client.closed && test.server.closed
							})
							what := fmt.Sprintf("side %d, datagram %d, byte %d, mode %d", side, victim, at, mode)
							if test.connected() && !test.client.closed && !test.server.closed {
								connected++
								wantAgreement(t, test, tt.version, plain.client.conn.State().CipherSuite, tt.group)
								if p := test.client.conn.State().SRTPProfile; p != SRTP_AEAD_AES_128_GCM {
									t.Errorf("%s: SRTP profile %v", what, p)
								}
								continue
							}
							for _, p := range test.peers() {
								var alert *AlertError
								switch {
								case !p.closed && p == test.server && !test.server.conn.started:
								case !p.closed:
									t.Fatalf("%s: %s is not closed\n%s", what, p.name, test.trace.String())
								case errors.As(p.err, &alert):
									refused++
									if !slices.Contains(corruptionAlerts, alert.Alert) {
										t.Errorf("%s: %s is closed by %v", what, p.name, p.err)
									}
								case errors.Is(p.err, ErrHandshakeTimeout):
									expired++
								default:
									t.Errorf("%s: %s is closed by %v", what, p.name, p.err)
								}
							}
						}
					}
				}
			}
			t.Logf("%d connected, %d sides refused, %d expired", connected, refused, expired)
			if connected == 0 || refused == 0 && tt.step < 100 {
				t.Errorf("%d connected, %d sides refused: the test tests nothing", connected, refused)
			}
		})
	}
}

// corruptionAlerts are those that a change of a message may lead to.
var corruptionAlerts = []Alert{
	AlertUnexpectedMessage, AlertHandshakeFailure, AlertBadCertificate, AlertIllegalParameter, AlertDecodeError,
	AlertDecryptError, AlertProtocolVersion, AlertMissingExtension, AlertUnsupportedExtension,
}

// TestCorruptionAfterHandshake: once there are keys, every datagram of a session,
// each prefix of it and each change of a byte only moves a counter.
func TestCorruptionAfterHandshake(t *testing.T) {
	for _, v := range []Version{VersionDTLS13, VersionDTLS12} {
		test := newPair(t, pairOptions{client: only(v)})
		test.connect()
		test.talk()
		test.run(5 * time.Second)
		client, server := test.client.datagrams, test.server.datagrams
		before := [2]int{test.client.sent, test.server.sent}
		for i, p := range test.peers() {
			for _, b := range append(slices.Clone(client), server...) {
				for at := range b {
					bad := bytes.Clone(b)
					bad[at] ^= 1 << (at % 8)
					for _, in := range [][]byte{bad, b[:at]} {
						stats := p.conn.Stats()
						test.receive(p, in)
						test.drain(p)
						if len(in) > 0 && p.conn.Stats() == stats {
							t.Errorf("%v: %s: no counter for %x", v, p.name, in)
						}
					}
				}
			}
			if p.sent != before[i] || p.closed || len(p.data) != 1 {
				t.Errorf("%v: %s has sent %d datagrams, closed %v by %v, data %q", v, p.name, p.sent-before[i], p.closed, p.err, p.data)
			}
		}
		test.client.data, test.server.data = nil, nil
		test.talk()
	}
}

// memoryOf is what a peer makes a Conn hold, in bytes.
func memoryOf(c *Conn) int {
	n := cap(c.queue.arena) + cap(c.acks.numbers)*16 + cap(c.queue.events)*48
	for _, p := range c.in.slots {
		if p != nil {
			n += cap(p.body) + cap(p.holes)*16
		}
	}
	if c.hs != nil {
		for _, r := range c.hs.held {
			n += cap(r)
		}
	}
	return n
}

// TestFloods: what an attacker with the peer's address may send does not make
// us hold more than a fixed amount.
func TestFloods(t *testing.T) {
	const limit = 160 * 1024
	draw := rand.New(seeded(1))
	bytesOf := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(draw.Uint32())
		}
		return b
	}
	record := func(typ uint8, epoch, seq uint64, content []byte) []byte {
		return append(appendPlainHeader(nil, typ, VersionDTLS12, epoch, seq, len(content)), content...)
	}
	floods := map[string]func() []byte{
		"fragments": func() []byte {
			total := draw.IntN(40000)
			lo := draw.IntN(total + 1)
			hi := min(total, lo+draw.IntN(1000))
			f := appendFragment(nil, uint8(draw.IntN(30)), uint16(draw.IntN(20)), bytesOf(total), lo, hi)
			return record(recordHandshake, 0, draw.Uint64()&maxSequence, f)
		},
		"huge messages": func() []byte {
			b := []byte{1, 0xff, 0xff, 0xff, 0, byte(draw.IntN(15)), 0, 0, 0, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8}
			return record(recordHandshake, 0, 1, b)
		},
		"tiny holes": func() []byte {
			body := make([]byte, 16000)
			at := 2 * draw.IntN(8000)
			return record(recordHandshake, 0, 1, appendFragment(nil, 1, uint16(draw.IntN(13)), body, at, at+1))
		},
		"empty fragments": func() []byte {
			b := appendFragment(nil, 1, uint16(draw.IntN(13)), make([]byte, draw.IntN(100)), 0, 0)
			return record(recordHandshake, 0, 1, b)
		},
		"future records":  func() []byte { return record(recordHandshake, 1, draw.Uint64()&maxSequence, bytesOf(1000)) },
		"unified records": func() []byte { b := bytesOf(1000); b[0] = 0x2e | b[0]&1; b[3], b[4] = 3, 0; return b },
		"tiny unified":    func() []byte { b := bytesOf(18 + 3); b[0] = 0x2a; return b },
		"change cipher":   func() []byte { return bytes.Repeat(record(recordChangeCipherSpec, 0, 1, []byte{1}), 80) },
		"warnings":        func() []byte { return bytes.Repeat(plainAlert(1, 90), 60) },
		"acks":            func() []byte { return bytes.Repeat(record(recordACK, 0, 1, bytesOf(50)), 10) },
		"noise":           func() []byte { return bytesOf(draw.IntN(1500)) },
	}
	for _, v := range []Version{VersionDTLS13, VersionDTLS12} {
		for name, flood := range floods {
			for stage := range 4 {
				test := newPair(t, pairOptions{client: only(v), config: Config{Groups: []Group{X25519}}})
				test.drain(test.client)
				if stage >= 1 {
					test.step()
				}
				if stage >= 2 {
					test.step()
				}
				if stage == 3 {
					test.connect()
					test.run(time.Second)
				}
				sent := test.client.sent + test.server.sent
				for range 300 {
					b := flood()
					for _, p := range test.peers() {
						test.receive(p, b)
						if n := memoryOf(p.conn); n > limit {
							t.Fatalf("%v, %s, stage %d: %s holds %d bytes", v, name, stage, p.name, n)
						}
						test.drain(p)
					}
				}
				if n := test.client.sent + test.server.sent - sent; n > 20 {
					t.Errorf("%v, %s, stage %d: %d datagrams in answer", v, name, stage, n)
				}
				if stage == 3 && (test.client.closed || test.server.closed) {
					t.Errorf("%v, %s: closed by %v, %v", v, name, test.client.err, test.server.err)
				}
			}
		}
	}
}

// refragment cuts the handshake messages in a datagram of epoch 0 into fragments of n bytes,
// one to a record. Other records stay as they are.
func refragment(b []byte, n int) (out [][]byte) {
	for len(b) > 0 {
		if b[0]&unifiedMask == unifiedFixed {
			return append(out, b)
		}
		size := plainHeaderSize + int(b[11])<<8 + int(b[12])
		record := b[:size]
		b = b[size:]
		if record[0] != recordHandshake || record[4] != 0 {
			out = append(out, record)
			continue
		}
		for content := record[plainHeaderSize:]; len(content) > 0; {
			f, used := consumeFragment(content)
			content = content[used:]
			for lo := 0; lo < max(1, len(f.data)); lo += n {
				hi := min(lo+n, len(f.data))
				piece := appendUint24([]byte{f.typ}, f.total)
				piece = appendUint16(piece, f.seq)
				piece = appendUint24(appendUint24(piece, f.offset+lo), hi-lo)
				piece = append(piece, f.data[lo:hi]...)
				out = append(out, append(appendPlainHeader(nil, recordHandshake, VersionDTLS12, 0, 1000, len(piece)), piece...))
			}
		}
	}
	return out
}

// TestRefragmented: messages arrive in pieces of other sizes than they were sent
// in, in any order, some of them empty.
func TestRefragmented(t *testing.T) {
	empty := appendPlainHeader(nil, recordHandshake, VersionDTLS12, 0, 1, messageHeaderSize)
	empty = appendFragment(empty, typeServerHello, 0, make([]byte, 50), 20, 20)
	for _, v := range []Version{VersionDTLS13, VersionDTLS12} {
		for _, size := range []int{1, 7, 100} {
			for order := range 3 {
				o := pairOptions{client: only(v)}
				if size == 1 && order == 2 {
					o.config.Groups = []Group{X25519} // small enough for any order
				}
				test := newPair(t, o)
				draw := rand.New(seeded(uint64(size)))
				test.filter = func(from *peer, n int, b []byte) [][]byte {
					out := refragment(b, size)
					switch order {
					case 1:
						slices.Reverse(out)
					case 2:
						draw.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
					}
					out = slices.Insert(out, len(out)/2, empty)
					return slices.Concat(out, out) // and all of it twice
				}
				test.connect()
				test.talk()
				if d := test.client.done.Sub(testEpoch); d > 160*time.Millisecond {
					t.Errorf("%v, pieces of %d, order %d: %v", v, size, order, d)
				}
			}
		}
	}
}

// TestInbox: fragments that disagree.
func TestInbox(t *testing.T) {
	var in inbox
	body := []byte("0123456789")
	piece := func(typ uint8, total, lo, hi int) fragment {
		return fragment{typ: typ, total: total, offset: lo, data: body[lo:hi]}
	}
	steps := []struct {
		f     fragment
		epoch uint64
		want  verdict
	}{
		{piece(1, 10, 0, 0), 0, fragmentKnown},
		{piece(1, 10, 2, 4), 0, fragmentAccepted},
		{piece(1, 9, 0, 9), 0, fragmentDropped},
		{piece(2, 10, 0, 10), 0, fragmentDropped},
		{piece(1, 10, 0, 10), 2, fragmentDropped},
		{piece(1, 10, 2, 4), 0, fragmentKnown},
		{piece(1, 10, 3, 9), 0, fragmentAccepted},
		{fragment{typ: 1, total: 10, data: []byte("XXXXXXXXXX")}, 0, fragmentAccepted}, // only the holes
		{fragment{typ: 1, total: maxMessage + 1, seq: 1, data: body}, 0, fragmentDropped},
		{fragment{typ: 1, total: 10, seq: maxLookAhead + 1, data: body}, 0, fragmentDropped},
		{fragment{typ: 1, total: 10, seq: maxLookAhead, data: body}, 0, fragmentAccepted},
		{fragment{typ: 1, total: 10, seq: 0xffff, data: body}, 0, fragmentKnown},
		{fragment{typ: 1, total: 10, seq: 0xffff, data: body}, 1, fragmentDropped},
	}
	for i, s := range steps {
		if got := in.add(s.f, s.epoch); got != s.want {
			t.Errorf("step %d: verdict %d, want %d", i, got, s.want)
		}
	}
	m, seq, ok := in.take()
	if !ok || seq != 0 || string(m.body) != "XX2345678X" {
		t.Errorf("took %v, %d, %v", m, seq, ok)
	}
	if got := in.add(fragment{typ: 1, total: maxMessage + 1, seq: 1, data: body}, 0); got != fragmentOversized {
		t.Errorf("oversized: verdict %d", got)
	}
}

// TestQueueLimit: what nobody takes is dropped and counted, and what was taken stays as it is.
func TestQueueLimit(t *testing.T) {
	test := newPair(t, pairOptions{client: only(VersionDTLS13)})
	test.connect()
	test.run(time.Second)
	data := make([]byte, 1000)
	for i := range 3000 {
		data[0], data[1] = byte(i>>8), byte(i)
		b, _ := test.client.conn.AppendData(test.now, nil, data)
		test.receive(test.server, b)
	}
	test.drain(test.server)
	got := len(test.server.data)
	if dropped := int(test.server.conn.Stats().DataDropped); got+dropped != 3000 || got*1000 > maxQueuedBytes || got < 100 {
		t.Errorf("%d records delivered, %d dropped", got, dropped)
	}
	for i, d := range test.server.data {
		if int(d[0])<<8|int(d[1]) != i {
			t.Fatalf("record %d has number %d", i, int(d[0])<<8|int(d[1]))
		}
	}
	test.server.data = nil
	test.write(test.client, []byte("after"))
	test.run(time.Second)
	test.wantData("after the flood", test.server, "after")
	test.write(test.client, []byte("again"))
	test.run(time.Second)
	if n := memoryOf(test.server.conn); n > 64*1024 {
		t.Errorf("%d bytes are kept", n)
	}
}
