package simnet

import (
	"math/rand/v2"
	"time"
)

// LinkConfig describes one direction of a link. The zero value delivers
// everything at once. Sizes and rates count the bytes of the datagrams alone.
type LinkConfig struct {
	Delay  time.Duration // from one end to the other
	Jitter time.Duration // added to Delay, uniform in [0, Jitter]; order is kept

	Rate  int // bits per second; 0 is unlimited
	Queue int // bytes that may wait for a limited link, then the tail is dropped; 0 is unlimited

	Loss      Loss
	Duplicate float64       // share of datagrams that arrive twice
	Corrupt   float64       // share in which one bit arrives flipped
	Reorder   float64       // share that is held back, so that later ones overtake
	ReorderBy time.Duration // how long they are held; 0 means 10 ms

	MTU int // larger datagrams vanish; 0 is unlimited
}

// Loss is a Gilbert-Elliott model: a good and a bad state, each with its own
// probability of loss, and the probabilities of changing, per datagram.
type Loss struct {
	Good, Bad            float64 // probability of loss in each state
	GoodToBad, BadToGood float64
}

// RandomLoss loses each datagram with probability p, independently.
func RandomLoss(p float64) Loss { return Loss{Good: p} }

// BurstLoss loses a share p of the datagrams in runs of the given mean length.
func BurstLoss(p, length float64) Loss {
	back := 1 / length
	return Loss{Bad: 1, GoodToBad: back * p / (1 - p), BadToGood: back}
}

// LinkStats counts what one direction of a link did.
type LinkStats struct {
	Datagrams, Bytes                 int // taken from the sender
	Lost, Overflowed, TooBig         int
	Duplicated, Corrupted, Reordered int
}

// direction is the state of one direction between two interfaces.
type direction struct {
	cfg   LinkConfig
	rand  *rand.Rand
	busy  time.Time // when the last bit accepted has left
	last  time.Time // latest arrival of those that keep their order
	bad   bool      // state of the loss model
	stats LinkStats
}

// Link sets both directions between all addresses of two hosts.
func (n *Net) Link(a, b *Host, cfg LinkConfig) {
	n.LinkOneWay(a, b, cfg)
	n.LinkOneWay(b, a, cfg)
}

// LinkOneWay sets the direction from a to b. It may be called again while the
// network runs; what is in flight is not affected.
func (n *Net) LinkOneWay(a, b *Host, cfg LinkConfig) {
	for _, f := range a.ifaces {
		for _, t := range b.ifaces {
			n.direction(f, t).cfg = cfg
		}
	}
}

// LinkStats sums what the links from a to b did.
func (n *Net) LinkStats(a, b *Host) LinkStats {
	var sum LinkStats
	for _, f := range a.ifaces {
		for _, t := range b.ifaces {
			s := n.direction(f, t).stats
			sum.Datagrams += s.Datagrams
			sum.Bytes += s.Bytes
			sum.Lost += s.Lost
			sum.Overflowed += s.Overflowed
			sum.TooBig += s.TooBig
			sum.Duplicated += s.Duplicated
			sum.Corrupted += s.Corrupted
			sum.Reordered += s.Reordered
		}
	}
	return sum
}

func (n *Net) direction(from, to *iface) *direction {
	key := [2]*iface{from, to}
	d := n.links[key]
	if d == nil {
		d = &direction{rand: n.rand()}
		n.links[key] = d
	}
	return d
}

// send puts a datagram on the link: through the queue, past the loss, and into
// flight.
func (d *direction) send(n *Net, h *Host, f flying) {
	c, p := &d.cfg, f.Packet
	d.stats.Datagrams++
	d.stats.Bytes += len(p.Data)
	if c.MTU > 0 && len(p.Data) > c.MTU {
		d.stats.TooBig++
		n.trace(TooBig, h, p)
		return
	}
	left, ok := d.transmit(n.now, len(p.Data))
	if !ok {
		d.stats.Overflowed++
		n.trace(Overflowed, h, p)
		return
	}
	if d.lose() {
		d.stats.Lost++
		n.trace(Lost, h, p)
		return
	}
	d.launch(n, f, left)
	if d.chance(c.Duplicate) {
		d.stats.Duplicated++
		d.launch(n, f, left)
	}
}

// transmit returns when the last bit of size bytes leaves the queue.
func (d *direction) transmit(now time.Time, size int) (time.Time, bool) {
	c := &d.cfg
	if c.Rate <= 0 {
		return now, true
	}
	if d.busy.Before(now) {
		d.busy = now
	}
	waiting := d.busy.Sub(now).Seconds() * float64(c.Rate) / 8
	if c.Queue > 0 && waiting+float64(size) > float64(c.Queue) {
		return now, false
	}
	d.busy = d.busy.Add(time.Duration(int64(size) * 8 * int64(time.Second) / int64(c.Rate)))
	return d.busy, true
}

// lose advances the loss model by one datagram.
func (d *direction) lose() bool {
	l := &d.cfg.Loss
	if d.bad {
		d.bad = !d.chance(l.BadToGood)
	} else {
		d.bad = d.chance(l.GoodToBad)
	}
	if d.bad {
		return d.chance(l.Bad)
	}
	return d.chance(l.Good)
}

// launch sends one copy on its way.
func (d *direction) launch(n *Net, f flying, left time.Time) {
	c := &d.cfg
	at := left.Add(c.Delay)
	if c.Jitter > 0 {
		at = at.Add(time.Duration(d.rand.Int64N(int64(c.Jitter) + 1)))
	}
	if d.chance(c.Reorder) {
		d.stats.Reordered++
		by := c.ReorderBy
		if by == 0 {
			by = 10 * time.Millisecond
		}
		at = at.Add(by)
	} else {
		if at.Before(d.last) {
			at = d.last
		}
		d.last = at
	}
	f.Data = n.copyOf(f.Data)
	if d.chance(c.Corrupt) {
		d.stats.Corrupted++
		bit := d.rand.IntN(8 * len(f.Data))
		f.Data[bit/8] ^= 1 << (bit % 8)
	}
	n.count++
	f.at, f.order = at, n.count
	n.flight.push(f)
}

// chance draws only when there is something to draw for, so that a feature
// that is off leaves the sequence of the others alone.
func (d *direction) chance(p float64) bool {
	return p > 0 && d.rand.Float64() < p
}
