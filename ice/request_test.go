package ice

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/sansrtc/rtc/stun"
	"github.com/stretchr/testify/require"
)

func TestTriggeredCheck(t *testing.T) {
	p := newPeer(t, Config{})
	p.wantIdle("nothing is known of the peer")
	p.request(nil)
	require.True(t, p.agent.Requested(p.path))
	require.False(t, p.agent.Validated(p.path), "a request does not validate")
	m := p.want("the answer comes first")
	require.Equal(t, stun.Success, m.Class())
	require.True(t, p.agentKey.Verify(m))
	mapped, ok := m.XORMappedAddress()
	require.True(t, ok)
	require.Equal(t, p.path.Remote, mapped)
	check := p.wantCheck("then a triggered check, at once")
	require.True(t, has(check, stun.AttrICEControlled))
	require.False(t, has(check, stun.AttrUseCandidate), "only the controlling side nominates")
	p.wantIdle("that is all")
	p.answer(check)
	require.True(t, p.agent.Validated(p.path))
	require.False(t, p.agent.Requested(p.path))
	path, ok := p.agent.SendPath()
	require.True(t, ok, "the best valid pair carries data before nomination")
	require.Equal(t, p.path, path)
	pairs := p.agent.AppendPairs(nil)
	require.Len(t, pairs, 1)
	require.Equal(t, PeerReflexive, pairs[0].Remote.Type)
	require.False(t, pairs[0].Nominated)
	p.nominate()
	pairs = p.agent.AppendPairs(nil)
	require.True(t, pairs[0].Nominated && pairs[0].Selected)
}

// Chromium's checks: GOOG-NETWORK-INFO is comprehension-optional, nomination comes
// with the first one and most later ones, at 0, 60, 120 and 180 ms.
func TestChromiumChecks(t *testing.T) {
	p := newPeer(t, Config{})
	for range 4 {
		p.request(func(b *stun.Builder) {
			b.Attr(stun.AttrGoogNetworkInfo, []byte{0, 1, 3, 0xE7})
			b.Uint64(stun.AttrICEControlling, 5)
			b.Attr(stun.AttrUseCandidate, nil)
			b.Uint32(stun.AttrPriority, 1853824767)
		})
		require.Equal(t, stun.Success, p.want("answer").Class())
		if b, _, ok := p.agent.AppendPacket(p.now, nil); ok {
			m, err := stun.Parse(b)
			require.NoError(t, err)
			p.answer(m)
		}
		p.advance(60 * ms)
	}
	require.True(t, p.agent.AppendPairs(nil)[0].Selected)
	require.EqualValues(t, 4, p.agent.Stats().RequestsReceived)
}

// Only the controlling side nominates: USE-CANDIDATE from the other changes nothing.
func TestUseCandidateFromControlled(t *testing.T) {
	p := newPeer(t, Config{Controlling: true})
	p.request(func(b *stun.Builder) {
		b.Uint64(stun.AttrICEControlled, 5)
		b.Attr(stun.AttrUseCandidate, nil)
		b.Uint32(stun.AttrPriority, 1)
	})
	p.want("answer")
	require.False(t, p.agent.cur.pairs[0].peerNominated)
}

func TestUnknownRequiredAttribute(t *testing.T) {
	p := newPeer(t, Config{})
	p.request(func(b *stun.Builder) {
		b.Attr(0x7FFE, []byte("?"))
		b.Uint64(stun.AttrICEControlling, 5)
		b.Uint32(stun.AttrPriority, 1)
		b.Attr(0x7FFD, nil)
	})
	m := p.want("an answer")
	require.Equal(t, 420, p.errorCode(m))
	value, _ := m.Attr(stun.AttrUnknownAttributes)
	require.Equal(t, []byte{0x7F, 0xFE, 0x7F, 0xFD}, value)
	require.True(t, p.agentKey.Verify(m))
	require.False(t, p.agent.Requested(p.path))
}

