package dtls

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"reflect"
	"testing"
)

// parseAny parses a message as the one of that type and version.
func parseAny(v Version, typ uint8, b []byte) error {
	var err error
	switch typ {
	case typeClientHello:
		_, err = parseClientHello(b)
	case typeServerHello:
		_, err = parseServerHello(b)
	case typeHelloVerifyRequest:
		_, err = parseHelloVerifyRequest(b)
	case typeNewSessionTicket:
		err = checkNewSessionTicket(b)
	case typeEncryptedExtensions:
		_, err = parseEncryptedExtensions(b, []SRTPProfile{SRTP_AEAD_AES_128_GCM})
	case typeCertificate:
		_, err = parseCertificate(b, v)
	case typeServerKeyExchange:
		_, err = parseServerKeyExchange(b)
	case typeCertificateRequest:
		if v == VersionDTLS13 {
			_, err = parseCertificateRequest13(b)
		} else {
			_, err = parseCertificateRequest12(b)
		}
	case typeCertificateVerify:
		_, _, err = parseCertificateVerify(b)
	case typeClientKeyExchange:
		_, err = parseClientKeyExchange(b)
	case typeKeyUpdate:
		_, err = parseKeyUpdate(b)
	default:
		return errUnexpectedMessage
	}
	return err
}

// sample is a valid message.
type sample struct {
	version Version
	typ     uint8
	body    []byte
}

// samples returns one message of each type and version at least.
func samples(t testing.TB) (out []sample) {
	t.Helper()
	for _, v := range []Version{VersionDTLS13, VersionDTLS12} {
		for _, cookie := range []bool{false, true} {
			test := newPair(t, pairOptions{client: only(v), config: Config{Cookie: cookie, SRTPProfiles: []SRTPProfile{SRTP_AEAD_AES_128_GCM}}})
			bodies := map[string]*sample{}
			var names []string
			test.filter = func(from *peer, _ int, b []byte) [][]byte {
				for _, r := range from.conn.flight.records {
					if len(r.sent) != 1 || r.typ != recordHandshake || r.sent[0].at != test.now {
						continue
					}
					for content := r.payload; len(content) > 0; {
						f, n := consumeFragment(content)
						content = content[n:]
						name := fmt.Sprint(from.name, f.seq)
						m := bodies[name]
						if m == nil {
							m = &sample{version: v, typ: f.typ, body: make([]byte, f.total)}
							bodies[name] = m
							names = append(names, name)
						}
						copy(m.body[f.offset:], f.data)
					}
				}
				return [][]byte{b}
			}
			test.connect()
			for _, name := range names {
				if s := bodies[name]; s.typ != typeFinished && s.typ != typeServerHelloDone {
					out = append(out, *s)
				}
			}
		}
	}
	ticket := append(make([]byte, 8), 1, 9, 0, 3, 1, 2, 3, 0, 0)
	return append(out, sample{VersionDTLS13, typeNewSessionTicket, ticket}, sample{VersionDTLS13, typeKeyUpdate, []byte{1}})
}

// TestStrictPrefixes: no beginning of a message is a message, and nothing may follow one.
func TestStrictPrefixes(t *testing.T) {
	types := map[uint8]bool{}
	for _, s := range samples(t) {
		types[s.typ] = true
		if err := parseAny(s.version, s.typ, s.body); err != nil {
			t.Errorf("%v, type %d: %v", s.version, s.typ, err)
		}
		for i := range s.body {
			if parseAny(s.version, s.typ, s.body[:i]) == nil {
				t.Errorf("%v, type %d: the first %d of %d bytes are accepted", s.version, s.typ, i, len(s.body))
			}
		}
		if parseAny(s.version, s.typ, append(bytes.Clone(s.body), 0)) == nil {
			t.Errorf("%v, type %d: a trailing byte is accepted", s.version, s.typ)
		}
	}
	for _, typ := range []uint8{1, 2, 3, 4, 8, 11, 12, 13, 15, 16, 24} {
		if !types[typ] {
			t.Errorf("there is no sample of type %d", typ)
		}
	}
}

func TestHelloRoundTrip(t *testing.T) {
	order := []uint8{8, 7, 6, 5, 4, 3, 2, 1, 0}
	for _, s := range samples(t) {
		switch s.typ {
		case typeClientHello:
			m, _ := parseClientHello(s.body)
			again, err := parseClientHello(m.append(nil, order))
			if err != nil || !reflect.DeepEqual(m, again) {
				t.Errorf("%+v became %+v, %v", m, again, err)
			}
		case typeServerHello:
			m, _ := parseServerHello(s.body)
			if again := m.append(nil); !bytes.Equal(again, s.body) {
				t.Errorf("%x became %x", s.body, again)
			}
		}
	}
}

