package rtc_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/dtls"
	"github.com/sansrtc/rtc/internal/simnet"
	"github.com/sansrtc/rtc/sctp"
)

// The tests of this file relate runs to one another over many seeds, so that they need no
// expected output: what must not matter is changed, and nothing may come of it.

// seeds calls f with a subtest for each of n seeds, a tenth of them if it has to be quick.
func seeds(t *testing.T, n int, f func(t *testing.T, seed uint64)) {
	t.Helper()
	if quick() {
		n = (n + 9) / 10
	}
	for seed := range uint64(n) {
		if !t.Run(fmt.Sprint(seed), func(t *testing.T) { f(t, seed) }) {
			return // one failure is enough to read
		}
	}
}

// impairedLink has some of everything that the internet does.
func impairedLink(seed uint64) simnet.LinkConfig {
	link := simnet.LinkConfig{
		Delay: time.Duration(5+seed%60) * ms, Jitter: 8 * ms,
		Loss: simnet.RandomLoss(0.05), Duplicate: 0.05, Reorder: 0.05, ReorderBy: 15 * ms,
	}
	switch seed % 3 {
	case 1:
		link.Loss = simnet.BurstLoss(0.1, 3)
	case 2:
		link.Rate, link.Queue = 2_000_000, 30_000
	}
	return link
}

// load is what the sessions carry: channels of three kinds, with messages both ways on each.
var load = []sctp.ChannelConfig{
	{Label: "ordered"},
	{Label: "unordered", Unordered: true},
	{Label: "agreed", Protocol: "p", Negotiated: true, StreamID: 100},
}

const loadMessages = 12 // in each direction of each channel

// loadMessage returns the i-th message of a direction: empty, short, and of several packets.
func loadMessage(from, label string, i int) message {
	text := fmt.Sprintf("%s %s %d ", from, label, i)
	size := []int{0, 10, 1000, 1200, 4000, 15_000}[i%6]
	if size == 0 {
		return message{binary: i%2 == 0}
	}
	return message{binary: i%2 == 0, data: text + strings.Repeat(".", size)}
}

// runLoad takes two peers from their first description to the goodbye.
func (w *world) runLoad() {
	w.t.Helper()
	for _, p := range []*simPeer{w.l, w.r} {
		then := p.onEvent
		p.onEvent = func(ev rtc.Event) {
			if then != nil {
				then(ev)
			}
			if ev, ok := ev.(*rtc.ChannelOpened); ok {
				for i := range loadMessages {
					m := loadMessage(p.name, ev.Config.Label, i)
					require.NoError(w.t, p.Send(w.net.Now(), ev.ID, m.binary, []byte(m.data)))
				}
			}
		}
	}
	for _, cfg := range load {
		_, err := w.l.OpenChannel(w.net.Now(), cfg)
		require.NoError(w.t, err)
		if cfg.Negotiated {
			_, err := w.r.OpenChannel(w.net.Now(), cfg)
			require.NoError(w.t, err)
		}
	}
	w.negotiate(w.l, rtc.Changes{})
	w.until(5*time.Minute, "all messages", func() bool { return w.l.complete() && w.r.complete() })
	w.net.Run(time.Second)
	w.l.Close(w.net.Now())
	w.until(5*time.Minute, "the end", func() bool { return w.l.closed && w.r.closed })
	w.wantDelivered()
}

func (p *simPeer) complete() bool {
	for _, cfg := range load {
		if len(p.received[cfg.Label]) < loadMessages {
			return false
		}
	}
	return true
}

// wantDelivered checks that each channel delivered what was sent, in order if it is ordered.
func (w *world) wantDelivered() {
	w.t.Helper()
	for _, p := range []*simPeer{w.l, w.r} {
		for _, cfg := range load {
			var want []message
			for i := range loadMessages {
				want = append(want, loadMessage(w.other(p).name, cfg.Label, i))
			}
			if cfg.Unordered {
				require.ElementsMatch(w.t, want, p.received[cfg.Label], "%s received on %s", p.name, cfg.Label)
			} else {
				require.Equal(w.t, want, p.received[cfg.Label], "%s received on %s", p.name, cfg.Label)
			}
		}
	}
}

// transcript runs the load and returns everything that happened.
func transcript(t *testing.T, cfg worldConfig) string {
	t.Helper()
	w := newWorld(t, cfg)
	rec := w.record()
	w.runLoad()
	return rec.String()
}

// requireSame shows the first line in which two transcripts differ, not all of them.
func requireSame(t *testing.T, want, got string) {
	t.Helper()
	if want == got {
		return
	}
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			t.Fatalf("line %d differs\nwant %s\ngot  %s", i+1, a[i], b[i])
		}
	}
	t.Fatalf("the transcripts have %d and %d lines", len(a), len(b))
}

// The same inputs give the same outputs, byte for byte.
func TestDeterministic(t *testing.T) {
	seeds(t, 60, func(t *testing.T, seed uint64) {
		cfg := worldConfig{seed: seed, link: impairedLink(seed)}
		requireSame(t, transcript(t, cfg), transcript(t, cfg))
	})
}

