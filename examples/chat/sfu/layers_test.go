package sfu

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/rtp"
)

// film has a page send frames of its camera for some time.
func (p *page) film(d time.Duration) {
	p.t.Helper()
	for end := p.now.Add(d); p.now.Before(end); {
		p.write(rtc.Video)
	}
}

// seen returns which layers a page was shown, in order and without repetition, and forgets them. Before is the
// one that it was shown before, if any. It fails unless what was shown is one stream, without gaps and jumps.
func (p *page) seen(before string) string {
	p.t.Helper()
	layers := strings.Fields(before)
	var last *rtc.RTPReceived
	var lastPicture uint16
	for _, x := range p.shown {
		f, ok := rtp.ParseVP8Fields(x.Payload)
		require.True(p.t, ok)
		text := string(x.Payload)
		layer := text[strings.LastIndexByte(text, ' ')+1:]
		if last != nil {
			require.Equal(p.t, last.Sequence+1, x.Sequence, "after %q", last.Payload)
			require.Equal(p.t, (lastPicture+1)&0x7fff, f.PictureID, "after %q", last.Payload)
			step := x.Header.Timestamp - last.Header.Timestamp
			require.True(p.t, step > 0 && step < 90_000, "the timestamp goes from %d to %d", last.Header.Timestamp, x.Header.Timestamp)
		}
		if len(layers) == 0 || layers[len(layers)-1] != layer {
			require.True(p.t, f.KeyFrame(x.Payload), "%q begins a layer", text)
			layers = append(layers, layer)
		}
		last, lastPicture = x, f.PictureID
	}
	p.shown = nil
	return strings.Join(layers, " ")
}

// A viewer is sent the largest layer there is, and the next when that falls silent.
func TestLargestLayer(t *testing.T) {
	w := newWorld(t)
	a, b := w.join("room", "Ada", "l", "m", "h"), w.join("room", "Bob")
	w.wait("two see each other", func() bool { return a.sees(b) && b.sees(a) })
	a.film(time.Second)
	require.Equal(t, "l m h", b.seen(""), "layers come to life one after another")
	a.silent["h"] = true
	a.film(2 * time.Second)
	require.Equal(t, "h m", b.seen("h"))
	a.silent["m"] = true
	a.film(2 * time.Second)
	require.Equal(t, "m l", b.seen("m"))
	a.silent = map[string]bool{}
	a.film(2 * time.Second)
	require.Equal(t, "l h", b.seen("l"))

	// Who comes late begins with the largest at once.
	c := w.join("room", "Cy")
	w.wait("Cy sees both", func() bool { return c.sees(a, b) })
	a.film(time.Second)
	require.Equal(t, "h", c.seen(""))
	require.Equal(t, "h", b.seen("h"))
}

// A layer that is switched off with a goodbye leaves its viewers at once.
func TestLayerEnds(t *testing.T) {
	w := newWorld(t)
	a, b := w.join("room", "Ada", "l", "h"), w.join("room", "Bob")
	w.wait("two see each other", func() bool { return a.sees(b) && b.sees(a) })
	a.film(time.Second)
	require.Equal(t, "l h", b.seen(""))
	a.silent["h"] = true
	in := a.participant.published[rtc.Video]
	w.sfu.handle(a.participant, &rtc.StreamEnded{ID: in.id, RID: "h"})
	a.film(100 * time.Millisecond)
	require.Equal(t, "h l", b.seen("h"))
}

// Who wants to save data is sent the smallest layer, and nobody else is.
func TestSaving(t *testing.T) {
	w := newWorld(t)
	a, b, c := w.join("room", "Ada", "l", "m", "h"), w.join("room", "Bob"), w.join("room", "Cy")
	w.wait("all see all", func() bool { return a.sees(b, c) && b.sees(a, c) && c.sees(a, b) })
	a.film(time.Second)
	require.Equal(t, "l m h", b.seen(""))
	b.say(message{Type: "state", Saving: true})
	a.film(time.Second)
	require.Equal(t, "h l", b.seen("h"))
	b.say(message{Type: "state"})
	a.film(time.Second)
	require.Equal(t, "l h", b.seen("l"))
	require.Equal(t, "l m h", c.seen(""))
}

