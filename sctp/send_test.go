package sctp

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// send sends a string on the channel of newWithChannel.
func (test *peerTest) send(s string) {
	test.Helper()
	require.NoError(test, test.a.Send(test.now, 1, false, []byte(s)))
}

// wantSent takes the packet and the event of a small message.
func (test *peerTest) wantSent(why, packet string) {
	test.Helper()
	test.want(why, packet)
	test.wantEvent(why, "BufferedAmountLow 1")
}

func TestFragmentation(t *testing.T) {
	test := newWithChannel(t, ChannelConfig{}, Config{MTU: 256})
	test.send(strings.Repeat("x", 500))
	test.want("the beginning", "DATA tsn=100 sid=0 ssn=0 ppid=51 B 228 bytes")
	test.want("the middle", "DATA tsn=101 sid=0 ssn=0 ppid=51 228 bytes")
	test.want("the end asks for a SACK", "DATA tsn=102 sid=0 ssn=0 ppid=51 E I \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"")
	test.wantEvent("sent", "BufferedAmountLow 1")
	test.send("a")
	test.send("")
	require.NoError(t, test.a.Send(test.now, 1, true, nil))
	test.want("small ones share a packet; empty ones have one byte on the wire", `DATA tsn=103 sid=0 ssn=1 ppid=51 E B "a"`,
		`DATA tsn=104 sid=0 ssn=2 ppid=56 E B "\x00"`, `DATA tsn=105 sid=0 ssn=3 ppid=57 E B I "\x00"`)
}

// F2: a SACK that makes no sense changes nothing.
func TestBadSack(t *testing.T) {
	test := newWithChannel(t, ChannelConfig{}, Config{MTU: 256})
	test.send(strings.Repeat("x", 1000))
	test.discard()
	for test.a.events.len() > 0 {
		test.a.NextEvent()
	}
	counts := func(gaps, dups uint16, more ...byte) []byte {
		v := binary.BigEndian.AppendUint32(nil, 99)
		v = binary.BigEndian.AppendUint32(v, 1000)
		v = binary.BigEndian.AppendUint16(v, gaps)
		v = binary.BigEndian.AppendUint16(v, dups)
		return rawChunk(chunkSack, 0, append(v, more...))
	}
	for name, chunk := range map[string][]byte{
		"more gaps than bytes":       counts(2, 0, 0, 2, 0, 2),
		"65535 gaps":                 counts(65535, 0),
		"more duplicates than bytes": counts(0, 3, 0, 0, 0, 1),
		"65535 of both":              counts(65535, 65535),
		"bytes left over":            counts(0, 0, 0, 0, 0, 1),
		"never sent":                 sackChunk(105, 1000),
		"far from it":                sackChunk(99+1<<31-1, 1000),
		"gap never sent":             sackChunk(99, 1000, 2, 6),
		"gap reversed":               sackChunk(99, 1000, 3, 2),
		"gaps overlap":               sackChunk(99, 1000, 2, 3, 3, 4),
		"gaps descend":               sackChunk(99, 1000, 4, 4, 2, 2),
		"gap at the next TSN":        sackChunk(99, 1000, 1, 2),
		"gap zero":                   sackChunk(99, 1000, 0, 0),
	} {
		before := fmt.Sprintf("%+v", test.a.sent)
		test.wantDropped(name, malformed, test.packet(test.a.tag, chunk))
		require.Equal(t, before, fmt.Sprintf("%+v", test.a.sent), name)
	}
	test.recv(sackChunk(101, 5000, 2, 2))
	test.recv(sackChunk(100, 77))
	require.Equal(t, 5000, test.a.sent.window, "an old SACK is ignored")
	require.EqualValues(t, 101, test.a.sent.cumTSN)
}

// F4: the cost of a SACK does not depend on how much is stored.
func TestSackIsCheap(t *testing.T) {
	test := newWithChannel(t, ChannelConfig{}, Config{RemoteMaxMessageSize: -1, SendBuffer: 100 << 20})
	test.a.sent.window = 1 << 30
	test.a.cc.cwnd = 1 << 30
	test.a.cfg.MTU = minMTU
	const chunks = 40_000
	test.send(strings.Repeat("x", chunks*228))
	n := 0
	for {
		if _, ok := test.a.AppendPacket(test.now, test.buf[:0]); !ok {
			break
		}
		n++
	}
	require.Equal(t, chunks, n)
	// One is missing; each SACK acknowledges one more behind it. If each looked
	// at all chunks, this would take minutes.
	c := sackChunk(99, 1<<30, 2, 2)
	allocs := testing.AllocsPerRun(1, func() {
		for i := 2; i < 20_000; i++ {
			binary.BigEndian.PutUint16(c[len(c)-2:], uint16(i))
			test.a.handleSack(test.a.now, c[4:])
		}
	})
	require.Less(t, allocs, 50.0)
	require.Equal(t, 19_998, test.a.sent.nGaps)
	checkInvariants(t, test.a)
}

// A hole is repaired as soon as three later chunks have arrived, without a
// timeout, and so is the loss of the repair.
func TestFastRetransmit(t *testing.T) {
	test := newWithChannel(t, ChannelConfig{})
	test.a.rtt.sample(50 * time.Millisecond)
	test.a.rtt.sampleMin(test.a.now, 50*time.Millisecond)
	for i := range 8 {
		test.send(fmt.Sprint(i))
		test.wantSent("sent", fmt.Sprintf(`DATA tsn=%d sid=0 ssn=%d ppid=51 E B I "%d"`, 100+i, i, i))
	}
	test.now = test.now.Add(50 * time.Millisecond)
	test.recv(sackChunk(100, 1<<20, 2, 2))
	test.wantIdle("one chunk may have overtaken another")
	test.recv(sackChunk(100, 1<<20, 2, 3))
	test.wantIdle("or two")
	cwnd := test.a.cc.cwnd
	test.recv(sackChunk(100, 1<<20, 2, 4))
	test.want("three prove a loss", `DATA tsn=101 sid=0 ssn=1 ppid=51 E B I "1"`)
	require.Less(t, test.a.cc.cwnd, cwnd)
	reduced := test.a.cc.cwnd
	test.wantIdle("once")
	test.now = test.now.Add(time.Millisecond)
	test.send("8")
	test.wantSent("new data", `DATA tsn=108 sid=0 ssn=8 ppid=51 E B I "8"`)
	test.now = test.now.Add(50 * time.Millisecond)
	test.recv(sackChunk(100, 1<<20, 2, 8))
	test.want("what was sent after the repair has arrived: it was lost as well", `DATA tsn=101 sid=0 ssn=1 ppid=51 E B I "1"`)
	require.GreaterOrEqual(t, test.a.cc.cwnd, reduced/10*7)
	test.recv(sackChunk(108, 1<<20))
	test.wantIdle("all is there")
	require.Zero(t, test.a.held)
	require.Zero(t, test.a.stats.Timeouts)
}

// Many losses in one window reduce it once.
func TestOneReductionPerWindow(t *testing.T) {
	test := newWithChannel(t, ChannelConfig{}, Config{MTU: 256})
	test.a.rtt.sample(50 * time.Millisecond)
	test.a.cc.cwnd = 20_000
	test.a.cc.ssthresh = 20_000
	for range 60 {
		test.send(strings.Repeat("x", 228))
	}
	for test.discard(); test.a.unsent > 0; test.discard() {
		test.advanceToTimer() // pacing
	}
	test.now = test.now.Add(50 * time.Millisecond)
	test.recv(sackChunk(99, 1<<20, 2, 4, 6, 10, 14, 20))
	first := test.a.cc.cwnd
	require.Equal(t, 14_000, first)
	test.recv(sackChunk(99, 1<<20, 2, 4, 6, 10, 14, 20, 30, 40))
	require.GreaterOrEqual(t, test.a.cc.cwnd, first)
	require.Equal(t, 14, test.a.sent.lost.n)
}

// The last packet of a burst is lost: a probe comes before the timeout.
func TestTailLossProbe(t *testing.T) {
	test := newWithChannel(t, ChannelConfig{})
	test.a.rtt.sample(20 * time.Millisecond)
	test.send("last")
	test.wantSent("sent, and lost", `DATA tsn=100 sid=0 ssn=0 ppid=51 E B I "last"`)
	before := test.now
	test.advanceToTimer()
	test.want("a probe", `DATA tsn=100 sid=0 ssn=0 ppid=51 E B I "last"`)
	require.Less(t, test.now.Sub(before), 60*time.Millisecond)
	test.advanceToTimer()
	test.want("the probe is lost as well: T3", `DATA tsn=100 sid=0 ssn=0 ppid=51 E B I "last"`)
	require.Less(t, test.now.Sub(before), 400*time.Millisecond)
	test.recv(sackChunk(100, 1<<20))
	test.wantIdle("there")
	require.Equal(t, 200*time.Millisecond, test.a.rtt.rto, "back-off ends")
}

// The retransmission timer backs off, and the association ends when it has
// expired too often in a row.
func TestTimeouts(t *testing.T) {
	test := newWithChannel(t, ChannelConfig{}, Config{MaxRetransmits: 5})
	test.send("x")
	test.wantSent("sent", `DATA tsn=100 sid=0 ssn=0 ppid=51 E B I "x"`)
	test.a.loss.probed = true // not here
	test.a.armProbe(test.a.now)
	for pause := 200 * time.Millisecond; test.a.stats.Timeouts < 5; pause = min(2*pause, maxBackOff) {
		before := test.now
		test.advanceToTimer()
		test.want("again", `DATA tsn=100 sid=0 ssn=0 ppid=51 E B I "x"`)
		require.Equal(t, pause, test.now.Sub(before), "after %d timeouts", test.a.stats.Timeouts)
		if test.a.timers.trim != 0 {
			test.a.timers.trim = 0
		}
	}
	for test.a.state != stateDone {
		test.advanceToTimer()
		test.discard()
	}
	test.wantEvent("channels first", "ChannelClosed 1 sctp: peer does not answer")
	test.wantEvent("given up", "Closed sctp: peer does not answer")
	require.ErrorIs(t, test.a.Send(test.now, 1, false, nil), ErrClosed)
}

// F13: a window that never opens is probed with one chunk at a time, for ever,
// as long as the peer answers.
func TestZeroWindow(t *testing.T) {
	test := newWithChannel(t, ChannelConfig{}, Config{MaxRetransmits: 3, SendBuffer: 10_000})
	test.send("0")
	test.wantSent("sent", `DATA tsn=100 sid=0 ssn=0 ppid=51 E B I "0"`)
	test.recv(sackChunk(100, 0))
	refused := false
	for i := 1; !refused; i++ {
		refused = test.a.Send(test.now, 1, false, make([]byte, 500)) == ErrBufferFull
	}
	amount := test.a.BufferedAmount(1)
	test.want("one chunk may always be in flight", `DATA tsn=101 sid=0 ssn=1 ppid=51 E B 500 bytes`)
	require.Equal(t, amount-500, test.a.BufferedAmount(1))
	for range 30 {
		test.recv(sackChunk(100, 0))
		test.wantIdle("the probe is out")
		for test.a.sent.flight > 0 {
			test.advanceToTimer()
		}
		test.want("and repeated", `DATA tsn=101 sid=0 ssn=1 ppid=51 E B 500 bytes`)
	}
	require.Equal(t, stateEstablished, test.a.state)
	require.Equal(t, 0, test.a.errors-1)
	require.Equal(t, amount-500, test.a.BufferedAmount(1))

	test.recv(sackChunk(101, 1500))
	test.want("a little window", `DATA tsn=102 sid=0 ssn=2 ppid=51 E B 500 bytes`, `DATA tsn=103 sid=0 ssn=3 ppid=51 E B 500 bytes`)
	test.want("no more than that", `DATA tsn=104 sid=0 ssn=4 ppid=51 E B 500 bytes`)
	test.a.events = queue[event]{}
	test.wantIdle("the window is used up")
	test.recv(sackChunk(104, 1))
	test.want("one byte: one chunk", `DATA tsn=105 sid=0 ssn=5 ppid=51 E B 500 bytes`)
	test.a.events = queue[event]{}
	test.wantIdle("no more")
}

// The receiver takes back what it had acknowledged in a gap block.
func TestReneging(t *testing.T) {
	test := newWithChannel(t, ChannelConfig{})
	for i := range 3 {
		test.send(fmt.Sprint(i))
		test.discard()
	}
	test.recv(sackChunk(99, 1<<20, 2, 3))
	require.Equal(t, 2, test.a.sent.nGaps)
	test.recv(sackChunk(100, 1<<20))
	require.Zero(t, test.a.sent.nGaps)
	test.want("it is sent again", `DATA tsn=101 sid=0 ssn=1 ppid=51 E B "1"`, `DATA tsn=102 sid=0 ssn=2 ppid=51 E B I "2"`)
	test.recv(sackChunk(102, 1<<20))
	require.Zero(t, test.a.held)
}

// Channels take turns, message by message.
func TestRoundRobin(t *testing.T) {
	test := newWithChannel(t, ChannelConfig{}, Config{MTU: 256})
	_, err := test.a.Open(test.now, ChannelConfig{Negotiated: true, StreamID: 1})
	require.NoError(t, err)
	big := []byte(strings.Repeat("x", 228*2))
	for range 2 {
		require.NoError(t, test.a.Send(test.now, 1, true, big))
	}
	require.NoError(t, test.a.Send(test.now, 2, false, []byte("small")))
	test.wantEvent("open", "ChannelOpened 2 stream=1")
	test.want("one", "DATA tsn=100 sid=0 ssn=0 ppid=53 B 228 bytes")
	test.want("to its end", "DATA tsn=101 sid=0 ssn=0 ppid=53 E 228 bytes")
	test.want("then the other", `DATA tsn=102 sid=1 ssn=0 ppid=51 E B "small"`)
	test.want("then the first again", "DATA tsn=103 sid=0 ssn=1 ppid=53 B 228 bytes")
}

// bufferedAmount counts the user's bytes that were not sent, and its event
// comes when the threshold is crossed, only then.
func TestBufferedAmount(t *testing.T) {
	test := newWithChannel(t, ChannelConfig{}, Config{MTU: 256})
	require.NoError(t, test.a.SetBufferedAmountLowThreshold(1, 300))
	test.a.sent.window = 0
	test.send(strings.Repeat("x", 500))
	require.Equal(t, 500, test.a.BufferedAmount(1))
	test.want("a probe", "DATA tsn=100 sid=0 ssn=0 ppid=51 B 228 bytes")
	require.Equal(t, 272, test.a.BufferedAmount(1))
	test.wantEvent("crossed", "BufferedAmountLow 1")
	test.recv(sackChunk(100, 0))
	test.want("next", "DATA tsn=101 sid=0 ssn=0 ppid=51 228 bytes")
	test.wantIdle("below is not crossing")
	test.send(strings.Repeat("x", 256))
	require.Equal(t, 300, test.a.BufferedAmount(1))
	test.recv(sackChunk(101, 0))
	test.discard()
	test.wantIdle("at the threshold is not above")
	require.Zero(t, test.a.BufferedAmount(99))
	require.ErrorIs(t, test.a.SetBufferedAmountLowThreshold(99, 1), ErrNoChannel)
}

// After ErrBufferFull there is an event when there is room again. Empty
// messages are not free (R3).
func TestSendBuffer(t *testing.T) {
	for name, size := range map[string]int{"empty": 0, "1 KB": 1000} {
		t.Run(name, func(t *testing.T) {
			test := newWithChannel(t, ChannelConfig{}, Config{SendBuffer: 50_000})
			msg := make([]byte, size)
			test.a.sent.window = 0
			n := 0
			for ; ; n++ {
				if err := test.a.Send(test.now, 1, true, msg); err != nil {
					require.ErrorIs(t, err, ErrBufferFull)
					break
				}
				require.Less(t, n, 1000)
			}
			require.LessOrEqual(t, test.a.held, 50_000)
			test.discard()
			for test.a.events.len() > 0 {
				test.a.NextEvent()
			}
			low := 0
			for tsn := uint32(100); test.a.held > 0; {
				test.recv(sackChunk(tsn, 2000))
				test.discard()
				tsn = test.a.sent.nextTSN - 1
				for {
					ev, ok := test.a.NextEvent()
					if !ok {
						break
					}
					require.Equal(t, EventBufferedAmountLow, ev.Kind)
					low++
					if low == 1 {
						require.Less(t, test.a.held, 50_000)
						require.NoError(t, test.a.Send(test.now, 1, true, msg))
					}
				}
			}
			require.NotZero(t, low)
		})
	}
}

// One message may be larger than the whole buffer.
func TestHugeMessage(t *testing.T) {
	p := newPair(t, 1, linkConfig{delay: 5 * time.Millisecond, rate: 1e8}, Config{SendBuffer: 100_000, RemoteMaxMessageSize: 3 << 20, MaxMessageSize: 3 << 20})
	p.connect()
	p.fast = true
	id, _ := p.open(0, ChannelConfig{})
	p.run(time.Second, nil)
	require.NoError(t, p.ends[0].Send(p.now, id, true, make([]byte, 3<<20)))
	require.ErrorIs(t, p.ends[0].Send(p.now, id, true, nil), ErrBufferFull)
	require.ErrorIs(t, p.ends[0].Send(p.now, id, true, make([]byte, 3<<20+1)), ErrMessageTooLarge)
	got := 0
	p.events = func(_ int, ev Event) { got += len(ev.Data) }
	require.True(t, p.run(time.Minute, func() bool { return got == 3<<20 }))
}

func TestMaxMessageSize(t *testing.T) {
	test := newWithChannel(t, ChannelConfig{})
	require.ErrorIs(t, test.a.Send(test.now, 1, true, make([]byte, 65537)), ErrMessageTooLarge)
	require.NoError(t, test.a.Send(test.now, 1, true, make([]byte, 65536)))
	test.a.SetRemoteMaxMessageSize(256 << 10)
	require.NoError(t, test.a.Send(test.now, 1, true, make([]byte, 256<<10)))
	test.a.SetRemoteMaxMessageSize(0)
	require.ErrorIs(t, test.a.Send(test.now, 1, true, make([]byte, 65537)), ErrMessageTooLarge)
	test.a.SetRemoteMaxMessageSize(-1)
	require.NoError(t, test.a.Send(test.now, 1, true, make([]byte, 300<<10)))
}

// Partial reliability by retransmissions (RFC 7496): whole messages are
// abandoned, and the peer is told to skip them.
func TestAbandonRetransmissions(t *testing.T) {
	test := newWithChannel(t, ChannelConfig{MaxRetransmits: new(uint16(1))}, Config{MTU: 256})
	test.send(strings.Repeat("x", 400))
	test.a.loss.probed = true // no probe here
	test.discard()
	test.advanceToTimer()
	test.want("once more", "DATA tsn=100 sid=0 ssn=0 ppid=51 B I 228 bytes")
	test.recv(sackChunk(99, 1<<20, 2, 2))
	test.wantEvent("sent", "BufferedAmountLow 1")
	for test.a.sent.abandons == 0 {
		test.advanceToTimer()
	}
	test.want("and no more: skip", "FORWARD_TSN cum=101 sid=0:0")
	require.Zero(t, test.a.held)
	test.advanceToTimer()
	test.want("repeated until it is acknowledged", "FORWARD_TSN cum=101 sid=0:0")
	test.send("next")
	test.wantSent("the next message", `DATA tsn=102 sid=0 ssn=1 ppid=51 E B I "next"`)
	test.recv(sackChunk(102, 1<<20))
	test.wantIdle("done")
	require.True(t, test.a.Deadline().IsZero() || test.a.timers.rtx == 0)
}

// A lifetime ends in the middle of a message of which all that was sent is
// acknowledged: one TSN without data ends it.
func TestAbandonLifetime(t *testing.T) {
	test := newWithChannel(t, ChannelConfig{MaxLifetime: new(100 * time.Millisecond)}, Config{MTU: 256})
	test.a.cc.cwnd = 200
	test.send(strings.Repeat("x", 400))
	test.want("the window lets one chunk out", "DATA tsn=100 sid=0 ssn=0 ppid=51 B I 228 bytes")
	test.send("never sent")
	test.now = test.now.Add(110 * time.Millisecond)
	test.recv(sackChunk(100, 1<<20))
	test.want("the rest is too late, and so is the next message", "FORWARD_TSN cum=101 sid=0:0")
	test.wantEvent("nothing waits any more", "BufferedAmountLow 1")
	test.wantIdle("no more")
	require.Zero(t, test.a.held)
	require.EqualValues(t, 2, test.a.stats.MessagesAbandoned)
	test.recv(sackChunk(101, 1<<20))
	require.Zero(t, test.a.sent.len())
	test.send("on")
	test.wantSent("it goes on", `DATA tsn=102 sid=0 ssn=1 ppid=51 E B I "on"`)
}

// Without FORWARD-TSN at the peer every message is reliable.
func TestNoPartialReliability(t *testing.T) {
	test := newWithChannel(t, ChannelConfig{MaxRetransmits: new(uint16(0))})
	test.a.peerForwardTSN = false
	test.send("x")
	test.discard()
	for range 4 {
		test.advanceToTimer()
		test.want("again", `DATA tsn=100 sid=0 ssn=0 ppid=51 E B I "x"`)
		test.a.NextEvent()
	}
	require.Zero(t, test.a.stats.MessagesAbandoned)
}

// An association that was idle does not send a whole window at once.
func TestIdleWindow(t *testing.T) {
	test := newWithChannel(t, ChannelConfig{})
	test.a.rtt.sample(50 * time.Millisecond)
	test.a.cc.cwnd = 1 << 20
	test.send("x")
	test.discard()
	test.recv(sackChunk(100, 1<<20))
	test.now = test.now.Add(time.Minute)
	test.send(strings.Repeat("x", 60_000))
	test.discard()
	require.Equal(t, initialWindowPackets*defaultMTU, test.a.cc.cwnd)
	require.Less(t, test.a.sent.flight, 30_000)
}
