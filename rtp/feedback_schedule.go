package rtp

import "time"

const (
	// feedbackPackets is how many packets make feedback due at once.
	feedbackPackets = 128
	// feedbackSize is what one feedback packet costs, with all headers.
	feedbackSize = 68

	minFeedbackInterval = 50 * time.Millisecond
	maxFeedbackInterval = 100 * time.Millisecond
)

// A FeedbackSchedule says when transport-wide feedback is due: every 50 to 100 ms while packets
// arrive, so that it takes about a twentieth of what it tells about, and sooner when many
// have come. The zero value is ready for use.
type FeedbackSchedule struct {
	time     timeline
	dueAt    int64
	sentAt   int64
	interval int64
	packets  int // since the last feedback
	bytes    int
}

// Arrived takes the arrival of a packet of size bytes on which there has to be feedback. It reports whether
// Deadline has changed for it.
func (f *FeedbackSchedule) Arrived(now time.Time, size int) bool {
	at := f.time.advance(now)
	if f.sentAt == 0 {
		f.sentAt, f.interval = at, int64(minFeedbackInterval)
	}
	f.packets++
	f.bytes += size
	switch {
	case f.packets == feedbackPackets:
		f.dueAt = at
		return true
	case f.dueAt == 0:
		// After silence the first packet is not told about alone.
		f.dueAt = max(f.sentAt+f.interval, at+int64(minFeedbackInterval)/4)
		return true
	}
	return false
}

// Take reports whether feedback is to be sent now, and takes it as sent.
func (f *FeedbackSchedule) Take(now time.Time) bool {
	at := f.time.advance(now)
	if f.dueAt == 0 || at < f.dueAt {
		return false
	}
	if elapsed := min(at-f.sentAt, int64(time.Second)); f.bytes > 0 {
		interval := feedbackSize * 20 * elapsed / int64(f.bytes)
		f.interval = min(max(interval, int64(minFeedbackInterval)), int64(maxFeedbackInterval))
	}
	f.sentAt, f.dueAt, f.packets, f.bytes = at, 0, 0, 0
	return true
}

// Deadline returns when feedback is due. The zero time means never.
func (f *FeedbackSchedule) Deadline() time.Time { return f.time.time(f.dueAt) }
