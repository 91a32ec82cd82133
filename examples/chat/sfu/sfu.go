// Package sfu is a selective forwarding unit: whoever is in a room is sent the audio
// and video of everybody else in it.
//
// It is built the way package rtc is. It has no socket, no clock and no goroutine:
// time and datagrams go in with [SFU.HandleInput], and what there is to do comes out of
// [SFU.PollOutput]. A program is a loop around these two, and a test another one, with
// a clock of its own. The sessions live in an rtc.Endpoint, which finds the one that a datagram belongs to.
package sfu

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/ice"
	"github.com/sansrtc/rtc/rtp"
)

// MaxRoom is how many may be in a room. Everybody is sent to everybody, so the work grows with
// the square of it.
const MaxRoom = 16

// ErrRoomFull is returned by Join for a room with MaxRoom participants.
var ErrRoomFull = errors.New("sfu: the room is full")

// SFU has all rooms, and the sessions of everybody in them.
type SFU struct {
	cfg      rtc.Config
	now      time.Time
	endpoint rtc.Endpoint[*Participant]
	rooms    map[string]*room
	people   []*Participant // of all rooms, in the order in which they came
	lastID   uint64
	owed     []*Participant // those that have to be told something
	adaptAt  time.Time      // when the layers that people see are looked at again

	// Scratch memory.
	stats      []rtc.StreamStats
	payload    []byte
	extensions []byte
	vp8        rtp.VP8Fields
}

// A room is a set of people who see each other.
type room struct {
	name   string
	people []*Participant // in the order in which they came
}

// New returns an SFU without rooms. Every session is made with cfg, except that the SFU
// chooses the codecs and what to accept.
func New(cfg rtc.Config) *SFU {
	cfg.AudioCodecs, cfg.VideoCodecs = audioCodecs(), videoCodecs()
	return &SFU{cfg: cfg, rooms: make(map[string]*room)}
}

// Join brings a page into a room, which is made if it is new. The offer is the page's: it
// sends audio, video or both, and has a data channel labelled "chat", on which everything
// else is signalled (see message). Candidates are the addresses of the server.
func (s *SFU) Join(now time.Time, name, offer string, candidates []ice.Candidate) (p *Participant, answer string, err error) {
	s.advance(now)
	r := s.rooms[name]
	if r == nil {
		r = &room{name: name}
	}
	if len(r.people) >= MaxRoom {
		return nil, "", ErrRoomFull
	}
	p = &Participant{ID: s.lastID + 1, room: r}
	cfg := s.cfg
	cfg.AcceptMedia = p.acceptMedia
	if p.Rtc, err = rtc.New(now, cfg); err != nil {
		return nil, "", err
	}
	for _, c := range candidates {
		if err := p.Rtc.AddLocalCandidate(now, c); err != nil {
			return nil, "", fmt.Errorf("candidate %v: %w", c.Addr, err)
		}
	}
	if answer, err = p.Rtc.AcceptOffer(now, offer); err != nil {
		return nil, "", err
	}
	s.lastID++
	s.rooms[name] = r
	r.people = append(r.people, p)
	s.people = append(s.people, p)
	s.endpoint.Add(p.Rtc, p)
	return p, answer, nil
}

// HandleInput takes a datagram of some session, or the time.
func (s *SFU) HandleInput(in rtc.Input) {
	s.advance(in.Now)
	s.endpoint.HandleInput(in)
	if !s.adaptAt.IsZero() && !s.adaptAt.After(s.now) {
		s.adapt()
	}
}

// PollOutput returns what there is to do for some participant, as that of [rtc.Endpoint] does.
// Events have been handled already. The last of a participant is OutputClosed.
func (s *SFU) PollOutput() (*Participant, rtc.Output) {
	for {
		p, out := s.endpoint.PollOutput()
		switch out.Kind {
		case rtc.OutputEvent:
			s.handle(p, out.Event)
		case rtc.OutputClosed:
			s.remove(p)
		case rtc.OutputTimeout:
			// Whatever there is to know is known now.
			if s.catchUp() {
				continue
			}
			if !s.adaptAt.IsZero() && (out.Deadline.IsZero() || s.adaptAt.Before(out.Deadline)) {
				out.Deadline = s.adaptAt
			}
		case rtc.OutputTransmit:
		}
		return p, out
	}
}

// catchUp tells pages what has changed, once, however often it has. It reports whether there was somebody
// to tell.
func (s *SFU) catchUp() bool {
	if len(s.owed) == 0 {
		return false
	}
	for _, p := range s.owed {
		p.owed = false
		// A page that does not take it now is told when it has room again.
		if p.peopleChanged && p.joined && p.takes() {
			p.peopleChanged = false
			s.sendPeople(p)
		}
		if p.stale {
			p.stale = false
			s.negotiate(p)
		}
	}
	s.owed = s.owed[:0]
	return true
}

// owe notes that p has to be told something, when all that happens now has happened.
func (s *SFU) owe(p *Participant) {
	if !p.owed {
		p.owed = true
		s.owed = append(s.owed, p)
	}
}

// Leave ends the session of p, with a goodbye to the page.
func (s *SFU) Leave(now time.Time, p *Participant) {
	s.advance(now)
	p.Rtc.Close(s.now)
}

// Close ends all sessions.
func (s *SFU) Close(now time.Time) {
	s.advance(now)
	s.endpoint.Close(now)
}

func (s *SFU) advance(now time.Time) {
	if now.After(s.now) {
		s.now = now
	}
}

// remove takes a participant out of the room: nobody sees it any more, and it sees nobody.
func (s *SFU) remove(p *Participant) {
	p.gone = true
	r := p.room
	r.people = without(r.people, p)
	s.people = without(s.people, p)
	if len(r.people) == 0 {
		delete(s.rooms, r.name)
	}
	for _, q := range r.people {
		q.viewers = slices.DeleteFunc(q.viewers, func(v *subscription) bool { return v.to == p })
		q.stale = true
		s.owe(q)
	}
	s.tellPeople(r)
}

func without(people []*Participant, p *Participant) []*Participant {
	return slices.DeleteFunc(people, func(q *Participant) bool { return q == p })
}

// handle is what the SFU does about an event of a session.
func (s *SFU) handle(p *Participant, ev rtc.Event) {
	switch ev := ev.(type) {
	case *rtc.RTPReceived:
		s.forward(p, ev)
	case *rtc.StreamEnded:
		s.layerEnded(p, ev)
	case *rtc.KeyFrameRequested:
		s.passKeyFrameRequest(p, ev.ID)
	case *rtc.MediaChanged:
		s.mediaChanged(p, ev)
	case *rtc.ChannelOpened:
		if ev.Config.Label == "chat" && !p.signalling {
			p.channel, p.signalling = ev.ID, true
			p.Rtc.SetBufferedAmountLowThreshold(ev.ID, maxWaiting/2)
		}
	case *rtc.ChannelBufferedAmountLow:
		s.owe(p)
	case *rtc.ChannelMessage:
		if p.signalling && ev.ID == p.channel && !ev.Binary {
			s.receive(p, ev.Data)
		}
	case *rtc.ChannelClosed:
		// A page without the channel can be told nothing, not even who has left.
		if p.signalling && ev.ID == p.channel {
			p.Rtc.Close(s.now)
		}
	default: // of no concern to the others
	}
}
