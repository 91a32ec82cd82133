package simnet

import "time"

// flying is a datagram between two hosts.
type flying struct {
	Packet
	at    time.Time
	order uint64
	to    *iface
	realm *NAT // where To is an address: in public (nil) or behind this NAT
}

func (f *flying) before(g *flying) bool {
	if c := f.at.Compare(g.at); c != 0 {
		return c < 0
	}
	return f.order < g.order
}

// packetHeap keeps the earliest arrival in front; at the same instant, the one
// sent first.
type packetHeap []flying

func (h *packetHeap) push(f flying) {
	s := append(*h, f)
	i := len(s) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !s[i].before(&s[parent]) {
			break
		}
		s[i], s[parent] = s[parent], s[i]
		i = parent
	}
	*h = s
}

func (h *packetHeap) pop() flying {
	s := *h
	top := s[0]
	last := len(s) - 1
	s[0], s[last] = s[last], flying{}
	s = s[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child >= len(s) {
			break
		}
		if child+1 < len(s) && s[child+1].before(&s[child]) {
			child++
		}
		if !s[child].before(&s[i]) {
			break
		}
		s[i], s[child] = s[child], s[i]
		i = child
	}
	*h = s
	return top
}
