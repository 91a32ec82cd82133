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

// The least MB/s of a 16 MB transfer; of 64 MB without loss in the second
// table. The link carries 12.5 MB/s. What matters: without loss the window
// finds the link and stays there, and losses that are not due to a full queue
// cost little.
func TestThroughput(t *testing.T) {
	for _, test := range []struct {
		rtt  time.Duration
		loss float64
		want float64
	}{
		{10 * time.Millisecond, 0, 11},
		{10 * time.Millisecond, 0.001, 11},
		{10 * time.Millisecond, 0.01, 9},
		{10 * time.Millisecond, 0.03, 7},
		{50 * time.Millisecond, 0, 8.5},
		{50 * time.Millisecond, 0.001, 7},
		{50 * time.Millisecond, 0.01, 3.5},
		{50 * time.Millisecond, 0.03, 2},
		{100 * time.Millisecond, 0, 6},
		{100 * time.Millisecond, 0.001, 3.5},
		{100 * time.Millisecond, 0.01, 1.5},
		{100 * time.Millisecond, 0.03, 1},
	} {
		t.Run(fmt.Sprintf("rtt=%v,loss=%v", test.rtt, test.loss), func(t *testing.T) {
			got := throughput(t, 1, test.rtt, test.loss, 16<<20)
			t.Logf("%.2f MB/s", got)
			if got < test.want {
				t.Errorf("%.2f MB/s, want at least %v", got, test.want)
			}
		})
	}
}

func TestThroughputLong(t *testing.T) {
	for rtt, want := range map[time.Duration]float64{10 * time.Millisecond: 11, 50 * time.Millisecond: 10} {
		got := throughput(t, 1, rtt, 0, 64<<20)
		t.Logf("RTT %v: %.2f MB/s", rtt, got)
		if got < want {
			t.Errorf("RTT %v: %.2f MB/s, want at least %v", rtt, got, want)
		}
	}
}

// Two transfers that share a link share it more or less evenly, whoever was
// first, and lose little by it.
func TestFairness(t *testing.T) {
	link := linkConfig{delay: 15 * time.Millisecond, rate: 2.5e6, queue: 100_000}
	var pairs [2]*pair
	var got [2]int
	for i := range pairs {
		p := newPair(t, uint64(i), link)
		p.fast = true
		pairs[i] = p
		p.connect()
		id, _ := p.open(0, ChannelConfig{})
		fill := func() {
			for p.ends[0].Send(p.now, id, true, make([]byte, 16<<10)) == nil {
			}
		}
		p.events = func(end int, ev Event) {
			if ev.Kind == EventMessage {
				got[i] += len(ev.Data)
			}
			if ev.Kind == EventBufferedAmountLow {
				fill()
			}
		}
		fill()
	}
	// One line for both.
	now := pairs[0].now
	if pairs[1].now.After(now) {
		now = pairs[1].now
	}
	run := func(until time.Time, active ...*pair) {
		for now.Before(until) {
			for _, p := range active {
				for _, q := range active {
					if q.busy[0].After(p.busy[0]) {
						p.busy[0] = q.busy[0]
					}
				}
				p.run(now.Add(time.Millisecond/10).Sub(p.now), nil)
			}
			now = now.Add(time.Millisecond / 10)
		}
	}
	start := now
	run(start.Add(5*time.Second), pairs[0])
	pairs[1].now = now
	got = [2]int{}
	run(start.Add(35*time.Second), pairs[:]...)
	a, b := float64(got[0]), float64(got[1])
	t.Logf("%.2f and %.2f MB/s", a/30e6, b/30e6)
	if a+b < 0.85*2.5e6*30 {
		t.Errorf("%.2f MB/s together, want most of 2.5", (a+b)/30e6)
	}
	if min(a, b) < 0.2*(a+b) {
		t.Errorf("%.2f and %.2f MB/s are not fair", a/30e6, b/30e6)
	}
}
