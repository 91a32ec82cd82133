package dtls

// deriveHandshakeKeys installs the keys of epoch 2. secret is the result of the
// key exchange; the transcript goes up to the ServerHello.
func (c *Conn) deriveHandshakeKeys(secret []byte) (err error) {
	h := c.hs
	if h.schedule, err = newKeySchedule(c.suite.hash(), labelPrefix); err != nil {
		return err
	}
	if err = h.schedule.next(secret); err != nil {
		return err
	}
	sum := h.transcript.sum()
	if h.clientSecret, err = h.schedule.derive("c hs traffic", sum); err != nil {
		return err
	}
	if h.serverSecret, err = h.schedule.derive("s hs traffic", sum); err != nil {
		return err
	}
	c.keyLog("CLIENT_HANDSHAKE_TRAFFIC_SECRET", h.clientSecret)
	c.keyLog("SERVER_HANDSHAKE_TRAFFIC_SECRET", h.serverSecret)
	read, write := c.ours(h.serverSecret, h.clientSecret)
	if c.readHandshake, err = newProtection13(c.suite, 2, read); err != nil {
		return err
	}
	if c.writeHandshake, err = newProtection13(c.suite, 2, write); err != nil {
		return err
	}
	c.in.setEpoch(2)
	return nil
}

// deriveApplicationKeys derives the keys of epoch 3 and the exporter. The
// transcript goes up to the server's Finished.
func (c *Conn) deriveApplicationKeys() (err error) {
	h := c.hs
	if err = h.schedule.next(nil); err != nil {
		return err
	}
	sum := h.transcript.sum()
	client, err := h.schedule.derive("c ap traffic", sum)
	if err != nil {
		return err
	}
	server, err := h.schedule.derive("s ap traffic", sum)
	if err != nil {
		return err
	}
	master, err := h.schedule.derive("exp master", sum)
	if err != nil {
		return err
	}
	c.keyLog("CLIENT_TRAFFIC_SECRET_0", client)
	c.keyLog("SERVER_TRAFFIC_SECRET_0", server)
	c.keyLog("EXPORTER_SECRET", master)
	c.exporter.master = master
	c.update.readSecret, c.update.writeSecret = c.ours(server, client)
	if c.readApp, err = newProtection13(c.suite, 3, c.update.readSecret); err != nil {
		return err
	}
	c.writeApp, err = newProtection13(c.suite, 3, c.update.writeSecret)
	return err
}

// ours sorts what a client reads and writes with into what we do.
func (c *Conn) ours(read, write []byte) (_, _ []byte) {
	if c.cfg.Client {
		return read, write
	}
	return write, read
}

// signedContent13 is what a CertificateVerify signs.
// https://www.rfc-editor.org/rfc/rfc8446#section-4.4.3
func signedContent13(client bool, transcript []byte) []byte {
	b := make([]byte, 64, 64+34+len(transcript))
	for i := range b {
		b[i] = ' '
	}
	if client {
		b = append(b, "TLS 1.3, client CertificateVerify\x00"...)
	} else {
		b = append(b, "TLS 1.3, server CertificateVerify\x00"...)
	}
	return append(b, transcript...)
}

func (c *Conn) addCertificateVerify13() error {
	h := c.hs
	scheme, ok := chooseScheme(c.cfg.Certificate.Signer.Public(), VersionDTLS13, h.peerSchemes)
	if !ok {
		return refuse(AlertHandshakeFailure, errScheme)
	}
	sig, err := c.cfg.Certificate.sign(c.cfg.Rand, scheme, signedContent13(c.cfg.Client, h.transcript.sum()))
	if err != nil {
		return err
	}
	c.addMessage(typeCertificateVerify, 2, appendCertificateVerify(nil, scheme, sig))
	return nil
}

func (c *Conn) addFinished13(secret []byte) error {
	data, err := c.hs.schedule.finished(secret, c.hs.transcript.sum())
	if err != nil {
		return err
	}
	c.addMessage(typeFinished, 2, data)
	return nil
}

// handleCertificateVerify checks that the peer has the key of its certificate.
func (c *Conn) handleCertificateVerify(typ uint8, seq uint16, body []byte) error {
	h := c.hs
	if err := expect(typ, typeCertificateVerify); err != nil {
		return err
	}
	scheme, sig, err := parseCertificateVerify(body)
	if err != nil {
		return err
	}
	signed := signedContent13(!c.cfg.Client, h.transcript.sum())
	if err := verify(h.peerKey, VersionDTLS13, scheme, signed, sig); err != nil {
		return err
	}
	h.transcript.add(typ, seq, body)
	if c.cfg.Client {
		c.state = clientWaitFinished
	} else {
		c.state = serverWaitFinished
	}
	return nil
}

// checkFinished13 checks the peer's Finished, which is not in the transcript yet.
func (c *Conn) checkFinished13(body, secret []byte) error {
	want, err := c.hs.schedule.finished(secret, c.hs.transcript.sum())
	if err != nil {
		return err
	}
	if len(body) != len(want) {
		return refuse(AlertDecodeError, errMalformed)
	}
	if !sameSecret(body, want) {
		return refuse(AlertDecryptError, errFinished)
	}
	return nil
}
