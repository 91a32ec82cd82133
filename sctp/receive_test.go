package sctp

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// newWithChannel returns a connected one with a negotiated channel on stream 0
// (id 1).
func newWithChannel(t *testing.T, cfg ChannelConfig, more ...Config) *peerTest {
	t.Helper()
	test := newPeer(t, more...)
	cfg.Negotiated = true
	_, err := test.a.Open(test.now, cfg)
	require.NoError(t, err)
	test.a.Connect(test.now)
	test.want("Connect owes an INIT", "INIT tsn=100")
	test.recv(test.initAck("cookie"))
	test.want("the cookie comes back", "COOKIE_ECHO cookie")
	test.recv(rawChunk(chunkCookieAck, 0, nil))
	test.wantEvent("COOKIE ACK connects", "Connected")
	test.wantEvent("and the channel is open", "ChannelOpened 1 stream=0")
	test.wantIdle("nothing more is owed")
	return test
}

// "an acknowledgement SHOULD be generated for at least every second packet …
// received, and SHOULD be generated within 200 ms"
// (https://www.rfc-editor.org/rfc/rfc9260#section-6.2).
func TestDelayedSack(t *testing.T) {
	test := newWithChannel(t, ChannelConfig{})
	test.recv(text(200, 0, 0, "a"))
	test.wantEvent("delivered", `Message 1 "a"`)
	test.wantIdle("the first waits for company")
	test.recv(text(201, 0, 1, "b"))
	test.wantEvent("delivered", `Message 1 "b"`)
	test.want("every second is acknowledged", "SACK cum=201")
	test.recv(text(202, 0, 2, "c"))
	test.wantEvent("delivered", `Message 1 "c"`)
	test.wantIdle("the third waits")
	before := test.now
	test.advanceToTimer()
	test.want("no company came", "SACK cum=202")
	require.LessOrEqual(t, test.now.Sub(before), 200*time.Millisecond)
	test.recv(data(203, 0, 3, ppidString, whole|flagImmediate, "d"))
	test.want("the I bit asks for a SACK at once", "SACK cum=203")
	test.wantEvent("delivered", `Message 1 "d"`)
	test.recv(text(204, 0, 4, "e"), text(205, 0, 5, "f"))
	test.wantEvent("delivered", `Message 1 "e"`)
	test.wantEvent("delivered", `Message 1 "f"`)
	test.wantIdle("two chunks in a packet are one packet")
}

func TestGapsAndDuplicates(t *testing.T) {
	test := newWithChannel(t, ChannelConfig{})
	test.recv(text(201, 0, 1, "b"))
	test.want("a gap", "SACK cum=199 gap=201-201")
	test.recv(text(204, 0, 4, "e"))
	test.want("another", "SACK cum=199 gap=201-201 gap=204-204")
	test.recv(text(203, 0, 3, "d"))
	test.want("it grows", "SACK cum=199 gap=201-201 gap=203-204")
	test.recv(text(203, 0, 3, "d"), text(201, 0, 1, "b"))
	test.want("duplicates above the gap", "SACK cum=199 gap=201-201 gap=203-204 dup=203 dup=201")
	test.recv(text(202, 0, 2, "c"))
	test.want("two gaps become one", "SACK cum=199 gap=201-204")
	test.wantIdle("nothing is in order yet")
	test.recv(text(200, 0, 0, "a"))
	test.want("the gap is filled", "SACK cum=204")
	for _, s := range []string{"a", "b", "c", "d", "e"} {
		test.wantEvent("in order", fmt.Sprintf("Message 1 %q", s))
	}
	test.recv(text(199, 0, 0, "before"))
	test.want("a duplicate below", "SACK cum=204 dup=199")
	require.EqualValues(t, 3, test.a.Stats().DuplicateTSNs)
}

// Unordered messages are delivered over a gap, and ordered ones of a stream
// that is not concerned too.
func TestNoHeadOfLineBlocking(t *testing.T) {
	test := newWithChannel(t, ChannelConfig{})
	_, err := test.a.Open(test.now, ChannelConfig{Negotiated: true, StreamID: 7})
	require.NoError(t, err)
	test.wantEvent("open", "ChannelOpened 2 stream=7")
	test.recv(text(202, 7, 0, "other stream"))
	test.wantEvent("its turn", `Message 2 "other stream"`)
	test.recv(data(203, 0, 0, ppidBinary, whole|flagUnordered, "unordered"))
	test.wantEvent("has no turn", `Message 1 "unordered" binary`)
	test.recv(data(205, 0, 0, ppidString, flagEnd|flagUnordered, "lf"), data(204, 0, 0, ppidString, flagBegin|flagUnordered, "ha"))
	test.wantEvent("fragments too", `Message 1 "half"`)
	test.recv(text(201, 0, 1, "later"))
	test.discard()
	test.wantIdle("this one waits")
	test.recv(text(200, 0, 0, "first"))
	test.wantEvent("in order", `Message 1 "first"`)
	test.wantEvent("in order", `Message 1 "later"`)
}

