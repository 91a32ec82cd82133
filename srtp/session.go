package srtp

// Protection protects the packets of a session in both directions. Each method appends the
// result for a packet to dst, or returns dst as it was and an error, upon which the packet is
// dropped. The packet may be behind dst in the same array, as in f(b[:0], b), and an
// implementation may or may not use that room; it keeps neither slice. The methods are not
// called concurrently.
//
// [Session] is the implementation of this package. Another one has to refuse replayed
// packets, and to change no state for a packet that is not authentic.
type Protection interface {
	AppendEncryptRTP(dst, packet []byte) ([]byte, error)
	AppendDecryptRTP(dst, packet []byte) ([]byte, error)
	AppendEncryptRTCP(dst, packet []byte) ([]byte, error)
	AppendDecryptRTCP(dst, packet []byte) ([]byte, error)
}

// A PayloadProtection is a [Protection] that also takes packets of which header and payload lie apart, in other
// memory than dst. Where there is one, payloads are not copied just to lie behind their headers.
type PayloadProtection interface {
	Protection
	AppendEncryptRTPPayload(dst, header, payload []byte) ([]byte, error)
}

// A Factory makes the Protection of a session from what DTLS has negotiated. The keys are
// its own to keep.
type Factory func(Profile, Keys) (Protection, error)

// A Session protects both directions: it encrypts with Send and decrypts with Receive. It is a [PayloadProtection].
type Session struct {
	Send, Receive *Context
}

// NewSession returns a session with the defaults of Config. It returns ErrProfile, ErrKeys or
// ErrFIPS.
func NewSession(p Profile, keys Keys) (*Session, error) {
	// In one piece: each piece of memory takes time to find when it has left the processor's caches.
	m := &struct {
		Session
		send, receive Context
	}{}
	if err := m.send.init(Config{Profile: p, Master: keys.Local}); err != nil {
		return nil, err
	}
	if err := m.receive.init(Config{Profile: p, Master: keys.Remote}); err != nil {
		return nil, err
	}
	m.Send, m.Receive = &m.send, &m.receive
	return &m.Session, nil
}

// AppendEncryptRTP is that of Send.
func (s *Session) AppendEncryptRTP(dst, packet []byte) ([]byte, error) {
	return s.Send.AppendEncryptRTP(dst, packet)
}

// AppendEncryptRTPPayload is that of Send.
func (s *Session) AppendEncryptRTPPayload(dst, header, payload []byte) ([]byte, error) {
	return s.Send.AppendEncryptRTPPayload(dst, header, payload)
}

// AppendDecryptRTP is that of Receive.
func (s *Session) AppendDecryptRTP(dst, packet []byte) ([]byte, error) {
	return s.Receive.AppendDecryptRTP(dst, packet)
}

// AppendEncryptRTCP is that of Send.
func (s *Session) AppendEncryptRTCP(dst, packet []byte) ([]byte, error) {
	return s.Send.AppendEncryptRTCP(dst, packet)
}

// AppendDecryptRTCP is that of Receive.
func (s *Session) AppendDecryptRTCP(dst, packet []byte) ([]byte, error) {
	return s.Receive.AppendDecryptRTCP(dst, packet)
}
