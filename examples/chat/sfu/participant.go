package sfu

import (
	"slices"
	"strconv"
	"time"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/sctp"
	"github.com/sansrtc/rtc/sdp"
)

// A Participant is one page in a room.
type Participant struct {
	ID  uint64   // never used again
	Rtc *rtc.Rtc // for candidates, which are signalled by other means

	room *room
	gone bool
	owed bool // is in the list of those who have to be told something

	channel    sctp.ChannelID
	signalling bool // the channel is open
	joined     bool // the page has told its name, and is shown to others
	saving     bool // the page wants small pictures only

	person        person // what others are told of it
	peopleChanged bool   // which the page has not been told

	offered   [2]bool         // by kind: the page's offer had a section of it
	published [2]*publication // by kind: what the page sends

	viewers       []*subscription // who sees this participant
	subscriptions []*subscription // whom it sees

	// The offer to the page that has no answer yet. There is one at a time, and what has to
	// change meanwhile goes into the next.
	stale   bool // what the page sees has to change
	offer   *rtc.Offer
	round   uint64          // counts offers
	pending []*subscription // new in the offer
}

// A subscription sends what one participant publishes to another.
type subscription struct {
	from, to *Participant
	sections [2]section // by kind
	stopping bool       // the offer without answer ends it
}

var kinds = [...]rtc.MediaKind{rtc.Audio, rtc.Video}

// Everybody must be able to decode everybody, so all are given the same two codecs, which every
// browser has.
func audioCodecs() []sdp.Codec { return only(rtc.DefaultAudioCodecs(), "opus") }
func videoCodecs() []sdp.Codec {
	vp8 := only(rtc.DefaultVideoCodecs(), "VP8")
	return append(vp8, vp8[0].RTX(vp8[0].PayloadType+1))
}

func only(codecs []sdp.Codec, name string) []sdp.Codec {
	return slices.DeleteFunc(codecs, func(c sdp.Codec) bool { return !c.Is(name) })
}

// acceptMedia takes one section of each kind from a page, to receive.
func (p *Participant) acceptMedia(o rtc.MediaOffer) (rtc.MediaConfig, bool) {
	if p.offered[o.Kind] || !o.Direction.Receives() {
		return rtc.MediaConfig{}, false
	}
	p.offered[o.Kind] = true
	return rtc.MediaConfig{Direction: sdp.RecvOnly}, true
}

// stream is what the page of another participant calls the stream of p.
func (p *Participant) stream() string { return "p" + strconv.FormatUint(p.ID, 10) }

// negotiate offers a page the people it does not see yet, and takes away those who have
// left. While an offer has no answer there is nothing to be done: the answer leads back here.
func (s *SFU) negotiate(p *Participant) {
	if !p.joined || p.offer != nil || p.gone {
		return
	}
	changes, added := p.changes()
	if len(changes.AddMedia) == 0 && len(changes.SetMedia) == 0 {
		return
	}
	if err := s.offer(p, changes, added); err != nil {
		p.Rtc.Close(s.now)
		return
	}
	s.send(p, message{Type: "offer", Round: p.round, SDP: p.offer.SDP()})
}

// Restart offers a page to look for a way to us anew, since the one before is broken: it may be in another
// network now. Neither offer nor answer can take that way, so they travel as candidates do. With its request the
// page brings the answer that it gave last, which may be stuck.
func (s *SFU) Restart(now time.Time, p *Participant, round uint64, answer string) (newRound uint64, offer string, err error) {
	s.advance(now)
	s.answered(p, round, answer)
	changes, added := rtc.Changes{}, []*subscription(nil)
	if p.joined {
		changes, added = p.changes()
	}
	changes.ICERestart = true
	if err := s.offer(p, changes, added); err != nil {
		return 0, "", err
	}
	return p.round, p.offer.SDP(), nil
}

// changes returns what has to change in what a page sees, with the subscriptions that are new.
func (p *Participant) changes() (changes rtc.Changes, added []*subscription) {
	for _, from := range p.room.people {
		if from == p || !from.joined || p.subscribed(from) {
			continue
		}
		added = append(added, &subscription{from: from, to: p})
		for _, kind := range kinds {
			changes.AddMedia = append(changes.AddMedia, rtc.MediaConfig{
				Kind: kind, Direction: sdp.SendOnly, Stream: from.stream(),
			})
		}
	}
	for _, v := range p.subscriptions {
		if v.stopping = v.from.gone; v.stopping {
			for _, kind := range kinds {
				if v.sections[kind].codecs != nil {
					changes.SetMedia = append(changes.SetMedia, rtc.MediaChange{ID: v.sections[kind].id, Stop: true})
				}
			}
		}
	}
	return changes, added
}

// offer makes an offer to a page, in the place of one that has no answer yet.
func (s *SFU) offer(p *Participant, changes rtc.Changes, added []*subscription) error {
	offer, err := p.Rtc.CreateOffer(s.now, changes)
	if err != nil {
		return err
	}
	for i, id := range offer.Added() {
		added[i/len(kinds)].sections[i%len(kinds)].id = id
	}
	p.offer, p.pending = offer, added
	p.round++
	return nil
}

func (p *Participant) subscribed(from *Participant) bool {
	return slices.ContainsFunc(p.subscriptions, func(v *subscription) bool { return v.from == from })
}

// Answer takes the answer to an offer of Restart.
func (s *SFU) Answer(now time.Time, p *Participant, round uint64, answer string) {
	s.advance(now)
	s.answered(p, round, answer)
}

// answered applies a page's answer. One that cannot be used leaves a page of which
// nobody knows what it shows.
func (s *SFU) answered(p *Participant, round uint64, answer string) {
	if p.offer == nil || round != p.round {
		return
	}
	if err := p.Rtc.AcceptAnswer(s.now, p.offer, answer); err != nil {
		p.Rtc.Close(s.now)
		return
	}
	p.subscriptions = slices.DeleteFunc(p.subscriptions, func(v *subscription) bool { return v.stopping })
	p.subscriptions = append(p.subscriptions, p.pending...)
	if len(p.subscriptions) > 0 {
		s.adaptSoon()
	}
	for _, v := range p.pending {
		if !v.from.gone {
			v.from.viewers = append(v.from.viewers, v)
		}
	}
	p.offer, p.pending = nil, nil
	p.stale = true
	s.owe(p)
}

// mediaChanged notes what was agreed on about a section. When a page has agreed to show
// somebody, it needs a key frame to begin with.
func (s *SFU) mediaChanged(p *Participant, ev *rtc.MediaChanged) {
	if v := p.subscriptionOf(ev.ID); v != nil {
		out := &v.sections[ev.Kind]
		begins := out.codecs == nil
		out.codecs = slices.Clone(ev.Codecs)
		out.extensions = sentExtensions(ev.Extensions)
		if begins && len(out.codecs) > 0 {
			out.begin()
			s.choose(v, ev.Kind, none)
		}
		return
	}
	if ev.Direction.Receives() {
		if in := p.published[ev.Kind]; in == nil {
			p.published[ev.Kind] = newPublication(ev)
		} else {
			in.agree(ev)
		}
	}
}

// subscriptionOf returns the subscription that a section belongs to, or nil.
func (p *Participant) subscriptionOf(id rtc.MediaID) *subscription {
	for _, v := range p.subscriptions {
		for i := range v.sections {
			if v.sections[i].id == id {
				return v
			}
		}
	}
	return nil
}
