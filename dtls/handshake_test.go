package dtls

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"
)

func only(v Version) func(*Config) {
	return func(cfg *Config) { cfg.MinVersion, cfg.MaxVersion = v, v }
}

// selfSigned makes a certificate for a key.
func selfSigned(t testing.TB, key crypto.Signer) *Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: testEpoch, NotAfter: testEpoch.AddDate(1, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &Certificate{Chain: [][]byte{der}, Signer: key}
}

// hsm hides the kind of a key, as one that is not in memory does.
type hsm struct{ crypto.Signer }

func (h hsm) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if rand == nil {
		return nil, errors.New("hsm: no randomness given")
	}
	return h.Signer.Sign(rand, digest, opts)
}

// otherCertificates are certificates with keys of all kinds.
var otherCertificates = sync.OnceValue(func() map[string]crypto.Signer {
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	p256, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	r, _ := rsa.GenerateKey(rand.Reader, 2048)
	return map[string]crypto.Signer{"P-384": p384, "RSA": r, "HSM": hsm{p256}, "RSA-HSM": hsm{r}}
})

func TestHandshakeMatrix(t *testing.T) {
	v12 := []CipherSuite{
		TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	}
	for _, keyName := range []string{"P-256", "P-384", "RSA", "HSM", "RSA-HSM"} {
		cert := testCertificate(t, 7)
		if key := otherCertificates()[keyName]; key != nil {
			cert = selfSigned(t, key)
		}
		_, isECDSA := cert.Signer.Public().(*ecdsa.PublicKey)
		for _, v := range []Version{VersionDTLS13, VersionDTLS12} {
			suites := []CipherSuite{TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384}
			if v == VersionDTLS12 {
				suites = v12
			}
			for _, suite := range suites {
				if v == VersionDTLS12 && suite.rsa() == isECDSA {
					continue
				}
				for _, group := range defaultGroups {
					if v == VersionDTLS12 && !group.classic() {
						continue
					}
					for _, cookie := range []bool{false, true} {
						for _, clientHasIt := range []bool{false, true} {
							name := fmt.Sprintf("%v/%v/%v/%s/cookie=%v/client=%v", v, suite, group, keyName, cookie, clientHasIt)
							t.Run(name, func(t *testing.T) {
								o := pairOptions{config: Config{
									SRTPProfiles: []SRTPProfile{SRTP_AES128_CM_HMAC_SHA1_80},
									MinVersion:   v, MaxVersion: v, CipherSuites: []CipherSuite{suite},
									Groups: []Group{group}, Cookie: cookie, MTU: 400,
								}}
								own := func(cfg *Config) { cfg.Certificate = cert }
								if clientHasIt {
									if v == VersionDTLS12 && suite.rsa() {
										return // the server has an ECDSA key
									}
									o.client = own
								} else {
									o.server = own
								}
								test := newPair(t, o)
								test.connect()
								test.talk()
								wantAgreement(t, test, v, suite, group)
							})
						}
					}
				}
			}
		}
	}
}

// wantAgreement checks that both sides have negotiated this, and share secrets.
func wantAgreement(t *testing.T, test *pair, v Version, suite CipherSuite, group Group) {
	t.Helper()
	a, b := test.client.conn.State(), test.server.conn.State()
	if a.Version != v || a.CipherSuite != suite || a.Group != group {
		t.Errorf("negotiated %v, %v, %v, want %v, %v, %v", a.Version, a.CipherSuite, a.Group, v, suite, group)
	}
	if a.Version != b.Version || a.CipherSuite != b.CipherSuite || a.Group != b.Group || a.SRTPProfile != b.SRTPProfile {
		t.Errorf("client %+v, server %+v", a, b)
	}
	if !a.Client || b.Client || !a.HandshakeDone || !b.HandshakeDone {
		t.Errorf("client %+v, server %+v", a, b)
	}
	if !bytes.Equal(a.PeerCertificates[0], test.server.conn.cfg.Certificate.Chain[0]) {
		t.Errorf("the client has another certificate than the server's")
	}
	for _, context := range [][]byte{nil, {}, []byte("context")} {
		k1, err1 := test.client.conn.ExportKeyingMaterial("EXTRACTOR-dtls_srtp", context, 60)
		k2, err2 := test.server.conn.ExportKeyingMaterial("EXTRACTOR-dtls_srtp", context, 60)
		if err1 != nil || err2 != nil || !bytes.Equal(k1, k2) || len(k1) != 60 {
			t.Errorf("keying material differs: %x %v, %x %v", k1, err1, k2, err2)
		}
	}
}

