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
// wait, goodbyes, and reports. What finds no room is in the next one.
func (r *Rtc) appendRTCP(dst []byte) ([]byte, bool) {
	if r.protection == nil || len(r.media) == 0 && len(r.byes) == 0 {
		return dst, false
	}
	if r.due(r.reportAt) {
		r.oweReports()
	}
	bye := len(r.byes) > 0
	room := r.cfg.MTU - rtcpOverhead
	body := r.appendFeedback(r.feedback[:0], min(room-reportRoom-goodbyeSize, feedbackRoom))
	body = r.appendByes(body)
	r.feedback = body
	r.plain = r.plain[:0]
	switch {
	case r.reportsOwed:
		r.plain = r.appendReports(r.plain, room-len(body))
	case len(body) == 0:
		return dst, false
	case bye || !r.reducedSize:
		// A compound packet begins with a report, be it empty, and tells who reports.
		// https://www.rfc-editor.org/rfc/rfc3550#section-6.1
		r.plain = rtp.AppendReceiverReport(r.plain, rtp.ReceiverReport{SSRC: r.reportSSRC()})
		r.plain = r.appendName(r.plain, r.reportSSRC())
	}
	r.plain = append(r.plain, body...)
	out, err := r.protection.AppendEncryptRTCP(dst, r.plain)
	if err != nil {
		r.dropped.Unsealed++
		return dst, false
	}
	return out, true
}

// Sizes of what is in a datagram of RTCP.
const (
	rtcpOverhead = 4 + 16  // index and tag of SRTCP
	feedbackRoom = 700     // feedback is better sent early than in large pieces
	lossRoom     = 16 + 12 // a request for one packet, and one for a key frame
	goodbyeSize  = 4 + 4*maxByes

	senderReportSize   = 28
	reportBlockSize    = 24
	nameSize           = 4 + 4 + 2 + cnameSize + 2 // zeros fill it up to whole words
	extendedReportSize = 12                        // without answers
	reportRoom         = senderReportSize + nameSize + extendedReportSize + 12*maxReferenceTimes
)

// appendFeedback appends requests for lost packets and key frames, and the arrivals
// of packets, in at most that many bytes.
func (r *Rtc) appendFeedback(dst []byte, room int) []byte {
	sender := r.reportSSRC()
	if r.feedbackDue.Take(r.now) {
		dst, _ = r.arrivals.AppendFeedback(dst, sender, r.firstSource(), room)
	}
	for _, m := range r.media {
		for _, s := range m.streams {
			if len(dst)+lossRoom > room {
				return dst
			}
			if !r.due(s.receiver.Deadline()) {
				continue
			}
			// Those that find no room are asked for in the next round, as if the request were lost.
			r.lost = s.receiver.AppendNACK(r.now, r.lost[:0])
			lost := r.lost[:min(len(r.lost), 1+(room-len(dst)-lossRoom)/4)]
			dst = rtp.AppendNACK(dst, sender, s.receiver.SSRC(), lost)
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

// maxByes is how many sources one goodbye names.
const maxByes = 31

// appendByes appends a goodbye for the sources that have ended.
// https://www.rfc-editor.org/rfc/rfc3550#section-6.6
func (r *Rtc) appendByes(dst []byte) []byte {
	if len(r.byes) == 0 {
		return dst
	}
	n := min(len(r.byes), maxByes)
	var sources rtp.SSRCs
	for _, ssrc := range r.byes[:n] {
		sources = sources.Append(ssrc)
	}
	if r.byes = r.byes[n:]; len(r.byes) == 0 {
		r.byes = nil
	}
	return rtp.AppendGoodbye(dst, rtp.Goodbye{SSRCs: sources})
}

// oweReports has every stream reported once, in as many datagrams as that takes.
func (r *Rtc) oweReports() {
	r.reportAt = r.now.Add(r.reportPause())
	r.reportsOwed = true
	for _, m := range r.media {
		for _, s := range m.streams {
			s.reportOwed = true
		}
		for i := range m.encodings {
			m.encodings[i].reportOwed = true
		}
	}
	r.refreshRTT()
}

// appendReports appends what is owed and fits of sender reports, or else a receiver report, each
// with the name of its source and what the peer's receivers have asked for.
func (r *Rtc) appendReports(dst []byte, room int) []byte {
	r.answers = r.references.appendAnswers(r.now, r.answers[:0])
	size := senderReportSize + nameSize
	if len(r.answers) > 0 {
		size += extendedReportSize + len(r.answers)
	}
	blocks, left := r.takeBlocks((room - size) / reportBlockSize)
	for _, m := range r.media {
		for i := range m.encodings {
			e := &m.encodings[i]
			if e.sender == nil || !e.reportOwed {
				continue
			}
			if len(dst) > 0 && len(dst)+size > room {
				return dst // it is owed still
			}
			e.reportOwed = false
			if info, ok := e.sender.Report(r.now); ok {
				dst = rtp.AppendSenderReport(dst, rtp.SenderReport{SSRC: e.ssrc, Info: info, Blocks: blocks})
				dst = r.appendNameAndAnswers(dst, e.ssrc)
				blocks = nil
			}
		}
	}
	if len(dst) == 0 {
		dst = rtp.AppendReceiverReport(dst, rtp.ReceiverReport{SSRC: r.reportSSRC(), Blocks: blocks})
		dst = r.appendNameAndAnswers(dst, r.reportSSRC())
	}
	if !left {
		r.reportsOwed = false
		r.references = r.references[:0]
	}
	return dst
}

// takeBlocks returns the report blocks owed, as many as fit, and whether there are more.
func (r *Rtc) takeBlocks(most int) (blocks rtp.ReportBlocks, left bool) {
	blocks = r.blocks[:0]
	most = min(most, rtp.MaxReportBlocks)
	for _, m := range r.media {
		for _, s := range m.streams {
			switch {
			case !s.reportOwed:
			case blocks.Len() >= most:
				left = true
			default:
				s.reportOwed = false
				if b, ok := s.receiver.Report(r.now); ok {
					blocks = blocks.Append(b)
				}
			}
		}
	}
	r.blocks = blocks
	return blocks, left
}

// appendName appends the name that joins the sources of one sender.
func (r *Rtc) appendName(dst []byte, ssrc uint32) []byte {
	return rtp.AppendSourceDescription(dst, rtp.SDESItem{SSRC: ssrc, Type: rtp.SDESCNAME, Text: []byte(r.cname)})
}

// appendNameAndAnswers says under a source's name how long the peer's reference times have been
// here. libwebrtc looks for its round-trip time under the source that it receives.
func (r *Rtc) appendNameAndAnswers(dst []byte, ssrc uint32) []byte {
	dst = r.appendName(dst, ssrc)
	if len(r.answers) > 0 {
		dst = rtp.AppendDLRR(dst, ssrc, r.answers)
	}
	return dst
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
