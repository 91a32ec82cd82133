package rtc_test

import (
	"encoding/binary"
	"hash/crc32"
	"testing"
	"time"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/ice"
	"github.com/sansrtc/rtc/internal/simnet"
	"github.com/sansrtc/rtc/sctp"
	"github.com/sansrtc/rtc/stun"
)

// FuzzRtc reads its input as operations on a connected pair: the network's mischief, the
// application's calls, and what a peer could forge that holds all the keys. Whatever happens,
// a call returns, a drain ends, deadlines lie ahead, datagrams fit (the peers of the test and
// the virtual network see to these), nothing grows past its limit, and Close ends it.
func FuzzRtc(f *testing.F) {
	// One seed for each operation, and one of a little of everything.
	all := []byte{}
	for op := range byte(opCount) {
		seed := []byte{op, 5, 0x80, 7, 0x11, 0, 12, 1, 2, 3, 4, 5, 6, 7}
		f.Add(seed)
		all = append(all, seed...)
	}
	f.Add(all)
	for _, chunk := range forgedChunks {
		f.Add(append([]byte{opForgeSCTP, byte(len(chunk))}, chunk...))
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		if len(program) > 4096 {
			return
		}
		newFuzzer(t, program).run()
	})
}

// forgedChunks are SCTP chunks that a session of ours does not send, or not then.
var forgedChunks = [][]byte{
	{0, 3, 0, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 51, 'x'},                   // DATA of TSN 0
	{1, 0, 0, 20, 1, 2, 3, 4, 0, 1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}, // INIT
	{2, 0, 0, 20, 1, 2, 3, 4, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0},             // INIT ACK
	{3, 0, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0xff, 0xff},       // SACK of everything
	{3, 0, 0, 16, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}, // SACK that lies about its size
	{6, 0, 0, 4},             // ABORT
	{7, 0, 0, 8, 0, 0, 0, 0}, // SHUTDOWN
	{130, 0, 0, 18, 0, 13, 0, 14, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0}, // RE-CONFIG: outgoing reset of all streams
	{130, 0, 0, 12, 0, 17, 0, 8, 0, 0, 0, 1},                    // RE-CONFIG: add streams, cut short
	{192, 0, 0, 12, 0x80, 0, 0, 0, 0, 0, 0, 9},                  // FORWARD TSN over half the space
	{0xff, 0, 0, 4}, // unknown, to be reported
}

const (
	opAdvance = iota
	opImpair
	opSend
	opOpen
	opCloseChannel
	opForgeRaw
	opForgeSTUN
	opForgeDTLS
	opForgeSCTP
	opReplay
	opRestart
	opCandidate
	opMove
	opThreshold
	opClose
	opCount
)

type fuzzer struct {
	t       *testing.T
	w       *world
	program []byte
	seen    [][]byte // datagrams on the link, to be replayed and damaged
}

func newFuzzer(t *testing.T, program []byte) *fuzzer {
	f := &fuzzer{t: t, program: program}
	f.meet(func(l, r *rtc.Config) {})
	f.w.connect()
	f.w.open(sctp.ChannelConfig{Label: "first"})
	return f
}

// meet makes the two peers.
func (f *fuzzer) meet(change func(l, r *rtc.Config)) {
	f.w = newWorld(f.t, worldConfig{link: simnet.LinkConfig{Delay: 5 * ms}, change: change})
	f.w.net.Trace = func(_ time.Time, fate simnet.Fate, _ *simnet.Host, p simnet.Packet) {
		if fate == simnet.Sent && len(f.seen) < 256 {
			f.seen = append(f.seen, append([]byte(nil), p.Data...))
		}
	}
}

// next takes a byte of the program; past its end there are zeros.
func (f *fuzzer) next() byte {
	if len(f.program) == 0 {
		return 0
	}
	b := f.program[0]
	f.program = f.program[1:]
	return b
}

// bytes takes a length and that many bytes.
func (f *fuzzer) bytes() []byte {
	n := min(int(f.next()), len(f.program))
	b := f.program[:n]
	f.program = f.program[n:]
	return b
}

func (f *fuzzer) run() { f.runWith(f.step, f.check) }

func (f *fuzzer) runWith(step, check func()) {
	for len(f.program) > 0 {
		step()
		check()
	}
	w := f.w
	w.net.Link(w.l.host, w.r.host, simnet.LinkConfig{Delay: 5 * ms})
	w.net.Run(10 * time.Second)
	check()
	w.l.Close(w.net.Now())
	w.r.Close(w.net.Now())
	w.net.Run(0)
	if !w.l.closed || !w.r.closed {
		f.t.Fatalf("after Close: L closed is %t, R closed is %t", w.l.closed, w.r.closed)
	}
}

