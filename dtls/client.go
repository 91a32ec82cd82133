package dtls

import (
	"bytes"
	"crypto/ecdh"
	"slices"
)

// startClient makes the ClientHello.
func (c *Conn) startClient() error {
	cfg := &c.cfg
	v12, v13 := cfg.allows(VersionDTLS12), cfg.allows(VersionDTLS13)
	m := &clientHello{
		version:     VersionDTLS12,
		compression: []byte{0},
		signatures:  peerSchemes,
		srtp:        cfg.SRTPProfiles,
		ems:         v12,
		reneg:       v12,
	}
	for _, s := range cfg.CipherSuites {
		if s.dtls13() && v13 || !s.dtls13() && v12 {
			m.suites = append(m.suites, s)
		}
	}
	for _, g := range cfg.Groups {
		if v13 || g.classic() {
			m.groups = append(m.groups, g)
		}
	}
	if err := c.random(m.random[:]); err != nil {
		return err
	}
	if v13 {
		m.versions = append(m.versions, VersionDTLS13)
		if v12 {
			m.versions = append(m.versions, VersionDTLS12)
		}
		m.hasShares = true
		if err := c.makeShares(m); err != nil {
			return err
		}
	}
	var err error
	if c.hs.order, err = c.extensionOrder(); err != nil {
		return err
	}
	c.hs.hello = m
	c.state = clientWaitHello
	// "This value MUST be set to {254, 253} for all records other than the initial
	// ClientHello …, where it may also be {254, 255} for compatibility purposes."
	// https://www.rfc-editor.org/rfc/rfc9147#section-4
	c.sendHello(versionDTLS10)
	return nil
}

// makeShares draws the keys for the key shares: one for the first group, and one for
// the first classic group, with which servers without the hybrid do not need
// to ask again.
func (c *Conn) makeShares(m *clientHello) error {
	first := m.groups[0]
	groups := []Group{first}
	if i := slices.IndexFunc(m.groups, Group.classic); !first.classic() && i >= 0 {
		groups = []Group{m.groups[i], first}
	}
	var ec *ecdh.PrivateKey // X25519, used for the hybrid as well
	for _, g := range groups {
		s, err := newPrivateShare(c.cfg.Rand, g, ec)
		if err != nil {
			return err
		}
		if g == X25519 {
			ec = s.ecdh
		}
		c.hs.shares = append(c.hs.shares, s)
	}
	slices.Reverse(c.hs.shares) // the preferred one first
	m.setShares(c.hs.shares)
	return nil
}

func (m *clientHello) setShares(shares []privateShare) {
	m.shares = nil
	for i := range shares {
		m.shares = append(m.shares, keyShare{shares[i].group, shares[i].public()})
	}
}

// extensionOrder draws the order of the extensions in our ClientHello, so that
// nobody comes to rely on it.
func (c *Conn) extensionOrder() ([]uint8, error) {
	var draw, order [len(helloExtensions)]uint8
	if err := c.random(draw[:]); err != nil {
		return nil, err
	}
	for i := range order {
		j := int(draw[i]) % (i + 1)
		order[i] = order[j]
		order[j] = uint8(i)
	}
	return order[:], nil
}

// sendHello sends the ClientHello as it is now.
func (c *Conn) sendHello(recordVersion Version) {
	body := c.hs.hello.append(nil, c.hs.order)
	c.hs.helloBody, c.hs.helloSeq = body, c.out
	c.addMessage(typeClientHello, 0, body)
	c.flight.messages[0].version = recordVersion
	c.sendFlight()
}

// handleServerMessage handles the answer to a ClientHello.
func (c *Conn) handleServerMessage(typ uint8, seq uint16, body []byte) error {
	if typ == typeHelloVerifyRequest {
		return c.handleHelloVerifyRequest(body)
	}
	if err := expect(typ, typeServerHello); err != nil {
		return err
	}
	m, err := parseServerHello(body)
	if err != nil {
		return err
	}
	version, err := c.selectedVersion(m)
	if err != nil {
		return err
	}
	// "A client which receives a cipher suite that was not offered MUST abort
	// the handshake with an "illegal_parameter" alert."
	// https://www.rfc-editor.org/rfc/rfc8446#section-4.1.3
	if !slices.Contains(c.hs.hello.suites, m.suite) || m.suite.dtls13() != (version == VersionDTLS13) {
		return refuse(AlertIllegalParameter, errSuiteChoice)
	}
	if m.compression != 0 {
		return refuse(AlertIllegalParameter, errCompression)
	}
	if m.unknown {
		return refuse(AlertUnsupportedExtension, errUnsolicited)
	}
	if version == VersionDTLS13 && m.legacyonly || version == VersionDTLS12 && m.tls13only {
		return refuse(AlertIllegalParameter, errMisplaced)
	}
	if version == VersionDTLS12 {
		return c.handleServerHello12(m, seq, body)
	}
	if m.isRetry() {
		return c.handleHelloRetryRequest(m, seq, body)
	}
	return c.handleServerHello13(m, seq, body)
}

