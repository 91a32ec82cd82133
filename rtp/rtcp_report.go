package rtp

import "encoding/binary"

const reportBlockSize = 24

// MaxReportBlocks is the number of blocks that fit into one report. The blocks beyond go into
// another receiver report.
const MaxReportBlocks = maxRTCPCount

// ReportBlocks is a list of report blocks as it is on the wire.
type ReportBlocks []byte

// Len returns the number of blocks.
func (r ReportBlocks) Len() int { return len(r) / reportBlockSize }

// At returns block i. It panics if there is none.
func (r ReportBlocks) At(i int) ReportBlock {
	b := r[i*reportBlockSize:][:reportBlockSize]
	return ReportBlock{
		SSRC:         binary.BigEndian.Uint32(b),
		FractionLost: b[4],
		// "cumulative number of packets lost: 24 bits", and signed.
		// https://www.rfc-editor.org/rfc/rfc3550#section-6.4.1
		TotalLost:       int32(binary.BigEndian.Uint32(b[4:])<<8) >> 8,
		HighestSequence: binary.BigEndian.Uint32(b[8:]),
		Jitter:          binary.BigEndian.Uint32(b[12:]),
		LastSR:          binary.BigEndian.Uint32(b[16:]),
		Delay:           binary.BigEndian.Uint32(b[20:]),
	}
}

// Append returns r with one more block, as append does. A total that does not fit into its 24
// bits is brought to the closest that does.
func (r ReportBlocks) Append(b ReportBlock) ReportBlocks {
	lost := uint32(min(max(b.TotalLost, -1<<23), 1<<23-1)) & (1<<24 - 1)
	r = binary.BigEndian.AppendUint32(r, b.SSRC)
	r = binary.BigEndian.AppendUint32(r, uint32(b.FractionLost)<<24|lost)
	r = binary.BigEndian.AppendUint32(r, b.HighestSequence)
	r = binary.BigEndian.AppendUint32(r, b.Jitter)
	r = binary.BigEndian.AppendUint32(r, b.LastSR)
	return binary.BigEndian.AppendUint32(r, b.Delay)
}

// A SenderReport says what a source has sent, and received from others.
// https://www.rfc-editor.org/rfc/rfc3550#section-6.4.1
type SenderReport struct {
	SSRC   uint32
	Info   SenderInfo
	Blocks ReportBlocks // at most MaxReportBlocks
}

// SenderReport decodes a sender report. What follows the blocks is passed over.
func (p RTCPPacket) SenderReport() (r SenderReport, ok bool) {
	end := 24 + int(p.Count)*reportBlockSize
	if p.Type != RTCPSenderReport || len(p.Body) < end {
		return r, false
	}
	return SenderReport{
		SSRC: binary.BigEndian.Uint32(p.Body),
		Info: SenderInfo{
			NTP:     NTPTime(binary.BigEndian.Uint64(p.Body[4:])),
			RTPTime: binary.BigEndian.Uint32(p.Body[12:]),
			Packets: binary.BigEndian.Uint32(p.Body[16:]),
			Octets:  binary.BigEndian.Uint32(p.Body[20:]),
		},
		Blocks: ReportBlocks(p.Body[24:end:end]),
	}, true
}

// AppendSenderReport appends a sender report. Blocks beyond MaxReportBlocks are left out.
func AppendSenderReport(dst []byte, r SenderReport) []byte {
	n := min(r.Blocks.Len(), MaxReportBlocks)
	dst, start := beginRTCP(dst, RTCPSenderReport, n)
	dst = binary.BigEndian.AppendUint32(dst, r.SSRC)
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.Info.NTP))
	dst = binary.BigEndian.AppendUint32(dst, r.Info.RTPTime)
	dst = binary.BigEndian.AppendUint32(dst, r.Info.Packets)
	dst = binary.BigEndian.AppendUint32(dst, r.Info.Octets)
	return endRTCP(append(dst, r.Blocks[:n*reportBlockSize]...), start)
}

// A ReceiverReport says what a participant that sends nothing has received.
// https://www.rfc-editor.org/rfc/rfc3550#section-6.4.2
type ReceiverReport struct {
	SSRC   uint32
	Blocks ReportBlocks // at most MaxReportBlocks; none is a valid report
}

// ReceiverReport decodes a receiver report. What follows the blocks is passed over.
func (p RTCPPacket) ReceiverReport() (r ReceiverReport, ok bool) {
	end := 4 + int(p.Count)*reportBlockSize
	if p.Type != RTCPReceiverReport || len(p.Body) < end {
		return r, false
	}
	return ReceiverReport{
		SSRC:   binary.BigEndian.Uint32(p.Body),
		Blocks: ReportBlocks(p.Body[4:end:end]),
	}, true
}

// AppendReceiverReport appends a receiver report. Blocks beyond MaxReportBlocks are left out.
func AppendReceiverReport(dst []byte, r ReceiverReport) []byte {
	n := min(r.Blocks.Len(), MaxReportBlocks)
	dst, start := beginRTCP(dst, RTCPReceiverReport, n)
	dst = binary.BigEndian.AppendUint32(dst, r.SSRC)
	return endRTCP(append(dst, r.Blocks[:n*reportBlockSize]...), start)
}
