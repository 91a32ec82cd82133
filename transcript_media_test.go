package rtc_test

import (
	"fmt"
	"strings"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/rtp"
)

// rtp names a packet by its section, its encoding, and its number there. Identifiers of header
// extensions are those that sections have by default.
func (d *transcriber) rtp(packet []byte, size int) string {
	h, payload, err := rtp.Parse(packet)
	if err != nil {
		return fmt.Sprintf("RTP as before, %d bytes", size) // sealed bytes that are sent again
	}
	mid, _ := h.Extensions.Get(1)
	rid, _ := h.Extensions.Get(4)
	name := string(mid)
	if repaired, ok := h.Extensions.Get(5); ok {
		rid = repaired
	}
	if len(rid) > 0 {
		name += "/" + string(rid)
	}
	// Payload types of retransmissions are odd.
	if rtx := h.PayloadType > 95 && h.PayloadType < 110 && h.PayloadType%2 == 1; rtx {
		d.sources[h.SSRC] = name + " rtx"
		return fmt.Sprintf("RTX %s type %d #%d again", name, h.PayloadType, uint16(payload[0])<<8|uint16(payload[1]))
	}
	d.sources[h.SSRC] = name
	return fmt.Sprintf("RTP %s type %d #%d at %d, %d bytes", name, h.PayloadType, h.SequenceNumber, h.Timestamp, len(payload))
}

// source names an SSRC.
func (d *transcriber) source(ssrc uint32) string {
	if name, ok := d.sources[ssrc]; ok {
		return name
	}
	return "?"
}

// rtcp names what is in a datagram of RTCP.
func (d *transcriber) rtcp(datagram []byte) string {
	packets, err := rtp.ParseRTCP(datagram)
	if err != nil {
		return err.Error()
	}
	var parts []string
	for p, ok := packets.Next(); ok; p, ok = packets.Next() {
		parts = append(parts, d.rtcpPacket(p))
	}
	return "RTCP " + strings.Join(parts, "; ")
}

func (d *transcriber) rtcpPacket(p rtp.RTCPPacket) string {
	if r, ok := p.SenderReport(); ok {
		return fmt.Sprintf("SR of %s, %d packets%s", d.source(r.SSRC), r.Info.Packets, d.blocks(r.Blocks))
	}
	if r, ok := p.ReceiverReport(); ok {
		return "RR" + d.blocks(r.Blocks)
	}
	if _, ok := p.SourceDescription(); ok {
		return "SDES"
	}
	if n, ok := p.NACK(); ok {
		text := "NACK " + d.source(n.Media)
		for lost := n.Lost(); ; {
			number, ok := lost.Next()
			if !ok {
				return text
			}
			text += fmt.Sprintf(" #%d", number)
		}
	}
	if _, media, ok := p.PLI(); ok {
		return "PLI " + d.source(media)
	}
	if bye, ok := p.Goodbye(); ok {
		var names []string
		for i := range bye.SSRCs.Len() {
			names = append(names, d.source(bye.SSRCs.At(i)))
		}
		return "BYE " + strings.Join(names, ", ")
	}
	if p.Type == rtp.RTCPTransportFeedback {
		return "transport-cc"
	}
	return fmt.Sprintf("type %d", p.Type)
}

func (d *transcriber) blocks(blocks rtp.ReportBlocks) string {
	var text string
	for i := range blocks.Len() {
		b := blocks.At(i)
		text += fmt.Sprintf(" + %s to #%d", d.source(b.SSRC), b.HighestSequence&0xffff)
		if b.TotalLost > 0 {
			text += fmt.Sprintf(" lost %d", b.TotalLost)
		}
	}
	return text
}

// describeMediaEvent prints an event of audio and video on one line.
func describeMediaEvent(ev rtc.Event) string {
	name := func(id rtc.MediaID, rid string) string {
		if rid == "" {
			return fmt.Sprint(id)
		}
		return fmt.Sprintf("%d/%s", id, rid)
	}
	switch ev := ev.(type) {
	case *rtc.MediaChanged:
		text := fmt.Sprintf("MediaChanged %d %s %q %v", ev.ID, ev.Kind, ev.MID, ev.Direction)
		if ev.Added {
			text += " added"
		}
		if len(ev.RIDs) > 0 {
			text += fmt.Sprintf(" receives %v", ev.RIDs)
		}
		if len(ev.SendRIDs) > 0 {
			text += fmt.Sprintf(" sends %v", ev.SendRIDs)
		}
		return text
	case *rtc.MediaStopped:
		return fmt.Sprintf("MediaStopped %d", ev.ID)
	case *rtc.RTPReceived:
		return fmt.Sprintf("RTPReceived %s #%d", name(ev.ID, ev.RID), ev.Header.SequenceNumber)
	case *rtc.FrameReceived:
		return fmt.Sprintf("FrameReceived %s at %d, %d bytes, key=%t", name(ev.ID, ev.RID), ev.Frame.Timestamp, len(ev.Frame.Data), ev.Frame.KeyFrame)
	case *rtc.StreamEnded:
		return "StreamEnded " + name(ev.ID, ev.RID)
	case *rtc.KeyFrameRequested:
		return "KeyFrameRequested " + name(ev.ID, ev.RID)
	default:
		return fmt.Sprintf("%T", ev)
	}
}