// selectedVersion returns the version of a ServerHello or HelloRetryRequest.
func (c *Conn) selectedVersion(m *serverHello) (Version, error) {
	version := m.version
	if m.selected != 0 {
		// "If this extension is present, clients MUST ignore the
		// ServerHello.legacy_version value", and it cannot select 1.2.
		// https://www.rfc-editor.org/rfc/rfc8446#section-4.2.1
		version = m.selected
		if version != VersionDTLS13 || !c.cfg.allows(version) {
			return 0, refuse(AlertIllegalParameter, errVersion)
		}
	} else if version != VersionDTLS12 || !c.cfg.allows(version) || m.isRetry() {
		return 0, refuse(AlertProtocolVersion, errVersion)
	}
	if v := c.hs.retryVersion; v != 0 && v != version {
		return 0, refuse(AlertIllegalParameter, errRetry)
	}
	if version == VersionDTLS12 && c.cfg.allows(VersionDTLS13) && downgraded(m.random) {
		return 0, refuse(AlertIllegalParameter, errDowngrade)
	}
	return version, nil
}

// downgradeSentinel ends the random of a server that knows a newer version.
// https://www.rfc-editor.org/rfc/rfc8446#section-4.1.3
const downgradeSentinel = "DOWNGRD\x01"

// downgraded reports whether a server of DTLS 1.2 knows DTLS 1.3, which it would
// have chosen, had it seen our ClientHello.
func downgraded(random [32]byte) bool {
	tail := random[24:]
	return bytes.Equal(tail, []byte(downgradeSentinel)) || bytes.Equal(tail, []byte("DOWNGRD\x00"))
}

// handleHelloVerifyRequest repeats the ClientHello with the cookie. Neither the
// request nor the first ClientHello become part of the transcript.
// https://www.rfc-editor.org/rfc/rfc6347#section-4.2.1
func (c *Conn) handleHelloVerifyRequest(body []byte) error {
	if !c.cfg.allows(VersionDTLS12) {
		return refuse(AlertProtocolVersion, errVersion) // only DTLS 1.2 has it
	}
	if c.hs.retried {
		return refuse(AlertUnexpectedMessage, errUnexpectedMessage)
	}
	cookie, err := parseHelloVerifyRequest(body)
	if err != nil {
		return err
	}
	c.hs.retried, c.hs.retryVersion = true, VersionDTLS12
	c.hs.hello.cookie = cookie
	c.answered()
	c.acks.reset()
	c.sendHello(versionDTLS10) // the version is still not known
	return nil
}

// handleHelloRetryRequest repeats the ClientHello with what the server asks for.
// https://www.rfc-editor.org/rfc/rfc8446#section-4.1.4
func (c *Conn) handleHelloRetryRequest(m *serverHello, seq uint16, body []byte) error {
	h := c.hs
	if h.retried {
		return refuse(AlertUnexpectedMessage, errRetry)
	}
	if len(m.sessionID) != 0 {
		return refuse(AlertIllegalParameter, errSessionID)
	}
	if m.hasShare {
		g := m.share.group
		// The group must be one that we know, and have sent no share for.
		if !slices.Contains(h.hello.groups, g) || h.hello.share(g) != nil {
			return refuse(AlertIllegalParameter, errRetry)
		}
		s, err := newPrivateShare(c.cfg.Rand, g, nil)
		if err != nil {
			return err
		}
		h.shares = []privateShare{s}
		h.hello.setShares(h.shares)
		h.retryGroup = g
	} else if len(m.cookie) == 0 {
		return refuse(AlertIllegalParameter, errRetry) // nothing would change
	}
	h.hello.cookie13 = m.cookie
	h.retried, h.retryVersion = true, VersionDTLS13
	c.suite = m.suite
	c.beginTranscript(VersionDTLS13)
	h.transcript.retry()
	h.transcript.add(typeServerHello, seq, body)
	c.answered()
	c.acks.reset()
	c.sendHello(VersionDTLS12)
	return nil
}

// beginTranscript begins the transcript with the ClientHello.
func (c *Conn) beginTranscript(v Version) {
	h := c.hs
	h.transcript.start(v, c.suite.hash())
	h.transcript.add(typeClientHello, h.helloSeq, h.helloBody)
	h.helloBody = nil
}
