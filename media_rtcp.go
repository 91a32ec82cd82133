package rtc

import "github.com/sansrtc/rtc/rtp"

// receiveRTCP applies an authenticated RTCP datagram.
func (r *Rtc) receiveRTCP(b []byte) {
	r.disturbMedia()
	packets, err := rtp.ParseRTCP(b)
	if err != nil {
		r.dropped.Malformed++
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
	} else if blocks, ok := p.ExtendedReport(); ok {
		r.handleExtendedReport(blocks)
	} else if bye, ok := p.Goodbye(); ok {
		for i := range bye.SSRCs.Len() {
			if src, ok := r.sources[bye.SSRCs.At(i)]; ok && !src.rtx {
				r.endStream(src.stream)
			}
		}
	}
}

// endStream is told that nothing more of a stream will come.
func (r *Rtc) endStream(s *inStream) {
	if s.ended || s.receiver.Stats().Packets == 0 {
		return
	}
	s.ended, s.endOwed, r.endsOwed = true, true, true
	s.receiver.HandleGoodbye(r.now)
}

// nextStreamEnd returns the end of a stream as an event, or nil.
func (r *Rtc) nextStreamEnd() Event {
	if !r.endsOwed {
		return nil
	}
	for _, m := range r.media {
		for _, s := range m.streams {
			if s.endOwed {
				s.endOwed = false
				return &StreamEnded{ID: m.id, RID: s.rid, SSRC: s.receiver.SSRC()}
			}
		}
	}
	r.endsOwed = false
	return nil
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
