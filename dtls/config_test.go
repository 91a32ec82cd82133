package dtls

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
	"time"
)

func TestConfigErrors(t *testing.T) {
	cert := testCertificate(t, 1)
	for _, tt := range []struct {
		name   string
		change func(*Config)
		want   error
	}{
		{"no rand", func(cfg *Config) { cfg.Rand = nil }, ErrNoRand},
		{"no certificate", func(cfg *Config) { cfg.Certificate = nil }, ErrNoCertificate},
		{"no chain", func(cfg *Config) { cfg.Certificate = &Certificate{Signer: cert.Signer} }, ErrNoCertificate},
		{"no signer", func(cfg *Config) { cfg.Certificate = &Certificate{Chain: cert.Chain} }, ErrNoCertificate},
		{"foreign signer", func(cfg *Config) {
			cfg.Certificate = &Certificate{Chain: cert.Chain, Signer: testCertificate(t, 2).Signer}
		}, ErrCertificateSigner},
		{"broken certificate", func(cfg *Config) {
			cfg.Certificate = &Certificate{Chain: [][]byte{{1, 2, 3}}, Signer: cert.Signer}
		}, ErrCertificateSigner},
		{"large chain", func(cfg *Config) {
			cfg.Certificate = &Certificate{Chain: [][]byte{cert.Chain[0], make([]byte, 20000)}, Signer: cert.Signer}
		}, ErrCertificateTooLarge},
		{"no identity", func(cfg *Config) { cfg.Fingerprints = nil }, ErrNoPeerIdentity},
		{"unknown version", func(cfg *Config) { cfg.MaxVersion = 0xfeff }, ErrConfig},
		{"bounds reversed", func(cfg *Config) { cfg.MinVersion, cfg.MaxVersion = VersionDTLS13, VersionDTLS12 }, ErrConfig},
		{"unknown group", func(cfg *Config) { cfg.Groups = []Group{25} }, ErrConfig},
		{"group twice", func(cfg *Config) { cfg.Groups = []Group{P256, P256} }, ErrConfig},
		{"unknown suite", func(cfg *Config) { cfg.CipherSuites = []CipherSuite{0x1303} }, ErrConfig},
		{"suite twice", func(cfg *Config) { cfg.CipherSuites = []CipherSuite{0x1301, 0x1301} }, ErrConfig},
		{"no suite for 1.2", func(cfg *Config) { cfg.CipherSuites = []CipherSuite{0x1301} }, ErrConfig},
		{"no suite for 1.3", func(cfg *Config) { cfg.CipherSuites = []CipherSuite{0xc02b} }, ErrConfig},
		{"no group for 1.2", func(cfg *Config) { cfg.Groups = []Group{X25519MLKEM768} }, ErrConfig},
		{"unknown profile", func(cfg *Config) { cfg.SRTPProfiles = []SRTPProfile{5} }, ErrConfig},
		{"profile twice", func(cfg *Config) { cfg.SRTPProfiles = []SRTPProfile{1, 1} }, ErrConfig},
		{"small MTU", func(cfg *Config) { cfg.MTU = 100 }, ErrConfig},
		{"large MTU", func(cfg *Config) { cfg.MTU = 70000 }, ErrConfig},
		{"negative timeout", func(cfg *Config) { cfg.HandshakeTimeout = -1 }, ErrConfig},
		{"negative RTT", func(cfg *Config) { cfg.RTT = -1 }, ErrConfig},
	} {
		for _, client := range []bool{false, true} {
			cfg := Config{Client: client, Rand: seeded(1), Certificate: cert, Fingerprints: []Fingerprint{cert.Fingerprint("sha-256")}}
			tt.change(&cfg)
			if c, err := NewConn(testEpoch, cfg); !errors.Is(err, tt.want) || c != nil {
				t.Errorf("%s: error %v, want %v", tt.name, err, tt.want)
			}
		}
	}
}

