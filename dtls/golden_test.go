package dtls

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// capture is a recorded session of two other endpoints.
type capture struct {
	client, server [][]byte // datagrams
	secrets        map[string][]byte
}

func readCapture(t testing.TB, name string) capture {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	c := capture{secrets: map[string][]byte{}}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if fields[0] == "#" {
			continue
		}
		b, err := hex.DecodeString(fields[len(fields)-1])
		if err != nil {
			t.Fatal(err)
		}
		switch fields[0] {
		case "client":
			c.client = append(c.client, b)
		case "server":
			c.server = append(c.server, b)
		case "secret":
			c.secrets[fields[1]] = b
		}
	}
	return c
}

// messagesOf reassembles the handshake messages in epoch 0.
func messagesOf(t testing.TB, datagrams [][]byte) (out []*partial) {
	t.Helper()
	var in inbox
	for _, b := range datagrams {
		for len(b) > plainHeaderSize && b[0]&unifiedMask != unifiedFixed {
			n := plainHeaderSize + int(b[11])<<8 + int(b[12])
			content := b[plainHeaderSize:n]
			if b[0] == recordHandshake && b[4] == 0 {
				for len(content) > 0 {
					f, n := consumeFragment(content)
					if n < 0 {
						t.Fatalf("fragment cannot be parsed: %x", content)
					}
					in.add(f, 0)
					content = content[n:]
				}
			}
			b = b[n:]
			for {
				m, _, ok := in.take()
				if !ok {
					break
				}
				out = append(out, m)
			}
		}
	}
	return out
}

