package dtls

import (
	"slices"
	"time"
)

// answerHello13 answers a ClientHello with a HelloRetryRequest or with our flight.
func (c *Conn) answerHello13() error {
	h, m := c.hs, c.hs.hello
	switch {
	// https://www.rfc-editor.org/rfc/rfc9147#section-5.3
	case len(m.cookie) != 0:
		return refuse(AlertIllegalParameter, errCookie)
	case len(m.compression) != 1 || m.compression[0] != 0:
		return refuse(AlertIllegalParameter, errCompression)
	// https://www.rfc-editor.org/rfc/rfc8446#section-9.2
	case m.groups == nil || !m.hasShares || m.signatures == nil:
		return refuse(AlertMissingExtension, errMissingExtension)
	}
	if !h.retried && !c.chooseSuite(m, CipherSuite.dtls13) {
		return refuse(AlertHandshakeFailure, errSuite)
	}
	group, share, err := c.chooseGroup(m)
	if err != nil {
		return err
	}
	if !h.retried && (share == nil || c.cfg.Cookie) {
		return c.retryHello(group, share == nil)
	}
	// If we have asked for a share, the second hello has that one alone.
	// https://www.rfc-editor.org/rfc/rfc8446#section-4.1.2
	if share == nil || h.retryGroup != 0 && (group != h.retryGroup || len(m.shares) != 1) {
		return refuse(AlertIllegalParameter, errRetriedHello)
	}
	return c.sendServerFlight13(group, share)
}

// chooseGroup picks our favourite group. One for which the client has sent a share
// saves a round trip, hence goes before the others.
func (c *Conn) chooseGroup(m *clientHello) (Group, []byte, error) {
	for i := range m.shares {
		if !slices.Contains(m.groups, m.shares[i].group) {
			return 0, nil, refuse(AlertIllegalParameter, errKeyShare)
		}
	}
	var group Group
	for _, g := range c.cfg.Groups {
		if !slices.Contains(m.groups, g) {
			continue
		}
		if share := m.share(g); share != nil {
			return g, share, nil
		}
		if group == 0 {
			group = g
		}
	}
	if group == 0 {
		return 0, nil, refuse(AlertHandshakeFailure, errGroup)
	}
	return group, nil, nil
}

// retryHello sends a HelloRetryRequest.
func (c *Conn) retryHello(group Group, needShare bool) error {
	h := c.hs
	h.retried, h.retryVersion = true, VersionDTLS13
	retry := &serverHello{version: VersionDTLS12, random: retryRandom, suite: c.suite, selected: VersionDTLS13}
	if needShare {
		h.retryGroup = group
		retry.hasShare, retry.share.group = true, group
	}
	if c.cfg.Cookie {
		if err := c.drawCookie(); err != nil {
			return err
		}
		retry.cookie = h.cookie
	}
	c.beginTranscript(VersionDTLS13)
	h.transcript.retry()
	c.addMessage(typeServerHello, 0, retry.append(nil))
	c.sendFlight()
	c.state = serverWaitSecondHello
	return nil
}

// sendServerFlight13 sends everything from the ServerHello to the Finished.
func (c *Conn) sendServerFlight13(group Group, peerShare []byte) error {
	h := c.hs
	share, secret, err := answerShare(c.cfg.Rand, group, peerShare)
	if err != nil {
		return err
	}
	hello := &serverHello{
		version: VersionDTLS12, suite: c.suite, selected: VersionDTLS13,
		hasShare: true, share: keyShare{group, share},
	}
	if err := c.random(hello.random[:]); err != nil {
		return err
	}
	c.answered()
	c.version, c.group = VersionDTLS13, group
	if h.transcript.started() {
		h.transcript.add(typeClientHello, h.helloSeq, h.helloBody)
	} else {
		c.beginTranscript(VersionDTLS13)
	}
	c.addMessage(typeServerHello, 0, hello.append(nil))
	if err := c.deriveHandshakeKeys(secret); err != nil {
		return err
	}
	h.peerSchemes = h.hello.signatures
	c.profile = c.chosenSRTP(h.hello.srtp)
	c.addMessage(typeEncryptedExtensions, 2, appendEncryptedExtensions(nil, c.profile))
	c.addMessage(typeCertificateRequest, 2, appendCertificateRequest13(nil))
	c.addMessage(typeCertificate, 2, appendCertificate(nil, c.version, c.cfg.Certificate.Chain))
	if err := c.addCertificateVerify13(); err != nil {
		return err
	}
	if err := c.addFinished13(h.serverSecret); err != nil {
		return err
	}
	if err := c.deriveApplicationKeys(); err != nil {
		return err
	}
	c.acks.reset()
	c.sendFlight()
	c.state = serverWaitCertificate
	return nil
}

func appendEncryptedExtensions(dst []byte, profile SRTPProfile) []byte {
	dst, at := openVec(dst, 2)
	if profile != 0 {
		dst = appendUseSRTP(dst, profile)
	}
	return closeVec(dst, at, 2)
}

func (c *Conn) handleClientCertificate(typ uint8, seq uint16, body []byte) error {
	// Whoever sends this has our whole flight.
	c.answered()
	if err := c.handleCertificate(typ, seq, body, AlertCertificateRequired); err != nil {
		return err
	}
	c.state = serverWaitCertificateVerify
	return nil
}

// handleClientFinished completes the handshake for the server.
func (c *Conn) handleClientFinished(typ uint8, seq uint16, body []byte) error {
	if err := expect(typ, typeFinished); err != nil {
		return err
	}
	if err := c.checkFinished13(body, c.hs.clientSecret); err != nil {
		return err
	}
	c.acks.owe()
	c.writeHandshake = nil
	// The client may have to be told again that its flight is here.
	c.lingerUntil = c.now.Add(c.cfg.HandshakeTimeout)
	c.handshakeBy = time.Time{}
	c.in.setEpoch(3)
	c.established()
	return nil
}