func TestVersionNegotiation(t *testing.T) {
	both := func(*Config) {}
	for _, tt := range []struct {
		name           string
		client, server func(*Config)
		want           Version // 0: none
	}{
		{"both know both", both, both, VersionDTLS13},
		{"client 1.2", only(VersionDTLS12), both, VersionDTLS12},
		{"server 1.2", both, only(VersionDTLS12), VersionDTLS12},
		{"client 1.3", only(VersionDTLS13), both, VersionDTLS13},
		{"server 1.3", both, only(VersionDTLS13), VersionDTLS13},
		{"both 1.2", only(VersionDTLS12), only(VersionDTLS12), VersionDTLS12},
		{"client 1.3, server 1.2", only(VersionDTLS13), only(VersionDTLS12), 0},
		{"client 1.2, server 1.3", only(VersionDTLS12), only(VersionDTLS13), 0},
	} {
		for _, cookie := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/cookie=%v", tt.name, cookie), func(t *testing.T) {
				test := newPair(t, pairOptions{client: tt.client, server: tt.server, config: Config{Cookie: cookie}})
				if tt.want != 0 {
					test.connect()
					if got := test.client.conn.State().Version; got != tt.want {
						t.Errorf("negotiated %v, want %v", got, tt.want)
					}
					test.talk()
					return
				}
				test.run(time.Second)
				wantAlert(t, test.server, AlertProtocolVersion, false)
				wantAlert(t, test.client, AlertProtocolVersion, true)
			})
		}
	}
}

// wantAlert checks that p was closed by an alert.
func wantAlert(t *testing.T, p *peer, want Alert, fromPeer bool) {
	t.Helper()
	var alert *AlertError
	if !p.closed || !errors.As(p.err, &alert) || alert.Alert != want || alert.Peer != fromPeer {
		t.Errorf("%s: closed %v by %v, want alert %v, from the peer: %v", p.name, p.closed, p.err, want, fromPeer)
	}
}

// TestRetry: the client sends no share for the only group of the server.
func TestRetry(t *testing.T) {
	for _, group := range []Group{P256, P384, X25519MLKEM768} {
		test := newPair(t, pairOptions{
			client: func(cfg *Config) {
				if group == X25519MLKEM768 {
					cfg.Groups = []Group{X25519, X25519MLKEM768}
				}
			},
			server: func(cfg *Config) { cfg.Groups = []Group{group}; only(VersionDTLS13)(cfg) },
		})
		test.connect()
		test.talk()
		wantAgreement(t, test, VersionDTLS13, TLS_AES_128_GCM_SHA256, group)
		if d := test.client.done.Sub(testEpoch); d != 100*time.Millisecond {
			t.Errorf("%v: the client took %v, want two round trips", group, d)
		}
	}
}

// TestServerPrefersShare: a group with a share is better than a round trip.
func TestServerPrefersShare(t *testing.T) {
	test := newPair(t, pairOptions{
		client: func(cfg *Config) { cfg.Groups = []Group{X25519, P256} },
		server: func(cfg *Config) { cfg.Groups = []Group{P256, X25519} },
	})
	test.connect()
	wantAgreement(t, test, VersionDTLS13, TLS_AES_128_GCM_SHA256, X25519)
}

// TestRoundTrips: what a connection costs in virtual time.
func TestRoundTrips(t *testing.T) {
	for _, tt := range []struct {
		version        Version
		client, server time.Duration
	}{
		{VersionDTLS13, 50 * time.Millisecond, 75 * time.Millisecond},
		{VersionDTLS12, 100 * time.Millisecond, 75 * time.Millisecond},
	} {
		test := newPair(t, pairOptions{client: only(tt.version), config: Config{RTT: 50 * time.Millisecond}})
		test.connect()
		if c, s := test.client.done.Sub(testEpoch), test.server.done.Sub(testEpoch); c != tt.client || s != tt.server {
			t.Errorf("%v: client after %v, server after %v, want %v and %v", tt.version, c, s, tt.client, tt.server)
		}
		for _, p := range test.peers() {
			if n := p.conn.Stats().Retransmissions; n != 0 {
				t.Errorf("%v: %s sent %d records again", tt.version, p.name, n)
			}
		}
	}
}

