package sctp

import (
	"bytes"
	"fmt"
	"testing"
	"time"
)

func TestTransferLossy(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			p := newPair(t, seed, linkConfig{delay: 20 * time.Millisecond, jitter: 3 * time.Millisecond, rate: 2e6, queue: 60000, loss: 0.05, dup: 0.02})
			p.connect()
			id, remote := p.open(int(seed%2), ChannelConfig{Label: "x"})
			from := int(seed % 2)
			var want [][]byte
			for i := range 60 {
				b := make([]byte, (i*i*37)%20000)
				seeded(seed<<8 + uint64(i)).Read(b)
				want = append(want, b)
				if err := p.ends[from].Send(p.now, id, true, b); err != nil {
					t.Fatal(err)
				}
			}
			got := 0
			p.events = func(i int, ev Event) {
				if ev.Kind != EventMessage {
					return
				}
				if i == from || ev.ID != remote {
					t.Fatalf("message at end %d channel %d", i, ev.ID)
				}
				if !bytes.Equal(ev.Data, want[got]) {
					t.Fatalf("message %d: got %d bytes, want %d", got, len(ev.Data), len(want[got]))
				}
				got++
			}
			if !p.run(time.Minute, func() bool { return got == len(want) }) {
				t.Fatalf("%d of %d messages", got, len(want))
			}
			p.run(2*time.Second, nil)
			if a := p.ends[from]; a.held != 0 || a.sent.len() != 0 {
				t.Fatalf("sender still holds %d bytes, %d chunks", a.held, a.sent.len())
			}
		})
	}
}
