package sfu

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
)

// Everybody is sent to everybody else, and nobody to themselves.
func TestEverybodySeesEverybody(t *testing.T) {
	w := newWorld(t)
	a, b, c := w.join("room", "Ada"), w.join("room", "Bob"), w.join("room", "Cy")
	w.wait("all see all", func() bool { return a.sees(b, c) && b.sees(a, c) && c.sees(a, b) })
	require.Equal(t, []string{"Ada", "Bob", "Cy"}, a.names())

	for _, from := range w.pages {
		for _, kind := range kinds {
			for range 5 {
				text := from.write(kind)
				w.run(50 * time.Millisecond)
				for _, to := range w.pages {
					want := 1
					if to == from {
						want = 0
					}
					require.Equal(t, want, to.got[from.participant.stream()+" "+kind.String()+" "+text], "%v %s from %s at %s", kind, text, from.name, to.name)
				}
			}
		}
	}
	require.Len(t, a.got, 20)
}

// What a viewer gets begins wherever the sender is, and its timestamps stay in step with
// the sender's.
func TestLateJoiner(t *testing.T) {
	w := newWorld(t)
	a, b := w.join("room", "Ada"), w.join("room", "Bob")
	w.wait("two see each other", func() bool { return a.sees(b) && b.sees(a) })
	for range 100 {
		a.write(rtc.Video)
		b.write(rtc.Video)
	}
	a.keyRequests, b.keyRequests = nil, nil

	late := w.join("room", "Late")
	w.wait("the late page sees both", func() bool { return late.sees(a, b) })
	// The page has its sections now, and its answer is on the way. It arrives one delay later, and the
	// requests leave in that moment: they take one more.
	w.run(2 * delay)
	require.Equal(t, []time.Time{w.now}, a.keyRequests, "Ada must be asked in the tick of the answer")
	require.Equal(t, []time.Time{w.now}, b.keyRequests, "Bob must be asked in the tick of the answer")

	text := a.write(rtc.Video)
	w.run(50 * time.Millisecond)
	require.Equal(t, 1, late.got[a.participant.stream()+" video "+text])
	require.Equal(t, uint32(100*3000), late.timestamps[a.participant.stream()+" video"])
}

// A page whose viewer asks for a key frame is asked for it.
func TestKeyFrameRequestIsPassedOn(t *testing.T) {
	w := newWorld(t)
	a, b := w.join("room", "Ada"), w.join("room", "Bob")
	w.wait("two see each other", func() bool { return a.sees(b) && b.sees(a) })
	w.run(100 * time.Millisecond)
	a.write(rtc.Video)
	b.write(rtc.Video)
	w.run(time.Second)
	a.keyRequests, b.keyRequests = nil, nil
	for id, shown := range b.streams {
		if shown == a.participant.stream()+" video" {
			require.NoError(t, b.rtc.RequestKeyFrame(w.now, id, ""))
		}
	}
	sent := w.now
	w.run(100 * time.Millisecond)
	a.write(rtc.Video)
	w.run(time.Second)
	require.Equal(t, []time.Time{sent.Add(2 * delay)}, a.keyRequests)
	require.Empty(t, b.keyRequests)
}

// A page that says goodbye is gone at once.
func TestLeave(t *testing.T) {
	w := newWorld(t)
	a, b, c := w.join("room", "Ada"), w.join("room", "Bob"), w.join("room", "Cy")
	w.wait("all see all", func() bool { return a.sees(b, c) && b.sees(a, c) && c.sees(a, b) })
	b.rtc.Close(w.now)
	w.wait("Bob is gone", func() bool { return a.sees(c) && c.sees(a) })
	require.Equal(t, []string{"Ada", "Cy"}, a.names())
	require.Equal(t, []*Participant{b.participant}, w.ended)

	// The others go on, and the sections of Bob are used again.
	text := a.write(rtc.Audio)
	d := w.join("room", "Di")
	w.wait("Di is there", func() bool { return a.sees(c, d) && c.sees(a, d) && d.sees(a, c) })
	require.Equal(t, 1, c.got[a.participant.stream()+" audio "+text])
	text = d.write(rtc.Video)
	w.run(50 * time.Millisecond)
	require.Equal(t, 1, a.got[d.participant.stream()+" video "+text])
}

// A page that vanishes without a word is gone when its consent to be sent to has expired.
func TestVanish(t *testing.T) {
	w := newWorld(t)
	a, b := w.join("room", "Ada"), w.join("room", "Bob")
	w.wait("two see each other", func() bool { return a.sees(b) && b.sees(a) })
	b.dead, b.deadline = true, time.Time{}
	w.run(40 * time.Second)
	require.True(t, a.sees())
	require.Equal(t, []string{"Ada"}, a.names())
	require.Equal(t, []*Participant{b.participant}, w.ended)
	require.Empty(t, a.participant.viewers)
	require.Empty(t, a.participant.subscriptions)
}

