package dtls

import (
	"crypto"
	"hash"
)

// transcript is the running hash over the handshake messages.
type transcript struct {
	version Version
	h       hash.Hash
	id      crypto.Hash
	// raw are the messages themselves. In DTLS 1.2 a CertificateVerify may use
	// another hash than the rest.
	raw []byte
}

func (t *transcript) start(v Version, h crypto.Hash) {
	t.version, t.id, t.h = v, h, h.New()
}

// started reports whether the hash is known.
func (t *transcript) started() bool { return t.h != nil }

// add adds a message.
func (t *transcript) add(typ uint8, seq uint16, body []byte) {
	var room [messageHeaderSize]byte
	header := append(room[:0], typ)
	header = appendUint24(header, len(body))
	if t.version == VersionDTLS12 {
		// As if it were sent as a single fragment, with the DTLS header.
		// https://www.rfc-editor.org/rfc/rfc6347#section-4.2.6
		// DTLS 1.3 leaves the three DTLS fields out.
		// https://www.rfc-editor.org/rfc/rfc9147#section-5.2
		header = appendUint16(header, seq)
		header = append(header, 0, 0, 0)
		header = appendUint24(header, len(body))
		t.raw = append(append(t.raw, header...), body...)
	}
	t.h.Write(header)
	t.h.Write(body)
}

// sum returns the hash of the messages added so far.
func (t *transcript) sum() []byte { return t.h.Sum(nil) }

// retry replaces the messages so far, which is a ClientHello, by its hash, as
// HelloRetryRequest has it.
// https://www.rfc-editor.org/rfc/rfc8446#section-4.4.1
func (t *transcript) retry() {
	sum := t.sum()
	t.h.Reset()
	t.add(typeMessageHash, 0, sum)
}
