package dtls

import (
	"encoding/hex"
	"slices"
)

// exporter is what keying material is derived from.
type exporter struct {
	master  []byte // master secret (1.2) or exporter master secret (1.3)
	randoms []byte // client's and server's; 1.2 only
}

// maxExport is more than anybody needs, and less than HKDF can give.
const maxExport = 4096

// ExportKeyingMaterial returns n bytes of keying material (RFC 5705, RFC 8446
// section 7.5). A nil context means none, which differs from an empty one in
// DTLS 1.2. It returns ErrNotConnected before EventHandshakeDone.
func (c *Conn) ExportKeyingMaterial(label string, context []byte, n int) ([]byte, error) {
	switch {
	case c.state != connected:
		return nil, ErrNotConnected
	case n < 0 || n > maxExport || len(context) > 0xffff || len(label) > 200,
		slices.Contains(reservedLabels, label):
		return nil, ErrExporter
	}
	e, hash := &c.exporter, c.suite.hash()
	if c.version == VersionDTLS13 {
		return export13(hash, labelPrefix, e.master, label, context, n)
	}
	seed := e.randoms
	if context != nil {
		// https://www.rfc-editor.org/rfc/rfc5705#section-4
		seed = appendVec(slices.Clone(seed), 2, context)
	}
	return prf12(hash, e.master, label, seed, nil, n), nil
}

// reservedLabels are in use by TLS itself.
var reservedLabels = []string{
	finishedClient, finishedServer, "master secret", "key expansion", "extended master secret",
}

// keyLog writes a line of the key log.
// https://www.ietf.org/archive/id/draft-ietf-tls-keylogfile-05.html
func (c *Conn) keyLog(label string, secret []byte) {
	w := c.cfg.KeyLogWriter
	if w == nil {
		return
	}
	line := append([]byte(label), ' ')
	line = hex.AppendEncode(line, c.hs.hello.random[:])
	line = append(line, ' ')
	line = hex.AppendEncode(line, secret)
	// A log that cannot be written is no reason to end the connection.
	_, _ = w.Write(append(line, '\n'))
}
