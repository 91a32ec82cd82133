package dtls

import (
	"bytes"
	"slices"
)

// handleClientHello handles the first ClientHello.
func (c *Conn) handleClientHello(typ uint8, seq uint16, body []byte) error {
	if err := expect(typ, typeClientHello); err != nil {
		return err
	}
	m, err := parseClientHello(body)
	if err != nil {
		return err
	}
	version, err := c.chooseVersion(m)
	if err != nil {
		return err
	}
	c.hs.hello, c.hs.helloSeq, c.hs.helloBody = m, seq, body
	if version == VersionDTLS13 {
		return c.answerHello13()
	}
	return c.answerHello12()
}

// chooseVersion picks the newest version that both sides know.
func (c *Conn) chooseVersion(m *clientHello) (Version, error) {
	if m.versions != nil {
		// https://www.rfc-editor.org/rfc/rfc8446#section-4.2.1
		for _, v := range []Version{VersionDTLS13, VersionDTLS12} {
			if c.cfg.allows(v) && slices.Contains(m.versions, v) {
				return v, nil
			}
		}
		return 0, refuse(AlertProtocolVersion, errVersion)
	}
	// The number is the newest version of the client; 1.2 is the newest that
	// can be said so. Newer versions have smaller numbers.
	if m.version > VersionDTLS12 || !c.cfg.allows(VersionDTLS12) {
		return 0, refuse(AlertProtocolVersion, errVersion)
	}
	return VersionDTLS12, nil
}

// chooseSuite picks our favourite among the suites offered that ok accepts.
func (c *Conn) chooseSuite(m *clientHello, ok func(CipherSuite) bool) bool {
	for _, s := range c.cfg.CipherSuites {
		if ok(s) && slices.Contains(m.suites, s) {
			c.suite = s
			return true
		}
	}
	return false
}

// handleSecondHello handles the ClientHello after our HelloRetryRequest or
// HelloVerifyRequest.
func (c *Conn) handleSecondHello(typ uint8, seq uint16, body []byte) error {
	h := c.hs
	if err := expect(typ, typeClientHello); err != nil {
		return err
	}
	m, err := parseClientHello(body)
	if err != nil {
		return err
	}
	version, err := c.chooseVersion(m)
	if err != nil {
		return err
	}
	if version != h.retryVersion || m.random != h.hello.random || !slices.Equal(m.suites, h.hello.suites) {
		return refuse(AlertIllegalParameter, errRetriedHello)
	}
	got := m.cookie
	if version == VersionDTLS13 {
		got = m.cookie13
	}
	if !bytes.Equal(got, h.cookie) {
		return refuse(AlertIllegalParameter, errCookie)
	}
	h.hello, h.helloSeq, h.helloBody = m, seq, body
	if version == VersionDTLS13 {
		return c.answerHello13()
	}
	return c.answerHello12()
}

// drawCookie draws the cookie that the client has to return. Since every Conn has
// one peer, it can be remembered and needs no structure.
func (c *Conn) drawCookie() error {
	cookie := make([]byte, 32)
	if err := c.random(cookie); err != nil {
		return err
	}
	c.hs.cookie = cookie
	return nil
}
