package ice

import (
	"net/netip"
	"testing"
	"time"

	"github.com/sansrtc/rtc/stun"
)

// FuzzHandlePacket gives any bytes to a connected agent, as they are and signed with
// the right keys. Whatever comes, the agent keeps its invariants, its path, and its
// silence towards what is not authentic.
func FuzzHandlePacket(f *testing.F) {
	creds := Credentials{"fuzz", "fuzzfuzzfuzzfuzzfuzzfuzz"}
	f.Add(uint8(0), buildCheck(f, creds.Ufrag, creds.Pwd, nil))
	f.Add(uint8(7), buildCheck(f, creds.Ufrag, creds.Pwd, func(b *stun.Builder) {
		b.Uint64(stun.AttrICEControlling, 1<<63)
		b.Attr(stun.AttrUseCandidate, nil)
		b.Uint32(stun.AttrPriority, 1)
	}))
	f.Add(uint8(1), []byte{1, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
	f.Fuzz(func(t *testing.T, how uint8, b []byte) {
		p := newPeer(t, Config{Controlling: how&8 != 0, Lite: how&16 != 0, Credentials: creds})
		if how&16 == 0 {
			p.connect()
		} else {
			p.nominate()
			p.want("answer")
		}
		p.advance(6 * time.Second)
		check, _, _ := p.agent.AppendPacket(p.now, nil)
		path := p.path
		if how&1 != 0 {
			path.Remote = netip.AddrPortFrom(path.Remote.Addr(), uint16(how)+1)
		}
		p.agent.HandlePacket(p.now, path, b)
		if m, err := stun.Parse(b); err == nil && how&2 != 0 {
			p.agent.HandlePacket(p.now, path, resign(p, m, check))
		}
		p.advance(time.Second)
		for i := 0; ; i++ {
			if _, _, ok := p.agent.AppendPacket(p.now, nil); !ok {
				break
			}
			if i > 4 {
				t.Fatal("more packets than one input can cause")
			}
		}
		if d := p.agent.Deadline(); !d.After(p.now) {
			t.Fatalf("deadline %v is not after %v", d, p.now)
		}
		checkInvariants(t, p.agent)
		if !p.agent.Validated(p.path) {
			t.Fatal("the path is lost")
		}
	})
}

// resign builds a message like m with an integrity that is right, and for responses
// the id of the check under way.
func resign(p *peer, m stun.Message, check []byte) []byte {
	id, key := m.TransactionID(), p.agentKey
	if m.Class() == stun.Success || m.Class() == stun.Error {
		key = p.key
		if len(check) > 0 {
			id = stun.Message(check).TransactionID()
		}
	}
	b := stun.NewBuilder(nil, m.Class(), m.Method(), id)
	for attrs := m.Attrs(); ; {
		attr, ok := attrs.Next()
		if !ok || attr.Type == stun.AttrMessageIntegrity || attr.Type == stun.AttrFingerprint {
			break
		}
		b.Attr(attr.Type, attr.Value)
	}
	b.Integrity(key)
	b.Fingerprint()
	return b.Bytes()
}

// FuzzCalls decodes bytes to calls of every method, in any order and at any time.
func FuzzCalls(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})
	f.Add([]byte{3, 0, 1, 6, 8, 8, 8, 14, 200, 9, 9, 7, 3, 8, 8})
	f.Fuzz(func(t *testing.T, ops []byte) {
		if len(ops) > 300 {
			return
		}
		w := newWorld(t, 1)
		l := w.add("L", Config{Controlling: true, MaxPairs: 5, MaxRemoteCandidates: 6, MaxPeerReflexive: 3}, "10.0.0.1:1000")
		r := w.add("R", Config{MaxLocalCandidates: 4}, "10.0.0.2:2000")
		for i, op := range ops {
			n, other := l, r
			if op&16 != 0 {
				n, other = r, l
			}
			arg := byte(i)
			if i+1 < len(ops) {
				arg = ops[i+1]
			}
			where := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, arg % 8}), 1000*uint16(arg%3))
			path, _ := n.agent.SendPath()
			switch op & 15 {
			case 0:
				_ = n.agent.SetRemoteCredentials(w.now, other.agent.LocalCredentials(), false)
			case 1:
				_ = n.agent.AddRemoteCandidate(w.now, Candidate{Addr: where, Priority: uint32(arg)})
			case 2:
				_ = n.agent.AddLocalCandidate(w.now, Candidate{Addr: where, Type: CandidateType(arg % 4)})
			case 3:
				_ = n.agent.RemoveLocalCandidate(w.now, Candidate{Addr: where})
			case 4:
				_ = n.agent.AddRemoteCandidate(w.now, Candidate{Hostname: "a.local", Port: uint16(arg)})
			case 5:
				_ = n.agent.ResolveRemoteCandidate(w.now, "a.local", where.Addr())
			case 6:
				n.agent.EndOfRemoteCandidates(w.now)
			case 7:
				_ = n.agent.Restart(w.now, Credentials{})
			case 8:
				n.agent.SetControlling(w.now, arg&1 != 0)
			case 9:
				n.agent.NoteData(w.now, path)
			case 10:
				w.run(time.Duration(arg) * ms)
			case 11:
				w.run(time.Duration(arg) * time.Second / 4)
			case 12:
				n.agent.HandleTimeout(w.now.Add(-time.Duration(arg) * time.Second))
			case 13:
				w.loss = float64(arg) / 255
			case 14:
				if arg > 250 {
					n.agent.Close(w.now)
				}
			case 15:
				n.agent.NextEvent()
			}
			checkInvariants(t, n.agent)
		}
		w.run(time.Second)
	})
}