func TestBrowserHellos(t *testing.T) {
	for _, tt := range []struct {
		file      string
		hello     int // datagrams of the ClientHello
		version   Version
		group     Group
		suite     CipherSuite
		profile   SRTPProfile
		suites    int
		shareSize int
	}{
		{"chromium-156.txt", 2, VersionDTLS13, X25519MLKEM768, TLS_AES_128_GCM_SHA256, SRTP_AEAD_AES_128_GCM, 14, 1216},
		{"firefox-153.txt", 2, VersionDTLS13, X25519MLKEM768, TLS_AES_128_GCM_SHA256, SRTP_AEAD_AES_128_GCM, 10, 1216},
		{"firefox-153-dtls12-chromium-156.txt", 1, VersionDTLS12, X25519, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, SRTP_AEAD_AES_128_GCM, 8, 0},
	} {
		for _, reversed := range []bool{false, true} {
			datagrams := slices.Clone(readCapture(t, tt.file).client[:tt.hello])
			m, err := parseClientHello(messagesOf(t, datagrams)[0].body)
			if err != nil {
				t.Fatalf("%s: ClientHello: %v", tt.file, err)
			}
			if len(m.suites) != tt.suites || len(m.share(X25519MLKEM768)) != tt.shareSize || !m.ems {
				t.Errorf("%s: %d suites, share of %d bytes, ems %v", tt.file, len(m.suites), len(m.share(X25519MLKEM768)), m.ems)
			}
			if reversed {
				slices.Reverse(datagrams)
			}
			c, err := NewConn(testEpoch, Config{
				Rand: seeded(1), Certificate: testCertificate(t, 1),
				VerifyPeerCertificate: func([][]byte) error { return nil },
				SRTPProfiles:          []SRTPProfile{SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_HMAC_SHA1_80},
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range datagrams {
				c.HandlePacket(testEpoch, b)
			}
			if e, ok := c.NextEvent(); ok {
				t.Fatalf("%s: event %v, %v", tt.file, e.Kind, e.Err)
			}
			s := c.State()
			if s.Version != tt.version || s.Group != tt.group || s.CipherSuite != tt.suite || s.SRTPProfile != tt.profile {
				t.Errorf("%s: negotiated %+v", tt.file, s)
			}
			b, ok := c.AppendPacket(testEpoch, nil)
			if !ok {
				t.Fatalf("%s: no answer", tt.file)
			}
			sh, err := parseServerHello(messagesOf(t, [][]byte{b})[0].body)
			if err != nil || sh.suite != tt.suite {
				t.Errorf("%s: our ServerHello: %v, %v", tt.file, sh, err)
			}
		}
	}
}

// TestBrowserMessages12 parses the flights of a DTLS 1.2 handshake.
func TestBrowserMessages12(t *testing.T) {
	for _, file := range []string{"firefox-153-dtls12-chromium-156.txt", "chromium-156-firefox-153-dtls12.txt"} {
		c := readCapture(t, file)
		client, server := messagesOf(t, c.client), messagesOf(t, c.server)
		hello, err := parseClientHello(client[0].body)
		if err != nil {
			t.Fatal(err)
		}
		sh, err := parseServerHello(server[0].body)
		if err != nil || !sh.ems || sh.suite != TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 || len(sh.srtp) != 1 {
			t.Fatalf("%s: ServerHello %+v, %v", file, sh, err)
		}
		chain, err := parseCertificate(server[1].body, VersionDTLS12)
		if err != nil {
			t.Fatal(err)
		}
		key, err := (&Config{VerifyPeerCertificate: func([][]byte) error { return nil }}).authenticate(chain)
		if err != nil {
			t.Fatal(err)
		}
		ske, err := parseServerKeyExchange(server[2].body)
		if err != nil {
			t.Fatal(err)
		}
		h := &handshake{hello: hello, serverRandom: sh.random}
		if err := verify(key, VersionDTLS12, ske.scheme, signedKeyExchange(h, ske.params), ske.sig); err != nil {
			t.Errorf("%s: the signature of the ServerKeyExchange: %v", file, err)
		}
		if schemes, err := parseCertificateRequest12(server[3].body); err != nil || !slices.Contains(schemes, ecdsaP256SHA256) {
			t.Errorf("%s: CertificateRequest: %v, %v", file, schemes, err)
		}
		// The client's CertificateVerify signs the messages with their DTLS headers.
		var tr transcript
		tr.start(VersionDTLS12, sh.suite.hash())
		tr.add(client[0].typ, 0, client[0].body)
		for i, m := range server {
			tr.add(m.typ, uint16(i), m.body)
		}
		for i, m := range client[1:3] {
			tr.add(m.typ, uint16(1+i), m.body)
		}
		chain, _ = parseCertificate(client[1].body, VersionDTLS12)
		key, err = (&Config{VerifyPeerCertificate: func([][]byte) error { return nil }}).authenticate(chain)
		if err != nil {
			t.Fatal(err)
		}
		scheme, sig, err := parseCertificateVerify(client[3].body)
		if err == nil {
			err = verify(key, VersionDTLS12, scheme, tr.raw, sig)
		}
		if err != nil {
			t.Errorf("%s: CertificateVerify: %v", file, err)
		}
	}
}

// TestFirefoxSession decrypts a recorded session of DTLS 1.3 with its secrets, and
// checks the signatures and the Finished messages in it.
func TestFirefoxSession(t *testing.T) {
	c := readCapture(t, "firefox-153.txt")
	suite := TLS_AES_128_GCM_SHA256
	keys := map[string]*protection{}
	for _, k := range []struct {
		label string
		epoch uint64
	}{
		{"CLIENT_HANDSHAKE_TRAFFIC_SECRET", 2}, {"SERVER_HANDSHAKE_TRAFFIC_SECRET", 2},
		{"CLIENT_TRAFFIC_SECRET_0", 3}, {"SERVER_TRAFFIC_SECRET_0", 3},
	} {
		p, err := newProtection13(suite, k.epoch, c.secrets[k.label])
		if err != nil {
			t.Fatal(err)
		}
		keys[k.label] = p
	}
	open := func(datagrams [][]byte, handshake, app *protection) (messages []*partial, counts map[uint8]int) {
		counts = map[uint8]int{}
		var in inbox
		in.next, in.epoch = 1, 2
		for _, b := range datagrams {
			for len(b) > 0 {
				if b[0]&unifiedMask != unifiedFixed {
					b = b[plainHeaderSize+int(b[11])<<8+int(b[12]):]
					continue
				}
				h, n := parseUnified(b)
				if n < 0 {
					t.Fatalf("record cannot be parsed: %x", b)
				}
				p := handshake
				if h.first&3 == 3 {
					p = app
				}
				seq := p.number(&h, b)
				content, typ, ok := p.open13(nil, &h, seq)
				if !ok || p.window.seen(seq) {
					t.Fatalf("record %d of epoch %d cannot be opened", seq, p.epoch)
				}
				p.window.add(seq)
				counts[typ]++
				for typ == recordHandshake && p == handshake && len(content) > 0 {
					f, n := consumeFragment(content)
					if n < 0 || in.add(f, 2) != fragmentAccepted {
						t.Fatalf("fragment cannot be used: %x", content)
					}
					content = content[n:]
					for m, _, ok := in.take(); ok; m, _, ok = in.take() {
						messages = append(messages, m)
					}
				}
				b = b[n:]
			}
		}
		return messages, counts
	}
	server, serverTypes := open(c.server, keys["SERVER_HANDSHAKE_TRAFFIC_SECRET"], keys["SERVER_TRAFFIC_SECRET_0"])
	client, clientTypes := open(c.client, keys["CLIENT_HANDSHAKE_TRAFFIC_SECRET"], keys["CLIENT_TRAFFIC_SECRET_0"])
	if len(server) != 5 || len(client) != 3 {
		t.Fatalf("%d messages of the server, %d of the client, want 5 and 3", len(server), len(client))
	}
	if serverTypes[recordACK] == 0 || serverTypes[recordApplicationData] == 0 || clientTypes[recordApplicationData] == 0 {
		t.Errorf("records by type: server %v, client %v", serverTypes, clientTypes)
	}

	hello := messagesOf(t, c.client)
	var tr transcript
	tr.start(VersionDTLS13, suite.hash())
	tr.add(hello[0].typ, 0, hello[0].body)
	sh := messagesOf(t, c.server)
	tr.add(sh[0].typ, 0, sh[0].body)
	schedule := keySchedule{hash: suite.hash(), prefix: labelPrefix}
	check := func(side string, isClient bool, messages []*partial, secret []byte) {
		var chain [][]byte
		for _, m := range messages {
			switch m.typ {
			case typeEncryptedExtensions:
				// Firefox has offered ALPN to itself, and answers. We never offer it.
				profiles := []SRTPProfile{SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_HMAC_SHA1_80}
				if _, err := parseEncryptedExtensions(m.body, profiles); !errors.Is(err, errUnsolicited) {
					t.Errorf("%s: EncryptedExtensions: %v", side, err)
				}
			case typeCertificateRequest:
				if s, err := parseCertificateRequest13(m.body); err != nil || len(s) == 0 {
					t.Errorf("%s: CertificateRequest: %v, %v", side, s, err)
				}
			case typeCertificate:
				var err error
				if chain, err = parseCertificate(m.body, VersionDTLS13); err != nil {
					t.Fatalf("%s: Certificate: %v", side, err)
				}
			case typeCertificateVerify:
				key, err := (&Config{VerifyPeerCertificate: func([][]byte) error { return nil }}).authenticate(chain)
				if err != nil {
					t.Fatal(err)
				}
				scheme, sig, err := parseCertificateVerify(m.body)
				if err == nil {
					err = verify(key, VersionDTLS13, scheme, signedContent13(isClient, tr.sum()), sig)
				}
				if err != nil {
					t.Errorf("%s: CertificateVerify: %v", side, err)
				}
			case typeFinished:
				want, err := schedule.finished(secret, tr.sum())
				if err != nil || !bytes.Equal(m.body, want) {
					t.Errorf("%s: Finished %x, want %x, %v", side, m.body, want, err)
				}
			}
			tr.add(m.typ, 0, m.body)
		}
	}
	check("server", false, server, c.secrets["SERVER_HANDSHAKE_TRAFFIC_SECRET"])
	check("client", true, client, c.secrets["CLIENT_HANDSHAKE_TRAFFIC_SECRET"])
}
