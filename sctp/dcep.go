package sctp

import (
	"encoding/binary"
	"time"
)

// Payload protocol identifiers (RFC 8831 section 8, RFC 8832 section 8.1).
const (
	ppidDCEP          = 50
	ppidString        = 51
	ppidBinaryPartial = 52 // deprecated: a part of a message, others follow
	ppidBinary        = 53
	ppidStringPartial = 54 // deprecated
	ppidStringEmpty   = 56
	ppidBinaryEmpty   = 57
)

// Messages and channel types of DCEP (RFC 8832 section 5).
const (
	dcepAck  = 2
	dcepOpen = 3

	dcepOpenSize = 12

	typeReliable  = 0
	typeRexmit    = 1
	typeTimed     = 2
	typeUnordered = 0x80

	defaultPriority = 256

	// maxNames limits the bytes of the labels and protocols of the channels
	// that the peer opened.
	maxNames = 1 << 20

	maxKeptNames = 1 << 10 // size of the buffer for them that is kept
)

// appendOpen appends a DATA_CHANNEL_OPEN message.
func appendOpen(b []byte, c *ChannelConfig) []byte {
	typ, param := byte(typeReliable), uint32(0)
	switch {
	case c.MaxRetransmits != nil:
		typ, param = typeRexmit, uint32(*c.MaxRetransmits)
	case c.MaxLifetime != nil:
		typ, param = typeTimed, uint32(c.MaxLifetime.Milliseconds())
	}
	if c.Unordered {
		typ |= typeUnordered
	}
	b = append(b, dcepOpen, typ)
	b = binary.BigEndian.AppendUint16(b, c.Priority)
	b = binary.BigEndian.AppendUint32(b, param)
	b = binary.BigEndian.AppendUint16(b, uint16(len(c.Label)))
	b = binary.BigEndian.AppendUint16(b, uint16(len(c.Protocol)))
	b = append(b, c.Label...)
	return append(b, c.Protocol...)
}

// parseOpen reads a DATA_CHANNEL_OPEN message. It is false for one that breaks
// the format.
func parseOpen(b []byte) (c ChannelConfig, ok bool) {
	if len(b) < dcepOpenSize || b[0] != dcepOpen {
		return c, false
	}
	c.Unordered = b[1]&typeUnordered != 0
	param := binary.BigEndian.Uint32(b[4:])
	switch b[1] &^ typeUnordered {
	case typeReliable:
	case typeRexmit:
		n := uint16(min(param, 65535))
		c.MaxRetransmits = &n
	case typeTimed:
		d := time.Duration(param) * time.Millisecond
		c.MaxLifetime = &d
	default:
		return c, false
	}
	c.Priority = binary.BigEndian.Uint16(b[2:])
	label, protocol := int(binary.BigEndian.Uint16(b[8:])), int(binary.BigEndian.Uint16(b[10:]))
	if len(b) != dcepOpenSize+label+protocol {
		return c, false
	}
	c.Label = string(b[dcepOpenSize : dcepOpenSize+label])
	c.Protocol = string(b[dcepOpenSize+label:])
	return c, true
}

func (a *Association) queueOpen(ch *channel) {
	a.dcepScratch = appendOpen(a.dcepScratch[:0], &ch.cfg)
	m := a.newMessage(ch, ppidDCEP, a.dcepScratch)
	m.dcep = true
	a.dcepScratch = nil
}

// handleDCEP takes a DCEP message.
func (a *Association) handleDCEP(stream uint16, b []byte) {
	if len(b) > 0 && b[0] == dcepAck {
		if ch := a.byStream[stream]; ch != nil {
			ch.awaitingAck = false
		} else {
			a.stats.DroppedMessages++
		}
		return
	}
	cfg, ok := parseOpen(b)
	if ch := a.byStream[stream]; ok && ch != nil && ch.inReset && ch.resetOut {
		// The peer uses the stream again, so it has reset ours; its answer
		// was lost or is late.
		a.resetDone()
		a.dropChannel(ch, ch.closeErr)
	}
	switch ch := a.byStream[stream]; {
	case ch != nil:
		// An OPEN, or nonsense, on a channel that is there: "If an error
		// occurs … the receiving side MUST … close the data channel by
		// resetting the … stream"
		// (https://www.rfc-editor.org/rfc/rfc8832#section-6).
		a.closeBroken(ch, ErrProtocol)
	case !ok, a.cfg.Client == (stream&1 == 0), len(a.channels)+a.lingering >= a.cfg.MaxChannels,
		a.names+len(cfg.Label)+len(cfg.Protocol) > maxNames, int(stream) >= a.outStreams, a.busy(stream), a.shutdownWanted:
		a.refuse(stream)
	default:
		a.accept(stream, cfg)
	}
}

// accept makes a channel that the peer opens.
func (a *Association) accept(stream uint16, cfg ChannelConfig) {
	ch := a.newChannel(cfg)
	ch.remote = true
	a.names += len(cfg.Label) + len(cfg.Protocol)
	a.setStream(ch, stream)
	m := a.newMessage(ch, ppidDCEP, []byte{dcepAck})
	m.dcep = true
	a.announce(ch)
}

// refuse resets our side of a stream on which the peer tried in vain to open a
// channel.
func (a *Association) refuse(stream uint16) {
	a.stats.DroppedMessages++
	if int(stream) < a.outStreams && a.peerReconfig && a.byStream[stream] == nil {
		a.refused.add(stream)
		a.makeReset()
	}
}

// closeBroken closes a channel on which the peer broke the rules.
func (a *Association) closeBroken(ch *channel, err error) {
	a.dropQueued(ch)
	a.beginClose(ch, err)
}

// refuseMessage closes the channel of a message that is too large.
func (a *Association) refuseMessage(head *fragment) {
	if ch := a.byStream[head.stream]; ch != nil {
		a.closeBroken(ch, ErrMessageTooLarge)
	}
}

// deliver takes a complete message, whose turn it is.
func (a *Association) deliver(head *fragment) {
	stream := head.stream
	switch {
	case head.spoilt:
		a.freeRun(head)
		return
	case head.ppid == ppidDCEP:
		a.gather(head)
		a.freeRun(head)
		a.handleDCEP(stream, a.gathered)
		if cap(a.gathered) > maxKeptNames {
			a.gathered = nil
		}
		return
	}
	ch := a.byStream[stream]
	if ch == nil || ch.state == channelClosing || ch.inReset {
		a.stats.DroppedMessages++
		a.freeRun(head)
		return
	}
	ch.awaitingAck = false // "or any other message"
	switch head.ppid {
	case ppidString, ppidBinary, ppidStringEmpty, ppidBinaryEmpty, ppidStringPartial, ppidBinaryPartial:
		a.events.push(event{kind: EventMessage, ch: ch, msg: head})
	default:
		a.stats.DroppedMessages++
		a.freeRun(head)
	}
}

// gather puts the bytes of a DCEP message into one piece.
func (a *Association) gather(head *fragment) {
	a.gathered = a.gathered[:0]
	for f := head; f != nil; f = f.next {
		a.gathered = append(a.gathered, f.data...)
	}
}
