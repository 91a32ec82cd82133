package interop

import (
	"bytes"
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	dtls2 "github.com/pion/dtls/v2"
	"github.com/pion/dtls/v2/pkg/crypto/fingerprint"
	"github.com/pion/dtls/v2/pkg/crypto/selfsign"
	"github.com/pion/rtcp"
	pionrtp "github.com/pion/rtp"
	pionsctp "github.com/pion/sctp"
	pionsrtp2 "github.com/pion/srtp/v2"
	"github.com/pion/stun/v4"
	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/internal/interop/lossy"
)

// smallClient is a WebRTC peer put together from pion/dtls/v2, pion/srtp/v2, pion/sctp and
// pion/sdp, with an ICE agent that only answers checks. It has one audio, one video and one data section.
type smallClient struct {
	t      *testing.T
	socket net.PacketConn
	cfg    smallConfig
	cert   tls.Certificate
	print  string // of cert

	ufrag, pwd  string
	remotePrint string
	answers     bool // and does not offer
	media       []smallMedia
	dataMID     string

	inside, outside *lossy.Conn // what DTLS writes inside comes out outside, and the other way about
	dtls            *dtls2.Conn
	sctp            *pionsctp.Association

	mu            sync.Mutex
	remote        net.Addr // from where the last check came
	checked       chan struct{}
	send, receive *pionsrtp2.Context

	rtp     chan *pionrtp.Packet
	rtcp    chan rtcp.Packet
	invalid chan error // what could not be opened or read
}

type smallConfig struct {
	client  bool // of DTLS
	profile dtls2.SRTPProtectionProfile
}

func newSmallClient(t *testing.T, socket net.PacketConn, cfg smallConfig) *smallClient {
	t.Helper()
	c := &smallClient{
		t: t, socket: socket, cfg: cfg, ufrag: "small", pwd: "asmallclientspassword+", dataMID: "data",
		checked: make(chan struct{}),
		rtp:     make(chan *pionrtp.Packet, 10_000), rtcp: make(chan rtcp.Packet, 10_000), invalid: make(chan error, 10_000),
		media: []smallMedia{
			{kind: "audio", mid: "sound", codec: "opus/48000/2", payloadType: 111, ssrc: 1111},
			{kind: "video", mid: "picture", codec: "VP8/90000", payloadType: 96, ssrc: 2222},
		},
	}
	var err error
	c.cert, err = selfsign.GenerateSelfSigned()
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(c.cert.Certificate[0])
	require.NoError(t, err)
	c.print, err = fingerprint.Fingerprint(leaf, crypto.SHA256)
	require.NoError(t, err)
	go c.read()
	return c
}

// connect waits for a check and shakes hands.
func (c *smallClient) connect(ctx context.Context) error {
	select {
	case <-c.checked:
	case <-ctx.Done():
		return ctx.Err()
	}
	start := dtls2.ServerWithContext
	if c.cfg.client {
		start = dtls2.ClientWithContext
	}
	c.mu.Lock()
	c.inside, c.outside = lossy.Pipe(lossy.Config{})
	c.mu.Unlock()
	go c.sendRecords(c.outside)
	var err error
	c.dtls, err = start(ctx, c.inside, &dtls2.Config{
		Certificates: []tls.Certificate{c.cert}, ClientAuth: dtls2.RequireAnyClientCert, InsecureSkipVerify: true,
		ExtendedMasterSecret:   dtls2.RequireExtendedMasterSecret,
		SRTPProtectionProfiles: []dtls2.SRTPProtectionProfile{c.cfg.profile},
		VerifyPeerCertificate: func(chain [][]byte, _ [][]*x509.Certificate) error {
			leaf, err := x509.ParseCertificate(chain[0])
			if err != nil {
				return err
			}
			print, err := fingerprint.Fingerprint(leaf, crypto.SHA256)
			if !strings.EqualFold(print, c.remotePrint) {
				return fmt.Errorf("fingerprint %s was not signalled: %s, %w", print, c.remotePrint, err)
			}
			return nil
		},
	})
	if err != nil {
		return err
	}
	if err := c.startMedia(); err != nil {
		return err
	}
	association := pionsctp.Server
	if c.cfg.client {
		association = pionsctp.Client
	}
	c.sctp, err = association(pionsctp.Config{NetConn: c.dtls, LoggerFactory: quietLogs})
	return err
}

