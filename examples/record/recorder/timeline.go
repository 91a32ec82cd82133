package recorder

import (
	"time"

	"github.com/sansrtc/rtc"
)

const (
	// maxLeap is how far reports may move a stream back at once, or beyond the time in which its frames can have come.
	maxLeap = 500 * time.Millisecond

	// maxStray is how late a frame may be, in comparison with the quickest.
	maxStray = 3 * time.Second
)

// timeLine is what all streams have in common: the wall clock of the sender, in nanoseconds since 1970. Before
// the first report it is ours, and what the sender's shows is then shifted to it.
type timeLine struct {
	ours  bool  // frames have been placed without knowing the sender's clock
	known bool  // the sender's clock is
	shift int64 // from the sender's clock to the line
	lead  int64 // from our clock to the line, by the frame that was delayed least
	ledAt time.Time
}

// position is where a stream is on the time line.
type position struct {
	began    bool
	ticks    int64 // latest timestamp, extended
	jump     int64 // added to timestamps since the source has changed
	media    int64 // latest timestamp in nanoseconds
	arrived  time.Time
	anchored bool  // offset is known
	reported bool  // by reports
	offset   int64 // from media to the line
	shift    int64 // from what its reports say to where it is
}

// place finds out where a frame is on the line, if its stream is anchored. Those that wait are placed with the first that
// a report is known for.
func (l *timeLine) place(s *stream, b *block, f *rtc.FrameReceived) {
	s.advance(b, f.Frame.Timestamp, f.Codec.ClockRate, f.Time.IsZero())
	if !f.Time.IsZero() {
		l.follow(s, b, f.Time.UnixNano())
	}
	if s.anchored {
		b.at = b.media + s.offset
	}
}

// advance sets the media time of a block.
func (p *position) advance(b *block, timestamp, rate uint32, blind bool) {
	if !p.began {
		p.ticks = int64(timestamp)
	}
	p.ticks += int64(int32(timestamp - uint32(p.ticks)))
	b.media = p.ticks/int64(rate)*1e9 + p.ticks%int64(rate)*1e9/int64(rate) + p.jump
	if p.began && blind {
		stray := b.arrived.Sub(p.arrived) - time.Duration(b.media-p.media)
		if stray.Abs() > maxStray {
			p.jump += int64(stray)
			b.media += int64(stray)
			p.reported = false
		}
	}
	p.began, p.media, p.arrived = true, b.media, b.arrived
}

// follow takes the capture time of a frame by the sender's clock, and believes it if the frame can have been captured
// then and have come now. There are three reasons why it may not: somebody has set the sender's clock; or the
// source was stopped and has not counted that time, and no report has said so yet; or this clock is not that of
// the other streams.
func (l *timeLine) follow(s *stream, b *block, wall int64) {
	onward := b.media + s.offset // if nothing has changed
	if !l.known && l.ours {
		l.shift = b.arrived.UnixNano() - wall
		if s.anchored {
			l.shift = onward - wall
		}
	}
	report := wall + l.shift
	at := report
	switch {
	case !l.known:
	case l.plausible(b, report) && (!s.reported || report > onward-int64(maxLeap) || !l.plausible(b, onward)):
	case s.shift != 0 && l.plausible(b, report+s.shift):
		at = report + s.shift
	case s.anchored && l.plausible(b, onward):
		at = onward
	default:
		at = b.arrived.UnixNano() + l.lead
	}
	s.shift = at - report
	s.anchor(at - b.media)
	s.reported = true
	l.arrived(b, at)
}

// plausible reports whether a block that has come now can have been captured at a time.
func (l *timeLine) plausible(b *block, at int64) bool {
	late := time.Duration(b.arrived.UnixNano() + l.lead - at)
	return late > -maxLeap && late < maxStray
}

// arrived learns from a block how late others may be. Clocks run differently, so what was learnt is forgotten
// slowly, by a second in a quarter of an hour.
func (l *timeLine) arrived(b *block, at int64) {
	lead := at - b.arrived.UnixNano()
	if !l.known || lead > l.lead {
		l.lead = lead
	} else {
		l.lead -= min(int64(b.arrived.Sub(l.ledAt))/1000, l.lead-lead)
	}
	l.known, l.ledAt = true, b.arrived
}

// guess places a stream without reports, by the arrival of those of its frames that wait. The one that was delayed
// least tells most.
func (l *timeLine) guess(s *stream) {
	l.ours = l.ours || !l.known
	offset := s.queue[0].arrived.UnixNano() - s.queue[0].media
	for _, b := range s.queue[1:] {
		offset = min(offset, b.arrived.UnixNano()-b.media)
	}
	s.anchor(offset + l.lead)
}

// anchor sets the offset of a stream. What was not placed before is now.
func (s *stream) anchor(offset int64) {
	if !s.anchored {
		for _, b := range s.queue {
			b.at = b.media + offset
		}
	}
	s.anchored, s.offset = true, offset
}
