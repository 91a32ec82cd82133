package dtls

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestClose(t *testing.T) {
	for _, v := range []Version{VersionDTLS13, VersionDTLS12} {
		for _, byServer := range sides {
			test := newPair(t, pairOptions{client: only(v)})
			test.connect()
			test.talk()
			p := test.client
			if byServer {
				p = test.server
			}
			p.conn.Close(test.now)
			p.conn.Close(test.now)
			test.run(time.Second)
			for _, p := range test.peers() {
				if !p.closed || p.err != nil {
					t.Errorf("%v: %s closed %v by %v", v, p.name, p.closed, p.err)
				}
				if d := p.conn.Deadline(); !d.IsZero() {
					t.Errorf("%v: %s has deadline %v after the end", v, p.name, d)
				}
				if _, err := p.conn.AppendData(test.now, nil, nil); err != ErrClosed {
					t.Errorf("%v: AppendData: %v", v, err)
				}
				before := p.sent
				for _, b := range p.other.datagrams {
					test.receive(p, b)
				}
				p.conn.HandleTimeout(test.now.Add(time.Hour))
				test.drain(p)
				if p.sent != before {
					t.Errorf("%v: %s goes on after the end", v, p.name)
				}
			}
		}
	}
}

func TestCloseEarly(t *testing.T) {
	// Nothing has been sent: nothing is.
	test := newPair(t, pairOptions{})
	for _, p := range test.peers() {
		p.conn.Close(test.now)
		if _, err := p.conn.AppendData(test.now, nil, nil); err != ErrClosed {
			t.Errorf("AppendData: %v", err)
		}
	}
	test.server.conn.HandleTimeout(test.now)
	test.drain(test.server)
	if !test.server.closed || test.server.sent != 0 {
		t.Errorf("server closed %v, sent %d", test.server.closed, test.server.sent)
	}
	// In the middle of a handshake.
	for _, v := range []Version{VersionDTLS13, VersionDTLS12} {
		test := newPair(t, pairOptions{client: only(v)})
		test.drain(test.client)
		test.client.conn.Close(test.now)
		test.run(40 * time.Second)
		if !test.client.closed || test.client.err != nil || !test.server.closed {
			t.Errorf("%v: client closed %v by %v, server closed %v by %v", v, test.client.closed, test.client.err, test.server.closed, test.server.err)
		}
	}
}

func TestHandshakeTimeout(t *testing.T) {
	for _, v := range []Version{VersionDTLS13, VersionDTLS12} {
		test := newPair(t, pairOptions{client: only(v)})
		test.filter = func(from *peer, n int, b []byte) [][]byte {
			if from == test.server {
				return nil
			}
			return [][]byte{b}
		}
		test.run(time.Minute)
		for _, p := range test.peers() {
			if !p.closed || !errors.Is(p.err, ErrHandshakeTimeout) {
				t.Errorf("%v: %s closed %v by %v", v, p.name, p.closed, p.err)
			}
			if p.sent > 100 {
				t.Errorf("%v: %s has sent %d datagrams into the void", v, p.name, p.sent)
			}
		}
	}
	// A server that hears nothing waits.
	test := newPair(t, pairOptions{})
	test.server.conn.HandleTimeout(test.now.Add(time.Hour))
	test.drain(test.server)
	if test.server.closed || !test.server.conn.Deadline().IsZero() {
		t.Errorf("a server that has heard nothing: closed %v, deadline %v", test.server.closed, test.server.conn.Deadline())
	}
}

func plainAlert(level, alert byte) []byte {
	return append(appendPlainHeader(nil, recordAlert, VersionDTLS12, 0, 77, 2), level, alert)
}

// TestForgedAlerts: alerts in epoch 0, of each value, once there are keys.
func TestForgedAlerts(t *testing.T) {
	for _, v := range []Version{VersionDTLS13, VersionDTLS12} {
		test := newPair(t, pairOptions{client: only(v)})
		forge := func(p *peer) {
			for alert := range 256 {
				test.receive(p, plainAlert(2, byte(alert)))
				test.receive(p, plainAlert(1, byte(alert)))
				test.receive(p, plainAlert(0, byte(alert)))
			}
		}
		for !test.connected() {
			test.step()
			for _, p := range test.peers() {
				if p.conn.readApp != nil || p.conn.readHandshake != nil {
					forge(p)
				}
			}
		}
		test.talk()
		forge(test.client)
		forge(test.server)
		test.run(time.Second)
		if test.client.closed || test.server.closed {
			t.Errorf("%v: client closed by %v, server by %v", v, test.client.err, test.server.err)
		}
	}
}

