package dtls

import "errors"

// refuse is the error of a handler whose peer has broken the protocol: the
// connection ends with alert a.
func refuse(a Alert, why error) error { return &AlertError{Alert: a, Err: why} }

// Reasons, found in AlertError.Err.
var (
	errMalformed          = errors.New("dtls: malformed handshake message")
	errUnexpectedMessage  = errors.New("dtls: handshake message out of order")
	errMessageSize        = errors.New("dtls: handshake message is too large")
	errRecordSize         = errors.New("dtls: record of more than 16384 bytes")
	errAlertSize          = errors.New("dtls: malformed alert")
	errUnexpectedRecord   = errors.New("dtls: record of a type that is not allowed here")
	errDuplicateExtension = errors.New("dtls: extension comes twice")
	errUnsolicited        = errors.New("dtls: extension that was not asked for")
	errMisplaced          = errors.New("dtls: extension in the wrong message")
	errMissingExtension   = errors.New("dtls: a required extension is missing")
	errVersion            = errors.New("dtls: no common version")
	errDowngrade          = errors.New("dtls: the handshake was downgraded by a third party")
	errSuite              = errors.New("dtls: no common cipher suite")
	errSuiteChoice        = errors.New("dtls: cipher suite that was not offered")
	errGroup              = errors.New("dtls: no common group, or one that was not offered")
	errKeyShare           = errors.New("dtls: invalid key share")
	errSessionID          = errors.New("dtls: invalid session id")
	errCompression        = errors.New("dtls: invalid compression method")
	errPointFormat        = errors.New("dtls: uncompressed points are not supported by the peer")
	errCookie             = errors.New("dtls: invalid cookie")
	errRetry              = errors.New("dtls: invalid HelloRetryRequest")
	errRetriedHello       = errors.New("dtls: the second ClientHello does not fit the first")
	errRenegotiation      = errors.New("dtls: renegotiation")
	errMasterSecret       = errors.New("dtls: the peer does not support extended master secret")
	errUseSRTP            = errors.New("dtls: invalid answer to use_srtp")
	errRequestContext     = errors.New("dtls: certificate request context is not empty")
	errNoPeerCertificate  = errors.New("dtls: the peer has sent no certificate")
	errCertificateSize    = errors.New("dtls: the certificates of the peer are too large")
	errCertificateParse   = errors.New("dtls: the certificate of the peer cannot be parsed")
	errCertificateKey     = errors.New("dtls: the key of the peer's certificate is of an unsupported kind")
	errScheme             = errors.New("dtls: no common signature scheme, or one that is not allowed")
	errSignature          = errors.New("dtls: the signature of the peer is wrong")
	errFinished           = errors.New("dtls: the Finished message of the peer is wrong")
	errKeyUpdate          = errors.New("dtls: invalid KeyUpdate")
	errSign               = errors.New("dtls: the Signer of Config.Certificate failed")
)
