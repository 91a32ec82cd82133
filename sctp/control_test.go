package sctp

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// F1: chunks and parameters with lengths that cannot be; and every strict
// prefix of valid packets.
func TestFraming(t *testing.T) {
	test := newWithChannel(t, ChannelConfig{})
	tag := test.a.tag
	good := [][]byte{
		text(200, 0, 0, "hello"), sackChunk(99, 1000), rawChunk(chunkHeartbeat, 0, appendParam(nil, 1, []byte("12345678"))),
		forwardTSN(300, 1, 1), resetRequest(200, 199, 1, 2), rawChunk(chunkShutdown, 0, []byte{0, 0, 0, 99}),
		rawChunk(chunkError, 0, appendParam(nil, 6, []byte("xxxx"))), test.initAck("cookie"), rawChunk(chunkCookieEcho, 0, []byte("cookie")),
	}
	for i, chunk := range good {
		b := test.packet(tag, chunk)
		for n := range b {
			short := bytes.Clone(b[:n])
			if n >= headerSize {
				sealPacket(short, 0)
			}
			test.wantDropped("a prefix", malformed, short)
		}
		for _, length := range []uint16{0, 1, 2, 3, uint16(len(chunk) + 1), 0xFFFF} {
			bad := bytes.Clone(chunk)
			bad[2], bad[3] = byte(length>>8), byte(length)
			test.wantDropped("a length", malformed, test.packet(tag, bad))
			test.wantDropped("a length, further on", malformed, test.packet(tag, text(200, 0, 0, "x"), bad))
		}
		_ = i
	}
	test.wantDropped("no chunk", malformed, test.packet(tag))
	test.wantDropped("nothing", malformed, nil)
	require.EqualValues(t, 199, test.a.recv.cumTSN)
}

// F11, F19: unknown chunks by their two highest bits; AUTH, ASCONF and PKTDROP
// are among them.
func TestUnknownChunks(t *testing.T) {
	for name, c := range map[string]struct {
		typ          chunkType
		goOn, report bool
	}{
		"00, AUTH":       {0x0F, false, false},
		"00":             {0x3E, false, false},
		"01":             {0x41, false, true},
		"10, ASCONF-ACK": {0x80, true, false},
		"10, PKTDROP":    {0x81, true, false},
		"11, ASCONF":     {0xC1, true, true},
		"01, I-DATA":     {0x40, false, true},
		"11, I-FORWARD":  {0xC2, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			test := newWithChannel(t, ChannelConfig{})
			unknown := rawChunk(c.typ, 0, make([]byte, 1000))
			test.recv(unknown, data(200, 0, 0, ppidString, whole|flagImmediate, "x"))
			if c.report {
				b, ok := test.a.AppendPacket(test.now, nil)
				require.True(t, ok)
				require.Equal(t, "ERROR cause=6", describe(b))
				require.Less(t, len(b), 300, "the echo is cut")
			}
			if c.goOn {
				test.wantEvent("the rest counts", `Message 1 "x"`)
				test.want("and is acknowledged", "SACK cum=200")
			}
			test.wantIdle("nothing else")
		})
	}
}

// Unknown parameters of an INIT by their two highest bits.
func TestUnknownParameters(t *testing.T) {
	test := newPeer(t)
	params := bytes.Join([][]byte{
		appendParam(nil, 0xC123, []byte("report me")),
		appendParam(nil, 0x8123, []byte("skip me")),
		appendParam(nil, 0xC124, make([]byte, 5000)),
		appendParam(nil, 0x4123, []byte("stop")),
		appendParam(nil, paramForwardTSN, nil),
	}, nil)
	init := rawChunk(chunkInit, 0, test.initValue(9, 1<<20, 1, 1, params))
	test.a.HandlePacket(test.now, test.packet(0, init))
	b, ok := test.a.AppendPacket(test.now, nil)
	require.True(t, ok)
	require.Less(t, len(b), 400)
	c, _ := consumeChunk(b[headerSize:])
	var reported []string
	for v := c.value[initFixed:]; len(v) > 0; {
		typ, value, n := consumeParam(v)
		require.Positive(t, n)
		if typ == paramUnrecognized {
			reported = append(reported, strings.TrimRight(string(value[4:]), "\x00"))
		}
		v = v[n:]
	}
	require.Equal(t, []string{"report me", "stop"}, reported)
	ack, ok := parseInit(c.value)
	require.True(t, ok)
	test.recv(rawChunk(chunkCookieEcho, 0, ack.cookie))
	require.False(t, test.a.peerForwardTSN, "what follows a stop is not processed")
}

