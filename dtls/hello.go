package dtls

import (
	"bytes"
	"slices"
)

// keyShare is one entry of a key_share extension.
type keyShare struct {
	group Group
	key   []byte
}

// clientHello is the content of a ClientHello. Slices point into the message.
type clientHello struct {
	version     Version
	random      [32]byte
	sessionID   []byte
	cookie      []byte // of DTLS 1.2
	suites      []CipherSuite
	compression []byte

	versions   []Version // nil: no supported_versions
	groups     []Group   // nil: no supported_groups
	shares     []keyShare
	hasShares  bool
	signatures []signatureScheme
	srtp       []SRTPProfile
	ems        bool
	cookie13   []byte // nil: no cookie extension
	reneg      bool
}

func parseClientHello(b []byte) (*clientHello, error) {
	c := cursor{b: b}
	m := new(clientHello)
	m.version = Version(c.u16())
	copy(m.random[:], c.take(32))
	m.sessionID = c.vec8()
	m.cookie = c.vec8()
	m.suites = list16[CipherSuite](&c, c.vec16())
	m.compression = c.vec8()
	// A ClientHello without extensions is well formed, but it lacks what both
	// versions require here: there is nothing to distinguish.
	block := c.vec16()
	if !c.done() || len(m.sessionID) > 32 || len(m.compression) == 0 {
		return nil, refuse(AlertDecodeError, errMalformed)
	}
	if err := forEachExtension(block, m.parseExtension); err != nil {
		return nil, err
	}
	// A suite value (TLS_EMPTY_RENEGOTIATION_INFO_SCSV) stands for an empty
	// renegotiation_info.
	// https://www.rfc-editor.org/rfc/rfc5746#section-3.3
	m.reneg = m.reneg || slices.Contains(m.suites, 0x00ff)
	return m, nil
}

func (m *clientHello) parseExtension(typ uint16, c cursor) error {
	switch typ {
	case extSupportedVersions:
		m.versions = list16[Version](&c, c.vec8())
	case extSupportedGroups:
		m.groups = list16[Group](&c, c.vec16())
	case extSignatureAlgorithms:
		m.signatures = list16[signatureScheme](&c, c.vec16())
	case extKeyShare:
		m.hasShares = true
		if err := m.parseShares(&c); err != nil {
			return err
		}
	case extUseSRTP:
		m.srtp, _ = parseUseSRTP(&c)
	case extExtendedMasterSecret:
		m.ems = true
	case extCookie:
		m.cookie13 = c.vec16()
		c.bad = c.bad || len(m.cookie13) == 0
	case extRenegotiationInfo:
		m.reneg = true
		if len(c.vec8()) != 0 {
			return refuse(AlertHandshakeFailure, errRenegotiation)
		}
	case extPointFormats:
		if formats := c.vec8(); c.ok() && !bytes.Contains(formats, []byte{0}) {
			return refuse(AlertIllegalParameter, errPointFormat)
		}
	default:
		return nil // "Servers MUST ignore unrecognized extensions."
	}
	if !c.done() {
		return refuse(AlertDecodeError, errMalformed)
	}
	return nil
}

func (m *clientHello) parseShares(c *cursor) error {
	for list := (cursor{b: c.vec16()}); len(list.b) > 0; {
		share := keyShare{Group(list.u16()), list.vec16()}
		if !list.ok() || len(share.key) == 0 || len(m.shares) == maxKeyShares {
			return refuse(AlertDecodeError, errMalformed)
		}
		// "Clients MUST NOT offer multiple KeyShareEntry values for the same group."
		// https://www.rfc-editor.org/rfc/rfc8446#section-4.2.8
		for _, s := range m.shares {
			if s.group == share.group {
				return refuse(AlertIllegalParameter, errKeyShare)
			}
		}
		m.shares = append(m.shares, share)
	}
	return nil
}

// share returns the key share for g, or nil.
func (m *clientHello) share(g Group) []byte {
	for _, s := range m.shares {
		if s.group == g {
			return s.key
		}
	}
	return nil
}

