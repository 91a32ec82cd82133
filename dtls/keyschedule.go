package dtls

import (
	"crypto"
	"crypto/hkdf"
	"crypto/hmac"
)

// labelPrefix differs from that of TLS 1.3 ("tls13 ").
// https://www.rfc-editor.org/rfc/rfc9147#section-5.9
const labelPrefix = "dtls13"

// keySchedule is the key schedule of RFC 8446 section 7.1, without pre-shared
// keys.
type keySchedule struct {
	hash   crypto.Hash
	prefix string
	secret []byte // Early, Handshake or Master Secret
}

// newKeySchedule begins with the Early Secret.
func newKeySchedule(h crypto.Hash, prefix string) (keySchedule, error) {
	zeros := make([]byte, h.Size())
	secret, err := hkdf.Extract(h.New, zeros, zeros)
	return keySchedule{h, prefix, secret}, err
}

// next goes from Early to Handshake Secret (ikm is the result of the key
// exchange) and from Handshake to Master Secret (ikm is nil).
func (k *keySchedule) next(ikm []byte) error {
	empty := k.hash.New().Sum(nil)
	salt, err := k.expand(k.secret, "derived", empty, k.hash.Size())
	if err != nil {
		return err
	}
	if ikm == nil {
		ikm = make([]byte, k.hash.Size())
	}
	k.secret, err = hkdf.Extract(k.hash.New, ikm, salt)
	return err
}

// derive is Derive-Secret of the current secret, with the transcript's hash.
func (k *keySchedule) derive(label string, transcript []byte) ([]byte, error) {
	return k.expand(k.secret, label, transcript, k.hash.Size())
}

// expand is HKDF-Expand-Label.
func (k *keySchedule) expand(secret []byte, label string, context []byte, n int) ([]byte, error) {
	var room [128]byte
	info := appendUint16(room[:0], uint16(n))
	info, at := openVec(info, 1)
	info = append(info, k.prefix...)
	info = append(info, label...)
	info = closeVec(info, at, 1)
	info = appendVec(info, 1, context)
	return hkdf.Expand(k.hash.New, secret, string(info), n)
}

// finished is the verify_data of a Finished message.
func (k *keySchedule) finished(trafficSecret, transcript []byte) ([]byte, error) {
	key, err := k.expand(trafficSecret, "finished", nil, k.hash.Size())
	if err != nil {
		return nil, err
	}
	mac := hmac.New(k.hash.New, key)
	mac.Write(transcript)
	return mac.Sum(nil), nil
}

// export13 is the exporter of RFC 8446 section 7.5.
func export13(h crypto.Hash, prefix string, master []byte, label string, context []byte, n int) ([]byte, error) {
	k := keySchedule{hash: h, prefix: prefix}
	secret, err := k.expand(master, label, h.New().Sum(nil), h.Size())
	if err != nil {
		return nil, err
	}
	w := h.New()
	w.Write(context)
	return k.expand(secret, "exporter", w.Sum(nil), n)
}
