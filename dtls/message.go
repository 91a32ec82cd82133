package dtls

// Handshake message types.
const (
	typeClientHello         uint8 = 1
	typeServerHello         uint8 = 2
	typeHelloVerifyRequest  uint8 = 3
	typeNewSessionTicket    uint8 = 4
	typeEncryptedExtensions uint8 = 8
	typeCertificate         uint8 = 11
	typeServerKeyExchange   uint8 = 12
	typeCertificateRequest  uint8 = 13
	typeServerHelloDone     uint8 = 14
	typeCertificateVerify   uint8 = 15
	typeClientKeyExchange   uint8 = 16
	typeFinished            uint8 = 20
	typeKeyUpdate           uint8 = 24
	typeMessageHash         uint8 = 254
)

// parseEncryptedExtensions returns the SRTP profile chosen, or 0. offered are the
// profiles that we offered.
func parseEncryptedExtensions(b []byte, offered []SRTPProfile) (profile SRTPProfile, err error) {
	c := cursor{b: b}
	block := c.vec16()
	if !c.done() {
		return 0, refuse(AlertDecodeError, errMalformed)
	}
	err = forEachExtension(block, func(typ uint16, c cursor) error {
		switch typ {
		case extUseSRTP:
			if len(offered) == 0 {
				return refuse(AlertUnsupportedExtension, errUnsolicited)
			}
			profiles, mki := parseUseSRTP(&c)
			if !c.done() {
				return refuse(AlertDecodeError, errMalformed)
			}
			profile, err = chosenProfile(offered, profiles, mki)
			return err
		case extSupportedGroups:
			// "Clients MUST NOT act upon any information found in
			// "supported_groups" prior to successful completion of the handshake."
			list16[Group](&c, c.vec16())
			if !c.done() {
				return refuse(AlertDecodeError, errMalformed)
			}
			return nil
		case extKeyShare, extSupportedVersions, extCookie, extSignatureAlgorithms,
			extExtendedMasterSecret, extRenegotiationInfo, extPointFormats:
			return refuse(AlertIllegalParameter, errMisplaced)
		}
		return refuse(AlertUnsupportedExtension, errUnsolicited)
	})
	return profile, err
}

// chosenProfile checks the server's answer to use_srtp.
func chosenProfile(offered, chosen []SRTPProfile, mki []byte) (SRTPProfile, error) {
	// "If the client detects a nonzero-length MKI in the server's response that is
	// different than the one the client offered, then the client MUST abort the
	// handshake". Ours is empty.
	// https://www.rfc-editor.org/rfc/rfc5764#section-4.1.3
	if len(chosen) != 1 || len(mki) != 0 {
		return 0, refuse(AlertIllegalParameter, errUseSRTP)
	}
	for _, p := range offered {
		if p == chosen[0] {
			return p, nil
		}
	}
	return 0, refuse(AlertIllegalParameter, errUseSRTP)
}

// parseCertificateRequest13 returns the signature schemes.
func parseCertificateRequest13(b []byte) (schemes []signatureScheme, err error) {
	c := cursor{b: b}
	context := c.vec8()
	block := c.vec16()
	if !c.done() {
		return nil, refuse(AlertDecodeError, errMalformed)
	}
	// "This field SHALL be zero length unless used for the post-handshake
	// authentication exchanges".
	// https://www.rfc-editor.org/rfc/rfc8446#section-4.3.2
	if len(context) != 0 {
		return nil, refuse(AlertIllegalParameter, errRequestContext)
	}
	err = forEachExtension(block, func(typ uint16, c cursor) error {
		if typ != extSignatureAlgorithms {
			return nil // "Clients MUST ignore unrecognized extensions."
		}
		schemes = list16[signatureScheme](&c, c.vec16())
		if !c.done() {
			return refuse(AlertDecodeError, errMalformed)
		}
		return nil
	})
	if err == nil && schemes == nil {
		return nil, refuse(AlertMissingExtension, errMissingExtension)
	}
	return schemes, err
}

func appendCertificateRequest13(dst []byte) []byte {
	dst = append(dst, 0)
	dst, at := openVec(dst, 2)
	dst, ext := openExtension(dst, extSignatureAlgorithms)
	dst = appendList16(dst, peerSchemes)
	dst = closeVec(dst, ext, 2)
	return closeVec(dst, at, 2)
}

