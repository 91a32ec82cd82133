package interop

import (
	"fmt"
	"strings"
	"sync"

	"github.com/pion/rtcp"

	"github.com/sansrtc/rtc/srtp"
)

// rtcpTap is a srtp.Factory that counts the RTCP packets of a session, as Pion reads them.
type rtcpTap struct {
	factory srtp.Factory // if nil, that of package srtp

	mu             sync.Mutex
	profile        srtp.Profile
	sent, received map[string]int
	unreadable     []error
}

type tappedProtection struct {
	srtp.Protection
	tap *rtcpTap
}

func (p *rtcpTap) protect(profile srtp.Profile, keys srtp.Keys) (srtp.Protection, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent, p.received, p.profile = map[string]int{}, map[string]int{}, profile
	factory := p.factory
	if factory == nil {
		factory = func(profile srtp.Profile, keys srtp.Keys) (srtp.Protection, error) {
			return srtp.NewSession(profile, keys)
		}
	}
	inner, err := factory(profile, keys)
	return tappedProtection{inner, p}, err
}

func (p tappedProtection) AppendEncryptRTCP(dst, packet []byte) ([]byte, error) {
	p.tap.count(p.tap.sent, packet)
	return p.Protection.AppendEncryptRTCP(dst, packet)
}

func (p tappedProtection) AppendDecryptRTCP(dst, packet []byte) ([]byte, error) {
	out, err := p.Protection.AppendDecryptRTCP(dst, packet)
	if err == nil {
		p.tap.count(p.tap.received, out[len(dst):])
	}
	return out, err
}

func (p *rtcpTap) count(counts map[string]int, b []byte) {
	packets, err := rtcp.Unmarshal(b)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.unreadable = append(p.unreadable, fmt.Errorf("%x: %w", b, err))
	}
	for _, packet := range packets {
		counts[rtcpName(packet)]++
	}
}

// got returns how many packets of a type have come.
func (p *rtcpTap) got(name string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.received[name]
}

func rtcpName(p rtcp.Packet) string { return strings.TrimPrefix(fmt.Sprintf("%T", p), "*rtcp.") }
