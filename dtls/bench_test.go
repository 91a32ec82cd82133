package dtls

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/mlkem"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"slices"
	"testing"
	"time"
)

// connectedPair returns two connected Conns without a network.
func connectedPair(t testing.TB, v Version) (client, server *Conn) {
	t.Helper()
	test := newPair(t, pairOptions{client: only(v)})
	test.connect()
	test.run(time.Second)
	return test.client.conn, test.server.conn
}

// BenchmarkRecord seals and opens records of 1,200 bytes, beside the AES-GCM that
// is in it. The ratio is of medians of interleaved rounds.
func BenchmarkRecord(b *testing.B) {
	const batch = 500
	plaintext := make([]byte, 1200)
	block, _ := aes.NewCipher(make([]byte, 16))
	gcm, _ := cipher.NewGCM(block)
	nonce, aad := make([]byte, 12), make([]byte, 13)
	for _, v := range []Version{VersionDTLS13, VersionDTLS12} {
		client, server := connectedPair(b, v)
		var buf, sealed, opened []byte
		now := testEpoch.Add(time.Minute)
		b.Run(v.String(), func(b *testing.B) {
			b.ReportAllocs()
			ours, floor := make([]time.Duration, 0, 1<<16), make([]time.Duration, 0, 1<<16)
			for b.Loop() {
				start := time.Now()
				for range batch {
					buf, _ = client.AppendData(now, buf[:0], plaintext)
					server.HandlePacket(now, buf)
					if e, ok := server.NextEvent(); !ok || e.Kind != EventData {
						b.Fatalf("event %v", e)
					}
				}
				middle := time.Now()
				for range batch {
					sealed = gcm.Seal(sealed[:0], nonce, plaintext, aad)
					opened, _ = gcm.Open(opened[:0], nonce, sealed, aad)
				}
				ours, floor = append(ours, middle.Sub(start)), append(floor, time.Since(middle))
			}
			slices.Sort(ours)
			slices.Sort(floor)
			n := len(ours) / 2
			b.ReportMetric(float64(ours[n].Nanoseconds())/batch, "ns/record")
			b.ReportMetric(float64(ours[n])/float64(floor[n]), "×floor")
		})
	}
}

// handshakeOnce runs both sides without a network and without time.
func handshakeOnce(t testing.TB, configs *[2]Config) (client, server *Conn) {
	var conns [2]*Conn
	for i := range conns {
		c, err := NewConn(testEpoch, configs[i])
		if err != nil {
			t.Fatal(err)
		}
		conns[i] = c
	}
	var room [1500]byte
	for range 10 {
		for i, c := range conns {
			for {
				b, ok := c.AppendPacket(testEpoch, room[:0])
				if !ok {
					break
				}
				conns[1-i].HandlePacket(testEpoch, b)
			}
		}
		if conns[0].state == connected && conns[1].state == connected && conns[0].flight.empty() {
			return conns[0], conns[1]
		}
	}
	t.Fatalf("no connection")
	return nil, nil
}

// handshakeFloor does the operations that a handshake cannot do without.
func handshakeFloor(t testing.TB, group Group, certs [2]*Certificate) {
	digest := sha256.Sum256(nil)
	curve, _ := group.curve()
	var keys [2]*ecdh.PrivateKey
	for i := range keys {
		keys[i], _ = curve.GenerateKey(rand.Reader)
	}
	if group == X25519MLKEM768 {
		dk, _ := mlkem.GenerateKey768()
		ek, _ := mlkem.NewEncapsulationKey768(dk.EncapsulationKey().Bytes())
		_, ciphertext := ek.Encapsulate()
		if _, err := dk.Decapsulate(ciphertext); err != nil {
			t.Fatal(err)
		}
	}
	for i := range keys {
		peer, _ := curve.NewPublicKey(keys[1-i].PublicKey().Bytes())
		if _, err := keys[i].ECDH(peer); err != nil {
			t.Fatal(err)
		}
		sig, err := certs[i].Signer.Sign(rand.Reader, digest[:], nil)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(certs[i].Chain[0])
		if err != nil || !ecdsa.VerifyASN1(cert.PublicKey.(*ecdsa.PublicKey), digest[:], sig) {
			t.Fatal(err)
		}
	}
}

func benchConfigs(t testing.TB, v Version, group Group) *[2]Config {
	certs := [2]*Certificate{testCertificate(t, 1), testCertificate(t, 2)}
	var configs [2]Config
	for i := range configs {
		configs[i] = Config{
			Client: i == 0, Rand: rand.Reader, Certificate: certs[i],
			Fingerprints: []Fingerprint{certs[1-i].Fingerprint("sha-256")},
			Groups:       []Group{group}, MinVersion: v, MaxVersion: v,
		}
	}
	return &configs
}

// BenchmarkHandshake: client and server together, beside the floor of the
// operations negotiated. The ratio is of medians of interleaved rounds.
func BenchmarkHandshake(b *testing.B) {
	for _, tt := range []struct {
		version Version
		group   Group
	}{
		{VersionDTLS13, X25519MLKEM768}, {VersionDTLS13, X25519}, {VersionDTLS13, P256}, {VersionDTLS12, P256}, {VersionDTLS12, X25519},
	} {
		configs := benchConfigs(b, tt.version, tt.group)
		certs := [2]*Certificate{configs[0].Certificate, configs[1].Certificate}
		b.Run(tt.version.String()+"/"+tt.group.String(), func(b *testing.B) {
			b.ReportAllocs()
			var ours, floor []time.Duration
			for b.Loop() {
				start := time.Now()
				handshakeOnce(b, configs)
				middle := time.Now()
				handshakeFloor(b, tt.group, certs)
				ours, floor = append(ours, middle.Sub(start)), append(floor, time.Since(middle))
			}
			slices.Sort(ours)
			slices.Sort(floor)
			n := len(ours) / 2
			b.ReportMetric(float64(ours[n].Nanoseconds()), "ns/handshake")
			b.ReportMetric(float64(ours[n])/float64(floor[n]), "×floor")
		})
	}
}
