package interop

import (
	"bytes"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sansrtc/rtc/rtp/codec"
)

// mediaKind is a stream that ffmpeg has made, for mediaSources to give.
type mediaKind struct {
	format   codec.Format
	frames   [][]byte
	keys     int           // every how many frames there is a key frame
	interval time.Duration // between two frames
	ticks    uint32        // the same in units of the RTP clock
}

// mediaKinds are the streams that have been made.
var mediaKinds struct {
	sync.Mutex
	made map[codec.Format]*mediaKind
}

// mediaStream returns a stream of Opus or of one of videoKinds. It must not be called in a bubble.
func mediaStream(t *testing.T, format codec.Format) *mediaKind {
	t.Helper()
	mediaKinds.Lock()
	defer mediaKinds.Unlock()
	if k := mediaKinds.made[format]; k != nil {
		return k
	}
	var k *mediaKind
	if format == codec.Opus {
		audio := &audioKinds[slices.IndexFunc(audioKinds, func(k audioKind) bool { return k.format == format })]
		k = &mediaKind{format: format, frames: audio.stream(t), keys: 1, interval: 20 * time.Millisecond, ticks: audio.ticks}
	} else {
		video := &videoKinds[slices.IndexFunc(videoKinds, func(k videoKind) bool { return k.format == format })]
		k = &mediaKind{format: format, frames: video.stream(t), keys: 15, interval: time.Second / 15, ticks: 6000}
	}
	if mediaKinds.made == nil {
		mediaKinds.made = map[codec.Format]*mediaKind{}
	}
	mediaKinds.made[format] = k
	return k
}

// same reports whether two frames are the same to a decoder, for which neither delimiters nor the
// length of start codes matter.
func (k *mediaKind) same(a, b []byte) bool {
	return bytes.Equal(k.essence(a), k.essence(b))
}

func (k *mediaKind) essence(frame []byte) []byte {
	switch k.format {
	case codec.H264, codec.H265:
		isDelimiter := isDelimiter264
		if k.format == codec.H265 {
			isDelimiter = isDelimiter265
		}
		var rest []byte
		for _, nal := range bytes.Split(frame, []byte{0, 0, 1}) {
			nal = bytes.TrimRight(nal, "\x00")
			if len(nal) > 0 && !isDelimiter(nal) {
				rest = append(append(rest, 0, 0, 1), nal...)
			}
		}
		return rest
	case codec.AV1:
		return bytes.TrimPrefix(frame, []byte{0x12, 0})
	default:
		return frame
	}
}

// mediaSource is an encoder: it gives the frames of a stream again and again. Asked for a
// key frame, it goes on with the next one.
type mediaSource struct {
	*mediaKind
	next      int
	timestamp uint32
	wish      atomic.Bool // for a key frame
}

func (s *mediaSource) frame() codec.Frame {
	if s.wish.Swap(false) {
		s.next += (s.keys - s.next%s.keys) % s.keys
	}
	f := codec.Frame{Data: s.frames[s.next%len(s.frames)], Timestamp: s.timestamp, KeyFrame: s.next%s.keys == 0}
	s.next++
	s.timestamp += s.ticks
	return f
}

// mediaSender sends a source: packet by packet as Pion's payloader makes them, or frame by
// frame if there is writeFrame.
type mediaSender struct {
	source     *mediaSource
	sent       *mediaLog
	payloader  pionPayloader // nil: each frame is a payload
	number     uint16        // of the next packet
	write      func(number uint16, p mediaPacket) error
	writeFrame func(f codec.Frame) error

	mu      sync.Mutex
	errs    []error
	stopped chan struct{}
	once    sync.Once
	done    sync.WaitGroup
}

func newMediaSender(kind *mediaKind) *mediaSender {
	s := &mediaSender{
		source: &mediaSource{mediaKind: kind, timestamp: 0xffff0000}, sent: newMediaLog(),
		number: 0xff00, stopped: make(chan struct{}), // both roll over
	}
	if kind.format != codec.Opus {
		s.payloader = pionKinds[kind.format].payloader()
	}
	return s
}

// start sends frame after frame until stop is called.
func (s *mediaSender) start() {
	s.done.Go(func() {
		ticker := time.NewTicker(s.source.interval)
		defer ticker.Stop()
		for {
			if err := s.send(); err != nil {
				s.mu.Lock()
				s.errs = append(s.errs, err)
				s.mu.Unlock()
			}
			select {
			case <-ticker.C:
			case <-s.stopped:
				return
			}
		}
	})
}

func (s *mediaSender) stop() {
	s.once.Do(func() { close(s.stopped) })
	s.done.Wait()
}

// takeErrors returns the errors since the last call.
func (s *mediaSender) takeErrors() (errs []error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	errs, s.errs = s.errs, nil
	return errs
}

// send sends a frame, and logs what could be sent of it.
func (s *mediaSender) send() error {
	f := s.source.frame()
	if s.writeFrame != nil {
		if err := s.writeFrame(f); err != nil {
			return err
		}
		s.sent.addFrame(f)
		return nil
	}
	payloads := [][]byte{f.Data}
	if s.payloader != nil {
		payloads = s.payloader.Payload(1000, bytes.Clone(f.Data))
	}
	for i, payload := range payloads {
		p := mediaPacket{timestamp: f.Timestamp, marker: s.payloader != nil && i == len(payloads)-1, payload: payload}
		if err := s.write(s.number, p); err != nil {
			return err
		}
		s.sent.addPacket(s.number, p)
		s.number++
	}
	s.sent.addFrame(f)
	return nil
}
