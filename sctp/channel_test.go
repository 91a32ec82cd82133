package sctp

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestOpenRoundTrip(t *testing.T) {
	for _, cfg := range []ChannelConfig{
		{},
		{Label: "label", Protocol: "protocol", Priority: 512},
		{Unordered: true, MaxRetransmits: new(uint16(0))},
		{MaxRetransmits: new(uint16(65535))},
		{Unordered: true, MaxLifetime: new(time.Duration(0))},
		{MaxLifetime: new(1234 * time.Millisecond), Label: strings.Repeat("ü", 1000)},
	} {
		b := appendOpen(nil, &cfg)
		got, ok := parseOpen(b)
		require.True(t, ok)
		require.Equal(t, cfg, got)
		for i := range b {
			if _, ok := parseOpen(b[:i]); ok {
				t.Fatalf("prefix of %d bytes of %d parses", i, len(b))
			}
		}
		if _, ok := parseOpen(append(b, 0)); ok {
			t.Fatal("a byte too many parses")
		}
	}
	// A browser's OPEN of an unordered channel with two retransmissions.
	got, ok := parseOpen([]byte("\x03\x81\x01\x00\x00\x00\x00\x02\x00\x04\x00\x00chat"))
	require.True(t, ok)
	require.Equal(t, ChannelConfig{Label: "chat", Unordered: true, MaxRetransmits: new(uint16(2)), Priority: 256}, got)
	_, ok = parseOpen([]byte("\x03\x03\x01\x00\x00\x00\x00\x02\x00\x00\x00\x00"))
	require.False(t, ok, "unknown channel type")
}

// Streams are given by role: even ones to the DTLS client, also to channels
// that were opened before the role was known.
func TestStreamParity(t *testing.T) {
	for _, client := range []bool{true, false} {
		test := newPeer(t)
		_, err := test.a.Open(test.now, ChannelConfig{Negotiated: true, StreamID: 2})
		require.NoError(t, err)
		_, err = test.a.Open(test.now, ChannelConfig{Negotiated: true, StreamID: 1})
		require.NoError(t, err)
		for range 3 {
			_, err := test.a.Open(test.now, ChannelConfig{})
			require.NoError(t, err)
		}
		require.NoError(t, test.a.SetClient(test.now, client))
		test.connectQuietly()
		require.ErrorIs(t, test.a.SetClient(test.now, !client), ErrStarted)
		require.NoError(t, test.a.SetClient(test.now, client))
		test.wantEvent("connected", "Connected")
		want := []int{2, 1, 3, 5, 7}
		if client {
			want = []int{2, 1, 0, 4, 6}
		}
		for i, stream := range want {
			test.wantEvent("open", fmt.Sprintf("ChannelOpened %d stream=%d", i+1, stream))
		}
	}
}

// connectQuietly connects, whatever is sent on the way.
func (test *peerTest) connectQuietly() {
	test.a.Connect(test.now)
	test.discard()
	test.recv(test.initAck("c"))
	test.discard()
	test.recv(rawChunk(chunkCookieAck, 0, nil))
	test.discard()
	test.recv(sackChunk(test.a.sent.nextTSN-1, 1<<20))
	test.discard()
}

func TestChannelConfigErrors(t *testing.T) {
	test := newPeer(t, Config{MaxChannels: 3})
	open := func(cfg ChannelConfig) error {
		_, err := test.a.Open(test.now, cfg)
		return err
	}
	require.ErrorIs(t, open(ChannelConfig{MaxRetransmits: new(uint16(1)), MaxLifetime: new(time.Second)}), ErrChannelConfig)
	require.ErrorIs(t, open(ChannelConfig{MaxLifetime: new(-time.Second)}), ErrChannelConfig)
	require.ErrorIs(t, open(ChannelConfig{Label: strings.Repeat("x", 65536)}), ErrChannelConfig)
	require.ErrorIs(t, open(ChannelConfig{Label: strings.Repeat("x", 65530)}), ErrChannelConfig, "over the peer's message size")
	require.ErrorIs(t, open(ChannelConfig{Negotiated: true, StreamID: 65535}), ErrChannelConfig)
	require.NoError(t, open(ChannelConfig{Negotiated: true, StreamID: 65534}))
	require.ErrorIs(t, open(ChannelConfig{Negotiated: true, StreamID: 65534}), ErrStreamInUse)
	require.NoError(t, open(ChannelConfig{}))
	require.NoError(t, open(ChannelConfig{}))
	require.ErrorIs(t, open(ChannelConfig{}), ErrTooManyChannels)
	require.ErrorIs(t, test.a.Send(test.now, 77, false, nil), ErrNoChannel)
	require.ErrorIs(t, test.a.CloseChannel(test.now, 77), ErrNoChannel)
	_, err := New(Config{})
	require.Error(t, err, "Rand is required")
	_, err = New(Config{Rand: seeded(1), MTU: 100})
	require.Error(t, err)
	_, err = New(Config{Rand: strings.NewReader("short")})
	require.Error(t, err)
}

