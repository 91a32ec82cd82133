package sctp

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"testing"
	"time"
)

// stress drives a pair at random over a bad link: channels of every kind are
// opened and closed at both ends while messages go both ways. It checks what
// each kind of channel promises, and returns a digest of all that happened.
type stress struct {
	*pair
	rng   *rand.Rand
	chans map[stressKey]*stressChannel // by where it was opened and its label
	local [2]map[ChannelID]*stressSide
	count int
	sum   uint64
}

type stressKey struct {
	end   int
	label string
}

type stressChannel struct {
	cfg   ChannelConfig
	sides [2]*stressSide
}

type stressSide struct {
	ch      *stressChannel
	end     int
	id      ChannelID
	next    uint32          // number of the next message to send
	got     map[uint32]bool // numbers received here
	last    int64           // the last one
	closed  bool
	closing bool
}

func stressMessage(n uint32, size int, seed uint64) []byte {
	b := make([]byte, max(size, 12))
	seeded(seed ^ uint64(n)<<20).Read(b)
	binary.BigEndian.PutUint32(b, n)
	h := fnv.New64a()
	h.Write(b[12:])
	binary.BigEndian.PutUint64(b[4:], h.Sum64())
	return b
}

func (s *stress) side(end int, ch *stressChannel, id ChannelID) *stressSide {
	side := &stressSide{ch: ch, end: end, id: id, got: map[uint32]bool{}, last: -1}
	ch.sides[end] = side
	s.local[end][id] = side
	return side
}

func (s *stress) event(end int, ev Event) {
	h := fnv.New64a()
	fmt.Fprint(h, s.sum, end, ev.Kind, ev.ID, ev.Binary, len(ev.Data), ev.Err, s.now.UnixNano())
	s.sum = h.Sum64()
	switch ev.Kind {
	case EventChannelOpened:
		if ev.Remote {
			ch := s.chans[stressKey{1 - end, ev.Config.Label}]
			if ch == nil || ch.sides[end] != nil {
				s.t.Fatalf("end %d: unexpected channel %q", end, ev.Config.Label)
			}
			s.side(end, ch, ev.ID)
		}
	case EventMessage:
		side := s.local[end][ev.ID]
		if side == nil || side.closed {
			s.t.Fatalf("end %d: message on channel %d, which is not open", end, ev.ID)
		}
		n := binary.BigEndian.Uint32(ev.Data)
		h := fnv.New64a()
		h.Write(ev.Data[12:])
		if h.Sum64() != binary.BigEndian.Uint64(ev.Data[4:]) {
			s.t.Fatalf("end %d: message %d of %q is damaged", end, n, side.ch.cfg.Label)
		}
		if side.got[n] {
			s.t.Fatalf("end %d: message %d of %q came twice", end, n, side.ch.cfg.Label)
		}
		side.got[n] = true
		s.count++
		if !side.ch.cfg.Unordered {
			if int64(n) <= side.last {
				s.t.Fatalf("end %d: message %d of %q came after %d", end, n, side.ch.cfg.Label, side.last)
			}
			if side.ch.cfg.MaxRetransmits == nil && side.ch.cfg.MaxLifetime == nil && int64(n) != side.last+1 {
				s.t.Fatalf("end %d: message %d of %q came after %d", end, n, side.ch.cfg.Label, side.last)
			}
			side.last = int64(n)
		}
	case EventChannelClosed:
		if side := s.local[end][ev.ID]; side != nil {
			if ev.Err != nil {
				s.t.Fatalf("end %d: channel %q closed: %v", end, side.ch.cfg.Label, ev.Err)
			}
			side.closed = true
		}
	case EventClosed:
		s.t.Fatalf("end %d: closed: %v", end, ev.Err)
	}
}

