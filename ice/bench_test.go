package ice

import (
	"testing"

	"github.com/sansrtc/rtc/stun"
)

// BenchmarkAnswerCheck is a check received and answered by a connected agent. What it
// cannot do without is BenchmarkFloor of package stun.
func BenchmarkAnswerCheck(b *testing.B) {
	p := newPeer(b, Config{})
	p.connect()
	creds := p.agent.LocalCredentials()
	check := buildCheck(b, creds.Ufrag, creds.Pwd, func(b *stun.Builder) {
		b.Uint64(stun.AttrICEControlling, 5)
		b.Attr(stun.AttrUseCandidate, nil)
		b.Uint32(stun.AttrPriority, 1)
	})
	buf := make([]byte, 0, 256)
	b.ReportAllocs()
	for b.Loop() {
		p.agent.HandlePacket(p.now, p.path, check)
		if _, _, ok := p.agent.AppendPacket(p.now, buf); !ok {
			b.Fatal("no answer")
		}
	}
}
