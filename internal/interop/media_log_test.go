package interop

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/rtp/codec"
)

// mediaPacket is what a packet carries to the other end unchanged.
type mediaPacket struct {
	timestamp uint32
	marker    bool
	payload   []byte
}

// mediaLog is what was sent, or what has arrived, of one stream.
type mediaLog struct {
	mu      sync.Mutex
	packets map[uint16]mediaPacket // by sequence number
	numbers []uint16               // of packets, as they came
	twice   int                    // packets that were there before
	frames  map[uint32][]byte      // by timestamp
	stamps  []uint32               // of frames, as they came
	keys    map[uint32]bool        // the timestamps of key frames
}

func newMediaLog() *mediaLog {
	return &mediaLog{packets: map[uint16]mediaPacket{}, frames: map[uint32][]byte{}, keys: map[uint32]bool{}}
}

func (l *mediaLog) addPacket(number uint16, p mediaPacket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.packets[number]; ok {
		l.twice++
		return
	}
	p.payload = bytes.Clone(p.payload)
	l.packets[number] = p
	l.numbers = append(l.numbers, number)
}

func (l *mediaLog) addFrame(f codec.Frame) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.frames[f.Timestamp] = bytes.Clone(f.Data)
	l.stamps = append(l.stamps, f.Timestamp)
	l.keys[f.Timestamp] = f.KeyFrame
}

// count returns how many packets, or frames without packets, are in the log.
func (l *mediaLog) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(len(l.numbers), len(l.stamps))
}

// clear begins the log anew.
func (l *mediaLog) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.packets)
	clear(l.frames)
	clear(l.keys)
	l.numbers, l.stamps = nil, nil
}

// assemble makes frames of the packets, as Pion does it: of those that are all there, from the first
// frame that begins.
func (l *mediaLog) assemble(t *testing.T, format codec.Format) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.numbers) == 0 {
		return
	}
	first := l.numbers[0]
	slices.SortFunc(l.numbers, func(a, b uint16) int { return int(int16(a-first)) - int(int16(b-first)) })
	var d pionDepacketizer // of the frame that is open
	var frame []byte
	whole := format == codec.Opus
	for i, n := range l.numbers {
		if i > 0 && l.numbers[i-1] != n-1 {
			whole = format == codec.Opus
		}
		p := l.packets[n]
		part := p.payload
		if format != codec.Opus {
			if d == nil {
				d = pionKinds[format].depacketizer()
			}
			var err error
			if part, err = d.Unmarshal(p.payload); err != nil && whole {
				t.Errorf("packet %d: %v", n, err)
			}
		}
		frame = append(frame, part...)
		if p.marker || format == codec.Opus {
			if whole {
				l.frames[p.timestamp] = frame
				l.stamps = append(l.stamps, p.timestamp)
			}
			d, frame, whole = nil, nil, true
		}
	}
}

// arrivals compares what arrived with what was sent and returns how much of it, from the first that
// arrived to the last that was sent by the time of the mark, is there. What is there must be as it was.
type arrivals struct{ sent, here int }

func (a arrivals) String() string { return fmt.Sprintf("%d of %d", a.here, a.sent) }

// mark is the length of a log at some time.
type mark struct{ packets, frames int }

func (l *mediaLog) mark() mark {
	l.mu.Lock()
	defer l.mu.Unlock()
	return mark{len(l.numbers), len(l.stamps)}
}

// packetArrivals compares packets.
func packetArrivals(t *testing.T, sent *mediaLog, until mark, got *mediaLog) (a arrivals) {
	t.Helper()
	sent.mu.Lock()
	defer sent.mu.Unlock()
	got.mu.Lock()
	defer got.mu.Unlock()
	for number, p := range got.packets {
		want, ok := sent.packets[number]
		require.True(t, ok, "packet %d was never sent", number)
		require.Equal(t, want, p, "packet %d", number)
	}
	for _, number := range sent.numbers[:until.packets] {
		_, ok := got.packets[number]
		a.add(ok)
	}
	return a
}

// frameArrivals compares frames, none of which may come out of order. If they are to be decoded,
// they must begin with a key frame, and go on with one after a gap.
func frameArrivals(t *testing.T, kind *mediaKind, sent *mediaLog, until mark, got *mediaLog, decoded bool) (a arrivals) {
	t.Helper()
	sent.mu.Lock()
	defer sent.mu.Unlock()
	got.mu.Lock()
	defer got.mu.Unlock()
	next, place := 0, map[uint32]int{}
	for i, stamp := range sent.stamps {
		place[stamp] = i
	}
	for i, stamp := range got.stamps {
		at, ok := place[stamp]
		require.True(t, ok, "frame at %d was never sent", stamp)
		require.GreaterOrEqual(t, at, next, "frame %d comes late", at)
		if decoded && (at != next || i == 0) {
			require.True(t, sent.keys[stamp], "frame %d follows a gap and is no key frame", at)
		}
		require.True(t, kind.same(sent.frames[stamp], got.frames[stamp]), "frame %d is not as it was", at)
		next = at + 1
	}
	for _, stamp := range sent.stamps[:until.frames] {
		_, ok := got.frames[stamp]
		a.add(ok)
	}
	return a
}

func (a *arrivals) add(here bool) {
	if here {
		a.here++
	}
	if a.here > 0 {
		a.sent++
	}
}
