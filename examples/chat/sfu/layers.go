package sfu

import (
	"slices"
	"time"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/rtp"
	"github.com/sansrtc/rtc/sdp"
)

// A page may send its camera in several sizes at once, the layers of a simulcast. Every viewer is sent
// one of them: the largest that its connection takes.

// A publication is a section in which a page sends.
type publication struct {
	id         rtc.MediaID
	codecs     []sdp.AgreedCodec
	extensions extensionIDs
	layers     []layer // as the page lists them, the smallest first; one without simulcast
	heard      time.Time
}

// A layer is one encoding of a publication.
type layer struct {
	rid   string
	heard time.Time // when the last packet came; zero: never
}

// A section is one in which we send, one kind of one participant.
type section struct {
	id         rtc.MediaID
	codecs     []sdp.AgreedCodec // empty until the page has answered
	extensions extensionIDs

	layer  int // that is forwarded; none if negative
	wanted int // that will be, when a key frame of it begins
	limit  limit

	ssrc     uint32 // of the layer, in the publisher's session
	rewriter rtp.Rewriter
	vp8      rtp.VP8Rewriter
}

const none = -1

func newPublication(ev *rtc.MediaChanged) *publication {
	in := &publication{id: ev.ID}
	for _, rid := range ev.RIDs {
		in.layers = append(in.layers, layer{rid: rid})
	}
	if len(in.layers) == 0 {
		in.layers = make([]layer, 1)
	}
	in.agree(ev)
	return in
}

// agree takes over what the latest descriptions say. The layers stay as they were.
func (in *publication) agree(ev *rtc.MediaChanged) {
	in.codecs, in.extensions = slices.Clone(ev.Codecs), receivedExtensions(ev.Extensions)
}

func (out *section) begin() {
	out.layer, out.wanted = none, none
	out.limit.layer = highest
	out.rewriter.ClockRate = out.codecs[0].ClockRate
}

// A browser stops sending large layers when its own connection or processor is too slow for them. A
// layer is dead when others have been heard for so long and it has not: if all are silent, the picture stands still.
const silence = 500 * time.Millisecond

func (in *publication) live(i int) bool {
	heard := in.layers[i].heard
	return !heard.IsZero() && in.heard.Sub(heard) < silence
}

// best returns the largest layer that is sent and is not above limit, else the smallest, or none.
func (in *publication) best(limit int) int {
	best := none
	for i := range in.layers {
		if in.live(i) && (i <= limit || best == none) {
			best = i
		}
	}
	return best
}

// choose decides which layer a viewer is sent. The layer before goes on until a key frame of the
// new one begins. Begun is a layer of which one begins right now, or none.
func (s *SFU) choose(v *subscription, kind rtc.MediaKind, begun int) {
	in, out := v.from.published[kind], &v.sections[kind]
	if in == nil || len(out.codecs) == 0 {
		return
	}
	limit := out.limit.layer
	if v.to.saving {
		limit = 0
	}
	best := in.best(limit)
	if best == none || best == out.wanted {
		return
	}
	if out.wanted = best; best != out.layer && best != begun {
		s.requestKeyFrame(v.from, kind, best)
	}
}

// noteLayer follows a packet of a layer, which may begin a key frame. When a layer comes to life, viewers may
// want it.
func (s *SFU) noteLayer(p *Participant, kind rtc.MediaKind, i int, begins bool) {
	in := p.published[kind]
	live, begun := in.live(i), none
	if begins {
		begun = i
	}
	in.heard, in.layers[i].heard = s.now, s.now
	if !live {
		for _, v := range p.viewers {
			s.choose(v, kind, begun)
		}
	}
}

// layerEnded is told that a page has switched a layer off. Its viewers need not wait until it has been silent
// for long.
func (s *SFU) layerEnded(p *Participant, ev *rtc.StreamEnded) {
	in := p.published[rtc.Video]
	if in == nil || in.id != ev.ID || len(in.layers) == 1 {
		return
	}
	for i := range in.layers {
		if in.layers[i].rid == ev.RID {
			in.layers[i].heard = time.Time{}
		}
	}
	for _, v := range p.viewers {
		s.choose(v, rtc.Video, none)
	}
}

