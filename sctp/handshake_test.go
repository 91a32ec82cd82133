package sctp

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func malformed(s *Stats) uint64 { return s.DroppedMalformed }
func wrongTag(s *Stats) uint64  { return s.DroppedTag }
func wrongState(s *Stats) uint64 {
	return s.DroppedState
}
func wrongCookie(s *Stats) uint64 { return s.DroppedCookie }

func TestConnect(t *testing.T) {
	test := newConnected(t)
	require.Equal(t, stateEstablished, test.a.state)
	require.True(t, test.a.peerForwardTSN)
	require.True(t, test.a.peerReconfig)
}

// The peer is first: its INIT is answered without a trace, and its cookie
// establishes the association.
func TestPassive(t *testing.T) {
	test := newPeer(t)
	require.NoError(t, test.a.SetClient(test.now, true))
	cookie := test.cookieFor()
	require.Equal(t, stateClosed, test.a.state)
	test.recv(rawChunk(chunkCookieEcho, 0, cookie), data(theirTSN, 1, 0, ppidDCEP, whole, dcepOpenMessage(ChannelConfig{Label: "early"})))
	test.wantEvent("the cookie connects", "Connected")
	test.wantEvent("the DATA beside it counts", `ChannelOpened 1 stream=1 remote "early"`)
	test.want("all in one packet", "COOKIE_ACK", "SACK cum=200", `DATA tsn=100 sid=1 ssn=0 ppid=50 E B I "\x02"`)
	test.a.Connect(test.now)
	test.wantIdle("Connect comes too late to do anything")
}

// cookieFor sends an INIT, and returns the cookie of the INIT ACK.
func (test *peerTest) cookieFor() []byte {
	test.Helper()
	test.a.HandlePacket(test.now, test.packet(0, test.initChunk()))
	b, ok := test.a.AppendPacket(test.now, nil)
	if !ok {
		test.Fatal("no INIT ACK")
	}
	c, _ := consumeChunk(b[headerSize:])
	ack, ok := parseInit(c.value)
	if c.typ != chunkInitAck || !ok {
		test.Fatalf("got %s, want an INIT ACK", describe(b))
	}
	return ack.cookie
}

// "Upon receipt of an INIT chunk in the COOKIE-WAIT or COOKIE-ECHOED state, an
// endpoint MUST respond with an INIT ACK chunk using the same parameters it
// sent in its original INIT chunk"
// (https://www.rfc-editor.org/rfc/rfc9260#section-5.2.1).
func TestCollision(t *testing.T) {
	t.Run("in COOKIE-WAIT, their cookie first", func(t *testing.T) {
		test := newPeer(t)
		test.a.Connect(test.now)
		test.want("our INIT", "INIT tsn=100")
		cookie := test.cookieFor()
		test.recv(rawChunk(chunkCookieEcho, 0, cookie))
		test.wantEvent("the cookie connects", "Connected")
		test.want("and is acknowledged", "COOKIE_ACK")
		test.recv(test.initAck("late"))
		test.wantIdle("a late INIT ACK is of no use")
	})
	t.Run("in COOKIE-ECHOED", func(t *testing.T) {
		test := newPeer(t)
		test.a.Connect(test.now)
		test.want("our INIT", "INIT tsn=100")
		cookie := test.cookieFor()
		test.recv(test.initAck("theirs"))
		test.want("their cookie", "COOKIE_ECHO theirs")
		test.recv(rawChunk(chunkCookieEcho, 0, cookie))
		test.wantEvent("ours connects", "Connected")
		test.want("and is acknowledged", "COOKIE_ACK")
		test.recv(rawChunk(chunkCookieAck, 0, nil))
		test.wantIdle("their COOKIE ACK tells nothing new")
		test.recv(rawChunk(chunkCookieEcho, 0, cookie))
		test.want("our COOKIE ACK was lost: once more", "COOKIE_ACK")
	})
}

func TestInitIsRepeated(t *testing.T) {
	test := newPeer(t, Config{MaxRetransmits: 3})
	test.a.Connect(test.now)
	first, _ := test.a.AppendPacket(test.now, nil)
	for range 3 {
		test.advanceToTimer()
		again, ok := test.a.AppendPacket(test.now, nil)
		require.True(t, ok)
		require.Equal(t, first, again, "a repeated INIT is the same")
	}
	test.advanceToTimer()
	test.wantEvent("the last try failed", "Closed sctp: peer does not answer")
	test.wantIdle("over")
	require.Less(t, test.now.Sub(epoch), 10*time.Second)
}

