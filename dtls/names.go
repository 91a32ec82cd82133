package dtls

import (
	"crypto"
	"fmt"
)

// Version is a protocol version as it appears on the wire. A newer version has
// a smaller number.
type Version uint16

const (
	VersionDTLS12 Version = 0xfefd // RFC 6347
	VersionDTLS13 Version = 0xfefc // RFC 9147

	versionDTLS10 Version = 0xfeff // only in record headers and HelloVerifyRequest
)

func (v Version) String() string {
	switch v {
	case VersionDTLS12:
		return "DTLS 1.2"
	case VersionDTLS13:
		return "DTLS 1.3"
	default:
		return fmt.Sprintf("Version(%#04x)", uint16(v))
	}
}

// Group is a key exchange group (TLS Supported Groups registry).
type Group uint16

const (
	P256           Group = 0x0017
	P384           Group = 0x0018
	X25519         Group = 0x001d
	X25519MLKEM768 Group = 0x11ec // hybrid with ML-KEM-768; DTLS 1.3 only
)

func (g Group) String() string {
	switch g {
	case P256:
		return "P-256"
	case P384:
		return "P-384"
	case X25519:
		return "X25519"
	case X25519MLKEM768:
		return "X25519MLKEM768"
	default:
		return fmt.Sprintf("Group(%#04x)", uint16(g))
	}
}

// CipherSuite is a cipher suite (TLS Cipher Suites registry).
type CipherSuite uint16

const (
	// DTLS 1.3.
	TLS_AES_128_GCM_SHA256 CipherSuite = 0x1301
	TLS_AES_256_GCM_SHA384 CipherSuite = 0x1302

	// DTLS 1.2.
	TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 CipherSuite = 0xc02b
	TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 CipherSuite = 0xc02c
	TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256   CipherSuite = 0xc02f
	TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384   CipherSuite = 0xc030
)

// String returns the name of the suite in the IANA registry.
func (s CipherSuite) String() string {
	switch s {
	case TLS_AES_128_GCM_SHA256:
		return "TLS_AES_128_GCM_SHA256"
	case TLS_AES_256_GCM_SHA384:
		return "TLS_AES_256_GCM_SHA384"
	case TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256:
		return "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
	case TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384:
		return "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"
	case TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256:
		return "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
	case TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384:
		return "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
	default:
		return fmt.Sprintf("CipherSuite(%#04x)", uint16(s))
	}
}

// known reports whether this package implements the suite.
func (s CipherSuite) known() bool {
	switch s {
	case TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384,
		TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
		TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384:
		return true
	}
	return false
}

// dtls13 reports whether the suite is one of DTLS 1.3.
func (s CipherSuite) dtls13() bool { return s>>8 == 0x13 }

// rsa reports whether a DTLS 1.2 suite authenticates the server with RSA.
func (s CipherSuite) rsa() bool {
	return s == TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 || s == TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
}

// hash is the hash of the key schedule (1.3) or of the PRF (1.2).
func (s CipherSuite) hash() crypto.Hash {
	switch s {
	case TLS_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384:
		return crypto.SHA384
	}
	return crypto.SHA256
}

// keyLen is the length of the AES key.
func (s CipherSuite) keyLen() int {
	if s.hash() == crypto.SHA384 {
		return 32
	}
	return 16
}

// SRTPProfile is a protection profile of use_srtp (RFC 5764, RFC 7714).
type SRTPProfile uint16

const (
	SRTP_AES128_CM_HMAC_SHA1_80 SRTPProfile = 0x0001
	SRTP_AES128_CM_HMAC_SHA1_32 SRTPProfile = 0x0002
	SRTP_AEAD_AES_128_GCM       SRTPProfile = 0x0007
	SRTP_AEAD_AES_256_GCM       SRTPProfile = 0x0008
)

func (p SRTPProfile) String() string {
	switch p {
	case SRTP_AES128_CM_HMAC_SHA1_80:
		return "SRTP_AES128_CM_HMAC_SHA1_80"
	case SRTP_AES128_CM_HMAC_SHA1_32:
		return "SRTP_AES128_CM_HMAC_SHA1_32"
	case SRTP_AEAD_AES_128_GCM:
		return "SRTP_AEAD_AES_128_GCM"
	case SRTP_AEAD_AES_256_GCM:
		return "SRTP_AEAD_AES_256_GCM"
	default:
		return fmt.Sprintf("SRTPProfile(%#04x)", uint16(p))
	}
}

func (p SRTPProfile) known() bool {
	switch p {
	case SRTP_AES128_CM_HMAC_SHA1_80, SRTP_AES128_CM_HMAC_SHA1_32, SRTP_AEAD_AES_128_GCM, SRTP_AEAD_AES_256_GCM:
		return true
	}
	return false
}