// A viewer that loses much is sent less, and is tried again later.
func TestLossLeadsDown(t *testing.T) {
	w := newWorld(t)
	a, b, c := w.join("room", "Ada", "l", "m", "h"), w.join("room", "Bob"), w.join("room", "Cy")
	w.wait("all see all", func() bool { return a.sees(b, c) && b.sees(a, c) && c.sees(a, b) })
	a.film(time.Second)
	b.loss = 30
	a.film(6 * time.Second)
	require.Equal(t, 0, b.layerOf(a), "after six seconds of much loss")
	require.Equal(t, 2, c.layerOf(a), "the others are not held back")
	b.loss = 0
	a.film(firstPatience + 5*time.Second)
	require.Greater(t, b.layerOf(a), 0)
	a.film(maxPatience)
	require.Equal(t, 2, b.layerOf(a))
}

func (p *page) layerOf(from *page) int {
	for _, v := range p.participant.subscriptions {
		if v.from == from.participant {
			return v.sections[rtc.Video].layer
		}
	}
	return none
}

func TestLimit(t *testing.T) {
	now := time.Unix(0, 0)
	l := limit{layer: highest}
	// layer is what the viewer is sent: the limit, of three.
	step := func(d time.Duration, lost float64) int {
		now = now.Add(d)
		layer := min(l.layer, 2)
		l.report(now, lost, layer, 2)
		return min(l.layer, 2)
	}
	require.Equal(t, 2, step(time.Second, 0.05), "some loss is left to retransmission")
	require.Equal(t, 1, step(time.Second, 0.2))
	require.Equal(t, 1, step(500*time.Millisecond, 0.2), "the report may be about the layer before")
	require.Equal(t, 0, step(time.Second, 0.2))
	require.Equal(t, 0, step(time.Second, 0.9), "there is nothing below")
	require.Equal(t, 0, step(6*time.Second, 0))
	require.Equal(t, 0, step(time.Second, 0.05), "loss begins the wait anew")
	require.Equal(t, 0, step(7*time.Second, 0))
	require.Equal(t, 1, step(time.Second, 0))
	require.Equal(t, 0, step(2*time.Second, 0.2), "it did not take that")
	require.Equal(t, 0, step(firstPatience, 0), "and is asked more seldom")
	require.Equal(t, 1, step(firstPatience, 0))
	for range 200 {
		step(time.Second, 0)
	}
	require.Equal(t, 2, step(time.Second, 0))
}

// A page that finds itself in another network is there again after a restart.
func TestRestart(t *testing.T) {
	for _, during := range []time.Duration{0, 15 * time.Millisecond, 25 * time.Millisecond, 35 * time.Millisecond, time.Second} {
		w := newWorld(t)
		a, b := w.join("room", "Ada"), w.join("room", "Bob")
		w.wait("two see each other", func() bool { return a.sees(b) && b.sees(a) })
		a.film(time.Second)

		// Somebody joins, so that an offer may be under way when the network changes.
		c := w.join("room", "Cy")
		w.run(300*time.Millisecond + during)
		b.move()
		w.run(5 * time.Second)
		b.restart()
		w.wait("all see all", func() bool { return a.sees(b, c) && b.sees(a, c) && c.sees(a, b) })
		w.run(time.Second)
		b.got = map[string]int{}
		text := a.write(rtc.Video)
		w.run(200 * time.Millisecond)
		require.Equal(t, 1, b.got[a.participant.stream()+" video "+text], "a change after %v", during)
		require.Empty(t, w.ended)
	}
}

// Padding goes to nobody, and leaves no gap.
func TestPadding(t *testing.T) {
	w := newWorld(t)
	a, b := w.join("room", "Ada", "l", "h"), w.join("room", "Bob")
	w.wait("two see each other", func() bool { return a.sees(b) && b.sees(a) })
	a.film(time.Second)
	require.Equal(t, "l h", b.seen(""))
	for range 5 {
		section, n := a.sending[rtc.Video], a.written["videoh"]
		a.written["videoh"]++
		a.padded["h"]++
		h := rtp.Header{PayloadType: section.Codecs[0].Send.PayloadType, SequenceNumber: n + 1 + 7000, Timestamp: uint32(n)*3000 + 1e6}
		require.NoError(t, a.rtc.WriteRTP(w.now, section.ID, "h", &h, nil))
		a.film(60 * time.Millisecond)
	}
	require.Equal(t, "h", b.seen("h"))
}
