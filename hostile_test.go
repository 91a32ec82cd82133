package rtc_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/dtls"
	"github.com/sansrtc/rtc/ice"
	"github.com/sansrtc/rtc/internal/simnet"
	"github.com/sansrtc/rtc/sctp"
)

// The tests of this file record a session, and then repeat it with damaged copies of its
// datagrams put in: every strict prefix of each, and each with every single byte changed, in
// front of every datagram of the session, past and future ones alike.
//
// The session repeats exactly, so that "nothing changes" means: not one byte, event or time.

// exhaustive makes TestHostileHandshake try every damage of every datagram at every point,
// which takes a minute, instead of a sample.
var exhaustive = os.Getenv("RTC_HOSTILE") == "all"

// quick makes them take a tenth of their time.
func quick() bool { return testing.Short() || rtc.RaceEnabled() }

const handshakeTimeout = 5 * time.Second

var attacker = netip.MustParseAddrPort("203.0.113.66:666")

// A capture is a datagram of the recorded session.
type capture struct {
	to       string // who received it
	from, at netip.AddrPort
	data     []byte
	index    int // among those it received
}

// session runs the session that the tests damage: connect, a message each way, goodbye. The
// hook is called when a peer is about to receive its i-th datagram.
func session(t *testing.T, version dtls.Version, hook func(p *simPeer, i int, in simnet.Packet)) *world {
	t.Helper()
	return sessionWith(t, func(cfg *rtc.Config) { cfg.MaxDTLSVersion = version }, hook)
}

func sessionWith(t *testing.T, change func(cfg *rtc.Config), hook func(p *simPeer, i int, in simnet.Packet)) *world {
	t.Helper()
	w := newWorld(t, worldConfig{
		seed: 1, link: simnet.LinkConfig{Delay: 10 * ms},
		change: func(l, r *rtc.Config) {
			for _, cfg := range []*rtc.Config{l, r} {
				cfg.HandshakeTimeout, cfg.FailedTimeout = handshakeTimeout, time.Second
				change(cfg)
			}
		},
	})
	for _, p := range []*simPeer{w.l, w.r} {
		if hook != nil {
			i := 0
			p.onReceive = func(in simnet.Packet) {
				if i < 100 { // or an answer to what the hook does would call it for ever
					hook(p, i, in)
				}
				i++
			}
		}
		p.onEvent = func(ev rtc.Event) {
			if m, ok := ev.(*rtc.ChannelMessage); ok && p == w.r {
				require.NoError(t, p.Send(w.net.Now(), m.ID, true, []byte("pong")))
			}
		}
	}
	id, err := w.l.OpenChannel(w.net.Now(), sctp.ChannelConfig{Label: "chat"})
	require.NoError(t, err)
	require.NoError(t, w.l.Send(w.net.Now(), id, false, []byte("ping")))
	w.negotiate(w.l, rtc.Changes{})
	return w
}

// finish runs the session to its end: the goodbye comes when the messages have arrived, and
// when the session does not connect it ends by itself.
func (w *world) finish() {
	w.t.Helper()
	w.net.RunUntil(20*time.Second, func() bool {
		return len(w.l.received["chat"]) > 0 || w.l.closed && w.r.closed
	})
	w.net.Run(300 * ms)
	w.l.Close(w.net.Now())
	w.until(2*time.Minute, "the end", func() bool { return w.l.closed && w.r.closed })
}

// record returns the datagrams of the undisturbed session, and its transcript.
func recordSession(t *testing.T, version dtls.Version) (captures []capture, transcript string, stats [2]rtc.Stats) {
	t.Helper()
	w := session(t, version, func(p *simPeer, i int, in simnet.Packet) {
		captures = append(captures, capture{p.name, in.From, in.To, append([]byte(nil), in.Data...), i})
	})
	rec := w.record()
	w.finish()
	require.NoError(t, w.l.err)
	require.NoError(t, w.r.err)
	require.Equal(t, []message{{false, "ping"}}, w.r.received["chat"])
	require.Equal(t, []message{{true, "pong"}}, w.l.received["chat"])
	return captures, rec.String(), [2]rtc.Stats{w.l.Stats(), w.r.Stats()}
}