// parseCertificate returns the certificates of a Certificate message.
func parseCertificate(b []byte, v Version) (chain [][]byte, err error) {
	c := cursor{b: b}
	var context []byte
	if v == VersionDTLS13 {
		context = c.vec8()
	}
	list := cursor{b: c.vec24()}
	if !c.done() {
		return nil, refuse(AlertDecodeError, errMalformed)
	}
	if len(context) != 0 {
		return nil, refuse(AlertIllegalParameter, errRequestContext)
	}
	if len(list.b) > maxCertificateBytes {
		return nil, refuse(AlertBadCertificate, errCertificateSize)
	}
	for len(list.b) > 0 {
		der := list.vec24()
		if v == VersionDTLS13 && len(list.vec16()) != 0 {
			// "Extensions in the Certificate message from the client MUST
			// correspond to extensions in the CertificateRequest message from the
			// server", and so for the server: we ask for none.
			return nil, refuse(AlertUnsupportedExtension, errUnsolicited)
		}
		if !list.ok() || len(der) == 0 || len(chain) == maxChain {
			return nil, refuse(AlertDecodeError, errMalformed)
		}
		chain = append(chain, der)
	}
	return chain, nil
}

func appendCertificate(dst []byte, v Version, chain [][]byte) []byte {
	if v == VersionDTLS13 {
		dst = append(dst, 0)
	}
	dst, at := openVec(dst, 3)
	for _, der := range chain {
		dst = appendVec(dst, 3, der)
		if v == VersionDTLS13 {
			dst = append(dst, 0, 0)
		}
	}
	return closeVec(dst, at, 3)
}

// parseCertificateVerify is for both versions.
func parseCertificateVerify(b []byte) (scheme signatureScheme, sig []byte, err error) {
	c := cursor{b: b}
	scheme = signatureScheme(c.u16())
	sig = c.vec16()
	if !c.done() {
		return 0, nil, refuse(AlertDecodeError, errMalformed)
	}
	return scheme, sig, nil
}

func appendCertificateVerify(dst []byte, scheme signatureScheme, sig []byte) []byte {
	return appendVec(appendUint16(dst, scheme), 2, sig)
}

// serverKeyExchange is the ECDHE form, the only one.
type serverKeyExchange struct {
	params []byte // what is signed, beside the randoms
	group  Group
	key    []byte
	scheme signatureScheme
	sig    []byte
}

// curveTypeNamed is the ECCurveType named_curve (RFC 8422 section 5.4).
const curveTypeNamed = 3

func parseServerKeyExchange(b []byte) (m serverKeyExchange, err error) {
	c := cursor{b: b}
	curveType := c.u8()
	m.group = Group(c.u16())
	m.key = c.vec8()
	m.params = b[:len(b)-len(c.b)]
	m.scheme = signatureScheme(c.u16())
	m.sig = c.vec16()
	if !c.done() || len(m.key) == 0 {
		return m, refuse(AlertDecodeError, errMalformed)
	}
	if curveType != curveTypeNamed {
		return m, refuse(AlertIllegalParameter, errGroup)
	}
	return m, nil
}

// appendKeyExchangeParams appends the ServerECDHParams.
func appendKeyExchangeParams(dst []byte, g Group, key []byte) []byte {
	dst = append(dst, curveTypeNamed)
	dst = appendUint16(dst, g)
	return appendVec(dst, 1, key)
}

// Client certificate types of DTLS 1.2.
const (
	certificateTypeRSA   = 1
	certificateTypeECDSA = 64
)

// parseCertificateRequest12 returns the signature schemes.
func parseCertificateRequest12(b []byte) ([]signatureScheme, error) {
	c := cursor{b: b}
	types := c.vec8()
	schemes := list16[signatureScheme](&c, c.vec16())
	for authorities := (cursor{b: c.vec16()}); len(authorities.b) > 0; {
		if len(authorities.vec16()) == 0 {
			c.bad = true
			break
		}
	}
	if !c.done() || len(types) == 0 {
		return nil, refuse(AlertDecodeError, errMalformed)
	}
	return schemes, nil
}

func appendCertificateRequest12(dst []byte) []byte {
	dst = append(dst, 2, certificateTypeECDSA, certificateTypeRSA)
	dst = appendList16(dst, peerSchemes)
	return append(dst, 0, 0)
}

func parseClientKeyExchange(b []byte) ([]byte, error) {
	c := cursor{b: b}
	key := c.vec8()
	if !c.done() || len(key) == 0 {
		return nil, refuse(AlertDecodeError, errMalformed)
	}
	return key, nil
}

// parseKeyUpdate reports whether the peer asks for an update of our keys.
func parseKeyUpdate(b []byte) (requested bool, err error) {
	if len(b) != 1 {
		return false, refuse(AlertDecodeError, errMalformed)
	}
	if b[0] > 1 {
		return false, refuse(AlertIllegalParameter, errKeyUpdate)
	}
	return b[0] == 1, nil
}

// checkNewSessionTicket reports whether the message is well formed. Tickets are
// not used.
func checkNewSessionTicket(b []byte) error {
	c := cursor{b: b}
	c.take(4 + 4)
	c.vec8()
	ticket := c.vec16()
	block := c.vec16()
	if !c.done() || len(ticket) == 0 {
		return refuse(AlertDecodeError, errMalformed)
	}
	return forEachExtension(block, func(uint16, cursor) error { return nil })
}