func TestSRTPProfile(t *testing.T) {
	const (
		sha80 = SRTP_AES128_CM_HMAC_SHA1_80
		sha32 = SRTP_AES128_CM_HMAC_SHA1_32
		gcm   = SRTP_AEAD_AES_128_GCM
		gcm2  = SRTP_AEAD_AES_256_GCM
	)
	ours := []SRTPProfile{gcm, gcm2, sha80, sha32}
	for _, tt := range []struct {
		client, server []SRTPProfile
		want           SRTPProfile
	}{
		{[]SRTPProfile{sha80, gcm2, gcm}, ours, gcm}, // Chromium's
		{[]SRTPProfile{sha80}, ours, sha80},
		{[]SRTPProfile{sha32}, ours, sha32},
		{[]SRTPProfile{sha32, sha80}, ours, sha80},
		{[]SRTPProfile{gcm}, []SRTPProfile{sha80}, 0},
		{nil, ours, 0},
		{ours, nil, 0},
	} {
		for _, v := range []Version{VersionDTLS13, VersionDTLS12} {
			test := newPair(t, pairOptions{
				client: func(cfg *Config) { cfg.SRTPProfiles = tt.client },
				server: func(cfg *Config) { cfg.SRTPProfiles = tt.server; only(v)(cfg) },
			})
			test.connect()
			for _, p := range test.peers() {
				if got := p.conn.State().SRTPProfile; got != tt.want {
					t.Errorf("%v: client %v, server %v: %s has %v, want %v", v, tt.client, tt.server, p.name, got, tt.want)
				}
			}
		}
	}
}

// TestDowngrade: somebody removes DTLS 1.3 from the ClientHello.
func TestDowngrade(t *testing.T) {
	test := newPair(t, pairOptions{config: Config{Groups: []Group{X25519}}})
	test.filter = func(from *peer, n int, b []byte) [][]byte {
		if from == test.client && n == 0 {
			b = rewriteHello(t, b, func(m *clientHello) { m.versions, m.hasShares = nil, false })
		}
		return [][]byte{b}
	}
	test.run(time.Second)
	wantAlert(t, test.client, AlertIllegalParameter, false)
	if !errors.Is(test.client.err, errDowngrade) {
		t.Errorf("closed by %v", test.client.err)
	}
	wantAlert(t, test.server, AlertIllegalParameter, true)
}

// rewriteHello changes a ClientHello that is in one datagram.
func rewriteHello(t *testing.T, b []byte, change func(*clientHello)) []byte {
	t.Helper()
	f, n := consumeFragment(b[plainHeaderSize:])
	if n < 0 || f.total != len(f.data) {
		t.Fatalf("not a ClientHello in one piece: %x", b)
	}
	m, err := parseClientHello(f.data)
	if err != nil {
		t.Fatal(err)
	}
	change(m)
	body := m.append(nil, []uint8{0, 1, 2, 3, 4, 5, 6, 7, 8})
	content := appendFragment(nil, f.typ, f.seq, body, 0, len(body))
	return append(appendPlainHeader(nil, recordHandshake, VersionDTLS12, 0, 0, len(content)), content...)
}

func TestFingerprintMismatch(t *testing.T) {
	wrong := testCertificate(t, 99).Fingerprint("sha-256")
	errHook := errors.New("not in my book")
	for _, v := range []Version{VersionDTLS13, VersionDTLS12} {
		for _, tt := range []struct {
			name string
			set  func(*Config)
			want error
		}{
			{"fingerprint", func(cfg *Config) { cfg.Fingerprints = []Fingerprint{wrong} }, ErrFingerprint},
			{"hook", func(cfg *Config) { cfg.VerifyPeerCertificate = func([][]byte) error { return errHook } }, errHook},
			{"fingerprint before hook", func(cfg *Config) {
				cfg.Fingerprints = []Fingerprint{wrong}
				cfg.VerifyPeerCertificate = func([][]byte) error { return nil }
			}, ErrFingerprint},
		} {
			t.Run(fmt.Sprintf("%v/%s", v, tt.name), func(t *testing.T) {
				test := newPair(t, pairOptions{client: func(cfg *Config) { only(v)(cfg); tt.set(cfg) }})
				test.run(time.Second)
				wantAlert(t, test.client, AlertBadCertificate, false)
				wantAlert(t, test.server, AlertBadCertificate, true)
				if !errors.Is(test.client.err, tt.want) || !test.client.done.IsZero() || !test.server.done.IsZero() {
					t.Errorf("client closed by %v, done %v, %v", test.client.err, test.client.done, test.server.done)
				}
				if _, err := test.client.conn.ExportKeyingMaterial("x", nil, 1); err == nil {
					t.Errorf("keys are exported")
				}

				test = newPair(t, pairOptions{client: only(v), server: tt.set})
				test.run(40 * time.Second)
				wantAlert(t, test.server, AlertBadCertificate, false)
				if !errors.Is(test.server.err, tt.want) || !test.server.done.IsZero() {
					t.Errorf("server closed by %v, done %v", test.server.err, test.server.done)
				}
				if len(test.server.data) > 0 || !test.client.closed {
					t.Errorf("client closed: %v", test.client.closed)
				}
			})
		}
	}
}