func TestCookieEchoIsRepeated(t *testing.T) {
	test := newPeer(t, Config{Client: true, MaxRetransmits: 2})
	id, err := test.a.Open(test.now, ChannelConfig{})
	require.NoError(t, err)
	require.NoError(t, test.a.Send(test.now, id, false, []byte("early")))
	test.a.Connect(test.now)
	test.want("INIT", "INIT tsn=100")
	test.recv(test.initAck("c"))
	flight := []string{"COOKIE_ECHO c", `DATA tsn=100 sid=0 ssn=0 ppid=50 E B "\x03\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00"`, `DATA tsn=101 sid=0 ssn=1 ppid=51 E B I "early"`}
	test.want("the first message travels with the cookie", flight...)
	test.wantEvent("it was sent", "BufferedAmountLow 1")
	test.advanceToTimer()
	test.want("it is repeated, DATA and all", flight...)
	require.NoError(t, test.a.Send(test.now, id, false, []byte("later")))
	test.wantIdle("until the COOKIE ACK nothing else may be sent")
	test.recv(rawChunk(chunkCookieAck, 0, nil))
	test.wantEvent("connected", "Connected")
	test.wantEvent("and open", "ChannelOpened 1 stream=0")
	test.want("then at once what waited", `DATA tsn=102 sid=0 ssn=2 ppid=51 E B I "later"`)
	test.wantEvent("it was sent", "BufferedAmountLow 1")
	test.recv(sackChunk(102, 1<<20))
	test.wantIdle("all is acknowledged")
}

// Continue from the second INIT ACK when the first one was lost.
func TestLostInitAck(t *testing.T) {
	test := newPeer(t)
	test.a.Connect(test.now)
	test.want("INIT", "INIT tsn=100")
	test.advanceToTimer()
	test.want("again", "INIT tsn=100")
	test.recv(test.initAck("second"))
	test.want("whichever INIT it answers", "COOKIE_ECHO second")
	test.recv(test.initAck("first"))
	test.wantIdle("another one is discarded")
}

// F7: an INIT is validated with the same bounds in every state.
func TestBadInit(t *testing.T) {
	for _, state := range []string{"closed", "established"} {
		test := newPeer(t)
		if state == "established" {
			test = newConnected(t)
		}
		good := test.initValue(9, 1<<20, 10, 10, nil)
		for name, value := range map[string][]byte{
			"tag 0":              test.initValue(0, 1<<20, 10, 10, nil),
			"no streams out":     test.initValue(9, 1<<20, 0, 10, nil),
			"no streams in":      test.initValue(9, 1<<20, 10, 0, nil),
			"tiny window":        test.initValue(9, 1499, 10, 10, nil),
			"parameter length 0": append(bytes.Clone(good), 0x80, 0, 0, 0),
			"parameter length 3": append(bytes.Clone(good), 0x80, 0, 0, 3),
			"partial parameter":  append(bytes.Clone(good), 0x80, 0, 0, 9, 1, 2, 3, 4),
			"half a header":      append(bytes.Clone(good), 0x80, 0),
		} {
			test.wantDropped(state+": "+name, malformed, test.packet(0, rawChunk(chunkInit, 0, value)))
		}
		test.wantDropped("INIT with a tag", wrongTag, test.packet(test.a.tag, rawChunk(chunkInit, 0, good)))
		test.wantDropped("INIT with company", wrongTag, test.packet(0, rawChunk(chunkInit, 0, good), rawChunk(chunkCookieAck, 0, nil)))
	}
}

// An INIT holds nothing but what it must: F18.
func TestInitContents(t *testing.T) {
	test := newPeer(t)
	test.a.Connect(test.now)
	b, _ := test.a.AppendPacket(test.now, nil)
	c, n := consumeChunk(b[headerSize:])
	require.Equal(t, len(b)-headerSize, n)
	got, ok := parseInit(c.value)
	require.True(t, ok)
	require.Equal(t, initChunk{tag: test.a.tag, window: defaultReceiveBuffer, outbound: 65535, inbound: 65535, tsn: 100, forwardTSN: true, reconfig: true}, got)
	require.NotContains(t, string(c.value), "\x80\x01\x00\x04", "zero checksum is not offered")

	// Two associations from other random bytes share no tag, TSN or cookie.
	other, err := New(Config{Rand: seeded(8)})
	require.NoError(t, err)
	require.NotEqual(t, test.a.tag, other.tag)
	require.NotEqual(t, test.a.cookieKey, other.cookieKey)
}

