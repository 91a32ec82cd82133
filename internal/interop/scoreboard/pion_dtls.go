package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	dtls2 "github.com/pion/dtls/v2"
	selfsign2 "github.com/pion/dtls/v2/pkg/crypto/selfsign"
	dtls3 "github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/elliptic"
	"github.com/pion/transport/v5/dpipe"

	"github.com/sansrtc/rtc/internal/interop/lossy"
)

// pionCertificate is shared by all of Pion's handshakes, as a server would.
func pionCertificate() tls.Certificate {
	cert, err := selfsign2.GenerateSelfSigned()
	if err != nil {
		panic(err)
	}
	return cert
}

// pionConn is what the two versions of Pion's DTLS have in common.
type pionConn interface {
	net.Conn
	HandshakeContext(context.Context) error
}

// pionPair makes two connections of pion/dtls v3 over the ends of a link, with mutual
// certificates and the timing that pion/webrtc uses by default.
func pionPair(cert tls.Certificate, curve elliptic.Curve, a, b net.Conn) (client, server pionConn, err error) {
	cfg := &dtls3.Config{
		Certificates:         []tls.Certificate{cert},
		InsecureSkipVerify:   true,
		ClientAuth:           dtls3.RequireAnyClientCert,
		ExtendedMasterSecret: dtls3.RequireExtendedMasterSecret,
		EllipticCurves:       []elliptic.Curve{curve},
		SRTPProtectionProfiles: []dtls3.SRTPProtectionProfile{
			dtls3.SRTP_AEAD_AES_128_GCM, dtls3.SRTP_AES128_CM_HMAC_SHA1_80,
		},
	}
	if client, err = dtls3.Client(packetConn{a}, a.RemoteAddr(), cfg); err != nil {
		return nil, nil, err
	}
	server, err = dtls3.Server(packetConn{b}, b.RemoteAddr(), cfg)
	return client, server, err
}

// packetConn lets one end of a link pass as a net.PacketConn.
type packetConn struct{ net.Conn }

func (c packetConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, err := c.Read(b)
	return n, c.RemoteAddr(), err
}

func (c packetConn) WriteTo(b []byte, _ net.Addr) (int, error) { return c.Write(b) }

// shakeHands runs both sides until both are done.
func shakeHands(client, server pionConn) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- server.HandshakeContext(ctx) }()
	return errors.Join(client.HandshakeContext(ctx), <-done)
}

// pionHandshakes returns the virtual time that handshakes of pion/dtls v3 take over
// lossy links, one for each seed.
func (b *board) pionHandshakes(seeds int, loss float64) (times []float64) {
	cert := pionCertificate()
	for seed := range seeds {
		b.bubble(func() {
			one, two := lossy.Pipe(lossy.Config{Delay: rtt / 2, Loss: loss, Seed: uint64(seed)})
			defer one.Close()
			defer two.Close()
			client, server, err := pionPair(cert, elliptic.X25519, one, two)
			b.must(err)
			start := time.Now()
			b.must(shakeHands(client, server))
			times = append(times, milliseconds(time.Since(start)))
			server.Close()
			client.Close()
		})
	}
	return times
}

// pionHandshake returns a function that does a handshake of pion/dtls v3 in memory.
func (b *board) pionHandshake(curve elliptic.Curve) func() {
	cert := pionCertificate()
	return func() {
		one, two := dpipe.Pipe()
		client, server, err := pionPair(cert, curve, one, two)
		b.must(err)
		b.must(shakeHands(client, server))
		client.Close()
		server.Close()
	}
}

// pion2Handshake is pionHandshake for pion/dtls v2, which shakes hands when it is made
// and always on X25519.
func (b *board) pion2Handshake() func() {
	cfg := &dtls2.Config{
		Certificates:         []tls.Certificate{pionCertificate()},
		InsecureSkipVerify:   true,
		ClientAuth:           dtls2.RequireAnyClientCert,
		ExtendedMasterSecret: dtls2.RequireExtendedMasterSecret,
	}
	return func() {
		one, two := dpipe.Pipe()
		made := make(chan *dtls2.Conn, 1)
		go func() {
			server, err := dtls2.Server(two, cfg)
			b.must(err)
			made <- server
		}()
		client, err := dtls2.Client(one, cfg)
		b.must(err)
		server := <-made
		client.Close()
		server.Close()
	}
}
