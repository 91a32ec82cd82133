package dtls

import (
	"crypto"
	"crypto/subtle"
	"io"
)

// state says which message is awaited.
type state uint8

const (
	serverWaitHello state = iota
	serverWaitSecondHello
	serverWaitCertificate // DTLS 1.3, as the next two
	serverWaitCertificateVerify
	serverWaitFinished
	serverWaitCertificate12
	serverWaitKeyExchange12
	serverWaitCertificateVerify12
	serverWaitFinished12

	clientWaitHello
	clientWaitEncryptedExtensions // DTLS 1.3, as the next four
	clientWaitCertificateRequest
	clientWaitCertificate
	clientWaitCertificateVerify
	clientWaitFinished
	clientWaitCertificate12
	clientWaitKeyExchange12
	clientWaitCertificateRequest12
	clientWaitHelloDone12
	clientWaitFinished12

	connected
)

// handshake is what both roles and both versions need to remember until the
// handshake is complete.
type handshake struct {
	hello        *clientHello // the client's: ours or the peer's
	order        []uint8      // of our extensions
	shares       []privateShare
	helloSeq     uint16 // message_seq of the hello that counts
	helloBody    []byte // of the client's hello, until the transcript has begun
	serverRandom [32]byte
	transcript   transcript
	cookie       []byte // that we ask for, or have been given
	retried      bool   // a HelloRetryRequest or HelloVerifyRequest was sent or received
	retryGroup   Group  // named by the HelloRetryRequest; zero: none
	retryVersion Version

	schedule                   keySchedule
	clientSecret, serverSecret []byte // handshake traffic secrets of DTLS 1.3

	peerKey     crypto.PublicKey
	peerSchemes []signatureScheme // what the peer accepts
	exchange    serverKeyExchange // DTLS 1.2, client
	private     *privateShare     // DTLS 1.2, server
	master      []byte            // DTLS 1.2
	writeApp    *protection       // DTLS 1.2: takes effect with our ChangeCipherSpec

	changed   bool // a ChangeCipherSpec has come
	held      [][]byte
	heldBytes int
	progress  bool        // something happened that may make held records useful
	alert     *AlertError // one that was not authentic
}

// handleMessage handles the next message of the peer.
func (c *Conn) handleMessage(typ uint8, seq uint16, body []byte) error {
	switch c.state {
	case serverWaitHello:
		return c.handleClientHello(typ, seq, body)
	case serverWaitSecondHello:
		return c.handleSecondHello(typ, seq, body)
	case serverWaitCertificate:
		return c.handleClientCertificate(typ, seq, body)
	case serverWaitCertificateVerify, clientWaitCertificateVerify:
		return c.handleCertificateVerify(typ, seq, body)
	case serverWaitFinished:
		return c.handleClientFinished(typ, seq, body)
	case serverWaitCertificate12:
		return c.handleClientCertificate12(typ, seq, body)
	case serverWaitKeyExchange12:
		return c.handleClientKeyExchange12(typ, seq, body)
	case serverWaitCertificateVerify12:
		return c.handleCertificateVerify12(typ, seq, body)
	case serverWaitFinished12, clientWaitFinished12:
		return c.handleFinished12(typ, seq, body)
	case clientWaitHello:
		return c.handleServerMessage(typ, seq, body)
	case clientWaitEncryptedExtensions:
		return c.handleEncryptedExtensions(typ, seq, body)
	case clientWaitCertificateRequest:
		return c.handleCertificateRequest(typ, seq, body)
	case clientWaitCertificate:
		return c.handleServerCertificate(typ, seq, body)
	case clientWaitFinished:
		return c.handleServerFinished(typ, seq, body)
	case clientWaitCertificate12:
		return c.handleServerCertificate12(typ, seq, body)
	case clientWaitKeyExchange12:
		return c.handleServerKeyExchange12(typ, seq, body)
	case clientWaitCertificateRequest12:
		return c.handleCertificateRequest12(typ, seq, body)
	case clientWaitHelloDone12:
		return c.handleServerHelloDone12(typ, seq, body)
	default: // connected
		return c.handlePostHandshake(typ, body)
	}
}

// expect refuses a message of another type than the one awaited.
func expect(got, want uint8) error {
	if got != want {
		return refuse(AlertUnexpectedMessage, errUnexpectedMessage)
	}
	return nil
}

// awaitsFinished12 reports whether the peer's Finished is the next message, so
// that records of epoch 1 make sense.
func (c *Conn) awaitsFinished12() bool {
	return c.state == serverWaitFinished12 || c.state == clientWaitFinished12
}

// random fills b.
func (c *Conn) random(b []byte) error {
	_, err := io.ReadFull(c.cfg.Rand, b)
	return err
}

// authenticatePeer handles the certificates of the peer.
func (c *Conn) authenticatePeer(chain [][]byte) error {
	key, err := c.cfg.authenticate(chain)
	if err != nil {
		return err
	}
	c.hs.peerKey = key
	c.peer = chain
	return nil
}

// established ends the handshake.
func (c *Conn) established() {
	c.state = connected
	c.queue.push(queued{kind: EventHandshakeDone})
}

// sameSecret compares in constant time.
func sameSecret(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }

// chosenSRTP is our choice among the profiles that a client offers, zero if there
// is none.
func (c *Conn) chosenSRTP(offered []SRTPProfile) SRTPProfile {
	for _, p := range c.cfg.SRTPProfiles {
		for _, o := range offered {
			if o == p {
				return p
			}
		}
	}
	return 0
}
