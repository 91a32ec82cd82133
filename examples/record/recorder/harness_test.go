package recorder

import (
	"embed"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/rtp/codec"
	"github.com/sansrtc/rtc/sdp"
)

const ms = time.Millisecond

// keyFrames are the first frames of Chromium's encoders, and one of x264: black pictures.
//
//go:embed testdata
var keyFrames embed.FS

func keyFrame(t *testing.T, name string) []byte {
	t.Helper()
	b, err := keyFrames.ReadFile("testdata/" + name + ".bin")
	require.NoError(t, err)
	return b
}

var (
	opusCodec = &sdp.AgreedCodec{Name: "opus", ClockRate: 48000, Channels: 2}
	vp8Codec  = &sdp.AgreedCodec{Name: "VP8", ClockRate: 90000}
	vp9Codec  = &sdp.AgreedCodec{Name: "VP9", ClockRate: 90000}
	h264Codec = &sdp.AgreedCodec{Name: "H264", ClockRate: 90000}
	av1Codec  = &sdp.AgreedCodec{Name: "AV1", ClockRate: 90000}
)

// A world has a recorder and senders, whose frames arrive in the order of time. What is written is checked for
// what must always be true.
type world struct {
	t        *testing.T
	start    time.Time
	now      time.Time
	recorder *Recorder
	senders  []*sender
	parts    []*testPart
	requests map[rtc.MediaID]int
	fail     error // of the next Open or WriteBlock
}

// testPart is a file.
type testPart struct {
	Part
	w      *world
	blocks []testBlock
	begun  map[int]bool // tracks
	closed bool
}

// A testBlock is what was written, and when.
type testBlock struct {
	Block
	at time.Duration // since the start of the world
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, start: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), requests: make(map[rtc.MediaID]int)}
	w.now = w.start
	w.recorder = New(Config{Open: w.open})
	return w
}

func (w *world) open(p Part) (Muxer, error) {
	if w.fail != nil {
		return nil, w.fail
	}
	require.Equal(w.t, len(w.parts)+1, p.Number)
	require.NotEmpty(w.t, p.Tracks)
	for _, other := range w.parts {
		require.True(w.t, other.closed, "one file at a time")
	}
	part := &testPart{Part: p, w: w, begun: make(map[int]bool)}
	w.parts = append(w.parts, part)
	return part, nil
}

func (p *testPart) WriteBlock(b Block) error {
	if p.w.fail != nil {
		return p.w.fail
	}
	var last time.Duration
	if len(p.blocks) > 0 {
		last = p.blocks[len(p.blocks)-1].Time
	}
	switch {
	case p.closed:
		p.w.t.Fatal("a block after the end")
	case b.Time < last || len(p.blocks) == 0 && b.Time != 0:
		p.w.t.Fatalf("a block of %v after one of %v", b.Time, last)
	case !b.KeyFrame && !p.begun[b.Track]:
		p.w.t.Fatalf("track %d does not begin with a key frame", b.Track)
	case len(b.Data) == 0:
		p.w.t.Fatal("a block without data")
	}
	p.begun[b.Track] = true
	p.blocks = append(p.blocks, testBlock{b, p.w.now.Sub(p.w.start)})
	return nil
}

func (p *testPart) Close() error {
	require.False(p.w.t, p.closed)
	p.closed = true
	return nil
}

// track returns the blocks of a kind.
func (p *testPart) track(kind rtc.MediaKind) (blocks []testBlock) {
	for _, b := range p.blocks {
		if p.Tracks[b.Track].Kind == kind {
			blocks = append(blocks, b)
		}
	}
	return blocks
}

// sender is a stream, as the session delivers it.
type sender struct {
	id       rtc.MediaID
	kind     rtc.MediaKind
	codec    *sdp.AgreedCodec
	key      []byte // a key frame
	first    uint32 // RTP timestamp of what is captured at the start
	every    time.Duration
	delay    time.Duration                     // from capture to event
	late     func(n int) time.Duration         // beyond that
	report   time.Duration                     // when the clock is known, since the start; negative: never
	clock    time.Duration                     // what the sender's clock is ahead of ours
	from, to time.Duration                     // captures between
	quiet    func(captured time.Duration) bool // nothing is sent

	missed time.Duration // what the source has not counted
	told   time.Duration // what of that the reports have said

	rid  string
	sent int
	owed bool // a key frame is
	next time.Duration
}

