package rtc

// TakePacket returns the SCTP packet that was last sealed, once. It lets transcripts show
// what a DTLS record holds.
func (r *Rtc) TakePacket() []byte {
	p := r.plain
	r.plain = r.plain[:0]
	return p
}

// Seal protects plaintext as the session's next DTLS record, so that tests can send
// what no session of ours would, to the other side of its connection.
func (r *Rtc) Seal(plain []byte) ([]byte, error) {
	return r.conn.AppendData(r.now, nil, plain)
}
