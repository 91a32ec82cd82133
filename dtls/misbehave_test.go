package dtls

import (
	"crypto"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

// mutate changes the messages of the flight that c is about to send.
func mutate(t *testing.T, c *Conn, change func([]outMessage) []outMessage) {
	t.Helper()
	var messages []outMessage
	var open *outMessage
	for _, r := range c.flight.records {
		if r.typ == recordChangeCipherSpec {
			messages = append(messages, outMessage{ccs: true, version: r.version, epoch: r.epoch})
			continue
		}
		for content := r.payload; len(content) > 0; {
			f, n := consumeFragment(content)
			content = content[n:]
			if f.offset == 0 {
				messages = append(messages, outMessage{typ: f.typ, version: r.version, seq: f.seq, epoch: r.epoch})
				open = &messages[len(messages)-1]
			}
			open.body = append(open.body, f.data...)
		}
	}
	next := messages[0].seq
	messages = change(slices.Clone(messages))
	for i := range messages {
		if !messages[i].ccs {
			messages[i].seq = next
			next++
		}
	}
	c.out = next
	c.flight.records = nil
	c.flight.messages = messages
	c.sendFlight()
}

// misbehaving connects a pair in which one side changes one of its flights:
// the server its first, or the client its second one.
func misbehaving(t *testing.T, v Version, byServer bool, change func([]outMessage) []outMessage) (test *pair, victim *peer) {
	t.Helper()
	test = newPair(t, pairOptions{client: only(v), config: Config{Groups: []Group{X25519}, HandshakeTimeout: 5 * time.Second}})
	test.drain(test.client)
	test.receive(test.server, test.client.datagrams[0])
	attacker, victim := test.server, test.client
	test.wire = nil
	if !byServer {
		attacker, victim = test.client, test.server
		test.drain(test.server)
		for _, b := range test.server.datagrams {
			test.receive(test.client, b)
		}
		test.wire = nil
	}
	mutate(t, attacker.conn, change)
	test.drain(attacker)
	test.run(10 * time.Second)
	return test, victim
}

// flightOf returns the messages of such a flight.
func flightOf(t *testing.T, v Version, byServer bool) (flight []outMessage) {
	t.Helper()
	misbehaving(t, v, byServer, func(m []outMessage) []outMessage { flight = m; return m })
	return flight
}

// wantRefusal checks that p has not connected and has ended by itself.
func wantRefusal(t *testing.T, what string, test *pair, p *peer, alerts ...Alert) {
	t.Helper()
	var alert *AlertError
	switch {
	case !p.done.IsZero():
		t.Errorf("%s: %s has connected\n%s", what, p.name, test.trace.String())
	case !p.closed:
		t.Errorf("%s: %s is not closed\n%s", what, p.name, test.trace.String())
	case errors.As(p.err, &alert):
		if alert.Peer || len(alerts) > 0 && !slices.Contains(alerts, alert.Alert) {
			t.Errorf("%s: %s is closed by %v, want one of %v", what, p.name, p.err, alerts)
		}
	case !errors.Is(p.err, ErrHandshakeTimeout):
		t.Errorf("%s: %s is closed by %v", what, p.name, p.err)
	case len(alerts) > 0:
		t.Errorf("%s: %s is closed by %v, want one of %v", what, p.name, p.err, alerts)
	}
}

var sides = []bool{true, false}

// TestMessageLeftOut, as in the published state machine bugs: a missing
// CertificateVerify, Certificate, ServerKeyExchange, CertificateRequest, ChangeCipherSpec …
func TestMessageLeftOut(t *testing.T) {
	for _, v := range []Version{VersionDTLS13, VersionDTLS12} {
		for _, byServer := range sides {
			flight := flightOf(t, v, byServer)
			for i := range flight {
				what := fmt.Sprintf("%v, by server %v, without message %d (type %d)", v, byServer, i, flight[i].typ)
				test, victim := misbehaving(t, v, byServer, func(m []outMessage) []outMessage { return slices.Delete(m, i, i+1) })
				wantRefusal(t, what, test, victim)
			}
		}
	}
}

func TestMessageTwice(t *testing.T) {
	for _, v := range []Version{VersionDTLS13, VersionDTLS12} {
		for _, byServer := range sides {
			flight := flightOf(t, v, byServer)
			for i := range flight {
				what := fmt.Sprintf("%v, by server %v, message %d (type %d) twice", v, byServer, i, flight[i].typ)
				test, victim := misbehaving(t, v, byServer, func(m []outMessage) []outMessage { return slices.Insert(m, i, m[i]) })
				if flight[i].typ == typeServerHelloDone {
					continue // the last of its flight: see TestEachMessageInEachState
				}
				if flight[i].ccs || flight[i].typ == typeFinished {
					// ChangeCipherSpec has no effect the second time, and nobody
					// looks at what comes after Finished in the same epoch.
					if victim.done.IsZero() {
						t.Errorf("%s: not connected: %v", what, victim.err)
					}
					continue
				}
				if flight[i+1].ccs || flight[i].epoch != flight[i+1].epoch {
					// The repetition comes without the keys that are in use by then,
					// and is ignored. The next message is missing for ever.
					wantRefusal(t, what, test, victim)
					continue
				}
				wantRefusal(t, what, test, victim, AlertUnexpectedMessage)
			}
		}
	}
}

func TestMessagesSwapped(t *testing.T) {
	for _, v := range []Version{VersionDTLS13, VersionDTLS12} {
		for _, byServer := range sides {
			flight := flightOf(t, v, byServer)
			for i := range len(flight) - 1 {
				if flight[i].ccs || flight[i+1].ccs {
					continue // they carry no number: the network may do that
				}
				if flight[i].epoch != flight[i+1].epoch {
					continue // the second cannot be read before the first
				}
				what := fmt.Sprintf("%v, by server %v, messages %d and %d swapped", v, byServer, i, i+1)
				test, victim := misbehaving(t, v, byServer, func(m []outMessage) []outMessage {
					m[i], m[i+1] = m[i+1], m[i]
					return m
				})
				wantRefusal(t, what, test, victim, AlertUnexpectedMessage)
			}
		}
	}
}

// TestEachMessageInEachState replaces each message of a flight by one of each
// other type, taken from a genuine handshake where there is one.
func TestEachMessageInEachState(t *testing.T) {
	for _, v := range []Version{VersionDTLS13, VersionDTLS12} {
		bodies := map[uint8][]byte{0: nil, 5: nil, 22: {1, 0, 0, 0}, 99: {1, 2, 3}, typeKeyUpdate: {0}, typeNewSessionTicket: {0, 0, 0, 1}}
		for _, byServer := range sides {
			for _, m := range flightOf(t, v, byServer) {
				if !m.ccs {
					bodies[m.typ] = m.body
				}
			}
		}
		test := newPair(t, pairOptions{client: only(v), config: Config{Groups: []Group{X25519}}})
		test.drain(test.client)
		bodies[typeClientHello] = messagesOf(t, test.client.datagrams)[0].body
		bodies[typeHelloVerifyRequest] = appendHelloVerifyRequest(nil, []byte("cookie"))

		for _, byServer := range sides {
			flight := flightOf(t, v, byServer)
			for i := range flight {
				for typ := range 256 {
					body, ok := bodies[uint8(typ)]
					if !ok || flight[i].ccs || flight[i].typ == uint8(typ) {
						continue
					}
					if byServer && i == 0 && typ == int(typeHelloVerifyRequest) && v == VersionDTLS12 {
						continue // legal
					}
					what := fmt.Sprintf("%v, by server %v, message %d (type %d) replaced by type %d", v, byServer, i, flight[i].typ, typ)
					test, victim := misbehaving(t, v, byServer, func(m []outMessage) []outMessage {
						m[i].typ, m[i].body = uint8(typ), body
						return m
					})
					want := AlertUnexpectedMessage
					if byServer && i == 0 && typ == int(typeHelloVerifyRequest) {
						want = AlertProtocolVersion // says that the server knows DTLS 1.2 only
					}
					wantRefusal(t, what, test, victim, want)
				}
			}
		}
	}
}

// TestBadProofs: signatures and Finished messages that are wrong.
func TestBadProofs(t *testing.T) {
	for _, v := range []Version{VersionDTLS13, VersionDTLS12} {
		for _, byServer := range sides {
			for i, m := range flightOf(t, v, byServer) {
				switch m.typ {
				case typeCertificateVerify, typeFinished, typeServerKeyExchange:
				default:
					continue
				}
				what := fmt.Sprintf("%v, by server %v, message of type %d altered", v, byServer, m.typ)
				test, victim := misbehaving(t, v, byServer, func(m []outMessage) []outMessage {
					m[i].body = slices.Clone(m[i].body)
					m[i].body[len(m[i].body)-1] ^= 1
					return m
				})
				wantRefusal(t, what, test, victim, AlertDecryptError)
			}
		}
	}
}

// pretender says that it has a key that it does not have.
type pretender struct {
	crypto.Signer
	public crypto.PublicKey
}

func (p pretender) Public() crypto.PublicKey { return p.public }

// TestForeignSignature: the certificate is the right one, but its key is not used.
func TestForeignSignature(t *testing.T) {
	for _, v := range []Version{VersionDTLS13, VersionDTLS12} {
		for _, byServer := range sides {
			stolen := testCertificate(t, 50)
			liar := &Certificate{Chain: stolen.Chain, Signer: pretender{testCertificate(t, 51).Signer, stolen.Signer.Public()}}
			o := pairOptions{client: only(v)}
			if byServer {
				o.server = func(cfg *Config) { cfg.Certificate = liar }
			} else {
				o.client = func(cfg *Config) { only(v)(cfg); cfg.Certificate = liar }
			}
			test := newPair(t, o)
			test.run(40 * time.Second)
			victim := test.server
			if byServer {
				victim = test.client
			}
			wantRefusal(t, fmt.Sprintf("%v, by server %v", v, byServer), test, victim, AlertDecryptError)
		}
	}
}

// TestNoClientCertificate: an empty Certificate message, and its alert.
func TestNoClientCertificate(t *testing.T) {
	for v, want := range map[Version]Alert{VersionDTLS13: AlertCertificateRequired, VersionDTLS12: AlertHandshakeFailure} {
		test, victim := misbehaving(t, v, false, func(m []outMessage) []outMessage {
			m[0].body = appendCertificate(nil, v, nil)
			return m
		})
		wantRefusal(t, v.String(), test, victim, want)
	}
}

// TestPlainFinished: in DTLS 1.2 the Finished message must be protected.
func TestPlainFinished(t *testing.T) {
	test, victim := misbehaving(t, VersionDTLS12, false, func(m []outMessage) []outMessage {
		m[len(m)-1].epoch = 0
		return m
	})
	wantRefusal(t, "Finished in epoch 0", test, victim)
}

// TestIllegalServerHello: each has its alert.
func TestIllegalServerHello(t *testing.T) {
	for _, tt := range []struct {
		name    string
		version Version
		change  func(*serverHello)
		want    Alert
	}{
		{"session id", VersionDTLS13, func(m *serverHello) { m.sessionID = []byte{1} }, AlertIllegalParameter},
		{"suite not offered", VersionDTLS13, func(m *serverHello) { m.suite = 0x1303 }, AlertIllegalParameter},
		{"suite of 1.2", VersionDTLS13, func(m *serverHello) { m.suite = TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 }, AlertIllegalParameter},
		{"compression", VersionDTLS13, func(m *serverHello) { m.compression = 1 }, AlertIllegalParameter},
		{"no key share", VersionDTLS13, func(m *serverHello) { m.hasShare = false }, AlertMissingExtension},
		{"share of another group", VersionDTLS13, func(m *serverHello) { m.share.group = P256 }, AlertIllegalParameter},
		{"empty share", VersionDTLS13, func(m *serverHello) { m.share.key = nil }, AlertIllegalParameter},
		{"share of small order", VersionDTLS13, func(m *serverHello) { m.share.key = make([]byte, 32) }, AlertIllegalParameter},
		{"cookie", VersionDTLS13, func(m *serverHello) { m.cookie = []byte{1} }, AlertIllegalParameter},
		{"extended master secret in 1.3", VersionDTLS13, func(m *serverHello) { m.ems = true }, AlertIllegalParameter},
		{"selected version 1.2", VersionDTLS13, func(m *serverHello) { m.selected = VersionDTLS12 }, AlertIllegalParameter},
		{"retry for a group with a share", VersionDTLS13, func(m *serverHello) { m.random = retryRandom }, AlertIllegalParameter},
		{"retry that changes nothing", VersionDTLS13, func(m *serverHello) { m.random, m.hasShare = retryRandom, false }, AlertIllegalParameter},
		{"retry for an unknown group", VersionDTLS13, func(m *serverHello) { m.random, m.share.group = retryRandom, 99 }, AlertIllegalParameter},
		{"DTLS 1.0", VersionDTLS12, func(m *serverHello) { m.version = versionDTLS10 }, AlertProtocolVersion},
		{"no extended master secret", VersionDTLS12, func(m *serverHello) { m.ems = false }, AlertHandshakeFailure},
		{"suite of 1.3", VersionDTLS12, func(m *serverHello) { m.suite = TLS_AES_128_GCM_SHA256 }, AlertIllegalParameter},
		{"suite not offered", VersionDTLS12, func(m *serverHello) { m.suite = 0xc009 }, AlertIllegalParameter},
		{"suite for another key", VersionDTLS12, func(m *serverHello) { m.suite = TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 }, AlertIllegalParameter},
		{"compression", VersionDTLS12, func(m *serverHello) { m.compression = 1 }, AlertIllegalParameter},
		{"use_srtp not asked for", VersionDTLS12, func(m *serverHello) { m.srtp = []SRTPProfile{SRTP_AEAD_AES_128_GCM} }, AlertUnsupportedExtension},
		{"key share in 1.2", VersionDTLS12, func(m *serverHello) { m.hasShare, m.share = true, keyShare{X25519, make([]byte, 32)} }, AlertIllegalParameter},
	} {
		test, victim := misbehaving(t, tt.version, true, func(flight []outMessage) []outMessage {
			m, err := parseServerHello(flight[0].body)
			if err != nil {
				t.Fatal(err)
			}
			tt.change(m)
			flight[0].body = m.append(nil)
			return flight
		})
		wantRefusal(t, tt.version.String()+", "+tt.name, test, victim, tt.want)
		if !test.server.closed {
			t.Errorf("%v, %s: the server does not know", tt.version, tt.name)
		}
	}
}

// TestIllegalClientHello: the server's side of it.
func TestIllegalClientHello(t *testing.T) {
	srtp := []SRTPProfile{SRTP_AEAD_AES_128_GCM}
	for _, tt := range []struct {
		name    string
		version Version
		change  func(*clientHello)
		want    Alert
	}{
		{"no known version", VersionDTLS13, func(m *clientHello) { m.versions = []Version{0x0304} }, AlertProtocolVersion},
		{"cookie", VersionDTLS13, func(m *clientHello) { m.cookie = []byte{1} }, AlertIllegalParameter},
		{"compression", VersionDTLS13, func(m *clientHello) { m.compression = []byte{0, 1} }, AlertIllegalParameter},
		{"no groups", VersionDTLS13, func(m *clientHello) { m.groups = nil }, AlertMissingExtension},
		{"no shares", VersionDTLS13, func(m *clientHello) { m.hasShares = false }, AlertMissingExtension},
		{"no signatures", VersionDTLS13, func(m *clientHello) { m.signatures = nil }, AlertMissingExtension},
		{"unknown signatures", VersionDTLS13, func(m *clientHello) { m.signatures = []signatureScheme{1} }, AlertHandshakeFailure},
		{"signatures of 1.2 only", VersionDTLS13, func(m *clientHello) { m.signatures = []signatureScheme{rsaPKCS1SHA256} }, AlertHandshakeFailure},
		{"unknown groups", VersionDTLS13, func(m *clientHello) { m.groups, m.shares = []Group{99}, nil }, AlertHandshakeFailure},
		{"unknown suites", VersionDTLS13, func(m *clientHello) { m.suites = []CipherSuite{0x1303} }, AlertHandshakeFailure},
		{"share of a group not listed", VersionDTLS13, func(m *clientHello) { m.groups = []Group{P256} }, AlertIllegalParameter},
		{"two shares of a group", VersionDTLS13, func(m *clientHello) { m.shares = append(m.shares, m.shares[0]) }, AlertIllegalParameter},
		{"short share", VersionDTLS13, func(m *clientHello) { m.shares[0].key = m.shares[0].key[1:] }, AlertIllegalParameter},
		{"DTLS 1.0", VersionDTLS12, func(m *clientHello) { m.version = versionDTLS10 }, AlertProtocolVersion},
		{"no extended master secret", VersionDTLS12, func(m *clientHello) { m.ems = false }, AlertHandshakeFailure},
		{"compression without null", VersionDTLS12, func(m *clientHello) { m.compression = []byte{1} }, AlertIllegalParameter},
		{"unknown suites", VersionDTLS12, func(m *clientHello) { m.suites = []CipherSuite{0xc009, 0x0001} }, AlertHandshakeFailure},
		{"RSA suites", VersionDTLS12, func(m *clientHello) { m.suites = []CipherSuite{TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256} }, AlertHandshakeFailure},
		{"unknown groups", VersionDTLS12, func(m *clientHello) { m.groups = []Group{99} }, AlertHandshakeFailure},
		{"no signatures", VersionDTLS12, func(m *clientHello) { m.signatures = nil }, AlertHandshakeFailure},
		{"hybrid in 1.2", VersionDTLS12, func(m *clientHello) { m.groups = []Group{X25519MLKEM768} }, AlertHandshakeFailure},
		{"long session id", VersionDTLS12, func(m *clientHello) { m.sessionID = make([]byte, 33) }, AlertDecodeError},
	} {
		test := newPair(t, pairOptions{config: Config{Groups: []Group{X25519}, SRTPProfiles: srtp}, client: only(tt.version)})
		test.filter = func(from *peer, n int, b []byte) [][]byte {
			if from == test.client && n == 0 {
				b = rewriteHello(t, b, tt.change)
			}
			return [][]byte{b}
		}
		test.run(time.Second)
		wantRefusal(t, tt.version.String()+", "+tt.name, test, test.server, tt.want)
		wantAlert(t, test.client, tt.want, true)
	}
}

// TestRetriedHello: what may not change in a second ClientHello.
func TestRetriedHello(t *testing.T) {
	for _, tt := range []struct {
		name    string
		version Version
		change  func(*clientHello)
	}{
		{"random", VersionDTLS13, func(m *clientHello) { m.random[0] ^= 1 }},
		{"suites", VersionDTLS13, func(m *clientHello) { m.suites = m.suites[:1] }},
		{"no cookie", VersionDTLS13, func(m *clientHello) { m.cookie13 = nil }},
		{"wrong cookie", VersionDTLS13, func(m *clientHello) { m.cookie13[0] ^= 1 }},
		{"no cookie", VersionDTLS12, func(m *clientHello) { m.cookie = nil }},
		{"wrong cookie", VersionDTLS12, func(m *clientHello) { m.cookie[0] ^= 1 }},
		{"random", VersionDTLS12, func(m *clientHello) { m.random[0] ^= 1 }},
	} {
		test := newPair(t, pairOptions{
			config: Config{Groups: []Group{X25519}, Cookie: true},
			client: only(tt.version),
		})
		for test.client.sent < 2 {
			test.step()
		}
		test.wire = nil
		second := test.client.datagrams[1]
		f, _ := consumeFragment(second[plainHeaderSize:])
		m, err := parseClientHello(slices.Clone(f.data))
		if err != nil {
			t.Fatal(err)
		}
		m.cookie, m.cookie13 = slices.Clone(m.cookie), slices.Clone(m.cookie13)
		tt.change(m)
		body := m.append(nil, []uint8{0, 1, 2, 3, 4, 5, 6, 7, 8})
		content := appendFragment(nil, f.typ, f.seq, body, 0, len(body))
		test.receive(test.server, append(appendPlainHeader(nil, recordHandshake, VersionDTLS12, 0, 9, len(content)), content...))
		test.drain(test.server)
		wantRefusal(t, tt.version.String()+", "+tt.name, test, test.server, AlertIllegalParameter)
	}
}

// TestSecondRetry: a client refuses to be asked twice.
func TestSecondRetry(t *testing.T) {
	for _, v := range []Version{VersionDTLS13, VersionDTLS12} {
		test := newPair(t, pairOptions{client: only(v), config: Config{Cookie: true, Groups: []Group{X25519}}})
		for test.client.sent < 2 {
			test.step()
		}
		first := slices.Clone(test.server.datagrams[0])
		first[plainHeaderSize+5] = 1 // message_seq
		test.wire = nil
		test.receive(test.client, first)
		test.drain(test.client)
		wantRefusal(t, v.String(), test, test.client, AlertUnexpectedMessage)
	}
}
