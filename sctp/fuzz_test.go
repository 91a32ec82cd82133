package sctp

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"
)

// FuzzHandlePacket lets an authenticated peer do its worst to a connected
// association: the input is a sequence of operations. Whatever it does, nothing
// panics, the invariants hold, memory stays within its limits, and a drain
// comes to an end.
func FuzzHandlePacket(f *testing.F) {
	op := func(kind byte, chunks ...[]byte) []byte {
		b := bytes.Join(chunks, nil)
		return append([]byte{kind, byte(len(b) >> 8), byte(len(b))}, b...)
	}
	f.Add(bytes.Join([][]byte{op(0, text(200, 0, 0, "x")), op(2), op(0, sackChunk(99, 1000))}, nil))
	f.Add(bytes.Join([][]byte{op(3, []byte("hello")), op(0, sackChunk(100, 1000)), op(1, []byte{50})}, nil))
	f.Add(bytes.Join([][]byte{op(0, data(200, 0, 0, 51, flagBegin, "x"), data(202, 0, 0, 51, flagEnd, "y")), op(0, forwardTSN(202, 0, 1))}, nil))
	f.Add(bytes.Join([][]byte{op(0, remoteOpen(200, 4, "a")), op(0, resetRequest(200, 200, 4)), op(4), op(0, resetResponseChunk(100, 1))}, nil))
	f.Add(bytes.Join([][]byte{op(3, make([]byte, 3000)), op(1, []byte{200}), op(0, sackChunk(99, 1000, 2, 2)), op(1, []byte{255}), op(1, []byte{255})}, nil))
	f.Add(bytes.Join([][]byte{op(5), op(0, rawChunk(chunkShutdownAck, 0, nil))}, nil))
	f.Add(bytes.Join([][]byte{op(0, rawChunk(chunkShutdown, 0, []byte{0, 0, 0, 99})), op(0, rawChunk(chunkShutdownComplete, 0, nil))}, nil))
	f.Add(bytes.Join([][]byte{op(0, rawChunk(chunkHeartbeat, 0, []byte{0, 1, 0, 4})), op(0, rawChunk(0xC1, 0, []byte("asconf")))}, nil))
	f.Fuzz(runOperations)
}