// step does one operation. Its second byte says which side does it, and a variation.
func (f *fuzzer) step() {
	w := f.w
	op, arg := f.next()%opCount, f.next()
	p := w.l
	if arg&1 != 0 {
		p = w.r
	}
	now := w.net.Now()
	switch op {
	case opAdvance:
		f.advance(arg&2 != 0, 100)
	case opImpair:
		f.impair()
	case opSend:
		size := int(f.next()) << (arg >> 4)
		_ = p.Send(now, f.someChannel(p), arg&2 != 0, make([]byte, min(size, 300_000)))
	case opOpen:
		cfg := sctp.ChannelConfig{Label: string(f.bytes()), Unordered: arg&2 != 0}
		if arg&4 != 0 {
			n := uint16(f.next())
			cfg.MaxRetransmits = &n
		}
		if arg&8 != 0 {
			cfg.Negotiated, cfg.StreamID = true, uint16(f.next())<<(arg>>5)
		}
		_, _ = p.OpenChannel(now, cfg)
	case opCloseChannel:
		_ = p.CloseChannel(now, f.someChannel(p))
	case opForgeRaw:
		f.inject(p, f.bytes())
	case opForgeSTUN:
		f.inject(p, f.forgeSTUN(p, arg, f.bytes()))
	case opForgeDTLS:
		f.seal(p, f.bytes())
	case opForgeSCTP:
		f.seal(p, f.forgeSCTP(p, f.bytes()))
	case opReplay:
		b := append([]byte(nil), f.seen[int(f.next())%len(f.seen)]...)
		if arg&2 != 0 {
			b[int(f.next())%len(b)] ^= f.next()
		}
		if arg&4 != 0 {
			b = b[:1+int(f.next())%len(b)]
		}
		f.inject(p, b)
	case opRestart:
		f.restart(p)
	case opCandidate:
		if c, err := ice.ParseCandidate(string(f.bytes())); err == nil {
			_ = p.AddRemoteCandidate(now, c)
		}
	case opMove:
		_ = p.RemoveLocalCandidate(now, ice.Candidate{Type: ice.Host, Addr: p.addr})
		_ = p.AddLocalCandidate(now, ice.Candidate{Type: ice.Host, Addr: p.addr})
	case opThreshold:
		_ = p.SetBufferedAmountLowThreshold(f.someChannel(p), int(f.next()))
	case opClose:
		p.Close(now)
	}
	w.net.Run(0)
}

// advance lets some time pass, or many times as much.
func (f *fuzzer) advance(long bool, times time.Duration) {
	d := time.Duration(f.next()) * ms
	if long {
		d *= times
	}
	f.w.net.Run(d)
}

// impair makes the link a bad one.
func (f *fuzzer) impair() {
	share := func() float64 { return float64(f.next()) / 512 }
	f.w.net.Link(f.w.l.host, f.w.r.host, simnet.LinkConfig{
		Delay: time.Duration(f.next()) * ms,
		Loss:  simnet.RandomLoss(share()), Duplicate: share(), Reorder: share(), Corrupt: share(),
	})
}

// someChannel names a channel that may exist.
func (f *fuzzer) someChannel(p *simPeer) sctp.ChannelID {
	if id, ok := p.channel("first"); ok && f.next()&1 == 0 {
		return id
	}
	return sctp.ChannelID(f.next())
}

// inject has p's machine receive b as if from its peer.
func (f *fuzzer) inject(p *simPeer, b []byte) {
	if len(b) == 0 {
		return
	}
	f.w.net.Inject(simnet.Packet{From: f.w.other(p).addr, To: p.addr, Data: b})
}

// seal has p's machine receive plaintext in a genuine record of its peer.
func (f *fuzzer) seal(p *simPeer, plain []byte) {
	other := f.w.other(p)
	if other.closed || p.closed {
		return
	}
	if b, err := other.Seal(plain); err == nil {
		f.inject(p, b)
	}
}

// forgeSCTP makes a packet of arbitrary chunks with what a peer needs to know: ports, tag and
// checksum.
func (f *fuzzer) forgeSCTP(p *simPeer, chunks []byte) []byte {
	b := append([]byte(nil), f.w.other(p).lastPacket[:8]...)
	b = append(append(b, 0, 0, 0, 0), chunks...)
	binary.LittleEndian.PutUint32(b[8:], crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
	return b
}

// forgeSTUN makes a message with the right integrity and arbitrary attributes.
func (f *fuzzer) forgeSTUN(p *simPeer, arg byte, attrs []byte) []byte {
	local, remote := p.LocalParameters().ICE, f.w.other(p).LocalParameters().ICE
	class := []stun.Class{stun.Request, stun.Indication, stun.Success, stun.Error}[arg>>1&3]
	b := stun.NewBuilder(nil, class, stun.Binding, stun.TransactionID{arg})
	b.Username(local.Ufrag, remote.Ufrag)
	for len(attrs) >= 3 {
		t := stun.AttrType(binary.BigEndian.Uint16(attrs))
		n := min(int(attrs[2]), len(attrs)-3)
		b.Attr(t, attrs[3:3+n])
		attrs = attrs[3+n:]
	}
	key, err := stun.NewKey(local.Pwd)
	if err != nil {
		f.t.Fatal(err)
	}
	b.Integrity(key)
	b.Fingerprint()
	return b.Bytes()
}

// restart negotiates an ICE restart, unless one of the sessions is over.
func (f *fuzzer) restart(p *simPeer) {
	now, other := f.w.net.Now(), f.w.other(p)
	offer, err := p.CreateOffer(now, rtc.Changes{ICERestart: true})
	if err != nil {
		return
	}
	answer, err := other.AcceptOffer(now, offer.SDP())
	if err != nil {
		return
	}
	_ = p.AcceptAnswer(now, offer, answer)
}

// check looks at the limits.
func (f *fuzzer) check() {
	for _, p := range []*simPeer{f.w.l, f.w.r} {
		s := p.Stats()
		if got, limit := s.SCTP.ReceiveBufferUsed, 4<<20; got > limit {
			f.t.Fatalf("%s buffers %d bytes received", p.name, got)
		}
		if got, limit := s.SCTP.SendBufferUsed, 32<<20; got > limit {
			f.t.Fatalf("%s buffers %d bytes to be sent", p.name, got)
		}
	}
}