func TestHeartbeat(t *testing.T) {
	test := newWithChannel(t, ChannelConfig{}, Config{HeartbeatInterval: 30 * time.Second, MaxRetransmits: 2})
	// Theirs.
	test.recv(rawChunk(chunkHeartbeat, 0, appendParam(nil, 1, []byte("echo me"))))
	test.want("answered with the same", `HEARTBEAT_ACK "echo me\x00"`)
	test.wantDropped("F12: too large to answer", malformed, test.packet(test.a.tag, rawChunk(chunkHeartbeat, 0, appendParam(nil, 1, make([]byte, 60_000)))))
	test.wantDropped("F12: not ours", wrongState, test.packet(test.a.tag, rawChunk(chunkHeartbeatAck, 0, appendParam(nil, 1, make([]byte, 16)))))

	// Ours, when idle.
	test.send("busy")
	test.discard()
	test.a.events = queue[event]{}
	test.now = test.now.Add(20 * time.Second)
	test.recv(sackChunk(100, 1<<20))
	start := test.now
	for !test.a.heartbeatOwed {
		test.advanceToTimer()
	}
	require.GreaterOrEqual(t, test.now.Sub(start), 30*time.Second, "none while the peer is heard")
	b, ok := test.a.AppendPacket(test.now, nil)
	require.True(t, ok)
	require.Equal(t, "HEARTBEAT", describe(b))
	c, _ := consumeChunk(b[headerSize:])
	forged := bytes.Clone(c.value)
	forged[5]++
	test.wantDropped("F12: forged", wrongState, test.packet(test.a.tag, rawChunk(chunkHeartbeatAck, 0, forged)))
	test.now = test.now.Add(70 * time.Millisecond)
	test.recv(rawChunk(chunkHeartbeatAck, 0, c.value))
	require.False(t, test.a.heartbeatOut)
	test.wantDropped("a second time", wrongState, test.packet(test.a.tag, rawChunk(chunkHeartbeatAck, 0, c.value)))

	// Never answered: the association ends.
	n := 0
	for test.a.state != stateDone {
		test.advanceToTimer()
		if _, ok := test.next(); ok {
			n++
		}
		require.Less(t, n, 10)
	}
	require.Equal(t, 3, n)
}

// The whole of https://www.rfc-editor.org/rfc/rfc9260#section-9.2 from our
// side: everything queued first.
func TestShutdown(t *testing.T) {
	test := newWithChannel(t, ChannelConfig{})
	test.send("last")
	test.a.Shutdown(test.now)
	require.ErrorIs(t, test.a.Send(test.now, 1, false, nil), ErrClosed)
	_, err := test.a.Open(test.now, ChannelConfig{})
	require.ErrorIs(t, err, ErrClosed)
	test.wantSent("what was queued", `DATA tsn=100 sid=0 ssn=0 ppid=51 E B I "last"`)
	test.wantIdle("it is not acknowledged yet")
	test.recv(sackChunk(100, 1<<20))
	test.want("now", "SHUTDOWN cum=199")
	test.advanceToTimer()
	test.want("repeated", "SHUTDOWN cum=199")
	test.recv(text(200, 0, 0, "crossing"))
	test.wantEvent("data is still taken", `Message 1 "crossing"`)
	test.want("and acknowledged beside another SHUTDOWN", "SACK cum=200", "SHUTDOWN cum=200")
	test.recv(rawChunk(chunkShutdownAck, 0, nil))
	test.want("complete", "SHUTDOWN_COMPLETE")
	test.wantEvent("channels first", "ChannelClosed 1")
	test.wantEvent("an orderly end", "Closed")
	test.wantIdle("over")
	test.recv(rawChunk(chunkShutdownAck, 0, nil))
	test.wantIdle("for good")
}

func TestRemoteShutdown(t *testing.T) {
	test := newWithChannel(t, ChannelConfig{})
	test.send("on its way")
	test.discard()
	test.a.NextEvent()
	test.recv(rawChunk(chunkShutdown, 0, []byte{0, 0, 0, 99}))
	test.wantIdle("what is out must be acknowledged first")
	require.ErrorIs(t, test.a.Send(test.now, 1, false, nil), ErrClosed)
	test.recv(rawChunk(chunkShutdown, 0, []byte{0, 0, 0, 100}))
	test.want("its cumulative TSN says so", "SHUTDOWN_ACK")
	test.advanceToTimer()
	test.want("repeated", "SHUTDOWN_ACK")
	test.recv(rawChunk(chunkShutdown, 0, []byte{0, 0, 0, 100}))
	test.want("repeated when asked", "SHUTDOWN_ACK")
	test.a.HandlePacket(test.now, test.packet(0, test.initChunk()))
	test.want("an INIT now gets the same", "SHUTDOWN_ACK")
	test.recv(rawChunk(chunkShutdownComplete, 0, nil))
	test.wantEvent("channels first", "ChannelClosed 1")
	test.wantEvent("an orderly end", "Closed")
	test.wantIdle("over")
}