// requestKeyFrame asks p for a key frame of a layer. Many viewers may ask at once; the session
// merges the requests.
func (s *SFU) requestKeyFrame(p *Participant, kind rtc.MediaKind, layer int) {
	if in := p.published[kind]; kind == rtc.Video && in != nil && layer != none && !p.gone {
		p.Rtc.RequestKeyFrame(s.now, in.id, in.layers[layer].rid)
	}
}

// passKeyFrameRequest asks the publisher for the key frame that a viewer asks us for.
func (s *SFU) passKeyFrameRequest(viewer *Participant, id rtc.MediaID) {
	if v := viewer.subscriptionOf(id); v != nil {
		out := &v.sections[rtc.Video]
		s.requestKeyFrame(v.from, rtc.Video, out.shown())
	}
}

// shown returns the layer that the viewer sees, or is about to.
func (out *section) shown() int {
	if out.layer == none {
		return out.wanted
	}
	return out.layer
}

// The rule by which a connection is found to take a layer, until there is an estimate of its
// bandwidth: much loss leads one layer down, and a time without leads one up.
const (
	muchLoss = 0.10
	noLoss   = 0.02

	settling      = 600 * time.Millisecond
	adaptInterval = 500 * time.Millisecond
	firstPatience = 8 * time.Second // before the next layer is tried
	maxPatience   = 2 * time.Minute
	highest       = 1 << 10
)

// A limit is the largest layer that a viewer's connection is thought to take.
type limit struct {
	layer    int
	changed  time.Time // or when loss was last seen
	raised   time.Time
	patience time.Duration
	reported time.Time // the last report of the viewer that was seen
}

// adapt moves the limits of all viewers. It is called every adaptInterval while there are any.
func (s *SFU) adapt() {
	s.adaptAt = time.Time{}
	for _, p := range s.people {
		if len(p.subscriptions) == 0 {
			continue
		}
		s.adaptSoon()
		s.stats = p.Rtc.AppendStreamStats(s.stats[:0])
		for i := range s.stats {
			st := &s.stats[i]
			if v := p.subscriptionOf(st.ID); v != nil && st.Sending {
				s.adaptTo(v, st)
			}
		}
		for _, v := range p.subscriptions {
			s.choose(v, rtc.Video, none) // layers may have fallen silent
		}
	}
}

func (s *SFU) adaptSoon() {
	if s.adaptAt.IsZero() {
		s.adaptAt = s.now.Add(adaptInterval)
	}
}

func (s *SFU) adaptTo(v *subscription, st *rtc.StreamStats) {
	in, out := v.from.published[rtc.Video], &v.sections[rtc.Video]
	if in == nil || out.id != st.ID || out.layer == none || !st.Sent.RemoteAt.After(out.limit.reported) {
		return
	}
	out.limit.reported = st.Sent.RemoteAt
	out.limit.report(s.now, float64(st.Sent.Remote.FractionLost)/256, out.layer, len(in.layers)-1)
}

// report takes the share of packets that a viewer says it has lost of a layer.
func (l *limit) report(now time.Time, lost float64, layer, top int) {
	if l.patience == 0 {
		l.patience = firstPatience
	}
	switch since := now.Sub(l.changed); {
	case since < settling: // the report is about the layer before
	case lost > muchLoss && layer > 0:
		if now.Sub(l.raised) < firstPatience { // to go up was a mistake
			l.patience = min(2*l.patience, maxPatience)
		}
		l.layer, l.changed = layer-1, now
	case l.layer >= top: // it has all there is
	case lost > noLoss:
		l.changed = now
	case since >= l.patience:
		l.layer, l.changed, l.raised = l.layer+1, now, now
	}
}
