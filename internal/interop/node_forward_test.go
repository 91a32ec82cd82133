package interop

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/rtp"
)

// nodeLeg is a session with libwebrtc whose media go to another one, and the other way about.
type nodeLeg struct {
	*nodeMedia
	other *nodeLeg
	queue chan func(*rtc.Rtc, time.Time) // for the goroutine of the Rtc

	sections map[rtc.MediaKind]*rtc.MediaChanged // the goroutine of the Rtc owns it
}

// TestLibwebrtcMediaForward forwards between two processes of libwebrtc, of which each sees what the
// other one shows.
func TestLibwebrtcMediaForward(t *testing.T) {
	t.Parallel()
	var legs [2]*nodeLeg
	var forwarding sync.WaitGroup
	for i := range legs {
		legs[i] = &nodeLeg{
			nodeMedia: newNodeMedia(t, i == 0, false),
			queue:     make(chan func(*rtc.Rtc, time.Time), 1<<14), sections: map[rtc.MediaKind]*rtc.MediaChanged{},
		}
	}
	for i, leg := range legs {
		leg.other = legs[1-i]
		leg.ours.call(func(*rtc.Rtc, time.Time) { leg.ours.react = leg.forward })
		forwarding.Go(func() {
			for f := range leg.queue {
				leg.ours.call(f)
			}
		})
	}
	defer forwarding.Wait()
	defer func() {
		for _, leg := range legs {
			leg.ours.call(func(*rtc.Rtc, time.Time) { leg.ours.react = nil })
		}
		for _, leg := range legs {
			close(leg.queue)
		}
	}()
	legs[0].begin("")
	legs[1].begin("")
	legs[1].theirs.tell("luma", map[string]any{"luma": 180})
	legs[0].shows(180)
	legs[1].shows(60)
}

// forward gives what comes to the other session.
func (l *nodeLeg) forward(_ *rtc.Rtc, ev rtc.Event) bool {
	switch ev := ev.(type) {
	case *rtc.MediaChanged:
		l.sections[ev.Kind] = ev
		return false
	case *rtc.KeyFrameRequested:
		kind := l.kindOf(ev.ID)
		l.other.queue <- func(r *rtc.Rtc, now time.Time) {
			if section := l.other.sections[kind]; section != nil {
				l.other.echo.note(r.RequestKeyFrame(now, section.ID, ""))
			}
		}
		return true
	case *rtc.RTPReceived:
		kind, name := l.kindOf(ev.ID), ""
		for _, c := range l.sections[kind].Codecs {
			if c.Receive.PayloadType == ev.Header.PayloadType {
				name = c.Name
			}
		}
		p := ev.Clone()
		l.other.queue <- func(r *rtc.Rtc, now time.Time) { l.other.echo.note(l.other.write(r, now, kind, name, p)) }
		return true
	default:
		return false
	}
}

func (l *nodeLeg) kindOf(id rtc.MediaID) rtc.MediaKind {
	if s := l.sections[rtc.Video]; s != nil && s.ID == id {
		return rtc.Video
	}
	return rtc.Audio
}

// write sends a packet of the other session in the section of its kind, once there is one.
func (l *nodeLeg) write(r *rtc.Rtc, now time.Time, kind rtc.MediaKind, name string, p *rtc.RTPReceived) error {
	section := l.sections[kind]
	if section == nil {
		return nil
	}
	for _, c := range section.Codecs {
		if c.Name != name {
			continue
		}
		h := rtp.Header{
			Marker: p.Header.Marker, PayloadType: c.Send.PayloadType,
			SequenceNumber: p.Header.SequenceNumber, Timestamp: p.Header.Timestamp,
		}
		if err := r.WriteRTP(now, section.ID, "", &h, p.Payload); !errors.Is(err, rtp.ErrSequence) {
			return err
		}
		return nil // repaired, but too old to be sent on
	}
	return rtc.ErrPayloadType
}
