package interop

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/dtls"
)

// dtlsPeer drives a dtls.Conn over a net.Conn: a socket in real time, or a lossy link
// in a bubble. One goroutine owns the Conn.
type dtlsPeer struct {
	t      *testing.T
	link   net.Conn
	do     chan func(*dtls.Conn)
	events chan dtls.Event
	quit   chan struct{}
	ended  chan struct{}

	patience time.Duration // how long an event may take
}

// startDTLS runs a connection until stop is called.
func startDTLS(t *testing.T, link net.Conn, cfg dtls.Config) *dtlsPeer {
	t.Helper()
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	conn, err := dtls.NewConn(time.Now(), cfg)
	require.NoError(t, err)
	p := &dtlsPeer{
		t: t, link: link,
		do: make(chan func(*dtls.Conn)), events: make(chan dtls.Event, 1000),
		quit: make(chan struct{}), ended: make(chan struct{}), patience: patience,
	}
	go p.run(conn, readPackets(link, p.quit))
	return p
}

// readPackets reads a link into a channel, which it closes when the link is closed.
func readPackets(link net.Conn, quit <-chan struct{}) <-chan []byte {
	packets := make(chan []byte)
	go func() {
		defer close(packets)
		for buf := make([]byte, 1<<16); ; {
			n, err := link.Read(buf)
			if err != nil {
				return
			}
			select {
			case packets <- bytes.Clone(buf[:n]):
			case <-quit:
				return
			}
		}
	}()
	return packets
}

func (p *dtlsPeer) run(conn *dtls.Conn, packets <-chan []byte) {
	defer close(p.ended)
	timer := time.NewTimer(0)
	defer timer.Stop()
	var buf []byte
	for {
		for ev, ok := conn.NextEvent(); ok; ev, ok = conn.NextEvent() {
			ev.Data = bytes.Clone(ev.Data)
			p.events <- ev
		}
		for {
			b, ok := conn.AppendPacket(time.Now(), buf[:0])
			buf = b[:0]
			if !ok {
				break
			}
			p.link.Write(b)
		}
		timer.Stop()
		if at := conn.Deadline(); !at.IsZero() {
			timer.Reset(time.Until(at))
		}
		select {
		case b, ok := <-packets:
			if ok {
				conn.HandlePacket(time.Now(), b)
			} else {
				packets = nil
			}
		case f := <-p.do:
			f(conn)
		case <-timer.C:
			conn.HandleTimeout(time.Now())
		case <-p.quit:
			return
		}
	}
}

// stop ends the goroutines. The link is closed.
func (p *dtlsPeer) stop() {
	close(p.quit)
	p.link.Close()
	<-p.ended
}

// call runs f on the connection, in the goroutine that owns it.
func (p *dtlsPeer) call(f func(*dtls.Conn)) {
	done := make(chan struct{})
	p.do <- func(c *dtls.Conn) { f(c); close(done) }
	<-done
}

// wait returns the next event, which must be of a kind.
func (p *dtlsPeer) wait(kind dtls.EventKind) dtls.Event {
	p.t.Helper()
	select {
	case ev := <-p.events:
		if ev.Kind != kind {
			p.t.Fatalf("got event %v (%q, error %v), want %v", ev.Kind, ev.Data, ev.Err, kind)
		}
		return ev
	case <-time.After(p.patience):
		p.t.Fatalf("no event %v", kind)
		panic("unreachable")
	}
}

// send seals data and sends it.
func (p *dtlsPeer) send(data []byte) {
	p.t.Helper()
	p.call(func(c *dtls.Conn) {
		b, err := c.AppendData(time.Now(), nil, data)
		if err != nil {
			p.t.Errorf("AppendData: %v", err)
			return
		}
		p.link.Write(b)
	})
}

func (p *dtlsPeer) close() {
	p.call(func(c *dtls.Conn) { c.Close(time.Now()) })
}

// export returns the keying material for SRTP.
func (p *dtlsPeer) export(n int) (material []byte) {
	p.t.Helper()
	p.call(func(c *dtls.Conn) {
		var err error
		if material, err = c.ExportKeyingMaterial(srtpLabel, nil, n); err != nil {
			p.t.Errorf("ExportKeyingMaterial: %v", err)
		}
	})
	return material
}

func (p *dtlsPeer) state() (s dtls.ConnectionState) {
	p.call(func(c *dtls.Conn) { s = c.State() })
	return s
}

// srtpLabel is the exporter's label of RFC 5764 section 4.2.
const srtpLabel = "EXTRACTOR-dtls_srtp"

// udpLink is a UDP socket on loopback with one peer: the one given, or the first that
// sends.
type udpLink struct {
	*net.UDPConn
	peer netip.AddrPort
}

func newUDPLink(t *testing.T, peer netip.AddrPort) *udpLink {
	t.Helper()
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	require.NoError(t, err)
	return &udpLink{UDPConn: conn, peer: peer}
}

func (l *udpLink) port() uint16 { return l.LocalAddr().(*net.UDPAddr).AddrPort().Port() }

// Read learns the peer. The owner writes only after a read when it does not know one,
// so that the channel between reader and owner orders the two.
func (l *udpLink) Read(b []byte) (int, error) {
	for {
		n, from, err := l.ReadFromUDPAddrPort(b)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return 0, err
			}
			continue // ECONNREFUSED and its like: the peer is not there yet
		}
		if !l.peer.IsValid() {
			l.peer = from
		}
		return n, nil
	}
}

func (l *udpLink) Write(b []byte) (int, error) { return l.WriteToUDPAddrPort(b, l.peer) }

// freePort returns a UDP port of loopback that nobody uses.
func freePort(t *testing.T) uint16 {
	t.Helper()
	l := newUDPLink(t, netip.AddrPort{})
	defer l.Close()
	return l.port()
}

// identity is a certificate for a peer that reads files.
type identity struct {
	certFile, keyFile string
	der               []byte
	key               crypto.Signer
}

// newIdentity makes a self-signed certificate: "ecdsa" on P-256 or "rsa" of 2,048 bits.
func newIdentity(t *testing.T, algorithm string) identity {
	t.Helper()
	var key crypto.Signer
	var err error
	if algorithm == "rsa" {
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	} else {
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "peer"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)

	dir := t.TempDir()
	id := identity{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), der, key}
	write := func(path, kind string, b []byte) {
		require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600))
	}
	write(id.certFile, "CERTIFICATE", der)
	write(id.keyFile, "PRIVATE KEY", pkcs8)
	return id
}

func (id identity) fingerprint() dtls.Fingerprint { return fingerprintOf(id.der) }

func fingerprintOf(der []byte) dtls.Fingerprint {
	sum := sha256.Sum256(der)
	return dtls.Fingerprint{Algorithm: "sha-256", Value: sum[:]}
}

// newCertificate makes a certificate of ours.
func newCertificate(t *testing.T) *dtls.Certificate {
	t.Helper()
	cert, err := dtls.NewCertificate(rand.Reader, time.Now())
	require.NoError(t, err)
	return cert
}
