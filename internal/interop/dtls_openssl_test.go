package interop

import (
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/dtls"
)

const installOpenSSL = "apt-get install openssl"

// keyLength is the SRTP keying material of AEAD_AES_128_GCM: two keys of 16 bytes and
// two salts of 12 (RFC 7714 section 12).
const keyLength = 56

// dtls12Cases are what OpenSSL and GnuTLS are tried with, in both roles.
var dtls12Cases = []struct {
	mtu       int
	algorithm string // of the peer's certificate
	cookie    bool   // HelloVerifyRequest
	peerEnds  bool   // the peer closes, not we
}{
	{mtu: 300, algorithm: "ecdsa", cookie: true},
	{mtu: 300, algorithm: "rsa", cookie: true, peerEnds: true},
	{mtu: 1200, algorithm: "ecdsa", cookie: false, peerEnds: true},
	{mtu: 1200, algorithm: "rsa", cookie: true},
}

// eachDTLS12Case runs f for every case with the two sides' certificates made.
func eachDTLS12Case(t *testing.T, f func(t *testing.T, c dtls12Case)) {
	for _, c := range dtls12Cases {
		name := fmt.Sprintf("mtu%d/%s/cookie=%t", c.mtu, c.algorithm, c.cookie)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, dtls12Case{c.mtu, c.cookie, c.peerEnds, newIdentity(t, c.algorithm), newCertificate(t)})
		})
	}
}

type dtls12Case struct {
	mtu              int
	cookie, peerEnds bool
	peer             identity
	ours             *dtls.Certificate
}

// config is our side: DTLS 1.3 is offered as always, so that version negotiation is
// tried too.
func (c dtls12Case) config(client bool) dtls.Config {
	return dtls.Config{
		Client:       client,
		Certificate:  c.ours,
		Fingerprints: []dtls.Fingerprint{c.peer.fingerprint()},
		SRTPProfiles: []dtls.SRTPProfile{dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80},
		MTU:          c.mtu,
		Cookie:       c.cookie,
	}
}

func TestDTLSOpenSSLServer(t *testing.T) {
	eachDTLS12Case(t, func(t *testing.T, c dtls12Case) {
		c.peerEnds = false // s_server closes its socket before it would say goodbye
		port := freePort(t)
		args := append(opensslArgs("s_server", c), "-accept", fmt.Sprintf("127.0.0.1:%d", port), "-Verify", "1")
		if c.cookie {
			args = append(args, "-listen")
		}
		server := startProcess(t, installOpenSSL, "openssl", args...)
		server.waitFor("ACCEPT")
		link := newUDPLink(t, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port))
		client := startDTLS(t, link, c.config(true))
		defer client.stop()
		testDTLS12(t, client, server, c, opensslReport)
	})
}

func TestDTLSOpenSSLClient(t *testing.T) {
	eachDTLS12Case(t, func(t *testing.T, c dtls12Case) {
		link := newUDPLink(t, netip.AddrPort{})
		server := startDTLS(t, link, c.config(false))
		defer server.stop()
		args := append(opensslArgs("s_client", c), "-connect", fmt.Sprintf("127.0.0.1:%d", link.port()))
		testDTLS12(t, server, startProcess(t, installOpenSSL, "openssl", args...), c, opensslReport)
	})
}

// TestDTLSOpenSSLWrongCertificate shows that a peer with another certificate than the
// one signalled is refused, and told so.
func TestDTLSOpenSSLWrongCertificate(t *testing.T) {
	c := dtls12Case{mtu: 1200, peer: newIdentity(t, "ecdsa"), ours: newCertificate(t)}
	link := newUDPLink(t, netip.AddrPort{})
	config := c.config(false)
	config.Fingerprints = []dtls.Fingerprint{newIdentity(t, "ecdsa").fingerprint()}
	server := startDTLS(t, link, config)
	defer server.stop()
	client := startProcess(t, installOpenSSL, "openssl",
		append(opensslArgs("s_client", c), "-connect", fmt.Sprintf("127.0.0.1:%d", link.port()))...)
	require.ErrorIs(t, server.wait(dtls.EventClosed).Err, dtls.ErrFingerprint)
	client.waitFor("SSL alert number 42") // bad_certificate
}

func opensslArgs(command string, c dtls12Case) []string {
	return []string{
		command, "-dtls1_2", "-cert", c.peer.certFile, "-key", c.peer.keyFile,
		"-use_srtp", "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80", "-mtu", strconv.Itoa(c.mtu), "-timeout",
		"-keymatexport", srtpLabel, "-keymatexportlen", strconv.Itoa(keyLength),
	}
}

// toolReport is what a tool printed about a connection.
type toolReport struct {
	profile     dtls.SRTPProfile
	material    []byte // nil if the tool does not print it
	certificate []byte // ours, as it got it; nil if the tool does not print it
}

// testDTLS12 lets the handshake happen, compares what both sides think, and exchanges
// data and farewells.
func testDTLS12(t *testing.T, ours *dtlsPeer, tool *process, c dtls12Case, read func(string) (toolReport, bool)) {
	t.Helper()
	ours.wait(dtls.EventHandshakeDone)
	state := ours.state()
	require.Equal(t, dtls.VersionDTLS12, state.Version)
	require.Equal(t, [][]byte{c.peer.der}, state.PeerCertificates, "the peer's certificate")

	var report toolReport
	tool.wait("report of the handshake", func(printed string) (ok bool) {
		report, ok = read(printed)
		return ok
	})
	require.Equal(t, report.profile, state.SRTPProfile, "negotiated SRTP profile")
	if report.material != nil {
		require.Equal(t, report.material, ours.export(len(report.material)), "exported keying material")
	}
	if report.certificate != nil {
		require.Equal(t, c.ours.Chain[0], report.certificate, "our certificate, as the peer got it")
	}

	testDTLS12Data(t, ours, tool, "from the tool")
	if c.peerEnds {
		tool.stdin.Close()
	} else {
		ours.close()
	}
	require.NoError(t, ours.wait(dtls.EventClosed).Err)
}

// testDTLS12Data sends a line each way. An echo server says our line again.
func testDTLS12Data(t *testing.T, ours *dtlsPeer, tool *process, line string) {
	t.Helper()
	ours.send([]byte("from us\n"))
	tool.waitFor("from us")
	tool.say("from the tool")
	for got := ""; !strings.Contains(got, line); {
		got += string(ours.wait(dtls.EventData).Data)
	}
}

var (
	opensslProfile  = regexp.MustCompile(`SRTP Extension negotiated, profile=(\S+)`)
	opensslMaterial = regexp.MustCompile(`Keying material: ([0-9A-F]+)\n`)
)

func opensslReport(printed string) (toolReport, bool) {
	material := opensslMaterial.FindStringSubmatch(printed)
	if material == nil {
		return toolReport{}, false // it comes last
	}
	var r toolReport
	r.material, _ = hex.DecodeString(material[1])
	r.profile = map[string]dtls.SRTPProfile{
		"SRTP_AEAD_AES_128_GCM":  dtls.SRTP_AEAD_AES_128_GCM,
		"SRTP_AES128_CM_SHA1_80": dtls.SRTP_AES128_CM_HMAC_SHA1_80,
	}[opensslProfile.FindStringSubmatch(printed)[1]]
	for rest := []byte(printed); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return r, true
		} else if block.Type == "CERTIFICATE" {
			r.certificate = block.Bytes
		}
	}
}