// startMedia makes the keys of media.
func (c *smallClient) startMedia() error {
	profile, ok := c.dtls.SelectedSRTPProtectionProfile()
	if !ok {
		return errors.New("no profile of SRTP was agreed on")
	}
	cfg := &pionsrtp2.Config{Profile: pionsrtp2.ProtectionProfile(profile)}
	state := c.dtls.ConnectionState()
	if err := cfg.ExtractSessionKeysFromDTLS(&state, c.cfg.client); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var err error
	if c.send, err = pionsrtp2.CreateContext(cfg.Keys.LocalMasterKey, cfg.Keys.LocalMasterSalt, cfg.Profile); err != nil {
		return err
	}
	c.receive, err = pionsrtp2.CreateContext(cfg.Keys.RemoteMasterKey, cfg.Keys.RemoteMasterSalt, cfg.Profile)
	return err
}

// sendRecords carries the records of DTLS to the other side.
func (c *smallClient) sendRecords(from io.Reader) {
	for b := make([]byte, 2048); ; {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		c.write(b[:n])
	}
}

func (c *smallClient) write(b []byte) {
	c.mu.Lock()
	remote := c.remote
	c.mu.Unlock()
	c.socket.WriteTo(b, remote) // a failed write is a lost datagram
}

// read takes what comes apart by its first byte (RFC 7983).
func (c *smallClient) read() {
	for b := make([]byte, 2048); ; {
		n, from, err := c.socket.ReadFrom(b)
		if err != nil {
			return
		}
		switch b := bytes.Clone(b[:n]); {
		case b[0] < 4:
			c.answerCheck(b, from)
		case b[0] < 64:
			c.mu.Lock()
			if c.outside != nil {
				c.outside.Write(b)
			}
			c.mu.Unlock()
		default:
			if err := c.open(b); err != nil {
				c.invalid <- err
			}
		}
	}
}

// answerCheck is all that a lite agent does (RFC 8445 section 2.5).
func (c *smallClient) answerCheck(b []byte, from net.Addr) {
	m := stun.New()
	addr := from.(*net.UDPAddr)
	integrity := stun.NewShortTermIntegrity(c.pwd)
	m.Raw = b
	if m.Decode() != nil || m.Type != stun.BindingRequest || integrity.Check(m) != nil {
		c.invalid <- fmt.Errorf("not a check: %v", m)
		return
	}
	response, err := stun.Build(m, stun.BindingSuccess, &stun.XORMappedAddress{IP: addr.IP, Port: addr.Port}, integrity, stun.Fingerprint)
	if err != nil {
		c.invalid <- err
		return
	}
	c.mu.Lock()
	if c.remote == nil {
		close(c.checked)
	}
	c.remote = from
	c.mu.Unlock()
	c.write(response.Raw)
}

// open takes a packet of SRTP or SRTCP, whose second byte says which (RFC 5761).
func (c *smallClient) open(b []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.receive == nil {
		return nil // before there are keys
	}
	if b[1] >= 192 && b[1] <= 223 {
		plain, err := c.receive.DecryptRTCP(nil, b, nil)
		if err != nil {
			return err
		}
		packets, err := rtcp.Unmarshal(plain)
		for _, p := range packets {
			c.rtcp <- p
		}
		return err
	}
	plain, err := c.receive.DecryptRTP(nil, b, nil)
	if err != nil {
		return err
	}
	p := &pionrtp.Packet{}
	if err := p.Unmarshal(plain); err != nil {
		return err
	}
	c.rtp <- p
	return nil
}

// sendRTP sends a packet of one of c.media.
func (c *smallClient) sendRTP(p *pionrtp.Packet) {
	b, err := p.Marshal()
	require.NoError(c.t, err)
	c.mu.Lock()
	b, err = c.send.EncryptRTP(nil, b, nil)
	c.mu.Unlock()
	require.NoError(c.t, err)
	c.write(b)
}

func (c *smallClient) sendRTCP(packets ...rtcp.Packet) {
	b, err := rtcp.Marshal(packets)
	require.NoError(c.t, err)
	c.mu.Lock()
	b, err = c.send.EncryptRTCP(nil, b, nil)
	c.mu.Unlock()
	require.NoError(c.t, err)
	c.write(b)
}

// close says goodbye. It may be called twice.
func (c *smallClient) close() {
	if c.sctp != nil {
		c.sctp.Abort("")
	}
	if c.dtls != nil {
		c.dtls.Close()
	}
	time.Sleep(time.Second) // until the goodbyes have left
	if c.outside != nil {
		c.inside.Close()
		c.outside.Close()
	}
	c.socket.Close()
}