// F8: a cookie that was changed, is late, or belongs to somebody else.
func TestBadCookie(t *testing.T) {
	test := newPeer(t)
	cookie := test.cookieFor()
	require.Len(t, cookie, cookieSize)
	for i := range cookie {
		bad := bytes.Clone(cookie)
		bad[i] ^= 1
		test.wantDropped("a bit flipped", wrongCookie, test.packet(test.a.tag, rawChunk(chunkCookieEcho, 0, bad)))
	}
	test.wantDropped("cut", wrongCookie, test.packet(test.a.tag, rawChunk(chunkCookieEcho, 0, cookie[:len(cookie)-1])))
	test.wantDropped("tag of the packet", wrongCookie, test.packet(test.a.tag+1, rawChunk(chunkCookieEcho, 0, cookie)))

	foreign := newPeer(t, Config{Rand: seeded(99)})
	test.wantDropped("of another association", wrongCookie, test.packet(test.a.tag, rawChunk(chunkCookieEcho, 0, foreign.cookieFor())))

	test.now = test.now.Add(cookieLifetime + time.Second)
	test.wantDropped("stale", wrongCookie, test.packet(test.a.tag, rawChunk(chunkCookieEcho, 0, cookie)))
	require.Equal(t, stateClosed, test.a.state)
	cookie = test.cookieFor()
	test.recv(rawChunk(chunkCookieEcho, 0, cookie))
	test.wantEvent("a fresh one works", "Connected")
	for range 3 {
		test.want("COOKIE ACK", "COOKIE_ACK")
		test.recv(rawChunk(chunkCookieEcho, 0, cookie))
		test.now = test.now.Add(time.Hour)
	}
	test.want("a replay is acknowledged and does nothing else", "COOKIE_ACK")
	test.wantIdle("nothing else")
}

// A stale cookie is answered with an ERROR, and an ERROR makes us begin anew.
func TestStaleCookie(t *testing.T) {
	test := newPeer(t)
	test.a.Connect(test.now)
	test.want("INIT", "INIT tsn=100")
	cookie := test.cookieFor()
	test.now = test.now.Add(cookieLifetime + time.Second)
	test.recv(rawChunk(chunkCookieEcho, 0, cookie))
	test.want("the measure of staleness", "ERROR cause=3")
	test.recv(test.initAck("old"))
	test.want("echo", "COOKIE_ECHO old")
	test.recv(rawChunk(chunkError, 0, appendParam(nil, causeStaleCookie, []byte{0, 0, 0, 1})))
	test.want("a new INIT", "INIT tsn=100")
}

// The peer lost its state and sends an INIT while we are established: action A
// of https://www.rfc-editor.org/rfc/rfc9260#section-5.2.4.
func TestRestart(t *testing.T) {
	test := newConnected(t, Config{Client: true})
	id, err := test.a.Open(test.now, ChannelConfig{})
	require.NoError(t, err)
	test.wantEvent("open", "ChannelOpened 1 stream=0")
	require.NoError(t, test.a.Send(test.now, id, false, []byte("lost")))
	test.discard()

	oldTag := test.a.tag
	test.tag = 0xCAFE
	cookie := test.cookieFor()
	require.Equal(t, stateEstablished, test.a.state, "the INIT alone changes nothing")
	test.a.HandlePacket(test.now, test.packet(test.a.restartTag, rawChunk(chunkCookieEcho, 0, cookie)))
	test.wantEvent("its channels are gone", "ChannelClosed 1 sctp: peer restarted the association")
	test.want("and the new association stands", "COOKIE_ACK")
	require.NotEqual(t, oldTag, test.a.tag)
	require.Equal(t, uint32(0xCAFE), test.a.peerTag)
	_, err = test.a.Open(test.now, ChannelConfig{})
	require.NoError(t, err)
	test.wantEvent("open", "ChannelOpened 2 stream=0")
	b, ok := test.next()
	require.True(t, ok)
	require.Contains(t, b, "sid=0 ssn=0 ppid=50")

	// The old cookie does not restart it again.
	test.a.HandlePacket(test.now, test.packet(oldTag, rawChunk(chunkCookieEcho, 0, cookie)))
	require.Equal(t, uint32(0xCAFE), test.a.peerTag)
}