// Somebody who leaves while others have an offer with them is taken away by the next.
func TestLeaveDuringNegotiation(t *testing.T) {
	for after := time.Duration(0); after < 200*time.Millisecond; after += 5 * time.Millisecond {
		w := newWorld(t)
		a, c := w.join("room", "Ada"), w.join("room", "Cy")
		w.wait("two see each other", func() bool { return a.sees(c) && c.sees(a) })
		b := w.join("room", "Bob")
		w.run(after)
		b.rtc.Close(w.now)
		w.sfu.Leave(w.now, b.participant)
		w.run(time.Second)
		require.True(t, a.sees(c), "after %v Ada sees %v", after, a.streams)
		require.True(t, c.sees(a), "after %v Cy sees %v", after, c.streams)
		require.Len(t, a.participant.viewers, 1)
	}
}

// Rooms know nothing of each other, and a room is gone with the last who was in it.
func TestRooms(t *testing.T) {
	w := newWorld(t)
	a, b, c := w.join("one", "Ada"), w.join("one", "Bob"), w.join("two", "Cy")
	w.wait("two see each other", func() bool { return a.sees(b) && b.sees(a) })
	w.run(time.Second)
	require.True(t, c.sees())
	a.say(message{Type: "text", Text: "hello"})
	w.run(100 * time.Millisecond)
	require.Equal(t, []string{"Ada: hello"}, b.texts)
	require.Equal(t, []string{"Ada: hello"}, a.texts)
	require.Empty(t, c.texts)
	b.say(message{Type: "state", Audio: false, Video: true, Screen: true})
	w.run(100 * time.Millisecond)
	require.Equal(t, person{ID: b.participant.ID, Name: "Bob", Stream: b.participant.stream(), Video: true, Screen: true}, a.people[1])

	w.sfu.Close(w.now)
	w.run(time.Second)
	require.Len(t, w.ended, 3)
	require.Empty(t, w.sfu.rooms)
}

// Somebody who talks faster than another can listen loses words, and nobody.
func TestFlood(t *testing.T) {
	w := newWorld(t)
	a, b := w.join("room", "Ada"), w.join("room", "Bob")
	w.wait("two see each other", func() bool { return a.sees(b) && b.sees(a) })
	text := strings.Repeat("x", maxText)
	const n = 400 // 6.4 MB, which is more than any buffer holds
	for i := range n {
		b.say(message{Type: "text", Text: text})
		b.say(message{Type: "state", Audio: i%2 == 0})
		for range 5 {
			w.run(time.Millisecond)
		}
		a.stalled = i > 10 // takes nothing from the network
	}
	a.stalled = false
	w.run(10 * time.Second)
	require.Empty(t, w.ended)
	require.Greater(t, len(a.texts), 0)
	require.Less(t, len(a.texts), n)
	require.Equal(t, []person{a.participant.person, b.participant.person}, a.people, "the last state must have come")
}

func TestRoomIsFull(t *testing.T) {
	w := newWorld(t)
	for range MaxRoom {
		w.join("room", "somebody")
	}
	offer, err := w.pages[0].rtc.CreateOffer(w.now, rtc.Changes{ICERestart: true})
	require.NoError(t, err)
	_, _, err = w.sfu.Join(w.now, "room", offer.SDP(), nil)
	require.ErrorIs(t, err, ErrRoomFull)
}

// Nothing a page says may harm the others.
func TestNonsense(t *testing.T) {
	w := newWorld(t)
	a, b := w.join("room", "Ada"), w.join("room", "Bob")
	w.wait("two see each other", func() bool { return a.sees(b) && b.sees(a) })
	for _, text := range []string{
		"", "{", "null", "[]", `{"type":"join","name":"again"}`, `{"type":"answer","round":1,"sdp":"v=0"}`,
		`{"type":"answer","round":99}`, `{"type":"text"}`, `{"type":"nothing"}`, `{"type":7}`,
	} {
		require.NoError(t, b.rtc.Send(w.now, b.channel, false, []byte(text)))
		require.NoError(t, b.rtc.Send(w.now, b.channel, true, []byte(text)))
	}
	w.run(100 * time.Millisecond)
	require.Equal(t, []string{"Ada", "Bob"}, a.names())
	require.Empty(t, w.ended)

	// A broken answer ends the page that gave it, and nothing else.
	b.broken = true
	c := w.join("room", "Cy")
	w.run(time.Second)
	require.True(t, a.sees(c) && c.sees(a))
	require.Equal(t, []*Participant{b.participant}, w.ended)
}
