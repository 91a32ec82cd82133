package sctp

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// peerTest plays the peer of an association by hand: packets in, packets and
// events out. It fails on any effect that was not asked for. Our first TSN is
// 100, the peer's 200.
type peerTest struct {
	*testing.T
	a   *Association
	now time.Time
	tag uint32 // the peer's
	buf []byte
}

const (
	ourTSN   = 100
	theirTSN = 200
)

func newPeer(t *testing.T, cfg ...Config) *peerTest {
	t.Helper()
	c := Config{}
	if len(cfg) > 0 {
		c = cfg[0]
	}
	if c.Rand == nil {
		c.Rand = seeded(7)
	}
	if c.HeartbeatInterval == 0 {
		c.HeartbeatInterval = -1
	}
	a, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	a.initialTSN = ourTSN
	a.resetState()
	return &peerTest{T: t, a: a, now: epoch, tag: 0xBEEF}
}

// newConnected returns one whose association is established, by our INIT.
func newConnected(t *testing.T, cfg ...Config) *peerTest {
	t.Helper()
	test := newPeer(t, cfg...)
	test.connect()
	return test
}

func (test *peerTest) connect() {
	test.Helper()
	test.a.Connect(test.now)
	test.want("Connect owes an INIT", "INIT tsn=100")
	test.recv(test.initAck("cookie"))
	test.want("the cookie comes back", "COOKIE_ECHO cookie")
	test.recv(rawChunk(chunkCookieAck, 0, nil))
	test.wantEvent("COOKIE ACK connects", "Connected")
	test.wantIdle("nothing more is owed")
}

// advance lets time pass, with all the timeouts on the way.
func (test *peerTest) advance(d time.Duration) {
	end := test.now.Add(d)
	for {
		at := test.a.Deadline()
		if at.IsZero() || at.After(end) {
			break
		}
		if at.After(test.now) {
			test.now = at
		}
		test.a.HandleTimeout(test.now)
		if !test.a.Deadline().After(test.now) && !test.a.Deadline().IsZero() {
			return // something is owed first
		}
		if test.a.timers.all() != ([10]instant{}) && test.owes() {
			test.now = end
			return
		}
	}
	test.now = end
	test.a.HandleTimeout(test.now)
}

// owes reports whether a packet is owed, on a copy of what says so.
func (test *peerTest) owes() bool {
	a := test.a
	return a.sackNow || a.hs.initOwed || a.hs.cookieEchoOwed || a.heartbeatOwed || a.reset.owed || a.shutdownOwed ||
		a.shutdownAckOwed || a.loss.probeOwed || a.sent.lost.n > 0 || a.sent.forwardOwed
}

// advanceToTimer goes to the next deadline.
func (test *peerTest) advanceToTimer() {
	test.Helper()
	at := test.a.Deadline()
	if at.IsZero() {
		test.Fatal("no timer is armed")
	}
	test.now = at
	test.a.HandleTimeout(test.now)
}

// packet builds a packet of the peer.
func (test *peerTest) packet(tag uint32, chunks ...[]byte) []byte {
	b := appendHeader(nil, 5000, 5000, tag)
	for _, c := range chunks {
		b = append(b, c...)
	}
	sealPacket(b, 0)
	return b
}

// recv hands the association a packet with the right tag.
func (test *peerTest) recv(chunks ...[]byte) {
	test.a.HandlePacket(test.now, test.packet(test.a.tag, chunks...))
}

func (test *peerTest) next() (string, bool) {
	b, ok := test.a.AppendPacket(test.now, test.buf[:0])
	if !ok {
		return "", false
	}
	test.buf = b
	if got := binary.LittleEndian.Uint32(b[8:]); got != checksum(b) {
		test.Fatalf("checksum %#x, want %#x", got, checksum(b))
	}
	checkInvariants(test, test.a)
	return describe(b), true
}

// want takes the next packet and compares its description.
func (test *peerTest) want(why string, want ...string) {
	test.Helper()
	got, ok := test.next()
	if !ok {
		test.Fatalf("%s: no packet, want %q", why, strings.Join(want, "; "))
	}
	if w := strings.Join(want, "; "); got != w {
		test.Fatalf("%s:\n got %s\nwant %s", why, got, w)
	}
}

// wantIdle checks that no packet and no event is there.
func (test *peerTest) wantIdle(why string) {
	test.Helper()
	if ev, ok := test.a.NextEvent(); ok {
		test.Fatalf("%s: unexpected event %s", why, describeEvent(ev))
	}
	if got, ok := test.next(); ok {
		test.Fatalf("%s: unexpected packet %s", why, got)
	}
	checkInvariants(test, test.a)
	if d := test.a.Deadline(); !d.IsZero() && !d.After(test.now) {
		test.Fatalf("%s: deadline is not in the future", why)
	}
}

