package interop

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/dtls"
)

const installGnuTLS = "apt-get install gnutls-bin"

// TestDTLSGnuTLSServer is about a server that always asks for a cookie. It prints
// neither the profile nor keying material. It offers one profile, and it logs
// its master secret, from which the test derives what it would export.
func TestDTLSGnuTLSServer(t *testing.T) {
	eachDTLS12Case(t, func(t *testing.T, c dtls12Case) {
		port := freePort(t)
		keyLog := filepath.Join(t.TempDir(), "keys")
		if _, err := exec.LookPath("gnutls-serv"); err != nil {
			t.Fatalf("gnutls-serv is not installed: %s", installGnuTLS)
		}
		server := startProcess(t, installGnuTLS, "env", append([]string{"SSLKEYLOGFILE=" + keyLog, "gnutls-serv",
			"-p", strconv.Itoa(int(port)), "--require-client-cert", "--echo"}, gnutlsArgs(c)...)...)
		server.waitFor("listening on IPv4")
		link := &tapLink{udpLink: newUDPLink(t, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port))}
		client := startDTLS(t, link, c.config(true))
		defer client.stop()

		client.wait(dtls.EventHandshakeDone)
		state := client.state()
		require.Equal(t, dtls.VersionDTLS12, state.Version)
		require.Equal(t, [][]byte{c.peer.der}, state.PeerCertificates, "the peer's certificate")
		require.Equal(t, dtls.SRTP_AES128_CM_HMAC_SHA1_80, state.SRTPProfile)
		testDTLS12Data(t, client, server, "from us")
		require.Equal(t, exportFromKeyLog(t, keyLog, link.serverRandom, state.CipherSuite, keyLength),
			client.export(keyLength), "exported keying material")
		client.close()
		require.NoError(t, client.wait(dtls.EventClosed).Err)
	})
}

// tapLink notes the random of the ServerHello that passes.
type tapLink struct {
	*udpLink
	serverRandom []byte
}

func (l *tapLink) Read(b []byte) (int, error) {
	n, err := l.udpLink.Read(b)
	const header = 13 + 12 + 2 // of the record, of the handshake message, the version
	if n >= header+32 && b[0] == 22 && b[13] == 2 && binary.BigEndian.Uint16(b[3:]) == 0 {
		l.serverRandom = bytes.Clone(b[header : header+32])
	}
	return n, err
}

// exportFromKeyLog computes the keying material exporter of RFC 5705 section 4 from a
// line "CLIENT_RANDOM <client random> <master secret>".
func exportFromKeyLog(t *testing.T, path string, serverRandom []byte, suite dtls.CipherSuite, n int) []byte {
	t.Helper()
	log, err := os.ReadFile(path)
	require.NoError(t, err)
	var clientRandom, master []byte
	_, err = fmt.Sscanf(string(log), "CLIENT_RANDOM %x %x", &clientRandom, &master)
	require.NoError(t, err, "key log %q", log)
	require.Len(t, serverRandom, 32, "no ServerHello passed")
	hash := sha256.New
	if strings.HasSuffix(suite.String(), "SHA384") {
		hash = sha512.New384
	}
	seed := slices.Concat([]byte(srtpLabel), clientRandom, serverRandom)
	return pHash(hash, master, seed, n)
}

// pHash is P_hash of RFC 5246 section 5.
func pHash(hash func() hash.Hash, secret, seed []byte, n int) (out []byte) {
	mac := func(parts ...[]byte) []byte {
		m := hmac.New(hash, secret)
		for _, p := range parts {
			m.Write(p)
		}
		return m.Sum(nil)
	}
	for a := mac(seed); len(out) < n; a = mac(a) {
		out = append(out, mac(a, seed)...)
	}
	return out[:n]
}

func TestDTLSGnuTLSClient(t *testing.T) {
	eachDTLS12Case(t, func(t *testing.T, c dtls12Case) {
		link := newUDPLink(t, netip.AddrPort{})
		server := startDTLS(t, link, c.config(false))
		defer server.stop()
		args := append(gnutlsArgs(c), "-p", fmt.Sprint(link.port()), "--no-ca-verification",
			"--keymatexport="+srtpLabel, "--keymatexportsize="+strconv.Itoa(keyLength), "127.0.0.1")
		testDTLS12(t, server, startProcess(t, installGnuTLS, "gnutls-cli", args...), c, gnutlsReport)
	})
}

func gnutlsArgs(c dtls12Case) []string {
	return []string{
		"--udp", "--mtu=" + strconv.Itoa(c.mtu), "--x509certfile=" + c.peer.certFile, "--x509keyfile=" + c.peer.keyFile,
		"--srtp-profiles=SRTP_AES128_CM_HMAC_SHA1_80",
	}
}

var (
	gnutlsProfile  = regexp.MustCompile(`- SRTP profile: (\S+)`)
	gnutlsMaterial = regexp.MustCompile(`- Key material: ([0-9a-f]+)\n`)
)

func gnutlsReport(printed string) (toolReport, bool) {
	material := gnutlsMaterial.FindStringSubmatch(printed)
	if material == nil || !strings.Contains(printed, "Simple Client Mode") {
		return toolReport{}, false
	}
	var r toolReport
	r.material, _ = hex.DecodeString(material[1])
	r.profile = map[string]dtls.SRTPProfile{
		"SRTP_AES128_CM_HMAC_SHA1_80": dtls.SRTP_AES128_CM_HMAC_SHA1_80,
	}[gnutlsProfile.FindStringSubmatch(printed)[1]]
	return r, true
}