// TestUnknownExtensions: a server ignores what it does not know, also GREASE.
func TestUnknownExtensions(t *testing.T) {
	test := newPair(t, pairOptions{config: Config{Groups: []Group{X25519}}})
	test.drain(test.client)
	body := bytes.Clone(messagesOf(t, test.client.datagrams)[0].body)
	m, _ := parseClientHello(body)
	m.suites = append([]CipherSuite{0x0a0a}, m.suites...)
	m.groups = append([]Group{0x1a1a}, m.groups...)
	m.shares = append([]keyShare{{0x1a1a, []byte{0}}}, m.shares...)
	m.versions = append([]Version{0x2a2a}, m.versions...)
	m.signatures = append([]signatureScheme{0x3a3a}, m.signatures...)
	body = m.append(nil, []uint8{0, 1, 2, 3, 4, 5, 6, 7, 8})
	grease := []byte{0x4a, 0x4a, 0, 3, 1, 2, 3, 0x5a, 0x5a, 0, 0}
	at := len(body) - len(m.append(nil, nil)) // length of the extensions
	body = append(body, grease...)
	length := at + len(grease)
	copy(body[len(body)-length-2:], []byte{byte(length >> 8), byte(length)})
	content := appendFragment(nil, typeClientHello, 0, body, 0, len(body))
	test.receive(test.server, append(appendPlainHeader(nil, recordHandshake, VersionDTLS12, 0, 5, len(content)), content...))
	test.drain(test.server)
	if s := test.server.conn.State(); test.server.closed || s.Version != VersionDTLS13 || s.Group != X25519 {
		t.Errorf("closed by %v, state %+v", test.server.err, s)
	}
}

// TestKeyScheduleRFC8448 follows the trace "Simple 1-RTT Handshake", which differs from DTLS in
// the prefix of the labels only.
// https://www.rfc-editor.org/rfc/rfc8448#section-3
func TestKeyScheduleRFC8448(t *testing.T) {
	unhex := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	want := func(what string, got []byte, hexWant string) {
		t.Helper()
		if !bytes.Equal(got, unhex(hexWant)) {
			t.Errorf("%s is %x, want %s", what, got, hexWant)
		}
	}
	suite := TLS_AES_128_GCM_SHA256
	k, err := newKeySchedule(suite.hash(), "tls13 ")
	if err != nil {
		t.Fatal(err)
	}
	want("Early Secret", k.secret, "33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a")
	if err := k.next(unhex("8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d")); err != nil {
		t.Fatal(err)
	}
	want("Handshake Secret", k.secret, "1dc826e93606aa6fdc0aadc12f741b01046aa6b99f691ed221a9f0ca043fbeac")
	hello := unhex("860c06edc07858ee8e78f0e7428c58edd6b43f2ca3e6e95f02ed063cf0e1cad8") // ClientHello and ServerHello
	client, _ := k.derive("c hs traffic", hello)
	want("client handshake secret", client, "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21")
	server, _ := k.derive("s hs traffic", hello)
	want("server handshake secret", server, "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38")
	key, _ := k.expand(server, "key", nil, 16)
	want("server handshake key", key, "3fce516009c21727d0f2e4e86ee403bc")
	iv, _ := k.expand(server, "iv", nil, 12)
	want("server handshake iv", iv, "5d313eb2671276ee13000b30")
	if err := k.next(nil); err != nil {
		t.Fatal(err)
	}
	want("Master Secret", k.secret, "18df06843d13a08bf2a449844c5f8a478001bc4d4c627984d5a41da8d0402919")
	finished := unhex("9608102a0f1ccc6db6250b7b7e417b1a000eaada3daae4777a7686c9ff83df13") // … server Finished
	client, _ = k.derive("c ap traffic", finished)
	want("client application secret", client, "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5")
	server, _ = k.derive("s ap traffic", finished)
	want("server application secret", server, "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643")
	exporter, _ := k.derive("exp master", finished)
	want("exporter master secret", exporter, "fe22f881176eda18eb8f44529e6792c50c9a3f89452f68d8ae311b4309d3cf50")
}

// TestPRF12 uses the vector that is in general use for TLS 1.2's PRF with SHA-256.
// https://mailarchive.ietf.org/arch/msg/tls/fzVCzk-z3FShgGJ6DOXqM1ydxms/
func TestPRF12(t *testing.T) {
	secret, _ := hex.DecodeString("9bbe436ba940f017b17652849a71db35")
	seed, _ := hex.DecodeString("a0ba9f936cda311827a6f796ffd5198c")
	want := "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66"
	if got := hex.EncodeToString(prf12(TLS_AES_128_GCM_SHA256.hash(), secret, "test label", seed, nil, 100)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestFingerprint(t *testing.T) {
	cert := testCertificate(t, 1)
	for _, algorithm := range []string{"sha-256", "sha-384", "sha-512", "SHA-256"} {
		f := cert.Fingerprint(algorithm)
		if !f.Matches(cert.Chain[0]) || f.Matches(cert.Chain[0][1:]) {
			t.Errorf("%s: wrong match", algorithm)
		}
		for _, s := range []string{f.String(), "a=fingerprint:" + f.String(), "fingerprint:" + f.String() + "\r\n"} {
			again, err := ParseFingerprint(s)
			if err != nil || !bytes.Equal(again.Value, f.Value) {
				t.Errorf("%q: %v, %v", s, again, err)
			}
		}
	}
	for _, s := range []string{
		"", "sha-256", "sha-256 ", "sha-256 0", "sha-256 00", "sha-256 00:", "sha-256 00-00", "sha-256 0g",
		" 00:00", "sha-256 00:00:0",
	} {
		if f, err := ParseFingerprint(s); err == nil {
			t.Errorf("%q is parsed as %v", s, f)
		}
	}
	for _, s := range []string{"sha-1 00:11", "md5 00", "tiger 00:11:22"} {
		if f, err := ParseFingerprint(s); err != nil || f.Matches(nil) {
			t.Errorf("%q: %v, %v", s, f, err)
		}
	}
	if f := (&Certificate{}).Fingerprint("sha-256"); f.Value != nil {
		t.Errorf("fingerprint %v of nothing", f)
	}
}