// flips are what a byte is XORed with.
func flips(all bool) []byte {
	if !all {
		return []byte{0x01, 0x80, 0xff}
	}
	var flips []byte
	for v := 1; v < 256; v++ {
		flips = append(flips, byte(v))
	}
	return flips
}

// A damage is one way in which a datagram is not what was sent.
type damage struct {
	cut  int  // the length that is left, or -1
	at   int  // otherwise the byte changed
	flip byte // and what with
}

func (d damage) String() string {
	if d.cut >= 0 {
		return fmt.Sprintf("cut to %d bytes", d.cut)
	}
	return fmt.Sprintf("byte %d ^ %#02x", d.at, d.flip)
}

// apply returns the damaged datagram in buf.
func (d damage) apply(buf, data []byte) []byte {
	buf = append(buf[:0], data...)
	if d.cut >= 0 {
		return buf[:d.cut]
	}
	buf[d.at] ^= d.flip
	return buf
}

// damages calls f with every damage of a datagram of n bytes.
func damages(n int, flips []byte, f func(damage)) {
	for cut := range n {
		f(damage{cut: cut})
	}
	for at := range n {
		for _, flip := range flips {
			f(damage{cut: -1, at: at, flip: flip})
		}
	}
}

func eachVersion(t *testing.T, f func(t *testing.T, version dtls.Version)) {
	for _, version := range []dtls.Version{dtls.VersionDTLS13, dtls.VersionDTLS12} {
		t.Run(version.String(), func(t *testing.T) {
			t.Parallel()
			f(t, version)
		})
	}
}

// From an address that was not validated, nothing but a counter changes, at any point.
func TestHostileUnvalidatedAddress(t *testing.T) {
	eachVersion(t, func(t *testing.T, version dtls.Version) {
		captures, want, stats := recordSession(t, version)
		injected := map[string]uint64{}
		buf := make([]byte, 0, 2048)
		w := session(t, version, func(p *simPeer, _ int, in simnet.Packet) {
			for _, c := range captures {
				if c.to != p.name {
					continue
				}
				damages(len(c.data), flips(!quick()), func(d damage) {
					injected[p.name]++
					p.HandleInput(rtc.Input{Now: p.now, Local: c.at, Remote: attacker, Data: d.apply(buf, c.data)})
				})
			}
		})
		rec := w.record()
		before := heap()
		w.finish()
		requireSame(t, want, rec.String())
		for i, p := range []*simPeer{w.l, w.r} {
			got := p.Stats()
			require.Equal(t, withoutDrops(stats[i]), withoutDrops(got), "%s: other counters than those of drops", p.name)
			require.Equal(t, injected[p.name], dropped(got)-dropped(stats[i]), "%s: each datagram injected is counted as dropped, once", p.name)
		}
		t.Logf("%d datagrams injected at L, %d at R", injected["L"], injected["R"])
		require.Less(t, int64(heap())-int64(before), int64(256<<10), "bytes that the sessions have grown")
	})
}

// Once keys are in place the same holds for the peer's own, validated address.
func TestHostileOnceConnected(t *testing.T) {
	eachVersion(t, func(t *testing.T, version dtls.Version) {
		captures, want, stats := recordSession(t, version)
		injected := 0
		buf := make([]byte, 0, 2048)
		w := session(t, version, func(p *simPeer, i int, in simnet.Packet) {
			if p.connected == nil {
				return
			}
			for _, c := range captures {
				if c.to != p.name {
					continue
				}
				damages(len(c.data), flips(!quick()), func(d damage) {
					if c.index >= i && hasWholeRecord(c.data, d) {
						return // that is not damage, but part of what the peer has yet to send
					}
					injected++
					p.HandleInput(rtc.Input{Now: p.now, Local: c.at, Remote: c.from, Data: d.apply(buf, c.data)})
				})
			}
		})
		rec := w.record()
		before := heap()
		w.finish()
		requireSame(t, want, rec.String())
		for i, p := range []*simPeer{w.l, w.r} {
			require.Equal(t, withoutDrops(stats[i]), withoutDrops(p.Stats()), "%s: other counters than those of drops", p.name)
		}
		t.Logf("%d datagrams injected", injected)
		require.Less(t, int64(heap())-int64(before), int64(256<<10), "bytes that the sessions have grown")
	})
}

