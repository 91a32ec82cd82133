// Package sfu is a selective forwarding unit: whoever is in a room is sent the audio
// and video of everybody else in it.
//
// It is built the way package rtc is. It has no socket, no clock and no goroutine:
// time and datagrams go in with [SFU.HandleInput], and what there is to do comes out of
// [SFU.PollOutput]. A program is a loop around these two, and a test another one, with
// a clock of its own.
package sfu

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/ice"
)

// MaxRoom is how many may be in a room. Everybody is sent to everybody, so the work grows with
// the square of it.
const MaxRoom = 16

// ErrRoomFull is returned by Join for a room with MaxRoom participants.
var ErrRoomFull = errors.New("sfu: the room is full")

// SFU has all rooms, and the sessions of everybody in them.
type SFU struct {
	cfg     rtc.Config
	now     time.Time
	rooms   map[string]*room
	lastID  uint64
	touched []*Participant // those that something happened to since they were polled
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
	if p.rtc, err = rtc.New(now, cfg); err != nil {
		return nil, "", err
	}
	for _, c := range candidates {
		if err := p.rtc.AddLocalCandidate(now, c); err != nil {
			return nil, "", fmt.Errorf("candidate %v: %w", c.Addr, err)
		}
	}
	if answer, err = p.rtc.AcceptOffer(now, offer); err != nil {
		return nil, "", err
	}
	s.lastID++
	s.rooms[name] = r
	r.people = append(r.people, p)
	s.touch(p)
	return p, answer, nil
}

// AddRemoteCandidate takes a candidate of the page's.
func (s *SFU) AddRemoteCandidate(now time.Time, p *Participant, c ice.Candidate) error {
	s.advance(now)
	s.touch(p)
	return p.rtc.AddRemoteCandidate(now, c)
}

// EndOfRemoteCandidates says that the page has no more candidates.
func (s *SFU) EndOfRemoteCandidates(now time.Time, p *Participant) {
	s.advance(now)
	s.touch(p)
	p.rtc.EndOfRemoteCandidates(now)
}

// HandleInput gives the session of p a datagram, or the time.
func (s *SFU) HandleInput(p *Participant, in rtc.Input) {
	s.advance(in.Now)
	s.touch(p)
	p.rtc.HandleInput(in)
}

// PollOutput returns what the session of some participant has to do, or false if there is
// nothing more. Call it until then after every other call. Events have been handled
// already; the caller may want those that tell where datagrams belong. An output is valid until
// the next call. The last of a participant is OutputClosed.
func (s *SFU) PollOutput() (p *Participant, out rtc.Output, ok bool) {
	if len(s.touched) == 0 {
		return nil, rtc.Output{}, false
	}
	p = s.touched[0]
	switch out = p.rtc.PollOutput(); out.Kind {
	case rtc.OutputEvent:
		s.handle(p, out.Event)
	case rtc.OutputTimeout:
		// Whatever there is to know of the session is known now.
		if s.catchUp(p) {
			return s.PollOutput()
		}
		s.settled(p)
	case rtc.OutputClosed:
		s.settled(p)
		s.remove(p)
	}
	return p, out, true
}

// catchUp tells a page what has changed, however often it has, and reports whether there was something
// to tell.
func (s *SFU) catchUp(p *Participant) bool {
	told := false
	if p.peopleChanged && p.joined && p.takes() {
		p.peopleChanged, told = false, true
		s.sendPeople(p)
	}
	if p.stale {
		p.stale, told = false, true
		s.negotiate(p)
	}
	return told
}

// Leave ends the session of p, with a goodbye to the page.
func (s *SFU) Leave(now time.Time, p *Participant) {
	s.advance(now)
	s.end(p)
}

// Close ends all sessions.
func (s *SFU) Close(now time.Time) {
	s.advance(now)
	for _, name := range slices.Sorted(maps.Keys(s.rooms)) {
		for _, p := range s.rooms[name].people {
			s.end(p)
		}
	}
}

func (s *SFU) advance(now time.Time) {
	if now.After(s.now) {
		s.now = now
	}
}

// touch notes that p has to be polled.
func (s *SFU) touch(p *Participant) {
	if !p.touched && !p.gone {
		p.touched = true
		s.touched = append(s.touched, p)
	}
}

// settled notes that p, the first in line, has been polled until nothing was left.
func (s *SFU) settled(p *Participant) {
	p.touched = false
	s.touched = slices.Delete(s.touched, 0, 1)
}

func (s *SFU) end(p *Participant) {
	p.rtc.Close(s.now)
	s.touch(p)
}

// remove takes a participant out of the room: nobody sees it any more, and it sees nobody.
func (s *SFU) remove(p *Participant) {
	p.gone = true
	r := p.room
	r.people = slices.DeleteFunc(r.people, func(q *Participant) bool { return q == p })
	if len(r.people) == 0 {
		delete(s.rooms, r.name)
	}
	for _, q := range r.people {
		q.viewers = slices.DeleteFunc(q.viewers, func(v *subscription) bool { return v.to == p })
		q.stale = true
	}
	s.tellPeople(r)
}

// handle is what the SFU does about an event of a session.
func (s *SFU) handle(p *Participant, ev rtc.Event) {
	switch ev := ev.(type) {
	case *rtc.RTPReceived:
		s.forward(p, ev)
	case *rtc.KeyFrameRequested:
		s.passKeyFrameRequest(p, ev.ID)
	case *rtc.MediaChanged:
		s.mediaChanged(p, ev)
	case *rtc.ChannelOpened:
		if ev.Config.Label == "chat" && !p.signalling {
			p.channel, p.signalling = ev.ID, true
		}
	case *rtc.ChannelMessage:
		if p.signalling && ev.ID == p.channel && !ev.Binary {
			s.receive(p, ev.Data)
		}
	case *rtc.ChannelClosed:
		// A page without the channel can be told nothing, not even who has left.
		if p.signalling && ev.ID == p.channel {
			s.end(p)
		}
	default: // of no concern to the others
	}
}