func (test *peerTest) wantEvent(why, want string) {
	test.Helper()
	ev, ok := test.a.NextEvent()
	if !ok {
		test.Fatalf("%s: no event, want %s", why, want)
	}
	if got := describeEvent(ev); got != want {
		test.Fatalf("%s: got event %s, want %s", why, got, want)
	}
}

// wantDropped hands over a packet that must have no effect but on one
// counter.
func (test *peerTest) wantDropped(why string, counter func(*Stats) uint64, packet []byte) {
	test.Helper()
	before := test.a.Stats()
	test.a.HandlePacket(test.now, packet)
	after := test.a.Stats()
	if counter(&after) <= counter(&before) {
		test.Fatalf("%s: not counted", why)
	}
	test.wantIdle(why)
}

// discard takes whatever is owed.
func (test *peerTest) discard() {
	for {
		if _, ok := test.next(); !ok {
			return
		}
	}
}

func describeEvent(ev Event) string {
	s := ev.Kind.String()
	if ev.ID != 0 {
		s += fmt.Sprintf(" %d", ev.ID)
	}
	switch ev.Kind {
	case EventMessage:
		if len(ev.Data) > 40 {
			s += fmt.Sprintf(" %d bytes", len(ev.Data))
		} else {
			s += fmt.Sprintf(" %q", ev.Data)
		}
		if ev.Binary {
			s += " binary"
		}
	case EventChannelOpened:
		s += fmt.Sprintf(" stream=%d", ev.Config.StreamID)
		if ev.Remote {
			s += fmt.Sprintf(" remote %q", ev.Config.Label)
		}
	}
	if ev.Err != nil {
		s += " " + ev.Err.Error()
	}
	return s
}

// describe writes a packet as text: a second decoder, for tests only.
func describe(b []byte) string {
	u16, u32 := binary.BigEndian.Uint16, binary.BigEndian.Uint32
	var out []string
	for b = b[headerSize:]; len(b) > 0; {
		length := int(u16(b[2:]))
		v := b[4:length]
		var s string
		switch chunkType(b[0]) {
		case chunkData:
			s = fmt.Sprintf("DATA tsn=%d sid=%d ssn=%d ppid=%d", u32(v), u16(v[4:]), u16(v[6:]), u32(v[8:]))
			for i, name := range []string{"E", "B", "U", "I"} {
				if b[1]&(1<<i) != 0 {
					s += " " + name
				}
			}
			if len(v) > 60 {
				s += fmt.Sprintf(" %d bytes", len(v)-12)
			} else {
				s += fmt.Sprintf(" %q", v[12:])
			}
		case chunkInit:
			s = fmt.Sprintf("INIT tsn=%d", u32(v[12:]))
		case chunkInitAck:
			s = fmt.Sprintf("INIT_ACK tsn=%d", u32(v[12:]))
		case chunkSack:
			s = fmt.Sprintf("SACK cum=%d", u32(v))
			gaps, dups := int(u16(v[8:])), int(u16(v[10:]))
			for i := range gaps {
				s += fmt.Sprintf(" gap=%d-%d", u32(v)+uint32(u16(v[12+4*i:])), u32(v)+uint32(u16(v[14+4*i:])))
			}
			for i := range dups {
				s += fmt.Sprintf(" dup=%d", u32(v[12+4*gaps+4*i:]))
			}
		case chunkHeartbeat:
			s = "HEARTBEAT"
		case chunkHeartbeatAck:
			s = fmt.Sprintf("HEARTBEAT_ACK %q", v[4:])
		case chunkAbort:
			s = "ABORT"
			if len(v) >= 4 {
				s += fmt.Sprintf(" cause=%d", u16(v))
			}
		case chunkShutdown:
			s = fmt.Sprintf("SHUTDOWN cum=%d", u32(v))
		case chunkShutdownAck:
			s = "SHUTDOWN_ACK"
		case chunkShutdownComplete:
			s = "SHUTDOWN_COMPLETE"
		case chunkError:
			s = fmt.Sprintf("ERROR cause=%d", u16(v))
		case chunkCookieEcho:
			s = "COOKIE_ECHO"
			if len(v) < 20 {
				s += " " + string(v)
			}
		case chunkCookieAck:
			s = "COOKIE_ACK"
		case chunkForwardTSN:
			s = fmt.Sprintf("FORWARD_TSN cum=%d", u32(v))
			for v = v[4:]; len(v) > 0; v = v[4:] {
				s += fmt.Sprintf(" sid=%d:%d", u16(v), u16(v[2:]))
			}
		case chunkReconfig:
			s = "RECONFIG"
			for len(v) > 0 {
				n := int(u16(v[2:]))
				switch u16(v) {
				case paramOutgoingReset:
					s += fmt.Sprintf(" reset seq=%d last=%d", u32(v[4:]), u32(v[12:]))
					for i := 16; i < n; i += 2 {
						s += fmt.Sprintf(" sid=%d", u16(v[i:]))
					}
				case paramResetResponse:
					s += fmt.Sprintf(" response seq=%d result=%d", u32(v[4:]), u32(v[8:]))
				default:
					s += fmt.Sprintf(" param %d", u16(v))
				}
				v = v[min(padded(n), len(v)):]
			}
		default:
			s = fmt.Sprintf("chunk %d", b[0])
		}
		out = append(out, s)
		b = b[padded(length):]
	}
	return strings.Join(out, "; ")
}