// TestPlainAlertBeforeKeys ends a connection whose ClientHello is refused.
func TestPlainAlertBeforeKeys(t *testing.T) {
	test := newPair(t, pairOptions{})
	test.receive(test.client, plainAlert(2, 40)) // before we have sent anything
	test.drain(test.client)
	if test.client.closed {
		t.Fatalf("closed by an alert before the first datagram")
	}
	test.receive(test.client, plainAlert(1, 41)) // a warning
	test.receive(test.client, plainAlert(2, 40)[:plainHeaderSize+1])
	test.receive(test.client, plainAlert(2, 255))
	test.drain(test.client)
	wantAlert(t, test.client, 255, true)
	if got := test.client.err.Error(); !strings.Contains(got, "Alert(255)") {
		t.Errorf("error %q", got)
	}
}

// TestTimeoutAfterPlainAlert: an alert that cannot be trusted still explains the
// timeout.
func TestTimeoutAfterPlainAlert(t *testing.T) {
	test := newPair(t, pairOptions{client: only(VersionDTLS12), server: func(cfg *Config) {
		cfg.Fingerprints = []Fingerprint{testCertificate(t, 99).Fingerprint("sha-256")}
	}})
	test.run(time.Minute)
	wantAlert(t, test.server, AlertBadCertificate, false)
	var alert *AlertError
	if !errors.Is(test.client.err, ErrHandshakeTimeout) || !errors.As(test.client.err, &alert) || alert.Alert != AlertBadCertificate {
		t.Errorf("client closed by %v", test.client.err)
	}
}

// sendAlert sends an alert with the keys of p.
func (test *pair) sendAlert(p *peer, level, alert byte) {
	b, _ := p.conn.appendRecord(nil, recordAlert, VersionDTLS12, p.conn.writeApp.epoch, []byte{level, alert})
	test.send(p, b)
}

func TestProtectedAlerts(t *testing.T) {
	for _, v := range []Version{VersionDTLS13, VersionDTLS12} {
		for _, alert := range []uint8{0, 10, 20, 40, 42, 80, 90, 100, 255} {
			test := newPair(t, pairOptions{client: only(v), config: Config{Groups: []Group{X25519}}})
			test.connect()
			test.sendAlert(test.client, 2, alert)
			test.run(100 * time.Millisecond)
			switch Alert(alert) {
			case AlertCloseNotify:
				if !test.server.closed || test.server.err != nil {
					t.Errorf("%v: close_notify: closed %v by %v", v, test.server.closed, test.server.err)
				}
			case AlertUserCanceled:
				if test.server.closed {
					t.Errorf("%v: user_canceled: closed by %v", v, test.server.err)
				}
			default:
				wantAlert(t, test.server, Alert(alert), true)
			}
		}
	}
	// A warning is no reason to end a connection of DTLS 1.2.
	test := newPair(t, pairOptions{client: only(VersionDTLS12)})
	test.connect()
	test.sendAlert(test.client, 1, byte(AlertNoRenegotiation))
	test.talk()
}

// updateKeys makes p send a KeyUpdate.
func (test *pair) updateKeys(p *peer) {
	p.conn.update.owed = true
	p.conn.startKeyUpdate()
}

func TestKeyUpdate(t *testing.T) {
	for _, loss := range []int{-1, 0, 1, 2} {
		test := newPair(t, pairOptions{client: only(VersionDTLS13)})
		test.connect()
		test.run(40 * time.Second)
		count := 0
		for round := range 9 { // past an epoch whose low bits are those of the handshake
			count = 0
			test.filter = func(_ *peer, _ int, b []byte) [][]byte {
				count++
				if count-1 == loss {
					return nil
				}
				return [][]byte{b}
			}
			test.updateKeys(test.client)
			test.updateKeys(test.server)
			test.run(3 * time.Second)
			test.filter = nil
			want := uint64(4 + round)
			for _, p := range test.peers() {
				if got := p.conn.writeApp.epoch; got != want {
					t.Fatalf("loss of %d: %s is in epoch %d, want %d\n%s", loss, p.name, got, want, test.trace.String())
				}
			}
			test.client.data, test.server.data = nil, nil
			test.talk()
		}
	}
}

