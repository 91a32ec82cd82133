package rtc

import (
	"encoding/binary"
	"errors"
	"io"
	"time"

	"github.com/sansrtc/rtc/rtp"
	"github.com/sansrtc/rtc/rtp/codec"
)

var (
	// ErrNotSending is returned for media written to a section that does not send: by
	// its direction, or since the peer wants no encoding of that RID.
	ErrNotSending = errors.New("rtc: the section does not send")

	// ErrPayloadType is returned for a payload type the peer did not agree to.
	ErrPayloadType = errors.New("rtc: the payload type was not agreed on")
)

// encoding is one stream that we send in a section.
type encoding struct {
	// What every packet needs.
	sender *rtp.Sender // nil until it is first wanted
	media  *media
	place  uint64   // in the order of all encodings
	blanks blankIDs // of the section

	active        bool // the peer wants it now
	reportOwed    bool
	rid           string
	ssrc, rtxSSRC uint32

	repeats     repeats
	packetizer  *codec.Packetizer // of WriteFrame
	payloadType uint8             // of the packetizer
	payload     []byte            // scratch of it
}

// newSSRC draws the number of a source.
func (r *Rtc) newSSRC() (uint32, error) {
	var b [4]byte
	for {
		if _, err := io.ReadFull(r.cfg.Rand, b[:]); err != nil {
			return 0, err
		}
		// Zero stands for none.
		if ssrc := binary.BigEndian.Uint32(b[:]); ssrc != 0 {
			return ssrc, nil
		}
	}
}

// WriteRTP queues a packet to be sent in a section, with one of the payload types
// that the peer agreed to (see MediaChanged). SSRC and the header extensions that the session
// writes itself (MID, RID, transport-wide sequence number, send time) are filled in, and
// not to be in h; others there are sent as they are, under the identifiers agreed on. Those above
// 14 need the form [rtp.ExtensionTwoByte], as do values of more than 16 bytes. Sequence numbers
// and timestamps are the caller's; [rtp.Rewriter] makes those of a switched stream
// continuous. Payload and header are copied.
//
// It fails with rtp.ErrQueueFull if too many packets wait to be sent, and with
// rtp.ErrSequence for a sequence number that was used before.
func (r *Rtc) WriteRTP(now time.Time, id MediaID, rid string, h *rtp.Header, payload []byte) error {
	return r.writeRTP(now, id, rid, h, payload, false)
}

// WriteRTPShared is WriteRTP without a copy of the payload, for what a forwarder sends to many sessions: payload is kept
// for as long as this session may have to send it again, and its bytes must not change from here on. That of
// an [RTPReceived] is the session's that received it; one copy of it serves all that it goes to, from any goroutine.
func (r *Rtc) WriteRTPShared(now time.Time, id MediaID, rid string, h *rtp.Header, payload []byte) error {
	return r.writeRTP(now, id, rid, h, payload, true)
}

func (r *Rtc) writeRTP(now time.Time, id MediaID, rid string, h *rtp.Header, payload []byte, shared bool) error {
	if r.ending {
		return ErrClosed
	}
	r.advance(now)
	if !r.usual.is(id, rid, h.PayloadType) {
		if err := r.findTarget(id, rid, h.PayloadType); err != nil {
			return err
		}
	}
	return r.turns.write(r.now, r.usual.encoding, h, payload, shared)
}

// WriteFrame queues a whole frame to be sent in a section: it is split into packets.
// PayloadType is one that the peer agreed to, and f.Timestamp counts in units of its
// clock rate. What a frame is for each codec, package codec tells. To send header extensions
// with it, write what a [codec.Packetizer] makes of it by WriteRTP.
//
// If it fails with rtp.ErrQueueFull, the beginning of the frame may be on its way: what
// depends on the frame is best left out, up to the next key frame.
func (r *Rtc) WriteFrame(now time.Time, id MediaID, rid string, payloadType uint8, f codec.Frame) error {
	if r.ending {
		return ErrClosed
	}
	e, err := r.encodingOf(id, rid)
	if err != nil {
		return err
	}
	c := e.media.sendCodec(payloadType)
	if c == nil {
		return ErrPayloadType
	}
	r.advance(now)
	if e.packetizer == nil || e.payloadType != payloadType {
		p, err := codec.NewPacketizer(codec.PacketizerConfig{Name: c.Name, FMTP: c.Send.Fmtp})
		if err != nil {
			return err
		}
		e.packetizer, e.payloadType = p, payloadType
	}
	if err := e.packetizer.Start(f, r.cfg.MTU-rtp.FixedHeaderSize-e.media.overhead); err != nil {
		return err
	}
	for {
		payload, marker, ok := e.packetizer.AppendPayload(e.payload[:0])
		if !ok {
			return nil
		}
		e.payload = payload
		h := rtp.Header{
			PayloadType: payloadType, Marker: marker, Timestamp: f.Timestamp,
			SequenceNumber: e.sender.NextSequenceNumber(),
		}
		if err := r.turns.write(r.now, e, &h, payload, false); err != nil {
			return err
		}
	}
}

