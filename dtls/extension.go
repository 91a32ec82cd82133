package dtls

import "slices"

// Extension types (TLS ExtensionType Values registry).
const (
	extSupportedGroups      uint16 = 10
	extPointFormats         uint16 = 11
	extSignatureAlgorithms  uint16 = 13
	extUseSRTP              uint16 = 14
	extExtendedMasterSecret uint16 = 23
	extSupportedVersions    uint16 = 43
	extCookie               uint16 = 44
	extKeyShare             uint16 = 51
	extRenegotiationInfo    uint16 = 0xff01
)

// forEachExtension calls f for each extension in a block of them, until f
// returns an error. No type may come twice.
func forEachExtension(block []byte, f func(typ uint16, body cursor) error) error {
	var room [32]uint16
	seen := room[:0]
	for c := (cursor{b: block}); len(c.b) > 0; {
		typ := c.u16()
		body := c.vec16()
		if !c.ok() || len(seen) == maxExtensions {
			return refuse(AlertDecodeError, errMalformed)
		}
		// "There MUST NOT be more than one extension of the same type in a
		// given extension block."
		// https://www.rfc-editor.org/rfc/rfc8446#section-4.2
		if slices.Contains(seen, typ) {
			return refuse(AlertIllegalParameter, errDuplicateExtension)
		}
		seen = append(seen, typ)
		if err := f(typ, cursor{b: body}); err != nil {
			return err
		}
	}
	return nil
}

// appendExtension begins an extension; closeVec(dst, at, 2) ends it.
func openExtension(dst []byte, typ uint16) (_ []byte, at int) {
	return openVec(appendUint16(dst, typ), 2)
}

// parseUseSRTP reads the profiles and the MKI of use_srtp.
func parseUseSRTP(c *cursor) (profiles []SRTPProfile, mki []byte) {
	profiles = list16[SRTPProfile](c, c.vec16())
	mki = c.vec8()
	return profiles, mki
}

// appendUseSRTP appends the use_srtp extension, without an MKI.
func appendUseSRTP(dst []byte, profiles ...SRTPProfile) []byte {
	dst, at := openExtension(dst, extUseSRTP)
	dst = appendList16(dst, profiles)
	dst = append(dst, 0)
	return closeVec(dst, at, 2)
}