// append appends the message. order is the order of its extensions, as indexes
// into helloExtensions.
func (m *clientHello) append(dst []byte, order []uint8) []byte {
	dst = appendUint16(dst, m.version)
	dst = append(dst, m.random[:]...)
	dst = appendVec(dst, 1, m.sessionID)
	dst = appendVec(dst, 1, m.cookie)
	dst = appendList16(dst, m.suites)
	dst = appendVec(dst, 1, m.compression)
	dst, at := openVec(dst, 2)
	for _, i := range order {
		dst = m.appendExtension(dst, helloExtensions[i])
	}
	return closeVec(dst, at, 2)
}

// helloExtensions are the extensions a client may send.
var helloExtensions = [...]uint16{
	extSupportedVersions, extSupportedGroups, extSignatureAlgorithms, extKeyShare, extUseSRTP,
	extExtendedMasterSecret, extCookie, extRenegotiationInfo, extPointFormats,
}

// appendExtension appends an extension, if the message has it.
func (m *clientHello) appendExtension(dst []byte, typ uint16) []byte {
	if !m.has(typ) {
		return dst
	}
	if typ == extUseSRTP {
		return appendUseSRTP(dst, m.srtp...)
	}
	dst, at := openExtension(dst, typ)
	switch typ {
	case extSupportedVersions:
		dst = append(dst, byte(2*len(m.versions)))
		for _, v := range m.versions {
			dst = appendUint16(dst, v)
		}
	case extSupportedGroups:
		dst = appendList16(dst, m.groups)
	case extSignatureAlgorithms:
		dst = appendList16(dst, m.signatures)
	case extKeyShare:
		dst = m.appendShares(dst)
	case extCookie:
		dst = appendVec(dst, 2, m.cookie13)
	case extRenegotiationInfo:
		dst = append(dst, 0)
	case extPointFormats:
		dst = append(dst, 1, 0)
	case extExtendedMasterSecret:
	}
	return closeVec(dst, at, 2)
}

func (m *clientHello) has(typ uint16) bool {
	switch typ {
	case extSupportedVersions:
		return len(m.versions) > 0
	case extSupportedGroups:
		return len(m.groups) > 0
	case extSignatureAlgorithms:
		return len(m.signatures) > 0
	case extKeyShare:
		return m.hasShares
	case extUseSRTP:
		return len(m.srtp) > 0
	case extExtendedMasterSecret, extPointFormats:
		return m.ems
	case extCookie:
		return len(m.cookie13) > 0
	case extRenegotiationInfo:
		return m.reneg
	}
	return false
}

func (m *clientHello) appendShares(dst []byte) []byte {
	dst, at := openVec(dst, 2)
	for _, s := range m.shares {
		dst = appendUint16(dst, s.group)
		dst = appendVec(dst, 2, s.key)
	}
	return closeVec(dst, at, 2)
}

// serverHello is the content of a ServerHello or a HelloRetryRequest.
type serverHello struct {
	version     Version
	random      [32]byte
	sessionID   []byte
	suite       CipherSuite
	compression uint8

	selected   Version // of supported_versions; zero: not there
	share      keyShare
	hasShare   bool
	cookie     []byte // HelloRetryRequest only
	ems        bool
	reneg      bool
	srtp       []SRTPProfile
	unknown    bool // has an extension that no client of ours ever asked for
	formats    bool
	mki        []byte
	tls13only  bool // has an extension that only DTLS 1.3 has
	legacyonly bool // has an extension that only a ServerHello of DTLS 1.2 may have
}

// retryRandom marks a HelloRetryRequest: the SHA-256 of "HelloRetryRequest".
// https://www.rfc-editor.org/rfc/rfc8446#section-4.1.3
var retryRandom = [32]byte{
	0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
	0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
}

func (m *serverHello) isRetry() bool { return m.random == retryRandom }

