package rtc

import (
	"encoding/binary"
	"io"
	"time"

	"github.com/sansrtc/rtc/rtp"
)

// reportInterval is the mean time between two reports. RFC 3550 would have 5 s at
// least for most sessions; the AVPF profile lifts that (RFC 4585 section 3.4), and
// browsers report video every second.
const reportInterval = time.Second

// mediaDeadline returns when media has something to do by itself.
func (r *Rtc) mediaDeadline() time.Time {
	if r.protection == nil || len(r.media) == 0 {
		return time.Time{}
	}
	if _, ok := r.agent.SendPath(); !ok {
		return time.Time{} // nothing can be sent, so nothing that is due would ever be done
	}
	d := earliest(r.reportAt, r.feedbackDue.Deadline())
	for _, m := range r.media {
		for _, s := range m.streams {
			d = earliest(d, s.receiver.Deadline())
			if s.reorder != nil {
				d = earliest(d, s.reorder.Deadline())
			}
		}
		for i := range m.encodings {
			if s := m.encodings[i].sender; s != nil {
				d = earliest(d, s.Deadline())
			}
		}
	}
	return d
}

// handleMediaTimeouts gives up on what is too old.
func (r *Rtc) handleMediaTimeouts() {
	for _, m := range r.media {
		for _, s := range m.streams {
			if r.due(s.receiver.Deadline()) {
				s.receiver.HandleTimeout(r.now)
			}
		}
	}
}

// appendRTCP appends the next RTCP datagram owed, protected: feedback, which cannot
// wait, or reports.
func (r *Rtc) appendRTCP(dst []byte) ([]byte, bool) {
	if r.protection == nil || len(r.media) == 0 && len(r.byes) == 0 {
		return dst, false
	}
	body := r.appendFeedback(r.feedback[:0])
	report := r.due(r.reportAt) && len(r.media) > 0
	if len(r.byes) > 0 {
		// "a BYE packet [must be] sent in a compound packet", so a report goes with it.
		body = r.appendByes(body)
		report = true
	}
	r.feedback = body
	if len(body) == 0 && !report {
		return dst, false
	}
	r.plain = r.plain[:0]
	if report || !r.reducedSize {
		r.plain = r.appendReports(r.plain)
	}
	if report {
		r.refreshRTT()
		r.reportAt = r.now.Add(r.reportPause())
	}
	r.plain = append(r.plain, body...)
	out, err := r.protection.AppendEncryptRTCP(dst, r.plain)
	if err != nil {
		r.stats.Dropped.Unsealed++
		return dst, false
	}
	return out, true
}

// feedbackRoom bounds the feedback in one datagram; the rest goes into the next.
const feedbackRoom = 700

// appendFeedback appends requests for lost packets and key frames, and the arrivals
// of packets.
func (r *Rtc) appendFeedback(dst []byte) []byte {
	sender := r.reportSSRC()
	if r.feedbackDue.Take(r.now) {
		dst, _ = r.arrivals.AppendFeedback(dst, sender, r.firstSource(), feedbackRoom)
	}
	for _, m := range r.media {
		for _, s := range m.streams {
			if len(dst) > feedbackRoom {
				return dst
			}
			if !r.due(s.receiver.Deadline()) {
				continue
			}
			r.lost = s.receiver.AppendNACK(r.now, r.lost[:0])
			dst = rtp.AppendNACK(dst, sender, s.receiver.SSRC(), r.lost)
			if _, ok := s.receiver.TakeKeyFrameRequest(r.now); ok {
				dst = rtp.AppendPLI(dst, sender, s.receiver.SSRC())
			}
		}
	}
	return dst
}

// refreshRTT tells the streams what ICE measures: how soon to ask again for what is lost,
// and how soon not to send it again.
func (r *Rtc) refreshRTT() {
	rtt := r.agent.RTT()
	for _, m := range r.media {
		for _, s := range m.streams {
			s.receiver.SetRTT(rtt)
		}
		for i := range m.encodings {
			if s := m.encodings[i].sender; s != nil {
				s.SetRTT(rtt)
			}
		}
	}
}

// appendByes appends a goodbye for the sources that have ended.
// https://www.rfc-editor.org/rfc/rfc3550#section-6.6
func (r *Rtc) appendByes(dst []byte) []byte {
	n := min(len(r.byes), 31)
	var sources rtp.SSRCs
	for _, ssrc := range r.byes[:n] {
		sources = sources.Append(ssrc)
	}
	if r.byes = r.byes[n:]; len(r.byes) == 0 {
		r.byes = nil
	}
	return rtp.AppendGoodbye(dst, rtp.Goodbye{SSRCs: sources})
}

