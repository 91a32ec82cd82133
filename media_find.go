package rtc

import "github.com/sansrtc/rtc/sdp"

// encodingOf finds what to send with.
func (r *Rtc) encodingOf(id MediaID, rid string) (*encoding, error) {
	m := mediaByID(r.media, id)
	if m == nil {
		return nil, ErrNoMedia
	}
	for i := range m.encodings {
		if e := &m.encodings[i]; e.rid == rid && e.active {
			return e, nil
		}
	}
	return nil, ErrNotSending
}

// target is what was written to last, which most often is written to next. To look it up takes memory that
// nothing else needs, and with many sessions that is slow. It is known while media is at rest.
type target struct {
	encoding    *encoding
	id          MediaID
	rid         string
	payloadType uint8
}

func (t *target) is(id MediaID, rid string, payloadType uint8) bool {
	return t.encoding != nil && t.id == id && t.payloadType == payloadType && t.rid == rid
}

// findTarget makes a section and an encoding the usual one.
func (r *Rtc) findTarget(id MediaID, rid string, payloadType uint8) error {
	e, err := r.encodingOf(id, rid)
	if err != nil {
		return err
	}
	if !e.media.sendsType(payloadType) {
		return ErrPayloadType
	}
	r.usual = target{e, id, e.rid, payloadType}
	return nil
}

// primaryOf returns the payload type that a retransmission payload type repairs.
func (m *media) primaryOf(rtx uint8) (uint8, bool) {
	for i := range m.agreed.Codecs {
		if f := &m.agreed.Codecs[i].Receive; f.RTX == rtx && rtx != 0 {
			return f.PayloadType, true
		}
	}
	return 0, false
}

// codecOf returns the codec that is received with a payload type, or nil.
func (m *media) codecOf(payloadType uint8) *sdp.AgreedCodec {
	for i := range m.agreed.Codecs {
		if c := &m.agreed.Codecs[i]; c.Receive.PayloadType == payloadType {
			return c
		}
	}
	return nil
}

// sendCodec returns the codec that is sent with a payload type, or nil.
func (m *media) sendCodec(payloadType uint8) *sdp.AgreedCodec {
	for i := range m.agreed.Codecs {
		if c := &m.agreed.Codecs[i]; c.Send.PayloadType == payloadType {
			return c
		}
	}
	return nil
}

func (m *media) sendsType(payloadType uint8) bool { return m.sendCodec(payloadType) != nil }

// receivesType reports whether a payload type, or the RTX of one, is expected.
func (m *media) receivesType(payloadType uint8) bool {
	_, rtx := m.primaryOf(payloadType)
	return rtx || m.codecOf(payloadType) != nil
}

func (m *media) receivesRID(rid string) bool {
	for _, alternatives := range m.agreed.Receive {
		for _, a := range alternatives {
			if a.ID == rid {
				return true
			}
		}
	}
	return false
}

// stream returns the stream of an encoding, or nil.
func (m *media) stream(rid string) *inStream {
	for _, s := range m.streams {
		if s.rid == rid {
			return s
		}
	}
	return nil
}

// setStream puts a stream in the place of the one with its RID.
func (m *media) setStream(s *inStream) {
	for i := range m.streams {
		if m.streams[i].rid == s.rid {
			m.streams[i] = s
			return
		}
	}
	m.streams = append(m.streams, s)
}

// mediaByPayloadType returns the only section that has a payload type, or nil.
func (r *Rtc) mediaByPayloadType(payloadType uint8) *media {
	var found *media
	for _, m := range r.media {
		if !m.receivesType(payloadType) {
			continue
		}
		if found != nil {
			return nil
		}
		found = m
	}
	return found
}