// What is not authenticated changes a counter and nothing else.
func TestNoiseChangesNothing(t *testing.T) {
	for _, test := range []struct {
		name string
		want DropReason
		send func(p *peer)
	}{
		{"no integrity", DropIntegrity, func(p *peer) {
			b := stun.NewBuilder(nil, stun.Request, stun.Binding, p.id())
			b.Username(p.agent.LocalCredentials().Ufrag, "peer")
			b.Uint64(stun.AttrICEControlling, 5)
			b.Attr(stun.AttrUseCandidate, nil)
			b.Uint32(stun.AttrPriority, 1)
			b.Fingerprint()
			p.agent.HandlePacket(p.now, p.path, b.Bytes())
		}},
		{"wrong password", DropIntegrity, func(p *peer) {
			p.agent.HandlePacket(p.now, p.path, buildCheck(p.t, p.agent.LocalCredentials().Ufrag, peerPwd, nil))
		}},
		{"wrong ufrag", DropUsername, func(p *peer) {
			p.agent.HandlePacket(p.now, p.path, buildCheck(p.t, "wrong", p.agent.LocalCredentials().Pwd, nil))
		}},
		{"wrong fingerprint", DropFingerprint, func(p *peer) {
			b := buildCheck(p.t, p.agent.LocalCredentials().Ufrag, p.agent.LocalCredentials().Pwd, nil)
			b[len(b)-1]++
			p.agent.HandlePacket(p.now, p.path, b)
		}},
		{"other method", DropMethod, func(p *peer) {
			b := stun.NewBuilder(nil, stun.Request, 3, p.id())
			p.agent.HandlePacket(p.now, p.path, b.Bytes())
		}},
		{"no STUN", DropMalformed, func(p *peer) { p.agent.HandlePacket(p.now, p.path, []byte("hello")) }},
		{"unknown local address", DropUnknownLocal, func(p *peer) {
			p.path.Local = addr("10.0.0.1:1001")
			p.request(nil)
		}},
		{"no priority", DropAttributes, func(p *peer) {
			p.request(func(b *stun.Builder) { b.Uint64(stun.AttrICEControlling, 5) })
		}},
		{"short priority", DropAttributes, func(p *peer) {
			p.request(func(b *stun.Builder) {
				b.Uint64(stun.AttrICEControlling, 5)
				b.Attr(stun.AttrPriority, []byte{1})
			})
		}},
		{"no role", DropAttributes, func(p *peer) {
			p.request(func(b *stun.Builder) { b.Uint32(stun.AttrPriority, 5) })
		}},
		{"response to nothing", DropUnknownTransaction, func(p *peer) {
			p.answerWith(p.path, p.id(), p.key, stun.Success)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPeer(t, Config{})
			test.send(p)
			p.wantIdle("silence is the answer")
			require.Equal(t, uint64(1), p.agent.Stats().Dropped[test.want], "%v", p.agent.Stats())
			require.Empty(t, p.agent.cur.pairs)
			require.Empty(t, p.agent.cur.remotes)
			require.Equal(t, StateChecking, p.agent.State())
		})
	}
}

// A response counts only from where the check went, with its id and the password.
func TestForgedResponses(t *testing.T) {
	p := newPeer(t, Config{Controlling: true})
	require.NoError(t, p.agent.AddRemoteCandidate(p.now, host("10.0.0.2:2000")))
	require.NoError(t, p.agent.AddLocalCandidate(p.now, host("10.0.0.1:1001")))
	check := p.wantCheck("first check, at once")
	require.True(t, has(check, stun.AttrUseCandidate), "nomination comes with the first check")
	id := check.TransactionID()
	wrong, err := stun.NewKey("not the password of the peer")
	require.NoError(t, err)
	elsewhere, otherBase := p.path, p.path
	elsewhere.Remote = addr("10.0.0.2:2001")
	otherBase.Local = addr("10.0.0.1:1001")

	p.answerWith(p.path, id, wrong, stun.Success)
	p.answerWith(p.path, id, p.agentKey, stun.Success) // reflected
	p.answerWith(p.path, p.id(), p.key, stun.Success)
	p.answerWith(elsewhere, id, p.key, stun.Success)
	p.answerWith(otherBase, id, p.key, stun.Success)
	require.Zero(t, p.agent.Stats().ResponsesReceived)
	_, ok := p.agent.SendPath()
	require.False(t, ok)

	p.answerWith(p.path, id, p.key, stun.Success)
	require.True(t, p.agent.Validated(p.path))
	require.True(t, p.agent.AppendPairs(nil)[0].Selected)
	p.answerWith(p.path, id, p.key, stun.Success)
	require.EqualValues(t, 1, p.agent.Stats().ResponsesReceived, "a response counts once")
}

