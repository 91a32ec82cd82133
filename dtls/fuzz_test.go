package dtls

import (
	"bytes"
	"reflect"
	"testing"
	"time"
)

func FuzzHandshakeMessages(f *testing.F) {
	for _, s := range samples(f) {
		f.Add(s.version == VersionDTLS13, s.typ, s.body)
	}
	order := []uint8{0, 1, 2, 3, 4, 5, 6, 7, 8}
	f.Fuzz(func(t *testing.T, v13 bool, typ uint8, body []byte) {
		v := VersionDTLS12
		if v13 {
			v = VersionDTLS13
		}
		in := bytes.Clone(body)
		err := parseAny(v, typ, body)
		if !bytes.Equal(in, body) {
			t.Fatalf("parsing has changed its input")
		}
		if err != nil {
			return
		}
		switch typ {
		case typeClientHello:
			m, _ := parseClientHello(body)
			if !m.ems {
				return // what we would write has both of two extensions or none
			}
			again, err := parseClientHello(m.append(nil, order))
			if err != nil || !reflect.DeepEqual(m, again) {
				t.Fatalf("%+v became %+v, %v", m, again, err)
			}
		case typeServerHello:
			m, _ := parseServerHello(body)
			if _, err := parseServerHello(m.append(nil)); err != nil {
				t.Fatalf("%+v cannot be parsed again: %v", m, err)
			}
		case typeCertificate:
			chain, _ := parseCertificate(body, v)
			again, err := parseCertificate(appendCertificate(nil, v, chain), v)
			if err != nil || !reflect.DeepEqual(chain, again) {
				t.Fatalf("%x became %x, %v", chain, again, err)
			}
			for _, der := range chain {
				publicKeyInfo(der)
			}
		}
	})
}

func FuzzFingerprint(f *testing.F) {
	f.Add("sha-256 00:11")
	f.Add(testCertificate(f, 1).Fingerprint("sha-256").String())
	f.Fuzz(func(t *testing.T, s string) {
		fp, err := ParseFingerprint(s)
		if err != nil {
			return
		}
		if again, err := ParseFingerprint(fp.String()); err != nil || !reflect.DeepEqual(fp, again) {
			t.Fatalf("%q: %v became %v, %v", s, fp, again, err)
		}
	})
}

// FuzzConn reads its input as operations on a pair, from its first datagram on or
// connected. The harness checks the rules of the API after each of them.
func FuzzConn(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
	f.Add([]byte{1, 0, 0, 0, 5, 10, 7, 7, 3, 20, 0, 0, 0})
	f.Add([]byte{2, 6, 6, 6, 9, 1, 9, 2, 9, 3, 0, 8, 0, 0, 11, 200})
	f.Add([]byte{3, 4, 22, 9, 4, 20, 1, 12, 4, 4, 4, 4, 2, 1, 8})
	f.Fuzz(func(t *testing.T, ops []byte) {
		if len(ops) == 0 || len(ops) > 200 {
			return
		}
		next := func() byte {
			if len(ops) == 0 {
				return 0
			}
			b := ops[0]
			ops = ops[1:]
			return b
		}
		mode := next()
		v := VersionDTLS13
		if mode&1 == 1 {
			v = VersionDTLS12
		}
		test := newPair(t, pairOptions{client: only(v), config: Config{
			Groups: []Group{X25519}, MTU: 300, HandshakeTimeout: 5 * time.Second, Cookie: mode&4 != 0,
		}})
		var last []byte
		test.filter = func(_ *peer, _ int, b []byte) [][]byte {
			last = b
			return [][]byte{b}
		}
		if mode&2 == 2 {
			test.connect()
		}
		for len(ops) > 0 {
			p := test.peers()[next()&1]
			switch next() % 13 {
			case 0, 1, 2:
				test.step()
			case 3: // time passes
				test.now = test.now.Add(time.Duration(next()) * 10 * time.Millisecond)
				for _, p := range test.peers() {
					p.conn.HandleTimeout(test.now)
				}
			case 4: // loss
				if len(test.wire) > 0 {
					test.wire = test.wire[:len(test.wire)-1]
				}
			case 5: // replay
				if n := len(p.other.datagrams); n > 0 {
					test.receive(p, p.other.datagrams[int(next())%n])
				}
			case 6: // corruption
				if len(last) > 0 {
					b := bytes.Clone(last)
					b[int(next())%len(b)] ^= next()
					test.receive(p, b)
				}
			case 7: // prefix
				if len(last) > 0 {
					test.receive(p, last[:int(next())%len(last)])
				}
			case 8: // data
				if b, err := p.conn.AppendData(test.now, nil, make([]byte, next())); err == nil {
					test.send(p, b)
				}
			case 9: // a message with valid keys
				if p.conn.state == connected && !p.conn.closed && p.conn.flight.empty() {
					body := make([]byte, next()%8)
					p.conn.addMessage(next(), p.conn.writeApp.epoch, body)
					p.conn.sendFlight()
				}
			case 10: // a record with valid keys
				if p.conn.state == connected && !p.conn.closed {
					b, _ := p.conn.appendRecord(nil, next(), VersionDTLS12, p.conn.writeApp.epoch, []byte{next(), next()})
					test.send(p, b)
				}
			case 11: // noise
				b := make([]byte, next()%64)
				for i := range b {
					b[i] = next()
				}
				test.receive(p, b)
			case 12:
				if next()%8 == 0 {
					p.conn.Close(test.now)
				} else {
					p.conn.SetRTT(time.Duration(next()) * time.Millisecond)
				}
			}
			test.drain(p)
			if n := memoryOf(p.conn); n > 160*1024 {
				t.Fatalf("%s holds %d bytes", p.name, n)
			}
		}
		test.run(20 * time.Second)
		for _, p := range test.peers() {
			if p.conn.started && p.done.IsZero() && !p.closed {
				t.Fatalf("%s neither connected nor closed\n%s", p.name, test.trace.String())
			}
		}
	})
}
