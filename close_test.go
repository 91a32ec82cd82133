package rtc_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/internal/simnet"
	"github.com/sansrtc/rtc/sctp"
)

// Close ends a session in the same drain, whatever state it is in, with nobody listening.
func TestCloseNeverWaits(t *testing.T) {
	link := simnet.LinkConfig{Delay: 10 * ms}
	tests := []struct {
		name     string
		make     func(t *testing.T) *world
		goodbyes int
	}{
		{"new", func(t *testing.T) *world { return newWorld(t, worldConfig{link: link}) }, 0},
		{"checking", func(t *testing.T) *world {
			w := newWorld(t, worldConfig{link: link})
			w.start()
			w.net.Run(ms)
			return w
		}, 0},
		{"in the handshake", func(t *testing.T) *world {
			w := newWorld(t, worldConfig{link: link})
			w.start()
			w.until(time.Second, "the handshake", func() bool { return w.l.Stats().DatagramsSent > w.l.Stats().ICE.ChecksSent+1 })
			require.Nil(t, w.l.connected)
			return w
		}, 1},
		{"connected", func(t *testing.T) *world {
			w := newWorld(t, worldConfig{link: link})
			w.connect()
			w.net.Run(time.Second)
			return w
		}, 2},
		{"with data to send", func(t *testing.T) *world {
			w := newWorld(t, worldConfig{link: link})
			w.connect()
			l, _ := w.open(sctp.ChannelConfig{Label: "bulk"})
			require.NoError(t, w.l.Send(w.net.Now(), l, true, make([]byte, 200<<10)))
			return w
		}, 2},
		{"after the peer has gone", func(t *testing.T) *world {
			w := newWorld(t, worldConfig{link: link})
			w.connect()
			w.net.Link(w.l.host, w.r.host, simnet.LinkConfig{Loss: simnet.RandomLoss(1)})
			w.net.Run(15 * time.Second)
			return w
		}, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := test.make(t)
			now := w.net.Now()
			w.l.Close(now)
			w.l.Close(now)
			goodbyes := 0
			for out := w.l.PollOutput(); out.Kind != rtc.OutputClosed; out = w.l.PollOutput() {
				require.NotEqual(t, rtc.OutputTimeout, out.Kind, "Close waits")
				if out.Kind == rtc.OutputTransmit {
					goodbyes++
				}
			}
			require.Equal(t, rtc.Output{Kind: rtc.OutputClosed}, w.l.PollOutput(), "closed in order, with nothing more due")
			require.LessOrEqual(t, goodbyes, test.goodbyes, "datagrams sent to say goodbye")
		})
	}
}

// What arrived before the end is read before the end, and routes are taken back.
func TestCloseTellsAll(t *testing.T) {
	w := newWorld(t, worldConfig{link: simnet.LinkConfig{Delay: 10 * ms}})
	w.connect()
	l, r := w.open(sctp.ChannelConfig{Label: "chat"})
	w.net.Run(time.Second)
	now := w.net.Now()
	for _, text := range []string{"one", "two"} {
		require.NoError(t, w.r.Send(now, r, false, []byte(text)))
	}
	exchange(now, w.r, w.l, nil, nil)
	w.l.Close(now)
	var texts []string
	seen := map[string]int{}
	exchange(now, w.l, w.r, nil, func(ev rtc.Event) {
		switch ev := ev.(type) {
		case *rtc.ChannelMessage:
			texts = append(texts, string(ev.Data))
		case *rtc.ChannelClosed:
			require.Equal(t, l, ev.ID)
			seen["channel closed"]++
		case *rtc.LocalUfragRemoved:
			seen["ufrag removed"]++
		case *rtc.RemoteAddrRemoved:
			seen["address removed"]++
		}
	})
	require.Equal(t, []string{"one", "two"}, texts)
	require.Equal(t, map[string]int{"channel closed": 1, "ufrag removed": 1, "address removed": 1}, seen)
	w.net.Run(time.Second)
	require.True(t, w.r.closed, "the peer has been told")
	require.NoError(t, w.r.err)
}
