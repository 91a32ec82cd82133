package sfu

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/dtls"
	"github.com/sansrtc/rtc/ice"
	"github.com/sansrtc/rtc/rtp"
	"github.com/sansrtc/rtc/sctp"
	"github.com/sansrtc/rtc/sdp"
)

const delay = 10 * time.Millisecond // of every datagram, each way

var serverAddr = netip.MustParseAddrPort("10.0.0.1:1000")

// A world has an SFU, pages, and a network between them. Its time passes only in run.
type world struct {
	t     *testing.T
	now   time.Time
	sfu   *SFU
	rand  *rand.ChaCha8
	cert  *dtls.Certificate
	pages []*page
	wire  []datagram // in the order in which they arrive

	deadline time.Time // of the SFU
	ended    []*Participant
}

type datagram struct {
	at       time.Time
	from, to netip.AddrPort
	data     []byte
}

// A page is what a browser shows: one of our own sessions with a camera and a microphone.
type page struct {
	*world
	name     string
	addr     netip.AddrPort
	rtc      *rtc.Rtc
	channel  sctp.ChannelID
	deadline time.Time
	dead     bool // the computer has been switched off
	stalled  bool // nothing reaches it
	loss     int  // of a hundred datagrams to it, so many are lost
	broken   bool // it gives answers that make no sense

	participant *Participant
	sending     [2]*rtc.MediaChanged
	layers      []string          // of the camera; one without a name if it is no simulcast
	silent      map[string]bool   // layers that are not sent
	padded      map[string]uint16 // of these, without a picture
	written     map[string]uint16 // packets by kind and layer
	keyOwed     map[string]bool   // the next frame of the layer must be a key frame

	answered    message // the last answer
	people      []person
	texts       []string
	keyRequests []time.Time
	streams     map[rtc.MediaID]string // sections that show somebody
	got         map[string]int         // packets by stream and kind
	timestamps  map[string]uint32
	shown       []*rtc.RTPReceived // every video packet
}

func newWorld(t *testing.T) *world {
	w := &world{
		t: t, now: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC),
		rand: rand.NewChaCha8([32]byte{1}),
	}
	var err error
	w.cert, err = dtls.NewCertificate(w.rand, w.now)
	require.NoError(t, err)
	w.sfu = New(rtc.Config{Rand: w.rand, Certificate: w.cert, FailedTimeout: time.Second})
	return w
}

// join opens a page, which joins the room when it can. With layers, it sends its camera as a simulcast.
func (w *world) join(room, name string, layers ...string) *page {
	w.t.Helper()
	p := &page{
		world: w, name: name, layers: layers,
		silent: make(map[string]bool), written: make(map[string]uint16), padded: make(map[string]uint16), keyOwed: make(map[string]bool),
		addr:    netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 1, byte(len(w.pages))}), 1000),
		streams: make(map[rtc.MediaID]string), got: make(map[string]int), timestamps: make(map[string]uint32),
	}
	// A page numbers its codecs in its own way.
	vp8 := sdp.Codec{PayloadType: uint8(112 + len(w.pages)%15), Name: "VP8", ClockRate: 90000, Feedback: []sdp.Feedback{
		{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "transport-cc"},
	}}
	video := []sdp.Codec{vp8, vp8.RTX(vp8.PayloadType - 16)}
	var err error
	p.rtc, err = rtc.New(w.now, rtc.Config{Rand: w.rand, Certificate: w.cert, VideoCodecs: video, FailedTimeout: -1})
	require.NoError(w.t, err)
	require.NoError(w.t, p.rtc.AddLocalCandidate(w.now, ice.Candidate{Type: ice.Host, Addr: p.addr}))
	p.channel, err = p.rtc.OpenChannel(w.now, sctp.ChannelConfig{Label: "chat"})
	require.NoError(w.t, err)
	offer, err := p.rtc.CreateOffer(w.now, rtc.Changes{AddMedia: []rtc.MediaConfig{
		{Kind: rtc.Audio, Direction: sdp.SendOnly}, {Kind: rtc.Video, Direction: sdp.SendOnly, RIDs: layers},
	}})
	require.NoError(w.t, err)
	var answer string
	p.participant, answer, err = w.sfu.Join(w.now, room, offer.SDP(), []ice.Candidate{{Type: ice.Host, Addr: serverAddr}})
	require.NoError(w.t, err)
	require.NoError(w.t, p.rtc.AcceptAnswer(w.now, offer, answer))
	w.pages = append(w.pages, p)
	if len(layers) == 0 {
		p.layers = []string{""}
	}
	return p
}