// TestKeyUpdateReordered: records of the old keys are still good.
func TestKeyUpdateReordered(t *testing.T) {
	test := newPair(t, pairOptions{client: only(VersionDTLS13)})
	test.connect()
	test.run(40 * time.Second)
	late, _ := test.client.conn.AppendData(test.now, nil, []byte("late"))
	test.updateKeys(test.client)
	test.run(time.Second)
	test.receive(test.server, late)
	test.drain(test.server)
	test.wantData("a record that was overtaken by a KeyUpdate", test.server, "late")
}

// TestKeyUpdateRequested: one answer, even to a storm of requests.
func TestKeyUpdateRequested(t *testing.T) {
	test := newPair(t, pairOptions{client: only(VersionDTLS13)})
	test.connect()
	test.run(40 * time.Second)
	// The server does not hear the answers, so that it cannot acknowledge them.
	c := test.client.conn
	test.filter = func(from *peer, _ int, b []byte) [][]byte {
		if from == test.server {
			return nil
		}
		return [][]byte{b}
	}
	sent := test.server.sent
	for range 50 {
		c.addMessage(typeKeyUpdate, c.writeApp.epoch, []byte{1})
		c.sendFlight()
		test.run(26 * time.Millisecond)
		c.flight = flight{} // as if it were acknowledged
		if err := c.changeWriteKeys(); err != nil {
			t.Fatal(err)
		}
	}
	if got := test.server.conn.readApp.epoch; got != 53 {
		t.Errorf("the server reads epoch %d, want 53", got)
	}
	if got := test.server.conn.writeApp.epoch; got != 3 {
		t.Errorf("the server writes epoch %d, want 3: its KeyUpdate is not acknowledged", got)
	}
	if n := test.server.sent - sent; n > 150 {
		t.Errorf("%d datagrams for 50 requests", n)
	}
	test.filter = nil
	test.run(20 * time.Second)
	if got := test.server.conn.writeApp.epoch; got != 4 && got != 5 {
		t.Errorf("the server writes epoch %d after 50 requests", got)
	}
	test.talk()
}

// TestKeyUpdateAtLimit: new keys are made before the old ones are spent.
func TestKeyUpdateAtLimit(t *testing.T) {
	test := newPair(t, pairOptions{client: only(VersionDTLS13)})
	test.connect()
	test.run(time.Second)
	p := test.client.conn.writeApp
	p.next = p.limits.soft - 1
	test.server.conn.readApp.window.next = p.next
	for i := range 5 {
		test.write(test.client, fmt.Appendf(nil, "%d", i))
	}
	test.run(time.Second)
	if got := test.client.conn.writeApp.epoch; got != 4 {
		t.Errorf("the client writes epoch %d, want 4", got)
	}
	if len(test.server.data) != 5 {
		t.Errorf("data %q", test.server.data)
	}
	test.client.data, test.server.data = nil, nil
	test.talk()
}

// TestForgeryLimit: too many records that fail authentication.
func TestForgeryLimit(t *testing.T) {
	for _, v := range []Version{VersionDTLS13, VersionDTLS12} {
		test := newPair(t, pairOptions{client: only(v)})
		test.connect()
		test.server.conn.readApp.failures = maxForgeries - 2
		b, _ := test.client.conn.AppendData(test.now, nil, []byte("data"))
		b[len(b)-1] ^= 1
		test.receive(test.server, b)
		if test.server.conn.closed {
			t.Fatalf("%v: closed too early", v)
		}
		test.receive(test.server, b)
		test.drain(test.server)
		if test.server.err != ErrKeyLimit {
			t.Errorf("%v: closed by %v", v, test.server.err)
		}
	}
}

// sendMessage sends a handshake message after the handshake.
func (test *pair) sendMessage(p *peer, typ uint8, body []byte) {
	p.conn.addMessage(typ, p.conn.writeApp.epoch, body)
	p.conn.sendFlight()
}