func parseServerHello(b []byte) (*serverHello, error) {
	c := cursor{b: b}
	m := new(serverHello)
	m.version = Version(c.u16())
	copy(m.random[:], c.take(32))
	m.sessionID = c.vec8()
	m.suite = CipherSuite(c.u16())
	m.compression = c.u8()
	// As for the ClientHello: nothing is acceptable without extensions.
	block := c.vec16()
	if !c.done() || len(m.sessionID) > 32 {
		return nil, refuse(AlertDecodeError, errMalformed)
	}
	return m, forEachExtension(block, m.parseExtension)
}

func (m *serverHello) parseExtension(typ uint16, c cursor) error {
	switch typ {
	case extSupportedVersions:
		m.tls13only = true
		m.selected = Version(c.u16())
	case extKeyShare:
		m.tls13only = true
		m.hasShare = true
		m.share.group = Group(c.u16())
		if !m.isRetry() {
			m.share.key = c.vec16()
		}
	case extCookie:
		m.tls13only = true
		m.cookie = c.vec16()
		c.bad = c.bad || len(m.cookie) == 0
	case extExtendedMasterSecret:
		m.legacyonly, m.ems = true, true
	case extRenegotiationInfo:
		m.legacyonly, m.reneg = true, true
		if len(c.vec8()) != 0 {
			return refuse(AlertHandshakeFailure, errRenegotiation)
		}
	case extPointFormats:
		m.legacyonly, m.formats = true, true
		if formats := c.vec8(); c.ok() && !bytes.Contains(formats, []byte{0}) {
			return refuse(AlertIllegalParameter, errPointFormat)
		}
	case extUseSRTP:
		m.legacyonly = true
		m.srtp, m.mki = parseUseSRTP(&c)
	default:
		m.unknown = true
		return nil
	}
	if !c.done() {
		return refuse(AlertDecodeError, errMalformed)
	}
	return nil
}

func (m *serverHello) append(dst []byte) []byte {
	dst = appendUint16(dst, m.version)
	dst = append(dst, m.random[:]...)
	dst = appendVec(dst, 1, m.sessionID)
	dst = appendUint16(dst, m.suite)
	dst = append(dst, m.compression)
	dst, at := openVec(dst, 2)
	if m.selected != 0 {
		dst = appendUint16(dst, extSupportedVersions)
		dst = append(dst, 0, 2)
		dst = appendUint16(dst, m.selected)
	}
	if m.hasShare {
		var ext int
		dst, ext = openExtension(dst, extKeyShare)
		dst = appendUint16(dst, m.share.group)
		if !m.isRetry() {
			dst = appendVec(dst, 2, m.share.key)
		}
		dst = closeVec(dst, ext, 2)
	}
	if len(m.cookie) > 0 {
		var ext int
		dst, ext = openExtension(dst, extCookie)
		dst = closeVec(appendVec(dst, 2, m.cookie), ext, 2)
	}
	if m.ems {
		dst = append(appendUint16(dst, extExtendedMasterSecret), 0, 0)
	}
	if m.reneg {
		dst = append(appendUint16(dst, extRenegotiationInfo), 0, 1, 0)
	}
	if m.formats {
		dst = append(appendUint16(dst, extPointFormats), 0, 2, 1, 0)
	}
	if len(m.srtp) > 0 {
		dst = appendUseSRTP(dst, m.srtp...)
	}
	return closeVec(dst, at, 2)
}

// parseHelloVerifyRequest returns the cookie.
func parseHelloVerifyRequest(b []byte) ([]byte, error) {
	c := cursor{b: b}
	version := Version(c.u16())
	cookie := c.vec8()
	if !c.done() {
		return nil, refuse(AlertDecodeError, errMalformed)
	}
	// "DTLS 1.2 server implementations SHOULD use DTLS version 1.0 regardless of
	// the version of TLS that is expected to be negotiated."
	// https://www.rfc-editor.org/rfc/rfc6347#section-4.2.1
	if version != versionDTLS10 && version != VersionDTLS12 {
		return nil, refuse(AlertProtocolVersion, errVersion)
	}
	return cookie, nil
}

func appendHelloVerifyRequest(dst, cookie []byte) []byte {
	return appendVec(appendUint16(dst, versionDTLS10), 1, cookie)
}
