package dtls

import "slices"

// handleServerHello13 derives the handshake keys.
func (c *Conn) handleServerHello13(m *serverHello, seq uint16, body []byte) error {
	h := c.hs
	switch {
	// "DTLS servers MUST NOT echo the "legacy_session_id" value from the client",
	// which moreover was empty.
	// https://www.rfc-editor.org/rfc/rfc9147#section-5
	case len(m.sessionID) != 0:
		return refuse(AlertIllegalParameter, errSessionID)
	case len(m.cookie) != 0:
		return refuse(AlertIllegalParameter, errMisplaced)
	case !m.hasShare:
		return refuse(AlertMissingExtension, errMissingExtension)
	case h.retried && m.suite != c.suite,
		h.retryGroup != 0 && m.share.group != h.retryGroup:
		return refuse(AlertIllegalParameter, errRetry)
	}
	i := slices.IndexFunc(h.shares, func(s privateShare) bool { return s.group == m.share.group })
	if i < 0 {
		return refuse(AlertIllegalParameter, errGroup)
	}
	secret, err := h.shares[i].secret(m.share.key)
	if err != nil {
		return err
	}
	c.version, c.suite, c.group = VersionDTLS13, m.suite, m.share.group
	if !h.transcript.started() {
		c.beginTranscript(VersionDTLS13)
	}
	h.transcript.add(typeServerHello, seq, body)
	h.shares = nil
	if err := c.deriveHandshakeKeys(secret); err != nil {
		return err
	}
	c.answered()
	c.state = clientWaitEncryptedExtensions
	return nil
}

func (c *Conn) handleEncryptedExtensions(typ uint8, seq uint16, body []byte) error {
	if err := expect(typ, typeEncryptedExtensions); err != nil {
		return err
	}
	profile, err := parseEncryptedExtensions(body, c.cfg.SRTPProfiles)
	if err != nil {
		return err
	}
	c.profile = profile
	c.hs.transcript.add(typ, seq, body)
	c.state = clientWaitCertificateRequest
	return nil
}

// handleCertificateRequest: in WebRTC both sides authenticate, so that a server
// that asks for no certificate is no peer of ours.
// https://www.rfc-editor.org/rfc/rfc8827#section-6.5
func (c *Conn) handleCertificateRequest(typ uint8, seq uint16, body []byte) error {
	if err := expect(typ, typeCertificateRequest); err != nil {
		return err
	}
	schemes, err := parseCertificateRequest13(body)
	if err != nil {
		return err
	}
	c.hs.peerSchemes = schemes
	c.hs.transcript.add(typ, seq, body)
	c.state = clientWaitCertificate
	return nil
}

func (c *Conn) handleServerCertificate(typ uint8, seq uint16, body []byte) error {
	if err := c.handleCertificate(typ, seq, body, AlertDecodeError); err != nil {
		return err
	}
	c.state = clientWaitCertificateVerify
	return nil
}

// handleCertificate handles a Certificate message of either version. empty is
// the alert for one without certificates.
func (c *Conn) handleCertificate(typ uint8, seq uint16, body []byte, empty Alert) error {
	if err := expect(typ, typeCertificate); err != nil {
		return err
	}
	chain, err := parseCertificate(body, c.version)
	if err != nil {
		return err
	}
	if len(chain) == 0 {
		return refuse(empty, errNoPeerCertificate)
	}
	if err := c.authenticatePeer(chain); err != nil {
		return err
	}
	c.hs.transcript.add(typ, seq, body)
	return nil
}

// handleServerFinished completes the handshake for the client, which can send
// data at once.
func (c *Conn) handleServerFinished(typ uint8, seq uint16, body []byte) error {
	h := c.hs
	if err := expect(typ, typeFinished); err != nil {
		return err
	}
	if err := c.checkFinished13(body, h.serverSecret); err != nil {
		return err
	}
	h.transcript.add(typ, seq, body)
	if err := c.deriveApplicationKeys(); err != nil {
		return err
	}
	c.addMessage(typeCertificate, 2, appendCertificate(nil, c.version, c.cfg.Certificate.Chain))
	if err := c.addCertificateVerify13(); err != nil {
		return err
	}
	if err := c.addFinished13(h.clientSecret); err != nil {
		return err
	}
	c.acks.reset() // our flight says that we have theirs
	c.sendFlight()
	c.in.setEpoch(3)
	c.established()
	return nil
}