// All orders of arrival give the same messages.
func TestReassemblyPermutations(t *testing.T) {
	chunks := [][]byte{
		data(200, 0, 0, ppidString, flagBegin, "one, "),
		data(201, 0, 0, ppidString, 0, "two, "),
		data(202, 0, 0, ppidString, flagEnd, "three"),
		data(203, 0, 0, ppidString, flagBegin|flagUnordered, "un"),
		data(204, 0, 0, ppidString, flagEnd|flagUnordered, "ordered"),
		text(205, 0, 1, "last"),
	}
	var order []int
	used := make([]bool, len(chunks))
	count := 0
	var permute func()
	permute = func() {
		if len(order) < len(chunks) {
			for i := range chunks {
				if !used[i] {
					used[i], order = true, append(order, i)
					permute()
					used[i], order = false, order[:len(order)-1]
				}
			}
			return
		}
		count++
		test := newWithChannel(t, ChannelConfig{})
		var ordered, unordered []string
		for _, i := range order {
			test.recv(chunks[i])
			for {
				ev, ok := test.a.NextEvent()
				if !ok {
					break
				}
				if s := string(ev.Data); s == "unordered" {
					unordered = append(unordered, s)
				} else {
					ordered = append(ordered, s)
				}
			}
			checkInvariants(t, test.a)
		}
		require.Equal(t, []string{"one, two, three", "last"}, ordered, "order %v", order)
		require.Equal(t, []string{"unordered"}, unordered, "order %v", order)
		require.Zero(t, test.a.recv.used)
	}
	permute()
	require.Equal(t, 720, count)
}

// F17: TSNs and SSNs wrap.
func TestWrap(t *testing.T) {
	p := newPair(t, 1, linkConfig{delay: time.Millisecond, jitter: 3 * time.Millisecond, loss: 0.05})
	for _, a := range p.ends {
		a.initialTSN = 0xFFFFFFF0
		a.resetState()
	}
	p.connect()
	id, _ := p.open(0, ChannelConfig{})
	// Just before the wrap of the SSN, at both ends.
	p.run(time.Second, nil)
	p.ends[0].byID[id].ssn = 65500
	p.ends[1].recv.ssn.set(0, 65500)
	const n = 100
	got := 0
	p.events = func(i int, ev Event) {
		if ev.Kind == EventMessage {
			require.EqualValues(t, got, binary.BigEndian.Uint32(ev.Data))
			got++
		}
	}
	for i := range n {
		require.NoError(t, p.ends[0].Send(p.now, id, true, binary.BigEndian.AppendUint32(nil, uint32(i))))
		p.run(time.Millisecond, nil)
	}
	require.True(t, p.run(time.Minute, func() bool { return got == n }))
	require.EqualValues(t, 100-36, p.ends[0].byID[id].ssn)
}

// F3: TSNs above a hole that is never filled are taken as far as the window
// goes, bookkeeping included.
func TestHoleIsNeverFilled(t *testing.T) {
	for name, size := range map[string]int{"full chunks": 1000, "one byte": 1} {
		t.Run(name, func(t *testing.T) {
			test := newWithChannel(t, ChannelConfig{}, Config{ReceiveBuffer: 700_000})
			payload := strings.Repeat("x", size)
			for i := range uint32(20_000) {
				test.recv(data(201+i, 0, uint16(i)+1, ppidString, whole, payload))
				if i%1000 == 0 {
					checkInvariants(t, test.a)
				}
			}
			require.LessOrEqual(t, test.a.recv.used, 700_000)
			require.Greater(t, test.a.recv.used, 600_000)
			require.NotZero(t, test.a.stats.DroppedWindow)
			b, ok := test.a.AppendPacket(test.now, nil)
			require.True(t, ok)
			require.Less(t, binary.BigEndian.Uint32(b[headerSize+8:]), uint32(10_000), "the window is shut")
			// The hole is filled after all: it all comes out.
			test.recv(text(200, 0, 0, "x"))
			test.wantEvent("the hole", `Message 1 "x"`)
			require.Greater(t, int(test.a.recv.cumTSN), 200+500)
		})
	}
}