// runOperations runs a sequence of operations: a kind, a length of two bytes, an
// argument.
func runOperations(t *testing.T, input []byte) {
	a, err := New(Config{Rand: seeded(1), ReceiveBuffer: 64 << 10, MaxMessageSize: 20_000, SendBuffer: 50_000, MaxChannels: 8})
	if err != nil {
		t.Fatal(err)
	}
	a.initialTSN = ourTSN
	a.resetState()
	test := &peerTest{T: t, a: a, now: epoch, tag: 0xBEEF}
	if _, err := a.Open(test.now, ChannelConfig{Negotiated: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Open(test.now, ChannelConfig{Negotiated: true, StreamID: 1, Unordered: true, MaxRetransmits: new(uint16(1))}); err != nil {
		t.Fatal(err)
	}
	test.connectQuietly()
	if a.state != stateEstablished {
		t.Fatal("not established")
	}
	for steps := 0; len(input) >= 3 && steps < 300; steps++ {
		kind, n := input[0], int(input[1])<<8|int(input[2])
		n = min(n, len(input)-3)
		arg := input[3 : 3+n]
		input = input[3+n:]
		switch kind % 8 {
		case 0: // a packet with the right tag and checksum
			tag := a.tag
			if n > 0 && chunkType(arg[0]) == chunkInit {
				tag = 0
			}
			b := append(appendHeader(nil, 5000, 5000, tag), arg...)
			sealPacket(b, 0)
			was := bytes.Clone(b)
			a.HandlePacket(test.now, b)
			if !bytes.Equal(was, b) {
				t.Fatal("the packet was changed")
			}
		case 1: // time passes
			if n > 0 {
				test.now = test.now.Add(time.Duration(arg[0]) * 5 * time.Millisecond)
			}
			a.HandleTimeout(test.now)
		case 2: // events are taken
			for range 1000 {
				if _, ok := a.NextEvent(); !ok {
					break
				}
			}
		case 3:
			_ = a.Send(test.now, ChannelID(1+n%3), n%2 == 0, arg)
		case 4:
			_ = a.CloseChannel(test.now, ChannelID(1+n%4))
		case 5:
			if n%16 == 0 {
				a.Shutdown(test.now)
			}
		case 6:
			_, _ = a.Open(test.now, ChannelConfig{Label: "f"})
		case 7: // as it is
			a.HandlePacket(test.now, arg)
		}
		if kind >= 64 { // polled now and then
			continue
		}
		a.HandleTimeout(test.now)
		for i := 0; ; i++ {
			if i > 2000 {
				t.Fatal("no end to packets")
			}
			b, ok := a.AppendPacket(test.now, test.buf[:0])
			if !ok {
				break
			}
			test.buf = b
			if len(b) > a.cfg.MTU || !wellFramed(b[headerSize:]) {
				t.Fatalf("bad packet of %d bytes", len(b))
			}
		}
		if d := a.Deadline(); !d.IsZero() && !d.After(test.now) {
			t.Fatalf("deadline %v is not after %v: %+v", d, test.now, a.timers)
		}
		checkInvariants(t, a)
	}
	if a.held > 50_000+20_000 || a.recv.used > 2*a.cfg.ReceiveBuffer || len(a.channels) > 8 || a.events.len() > 4000 {
		t.Fatalf("limits: held %d, used %d, %d channels, %d events", a.held, a.recv.used, len(a.channels), a.events.len())
	}
}

// TestHostilePeer is the same with sequences drawn at random from chunks that
// mean something, some of them with a bit flipped.
func TestHostilePeer(t *testing.T) {
	chunks := [][]byte{
		text(200, 0, 0, "x"), data(200, 0, 0, ppidString, flagBegin, "x"), data(201, 0, 0, ppidString, 0, "xx"), data(202, 0, 0, ppidString, flagEnd, "y"),
		sackChunk(99, 1000), sackChunk(100, 0), sackChunk(103, 1<<20), sackChunk(99, 1000, 2, 2), sackChunk(100, 1000, 2, 3, 5, 9),
		forwardTSN(202, 0, 1), forwardTSN(210), remoteOpen(200, 4, "a"), remoteOpen(201, 0, "b"), data(203, 2, 0, ppidDCEP, whole, "\x02"),
		resetRequest(200, 200, 4), resetRequest(201, 205, 0), resetRequest(200, 199), resetResponseChunk(100, 1), resetResponseChunk(100, 6),
		rawChunk(chunkShutdown, 0, []byte{0, 0, 0, 99}), rawChunk(chunkShutdownAck, 0, nil), rawChunk(chunkHeartbeat, 0, []byte{0, 1, 0, 4}),
		rawChunk(chunkCookieAck, 0, nil), rawChunk(chunkError, 0, []byte{0, 3, 0, 8, 0, 0, 0, 1}),
	}
	for seed := range uint64(3000) {
		rng := rand.New(rand.NewPCG(seed, 5))
		var input []byte
		for range 40 {
			kind, arg := byte(rng.IntN(8)), bytes.Clone(chunks[rng.IntN(len(chunks))])
			switch {
			case kind == 3:
				arg = make([]byte, rng.IntN(5000))
			case kind == 1:
				arg = []byte{byte(rng.Uint32())}
			case len(arg) > 4 && rng.IntN(3) == 0:
				arg[4+rng.IntN(len(arg)-4)] ^= 1 << rng.IntN(8)
			}
			input = append(input, kind, byte(len(arg)>>8), byte(len(arg)))
			input = append(input, arg...)
		}
		runOperations(t, input)
	}
}

// FuzzChunks parses what can be parsed alone, and what parses survives a round
// trip.
func FuzzChunks(f *testing.F) {
	f.Add(text(1, 2, 3, "x"))
	f.Add(appendOpen(nil, &ChannelConfig{Label: "l", Protocol: "p", MaxRetransmits: new(uint16(1))}))
	f.Add(appendInit(nil, &initChunk{tag: 1, window: 2000, outbound: 1, inbound: 1, tsn: 7, cookie: []byte("c")})[4:])
	f.Add(bytes.Clone(initParams))
	f.Fuzz(func(t *testing.T, b []byte) {
		was := bytes.Clone(b)
		wellFramed(b)
		if c, n := consumeChunk(b); n >= 0 {
			if n < chunkHeader || n > len(b) || len(c.value) > n {
				t.Fatalf("%d bytes of %d", n, len(b))
			}
			if again := rawChunk(c.typ, c.flags, c.value); !bytes.Equal(again[:chunkHeader+len(c.value)], b[:chunkHeader+len(c.value)]) {
				t.Fatal("chunk does not survive")
			}
		}
		if cfg, ok := parseOpen(b); ok {
			again, ok := parseOpen(appendOpen(nil, &cfg))
			if !ok || again.Label != cfg.Label || again.Protocol != cfg.Protocol || again.Unordered != cfg.Unordered {
				t.Fatal("OPEN does not survive")
			}
		}
		if c, ok := parseInit(b); ok {
			d := c
			d.unrecognized = nil
			out := appendInit(nil, &d)
			e, ok := parseInit(out[chunkHeader:])
			if !ok || e.tag != c.tag || e.tsn != c.tsn || !bytes.Equal(e.cookie, c.cookie) {
				t.Fatal("INIT does not survive")
			}
			if len(c.unrecognized) > maxUnrecognized {
				t.Fatalf("%d bytes to report", len(c.unrecognized))
			}
		}
		if !bytes.Equal(was, b) {
			t.Fatal("input was changed")
		}
	})
}
