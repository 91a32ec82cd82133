package dtls

import (
	"bytes"
	"slices"
)

// answerHello12 answers a ClientHello with a HelloVerifyRequest or with our flight.
func (c *Conn) answerHello12() error {
	h, m := c.hs, c.hs.hello
	if c.cfg.Cookie && !h.retried {
		return c.verifyHello()
	}
	switch {
	case !bytes.Contains(m.compression, []byte{0}):
		return refuse(AlertIllegalParameter, errCompression)
	// https://www.rfc-editor.org/rfc/rfc7627#section-5.2
	case !m.ems:
		return refuse(AlertHandshakeFailure, errMasterSecret)
	case !c.chooseSuite(m, c.keyFits):
		return refuse(AlertHandshakeFailure, errSuite)
	case !c.chooseGroup12(m):
		return refuse(AlertHandshakeFailure, errGroup)
	}
	return c.sendServerFlight12()
}

// verifyHello sends a HelloVerifyRequest.
func (c *Conn) verifyHello() error {
	if err := c.drawCookie(); err != nil {
		return err
	}
	c.hs.retried, c.hs.retryVersion = true, VersionDTLS12
	c.addMessage(typeHelloVerifyRequest, 0, appendHelloVerifyRequest(nil, c.hs.cookie))
	c.flight.messages[0].version = versionDTLS10
	c.sendFlight()
	c.state = serverWaitSecondHello
	return nil
}

// chooseGroup12 picks our favourite group among those offered.
func (c *Conn) chooseGroup12(m *clientHello) bool {
	for _, g := range c.cfg.Groups {
		// A client that does not say what it knows can be expected to know P-256.
		if g.classic() && (slices.Contains(m.groups, g) || m.groups == nil && g == P256) {
			c.group = g
			return true
		}
	}
	return false
}

// sendServerFlight12 sends everything from the ServerHello to the ServerHelloDone.
func (c *Conn) sendServerFlight12() error {
	h, m := c.hs, c.hs.hello
	c.answered()
	c.version = VersionDTLS12
	c.profile = c.chosenSRTP(m.srtp)
	if err := c.drawServerRandom12(); err != nil {
		return err
	}
	hello := &serverHello{
		version: VersionDTLS12, random: h.serverRandom, suite: c.suite,
		ems: true, reneg: m.reneg, formats: true,
	}
	if c.profile != 0 {
		hello.srtp = []SRTPProfile{c.profile}
	}
	exchange, err := c.keyExchange12()
	if err != nil {
		return err
	}
	c.beginTranscript(VersionDTLS12)
	c.addMessage(typeServerHello, 0, hello.append(nil))
	c.addMessage(typeCertificate, 0, appendCertificate(nil, c.version, c.cfg.Certificate.Chain))
	c.addMessage(typeServerKeyExchange, 0, exchange)
	c.addMessage(typeCertificateRequest, 0, appendCertificateRequest12(nil))
	c.addMessage(typeServerHelloDone, 0, nil)
	c.sendFlight()
	c.state = serverWaitCertificate12
	return nil
}

// drawServerRandom12 draws the random, and ends it as a server must that knows
// DTLS 1.3.
// https://www.rfc-editor.org/rfc/rfc8446#section-4.1.3
func (c *Conn) drawServerRandom12() error {
	random := &c.hs.serverRandom
	if err := c.random(random[:]); err != nil {
		return err
	}
	if c.cfg.allows(VersionDTLS13) {
		copy(random[24:], downgradeSentinel)
	}
	return nil
}

// keyExchange12 makes the ServerKeyExchange.
func (c *Conn) keyExchange12() ([]byte, error) {
	h, certificate := c.hs, c.cfg.Certificate
	scheme, ok := chooseScheme(certificate.Signer.Public(), VersionDTLS12, h.hello.signatures)
	if !ok {
		return nil, refuse(AlertHandshakeFailure, errScheme)
	}
	share, err := newPrivateShare(c.cfg.Rand, c.group, nil)
	if err != nil {
		return nil, err
	}
	h.private = &share
	params := appendKeyExchangeParams(nil, c.group, share.public())
	sig, err := certificate.sign(c.cfg.Rand, scheme, signedKeyExchange(h, params))
	if err != nil {
		return nil, err
	}
	return appendVec(appendUint16(params, scheme), 2, sig), nil
}

func (c *Conn) handleClientCertificate12(typ uint8, seq uint16, body []byte) error {
	c.answered()
	if err := c.handleCertificate(typ, seq, body, AlertHandshakeFailure); err != nil {
		return err
	}
	c.state = serverWaitKeyExchange12
	return nil
}

func (c *Conn) handleClientKeyExchange12(typ uint8, seq uint16, body []byte) error {
	h := c.hs
	if err := expect(typ, typeClientKeyExchange); err != nil {
		return err
	}
	peer, err := parseClientKeyExchange(body)
	if err != nil {
		return err
	}
	premaster, err := h.private.secret(peer)
	if err != nil {
		return err
	}
	h.private = nil
	h.transcript.add(typ, seq, body)
	if err := c.deriveKeys12(premaster); err != nil {
		return err
	}
	c.state = serverWaitCertificateVerify12
	return nil
}

func (c *Conn) handleCertificateVerify12(typ uint8, seq uint16, body []byte) error {
	h := c.hs
	if err := expect(typ, typeCertificateVerify); err != nil {
		return err
	}
	scheme, sig, err := parseCertificateVerify(body)
	if err != nil {
		return err
	}
	if err := verify(h.peerKey, VersionDTLS12, scheme, h.transcript.raw, sig); err != nil {
		return err
	}
	h.transcript.add(typ, seq, body)
	c.in.setEpoch(1)
	c.state = serverWaitFinished12
	return nil
}