// F3: fragments of a hostile peer that never finish a message are bounded too.
func TestFloodOfFragments(t *testing.T) {
	test := newWithChannel(t, ChannelConfig{}, Config{ReceiveBuffer: 700_000})
	rng := rand.New(rand.NewPCG(1, 2))
	for range 30_000 {
		tsn := 201 + rng.Uint32N(40_000)
		test.recv(data(tsn, uint16(rng.Uint32()), uint16(rng.Uint32()), ppidString, uint8(rng.UintN(8)), "xxxxxxxx"))
		for {
			if _, ok := test.a.NextEvent(); !ok {
				break
			}
		}
	}
	checkInvariants(t, test.a)
	require.LessOrEqual(t, test.a.recv.used, 2*700_000)
	require.LessOrEqual(t, len(test.a.recv.ring), 8192)
}

// F15: a message larger than we take, also one without an end, closes its
// channel and costs nothing.
func TestEndlessMessage(t *testing.T) {
	test := newWithChannel(t, ChannelConfig{}, Config{MaxMessageSize: 10_000})
	payload := strings.Repeat("x", 1000)
	resets := 0
	test.recv(data(200, 0, 0, ppidString, flagBegin, payload))
	for i := range uint32(5000) {
		test.recv(data(201+i, 0, 0, ppidString, 0, payload))
		require.Less(t, test.a.recv.used, 20_000)
		for {
			b, ok := test.next()
			if !ok {
				break
			}
			resets += strings.Count(b, "RECONFIG reset seq=100 last=99 sid=0")
		}
	}
	require.Equal(t, 1, resets)
	// Its end comes after all: it is dropped, and the channel closes.
	test.recv(data(5201, 0, 0, ppidString, flagEnd, payload))
	test.discard()
	test.recv(resetResponseChunk(100, resultPerformed))
	test.recv(resetRequest(theirTSN, 5201, 0))
	test.wantEvent("closed for its size", "ChannelClosed 1 sctp: message is larger than the maximum message size")
	require.Zero(t, test.a.recv.used)
	require.Equal(t, stateEstablished, test.a.state)
}

// A message too large that arrives in reverse order is dropped as well.
func TestTooLargeReversed(t *testing.T) {
	test := newWithChannel(t, ChannelConfig{}, Config{MaxMessageSize: 5000})
	payload := strings.Repeat("x", 1000)
	for i := 9; i >= 0; i-- {
		flags := uint8(0)
		if i == 0 {
			flags = flagBegin
		}
		if i == 9 {
			flags = flagEnd
		}
		test.recv(data(200+uint32(i), 0, 0, ppidString, flags, payload))
		checkInvariants(t, test.a)
	}
	require.Zero(t, test.a.recv.used)
	require.EqualValues(t, 209, test.a.recv.cumTSN)
	require.Equal(t, channelClosing, test.a.byID[1].state)
}

// The peer ends a message of a reliable channel by beginning another: what was
// lost must not pass as delivered.
func TestBrokenMessage(t *testing.T) {
	for name, chunks := range map[string][][]byte{
		"no end":        {data(200, 0, 0, ppidString, flagBegin, "x"), text(201, 0, 1, "y")},
		"no beginning":  {data(200, 0, 0, ppidString, flagEnd, "x")},
		"other stream":  {data(200, 0, 0, ppidString, flagBegin, "x"), data(201, 1, 0, ppidString, flagEnd, "y")},
		"other SSN":     {data(200, 0, 0, ppidString, flagBegin, "x"), data(201, 0, 1, ppidString, flagEnd, "y")},
		"order changes": {data(201, 0, 0, ppidString, flagEnd|flagUnordered, "y"), data(200, 0, 0, ppidString, flagBegin, "x")},
	} {
		t.Run(name, func(t *testing.T) {
			test := newWithChannel(t, ChannelConfig{})
			test.recv(chunks...)
			test.wantEvent("channels go first", "ChannelClosed 1 sctp: association aborted by us (cause 13): \"message is not contiguous\"")
			test.wantEvent("protocol violation", "Closed sctp: association aborted by us (cause 13): \"message is not contiguous\"")
			test.want("the peer is told", "ABORT cause=13")
			test.wantIdle("over")
		})
		t.Run(name+", partial reliability", func(t *testing.T) {
			test := newWithChannel(t, ChannelConfig{MaxRetransmits: new(uint16(0))})
			test.recv(chunks...)
			require.Equal(t, stateEstablished, test.a.state)
			require.NotZero(t, test.a.stats.DroppedMessages)
			checkInvariants(t, test.a)
		})
	}
}