func TestPostHandshakeMessages(t *testing.T) {
	ticket := append(make([]byte, 8), 1, 9, 0, 3, 1, 2, 3, 0, 0)
	for _, tt := range []struct {
		name     string
		byServer bool
		typ      uint8
		body     []byte
		want     Alert // 0: none
	}{
		{"ticket", true, typeNewSessionTicket, ticket, 0},
		{"broken ticket", true, typeNewSessionTicket, ticket[:12], AlertDecodeError},
		{"ticket of a client", false, typeNewSessionTicket, ticket, AlertUnexpectedMessage},
		{"certificate request", true, typeCertificateRequest, appendCertificateRequest13(nil), AlertUnexpectedMessage},
		{"long key update", true, typeKeyUpdate, []byte{0, 0}, AlertDecodeError},
		{"wrong key update", true, typeKeyUpdate, []byte{2}, AlertIllegalParameter},
		{"client hello", false, typeClientHello, nil, AlertUnexpectedMessage},
		{"finished", true, typeFinished, make([]byte, 32), AlertUnexpectedMessage},
	} {
		test := newPair(t, pairOptions{client: only(VersionDTLS13)})
		test.connect()
		test.run(40 * time.Second)
		p := test.client
		if tt.byServer {
			p = test.server
		}
		test.sendMessage(p, tt.typ, tt.body)
		test.run(5 * time.Second)
		if tt.want != 0 {
			wantAlert(t, p.other, tt.want, false)
			wantAlert(t, p, tt.want, true)
			continue
		}
		if p.other.closed || !p.conn.flight.empty() {
			t.Errorf("%s: closed by %v, acknowledged %v", tt.name, p.other.err, p.conn.flight.empty())
		}
		test.talk()
	}
}

// TestUnexpectedRecords: protected records of a type that has no place there.
func TestUnexpectedRecords(t *testing.T) {
	for _, typ := range []uint8{recordChangeCipherSpec, 24, 99, 0} {
		test := newPair(t, pairOptions{client: only(VersionDTLS13)})
		test.connect()
		b, _ := test.client.conn.appendRecord(nil, typ, 0, 3, []byte{1})
		test.send(test.client, b)
		test.run(200 * time.Millisecond)
		wantAlert(t, test.server, AlertUnexpectedMessage, false)
	}
}

// TestRenegotiation: attempts are ignored, in DTLS 1.2.
func TestRenegotiation(t *testing.T) {
	test := newPair(t, pairOptions{client: only(VersionDTLS12)})
	test.connect()
	test.talk()
	for _, typ := range []uint8{0, typeClientHello, typeServerHello, typeFinished} {
		for _, p := range test.peers() {
			for _, seq := range []uint16{0, p.conn.out} {
				content := appendFragment(nil, typ, seq, []byte{1, 2, 3}, 0, 3)
				b, _ := p.conn.appendRecord(nil, recordHandshake, VersionDTLS12, 1, content)
				test.send(p, b)
			}
		}
	}
	sent := test.client.sent + test.server.sent
	test.run(time.Second)
	if test.client.closed || test.server.closed || test.client.sent+test.server.sent != sent {
		t.Errorf("client %v, server %v, %d datagrams in answer", test.client.err, test.server.err, test.client.sent+test.server.sent-sent)
	}
	test.client.data, test.server.data = nil, nil
	test.talk()
}

// TestLastFlightRepeated: the peer that completes first answers one that has
// missed the end.
func TestLastFlightRepeated(t *testing.T) {
	for _, v := range []Version{VersionDTLS13, VersionDTLS12} {
		test := newPair(t, pairOptions{client: only(v), config: Config{RTT: 50 * time.Millisecond}})
		lost := 0
		test.filter = func(from *peer, _ int, b []byte) [][]byte {
			if from == test.server && !test.server.conn.lingerUntil.IsZero() && lost < 4 {
				lost++
				return nil
			}
			return [][]byte{b}
		}
		test.connect()
		test.run(5 * time.Second)
		if lost != 4 || !test.client.conn.flight.empty() || test.client.closed {
			t.Errorf("%v: %d lost, client closed by %v\n%s", v, lost, test.client.err, test.trace.String())
		}
		test.talk()
		test.run(time.Minute)
		if s := test.server.conn; !s.flight.empty() || s.readHandshake != nil || s.hs != nil {
			t.Errorf("%v: the server has not dropped its handshake", v)
		}
	}
}

// TestNoAcknowledgement: a server that talks but never acknowledges does not lose its client.
func TestNoAcknowledgement(t *testing.T) {
	for _, talks := range []bool{true, false} {
		test := newPair(t, pairOptions{client: only(VersionDTLS13)})
		test.filter = func(from *peer, _ int, b []byte) [][]byte {
			if from == test.server && b[0]&unifiedMask == unifiedFixed && b[0]&3 == 3 && len(b) != 500+overhead13 {
				return nil
			}
			return [][]byte{b}
		}
		test.connect()
		if talks {
			test.write(test.server, make([]byte, 500))
		}
		test.run(time.Minute)
		if test.client.closed == talks {
			t.Errorf("talks %v: client closed %v by %v", talks, test.client.closed, test.client.err)
		}
		if talks && !test.client.conn.flight.empty() {
			t.Errorf("the client still repeats its flight")
		}
	}
}