// Chunks of the peer.

func rawChunk(typ chunkType, flags uint8, value []byte) []byte {
	b := appendChunkHeader(nil, typ, flags)
	b = append(b, value...)
	return endChunk(b, 0)
}

func data(tsn uint32, stream, ssn uint16, ppid uint32, flags uint8, payload string) []byte {
	v := binary.BigEndian.AppendUint32(nil, tsn)
	v = binary.BigEndian.AppendUint16(v, stream)
	v = binary.BigEndian.AppendUint16(v, ssn)
	v = binary.BigEndian.AppendUint32(v, ppid)
	return rawChunk(chunkData, flags, append(v, payload...))
}

const whole = flagBegin | flagEnd

// text is a whole ordered string message.
func text(tsn uint32, stream, ssn uint16, payload string) []byte {
	return data(tsn, stream, ssn, ppidString, whole, payload)
}

func sackChunk(cum, window uint32, blocks ...uint16) []byte {
	v := binary.BigEndian.AppendUint32(nil, cum)
	v = binary.BigEndian.AppendUint32(v, window)
	v = binary.BigEndian.AppendUint16(v, uint16(len(blocks)/2))
	v = append(v, 0, 0)
	for _, n := range blocks {
		v = binary.BigEndian.AppendUint16(v, n)
	}
	return rawChunk(chunkSack, 0, v)
}

func forwardTSN(cum uint32, streams ...uint16) []byte {
	v := binary.BigEndian.AppendUint32(nil, cum)
	for _, n := range streams {
		v = binary.BigEndian.AppendUint16(v, n)
	}
	return rawChunk(chunkForwardTSN, 0, v)
}

func resetRequest(seq, last uint32, streams ...uint16) []byte {
	v := binary.BigEndian.AppendUint32(nil, seq)
	v = binary.BigEndian.AppendUint32(v, ourTSN-1)
	v = binary.BigEndian.AppendUint32(v, last)
	for _, s := range streams {
		v = binary.BigEndian.AppendUint16(v, s)
	}
	// The chunk's length leaves out the padding of its last parameter.
	p := appendParam(nil, paramOutgoingReset, v)[:paramHeader+len(v)]
	return rawChunk(chunkReconfig, 0, p)
}

func resetResponseChunk(seq, result uint32) []byte {
	v := binary.BigEndian.AppendUint32(nil, seq)
	return rawChunk(chunkReconfig, 0, appendParam(nil, paramResetResponse, binary.BigEndian.AppendUint32(v, result)))
}

func dcepOpenMessage(cfg ChannelConfig) string { return string(appendOpen(nil, &cfg)) }

// initParams are the parameters that a browser's INIT has.
var initParams = slices.Concat(appendParam(nil, paramForwardTSN, nil), appendParam(nil, paramSupportedExt, []byte{0x82, 0xC0}))

// initValue is the value of an INIT of the peer.
func (test *peerTest) initValue(tag uint32, window uint32, out, in uint16, params []byte) []byte {
	v := binary.BigEndian.AppendUint32(nil, tag)
	v = binary.BigEndian.AppendUint32(v, window)
	v = binary.BigEndian.AppendUint16(v, out)
	v = binary.BigEndian.AppendUint16(v, in)
	v = binary.BigEndian.AppendUint32(v, theirTSN)
	return append(v, params...)
}

func (test *peerTest) initChunk() []byte {
	return rawChunk(chunkInit, 0, test.initValue(test.tag, 1<<20, 65535, 65535, initParams))
}

func (test *peerTest) initAck(cookie string) []byte {
	params := append(appendParam(nil, paramStateCookie, []byte(cookie)), initParams...)
	return rawChunk(chunkInitAck, 0, test.initValue(test.tag, 1<<20, 65535, 65535, params))
}