// TestRandFails: the source of randomness fails sooner or later.
func TestRandFails(t *testing.T) {
	for _, v := range []Version{VersionDTLS13, VersionDTLS12} {
		for n := range 12 {
			limit := int64(n * 16)
			broken := io.MultiReader(io.LimitReader(seeded(1), limit), iotest.ErrReader(io.ErrUnexpectedEOF))
			cfg := Config{
				Client: true, Rand: broken, Certificate: testCertificate(t, 1), MaxVersion: v, MinVersion: v,
				Fingerprints: []Fingerprint{testCertificate(t, 2).Fingerprint("sha-256")},
			}
			if c, err := NewConn(testEpoch, cfg); err == nil && c == nil || err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("client with %d bytes: %v", limit, err)
			}
			test := newPair(t, pairOptions{
				client: func(cfg *Config) { only(v)(cfg); cfg.Groups = []Group{X25519} },
				server: func(cfg *Config) {
					cfg.Rand = io.MultiReader(io.LimitReader(seeded(1), limit), iotest.ErrReader(io.ErrUnexpectedEOF))
				},
			})
			test.run(5 * time.Second)
			if test.server.done.IsZero() {
				wantAlert(t, test.server, AlertInternalError, false)
				wantAlert(t, test.client, AlertInternalError, true)
			}
		}
	}
	if _, err := NewCertificate(bytes.NewReader(make([]byte, 1000)), testEpoch); !errors.Is(err, errBadRand) {
		t.Errorf("a certificate of zeros: %v", err)
	}
	if _, err := NewCertificate(nil, testEpoch); !errors.Is(err, ErrNoRand) {
		t.Errorf("a certificate of nothing: %v", err)
	}
}

func TestNewCertificate(t *testing.T) {
	a, b, c := testCertificate(t, 1), testCertificate(t, 1), testCertificate(t, 2)
	if !bytes.Equal(a.Chain[0], b.Chain[0]) || bytes.Equal(a.Chain[0], c.Chain[0]) {
		t.Errorf("certificates do not follow their randomness")
	}
	if later, _ := NewCertificate(seeded(1), testEpoch.Add(time.Hour)); bytes.Equal(a.Chain[0], later.Chain[0]) {
		t.Errorf("certificates do not follow time")
	}
}

func TestExportErrors(t *testing.T) {
	test := newPair(t, pairOptions{})
	if _, err := test.client.conn.ExportKeyingMaterial("label", nil, 10); err != ErrNotConnected {
		t.Errorf("before the handshake: %v", err)
	}
	if _, err := test.client.conn.AppendData(testEpoch, nil, nil); err != ErrNotConnected {
		t.Errorf("before the handshake: %v", err)
	}
	test.connect()
	for _, tt := range []struct {
		label   string
		context []byte
		n       int
	}{
		{"label", nil, -1}, {"label", nil, maxExport + 1}, {"label", make([]byte, 70000), 10},
		{"master secret", nil, 10}, {string(make([]byte, 300)), nil, 10},
	} {
		if _, err := test.client.conn.ExportKeyingMaterial(tt.label, tt.context, tt.n); err != ErrExporter {
			t.Errorf("%q, %d, %d: %v", tt.label, len(tt.context), tt.n, err)
		}
	}
	if _, err := test.client.conn.AppendData(test.now, nil, make([]byte, maxPlaintext+1)); err != ErrRecordTooLarge {
		t.Errorf("a large record: %v", err)
	}
	b, err := test.client.conn.AppendData(test.now, nil, make([]byte, maxPlaintext))
	if err != nil || len(b) != maxPlaintext+test.client.conn.Overhead() {
		t.Errorf("the largest record: %d bytes, %v", len(b), err)
	}
	test.receive(test.server, b)
	test.drain(test.server)
	if len(test.server.data) != 1 || len(test.server.data[0]) != maxPlaintext {
		t.Errorf("the largest record did not arrive")
	}
}
