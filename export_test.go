package rtc

// LastPacket returns the SCTP packet that was last sealed, until ClearPacket.
func (r *Rtc) LastPacket() []byte { return r.plain }

// ClearPacket forgets it.
func (r *Rtc) ClearPacket() { r.plain = r.plain[:0] }

// Seal protects plaintext as the session's next DTLS record, so that tests can send
// what no session of ours would, to the other side of its connection.
func (r *Rtc) Seal(plain []byte) ([]byte, error) {
	return r.conn.AppendData(r.now, nil, plain)
}

// RaceEnabled reports whether this is a build with -race, which is several times slower.
func RaceEnabled() bool {
	b := []byte{0}
	poison(b)
	return b[0] != 0
}
