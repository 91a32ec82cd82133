package recorder

import (
	"bytes"
	"slices"
	"time"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/rtp/codec"
)

// stream is what comes in one section.
type stream struct {
	id       rtc.MediaID
	kind     rtc.MediaKind
	rid      string // of a simulcast, the encoding that came first
	started  bool
	expected bool // the section is there to receive
	silent   bool // others have waited for it in vain

	track *Track   // of the latest frame taken
	shown *Track   // of the latest frame written
	queue []*block // not written yet

	position // on the time line

	keyAt    time.Time // of the latest key frame
	keyAsked bool      // and it has not come
	keyOwed  bool      // a request has to be sent
}

// block is a frame that waits to be written.
type block struct {
	track   *Track
	key     bool
	data    []byte
	arrived time.Time
	media   int64 // by the timestamps of its stream, in nanoseconds
	at      int64 // on the time line, in nanoseconds; set once the stream is anchored
}

// take makes a block of a frame, whose bytes are copied. It returns false for one that cannot be recorded.
func (s *stream) take(format codec.Format, f *rtc.FrameReceived) (*block, bool) {
	if !s.started {
		s.started, s.rid = true, f.RID
	}
	if f.RID != s.rid || f.Codec.ClockRate == 0 || format.Video() != (s.kind == rtc.Video) {
		return nil, false
	}
	key := f.Frame.KeyFrame || !format.Video()
	switch {
	case key:
		t, ok := describe(format, f.Frame.Data)
		if !ok {
			return nil, false
		}
		if s.track == nil || !s.track.equal(&t) {
			s.track = &t
		}
	case s.track == nil || s.track.Codec != format:
		return nil, false
	}
	b := &block{track: s.track, key: key}
	if format == codec.H264 {
		b.data = withLengths(f.Frame.Data)
	} else {
		b.data = slices.Clone(f.Frame.Data)
	}
	return b, len(b.data) > 0
}

func (t *Track) equal(o *Track) bool {
	return t.Codec == o.Codec && t.Width == o.Width && t.Height == o.Height && bytes.Equal(t.Private, o.Private)
}

// askKey asks for a key frame, unless one has come that is not written yet, or is on its way: the session repeats a
// request until it has been fulfilled.
func (s *stream) askKey() {
	if s.kind != rtc.Video || s.keyAsked || slices.ContainsFunc(s.queue, func(b *block) bool { return b.key }) {
		return
	}
	s.keyAsked, s.keyOwed = true, true
}