// From the validated address, before there are keys, anybody on the path can end a handshake.
// It connects with the parameters it would have had, or it ends in time, with a typed error
// and an alert that fits.
func TestHostileHandshake(t *testing.T) {
	eachVersion(t, func(t *testing.T, version dtls.Version) {
		captures, _, _ := recordSession(t, version)
		clean := session(t, version, nil)
		clean.finish()

		// Where damage can go: in front of what a peer receives until it is connected.
		points := map[string]int{}
		session(t, version, func(p *simPeer, i int, _ simnet.Packet) {
			if p.connected == nil {
				points[p.name] = i + 1
			}
		}).finish()

		stride, count, ended := 29, 0, 0
		if exhaustive {
			stride = 1
		}
		if quick() {
			stride *= 10
		}
		for _, c := range captures {
			if c.index > points[c.to] || c.data[0] < 20 || c.data[0] > 63 {
				continue // damaged STUN is the other tests' subject: it never matters
			}
			damages(len(c.data), flips(false), func(d damage) {
				for point := range points[c.to] {
					if count++; count%stride != 0 {
						continue
					}
					if !hostileHandshake(t, version, clean, c, d, point) {
						ended++
					}
				}
			})
		}
		t.Logf("%d handshakes, of which %d were ended", count/stride, ended)
		require.Positive(t, ended)
	})
}

// The hybrid group has flights of several datagrams. Its bytes do not repeat, so each datagram
// is damaged as it arrives, and put in front of itself.
func TestHostileHybridHandshake(t *testing.T) {
	hybrid := func(cfg *rtc.Config) { cfg.Groups = nil }
	var lengths []capture
	clean := sessionWith(t, hybrid, func(p *simPeer, i int, in simnet.Packet) {
		if p.connected == nil && in.Data[0] >= 20 && in.Data[0] <= 63 {
			lengths = append(lengths, capture{to: p.name, index: i, data: make([]byte, len(in.Data))})
		}
	})
	clean.finish()
	require.Equal(t, dtls.X25519MLKEM768, clean.l.connected.Group)

	stride, count, connected := 97, 0, 0
	if exhaustive {
		stride = 1
	}
	if quick() {
		stride *= 10
	}
	for _, c := range lengths {
		damages(len(c.data), flips(false), func(d damage) {
			if count++; count%stride != 0 {
				return
			}
			w := sessionWith(t, hybrid, func(p *simPeer, i int, in simnet.Packet) {
				if p.name == c.to && i == c.index && (d.cut >= 0 && d.cut <= len(in.Data) || d.cut < 0 && d.at < len(in.Data)) {
					p.HandleInput(rtc.Input{Now: p.now, Local: in.To, Remote: in.From, Data: d.apply(nil, in.Data)})
				}
			})
			if w.wantHostileOutcome(clean, fmt.Sprintf("datagram %d of %s %v", c.index, c.to, d)) {
				connected++
			}
		})
	}
	t.Logf("%d handshakes, of which %d connected", count/stride, connected)
	require.Positive(t, connected)
}

// hostileHandshake runs one session with one damaged datagram in front of the one numbered
// point, and reports whether it connected.
func hostileHandshake(t *testing.T, version dtls.Version, clean *world, c capture, d damage, point int) bool {
	t.Helper()
	w := session(t, version, func(p *simPeer, i int, in simnet.Packet) {
		if p.name == c.to && i == point {
			p.HandleInput(rtc.Input{Now: p.now, Local: c.at, Remote: c.from, Data: d.apply(nil, c.data)})
		}
	})
	return w.wantHostileOutcome(clean, fmt.Sprintf("%v, datagram %d of %s %v, before %d", version, c.index, c.to, d, point))
}

