package srtp

import "fmt"

// A Profile is a protection profile, with the number it has in the use_srtp extension of DTLS
// (RFC 5764 section 4.1.2, RFC 7714 section 14.2).
type Profile uint16

const (
	AES128_CM_HMAC_SHA1_80 Profile = 0x0001
	AES128_CM_HMAC_SHA1_32 Profile = 0x0002 // a short tag for RTP; that of RTCP has 80 bits
	AEAD_AES_128_GCM       Profile = 0x0007
	AEAD_AES_256_GCM       Profile = 0x0008
)

// String returns the profile's name in the IANA registry.
func (p Profile) String() string {
	switch p {
	case AES128_CM_HMAC_SHA1_80:
		return "SRTP_AES128_CM_HMAC_SHA1_80"
	case AES128_CM_HMAC_SHA1_32:
		return "SRTP_AES128_CM_HMAC_SHA1_32"
	case AEAD_AES_128_GCM:
		return "SRTP_AEAD_AES_128_GCM"
	case AEAD_AES_256_GCM:
		return "SRTP_AEAD_AES_256_GCM"
	default:
		return fmt.Sprintf("Profile(%#04x)", uint16(p))
	}
}

const (
	gcmTagSize  = 16
	cmTagSize   = 10
	indexSize   = 4 // E flag and index, at the end of an SRTCP packet
	gcmSaltSize = 12
	cmSaltSize  = 14
	macKeySize  = 20
)

// MaxOverhead is the most that any profile adds to a packet, RTP or RTCP.
const MaxOverhead = gcmTagSize + indexSize

// KeySize returns the size of a master key in bytes; zero for an unknown profile.
func (p Profile) KeySize() int {
	switch p {
	case AES128_CM_HMAC_SHA1_80, AES128_CM_HMAC_SHA1_32, AEAD_AES_128_GCM:
		return 16
	case AEAD_AES_256_GCM:
		return 32
	default:
		return 0
	}
}

// SaltSize returns the size of a master salt in bytes; zero for an unknown profile.
func (p Profile) SaltSize() int {
	switch p {
	case AES128_CM_HMAC_SHA1_80, AES128_CM_HMAC_SHA1_32:
		return cmSaltSize
	case AEAD_AES_128_GCM, AEAD_AES_256_GCM:
		return gcmSaltSize
	default:
		return 0
	}
}

// RTPOverhead returns the number of bytes that the profile adds to an RTP packet.
func (p Profile) RTPOverhead() int {
	switch p {
	case AES128_CM_HMAC_SHA1_80:
		return cmTagSize
	case AES128_CM_HMAC_SHA1_32:
		return 4
	case AEAD_AES_128_GCM, AEAD_AES_256_GCM:
		return gcmTagSize
	default:
		return 0
	}
}

// RTCPOverhead returns the number of bytes that the profile adds to an RTCP packet.
func (p Profile) RTCPOverhead() int {
	switch p {
	case AES128_CM_HMAC_SHA1_80, AES128_CM_HMAC_SHA1_32:
		return cmTagSize + indexSize
	case AEAD_AES_128_GCM, AEAD_AES_256_GCM:
		return gcmTagSize + indexSize
	default:
		return 0
	}
}