// Every prefix and every corrupted byte of a request and of a response change nothing
// but counters.
func TestDamagedPackets(t *testing.T) {
	p := newPeer(t, Config{Controlling: true})
	require.NoError(t, p.agent.AddRemoteCandidate(p.now, host("10.0.0.2:2000")))
	check := p.wantCheck("first check")
	response := stun.NewBuilder(nil, stun.Success, stun.Binding, check.TransactionID())
	response.XORMappedAddress(p.path.Local)
	response.Integrity(p.key)
	response.Fingerprint()
	creds := p.agent.LocalCredentials()
	for _, packet := range [][]byte{response.Bytes(), buildCheck(t, creds.Ufrag, creds.Pwd, nil)} {
		before := fmt.Sprintf("%+v", p.agent.AppendPairs(nil))
		for i := range packet {
			p.agent.HandlePacket(p.now, p.path, packet[:i])
			// The type of the FINGERPRINT is left alone: changed, it is an attribute
			// after the integrity, which is passed over, and the rest is authentic.
			if i == len(packet)-8 || i == len(packet)-7 {
				continue
			}
			for _, flip := range []byte{1, 0x80, 0xFF} {
				bad := slices.Clone(packet)
				bad[i] ^= flip
				p.agent.HandlePacket(p.now, p.path, bad)
				// The same with a fingerprint that is right: only the integrity helps.
				binary.BigEndian.PutUint32(bad[len(bad)-4:], crc32.ChecksumIEEE(bad[:len(bad)-8])^0x5354554e)
				if i < len(packet)-8 {
					p.agent.HandlePacket(p.now, p.path, bad)
				}
			}
		}
		require.Equal(t, before, fmt.Sprintf("%+v", p.agent.AppendPairs(nil)))
		require.Zero(t, p.agent.Stats().ResponsesReceived+p.agent.Stats().RequestsReceived)
		p.wantIdle("nothing is owed")
	}
}

// Requests that come before the answer are answered, remembered, and checked as soon
// as the peer's credentials are there.
func TestRequestsBeforeCredentials(t *testing.T) {
	w := newWorld(t, 1)
	l, r := w.pair()
	w.introduce(l, r)
	w.run(300 * ms)
	require.Positive(t, l.agent.Stats().ResponsesSent)
	require.True(t, r.agent.Validated(Path{Local: addr("10.0.0.2:2000"), Remote: addr("10.0.0.1:1000")}),
		"the answerer is through before the answer is")
	require.Equal(t, StateNew, l.agent.State())
	require.True(t, l.agent.Requested(Path{Local: addr("10.0.0.1:1000"), Remote: addr("10.0.0.2:2000")}))
	w.connect(l, r)
	require.Equal(t, 350*ms, w.since(), "one round trip later")
	pairs := l.agent.AppendPairs(nil)
	require.Len(t, pairs, 1)
	require.Equal(t, Host, pairs[0].Remote.Type, "the signalled candidate replaces the peer-reflexive one")
}

func TestRepeatedRequestIsAnsweredOnce(t *testing.T) {
	p := newPeer(t, Config{})
	creds := p.agent.LocalCredentials()
	b := buildCheck(t, creds.Ufrag, creds.Pwd, func(b *stun.Builder) {
		b.Uint64(stun.AttrICEControlling, 5)
		b.Uint32(stun.AttrPriority, 1)
	})
	for range 10 {
		p.agent.HandlePacket(p.now, p.path, b)
	}
	require.Equal(t, stun.Success, p.want("one answer").Class())
	p.wantCheck("one check")
	p.wantIdle("no more")
}