func TestNoUserData(t *testing.T) {
	test := newConnected(t)
	test.recv(data(200, 0, 0, ppidString, whole, ""))
	test.wantEvent("over", `Closed sctp: association aborted by us (cause 9)`)
	test.want("the peer is told", "ABORT cause=9")
}

// The window closes as messages are not taken, and the peer is told when it
// opens again. Nothing that fitted is lost.
func TestReceiveWindow(t *testing.T) {
	test := newWithChannel(t, ChannelConfig{}, Config{ReceiveBuffer: 655_360})
	payload := strings.Repeat("x", 1000)
	sent := uint32(0)
	for ; test.a.window() > 1200; sent++ {
		test.recv(text(200+sent, 0, uint16(sent), payload))
	}
	test.discard()
	test.wantDroppedData("the window is shut", text(200+sent, 0, uint16(sent), payload), fmt.Sprintf("SACK cum=%d", 199+sent))
	shut := test.a.recv.advertised
	require.Less(t, shut, 1200)
	for i := range sent {
		ev, ok := test.a.NextEvent()
		require.True(t, ok)
		require.Len(t, ev.Data, 1000)
		if i == sent/2 {
			test.want("half is taken: the peer may go on", fmt.Sprintf("SACK cum=%d", 199+sent))
		}
	}
	test.recv(text(200+sent, 0, uint16(sent), payload))
	_, ok := test.a.NextEvent()
	require.True(t, ok)
}

func (test *peerTest) wantDroppedData(why string, chunk []byte, sack string) {
	test.Helper()
	before := test.a.stats.DroppedWindow
	test.recv(chunk)
	require.Equal(test, before+1, test.a.stats.DroppedWindow, why)
	test.want(why, sack)
}

// F5: FORWARD-TSN.
func TestForwardTSN(t *testing.T) {
	test := newWithChannel(t, ChannelConfig{MaxRetransmits: new(uint16(0))})
	test.recv(text(202, 0, 2, "c"), data(205, 0, 4, ppidString, flagBegin, "half"))
	test.want("gaps", "SACK cum=199 gap=202-202 gap=205-205")
	test.recv(forwardTSN(201, 0, 1))
	test.wantEvent("what waited is next", `Message 1 "c"`)
	test.want("acknowledged", "SACK cum=202 gap=205-205")
	test.recv(forwardTSN(201, 0, 9))
	test.want("out of date", "SACK cum=202 gap=205-205")
	test.recv(forwardTSN(206, 0, 4))
	test.want("over a half message", "SACK cum=206")
	require.Zero(t, test.a.recv.used)
	test.recv(text(207, 0, 5, "f"))
	test.wantEvent("goes on", `Message 1 "f"`)
	test.recv(text(208, 0, 3, "too late"))
	test.want("acknowledged", "SACK cum=208")
	test.wantIdle("its SSN was skipped")
	test.wantDropped("far ahead", malformed, test.packet(test.a.tag, forwardTSN(208+maxForward+1)))

	// With thousands of streams, on which nothing ever came.
	streams := make([]uint16, 0, 2000)
	for i := range uint16(1000) {
		streams = append(streams, 1000+i, i)
	}
	test.recv(forwardTSN(300, streams...))
	test.want("acknowledged", "SACK cum=300")
	require.LessOrEqual(t, len(test.a.recv.ssn.pages), 256)
}

// F5: it is refused if it was not negotiated.
func TestForwardTSNNotNegotiated(t *testing.T) {
	test := newPeer(t)
	test.a.Connect(test.now)
	test.discard()
	test.recv(rawChunk(chunkInitAck, 0, test.initValue(test.tag, 1<<20, 10, 10, appendParam(nil, paramStateCookie, []byte("c")))))
	test.discard()
	test.recv(rawChunk(chunkCookieAck, 0, nil))
	test.wantEvent("connected", "Connected")
	test.wantDropped("not negotiated", wrongState, test.packet(test.a.tag, forwardTSN(300)))
	require.EqualValues(t, 199, test.a.recv.cumTSN)
}