// wantHostileOutcome runs a session to one of the two outcomes that are allowed, and reports
// whether it connected.
func (w *world) wantHostileOutcome(clean *world, what string) bool {
	t := w.t
	t.Helper()
	if !w.net.RunUntil(time.Minute, func() bool {
		return len(w.l.received["chat"]) > 0 || w.l.closed && w.r.closed
	}) {
		t.Fatalf("%s: neither connected nor closed\nL: %v %v\nR: %v %v", what, w.l.log, w.l.err, w.r.log, w.r.err)
	}
	if len(w.l.received["chat"]) > 0 {
		for i, p := range []*simPeer{w.l, w.r} {
			want := []*simPeer{clean.l, clean.r}[i]
			require.Equal(t, want.connected, p.connected, "%s: parameters of %s", what, p.name)
			require.Equal(t, want.received, p.received, "%s: messages to %s", what, p.name)
		}
		return true
	}
	inTime := 0
	for _, p := range []*simPeer{w.l, w.r} {
		var alert *dtls.AlertError
		switch {
		case errors.As(p.err, &alert):
			require.Contains(t, fittingAlerts, alert.Alert, "%s: %v", what, p.err)
		case errors.Is(p.err, dtls.ErrHandshakeTimeout):
		case errors.Is(p.err, rtc.ErrICEFailed):
			continue // the other side is gone, and has not even begun the handshake
		default:
			t.Fatalf("%s: %s ended with %v", what, p.name, p.err)
		}
		inTime++
		require.LessOrEqual(t, p.closedAt, handshakeTimeout+time.Second, "%s: %s ended late with %v", what, p.name, p.err)
	}
	require.Positive(t, inTime, "%s: neither side ended with an error of the handshake: %v, %v", what, w.l.err, w.r.err)
	return false
}

// fittingAlerts are what RFC 8446 section 6.2 has for messages that are malformed, illegal,
// out of place or not the ones that were signed.
var fittingAlerts = []dtls.Alert{
	dtls.AlertUnexpectedMessage, dtls.AlertHandshakeFailure, dtls.AlertBadCertificate,
	dtls.AlertUnsupportedCertificate, dtls.AlertIllegalParameter, dtls.AlertDecodeError,
	dtls.AlertDecryptError, dtls.AlertProtocolVersion, dtls.AlertInsufficientSecurity,
	dtls.AlertMissingExtension, dtls.AlertUnsupportedExtension, dtls.AlertCertificateRequired,
}

// hasWholeRecord reports whether a record of a DTLS datagram survives the damage.
func hasWholeRecord(data []byte, d damage) bool {
	if data[0] < 20 || data[0] > 63 {
		return false
	}
	for start := 0; start < len(data); {
		end := start + recordLength(data[start:])
		if d.cut >= 0 && end <= d.cut || d.cut < 0 && (d.at < start || d.at >= end) {
			return true
		}
		start = end
	}
	return false
}

// withoutDrops clears the counters of what was received and of what was dropped.
func withoutDrops(s rtc.Stats) rtc.Stats {
	s.BytesReceived, s.DatagramsReceived = 0, 0
	s.Dropped = rtc.Drops{}
	clear(s.ICE.Dropped[:])
	d := &s.DTLS
	for _, counter := range []*uint64{
		&d.RecordsMalformed, &d.RecordsUndecryptable, &d.RecordsReplayed, &d.RecordsUnprotected,
		&d.RecordsIgnored, &d.FragmentsDropped, &d.HandshakeDuplicates,
	} {
		*counter = 0
	}
	return s
}