// appendReports appends sender reports, or a receiver report, and our name.
func (r *Rtc) appendReports(dst []byte) []byte {
	blocks := r.blocks[:0]
	for _, m := range r.media {
		for _, s := range m.streams {
			if b, ok := s.receiver.Report(r.now); ok && blocks.Len() < rtp.MaxReportBlocks {
				blocks = blocks.Append(b)
			}
		}
	}
	r.blocks = blocks
	reported := false
	for _, m := range r.media {
		for i := range m.encodings {
			s := m.encodings[i].sender
			if s == nil {
				continue
			}
			info, ok := s.Report(r.now)
			if !ok {
				continue
			}
			dst = rtp.AppendSenderReport(dst, rtp.SenderReport{SSRC: s.SSRC(), Info: info, Blocks: blocks})
			blocks, reported = nil, true
		}
	}
	if !reported {
		dst = rtp.AppendReceiverReport(dst, rtp.ReceiverReport{SSRC: r.reportSSRC(), Blocks: blocks})
	}
	return rtp.AppendSourceDescription(dst, rtp.SDESItem{SSRC: r.reportSSRC(), Type: rtp.SDESCNAME, Text: []byte(r.cname)})
}

// receiveRTCP applies an authenticated RTCP datagram.
func (r *Rtc) receiveRTCP(b []byte) {
	packets, err := rtp.ParseRTCP(b)
	if err != nil {
		r.stats.Dropped.Malformed++
		return
	}
	for p, ok := packets.Next(); ok; p, ok = packets.Next() {
		r.handleRTCP(p)
	}
}

func (r *Rtc) handleRTCP(p rtp.RTCPPacket) {
	if report, ok := p.SenderReport(); ok {
		if src, ok := r.sources[report.SSRC]; ok && !src.rtx {
			src.stream.receiver.HandleSenderReport(r.now, report.Info)
		}
		r.handleReportBlocks(report.Blocks)
	} else if report, ok := p.ReceiverReport(); ok {
		r.handleReportBlocks(report.Blocks)
	} else if nack, ok := p.NACK(); ok {
		if s := r.senderOf(nack.Media); s != nil {
			for lost := nack.Lost(); ; {
				n, ok := lost.Next()
				if !ok {
					break
				}
				s.HandleNACK(r.now, n)
			}
		}
	} else if _, media, ok := p.PLI(); ok {
		if s := r.senderOf(media); s != nil {
			s.HandlePLI(r.now)
		}
	} else if fir, ok := p.FIR(); ok {
		for media, number, ok := fir.Next(); ok; media, number, ok = fir.Next() {
			if s := r.senderOf(media); s != nil {
				s.HandleFIR(r.now, number)
			}
		}
	}
}

func (r *Rtc) handleReportBlocks(blocks rtp.ReportBlocks) {
	for i := range blocks.Len() {
		b := blocks.At(i)
		if s := r.senderOf(b.SSRC); s != nil && s.SSRC() == b.SSRC {
			s.HandleReport(r.now, b)
		}
	}
}

// senderOf returns the sender of one of our sources, or nil.
func (r *Rtc) senderOf(ssrc uint32) *rtp.Sender {
	for _, m := range r.media {
		for i := range m.encodings {
			if e := &m.encodings[i]; e.sender != nil && (e.ssrc == ssrc || e.rtxSSRC == ssrc) {
				return e.sender
			}
		}
	}
	return nil
}

// nextKeyFrameRequest returns the peer's wish for a key frame as an event, or nil.
func (r *Rtc) nextKeyFrameRequest() Event {
	for _, m := range r.media {
		for i := range m.encodings {
			if s := m.encodings[i].sender; s != nil && s.TakeKeyFrameRequest(r.now) {
				return &KeyFrameRequested{ID: m.id, RID: m.encodings[i].rid}
			}
		}
	}
	return nil
}

// reportSSRC is the source that reports and feedback come from: one of ours, or one
// without media.
func (r *Rtc) reportSSRC() uint32 {
	for _, m := range r.media {
		for i := range m.encodings {
			if s := m.encodings[i].sender; s != nil {
				return s.SSRC()
			}
		}
	}
	return r.ownSSRC
}

// firstSource is any source of the peer: transport feedback names one, and means all.
func (r *Rtc) firstSource() uint32 {
	for _, m := range r.media {
		for _, s := range m.streams {
			return s.receiver.SSRC()
		}
	}
	return 0
}

// reportPause is the time to the next report, varied so that sessions do not fall into
// step. "The interval between RTCP packets is varied randomly over the range [0.5,1.5]
// times the calculated interval". https://www.rfc-editor.org/rfc/rfc3550#section-6.2
func (r *Rtc) reportPause() time.Duration {
	var b [2]byte
	if _, err := io.ReadFull(r.cfg.Rand, b[:]); err != nil {
		return reportInterval
	}
	spread := time.Duration(binary.BigEndian.Uint16(b[:]))
	return reportInterval/2 + reportInterval*spread/(1<<16)
}