func remoteOpen(tsn uint32, stream uint16, label string) []byte {
	return data(tsn, stream, 0, ppidDCEP, whole, dcepOpenMessage(ChannelConfig{Label: label, Priority: 256}))
}

// The peer opens a channel, and data may come with it.
func TestRemoteOpen(t *testing.T) {
	test := newConnected(t) // we are the server: the peer's are even
	test.recv(remoteOpen(200, 4, "a"), text(201, 4, 1, "hi"))
	test.wantEvent("announced", `ChannelOpened 1 stream=4 remote "a"`)
	test.wantEvent("its message", `Message 1 "hi"`)
	test.want("acknowledged, both ways", "SACK cum=201", `DATA tsn=100 sid=4 ssn=0 ppid=50 E B I "\x02"`)
	test.recv(sackChunk(100, 1<<20))
	require.NoError(t, test.a.Send(test.now, 1, false, []byte("ho")))
	test.want("answered on the same stream", `DATA tsn=101 sid=4 ssn=1 ppid=51 E B I "ho"`)
}

// "all other messages … MUST be sent ordered, no matter whether the data
// channel is ordered or not", until an ACK or other message has come
// (https://www.rfc-editor.org/rfc/rfc8832#section-6).
func TestOrderedUntilAck(t *testing.T) {
	for name, answer := range map[string][]byte{
		"ACK":     data(200, 1, 0, ppidDCEP, whole, "\x02"),
		"message": data(200, 1, 0, ppidString, whole|flagUnordered, "x"),
	} {
		t.Run(name, func(t *testing.T) {
			test := newConnected(t)
			_, err := test.a.Open(test.now, ChannelConfig{Unordered: true})
			require.NoError(t, err)
			test.wantEvent("open", "ChannelOpened 1 stream=1")
			test.send("before")
			test.want("OPEN and data", `DATA tsn=100 sid=1 ssn=0 ppid=50 E B "\x03\x80\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00"`, `DATA tsn=101 sid=1 ssn=1 ppid=51 E B I "before"`)
			test.recv(answer)
			test.recv(sackChunk(101, 1<<20))
			test.send("after")
			b, _ := test.next()
			require.Equal(t, `SACK cum=200; DATA tsn=102 sid=1 ssn=0 ppid=51 E B U I "after"`, b)
		})
	}
}

