package srtp

import (
	"crypto/aes"
	"crypto/cipher"
)

// ExporterLabel is the label under which DTLS exports the keys of SRTP, without a context.
// https://www.rfc-editor.org/rfc/rfc5764#section-4.2
const ExporterLabel = "EXTRACTOR-dtls_srtp"

// ExporterSize returns the number of bytes to export for a profile; zero for an unknown one.
func (p Profile) ExporterSize() int { return 2 * (p.KeySize() + p.SaltSize()) }

// A MasterKey is what the keys of one direction are derived from.
type MasterKey struct {
	Key, Salt []byte // of the profile's KeySize and SaltSize
}

// Keys are the master keys of a session.
type Keys struct {
	Local  MasterKey // protects what we send
	Remote MasterKey // protects what the peer sends
}

// KeysFromExporter takes the exported keying material apart for the DTLS client or the server.
// The keys are parts of material. It returns ErrProfile or ErrKeys.
//
//	client_write_SRTP_master_key[SRTPSecurityParams.master_key_len];
//	server_write_SRTP_master_key[SRTPSecurityParams.master_key_len];
//	client_write_SRTP_master_salt[SRTPSecurityParams.master_salt_len];
//	server_write_SRTP_master_salt[SRTPSecurityParams.master_salt_len];
//
// https://www.rfc-editor.org/rfc/rfc5764#section-4.2
func KeysFromExporter(p Profile, material []byte, client bool) (Keys, error) {
	k, s := p.KeySize(), p.SaltSize()
	switch {
	case k == 0:
		return Keys{}, ErrProfile
	case len(material) != p.ExporterSize():
		return Keys{}, ErrKeys
	}
	keys, salts := material[:2*k], material[2*k:]
	c := MasterKey{Key: keys[:k:k], Salt: salts[:s:s]}
	d := MasterKey{Key: keys[k:], Salt: salts[s:]}
	if client {
		return Keys{Local: c, Remote: d}, nil
	}
	return Keys{Local: d, Remote: c}, nil
}

// Labels of key derivation. https://www.rfc-editor.org/rfc/rfc3711#section-4.3.2
const (
	labelRTPEncryption byte = iota
	labelRTPAuthentication
	labelRTPSalt
	labelRTCPEncryption
	labelRTCPAuthentication
	labelRTCPSalt
)

// derive returns n bytes of session key for a label: the key stream of the master key under
// an initial counter of salt and label. The key derivation rate is always zero, as DTLS has
// no other, so that this happens once.
//
// A salt of 96 bits stands for one of 112 that ends in zeros.
// https://www.rfc-editor.org/rfc/rfc3711#section-4.3.1
// https://www.rfc-editor.org/rfc/rfc7714#section-11
func derive(master MasterKey, label byte, n int) ([]byte, error) {
	block, err := aes.NewCipher(master.Key)
	if err != nil {
		return nil, ErrKeys
	}
	var iv [aes.BlockSize]byte
	copy(iv[:cmSaltSize], master.Salt)
	iv[7] ^= label
	out := make([]byte, n)
	cipher.NewCTR(block, iv[:]).XORKeyStream(out, out)
	return out, nil
}

// sessionKeys are the derived keys for either RTP or RTCP.
type sessionKeys struct {
	encryption, salt, authentication []byte // no authentication key for GCM
}

func deriveSession(p Profile, master MasterKey, firstLabel byte) (k sessionKeys, err error) {
	if k.encryption, err = derive(master, firstLabel, p.KeySize()); err != nil {
		return k, err
	}
	if k.authentication, err = derive(master, firstLabel+1, macKeySize); err != nil {
		return k, err
	}
	k.salt, err = derive(master, firstLabel+2, p.SaltSize())
	return k, err
}