// A caller may drain after each input, or after several: each application sees the same.
func TestDrainSchedule(t *testing.T) {
	events := func(t *testing.T, seed uint64, every int) [2][]string {
		w := newWorld(t, worldConfig{
			seed: seed, link: simnet.LinkConfig{Delay: time.Duration(1+seed%50) * ms},
			schedule: simnet.Schedule{DrainEvery: every},
		})
		w.runLoad()
		return [2][]string{w.l.log, w.r.log}
	}
	seeds(t, 60, func(t *testing.T, seed uint64) {
		want := events(t, seed, 1)
		for _, every := range []int{2, 3, 7} {
			got := events(t, seed, every)
			for i := range want {
				// Messages of different channels may overtake one another.
				slices.Sort(want[i])
				slices.Sort(got[i])
				require.Equal(t, want[i], got[i], "draining after %d inputs", every)
			}
		}
	})
	seeds(t, 60, func(t *testing.T, seed uint64) {
		w := newWorld(t, worldConfig{
			seed: seed, link: impairedLink(seed),
			schedule: simnet.Schedule{DrainEvery: 2 + int(seed%6), DrainDelay: 5 * ms},
		})
		w.runLoad()
	})
}

// A tick that nobody asked for changes nothing, on any link.
func TestExtraTicks(t *testing.T) {
	seeds(t, 60, func(t *testing.T, seed uint64) {
		cfg := worldConfig{seed: seed, link: impairedLink(seed)}
		want := transcript(t, cfg)
		cfg.schedule.ExtraTick = 7 * ms
		requireSame(t, want, transcript(t, cfg))
	})
}

// A loop that serves its deadlines up to 50 ms late still gets everything across.
func TestLateTicks(t *testing.T) {
	seeds(t, 60, func(t *testing.T, seed uint64) {
		w := newWorld(t, worldConfig{
			seed: seed, link: impairedLink(seed),
			schedule: simnet.Schedule{LateTick: 50 * ms},
		})
		w.runLoad()
	})
}

// Loss, duplication and reordering change when things arrive, not what the channels deliver,
// which runLoad checks. Corrupted datagrams are lost ones, once there are keys.
func TestImpaired(t *testing.T) {
	seeds(t, 300, func(t *testing.T, seed uint64) {
		w := newWorld(t, worldConfig{
			seed: seed, link: impairedLink(seed),
			change: func(l, r *rtc.Config) {
				if seed%4 == 1 {
					l.Groups, r.Groups = nil, nil // the hybrid, which makes flights of several datagrams
				}
				if seed%5 == 2 {
					r.MaxDTLSVersion = dtls.VersionDTLS12
				}
				l.MTU = []int{0, 600, 1400}[seed%3]
			},
		})
		connected := 0
		for _, p := range []*simPeer{w.l, w.r} {
			p.onEvent = func(ev rtc.Event) {
				if _, ok := ev.(*rtc.Connected); ok {
					if connected++; connected == 2 {
						link := impairedLink(seed)
						link.Corrupt = 0.03
						w.net.Link(w.l.host, w.r.host, link)
					}
				}
			}
		}
		w.runLoad()
	})
}

// Bytes that the session has lent may be overwritten when their life is over. (The virtual
// network always overwrites the bytes it has given.)
func TestScribble(t *testing.T) {
	seeds(t, 60, func(t *testing.T, seed uint64) {
		cfg := worldConfig{seed: seed, link: impairedLink(seed)}
		want := transcript(t, cfg)
		cfg.scribble = true
		requireSame(t, want, transcript(t, cfg))
	})
}

// An idle pair sends nothing but consent checks and their answers.
//
// "STUN binding requests for consent freshness ... to prevent synchronization of consent
// checks, each interval MUST be randomized from between 0.8 and 1.2 times the basic period"
// of 5 s.
// https://www.rfc-editor.org/rfc/rfc7675#section-5.1
func TestQuiet(t *testing.T) {
	seeds(t, 20, func(t *testing.T, seed uint64) {
		w := newWorld(t, worldConfig{seed: seed, link: simnet.LinkConfig{Delay: 20 * ms}})
		w.connect()
		w.open(sctp.ChannelConfig{Label: "idle"})
		w.net.Run(5 * time.Second) // until the last acknowledgement is out

		const idle = 10 * time.Minute
		sent := map[*simnet.Host]int{}
		w.net.Trace = func(at time.Time, fate simnet.Fate, h *simnet.Host, p simnet.Packet) {
			if fate == simnet.Sent {
				sent[h]++
				if p.Data[0] > 3 {
					t.Errorf("%v: %s sends %x", at.Sub(simnet.Epoch), h.Name, p.Data)
				}
			}
		}
		events := len(w.l.log) + len(w.r.log)
		w.net.Run(idle)
		require.Equal(t, events, len(w.l.log)+len(w.r.log), "an idle pair has no events")
		for _, p := range []*simPeer{w.l, w.r} {
			// Checks of its own and answers to the peer's, 4 to 6 s apart each.
			require.GreaterOrEqual(t, sent[p.host], 2*int(idle/(6*time.Second)))
			require.LessOrEqual(t, sent[p.host], 2*int(idle/(4*time.Second))+2)
		}
	})
}