func (w *world) audio(id rtc.MediaID) *sender {
	return w.add(&sender{id: id, kind: rtc.Audio, codec: opusCodec, every: 20 * ms, delay: 30 * ms, report: 2500 * ms, first: 1 << 31})
}

func (w *world) video(id rtc.MediaID) *sender {
	return w.add(&sender{
		id: id, kind: rtc.Video, codec: vp8Codec, key: keyFrame(w.t, "vp8"), every: 40 * ms, delay: 80 * ms,
		report: 500 * ms, first: 1<<32 - 45000, // wraps around after half a second
	})
}

func (w *world) add(s *sender) *sender {
	s.owed = true
	s.to = time.Hour
	w.senders = append(w.senders, s)
	w.recorder.HandleEvent(w.now, &rtc.MediaChanged{ID: s.id, Kind: s.kind, Added: true, Direction: sdp.RecvOnly})
	return s
}

// due is when the next frame arrives.
func (s *sender) due() time.Duration {
	d := s.next + s.delay
	if s.late != nil {
		d += s.late(s.sent)
	}
	return d
}

// until lets time pass, up to a time since the start.
func (w *world) until(end time.Duration) {
	w.t.Helper()
	for {
		var s *sender
		for _, o := range w.senders {
			o.next = max(o.next, o.from)
			for o.quiet != nil && o.quiet(o.next) && o.next < o.to {
				o.next += o.every
			}
			if o.next < o.to && (s == nil || o.due() < s.due()) {
				s = o
			}
		}
		if s == nil || s.due() > end {
			break
		}
		w.advance(s.due())
		w.send(s)
	}
	w.advance(end)
}

func (w *world) advance(d time.Duration) {
	if at := w.start.Add(d); at.After(w.now) {
		w.now = at
	}
}

// send delivers the next frame of s.
func (w *world) send(s *sender) {
	captured := s.next
	f := &rtc.FrameReceived{ID: s.id, RID: s.rid, Codec: s.codec, Frame: codec.Frame{
		Data: []byte{1, byte(s.sent), byte(s.sent >> 8)}, KeyFrame: true,
		Timestamp: s.first + uint32(int64(captured-s.missed)*int64(s.codec.ClockRate)/int64(time.Second)),
	}}
	if s.kind == rtc.Video {
		f.Frame.KeyFrame = s.owed
		if s.owed {
			f.Frame.Data = append([]byte(nil), s.key...)
			s.owed = false
		} else if s.codec == h264Codec {
			f.Frame.Data = []byte{0, 0, 0, 1, 0x41, byte(s.sent) | 1}
		}
	}
	if s.report >= 0 && w.now.Sub(w.start) >= s.report {
		f.Time = w.start.Add(captured - s.missed + s.told + s.clock)
	}
	s.sent++
	s.next += s.every
	w.deliver(f)
	clear(f.Frame.Data) // it was lent
}

func (w *world) deliver(ev rtc.Event) {
	w.recorder.HandleEvent(w.now, ev)
	for id, ok := w.recorder.NextKeyFrameRequest(); ok; id, ok = w.recorder.NextKeyFrameRequest() {
		w.requests[id]++
		for _, s := range w.senders {
			if s.id == id {
				s.owed = true
			}
		}
	}
}

// finish ends the recording, and returns its only part.
func (w *world) finish() *testPart {
	w.t.Helper()
	require.NoError(w.t, w.recorder.Close())
	require.Len(w.t, w.parts, 1)
	require.True(w.t, w.parts[0].closed)
	return w.parts[0]
}

// requireTimes checks that the blocks of a track were captured every so often from first on, all of them.
func requireTimes(t *testing.T, blocks []testBlock, first, every, tolerance time.Duration) {
	t.Helper()
	require.NotEmpty(t, blocks)
	for i, b := range blocks {
		if want := first + time.Duration(i)*every; (b.Time - want).Abs() > tolerance {
			require.Equal(t, want, b.Time, "block %d", i)
		}
	}
}

var errTest = errors.New("no space")