func TestBothShutDown(t *testing.T) {
	test := newConnected(t)
	test.a.Shutdown(test.now)
	test.want("ours", "SHUTDOWN cum=199")
	test.recv(rawChunk(chunkShutdown, 0, []byte{0, 0, 0, 99}))
	test.want("theirs", "SHUTDOWN_ACK")
	test.recv(rawChunk(chunkShutdownAck, 0, nil))
	test.want("complete", "SHUTDOWN_COMPLETE")
	test.wantEvent("an orderly end", "Closed")
}

func TestShutdownWhileConnecting(t *testing.T) {
	test := newPeer(t)
	test.a.Connect(test.now)
	test.want("INIT", "INIT tsn=100")
	test.a.Shutdown(test.now)
	test.recv(test.initAck("c"))
	test.want("first connect", "COOKIE_ECHO c")
	test.recv(rawChunk(chunkCookieAck, 0, nil))
	test.wantEvent("connected", "Connected")
	test.want("then shut down", "SHUTDOWN cum=199")

	test = newPeer(t)
	test.a.Shutdown(test.now)
	test.wantEvent("nothing was begun", "Closed")
}

func TestShutdownNotAnswered(t *testing.T) {
	test := newConnected(t, Config{MaxRetransmits: 3})
	test.a.Shutdown(test.now)
	n := 0
	for test.a.state != stateDone {
		if _, ok := test.next(); ok {
			n++
		}
		test.advanceToTimer()
	}
	require.Equal(t, 4, n)
	test.wantEvent("given up", "Closed sctp: peer does not answer")
}

func TestClose(t *testing.T) {
	test := newWithChannel(t, ChannelConfig{})
	test.send("lost")
	test.a.Close(test.now)
	test.want("the peer is told", "ABORT cause=12")
	test.wantEvent("channels first", "ChannelClosed 1")
	test.wantEvent("closed", "Closed")
	test.wantIdle("over")
	require.True(t, test.a.Deadline().IsZero())
	test.a.Close(test.now)
	test.a.Shutdown(test.now)
	test.a.Connect(test.now)
	test.recv(text(200, 0, 0, "x"))
	test.wantIdle("for good")
	require.ErrorIs(t, test.a.CloseChannel(test.now, 1), ErrClosed)

	test = newPeer(t)
	test.a.Close(test.now)
	test.wantEvent("before Connect nobody need be told", "Closed")
	test.wantIdle("over")
}

// What arrived before the end is still handed out.
func TestRemoteAbort(t *testing.T) {
	test := newWithChannel(t, ChannelConfig{})
	test.recv(text(200, 0, 0, "last words"), rawChunk(chunkAbort, 0, appendParam(nil, causeUserAbort, []byte("bye"))))
	test.wantEvent("first", `Message 1 "last words"`)
	test.wantEvent("then", "ChannelClosed 1")
	test.wantEvent("goodbye", "Closed")
	test.wantIdle("over")

	test = newConnected(t)
	test.recv(rawChunk(chunkAbort, 0, appendParam(nil, causeProtocolViolation, []byte("\x00bad\n"+strings.Repeat("x", 1000)))))
	ev, ok := test.a.NextEvent()
	require.True(t, ok)
	var abort *AbortError
	require.ErrorAs(t, ev.Err, &abort)
	require.EqualValues(t, 13, abort.Cause)
	require.Len(t, abort.Reason, maxReasonText)
	require.NotContains(t, abort.Error(), "\n")
}

// F16, in so far as it is ours: before Connect only an INIT and its cookie are
// understood.
func TestClosedState(t *testing.T) {
	test := newPeer(t)
	for name, chunk := range map[string][]byte{
		"DATA": text(200, 0, 0, "x"), "SACK": sackChunk(99, 1), "COOKIE ACK": rawChunk(chunkCookieAck, 0, nil),
		"INIT ACK": test.initAck("x"), "ABORT": rawChunk(chunkAbort, 0, nil), "SHUTDOWN ACK": rawChunk(chunkShutdownAck, 0, nil),
	} {
		test.wantDropped(name, wrongState, test.packet(test.a.tag, chunk))
	}
}
