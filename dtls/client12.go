package dtls

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"slices"
	"time"
)

func (c *Conn) handleServerHello12(m *serverHello, seq uint16, body []byte) error {
	h := c.hs
	// A client should give up without the extension, says the RFC. Here it must.
	// https://www.rfc-editor.org/rfc/rfc7627#section-5.2
	if !m.ems {
		return refuse(AlertHandshakeFailure, errMasterSecret)
	}
	if m.srtp != nil {
		if len(c.cfg.SRTPProfiles) == 0 {
			return refuse(AlertUnsupportedExtension, errUnsolicited)
		}
		profile, err := chosenProfile(c.cfg.SRTPProfiles, m.srtp, m.mki)
		if err != nil {
			return err
		}
		c.profile = profile
	}
	c.version, c.suite = VersionDTLS12, m.suite
	h.shares = nil
	h.serverRandom = m.random
	c.beginTranscript(VersionDTLS12)
	h.transcript.add(typeServerHello, seq, body)
	c.answered()
	c.acks.reset()
	c.state = clientWaitCertificate12
	return nil
}

func (c *Conn) handleServerCertificate12(typ uint8, seq uint16, body []byte) error {
	if err := c.handleCertificate(typ, seq, body, AlertDecodeError); err != nil {
		return err
	}
	_, isRSA := c.hs.peerKey.(*rsa.PublicKey)
	if isRSA != c.suite.rsa() {
		return refuse(AlertIllegalParameter, errCertificateKey)
	}
	c.state = clientWaitKeyExchange12
	return nil
}

func (c *Conn) handleServerKeyExchange12(typ uint8, seq uint16, body []byte) error {
	h := c.hs
	if err := expect(typ, typeServerKeyExchange); err != nil {
		return err
	}
	m, err := parseServerKeyExchange(body)
	if err != nil {
		return err
	}
	if !m.group.classic() || !slices.Contains(c.cfg.Groups, m.group) {
		return refuse(AlertIllegalParameter, errGroup)
	}
	signed := signedKeyExchange(h, m.params)
	if err := verify(h.peerKey, VersionDTLS12, m.scheme, signed, m.sig); err != nil {
		return err
	}
	c.group = m.group
	h.exchange = m
	h.transcript.add(typ, seq, body)
	c.state = clientWaitCertificateRequest12
	return nil
}

// signedKeyExchange is what the signature in a ServerKeyExchange covers.
// https://www.rfc-editor.org/rfc/rfc8422#section-5.4
func signedKeyExchange(h *handshake, params []byte) []byte {
	b := make([]byte, 0, 64+len(params))
	b = append(b, h.hello.random[:]...)
	b = append(b, h.serverRandom[:]...)
	return append(b, params...)
}

// handleCertificateRequest12: as in DTLS 1.3, we insist on being asked.
func (c *Conn) handleCertificateRequest12(typ uint8, seq uint16, body []byte) error {
	if err := expect(typ, typeCertificateRequest); err != nil {
		return err
	}
	schemes, err := parseCertificateRequest12(body)
	if err != nil {
		return err
	}
	c.hs.peerSchemes = schemes
	c.hs.transcript.add(typ, seq, body)
	c.state = clientWaitHelloDone12
	return nil
}

// handleServerHelloDone12 sends the client's second flight.
func (c *Conn) handleServerHelloDone12(typ uint8, seq uint16, body []byte) error {
	h := c.hs
	if err := expect(typ, typeServerHelloDone); err != nil {
		return err
	}
	if len(body) != 0 {
		return refuse(AlertDecodeError, errMalformed)
	}
	h.transcript.add(typ, seq, body)
	share, err := newPrivateShare(c.cfg.Rand, c.group, nil)
	if err != nil {
		return err
	}
	premaster, err := share.secret(h.exchange.key)
	if err != nil {
		return err
	}
	c.addMessage(typeCertificate, 0, appendCertificate(nil, c.version, c.cfg.Certificate.Chain))
	c.addMessage(typeClientKeyExchange, 0, appendVec(nil, 1, share.public()))
	if err := c.deriveKeys12(premaster); err != nil {
		return err
	}
	if err := c.addCertificateVerify12(); err != nil {
		return err
	}
	c.addFinished12()
	c.sendFlight()
	c.in.setEpoch(1)
	c.state = clientWaitFinished12
	return nil
}