// Answers owed are bounded, however many requests come between two drains.
func TestRequestFloodWithoutDrain(t *testing.T) {
	p := newPeer(t, Config{})
	for i := range 10000 {
		p.path.Remote = netip.AddrPortFrom(netip.MustParseAddr("10.0.0.2"), uint16(1000+i))
		p.request(func(b *stun.Builder) {
			b.Uint64(stun.AttrICEControlling, uint64(i))
			b.Uint32(stun.AttrPriority, 1)
		})
	}
	checkInvariants(t, p.agent)
	n := 0
	for ; ; n++ {
		if _, _, ok := p.agent.AppendPacket(p.now, nil); !ok {
			break
		}
	}
	require.LessOrEqual(t, n, maxResponses+1)
	require.Equal(t, 32, p.agent.cur.peerReflexive())
	require.Len(t, p.agent.cur.pairs, 32)
	checks := 0
	for range 600 { // one minute
		p.advance(100 * ms)
		for {
			if _, _, ok := p.agent.AppendPacket(p.now, nil); !ok {
				break
			}
			checks++
		}
	}
	require.LessOrEqual(t, checks, 1000, "checks to addresses that never answer")
	require.Equal(t, StateFailed, p.agent.State())
}

// 10,000 candidates, as a hostile description may have, are neither stored nor
// checked.
func TestCandidateFlood(t *testing.T) {
	p := newPeer(t, Config{Controlling: true})
	refused := 0
	for i := range 10000 {
		a := netip.AddrPortFrom(netip.AddrFrom4([4]byte{11, 0, byte(i >> 8), byte(i)}), 4000)
		if err := p.agent.AddRemoteCandidate(p.now, Candidate{Addr: a, Priority: uint32(i)}); err != nil {
			require.ErrorIs(t, err, ErrTooManyCandidates)
			refused++
		}
	}
	for range 1000 {
		err := p.agent.AddRemoteCandidate(p.now, Candidate{Hostname: "a.local", Port: 9})
		require.ErrorIs(t, err, ErrTooManyCandidates)
	}
	require.Equal(t, 9900, refused)
	checkInvariants(t, p.agent)
	checks := map[netip.AddrPort]int{}
	total := 0
	for range 1200 { // a minute, in steps of Ta
		n := 0
		for {
			_, path, ok := p.agent.AppendPacket(p.now, nil)
			if !ok {
				break
			}
			checks[path.Remote]++
			total++
			n++
		}
		require.LessOrEqual(t, n, 2, "two lanes, one check per Ta each")
		p.advance(50 * ms)
	}
	require.Len(t, checks, 100)
	require.LessOrEqual(t, total, 1000)
	require.Equal(t, StateFailed, p.agent.State())
	require.Zero(t, p.agent.Deadline())
	p.advance(time.Hour)
	p.wantIdle("a failed agent is silent")
}

// The search ends after MaxChecks; the peer's own requests are still worth a check.
func TestMaxChecks(t *testing.T) {
	p := newPeer(t, Config{Controlling: true, MaxChecks: 3})
	require.NoError(t, p.agent.AddRemoteCandidate(p.now, host("10.0.0.2:2000")))
	require.NoError(t, p.agent.AddRemoteCandidate(p.now, host("10.0.0.2:2000")), "known")
	for range 3 {
		p.wantCheck("within the limit")
		p.advance(100 * ms)
	}
	p.advance(10 * time.Second)
	p.wantIdle("limit reached")
	p.advance(30 * time.Second)
	require.Equal(t, StateFailed, p.agent.State())
	p.request(nil)
	require.Equal(t, stun.Success, p.want("answer").Class())
	p.answer(p.wantCheck("one check for one request"))
	require.Equal(t, StateConnected, p.agent.State())
}

// Checks of a pair get rare with time. The peer's first request makes them quick again,
// for then they are likely to pass.
func TestRequestRestartsRepetitions(t *testing.T) {
	p := newPeer(t, Config{Controlling: true})
	require.NoError(t, p.agent.AddRemoteCandidate(p.now, host("10.0.0.2:2000")))
	var sent []time.Duration
	start := p.now
	for p.now.Sub(start) < 10*time.Second {
		if _, _, ok := p.agent.AppendPacket(p.now, nil); ok {
			sent = append(sent, p.now.Sub(start))
		}
		p.advance(10 * ms)
	}
	require.Equal(t, []time.Duration{0, 100 * ms, 200 * ms, 300 * ms, 500 * ms, 900 * ms, 1700 * ms,
		3300 * ms, 4900 * ms, 6500 * ms, 8100 * ms, 9700 * ms}, sent)
	p.request(nil)
	p.want("answer")
	p.wantCheck("at once")
	p.advance(100 * ms)
	p.wantCheck("and again soon")
}
