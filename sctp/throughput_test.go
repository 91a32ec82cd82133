package sctp

import (
	"fmt"
	"testing"
	"time"
)

// throughput moves bytes in messages of 16 KiB over a link of 100 Mbit/s with
// a drop-tail queue of 250 KB, and returns MB per virtual second.
func throughput(t testing.TB, seed uint64, rtt time.Duration, loss float64, bytes int) float64 {
	p := newPair(t, seed, linkConfig{delay: rtt / 2, rate: 12.5e6, queue: 250_000, loss: loss})
	p.fast = true
	p.connect()
	id, _ := p.open(0, ChannelConfig{})
	msg := make([]byte, 16<<10)
	got, sent := 0, 0
	fill := func() {
		for sent < bytes && p.ends[0].Send(p.now, id, true, msg) == nil {
			sent += len(msg)
		}
	}
	p.events = func(i int, ev Event) {
		switch {
		case i == 1 && ev.Kind == EventMessage:
			got += len(ev.Data)
		case i == 0 && ev.Kind == EventBufferedAmountLow:
			fill()
		}
	}
	start := p.now
	fill()
	if !p.run(10*time.Minute, func() bool { return got >= bytes }) {
		t.Fatalf("%d of %d bytes after ten minutes", got, bytes)
	}
	return float64(bytes) / 1e6 / p.now.Sub(start).Seconds()
}

func TestThroughput(t *testing.T) {
	for _, rtt := range []int{10, 50, 100} {
		for _, loss := range []float64{0, 0.001, 0.01, 0.03} {
			t.Run(fmt.Sprintf("rtt=%dms,loss=%v", rtt, loss), func(t *testing.T) {
				got := throughput(t, 1, time.Duration(rtt)*time.Millisecond, loss, 16<<20)
				t.Logf("%.2f MB/s", got)
			})
		}
	}
}
