package rtc

import "github.com/sansrtc/rtc/rtp"

// StreamStats is a snapshot of one stream of media.
type StreamStats struct {
	ID   MediaID
	RID  string // of the encoding; empty without simulcast
	SSRC uint32

	// Sending says that the stream is ours: then Sent is set, and Received otherwise.
	Sending  bool
	Sent     rtp.SenderStats
	Received rtp.ReceiverStats
}

// AppendStreamStats appends a snapshot of each stream sent or received, section by
// section, to dst.
func (r *Rtc) AppendStreamStats(dst []StreamStats) []StreamStats {
	for _, m := range r.media {
		for i := range m.encodings {
			if e := &m.encodings[i]; e.sender != nil {
				dst = append(dst, StreamStats{ID: m.id, RID: e.rid, SSRC: e.ssrc, Sending: true, Sent: e.sender.Stats()})
			}
		}
		for _, s := range m.streams {
			dst = append(dst, StreamStats{ID: m.id, RID: s.rid, SSRC: s.receiver.SSRC(), Received: s.receiver.Stats()})
		}
	}
	return dst
}
