package interop

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	dtls2 "github.com/pion/dtls/v2"
	dtls3 "github.com/pion/dtls/v3"
	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/dtls"
	"github.com/sansrtc/rtc/internal/interop/lossy"
)

// pionDTLS is what this test needs of a connection of either version of pion/dtls.
type pionDTLS interface {
	net.Conn
	facts() (certificates [][]byte, profile uint16, material []byte, err error)
}

// pionDTLSVersions start one side of a handshake and return when it is done.
var pionDTLSVersions = []struct {
	name  string
	shake func(ctx context.Context, client bool, link net.Conn, cert tls.Certificate) (pionDTLS, error)
}{
	{"v3", shakePion3},
	{"v2", shakePion2},
}

type pion3 struct{ *dtls3.Conn }

func shakePion3(ctx context.Context, client bool, link net.Conn, cert tls.Certificate) (pionDTLS, error) {
	cfg := &dtls3.Config{
		Certificates:           []tls.Certificate{cert},
		InsecureSkipVerify:     true,
		ClientAuth:             dtls3.RequireAnyClientCert,
		ExtendedMasterSecret:   dtls3.RequireExtendedMasterSecret,
		SRTPProtectionProfiles: []dtls3.SRTPProtectionProfile{dtls3.SRTP_AEAD_AES_128_GCM},
	}
	start := dtls3.Server
	if client {
		start = dtls3.Client
	}
	conn, err := start(link.(net.PacketConn), link.RemoteAddr(), cfg)
	if err != nil {
		return nil, err
	}
	return pion3{conn}, conn.HandshakeContext(ctx)
}

func (c pion3) facts() ([][]byte, uint16, []byte, error) {
	state, ok := c.ConnectionState()
	if !ok {
		return nil, 0, nil, fmt.Errorf("no connection state")
	}
	profile, _ := c.SelectedSRTPProtectionProfile()
	material, err := state.ExportKeyingMaterial(srtpLabel, nil, keyLength)
	return state.PeerCertificates, uint16(profile), material, err
}

type pion2 struct{ *dtls2.Conn }

func shakePion2(ctx context.Context, client bool, link net.Conn, cert tls.Certificate) (pionDTLS, error) {
	cfg := &dtls2.Config{
		Certificates:           []tls.Certificate{cert},
		InsecureSkipVerify:     true,
		ClientAuth:             dtls2.RequireAnyClientCert,
		ExtendedMasterSecret:   dtls2.RequireExtendedMasterSecret,
		SRTPProtectionProfiles: []dtls2.SRTPProtectionProfile{dtls2.SRTP_AEAD_AES_128_GCM},
	}
	start := dtls2.ServerWithContext
	if client {
		start = dtls2.ClientWithContext
	}
	conn, err := start(ctx, link, cfg)
	return pion2{conn}, err
}

func (c pion2) facts() ([][]byte, uint16, []byte, error) {
	state := c.ConnectionState()
	profile, _ := c.SelectedSRTPProtectionProfile()
	material, err := state.ExportKeyingMaterial(srtpLabel, nil, keyLength)
	return state.PeerCertificates, uint16(profile), material, err
}

// TestDTLSPion shakes hands with both versions of pion/dtls, in both roles, over links
// that lose up to a quarter of the datagrams, in virtual time.
func TestDTLSPion(t *testing.T) {
	theirs, ours := newIdentity(t, "ecdsa"), newCertificate(t)
	for _, version := range pionDTLSVersions {
		for _, client := range []bool{true, false} {
			for _, loss := range []float64{0, 0.05, 0.1, 0.25} {
				name := fmt.Sprintf("%s/weAreClient=%t/loss=%g", version.name, client, 100*loss)
				t.Run(name, func(t *testing.T) {
					for seed := range uint64(10) {
						synctest.Test(t, func(t *testing.T) {
							one, two := lossy.Pipe(lossy.Config{Delay: 10 * time.Millisecond, Loss: loss, Seed: seed})
							defer two.Close()
							peer := startDTLS(t, one, dtls.Config{
								Client:           client,
								Certificate:      ours,
								Fingerprints:     []dtls.Fingerprint{theirs.fingerprint()},
								SRTPProfiles:     []dtls.SRTPProfile{dtls.SRTP_AES128_CM_HMAC_SHA1_80, dtls.SRTP_AEAD_AES_128_GCM},
								HandshakeTimeout: 10 * time.Minute,
							})
							defer peer.stop()
							peer.patience = 10 * time.Minute
							cert := tls.Certificate{Certificate: [][]byte{theirs.der}, PrivateKey: theirs.key}
							testDTLSPion(t, peer, func(ctx context.Context) (pionDTLS, error) {
								return version.shake(ctx, !client, two, cert)
							}, loss, theirs.der, ours.Chain[0])
						})
					}
				})
			}
		}
	}
}

func testDTLSPion(t *testing.T, ours *dtlsPeer, shake func(context.Context) (pionDTLS, error), loss float64, theirCert, ourCert []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	theirs, err := shake(ctx)
	require.NoError(t, err)
	defer theirs.Close()
	ours.wait(dtls.EventHandshakeDone)

	certificates, profile, material, err := theirs.facts()
	require.NoError(t, err)
	state := ours.state()
	require.Equal(t, dtls.VersionDTLS12, state.Version)
	require.Equal(t, [][]byte{theirCert}, state.PeerCertificates, "their certificate")
	require.Equal(t, [][]byte{ourCert}, certificates, "our certificate, as they got it")
	require.Equal(t, dtls.SRTP_AEAD_AES_128_GCM, state.SRTPProfile)
	require.Equal(t, uint16(state.SRTPProfile), profile)
	require.Equal(t, material, ours.export(keyLength), "exported keying material")

	echoed := make(chan struct{})
	go func() {
		defer close(echoed)
		for buf := make([]byte, 1500); ; {
			n, err := theirs.Read(buf)
			if err != nil {
				return
			}
			if _, err := theirs.Write(append([]byte("echo "), buf[:n]...)); err != nil {
				return
			}
		}
	}()
	const messages = 50
	for i := range messages {
		ours.send(fmt.Appendf(nil, "message %d", i))
	}
	// A server of v2 reads nothing for a second after each flight that comes again.
	time.Sleep(time.Minute)
	got := map[string]bool{}
	for len(ours.events) > 0 {
		got[string(ours.wait(dtls.EventData).Data)] = true
	}
	for text := range got {
		var i int
		_, err := fmt.Sscanf(text, "echo message %d", &i)
		require.NoError(t, err, "got %q", text)
	}
	if loss == 0 {
		require.Len(t, got, messages)
	}
	require.Greater(t, len(got), messages/4, "echoes over a link with %g %% loss", 100*loss)

	ours.close()
	require.NoError(t, ours.wait(dtls.EventClosed).Err)
	theirs.Close() // the close_notify may have been lost
	<-echoed
}