// dropped sums up the datagrams dropped before DTLS.
func dropped(s rtc.Stats) uint64 {
	sum := s.Dropped.Unknown + s.Dropped.Unvalidated + s.Dropped.Held + s.Dropped.Media
	for _, n := range s.ICE.Dropped {
		sum += n
	}
	return sum
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Misuse is answered with an error that says what to do, and leaves no trace.
func TestMisuse(t *testing.T) {
	newPair := func(t *testing.T) *world { return newWorld(t, worldConfig{link: simnet.LinkConfig{Delay: ms}}) }
	connected := func(t *testing.T) *world {
		w := newPair(t)
		w.connect()
		return w
	}
	closed := func(t *testing.T) *world {
		w := connected(t)
		w.l.Close(w.net.Now())
		w.net.Run(time.Second)
		return w
	}
	tests := []struct {
		name string
		make func(t *testing.T) *world
		call func(w *world) error
		want error  // by errors.Is, or
		text string // part of the message
	}{
		{"offer of nothing", newPair, func(w *world) error {
			_, err := w.l.CreateOffer(w.net.Now(), rtc.Changes{})
			return err
		}, rtc.ErrNothingToOffer, "open a channel first"},
		{"offer that is not SDP", newPair, func(w *world) error {
			_, err := w.l.AcceptOffer(w.net.Now(), "hello")
			return err
		}, nil, "rtc: "},
		{"empty offer", newPair, func(w *world) error {
			_, err := w.l.AcceptOffer(w.net.Now(), "")
			return err
		}, nil, "rtc: "},
		{"answer to a stale offer", newPair, func(w *world) error {
			old, err := w.l.CreateOffer(w.net.Now(), rtc.Changes{DataChannels: true})
			require.NoError(w.t, err)
			answer, err := w.r.AcceptOffer(w.net.Now(), old.SDP())
			require.NoError(w.t, err)
			_, err = w.l.CreateOffer(w.net.Now(), rtc.Changes{DataChannels: true})
			require.NoError(w.t, err)
			return w.l.AcceptAnswer(w.net.Now(), old, answer)
		}, rtc.ErrStaleOffer, "create a new offer"},
		{"answer without an offer", newPair, func(w *world) error {
			return w.l.AcceptAnswer(w.net.Now(), nil, "v=0")
		}, rtc.ErrStaleOffer, ""},
		{"answer that is not SDP", newPair, func(w *world) error {
			offer, err := w.l.CreateOffer(w.net.Now(), rtc.Changes{DataChannels: true})
			require.NoError(w.t, err)
			return w.l.AcceptAnswer(w.net.Now(), offer, "hello")
		}, nil, "rtc: "},
		{"start twice", newPair, func(w *world) error {
			require.NoError(w.t, w.l.Start(w.net.Now(), w.r.LocalParameters(), rtc.Role{}))
			return w.l.Start(w.net.Now(), w.r.LocalParameters(), rtc.Role{})
		}, rtc.ErrStarted, "offer and answer"},
		{"start without fingerprints", newPair, func(w *world) error {
			remote := w.r.LocalParameters()
			remote.Fingerprints = nil
			return w.l.Start(w.net.Now(), remote, rtc.Role{})
		}, nil, "fingerprints are missing"},
		{"start without credentials", newPair, func(w *world) error {
			remote := w.r.LocalParameters()
			remote.ICE = ice.Credentials{}
			return w.l.Start(w.net.Now(), remote, rtc.Role{})
		}, nil, "credentials are missing"},
		{"offer after start", newPair, func(w *world) error {
			require.NoError(w.t, w.l.Start(w.net.Now(), w.r.LocalParameters(), rtc.Role{}))
			_, err := w.l.CreateOffer(w.net.Now(), rtc.Changes{DataChannels: true})
			return err
		}, rtc.ErrDirect, ""},
		{"send without a channel", newPair, func(w *world) error {
			return w.l.Send(w.net.Now(), 7, true, nil)
		}, sctp.ErrNoChannel, ""},
		{"send on an unknown channel", connected, func(w *world) error {
			return w.l.Send(w.net.Now(), 777, true, nil)
		}, sctp.ErrNoChannel, ""},
		{"close an unknown channel", connected, func(w *world) error {
			return w.l.CloseChannel(w.net.Now(), 777)
		}, sctp.ErrNoChannel, ""},
		{"threshold of an unknown channel", connected, func(w *world) error {
			return w.l.SetBufferedAmountLowThreshold(777, 1)
		}, sctp.ErrNoChannel, ""},
		{"both kinds of partial reliability", connected, func(w *world) error {
			n, d := uint16(1), time.Second
			_, err := w.l.OpenChannel(w.net.Now(), sctp.ChannelConfig{MaxRetransmits: &n, MaxLifetime: &d})
			return err
		}, sctp.ErrChannelConfig, ""},
		{"label of 64 KiB", connected, func(w *world) error {
			_, err := w.l.OpenChannel(w.net.Now(), sctp.ChannelConfig{Label: string(make([]byte, 1<<16))})
			return err
		}, sctp.ErrChannelConfig, ""},
		{"stream agreed on twice", connected, func(w *world) error {
			cfg := sctp.ChannelConfig{Negotiated: true, StreamID: 9}
			_, err := w.l.OpenChannel(w.net.Now(), cfg)
			require.NoError(w.t, err)
			_, err = w.l.OpenChannel(w.net.Now(), cfg)
			return err
		}, sctp.ErrStreamInUse, ""},
		{"message larger than the peer takes", connected, func(w *world) error {
			l, _ := w.open(sctp.ChannelConfig{Label: "chat"})
			return w.l.Send(w.net.Now(), l, true, make([]byte, 256<<10+1))
		}, sctp.ErrMessageTooLarge, ""},
		{"more than the send buffer takes", connected, func(w *world) error {
			l, _ := w.open(sctp.ChannelConfig{Label: "chat"})
			for range 1000 {
				if err := w.l.Send(w.net.Now(), l, true, make([]byte, 256<<10)); err != nil {
					return err
				}
			}
			return nil
		}, sctp.ErrBufferFull, ""},
		{"local candidate without an address", newPair, func(w *world) error {
			return w.l.AddLocalCandidate(w.net.Now(), ice.Candidate{})
		}, ice.ErrCandidate, ""},
		{"withdrawal of an unknown candidate", newPair, func(w *world) error {
			return w.l.RemoveLocalCandidate(w.net.Now(), ice.Candidate{Addr: attacker})
		}, ice.ErrNoCandidate, ""},
		{"hostname nobody asked for", newPair, func(w *world) error {
			return w.l.ResolveRemoteCandidate(w.net.Now(), "x.local", attacker.Addr())
		}, ice.ErrHostname, ""},
		{"send after close", closed, func(w *world) error {
			return w.l.Send(w.net.Now(), 1, true, nil)
		}, rtc.ErrClosed, ""},
		{"offer after close", closed, func(w *world) error {
			_, err := w.l.CreateOffer(w.net.Now(), rtc.Changes{DataChannels: true})
			return err
		}, rtc.ErrClosed, ""},
		{"channel after close", closed, func(w *world) error {
			_, err := w.l.OpenChannel(w.net.Now(), sctp.ChannelConfig{})
			return err
		}, rtc.ErrClosed, ""},
		{"start after close", closed, func(w *world) error {
			return w.l.Start(w.net.Now(), w.r.LocalParameters(), rtc.Role{})
		}, rtc.ErrClosed, ""},
		{"candidate after close", closed, func(w *world) error {
			return w.l.AddLocalCandidate(w.net.Now(), ice.Candidate{Addr: attacker})
		}, rtc.ErrClosed, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := test.call(test.make(t))
			require.Error(t, err)
			if test.want != nil {
				require.ErrorIs(t, err, test.want)
			}
			require.ErrorContains(t, err, test.text)
		})
	}
}

