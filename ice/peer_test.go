package ice

import (
	"testing"
	"time"

	"github.com/sansrtc/rtc/stun"
	"github.com/stretchr/testify/require"
)

// A peer plays the other side of one agent by hand, packet by packet.
type peer struct {
	t        testing.TB
	now      time.Time
	agent    *Agent
	path     Path // as the agent sees it
	key      *stun.Key
	agentKey *stun.Key
	ids      byte
}

const peerPwd = "peerpasswordpeerpassword"

// newPeer makes an agent at 10.0.0.1:1000 that knows the credentials of a peer, and
// the peer, at 10.0.0.2:2000, which the agent does not know of.
func newPeer(t testing.TB, cfg Config) *peer {
	t.Helper()
	cfg.Rand = seeded(99)
	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	agent, err := New(now, cfg)
	require.NoError(t, err)
	p := &peer{t: t, now: now, agent: agent,
		path: Path{Local: addr("10.0.0.1:1000"), Remote: addr("10.0.0.2:2000")}}
	p.key, err = stun.NewKey(peerPwd)
	require.NoError(t, err)
	p.agentKey, err = stun.NewKey(agent.LocalCredentials().Pwd)
	require.NoError(t, err)
	require.NoError(t, agent.AddLocalCandidate(now, host("10.0.0.1:1000")))
	require.NoError(t, agent.SetRemoteCredentials(now, Credentials{"peer", peerPwd}, false))
	return p
}

func (p *peer) advance(d time.Duration) {
	p.now = p.now.Add(d)
	p.agent.HandleTimeout(p.now)
}

func (p *peer) id() stun.TransactionID {
	p.ids++
	return stun.TransactionID{0xEE, p.ids}
}

// request sends an authenticated check from the peer.
func (p *peer) request(attrs func(b *stun.Builder)) {
	b := stun.NewBuilder(nil, stun.Request, stun.Binding, p.id())
	b.Username(p.agent.LocalCredentials().Ufrag, "peer")
	if attrs == nil {
		role := stun.AttrICEControlling
		if p.agent.Controlling() {
			role = stun.AttrICEControlled
		}
		b.Uint64(role, 5)
		b.Uint32(stun.AttrPriority, 1)
	} else {
		attrs(&b)
	}
	b.Integrity(p.agentKey)
	b.Fingerprint()
	p.agent.HandlePacket(p.now, p.path, b.Bytes())
}

// nominate is a request with USE-CANDIDATE.
func (p *peer) nominate() {
	p.request(func(b *stun.Builder) {
		b.Uint64(stun.AttrICEControlling, 5)
		b.Attr(stun.AttrUseCandidate, nil)
		b.Uint32(stun.AttrPriority, 1)
	})
}

// want takes the next packet of the agent, which must be there.
func (p *peer) want(why string) stun.Message {
	p.t.Helper()
	b, path, ok := p.agent.AppendPacket(p.now, nil)
	require.True(p.t, ok, why)
	require.Equal(p.t, p.path, path, why)
	m, err := stun.Parse(b)
	require.NoError(p.t, err)
	return m
}

// wantCheck takes the next packet, which must be a check, and verifies it.
func (p *peer) wantCheck(why string) stun.Message {
	p.t.Helper()
	m := p.want(why)
	require.Equal(p.t, stun.Request, m.Class(), why)
	require.True(p.t, p.key.Verify(m), "check has the peer's password")
	local, remote, _ := stun.Username(m)
	require.Equal(p.t, "peer:"+p.agent.LocalCredentials().Ufrag, string(local)+":"+string(remote))
	return m
}

func (p *peer) wantIdle(why string) {
	p.t.Helper()
	b, _, ok := p.agent.AppendPacket(p.now, nil)
	require.False(p.t, ok, "%s: sent %x", why, b)
}

// answer answers a check with success.
func (p *peer) answer(m stun.Message) {
	p.answerWith(p.path, m.TransactionID(), p.key, stun.Success)
}

func (p *peer) answerWith(path Path, id stun.TransactionID, key *stun.Key, class stun.Class) {
	b := stun.NewBuilder(nil, class, stun.Binding, id)
	b.XORMappedAddress(path.Local)
	b.Integrity(key)
	b.Fingerprint()
	p.agent.HandlePacket(p.now, path, b.Bytes())
}

func (p *peer) errorCode(m stun.Message) int {
	v, ok := m.Attr(stun.AttrErrorCode)
	require.True(p.t, ok, "ERROR-CODE")
	code, _, ok := stun.Attr{Type: stun.AttrErrorCode, Value: v}.ErrorCode()
	require.True(p.t, ok)
	return code
}

// connect makes the path valid and, in a controlled agent, nominated.
func (p *peer) connect() {
	p.t.Helper()
	p.agent.EndOfRemoteCandidates(p.now)
	if p.agent.Controlling() {
		p.request(nil)
	} else {
		p.nominate()
	}
	require.Equal(p.t, stun.Success, p.want("the answer to our check").Class())
	p.answer(p.wantCheck("a triggered check"))
	require.True(p.t, p.agent.Validated(p.path))
	require.Equal(p.t, StateCompleted, p.agent.State())
}

func has(m stun.Message, t stun.AttrType) bool {
	_, ok := m.Attr(t)
	return ok
}
