package rtc_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/ice"
	"github.com/sansrtc/rtc/internal/simnet"
)

// What is dropped is counted, once, under its reason.
func TestDropsByReason(t *testing.T) {
	stun := append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 12)...)
	tests := []struct {
		name string
		from func(w *world) rtc.Input
		want func(s *rtc.Stats)
	}{
		{"empty", atAttacker(), func(s *rtc.Stats) { s.Dropped.Unknown++ }},
		{"ZRTP", atAttacker(16, 0, 0), func(s *rtc.Stats) { s.Dropped.Unknown++ }},
		{"TURN channel", atAttacker(64, 0, 0), func(s *rtc.Stats) { s.Dropped.Unknown++ }},
		{"QUIC", atAttacker(0xc0, 0, 0), func(s *rtc.Stats) { s.Dropped.Unknown++ }},
		{"RTP of a stranger", atAttacker(0x80, 96, 0), func(s *rtc.Stats) { s.Dropped.Unvalidated++ }},
		{"RTP of the peer, not authentic", func(w *world) rtc.Input {
			return rtc.Input{Local: w.l.addr, Remote: w.r.addr, Data: append([]byte{0x80, 96}, make([]byte, 30)...)}
		}, func(s *rtc.Stats) { s.Dropped.Unauthentic++ }},
		{"DTLS of a stranger", atAttacker(22, 0xfe, 0xfd), func(s *rtc.Stats) { s.Dropped.Unvalidated++ }},
		{"STUN that is none", atAttacker(0, 1, 0), func(s *rtc.Stats) { s.ICE.Dropped[ice.DropMalformed]++ }},
		{"check without FINGERPRINT", atAttacker(stun...), func(s *rtc.Stats) { s.ICE.Dropped[ice.DropFingerprint]++ }},
		{"DTLS of the peer", func(w *world) rtc.Input {
			return rtc.Input{Local: w.l.addr, Remote: w.r.addr, Data: []byte{23, 0xfe}}
		}, func(s *rtc.Stats) { s.DTLS.RecordsMalformed++ }},
	}
	w := newWorld(t, worldConfig{link: simnet.LinkConfig{Delay: ms}})
	w.connect()
	w.net.Run(time.Second)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			want := w.l.Stats()
			in := test.from(w)
			in.Now = w.net.Now()
			w.l.HandleInput(in)
			want.DatagramsReceived++
			want.BytesReceived += uint64(len(in.Data))
			test.want(&want)
			require.Equal(t, want, w.l.Stats())
		})
	}
}

func atAttacker(b ...byte) func(w *world) rtc.Input {
	if b == nil {
		b = []byte{}
	}
	return func(w *world) rtc.Input { return rtc.Input{Local: w.l.addr, Remote: attacker, Data: b} }
}

// While the peer's address is under validation a few of its datagrams are held, and the rest counted.
func TestHeldDatagrams(t *testing.T) {
	w := newWorld(t, worldConfig{link: simnet.LinkConfig{Delay: ms}})
	now := w.net.Now()
	require.NoError(t, w.r.Start(now, w.l.LocalParameters(), rtc.Role{}))
	require.NoError(t, w.l.Start(now, w.r.LocalParameters(), rtc.Role{Controlling: true, DTLSClient: true}))
	// R's checks get lost, but not its answers: L has a path at once, and R has not.
	for w.l.Stats().DTLS.Retransmissions < 4 {
		now = now.Add(10 * ms)
		w.l.HandleInput(rtc.Input{Now: now})
		w.r.HandleInput(rtc.Input{Now: now})
		exchange(now, w.l, w.r, nil, nil)
		exchange(now, w.r, w.l, func(b []byte) bool { return b[0] == 0 }, nil)
	}
	s := w.r.Stats()
	require.Equal(t, uint64(0), s.Dropped.Unvalidated)
	dtls := w.l.Stats().DatagramsSent - w.l.Stats().ICE.ChecksSent - w.l.Stats().ICE.ResponsesSent
	require.Equal(t, dtls-4, s.Dropped.Held, "of %d datagrams four are held", dtls)
	// As soon as they get through, what was held is used.
	now = now.Add(time.Second)
	for range 2 {
		exchange(now, w.r, w.l, nil, nil)
		w.r.HandleInput(rtc.Input{Now: now})
		exchange(now, w.l, w.r, nil, nil)
	}
	require.Equal(t, s.Dropped.Held, w.r.Stats().Dropped.Held)
	require.Positive(t, w.r.Stats().DTLS.HandshakeDuplicates, "a retransmission that was held")
}
