package rtc

import (
	"time"

	"github.com/sansrtc/rtc/rtp"
)

// maxReferenceTimes is how many sources of the peer are answered. Browsers use one or two.
const maxReferenceTimes = 16

// referenceTimes are what the peer's receivers have told of their clocks since the last report
// (RFC 3611 section 4.4). The answers in the next one tell them the round-trip time, which a
// receiver has no other way to measure.
type referenceTimes []referenceTime

type referenceTime struct {
	ssrc   uint32
	middle uint32 // of the NTP time told
	at     time.Time
}

// note takes a reference time, the latest of its source.
func (q *referenceTimes) note(now time.Time, ssrc uint32, t rtp.NTPTime) {
	told := referenceTime{ssrc, t.Middle(), now}
	for i := range *q {
		if (*q)[i].ssrc == ssrc {
			(*q)[i] = told
			return
		}
	}
	if len(*q) < maxReferenceTimes {
		*q = append(*q, told)
	}
}

// appendAnswers appends an answer to each.
func (q referenceTimes) appendAnswers(now time.Time, dst rtp.DLRRs) rtp.DLRRs {
	for _, t := range q {
		dst = dst.Append(rtp.DLRR{SSRC: t.ssrc, LastRR: t.middle, Delay: rtp.NTPDuration(now.Sub(t.at))})
	}
	return dst
}

// handleExtendedReport takes the reference times out of an extended report.
func (r *Rtc) handleExtendedReport(blocks rtp.XRCursor) {
	for b, ok := blocks.Next(); ok; b, ok = blocks.Next() {
		if t, ok := b.ReceiverReferenceTime(); ok {
			r.references.note(r.now, blocks.SSRC, t)
		}
	}
}
