package main

// statesFloor is the least that a server with many sessions does for a packet: it touches 1 KiB of the session's state,
// keeps the packet in case that it is asked for again, and seals it.
type statesFloor struct {
	states []*floorState
	next   int
	packet []byte
	sealed []byte
}

// floorPackets is how many packets are kept: those of a second, more or less.
const floorPackets = 64

// floorLines is 1 KiB, in lines of the processor's caches.
const floorLines = 16

// A floorState is of one session: its key, 1 KiB in as many objects as a session has, and the packets that are kept.
type floorState struct {
	*gcmFloor
	lines [floorLines]*[8]uint64
	kept  [floorPackets][]byte
	count int
}

// floorHeader is about the size of a header with its extensions.
const floorHeader = 28

func newStatesFloor(n int) *statesFloor {
	f := &statesFloor{packet: make([]byte, floorHeader+mediaPayload), sealed: make([]byte, 0, 2048)}
	for range n {
		f.states = append(f.states, &floorState{gcmFloor: newGCMFloor(16, floorHeader, f.packet)})
	}
	// The objects of a session do not lie side by side: they were made at different times.
	for j := range floorLines {
		for _, s := range f.states {
			s.lines[j] = new([8]uint64)
		}
	}
	return f
}

func (f *statesFloor) send() {
	f.next = (f.next + 1) % len(f.states)
	s := f.states[f.next]
	for _, line := range s.lines {
		for i := range line {
			line[i]++
		}
	}
	s.count++
	kept := &s.kept[s.count%floorPackets]
	*kept = append((*kept)[:0], f.packet...)
	s.packet, s.sealed = *kept, f.sealed // the datagram is built in the same place for all
	s.seal()
}
