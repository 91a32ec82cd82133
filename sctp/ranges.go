package sctp

import "github.com/sansrtc/rtc/internal/seqnum"

// tsnRange is the TSNs from first to last, both included.
type tsnRange struct{ first, last uint32 }

// rangeSet is a set of TSNs, kept as ordered ranges with gaps between them.
// Its TSNs must lie within half of the number space.
type rangeSet struct {
	list []tsnRange
	head int // ranges before it are gone
}

func (s *rangeSet) ranges() []tsnRange { return s.list[s.head:] }
func (s *rangeSet) empty() bool        { return s.head == len(s.list) }

func (s *rangeSet) clear() {
	s.list, s.head = s.list[:0], 0
}

// search returns the index in ranges() of the first range that ends at tsn or
// after it.
func (s *rangeSet) search(tsn uint32) int {
	r := s.ranges()
	// Almost always the last one, or after it.
	if n := len(r); n == 0 || seqnum.Less(r[n-1].last, tsn) {
		return n
	}
	lo, hi := 0, len(r)-1
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if seqnum.Less(r[mid].last, tsn) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

func (s *rangeSet) contains(tsn uint32) bool {
	i := s.search(tsn)
	r := s.ranges()
	return i < len(r) && seqnum.LessEqual(r[i].first, tsn)
}

// add adds one TSN that is not in the set.
func (s *rangeSet) add(tsn uint32) { s.addRange(tsn, tsn) }

// addRange adds the TSNs from first to last, some of which may be there.
func (s *rangeSet) addRange(first, last uint32) {
	// Ranges that touch [first-1, last+1] merge with it.
	i := s.search(first - 1)
	r := s.ranges()
	j := i
	for j < len(r) && seqnum.LessEqual(r[j].first, last+1) {
		first = seqnum.Min(first, r[j].first)
		last = seqnum.Max(last, r[j].last)
		j++
	}
	if i == j {
		s.insert(i, tsnRange{first, last})
		return
	}
	r[i] = tsnRange{first, last}
	if j > i+1 {
		s.list = append(s.list[:s.head+i+1], s.list[s.head+j:]...)
	}
}

func (s *rangeSet) insert(i int, r tsnRange) {
	if s.head > 0 && len(s.list) == cap(s.list) {
		n := copy(s.list, s.list[s.head:])
		s.list, s.head = s.list[:n], 0
	}
	s.list = append(s.list, tsnRange{})
	live := s.ranges()
	copy(live[i+1:], live[i:])
	live[i] = r
}

// removeTo removes tsn and all before it.
func (s *rangeSet) removeTo(tsn uint32) {
	for s.head < len(s.list) {
		r := &s.list[s.head]
		if seqnum.Less(tsn, r.first) {
			return
		}
		if seqnum.Less(tsn, r.last) {
			r.first = tsn + 1
			return
		}
		s.head++
	}
	s.clear()
}
