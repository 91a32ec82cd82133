package rtc

// repeats keeps the latest packets of an encoding as they were sent, protection and all. Where
// there is no RTX, lost packets are sent again under their old number, which would be a
// second use of the encryption unless they are the same to the last bit. Memory is taken when
// the first packet is kept.
type repeats struct {
	ring []sealedPacket // by sequence number

	// asked says that the peer asks, agreed or not: Chromium asks for lost sound if our offer
	// says that we would, although its own answer does not.
	asked bool
}

type sealedPacket struct {
	number uint16
	data   []byte
}

// maxRepeats is how many are kept: more than a second of sound.
const maxRepeats = 128

func (q *repeats) keep(number uint16, sealed []byte) {
	if q.ring == nil {
		q.ring = make([]sealedPacket, maxRepeats)
	}
	p := &q.ring[number%maxRepeats]
	p.number, p.data = number, append(p.data[:0], sealed...)
}

// append appends a packet that was sent before, if it is still there.
func (q *repeats) append(dst []byte, number uint16) ([]byte, bool) {
	q.asked = true
	if q.ring == nil {
		return dst, false
	}
	p := &q.ring[number%maxRepeats]
	if p.number != number || len(p.data) == 0 {
		return dst, false
	}
	return append(dst, p.data...), true
}

// repeatsPlainly reports whether lost packets of a payload type are asked for and sent again
// without RTX.
func (e *encoding) repeatsPlainly(payloadType uint8) bool {
	c := e.media.sendCodec(payloadType)
	return c != nil && c.Send.RTX == 0 && (e.repeats.asked || hasFeedback(c, "nack", ""))
}