func (s *stress) act() {
	end := s.rng.IntN(2)
	a := s.ends[end]
	switch k := s.rng.IntN(20); {
	case k < 2 && len(s.local[end]) < 40:
		cfg := ChannelConfig{Label: fmt.Sprintf("c%d", len(s.chans)), Unordered: s.rng.IntN(2) == 0}
		switch s.rng.IntN(4) {
		case 0:
			cfg.MaxRetransmits = new(uint16(s.rng.IntN(3)))
		case 1:
			cfg.MaxLifetime = new(time.Duration(s.rng.IntN(200)) * time.Millisecond)
		}
		id, err := a.Open(s.now, cfg)
		if err != nil {
			s.t.Fatal(err)
		}
		ch := &stressChannel{cfg: cfg}
		s.chans[stressKey{end, cfg.Label}] = ch
		s.side(end, ch, id)
	case k < 3:
		if side := s.pick(end); side != nil {
			if err := a.CloseChannel(s.now, side.id); err == nil {
				side.closing = true
			}
		}
	default:
		side := s.pick(end)
		if side == nil {
			return
		}
		size := s.rng.IntN(300)
		if s.rng.IntN(5) == 0 {
			size = s.rng.IntN(20000)
		}
		if a.Send(s.now, side.id, true, stressMessage(side.next, size, uint64(side.id))) == nil {
			side.next++
		}
	}
}

// pick takes a random channel; by order of id, for the same run each time.
func (s *stress) pick(end int) *stressSide {
	if n := int(s.ends[end].lastID); n > 0 {
		for range 5 {
			if side := s.local[end][ChannelID(1+s.rng.IntN(n))]; side != nil && !side.closed && !side.closing {
				return side
			}
		}
	}
	return nil
}

func runStress(t *testing.T, seed uint64, ops int) *stress {
	rng := rand.New(rand.NewPCG(seed, 99))
	link := linkConfig{
		delay: time.Duration(rng.IntN(50)) * time.Millisecond, jitter: time.Duration(rng.IntN(20)) * time.Millisecond,
		rate: 3e5 + rng.Float64()*3e6, queue: 20000 + rng.IntN(100000), loss: rng.Float64() * 0.2, dup: rng.Float64() * 0.1,
	}
	// Wrapping is ordinary.
	cfg := Config{SendBuffer: 300_000, MTU: 300 + rng.IntN(1000)}
	s := &stress{pair: newPair(t, seed, link, cfg), rng: rng, chans: map[stressKey]*stressChannel{}}
	for i, a := range s.ends {
		s.local[i] = map[ChannelID]*stressSide{}
		if rng.IntN(2) == 0 {
			a.initialTSN = -uint32(rng.IntN(300))
			a.resetState()
		}
	}
	s.events = s.event
	s.connect()
	for range ops {
		s.act()
		s.run(time.Duration(rng.IntN(30))*time.Millisecond, nil)
	}
	// Everything reliable arrives in the end, and everything closed is gone.
	idle := func() bool {
		for _, a := range s.ends {
			if a.held > 0 || a.recv.used > 0 || a.sent.len() > 0 {
				return false
			}
			for _, ch := range a.channels {
				if ch.state == channelClosing {
					return false
				}
			}
		}
		return true
	}
	if !s.run(5*time.Minute, idle) {
		for i, a := range s.ends {
			for _, ch := range a.channels {
				if ch.state == channelClosing {
					t.Logf("%+v", ch)
				}
			}
			t.Logf("%+v", a.reset)
			t.Logf("end %d: held %d, used %d, outstanding %d, stats %+v", i, a.held, a.recv.used, a.sent.len(), a.Stats())
		}
		t.Fatal("does not come to rest")
	}
	for key, ch := range s.chans {
		for i, side := range ch.sides {
			other := ch.sides[1-i]
			if side == nil || other == nil {
				t.Fatalf("channel %v is known at one end only", key)
			}
			if cfg := ch.cfg; cfg.MaxRetransmits == nil && cfg.MaxLifetime == nil && !side.closing && !side.closed && len(side.got) != int(other.next) {
				t.Fatalf("channel %v: %d of %d messages arrived at end %d", key, len(side.got), other.next, i)
			}
		}
	}
	return s
}

func TestStress(t *testing.T) {
	seeds := uint64(100)
	if testing.Short() {
		seeds = 10
	}
	messages := 0
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			messages += runStress(t, seed, 300).count
		})
	}
	t.Logf("%d messages", messages)
}
