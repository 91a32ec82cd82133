package interop

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/rtp"
	"github.com/sansrtc/rtc/rtp/codec"
	"github.com/sansrtc/rtc/sdp"
)

// mediaEcho sends the media back that comes to an rtcPeer. The goroutine of the Rtc owns it.
type mediaEcho struct {
	peer     *rtcPeer
	sections map[rtc.MediaID]*rtc.MediaChanged
	streams  map[string]*receivedStream // by kind and RID
	quiet    bool                       // nothing is sent back
	wishes   int                        // of the peer for key frames
	late     int                        // packets too old to be sent back
	err      error                      // the first one of a method
}

// receivedStream is what came of one encoding.
type receivedStream struct {
	packets, bytes int
	first, last    uint64 // sequence numbers
	keys           int    // key frames
	begins         bool   // with a key frame
	frames         []receivedFrame

	start, lastKey uint32 // timestamps
}

func (r *receivedStream) String() string {
	return fmt.Sprintf("%d packets from %d to %d, %d frames, %d key frames, of which the first is one: %t",
		r.packets, r.first, r.last, len(r.frames), r.keys, r.begins)
}

// receivedFrame is a frame and when it came.
type receivedFrame struct {
	*rtc.FrameReceived
	at time.Time
}

func startMediaEcho(peer *rtcPeer) *mediaEcho {
	s := &mediaEcho{peer: peer, sections: map[rtc.MediaID]*rtc.MediaChanged{}, streams: map[string]*receivedStream{}}
	peer.call(func(*rtc.Rtc, time.Time) { peer.react = s.react })
	peer.t.Cleanup(func() {
		if peer.t.Failed() {
			s.explain()
		}
	})
	return s
}

// react sends back what comes.
func (s *mediaEcho) react(r *rtc.Rtc, ev rtc.Event) bool {
	switch ev := ev.(type) {
	case *rtc.MediaChanged:
		s.sections[ev.ID] = ev
		return false
	case *rtc.KeyFrameRequested:
		s.wishes++
		s.note(r.RequestKeyFrame(time.Now(), ev.ID, ev.RID))
		return true
	case *rtc.RTPReceived:
		s.count(ev)
		if !s.quiet {
			s.sendBack(r, ev)
		}
		return true
	case *rtc.FrameReceived:
		stream := s.stream(ev.ID, ev.RID)
		stream.note(ev.Frame.Timestamp, ev.Frame.KeyFrame)
		stream.frames = append(stream.frames, receivedFrame{ev.Clone(), time.Now()})
		if !s.quiet {
			s.note(r.WriteFrame(time.Now(), ev.ID, "", ev.Codec.Send.PayloadType, ev.Frame))
		}
		return true
	default:
		return false
	}
}

// stream returns what came of an encoding.
func (s *mediaEcho) stream(id rtc.MediaID, rid string) *receivedStream {
	key := s.sections[id].Kind.String() + rid
	if s.streams[key] == nil {
		s.streams[key] = &receivedStream{}
	}
	return s.streams[key]
}

// received returns a copy of what came of a kind of media.
func (s *mediaEcho) received(kind rtc.MediaKind) (r receivedStream) {
	s.peer.t.Helper()
	s.peer.call(func(*rtc.Rtc, time.Time) {
		if stream := s.streams[kind.String()]; stream != nil {
			r = *stream
			r.frames = slices.Clone(stream.frames)
		}
	})
	return r
}

func (s *mediaEcho) count(p *rtc.RTPReceived) {
	stream := s.stream(p.ID, p.RID)
	if stream.packets == 0 {
		stream.first = p.Sequence
	}
	if c := s.codec(p); c != nil {
		stream.note(p.Header.Timestamp, codec.FormatByName(c.Name).IsKeyFrame(p.Payload))
	}
	stream.packets++
	stream.bytes += len(p.Payload)
	stream.first, stream.last = min(stream.first, p.Sequence), max(stream.last, p.Sequence)
}

// note takes a timestamp, and whether it is known to be that of a key frame.
func (r *receivedStream) note(timestamp uint32, key bool) {
	if r.packets == 0 && len(r.frames) == 0 {
		r.start = timestamp
	}
	if key && (r.keys == 0 || timestamp != r.lastKey) {
		r.keys, r.lastKey = r.keys+1, timestamp
		r.begins = r.begins || timestamp == r.start
	}
}

// codec returns what a packet was made by, or nil.
func (s *mediaEcho) codec(p *rtc.RTPReceived) *sdp.AgreedCodec {
	codecs := s.sections[p.ID].Codecs
	i := slices.IndexFunc(codecs, func(c sdp.AgreedCodec) bool { return c.Receive.PayloadType == p.Header.PayloadType })
	if i < 0 {
		return nil
	}
	return &codecs[i]
}

// sendBack sends a packet to where it came from, without its header extensions.
func (s *mediaEcho) sendBack(r *rtc.Rtc, p *rtc.RTPReceived) {
	c := s.codec(p)
	if c == nil {
		s.note(fmt.Errorf("payload type %d of %s was not agreed on", p.Header.PayloadType, s.sections[p.ID].MID))
		return
	}
	h := rtp.Header{
		Marker: p.Header.Marker, PayloadType: c.Send.PayloadType,
		SequenceNumber: p.Header.SequenceNumber, Timestamp: p.Header.Timestamp,
	}
	err := r.WriteRTP(time.Now(), p.ID, "", &h, p.Payload)
	if errors.Is(err, rtp.ErrSequence) {
		s.late++ // repaired, but too old to be sent on
		return
	}
	s.note(err)
}

func (s *mediaEcho) note(err error) {
	if s.err == nil {
		s.err = err
	}
}

// check reports what has gone wrong: a method that failed, or packets that were dropped.
func (s *mediaEcho) check(r *rtc.Rtc) {
	s.peer.t.Helper()
	if s.err != nil {
		s.peer.t.Errorf("sending back: %v", s.err)
	}
	if d := r.Stats().Dropped; d.Unauthentic+d.Malformed+d.Unread+d.Unsealed > 0 {
		s.peer.t.Errorf("dropped: %+v", d)
	}
}

// explain logs what is known of a session that failed.
func (s *mediaEcho) explain() {
	select {
	case <-s.peer.ended:
		s.peer.t.Logf("the session has ended: %v", s.peer.err)
		return
	default:
	}
	s.peer.call(func(r *rtc.Rtc, _ time.Time) {
		s.peer.t.Logf("stats: %+v", r.Stats())
		s.peer.t.Logf("error: %v, wishes: %d, late: %d", s.err, s.wishes, s.late)
		for key, stream := range s.streams {
			s.peer.t.Logf("%s: %v", key, stream)
		}
		for _, section := range s.sections {
			s.peer.t.Logf("section %+v", *section)
		}
	})
}
