package rtc_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/internal/simnet"
	"github.com/sansrtc/rtc/rtp"
	"github.com/sansrtc/rtc/stun"
)

// A transcriber prints datagrams in words, one line for each thing in them. It replaces what
// is random by names: ufrags by those of their owners, TSNs by their distance from the first,
// sources by what their packets say.
type transcriber struct {
	names      map[string]string // ufrag to peer
	initialTSN map[string]uint32 // by sender
	sources    map[uint32]string // SSRC to section and encoding
}

// describe returns the lines for a datagram that p sends.
func (d *transcriber) describe(p *simPeer, b []byte) []string {
	packet := p.LastPacket() // what the datagram holds, if it is of SCTP or RTCP
	defer p.ClearPacket()
	defer func() { p.lastRTP = p.lastRTP[:0] }()
	switch {
	case b[0] <= 3:
		return []string{"STUN " + d.stun(b)}
	case b[0] >= 20 && b[0] <= 63:
		if len(packet) > 0 && len(packet) < len(b) {
			var lines []string
			for _, chunk := range d.sctp(p.name, packet) {
				lines = append(lines, "SCTP "+chunk)
			}
			return lines
		}
		return []string{"DTLS " + strings.Join(dtlsRecords(b), ", ")}
	case b[0]>>6 == 2 && rtp.IsRTCP(b):
		return []string{d.rtcp(packet)}
	case b[0]>>6 == 2:
		return []string{d.rtp(p.lastRTP, len(b))}
	default:
		return []string{fmt.Sprintf("unknown, %d bytes", len(b))}
	}
}

func (d *transcriber) stun(b []byte) string {
	m, err := stun.Parse(b)
	if err != nil {
		return err.Error()
	}
	var out strings.Builder
	out.WriteString([]string{"request", "indication", "success", "error"}[m.Class()])
	for attrs := m.Attrs(); ; {
		a, ok := attrs.Next()
		if !ok {
			return out.String()
		}
		switch a.Type {
		case stun.AttrUsername:
			local, remote, _ := stun.SplitUsername(a.Value)
			fmt.Fprintf(&out, " to=%s from=%s", d.name(local), d.name(remote))
		case stun.AttrPriority:
			v, _ := a.Uint32()
			fmt.Fprintf(&out, " priority=%d", v)
		case stun.AttrUseCandidate:
			out.WriteString(" use-candidate")
		case stun.AttrICEControlling:
			out.WriteString(" controlling")
		case stun.AttrICEControlled:
			out.WriteString(" controlled")
		case stun.AttrXORMappedAddress:
			addr, _ := m.XORMappedAddress()
			fmt.Fprintf(&out, " mapped=%v", addr)
		case stun.AttrErrorCode:
			code, reason, _ := a.ErrorCode()
			fmt.Fprintf(&out, " %d %s", code, reason)
		}
	}
}

func (d *transcriber) name(ufrag []byte) string {
	if name, ok := d.names[string(ufrag)]; ok {
		return name
	}
	return "?"
}

var handshakeNames = map[byte]string{
	1: "ClientHello", 2: "ServerHello", 3: "HelloVerifyRequest", 8: "EncryptedExtensions", 11: "Certificate",
	12: "ServerKeyExchange", 13: "CertificateRequest", 14: "ServerHelloDone", 15: "CertificateVerify",
	16: "ClientKeyExchange", 20: "Finished", 24: "KeyUpdate",
}

// recordLength returns the length of the first record of a datagram.
func recordLength(b []byte) int {
	if !isCiphertext(b) {
		return 13 + int(binary.BigEndian.Uint16(b[11:]))
	}
	head := ciphertextHeader(b)
	if b[0]&0b100 == 0 {
		return len(b) // up to the end of the datagram
	}
	return head + int(binary.BigEndian.Uint16(b[head-2:]))
}

// isCiphertext recognises the unified header of DTLS 1.3.
// https://www.rfc-editor.org/rfc/rfc9147#section-4
func isCiphertext(b []byte) bool { return b[0]&0b1110_0000 == 0b0010_0000 }

// ciphertextHeader returns the length of that header: the first byte, a sequence number of
// one byte or two, and perhaps a length.
func ciphertextHeader(b []byte) int {
	n := 2
	if b[0]&0b1000 != 0 {
		n++
	}
	if b[0]&0b100 != 0 {
		n += 2
	}
	return n
}

// dtlsRecords names the records of a datagram. What is encrypted has only an epoch and a
// length.
func dtlsRecords(b []byte) []string {
	var records []string
	for ; len(b) > 0; b = b[recordLength(b):] {
		if isCiphertext(b) {
			records = append(records, fmt.Sprintf("encrypted, epoch %d, %d bytes", b[0]&3, recordLength(b)-ciphertextHeader(b)))
			continue
		}
		epoch, body := binary.BigEndian.Uint16(b[3:]), b[13:recordLength(b)]
		switch kind := b[0]; {
		case epoch > 0:
			records = append(records, fmt.Sprintf("encrypted, type %d, epoch %d, %d bytes", kind, epoch, len(body)))
		case kind == 22:
			records = append(records, handshakeMessage(body))
		case kind == 20:
			records = append(records, "ChangeCipherSpec")
		case kind == 21:
			records = append(records, fmt.Sprintf("alert %d", body[1]))
		default:
			records = append(records, fmt.Sprintf("record of type %d, %d bytes", kind, len(body)))
		}
	}
	return records
}