// F14: what is wrong with an OPEN concerns that channel only.
func TestBadOpen(t *testing.T) {
	for name, chunk := range map[string][]byte{
		"wrong parity":    remoteOpen(200, 5, "x"),
		"label too long":  data(200, 4, 0, ppidDCEP, whole, "\x03\x00\x01\x00\x00\x00\x00\x00\x00\x09\x00\x00x"),
		"cut short":       data(200, 4, 0, ppidDCEP, whole, "\x03\x00\x01"),
		"unknown type":    data(200, 4, 0, ppidDCEP, whole, "\x03\x44\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
		"unknown message": data(200, 4, 0, ppidDCEP, whole, "\x09"),
		"too many":        remoteOpen(200, 4, "third"),
	} {
		t.Run(name, func(t *testing.T) {
			test := newPeer(t, Config{MaxChannels: 2})
			for i := range uint16(2) {
				if i == 0 || name == "too many" {
					_, err := test.a.Open(test.now, ChannelConfig{Negotiated: true, StreamID: 100 + i})
					require.NoError(t, err)
				}
			}
			test.connectQuietly()
			for test.a.events.len() > 0 {
				test.a.NextEvent()
			}
			test.recv(chunk)
			require.EqualValues(t, 1, test.a.stats.DroppedMessages)
			stream := binary.BigEndian.Uint16(chunk[8:])
			test.want("its stream is reset", fmt.Sprintf("RECONFIG reset seq=100 last=99 sid=%d", stream))
			test.recv(resetResponseChunk(100, resultPerformed))
			require.Zero(t, test.a.refused.n)
			test.wantIdle("no channel")
			require.NoError(t, test.a.Send(test.now, 1, false, []byte("the others live")))
		})
	}
}

// F14: an OPEN on a channel that is open closes it, and only it.
func TestOpenOnOpenChannel(t *testing.T) {
	test := newConnected(t)
	test.recv(remoteOpen(200, 4, "a"), remoteOpen(201, 6, "b"))
	test.wantEvent("one", `ChannelOpened 1 stream=4 remote "a"`)
	test.wantEvent("two", `ChannelOpened 2 stream=6 remote "b"`)
	test.discard()
	test.recv(data(202, 4, 1, ppidDCEP, whole, dcepOpenMessage(ChannelConfig{Label: "again"})))
	test.want("its stream is reset", "RECONFIG reset seq=100 last=101 sid=4")
	test.recv(resetResponseChunk(100, resultPerformed), resetRequest(200, 202, 4))
	test.wantEvent("closed", "ChannelClosed 1 sctp: data channel protocol violation")
	require.NoError(t, test.a.Send(test.now, 2, false, []byte("alive")))
}

// F14: a flood of OPENs ends at the limit.
func TestOpenFlood(t *testing.T) {
	test := newConnected(t, Config{MaxChannels: 10})
	tsn := uint32(200)
	opened := 0
	for stream := range uint16(65535) {
		test.recv(remoteOpen(tsn, stream, "x"))
		tsn++
		for {
			ev, ok := test.a.NextEvent()
			if !ok {
				break
			}
			require.Equal(t, EventChannelOpened, ev.Kind)
			opened++
		}
		if stream%64 == 0 {
			test.discard()
		}
	}
	require.Equal(t, 10, opened)
	require.Equal(t, 65535-10, test.a.refused.n)
	require.Less(t, test.a.held, 10*1000)
	// They are all reset in the end, some at a time.
	for range 2000 {
		test.recv(resetResponseChunk(test.a.reset.nextSeq, resultPerformed))
		test.discard()
	}
	require.Zero(t, test.a.refused.n)
	require.False(t, test.a.reset.out)
	require.Equal(t, stateEstablished, test.a.state)
}

// F14: a peer that opens and closes channels faster than the application takes
// notice is stopped at the limit, and so is one that gives them long names.
func TestOpenCloseStorm(t *testing.T) {
	test := newConnected(t, Config{MaxChannels: 10})
	tsn, seq := uint32(200), uint32(200)
	for i := range uint16(1000) {
		stream := 2 * (i % 100)
		test.recv(remoteOpen(tsn, stream, "x"))
		test.recv(resetRequest(seq, tsn, stream))
		test.discard()
		test.recv(resetResponseChunk(test.a.reset.nextSeq, resultPerformed))
		test.discard()
		tsn, seq = tsn+1, seq+1
	}
	require.LessOrEqual(t, test.a.events.len(), 20)
	require.Equal(t, 10, test.a.lingering)
	for {
		if _, ok := test.a.NextEvent(); !ok {
			break
		}
	}
	require.Zero(t, test.a.lingering)
	require.Zero(t, test.a.names)
	test.recv(remoteOpen(tsn, 0, "again"))
	ev, ok := test.a.NextEvent()
	require.True(t, ok)
	require.Equal(t, EventChannelOpened, ev.Kind)

	test = newConnected(t)
	long := strings.Repeat("x", 60_000)
	for i := range uint32(100) {
		message := dcepOpenMessage(ChannelConfig{Label: long})
		test.recv(data(200+i, uint16(2*i), 0, ppidDCEP, whole, message))
	}
	require.LessOrEqual(t, test.a.names, maxNames)
	require.Len(t, test.a.channels, maxNames/60_000)
}

// We close: what is queued goes first, then both sides reset their streams,
// then the stream can be used again.
func TestCloseChannel(t *testing.T) {
	test := newConnected(t)
	_, err := test.a.Open(test.now, ChannelConfig{Label: "x"})
	require.NoError(t, err)
	test.discard()
	test.recv(sackChunk(100, 1<<20), data(200, 1, 0, ppidDCEP, whole, "\x02"))
	test.a.events = queue[event]{}
	test.send("last words")
	require.NoError(t, test.a.CloseChannel(test.now, 1))
	require.ErrorIs(t, test.a.CloseChannel(test.now, 1), ErrNoChannel)
	require.ErrorIs(t, test.a.Send(test.now, 1, false, nil), ErrNoChannel)
	test.want("what was queued", "SACK cum=200", `DATA tsn=101 sid=1 ssn=1 ppid=51 E B I "last words"`)
	test.want("then the reset", "RECONFIG reset seq=100 last=101 sid=1")
	test.recv(text(201, 1, 1, "crossing"))
	test.a.events = queue[event]{}
	test.wantIdle("a message after close is dropped")
	test.recv(sackChunk(101, 1<<20), resetResponseChunk(100, resultInProgress))
	test.wantIdle("the peer is not there yet")
	test.advanceToTimer()
	test.discardUntil("RECONFIG reset seq=101 last=101 sid=1")
	test.recv(resetResponseChunk(101, resultPerformed))
	test.wantIdle("the other direction is open")
	test.recv(resetRequest(200, 201, 1))
	test.want("answered", "RECONFIG response seq=200 result=1")
	test.wantEvent("closed", "ChannelClosed 1")
	require.Zero(t, test.a.Stats().Channels)

	_, err = test.a.Open(test.now, ChannelConfig{})
	require.NoError(t, err)
	test.wantEvent("the same stream", "ChannelOpened 2 stream=1")
	b, _ := test.next()
	require.Contains(t, b, "DATA tsn=102 sid=1 ssn=0 ppid=50")
}

// discardUntil takes packets until the last one is want.
func (test *peerTest) discardUntil(want string) {
	test.Helper()
	for range 100 {
		b, ok := test.next()
		if !ok {
			test.advanceToTimer()
			continue
		}
		if strings.Contains(b, want) {
			return
		}
	}
	test.Fatalf("no packet %q", want)
}

// The peer closes: its messages come first, then our side is reset too.
func TestRemoteClose(t *testing.T) {
	test := newConnected(t)
	test.recv(remoteOpen(200, 4, "a"))
	test.wantEvent("open", `ChannelOpened 1 stream=4 remote "a"`)
	test.discard()
	test.recv(sackChunk(100, 0))
	test.send("first")
	test.want("a probe", `DATA tsn=101 sid=4 ssn=1 ppid=51 E B I "first"`)
	test.send("second")
	test.a.events = queue[event]{}
	// The reset comes before the message that precedes it.
	test.recv(resetRequest(200, 201, 4))
	test.want("not yet", "RECONFIG response seq=200 result=6")
	test.recv(resetRequest(200, 201, 4))
	test.want("asked again, answered again", "RECONFIG response seq=200 result=6")
	test.recv(text(201, 4, 1, "bye"))
	test.wantEvent("the message", `Message 1 "bye"`)
	test.want("now it is done, and ours is to be reset", "RECONFIG response seq=200 result=1", "RECONFIG reset seq=100 last=101 sid=4")
	require.Zero(t, test.a.unsent, "what was not begun is dropped")
	require.ErrorIs(t, test.a.Send(test.now, 1, false, nil), ErrNoChannel)
	test.recv(resetRequest(200, 201, 4))
	test.want("the answer was lost: the same again", "RECONFIG response seq=200 result=1")
	test.recv(resetResponseChunk(100, resultPerformed))
	test.wantEvent("closed", "ChannelClosed 1")
	test.recv(remoteOpen(202, 4, "again"))
	test.wantEvent("the stream is used again", `ChannelOpened 2 stream=4 remote "again"`)
}

// A peer that answers "in progress" may give its last word under the same
// number when it is ready.
func TestLateAnswer(t *testing.T) {
	test := newWithChannel(t, ChannelConfig{})
	require.NoError(t, test.a.CloseChannel(test.now, 1))
	test.want("reset", "RECONFIG reset seq=100 last=99 sid=0")
	test.recv(resetResponseChunk(100, resultInProgress))
	test.wantIdle("it takes its time")
	test.recv(resetResponseChunk(100, resultPerformed))
	test.recv(resetRequest(200, 199, 0))
	test.want("answered", "RECONFIG response seq=200 result=1")
	test.wantEvent("closed", "ChannelClosed 1")
	_, err := test.a.Open(test.now, ChannelConfig{Negotiated: true})
	require.NoError(t, err)
	require.NoError(t, test.a.CloseChannel(test.now, 2))
	test.want("the next number", "RECONFIG reset seq=101 last=99 sid=0")
}

// A browser asks again with a new number after "in progress".
func TestAskedAgain(t *testing.T) {
	for _, when := range []string{"before the data", "after the data", "after the stream is used again"} {
		t.Run(when, func(t *testing.T) {
			test := newWithChannel(t, ChannelConfig{})
			test.recv(resetRequest(200, 200, 0))
			test.want("its data is missing", "RECONFIG response seq=200 result=6")
			if when == "before the data" {
				test.recv(resetRequest(201, 200, 0))
				test.want("still", "RECONFIG response seq=201 result=6")
				test.recv(text(200, 0, 0, "x"))
				test.wantEvent("the data", `Message 1 "x"`)
				test.want("now", "RECONFIG response seq=201 result=1", "RECONFIG reset seq=100 last=99 sid=0")
				test.recv(resetResponseChunk(100, resultPerformed))
				test.wantEvent("closed", "ChannelClosed 1")
				return
			}
			test.recv(text(200, 0, 0, "x"))
			test.wantEvent("the data", `Message 1 "x"`)
			test.want("now", "RECONFIG response seq=200 result=1", "RECONFIG reset seq=100 last=99 sid=0")
			test.recv(resetResponseChunk(100, resultPerformed))
			test.wantEvent("closed", "ChannelClosed 1")
			if when == "after the stream is used again" {
				_, err := test.a.Open(test.now, ChannelConfig{Negotiated: true})
				require.NoError(t, err)
				test.wantEvent("open", "ChannelOpened 2 stream=0")
			}
			test.recv(resetRequest(201, 200, 0))
			test.want("it was done already", "RECONFIG response seq=201 result=1")
			test.advance(time.Second)
			test.discard()
			test.wantIdle("no effect")
			test.recv(resetRequest(202, 200, 0))
			b, _ := test.next()
			require.Contains(t, b, "RECONFIG response seq=202 result=1", "a new one is performed")
			require.Equal(t, when == "after the stream is used again", strings.Contains(b, "reset seq=101"))
		})
	}
}

// The peer resets its stream but never answers ours, or the other way about.
func TestSilentClose(t *testing.T) {
	test := newWithChannel(t, ChannelConfig{}, Config{MaxRetransmits: -1})
	require.NoError(t, test.a.CloseChannel(test.now, 1))
	test.want("reset", "RECONFIG reset seq=100 last=99 sid=0")
	test.recv(resetResponseChunk(100, resultPerformed))
	test.wantIdle("the peer's side stays open")
	start := test.now
	test.advanceToTimer()
	test.wantEvent("long enough", "ChannelClosed 1")
	require.Equal(t, closingPatience, test.now.Sub(start))
	_, err := test.a.Open(test.now, ChannelConfig{Negotiated: true, StreamID: 0})
	require.ErrorIs(t, err, ErrStreamInUse, "the stream is not free yet")
	test.recv(resetRequest(200, 199, 0))
	test.want("late", "RECONFIG response seq=200 result=1")
	test.wantIdle("it is not closed twice")
	_, err = test.a.Open(test.now, ChannelConfig{Negotiated: true, StreamID: 0})
	require.NoError(t, err)
}

// Several channels are reset by one request; while it is out, others wait.
func TestSeveralResets(t *testing.T) {
	test := newPeer(t)
	for i := range uint16(4) {
		_, err := test.a.Open(test.now, ChannelConfig{Negotiated: true, StreamID: i})
		require.NoError(t, err)
	}
	test.connectQuietly()
	test.a.events = queue[event]{}
	require.NoError(t, test.a.CloseChannel(test.now, 1))
	require.NoError(t, test.a.CloseChannel(test.now, 3))
	require.NoError(t, test.a.CloseChannel(test.now, 4))
	test.want("the first went alone", "RECONFIG reset seq=100 last=99 sid=0")
	test.recv(resetResponseChunk(99, resultPerformed))
	test.recv(resetResponseChunk(101, resultPerformed))
	test.wantIdle("answers to what was not asked")
	test.recv(resetResponseChunk(100, resultPerformed))
	test.want("then the others together", "RECONFIG reset seq=101 last=99 sid=2 sid=3")
	test.recv(resetRequest(200, 199, 0, 2, 3), resetResponseChunk(101, resultPerformed))
	test.want("answered", "RECONFIG response seq=200 result=1")
	for range 3 {
		ev, _ := test.a.NextEvent()
		require.Equal(t, EventChannelClosed, ev.Kind)
	}
	test.send2(2, "the fourth lives")
}

func (test *peerTest) send2(id ChannelID, s string) {
	test.Helper()
	require.NoError(test, test.a.Send(test.now, id, false, []byte(s)))
}

// F6: requests out of sequence, of streams that are not open, malformed, and
// in a storm.
func TestReconfigAbuse(t *testing.T) {
	test := newWithChannel(t, ChannelConfig{})
	test.recv(resetRequest(777, 199, 0))
	test.want("wrong number", "RECONFIG response seq=777 result=5")
	test.recv(resetRequest(200, 199, 5, 6, 7, 8))
	test.want("nothing there", "RECONFIG response seq=200 result=1")
	for i := range uint32(1000) {
		test.recv(resetRequest(201, 100_000, uint16(i)))
		test.recv(resetRequest(500+i, 199, uint16(i)))
	}
	test.want("few answers are owed at once", "RECONFIG response seq=1498 result=5 response seq=1499 result=5")
	require.LessOrEqual(t, cap(test.a.reset.waitFor), 64)
	test.recv(rawChunk(chunkReconfig, 0, appendParam(nil, paramAddOutgoing, []byte{0, 0, 0, 201, 0, 1, 0, 0})))
	test.want("not for data channels", "RECONFIG response seq=201 result=2")
	test.wantDropped("cut", malformed, test.packet(test.a.tag, rawChunk(chunkReconfig, 0, []byte{0, 13, 0, 99})))
	test.recv(rawChunk(chunkReconfig, 0, appendParam(nil, paramOutgoingReset, []byte{0, 0, 0, 202})))
	test.wantIdle("too short to mean anything")
	require.Equal(t, channelOpen, test.a.byID[1].state)
}

// A peer without RE-CONFIG: the channel is closed on this side only.
func TestNoReconfig(t *testing.T) {
	test := newWithChannel(t, ChannelConfig{})
	test.a.peerReconfig = false
	require.NoError(t, test.a.CloseChannel(test.now, 1))
	test.wantEvent("closed", "ChannelClosed 1")
	test.wantIdle("nothing to tell")
}

// Payload protocol identifiers, also the deprecated ones.
func TestPPIDs(t *testing.T) {
	test := newWithChannel(t, ChannelConfig{})
	for i, c := range []struct {
		ppid uint32
		want string
	}{
		{ppidString, `Message 1 "x"`},
		{ppidBinary, `Message 1 "x" binary`},
		{ppidStringEmpty, `Message 1 ""`},
		{ppidBinaryEmpty, `Message 1 "" binary`},
		{ppidStringPartial, `Message 1 "x"`},
		{ppidBinaryPartial, `Message 1 "x" binary`},
	} {
		test.recv(data(200+uint32(i), 0, uint16(i), c.ppid, whole, "x"))
		test.wantEvent("known", c.want)
	}
	test.recv(data(206, 0, 6, 99, whole, "x"))
	test.recv(data(207, 9, 0, ppidString, whole, "no channel"))
	require.EqualValues(t, 2, test.a.stats.DroppedMessages)
	test.discard()
	test.wantIdle("unknown ones are dropped")
}

// Channels that both sides agreed on carry messages from the first packet on.
func TestNegotiated(t *testing.T) {
	p := newPair(t, 1, linkConfig{delay: 10 * time.Millisecond})
	for _, a := range p.ends {
		id, err := a.Open(p.now, ChannelConfig{Negotiated: true, StreamID: 9, Unordered: true})
		require.NoError(t, err)
		require.NoError(t, a.Send(p.now, id, true, []byte("x")))
	}
	var got [2]int
	p.events = func(i int, ev Event) {
		if ev.Kind == EventMessage {
			got[i]++
		}
	}
	p.connect()
	p.run(time.Second, nil)
	require.Equal(t, [2]int{1, 1}, got)
	require.Equal(t, []string{"BufferedAmountLow 1 <nil>", "Connected 0 <nil>", "ChannelOpened 1 <nil>"}, p.log[0], "the message went with the cookie")
}
