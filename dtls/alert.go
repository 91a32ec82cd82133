package dtls

import "fmt"

// Alert is an alert description (RFC 8446 section 6, TLS Alerts registry).
type Alert uint8

const (
	AlertCloseNotify            Alert = 0
	AlertUnexpectedMessage      Alert = 10
	AlertBadRecordMAC           Alert = 20
	AlertRecordOverflow         Alert = 22
	AlertHandshakeFailure       Alert = 40
	AlertBadCertificate         Alert = 42
	AlertUnsupportedCertificate Alert = 43
	AlertCertificateRevoked     Alert = 44
	AlertCertificateExpired     Alert = 45
	AlertCertificateUnknown     Alert = 46
	AlertIllegalParameter       Alert = 47
	AlertUnknownCA              Alert = 48
	AlertAccessDenied           Alert = 49
	AlertDecodeError            Alert = 50
	AlertDecryptError           Alert = 51
	AlertProtocolVersion        Alert = 70
	AlertInsufficientSecurity   Alert = 71
	AlertInternalError          Alert = 80
	AlertUserCanceled           Alert = 90
	AlertNoRenegotiation        Alert = 100
	AlertMissingExtension       Alert = 109
	AlertUnsupportedExtension   Alert = 110
	AlertCertificateRequired    Alert = 116
	AlertNoApplicationProtocol  Alert = 120
)

// alertNames are the names of the registry.
var alertNames = map[Alert]string{
	AlertCloseNotify:            "close_notify",
	AlertUnexpectedMessage:      "unexpected_message",
	AlertBadRecordMAC:           "bad_record_mac",
	AlertRecordOverflow:         "record_overflow",
	AlertHandshakeFailure:       "handshake_failure",
	AlertBadCertificate:         "bad_certificate",
	AlertUnsupportedCertificate: "unsupported_certificate",
	AlertCertificateRevoked:     "certificate_revoked",
	AlertCertificateExpired:     "certificate_expired",
	AlertCertificateUnknown:     "certificate_unknown",
	AlertIllegalParameter:       "illegal_parameter",
	AlertUnknownCA:              "unknown_ca",
	AlertAccessDenied:           "access_denied",
	AlertDecodeError:            "decode_error",
	AlertDecryptError:           "decrypt_error",
	AlertProtocolVersion:        "protocol_version",
	AlertInsufficientSecurity:   "insufficient_security",
	AlertInternalError:          "internal_error",
	AlertUserCanceled:           "user_canceled",
	AlertNoRenegotiation:        "no_renegotiation",
	AlertMissingExtension:       "missing_extension",
	AlertUnsupportedExtension:   "unsupported_extension",
	AlertCertificateRequired:    "certificate_required",
	AlertNoApplicationProtocol:  "no_application_protocol",
}

// String returns the name of the alert in the TLS Alerts registry.
func (a Alert) String() string {
	if s, ok := alertNames[a]; ok {
		return s
	}
	return fmt.Sprintf("Alert(%d)", uint8(a))
}

// AlertError ends a connection by an alert.
type AlertError struct {
	Alert Alert
	Peer  bool  // the peer sent the alert; otherwise it is ours
	Err   error // why we sent it; nil if the peer sent it
}

func (e *AlertError) Error() string {
	switch {
	case e.Peer:
		return "dtls: the peer sent alert " + e.Alert.String()
	case e.Err != nil:
		return e.Err.Error() + " (sent alert " + e.Alert.String() + ")"
	default:
		return "dtls: sent alert " + e.Alert.String()
	}
}

func (e *AlertError) Unwrap() error { return e.Err }

// handleAlert handles an alert.
func (c *Conn) handleAlert(content []byte, protected bool) {
	if len(content) != 2 {
		if protected {
			c.fail(refuse(AlertDecodeError, errAlertSize))
			return
		}
		c.stats.RecordsMalformed++
		return
	}
	fatal, alert := content[0] == 2, Alert(content[1])
	if !protected {
		c.handlePlainAlert(fatal, alert)
		return
	}
	switch {
	case alert == AlertCloseNotify:
		var err error
		if c.state != connected {
			err = &AlertError{Alert: alert, Peer: true}
		}
		c.end(err, AlertCloseNotify, false)
	case alert == AlertUserCanceled:
		// A close_notify follows.
	case fatal || c.version == VersionDTLS13:
		// "All alerts defined in this section below, as well as all unknown
		// alerts, are universally considered fatal".
		// https://www.rfc-editor.org/rfc/rfc8446#section-6
		c.flight = flight{}
		c.finish(&AlertError{Alert: alert, Peer: true})
	}
}

// handlePlainAlert handles an alert that anybody can have sent. It ends the
// connection only if there are no keys that a genuine one would use.
func (c *Conn) handlePlainAlert(fatal bool, alert Alert) {
	switch {
	case !fatal && alert != AlertCloseNotify, !c.started:
		c.stats.RecordsIgnored++
	case c.readApp == nil && c.readHandshake == nil:
		c.flight = flight{}
		c.finish(&AlertError{Alert: alert, Peer: true})
	default:
		c.stats.RecordsUnprotected++
		if c.hs != nil {
			c.hs.alert = &AlertError{Alert: alert, Peer: true} // explains a timeout
		}
	}
}