func handshakeMessage(b []byte) string {
	length := int(b[1])<<16 | int(b[2])<<8 | int(b[3])
	offset := int(b[6])<<16 | int(b[7])<<8 | int(b[8])
	size := int(b[9])<<16 | int(b[10])<<8 | int(b[11])
	name := handshakeNames[b[0]]
	if b[0] == 2 && offset == 0 && size >= 6 && binary.BigEndian.Uint32(b[14:]) == 0xcf21ad74 {
		name = "HelloRetryRequest" // by its random, RFC 8446 section 4.1.3
	}
	if size == length {
		return name
	}
	return fmt.Sprintf("%s [%d:%d] of %d", name, offset, offset+size, length)
}

// sctp names the chunks of a packet.
func (d *transcriber) sctp(sender string, b []byte) []string {
	var chunks []string
	for b = b[12:]; len(b) >= 4; {
		length := int(binary.BigEndian.Uint16(b[2:]))
		chunks = append(chunks, d.chunk(sender, b[0], b[1], b[4:length]))
		b = b[min((length+3)&^3, len(b)):]
	}
	return chunks
}

var chunkNames = map[byte]string{
	1: "INIT", 2: "INIT ACK", 3: "SACK", 4: "HEARTBEAT", 5: "HEARTBEAT ACK", 6: "ABORT", 7: "SHUTDOWN",
	8: "SHUTDOWN ACK", 9: "ERROR", 10: "COOKIE ECHO", 11: "COOKIE ACK", 14: "SHUTDOWN COMPLETE",
	130: "RE-CONFIG", 192: "FORWARD TSN",
}

func (d *transcriber) chunk(sender string, kind, flags byte, b []byte) string {
	peer := map[string]string{"L": "R", "R": "L"}[sender]
	switch kind {
	case 0:
		return d.data(sender, flags, b)
	case 1, 2:
		d.initialTSN[sender] = binary.BigEndian.Uint32(b[12:])
		return chunkNames[kind]
	case 3:
		text := fmt.Sprintf("SACK through %d", d.tsn(peer, b))
		for gap := range binary.BigEndian.Uint16(b[8:]) {
			block := b[12+4*gap:]
			text += fmt.Sprintf(" +%d…%d", binary.BigEndian.Uint16(block), binary.BigEndian.Uint16(block[2:]))
		}
		return text
	case 192:
		return fmt.Sprintf("FORWARD TSN to %d", d.tsn(sender, b))
	default:
		if name, ok := chunkNames[kind]; ok {
			return name
		}
		return fmt.Sprintf("chunk of type %d", kind)
	}
}

// tsn returns the number of the DATA chunk, from 1, that sender gave this TSN.
func (d *transcriber) tsn(sender string, b []byte) int32 {
	return int32(binary.BigEndian.Uint32(b)-d.initialTSN[sender]) + 1
}

func (d *transcriber) data(sender string, flags byte, b []byte) string {
	var part string
	switch flags & 3 {
	case 0:
		part = " middle"
	case 1:
		part = " last"
	case 2:
		part = " first"
	}
	if flags&4 != 0 {
		part += " unordered"
	}
	ppid, payload := binary.BigEndian.Uint32(b[8:]), b[12:]
	what := fmt.Sprintf("%d bytes", len(payload))
	switch ppid {
	case 50: // RFC 8832 section 8.1
		what = "channel ack"
		if payload[0] == 3 {
			label := binary.BigEndian.Uint16(payload[8:])
			what = fmt.Sprintf("channel open %q", payload[12:12+label])
		}
	case 51:
		what = "string of " + what
	case 53:
		what = "binary of " + what
	case 56:
		what = "empty string"
	case 57:
		what = "empty binary"
	}
	return fmt.Sprintf("DATA %d stream %d%s %s", d.tsn(sender, b), binary.BigEndian.Uint16(b[4:]), part, what)
}

// transcribe prints what happens in the world from now on into out.
func (w *world) transcribe(out *strings.Builder) *transcriber {
	d := &transcriber{names: map[string]string{}, initialTSN: map[string]uint32{}, sources: map[uint32]string{}}
	line := func(format string, args ...any) {
		fmt.Fprintf(out, "%.3f %s\n", w.net.Elapsed().Seconds(), fmt.Sprintf(format, args...))
	}
	w.net.Trace = func(_ time.Time, fate simnet.Fate, h *simnet.Host, p simnet.Packet) {
		switch fate {
		case simnet.Sent:
			from := w.peers[h.Name]
			for _, what := range d.describe(from, p.Data) {
				line("%s → %s  %s", from.name, w.other(from).name, what)
			}
		case simnet.Delivered:
		default:
			line("       (%v)", fate)
		}
	}
	for _, p := range []*simPeer{w.l, w.r} {
		p.onEvent = func(ev rtc.Event) {
			line("%s        %s", p.name, describeEvent(ev))
		}
		p.onClosed = func() { line("%s        closed: %v", p.name, p.err) }
		p.onLost = func(b []byte) {
			for _, what := range d.describe(p, b) {
				line("%s → ×  %s", p.name, what)
			}
		}
	}
	return d
}
