package dtls

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestEachDatagramImpaired drops, doubles, delays and truncates each datagram of a handshake in
// turn, in small and large ones.
func TestEachDatagramImpaired(t *testing.T) {
	type impairment struct {
		name  string
		limit time.Duration
		apply func(test *pair, from *peer, b []byte) [][]byte
	}
	impairments := []impairment{
		{"lost", 400 * time.Millisecond, func(*pair, *peer, []byte) [][]byte { return nil }},
		{"doubled", 200 * time.Millisecond, func(_ *pair, _ *peer, b []byte) [][]byte { return [][]byte{b, b} }},
		{"swapped", 250 * time.Millisecond, func(test *pair, from *peer, b []byte) [][]byte {
			test.sendLater(from.other, b, time.Millisecond)
			return nil
		}},
		{"late", 400 * time.Millisecond, func(test *pair, from *peer, b []byte) [][]byte {
			test.sendLater(from.other, b, 120*time.Millisecond)
			return nil
		}},
		{"truncated", 400 * time.Millisecond, func(_ *pair, _ *peer, b []byte) [][]byte { return [][]byte{b[:len(b)/2]} }},
	}
	for _, v := range []Version{VersionDTLS13, VersionDTLS12} {
		for _, mtu := range []int{256, 1200} {
			for _, imp := range impairments {
				t.Run(fmt.Sprintf("%v/%d/%s", v, mtu, imp.name), func(t *testing.T) {
					for victim := 0; ; victim++ {
						test := newPair(t, pairOptions{client: only(v), config: Config{MTU: mtu, RTT: 50 * time.Millisecond, SRTPProfiles: []SRTPProfile{SRTP_AEAD_AES_128_GCM}}})
						hit, count := false, 0
						test.filter = func(from *peer, n int, b []byte) [][]byte {
							count++
							if count-1 != victim {
								return [][]byte{b}
							}
							hit = true
							return imp.apply(test, from, b)
						}
						test.connect()
						if !hit {
							break
						}
						if d := test.now.Sub(testEpoch); d > imp.limit {
							t.Errorf("datagram %d %s: connected after %v, want %v at most\n%s", victim, imp.name, d, imp.limit, test.trace.String())
						}
						test.talk()
						test.run(3 * time.Second)
						if test.client.closed || test.server.closed {
							t.Fatalf("datagram %d %s: closed: %v, %v", victim, imp.name, test.client.err, test.server.err)
						}
						for _, p := range test.peers() {
							if p.sent > 60 {
								t.Errorf("datagram %d %s: %s sent %d datagrams\n%s", victim, imp.name, p.name, p.sent, test.trace.String())
							}
						}
					}
				})
			}
		}
	}
}

// handshakeTimes returns how long handshakes take on a lossy path, in order. The
// time is that at which both sides are connected.
func handshakeTimes(t testing.TB, n int, o pairOptions, loss float64) []time.Duration {
	times := make([]time.Duration, 0, n)
	for seed := range n {
		o.seed = uint64(seed)
		test := newPair(t, o)
		draw := rand.New(seeded(uint64(seed) + 1<<32))
		test.filter = func(_ *peer, _ int, b []byte) [][]byte {
			if draw.Float64() < loss {
				return nil
			}
			return [][]byte{b}
		}
		test.connect()
		times = append(times, test.now.Sub(testEpoch))
	}
	slices.Sort(times)
	return times
}

func TestHandshakeUnderLoss(t *testing.T) {
	for _, tt := range []struct {
		version Version
		hint    bool
	}{
		{VersionDTLS13, true}, {VersionDTLS13, false}, {VersionDTLS12, true}, {VersionDTLS12, false},
	} {
		t.Run(fmt.Sprintf("%v/hint=%v", tt.version, tt.hint), func(t *testing.T) {
			o := pairOptions{delay: 25 * time.Millisecond, client: only(tt.version)}
			if tt.hint {
				o.config.RTT = 50 * time.Millisecond
			}
			times := handshakeTimes(t, 200, o, 0.1)
			t.Logf("p50 %v, p90 %v, max %v", times[100], times[180], times[199])
			if p90 := times[180]; p90 > 600*time.Millisecond {
				t.Errorf("the 90th percentile is %v, want 600 ms at most", p90)
			}
		})
	}
}

// TestHeavyLoss: half of all datagrams are lost, in pieces of 256 bytes.
func TestHeavyLoss(t *testing.T) {
	for _, v := range []Version{VersionDTLS13, VersionDTLS12} {
		times := handshakeTimes(t, 30, pairOptions{client: only(v), config: Config{MTU: 600}}, 0.3)
		t.Logf("%v: p50 %v, max %v", v, times[15], times[29])
	}
}