// appendRTP appends the next media packet owed, protected. The encodings take turns.
func (r *Rtc) appendRTP(dst []byte) ([]byte, bool) {
	if r.protection == nil {
		return dst, false
	}
	if !r.turns.known {
		r.turns.find(r.media)
	}
	for {
		e, p := r.turns.poll(r.now)
		if p == nil {
			return dst, false
		}
		if out, ok := r.sealRTP(dst, e, p); ok {
			return out, true
		}
	}
}

// sealRTP completes a packet and protects it.
func (r *Rtc) sealRTP(dst []byte, e *encoding, p *rtp.Outgoing) ([]byte, bool) {
	if p.Repeat {
		return e.repeats.append(dst, p.Number)
	}
	r.fillIn(&p.Own, e.blanks, len(p.Header)+len(p.Payload)+maxTag)
	out, err := r.encryptRTP(dst, p.Header, p.Payload)
	if err != nil {
		r.dropped.Unsealed++
		return dst, false
	}
	if p.Repeatable && e.repeatsPlainly(p.PayloadType) {
		e.repeats.keep(p.Number, out[len(dst):])
	}
	return out, true
}

func (r *Rtc) encryptRTP(dst, header, payload []byte) ([]byte, error) {
	if r.payloads != nil {
		return r.payloads.AppendEncryptRTPPayload(dst, header, payload)
	}
	start := len(dst)
	packet := append(append(dst, header...), payload...)
	return r.protection.AppendEncryptRTP(packet[:start], packet[start:])
}

// ownExtensions returns the header extensions that the session writes itself into the packets of an encoding, or
// into its retransmissions. First come blanks for what is not known before a packet is sent, see fillIn.
func (m *media) ownExtensions(e *encoding, rtx bool) (x rtp.Extensions) {
	if m.wide {
		x.Widen()
	}
	ids := &m.sendIDs
	if ids.transportCC != 0 {
		x.Append(ids.transportCC, []byte{0, 0})
	}
	if ids.absSendTime != 0 {
		x.Append(ids.absSendTime, []byte{0, 0, 0})
	}
	// The peer learns which section and which encoding a source belongs to from its
	// first packets, and then again whenever it has lost that.
	if ids.mid != 0 {
		x.Append(ids.mid, m.midBytes)
	}
	rid := ids.rid
	if rtx {
		rid = ids.repairedRID
	}
	if e.rid != "" && m.agreed.Send != nil && rid != 0 {
		x.Append(rid, []byte(e.rid))
	}
	return x
}

// maxTag is what protection adds to a packet at most.
const maxTag = 16

// fillIn fills in what belongs to one transmission of a packet of size bytes.
func (r *Rtc) fillIn(own *rtp.Extensions, ids blankIDs, size int) {
	if v := takeBlank(own, ids.transportCC, 2); v != nil {
		binary.BigEndian.PutUint16(v, r.departures.Add(r.now, size))
	}
	if v := takeBlank(own, ids.absSendTime, 3); v != nil {
		t := rtp.AbsSendTimeOf(rtp.NTPTimeOf(r.now))
		v[0], v[1], v[2] = byte(t>>16), byte(t>>8), byte(t)
	}
}

// takeBlank returns the value of an element, if it is the first, and leaves those behind it. A cursor
// would be slow for something that is done with every packet.
func takeBlank(x *rtp.Extensions, id uint8, size int) []byte {
	b, head := x.Data, 1
	if x.Profile == rtp.ExtensionOneByte {
		if len(b) < head+size || b[0] != id<<4|byte(size-1) {
			return nil
		}
	} else {
		head = 2
		if len(b) < head+size || b[0] != id || b[1] != byte(size) {
			return nil
		}
	}
	x.Data = b[head+size:]
	return b[head : head+size]
}