// A configuration that cannot be is refused by New.
func TestBadConfig(t *testing.T) {
	for _, cfg := range []rtc.Config{
		{MTU: 575}, {MTU: 70_000}, {MTU: -1},
		{MaxMessageSize: -1}, {SendBuffer: -1}, {ReceiveBuffer: -1}, {MaxChannels: -1},
		{HandshakeTimeout: -1},
		{MinDTLSVersion: dtls.VersionDTLS13, MaxDTLSVersion: dtls.VersionDTLS12},
	} {
		_, err := rtc.New(simnet.Epoch, cfg)
		require.ErrorContains(t, err, "rtc: Config", "%+v", cfg)
	}
}

// Calls that make no sense after the end, or before the beginning, are harmless.
func TestHarmless(t *testing.T) {
	w := newWorld(t, worldConfig{link: simnet.LinkConfig{Delay: ms}})
	now := w.net.Now()
	w.l.HandleInput(rtc.Input{})
	w.l.HandleInput(rtc.Input{Now: now.Add(-time.Hour)})
	w.l.HandleInput(rtc.Input{Now: now, Data: []byte{}})
	w.l.HandleInput(rtc.Input{Now: now, Data: []byte{22}})
	w.l.EndOfRemoteCandidates(now)
	require.Zero(t, w.l.BufferedAmount(1))
	require.NotPanics(t, func() { w.l.Stats() })
	w.connect()
	w.l.Close(now)
	w.l.Close(now)
	w.net.Run(time.Second)
	require.True(t, w.l.closed && w.r.closed)
	w.l.HandleInput(rtc.Input{Now: w.net.Now(), Local: w.l.addr, Remote: w.r.addr, Data: []byte{22, 0xfe, 0xfd}})
	w.l.EndOfRemoteCandidates(w.net.Now())
	require.Equal(t, rtc.OutputClosed, w.l.PollOutput().Kind)
	require.Equal(t, rtc.OutputClosed, w.l.PollOutput().Kind, "and again")
}
