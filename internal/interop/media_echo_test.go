package interop

import (
	"errors"
	"fmt"
	"time"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/rtp"
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
	default:
		return false
	}
}

func (s *mediaEcho) count(p *rtc.RTPReceived) {
	key := s.sections[p.ID].Kind.String() + p.RID
	if s.streams[key] == nil {
		s.streams[key] = &receivedStream{first: p.Sequence}
	}
	stream := s.streams[key]
	stream.packets++
	stream.bytes += len(p.Payload)
	stream.first, stream.last = min(stream.first, p.Sequence), max(stream.last, p.Sequence)
}

// sendBack sends a packet to where it came from, without its header extensions.
func (s *mediaEcho) sendBack(r *rtc.Rtc, p *rtc.RTPReceived) {
	section := s.sections[p.ID]
	for _, c := range section.Codecs {
		if c.Receive.PayloadType == p.Header.PayloadType {
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
			return
		}
	}
	s.note(fmt.Errorf("payload type %d of %s was not agreed on", p.Header.PayloadType, section.MID))
}

func (s *mediaEcho) note(err error) {
	if s.err == nil {
		s.err = err
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
			s.peer.t.Logf("%s: %+v", key, *stream)
		}
		for _, section := range s.sections {
			s.peer.t.Logf("section %+v", *section)
		}
	})
}