func (c *Conn) addCertificateVerify12() error {
	certificate := c.cfg.Certificate
	scheme, ok := chooseScheme(certificate.Signer.Public(), VersionDTLS12, c.hs.peerSchemes)
	if !ok {
		return refuse(AlertHandshakeFailure, errScheme)
	}
	sig, err := certificate.sign(c.cfg.Rand, scheme, c.hs.transcript.raw)
	if err != nil {
		return err
	}
	c.addMessage(typeCertificateVerify, 0, appendCertificateVerify(nil, scheme, sig))
	return nil
}

// deriveKeys12 derives all keys. The transcript goes up to the ClientKeyExchange.
func (c *Conn) deriveKeys12(premaster []byte) error {
	h, hash := c.hs, c.suite.hash()
	h.master = masterSecret12(hash, premaster, h.transcript.sum())
	c.keyLog("CLIENT_RANDOM", h.master)
	c.exporter = exporter{
		master:  h.master,
		randoms: slices.Concat(h.hello.random[:], h.serverRandom[:]),
	}
	// https://www.rfc-editor.org/rfc/rfc5246#section-6.3
	n := c.suite.keyLen()
	block := prf12(hash, h.master, "key expansion", h.serverRandom[:], h.hello.random[:], 2*n+2*4)
	read, write := c.ours(block[n:2*n], block[:n])
	readSalt, writeSalt := c.ours(block[2*n+4:], block[2*n:2*n+4])
	var err error
	if c.readApp, err = newProtection12(read, readSalt); err != nil {
		return err
	}
	h.writeApp, err = newProtection12(write, writeSalt)
	return err
}

// addFinished12 changes to the new keys and finishes our side.
func (c *Conn) addFinished12() {
	h := c.hs
	label := finishedServer
	if c.cfg.Client {
		label = finishedClient
	}
	data := prf12(c.suite.hash(), h.master, label, h.transcript.sum(), nil, verifyDataSize)
	c.flight.messages = append(c.flight.messages, outMessage{ccs: true, version: VersionDTLS12})
	c.addMessage(typeFinished, 1, data)
	c.writeApp = h.writeApp
}

// handleFinished12 handles the peer's Finished. For the client the handshake is
// complete then, the server still has to send its own.
func (c *Conn) handleFinished12(typ uint8, seq uint16, body []byte) error {
	h := c.hs
	if err := expect(typ, typeFinished); err != nil {
		return err
	}
	label := finishedClient
	if c.cfg.Client {
		label = finishedServer
	}
	if len(body) != verifyDataSize {
		return refuse(AlertDecodeError, errMalformed)
	}
	want := prf12(c.suite.hash(), h.master, label, h.transcript.sum(), nil, verifyDataSize)
	if !sameSecret(body, want) {
		return refuse(AlertDecryptError, errFinished)
	}
	c.answered()
	if !c.cfg.Client {
		h.transcript.add(typ, seq, body)
		c.addFinished12()
		c.sendFlight()
		c.lingerUntil = c.now.Add(c.cfg.HandshakeTimeout)
	}
	c.handshakeBy = time.Time{}
	c.established()
	return nil
}

// keyFits reports whether our key can be used with a suite of DTLS 1.2.
func (c *Conn) keyFits(s CipherSuite) bool {
	_, isECDSA := c.cfg.Certificate.Signer.Public().(*ecdsa.PublicKey)
	return !s.dtls13() && isECDSA != s.rsa()
}
