// Package recorder turns what a session receives into media files: it puts the frames of all streams on
// one time line and in one order, and decides when a file begins and which tracks it has.
//
// It is built the way package rtc is. It has no file, no clock and no goroutine: the events of a session and
// the time go in with [Recorder.HandleEvent], and blocks go to a [Muxer], which knows a file format. What waits is
// written when the next frame comes, or at the end, so there is no timer to run either.
//
// # Synchronisation
//
// The RTP timestamp of a frame tells how far it is from the other frames of its stream, and nothing of other streams:
// each begins at a random number, and network and browser delay sound and pictures differently. What binds
// them are the sender reports of RTCP, which say what the sender's clock showed at some timestamp; [rtc.FrameReceived] has
// the result as its Time, from the first report on. So the beginning of a stream is held until its report has
// come, and what was held is then dated back. A stream without a report in three seconds is dated by when its frames
// came, and [Track.Synchronised] says so. A report that comes later is followed.
//
// # Parts
//
// The tracks of a file are named at its beginning. When a stream appears that is not among them, or the codec of one
// changes, the recording goes on in a new file, which begins with a key frame; the streams that were there lose nothing
// at the seam. Another size of the picture needs no new file: VP8, VP9 and AV1 tell it in their key frames, and H.264 in
// the parameter sets that stay in the blocks.
package recorder

import (
	"time"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/rtp/codec"
)

const (
	// patience is how long frames wait, for the clock of their own stream or for frames of the others.
	patience = 3 * time.Second

	// maxHeld is how many bytes wait.
	maxHeld = 16 << 20

	defaultKeyFrameInterval = 10 * time.Second
)

// Config says how to record.
type Config struct {
	// Open begins a file. Its error ends the recording.
	Open func(Part) (Muxer, error)

	// KeyFrameInterval is how often a key frame is asked for. Players can jump to key frames only, and browsers
	// send one when asked, and hardly ever else. If zero, 10 s.
	KeyFrameInterval time.Duration
}

// A Muxer writes one file.
type Muxer interface {
	// WriteBlock writes a frame. Blocks come in the order of their time. An error ends the recording.
	WriteBlock(Block) error

	// Close ends the file. It is called once, and after an error too.
	Close() error
}

// A Part is a file to begin.
type Part struct {
	Number int // from 1
	Tracks []Track
}

// A Block is a frame in a file.
type Block struct {
	Track    int           // index in Part.Tracks
	Time     time.Duration // since the first block; never less than that of the block before
	KeyFrame bool
	Data     []byte // the muxer's to keep; H.264 has lengths in place of start codes
}

// Stats tells how far a recording is.
type Stats struct {
	Parts    int           // begun
	Duration time.Duration // of all parts
	Blocks   uint64        // written
	Dropped  uint64        // frames that could not be: of unknown codecs, or without a key frame before them
}

// Recorder records one session. Close ends it.
type Recorder struct {
	cfg     Config
	now     time.Time
	streams []*stream // in the order in which they came
	held    int       // bytes in their queues
	line    timeLine

	part     *part // being written, or nil
	partOwed bool  // a frame has come that part has no track for
	closing  bool
	closed   bool
	err      error
	stats    Stats
}

// New returns a recorder of a session of which nothing has come yet.
func New(cfg Config) *Recorder {
	if cfg.KeyFrameInterval == 0 {
		cfg.KeyFrameInterval = defaultKeyFrameInterval
	}
	return &Recorder{cfg: cfg}
}

// HandleEvent takes an event of the session. Those that are of no concern to it are passed over.
func (r *Recorder) HandleEvent(now time.Time, ev rtc.Event) {
	if r.closed || r.err != nil {
		return
	}
	if now.After(r.now) {
		r.now = now
	}
	switch ev := ev.(type) {
	case *rtc.MediaChanged:
		r.stream(ev.ID, ev.Kind).expected = ev.Direction.Receives()
	case *rtc.StreamEnded:
		if s := r.find(ev.ID); s != nil && s.rid == ev.RID {
			s.silent = true
		}
	case *rtc.MediaStopped:
		if s := r.find(ev.ID); s != nil {
			s.expected = false
		}
	case *rtc.FrameReceived:
		r.receive(ev)
	default:
	}
	r.interleave()
}

// NextKeyFrameRequest returns a section whose sender is to be asked for a key frame, if there is one. Call it after
// HandleEvent, until there is none.
func (r *Recorder) NextKeyFrameRequest() (rtc.MediaID, bool) {
	for _, s := range r.streams {
		if s.keyOwed {
			s.keyOwed = false
			return s.id, true
		}
	}
	return 0, false
}

// Close writes what waits, and ends the file. It returns the error that ended the recording, if one did.
func (r *Recorder) Close() error {
	if r.closed {
		return r.err
	}
	r.closing = true
	if r.err == nil {
		r.interleave()
	}
	r.closed = true
	r.endPart()
	return r.err
}

// Err returns the error that has ended the recording, or nil.
func (r *Recorder) Err() error { return r.err }

// Stats returns a snapshot.
func (r *Recorder) Stats() Stats {
	s := r.stats
	if r.part != nil {
		s.Duration += r.part.duration()
	}
	return s
}

// find returns the stream of a section, or nil.
func (r *Recorder) find(id rtc.MediaID) *stream {
	for _, s := range r.streams {
		if s.id == id {
			return s
		}
	}
	return nil
}

// stream returns the stream of a section, a new one if need be.
func (r *Recorder) stream(id rtc.MediaID, kind rtc.MediaKind) *stream {
	s := r.find(id)
	if s == nil {
		s = &stream{id: id, kind: kind, expected: true}
		r.streams = append(r.streams, s)
	}
	return s
}

// receive takes a frame into the queue of its stream.
func (r *Recorder) receive(f *rtc.FrameReceived) {
	format := codec.FormatByName(f.Codec.Name)
	kind := rtc.Audio
	if format.Video() {
		kind = rtc.Video
	}
	s := r.stream(f.ID, kind)
	b, ok := s.take(format, f)
	if !ok {
		r.stats.Dropped++
		return
	}
	if r.part != nil && r.part.find(s, format) == nil {
		r.askKeys() // the next part begins with one
	}
	b.arrived = r.now
	r.line.place(s, b, f)
	s.queue = append(s.queue, b)
	s.silent = false
	r.held += len(b.data)
	if b.key && kind == rtc.Video {
		s.keyAt, s.keyAsked = r.now, false
	}
	if kind == rtc.Video && r.now.Sub(s.keyAt) >= r.cfg.KeyFrameInterval {
		s.askKey()
	}
}

// fail ends the recording.
func (r *Recorder) fail(err error) {
	r.err = err
	r.endPart()
	r.streams, r.held = nil, 0
}
