package recorder

import (
	"slices"
	"time"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/rtp/codec"
)

// part is a file being written.
type part struct {
	muxer  Muxer
	tracks []*partTrack
	zero   int64 // of its first block, on the time line
	last   int64 // of its latest block
}

// partTrack is a stream in a part.
type partTrack struct {
	stream *stream
	codec  codec.Format
	index  int
	begun  bool // a key frame has been written
}

// write writes a block, in a new part if need be.
func (r *Recorder) write(s *stream, b *block) {
	t := r.part.find(s, b.track.Codec)
	r.partOwed = r.partOwed || t == nil || r.newcomer()
	if r.partOwed {
		if r.mayBegin(s, b) {
			r.begin(s, b)
			t = r.part.find(s, b.track.Codec)
		} else {
			r.askKeys()
		}
	}
	if r.err != nil {
		return
	}
	if t == nil || !t.begun && !b.key {
		s.askKey()
		r.stats.Dropped++
		return
	}
	t.begun, s.shown = true, b.track
	// A frame that comes too late to be written in its place is the next.
	r.part.last = max(r.part.last, b.at)
	err := r.part.muxer.WriteBlock(Block{
		Track: t.index, Time: time.Duration(r.part.last - r.part.zero), KeyFrame: b.key, Data: b.data,
	})
	if err != nil {
		r.fail(err)
		return
	}
	r.stats.Blocks++
}

// newcomer reports whether there are frames of a stream that is not in the part.
func (r *Recorder) newcomer() bool {
	return slices.ContainsFunc(r.streams, func(s *stream) bool {
		return len(s.queue) > 0 && r.part.find(s, s.queue[0].track.Codec) == nil
	})
}

// mayBegin reports whether a part can begin with a block. If there are pictures, one that goes on from another begins
// with a key frame.
func (r *Recorder) mayBegin(s *stream, b *block) bool {
	if s.kind == rtc.Video {
		return b.key
	}
	if r.part != nil {
		for _, v := range r.streams {
			if v.kind == rtc.Video && v.track != nil && v.expected && !v.silent {
				return false
			}
		}
	}
	return true
}

// askKeys asks for what the next part can begin with.
func (r *Recorder) askKeys() {
	for _, s := range r.streams {
		if s.track != nil {
			s.askKey()
		}
	}
}

// begin begins a part with a block, and with a track for every stream that has been heard of.
func (r *Recorder) begin(s *stream, b *block) {
	r.endPart()
	if r.err != nil {
		return
	}
	r.stats.Parts++
	r.partOwed = false
	p := &part{zero: b.at, last: b.at}
	file := Part{Number: r.stats.Parts}
	for _, kind := range []rtc.MediaKind{rtc.Video, rtc.Audio} {
		for _, o := range r.streams {
			track := o.next()
			switch {
			case o.kind != kind:
				continue
			case o == s:
				track = b.track
			case track == nil || !o.expected && len(o.queue) == 0:
				continue
			}
			p.tracks = append(p.tracks, &partTrack{stream: o, codec: track.Codec, index: len(p.tracks)})
			described := *track
			described.Synchronised = o.reported
			file.Tracks = append(file.Tracks, described)
		}
	}
	var err error
	if p.muxer, err = r.cfg.Open(file); err != nil {
		r.fail(err)
		return
	}
	r.part = p
}

// next returns what the next frame of a stream will be, or nil.
func (s *stream) next() *Track {
	if s.shown == nil && len(s.queue) > 0 {
		return s.queue[0].track
	}
	return s.shown
}

// endPart ends the file, if one is being written.
func (r *Recorder) endPart() {
	p := r.part
	if p == nil {
		return
	}
	r.part = nil
	r.stats.Duration += p.duration()
	if err := p.muxer.Close(); err != nil && r.err == nil {
		r.err = err
	}
}

// find returns the track of a stream if the part has it with this codec, or nil.
func (p *part) find(s *stream, c codec.Format) *partTrack {
	if p == nil {
		return nil
	}
	for _, t := range p.tracks {
		if t.stream == s && t.codec == c {
			return t
		}
	}
	return nil
}

func (p *part) duration() time.Duration { return time.Duration(p.last - p.zero) }