// F9 and the verification tag rules of
// https://www.rfc-editor.org/rfc/rfc9260#section-8.5.1.
func TestVerificationTag(t *testing.T) {
	test := newConnected(t)
	tag := test.a.tag
	for name, b := range map[string][]byte{
		"DATA":                        test.packet(tag+1, text(theirTSN, 0, 0, "x")),
		"SACK":                        test.packet(0, sackChunk(99, 1)),
		"ABORT, wrong tag":            test.packet(tag+1, rawChunk(chunkAbort, 0, nil)),
		"ABORT, peer's tag, no T":     test.packet(test.tag, rawChunk(chunkAbort, 0, nil)),
		"ABORT, T, our tag":           test.packet(tag, rawChunk(chunkAbort, flagReflectedTag, nil)),
		"SHUTDOWN COMPLETE, wrong":    test.packet(tag+1, rawChunk(chunkShutdownComplete, 0, nil)),
		"SHUTDOWN COMPLETE, company":  test.packet(tag, rawChunk(chunkShutdownComplete, 0, nil), rawChunk(chunkCookieAck, 0, nil)),
		"INIT ACK with company":       test.packet(tag, test.initAck("x"), rawChunk(chunkCookieAck, 0, nil)),
		"wrong source port":           reseal(test.packet(tag, sackChunk(99, 1)), func(b []byte) { b[1]++ }),
		"wrong destination port":      reseal(test.packet(tag, sackChunk(99, 1)), func(b []byte) { b[3]++ }),
		"an INIT with a tag, further": test.packet(0, sackChunk(99, 1), test.initChunk()),
	} {
		test.wantDropped(name, wrongTag, b)
	}
	test.wantDropped("SHUTDOWN COMPLETE out of place", wrongState, test.packet(tag, rawChunk(chunkShutdownComplete, 0, nil)))
	test.wantDropped("COOKIE ACK out of place", wrongState, test.packet(tag, rawChunk(chunkCookieAck, 0, nil)))
	test.recv(text(theirTSN, 0, 0, "x"), test.initChunk())
	test.wantIdle("an INIT after another chunk is ignored")

	test.a.HandlePacket(test.now, test.packet(test.tag, rawChunk(chunkAbort, flagReflectedTag, nil)))
	test.wantEvent("ABORT with T and the peer's tag", "Closed sctp: association aborted by peer (cause 0)")
}

func reseal(b []byte, change func([]byte)) []byte {
	change(b)
	sealPacket(b, 0)
	return b
}

// F10: a wrong checksum, and none at all, which RFC 9653 would allow if it had
// been agreed.
func TestChecksum(t *testing.T) {
	test := newConnected(t)
	checksums := func(s *Stats) uint64 { return s.DroppedChecksum }
	b := test.packet(test.a.tag, text(theirTSN, 0, 0, "x"))
	for i := range b {
		bad := bytes.Clone(b)
		bad[i] ^= 0x10
		if i < headerSize || i >= headerSize+4 { // else the framing goes first
			test.wantDropped("a bit flipped", checksums, bad)
		}
	}
	bad := bytes.Clone(b)
	copy(bad[8:], "\x00\x00\x00\x00")
	test.wantDropped("zero checksum", checksums, bad)
}

// The set-up takes as few round trips as the RFCs allow: our first message
// reaches the peer after 1.5 RTT, and the peer's first message reaches us
// after 2.
func TestSetUpTime(t *testing.T) {
	for name, both := range map[string]bool{"one side": false, "both sides": true} {
		t.Run(name, func(t *testing.T) {
			const rtt = 50 * time.Millisecond
			p := newPair(t, 1, linkConfig{delay: rtt / 2})
			var ids [2]ChannelID
			for i, a := range p.ends {
				id, err := a.Open(p.now, ChannelConfig{Label: "x"})
				require.NoError(t, err)
				require.NoError(t, a.Send(p.now, id, false, []byte("hello")))
				ids[i] = id
			}
			var at [2]time.Duration
			p.events = func(i int, ev Event) {
				if ev.Kind == EventMessage && at[i] == 0 {
					at[i] = p.now.Sub(epoch)
				}
			}
			p.ends[0].Connect(p.now)
			p.drain()
			if both {
				// The server's handshake ends half a round trip later.
				p.run(rtt/2-1, nil)
				p.ends[1].Connect(p.now)
			}
			p.run(time.Second, nil)
			require.LessOrEqual(t, at[1], rtt*3/2)
			require.LessOrEqual(t, at[0], rtt*2)
			require.NotZero(t, at[0])
			require.NotZero(t, at[1])
		})
	}
}