func TestSeveralFingerprints(t *testing.T) {
	test := newPair(t, pairOptions{client: func(cfg *Config) {
		server := testCertificate(t, 1001)
		cfg.Fingerprints = []Fingerprint{
			{Algorithm: "sha-1", Value: make([]byte, 20)},
			testCertificate(t, 99).Fingerprint("sha-256"),
			server.Fingerprint("SHA-512"),
		}
	}})
	test.connect()
}

// TestEarlyData: the client may send data along with its Finished, in any order.
func TestEarlyData(t *testing.T) {
	for _, swap := range []bool{false, true} {
		test := newPair(t, pairOptions{client: only(VersionDTLS13)})
		test.filter = func(from *peer, n int, b []byte) [][]byte {
			if from == test.client && b[0]&3 == 2 && b[0]&unifiedMask == unifiedFixed && swap {
				test.sendLater(test.server, b, time.Millisecond)
				return nil
			}
			return [][]byte{b}
		}
		for test.client.done.IsZero() {
			test.step()
		}
		for i := range 5 {
			test.write(test.client, fmt.Appendf(nil, "early %d", i))
		}
		test.run(40 * time.Millisecond)
		if len(test.server.data) != 5 {
			t.Errorf("swapped %v: %d records of early data, want 5\n%s", swap, len(test.server.data), test.trace.String())
		}
	}
	// DTLS 1.2: it is the server that is done first.
	test := newPair(t, pairOptions{client: only(VersionDTLS12)})
	test.filter = func(from *peer, n int, b []byte) [][]byte {
		if from == test.server && b[0] == recordChangeCipherSpec {
			test.sendLater(test.client, b, time.Millisecond)
			return nil
		}
		return [][]byte{b}
	}
	for test.server.done.IsZero() {
		test.step()
	}
	test.write(test.server, []byte("early"))
	test.run(40 * time.Millisecond)
	test.wantData("after the Finished", test.client, "early")
}

func TestKeyLog(t *testing.T) {
	for v, labels := range map[Version][]string{
		VersionDTLS12: {"CLIENT_RANDOM"},
		VersionDTLS13: {
			"CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET",
			"CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0", "EXPORTER_SECRET",
		},
	} {
		var logs [2]strings.Builder
		test := newPair(t, pairOptions{
			client: func(cfg *Config) { only(v)(cfg); cfg.KeyLogWriter = &logs[0] },
			server: func(cfg *Config) { cfg.KeyLogWriter = &logs[1] },
		})
		test.connect()
		if logs[0].String() != logs[1].String() {
			t.Errorf("%v: the logs differ:\n%s\n%s", v, logs[0].String(), logs[1].String())
		}
		var got []string
		for line := range strings.Lines(logs[0].String()) {
			fields := strings.Fields(line)
			if len(fields) != 3 || len(fields[1]) != 64 {
				t.Errorf("%v: line %q", v, line)
			}
			got = append(got, fields[0])
		}
		if fmt.Sprint(got) != fmt.Sprint(labels) {
			t.Errorf("%v: labels %v, want %v", v, got, labels)
		}
	}
}

// TestDeterminism: the same inputs give the same datagrams.
func TestDeterminism(t *testing.T) {
	for _, v := range []Version{VersionDTLS13, VersionDTLS12} {
		run := func() [][]byte {
			test := newPair(t, pairOptions{client: only(v), config: Config{Groups: []Group{X25519}, MTU: 300}})
			test.connect()
			test.talk()
			return append(test.client.datagrams, test.server.datagrams...)
		}
		a, b := run(), run()
		if len(a) != len(b) {
			t.Fatalf("%v: %d and %d datagrams", v, len(a), len(b))
		}
		for i := range a {
			if !bytes.Equal(a[i], b[i]) {
				t.Errorf("%v: datagram %d differs", v, i)
			}
		}
	}
}

// TestExtensionOrder: it differs between connections.
func TestExtensionOrder(t *testing.T) {
	orders := map[string]bool{}
	for seed := range 20 {
		test := newPair(t, pairOptions{seed: uint64(seed)})
		orders[fmt.Sprint(test.client.conn.hs.order)] = true
	}
	if len(orders) < 15 {
		t.Errorf("%d orders of extensions in 20 connections", len(orders))
	}
}