// run lets time pass.
func (w *world) run(d time.Duration) { w.until(w.now.Add(d), func() bool { return false }) }

// wait lets time pass until something has come true.
func (w *world) wait(why string, done func() bool) {
	w.t.Helper()
	if !w.until(w.now.Add(5*time.Second), done) {
		w.t.Fatalf("waited in vain: %s", why)
	}
}

func (w *world) until(end time.Time, done func() bool) bool {
	for {
		w.drain()
		if done() {
			return true
		}
		next := sooner(end, w.deadline)
		for _, p := range w.pages {
			next = sooner(next, p.deadline)
		}
		if len(w.wire) > 0 {
			next = sooner(next, w.wire[0].at)
		}
		if next.After(w.now) {
			w.now = next
		} else if !w.due() {
			return false
		}
		w.deliver()
	}
}

func sooner(a, b time.Time) time.Time {
	if !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// due reports whether anything is to happen now.
func (w *world) due() bool {
	if len(w.wire) > 0 && !w.wire[0].at.After(w.now) {
		return true
	}
	if !w.deadline.IsZero() && !w.deadline.After(w.now) {
		return true
	}
	return slices.ContainsFunc(w.pages, func(p *page) bool { return !p.deadline.IsZero() && !p.deadline.After(w.now) })
}

// deliver hands over what is due.
func (w *world) deliver() {
	for len(w.wire) > 0 && !w.wire[0].at.After(w.now) {
		d := w.wire[0]
		w.wire = w.wire[1:]
		in := rtc.Input{Now: w.now, Local: d.to, Remote: d.from, Data: d.data}
		if d.to == serverAddr {
			w.sfu.HandleInput(in)
		}
		for _, p := range w.pages {
			if d.to == p.addr && !p.dead && !p.stalled && int(w.rand.Uint64()%100) >= p.loss {
				p.rtc.HandleInput(in)
			}
		}
		w.drain()
	}
	if !w.deadline.IsZero() && !w.deadline.After(w.now) {
		w.sfu.HandleInput(rtc.Input{Now: w.now})
	}
	for _, p := range w.pages {
		if !p.dead && !p.deadline.IsZero() && !p.deadline.After(w.now) {
			p.rtc.HandleInput(rtc.Input{Now: w.now})
		}
	}
}

func (w *world) drain() {
	for p, out := w.sfu.PollOutput(); ; p, out = w.sfu.PollOutput() {
		switch out.Kind {
		case rtc.OutputTransmit:
			w.send(out.Transmit)
		case rtc.OutputClosed:
			w.ended = append(w.ended, p)
		}
		if out.Kind == rtc.OutputTimeout {
			w.deadline = out.Deadline
			break
		}
	}
	for _, p := range w.pages {
		if !p.dead {
			p.drain()
		}
	}
}

func (w *world) send(t rtc.Transmit) {
	w.wire = append(w.wire, datagram{w.now.Add(delay), t.Local, t.Remote, slices.Clone(t.Data)})
}

func (p *page) drain() {
	for {
		out := p.rtc.PollOutput()
		switch out.Kind {
		case rtc.OutputTransmit:
			p.world.send(out.Transmit)
		case rtc.OutputEvent:
			p.handle(out.Event)
		case rtc.OutputTimeout:
			p.deadline = out.Deadline
			return
		case rtc.OutputClosed:
			p.dead, p.deadline = true, time.Time{}
			return
		}
	}
}

func (p *page) handle(ev rtc.Event) {
	switch ev := ev.(type) {
	case *rtc.ChannelOpened:
		p.say(message{Type: "join", Name: p.name, Audio: true, Video: true})
	case *rtc.ChannelMessage:
		var m message
		require.NoError(p.t, json.Unmarshal(ev.Data, &m))
		p.hear(m)
	case *rtc.MediaChanged:
		if ev.Direction.Sends() {
			c := *ev
			c.Codecs = slices.Clone(ev.Codecs)
			p.sending[ev.Kind] = &c
		} else if len(ev.MSIDs) > 0 {
			p.streams[ev.ID] = ev.MSIDs[0].Stream + " " + ev.Kind.String()
		}
	case *rtc.MediaStopped:
		delete(p.streams, ev.ID)
	case *rtc.KeyFrameRequested:
		p.keyRequests = append(p.keyRequests, p.now)
		p.keyOwed[ev.RID] = true
	case *rtc.RTPReceived:
		text := ev.Payload[bytes.LastIndexByte(ev.Payload, 0)+1:]
		p.got[p.streams[ev.ID]+" "+string(text)]++
		p.timestamps[p.streams[ev.ID]] = ev.Header.Timestamp
		if strings.HasSuffix(p.streams[ev.ID], "video") {
			p.shown = append(p.shown, ev.Clone())
		}
	}
}

// accept answers an offer of the server, unless there was a later one already.
func (p *page) accept(round uint64, offer string) {
	if round <= p.answered.Round {
		return
	}
	p.answered = message{Type: "answer", Round: round, SDP: "v=0"}
	if !p.broken {
		var err error
		p.answered.SDP, err = p.rtc.AcceptOffer(p.now, offer)
		require.NoError(p.t, err)
	}
}

// move takes the page to another network: nothing reaches its old address.
func (p *page) move() {
	old := ice.Candidate{Type: ice.Host, Addr: p.addr}
	b := p.addr.Addr().As4()
	b[2]++
	p.addr = netip.AddrPortFrom(netip.AddrFrom4(b), p.addr.Port())
	require.NoError(p.t, p.rtc.AddLocalCandidate(p.now, ice.Candidate{Type: ice.Host, Addr: p.addr}))
	require.NoError(p.t, p.rtc.RemoveLocalCandidate(p.now, old))
}

// restart has the page ask for a new way to the server.
func (p *page) restart() {
	round, offer, err := p.sfu.Restart(p.now, p.participant, p.answered.Round, p.answered.SDP)
	require.NoError(p.t, err)
	p.accept(round, offer)
	p.sfu.Answer(p.now, p.participant, p.answered.Round, p.answered.SDP)
}

func (p *page) hear(m message) {
	switch m.Type {
	case "offer":
		p.accept(m.Round, m.SDP)
		p.say(p.answered)
	case "people":
		require.Equal(p.t, p.participant.ID, m.You)
		p.people = m.People
	case "text":
		p.texts = append(p.texts, m.Name+": "+m.Text)
	}
}

func (p *page) say(m message) {
	b, err := json.Marshal(m)
	require.NoError(p.t, err)
	require.NoError(p.t, p.rtc.Send(p.now, p.channel, false, b))
}

// write sends a packet, or one for each layer, whose payload names the page, the number of the packet and
// the layer. It returns what that of the last layer says.
func (p *page) write(kind rtc.MediaKind) (text string) {
	p.t.Helper()
	layers := []string{""}
	if kind == rtc.Video {
		layers = p.layers
	}
	for i, layer := range layers {
		if p.silent[layer] {
			continue
		}
		key := kind.String() + layer
		n := p.written[key]
		p.written[key]++
		text = fmt.Sprintf("%s %d", p.name, n)
		if layer != "" {
			text += " " + layer
		}
		section := p.sending[kind]
		// No two layers have the same numbers.
		h := rtp.Header{
			PayloadType: section.Codecs[0].Send.PayloadType, SequenceNumber: n + 1 + uint16(7000*i),
			Timestamp: uint32(n)*3000 + uint32(i)*1e6, Marker: true,
		}
		payload := []byte(text)
		if kind == rtc.Video {
			payload = append(vp8(p.keyOwed[layer] || n == 0, n-p.padded[layer]+uint16(100*i)), text...)
			p.keyOwed[layer] = false
		}
		require.NoError(p.t, p.rtc.WriteRTP(p.now, section.ID, layer, &h, payload))
	}
	p.run(20 * time.Millisecond)
	return text
}

// vp8 is the beginning of a packet that is a whole frame: the payload descriptor with a picture id, and the
// header of the frame (RFC 7741 section 4). It ends with a zero, which no text has.
func vp8(key bool, picture uint16) []byte {
	b := []byte{0x90, 0x80, 0x80 | byte(picture>>8), byte(picture)}
	if key {
		return append(b, 0x10, 2, 0, 0x9d, 1, 0x2a, 64, 1, 180, 0)
	}
	return append(b, 0x11, 2, 0)
}

// sees reports whether the page has sections for exactly these, both kinds of each.
func (p *page) sees(others ...*page) bool {
	var want []string
	for _, o := range others {
		want = append(want, o.participant.stream()+" audio", o.participant.stream()+" video")
	}
	var shown []string
	for _, s := range p.streams {
		shown = append(shown, s)
	}
	slices.Sort(want)
	slices.Sort(shown)
	return slices.Equal(want, shown)
}

func (p *page) names() (names []string) {
	for _, q := range p.people {
		names = append(names, q.Name)
	}
	return names
}
