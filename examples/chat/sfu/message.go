package sfu

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/sansrtc/rtc"
)

// A message is what server and page say to each other on the data channel, as JSON.
//
// A page says "join" with a name, once; "state" when microphone or camera are switched;
// "text" to the room; "answer" to an offer.
//
// The server says "people" whenever these change, "text" from somebody, and "offer".
type message struct {
	Type string `json:"type"`

	Name string `json:"name,omitempty"`
	Text string `json:"text,omitempty"`
	From uint64 `json:"from,omitempty"` // of a text

	SDP   string `json:"sdp,omitempty"`
	Round uint64 `json:"round,omitempty"` // of an offer, and of its answer

	Audio  bool `json:"audio,omitempty"`
	Video  bool `json:"video,omitempty"`
	Screen bool `json:"screen,omitempty"`
	Saving bool `json:"saving,omitempty"` // small pictures will do

	You    uint64   `json:"you,omitempty"`
	People []person `json:"people,omitempty"`
}

// A person is what others are told of a participant.
type person struct {
	ID     uint64 `json:"id"`
	Name   string `json:"name"`
	Stream string `json:"stream"` // the id of the MediaStream
	Audio  bool   `json:"audio"`  // the microphone is on
	Video  bool   `json:"video"`  // the camera is on
	Screen bool   `json:"screen"` // instead of the camera, a screen is shown
}

// What a page may say, in bytes.
const (
	maxName = 100
	maxText = 16000
)

// receive takes a message of a page. What makes no sense is passed over.
func (s *SFU) receive(p *Participant, data []byte) {
	var m message
	if json.Unmarshal(data, &m) != nil {
		return
	}
	switch m.Type {
	case "join":
		name := strings.TrimSpace(m.Name)
		if p.joined || name == "" || len(name) > maxName || !utf8.ValidString(name) {
			return
		}
		p.joined, p.saving = true, m.Saving
		p.person = person{ID: p.ID, Name: name, Stream: p.stream(), Audio: m.Audio, Video: m.Video, Screen: m.Screen}
		for _, q := range p.room.people {
			q.stale = true
			s.owe(q)
		}
		s.tellPeople(p.room)
	case "state":
		p.person.Audio, p.person.Video, p.person.Screen = m.Audio, m.Video, m.Screen
		p.saving = m.Saving
		for _, v := range p.subscriptions {
			s.choose(v, rtc.Video, none)
		}
		if p.joined {
			s.tellPeople(p.room)
		}
	case "text":
		if !p.joined || m.Text == "" || len(m.Text) > maxText {
			return
		}
		for _, q := range p.room.people {
			if q.joined && q.takes() {
				s.send(q, message{Type: "text", From: p.ID, Name: p.person.Name, Text: m.Text})
			}
		}
	case "answer":
		s.answered(p, m.Round, m.SDP)
	}
}

// maxWaiting is how many bytes may wait for a page before it is told only what it must know: nobody
// can fill the buffer of another by talking fast.
const maxWaiting = 64 << 10

// takes reports whether the page keeps up with what it is told.
func (p *Participant) takes() bool { return p.Rtc.BufferedAmount(p.channel) < maxWaiting }

// tellPeople lets everybody in a room know who is in it.
func (s *SFU) tellPeople(r *room) {
	for _, p := range r.people {
		p.peopleChanged = true
		s.owe(p)
	}
}

func (s *SFU) sendPeople(p *Participant) {
	var people []person
	for _, q := range p.room.people {
		if q.joined {
			people = append(people, q.person)
		}
	}
	s.send(p, message{Type: "people", You: p.ID, People: people})
}

// send tells a page something. A page that does not take what it is told is let go: it could
// not even be told who has left.
func (s *SFU) send(p *Participant, m message) {
	b, err := json.Marshal(m)
	if err == nil {
		err = p.Rtc.Send(s.now, p.channel, false, b)
	}
	if err != nil {
		p.Rtc.Close(s.now)
	}
}
