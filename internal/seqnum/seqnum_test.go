package seqnum_test

import (
	"testing"

	"github.com/sansrtc/rtc/internal/seqnum"
)

// "Serial number arithmetic", https://www.rfc-editor.org/rfc/rfc1982#section-3.2
func TestLess(t *testing.T) {
	for _, test := range []struct {
		a, b uint16
		want bool
	}{
		{0, 0, false},
		{0, 1, true},
		{1, 0, false},
		{65535, 0, true},
		{0, 65535, false},
		{0, 32767, true},
		{32767, 0, false},
		{0, 32768, false}, // half the space: the larger comes first
		{32768, 0, true},
		{65000, 100, true},
		{100, 65000, false},
	} {
		if got := seqnum.Less(test.a, test.b); got != test.want {
			t.Errorf("Less(%d, %d) = %v, want %v", test.a, test.b, got, test.want)
		}
		// The same distances in 32 bits, at the same relative place.
		a, b := uint32(test.a)<<16, uint32(test.b)<<16
		if got := seqnum.Less(a, b); got != test.want {
			t.Errorf("Less(%#x, %#x) = %v, want %v", a, b, got, test.want)
		}
	}
}

func TestExactlyOneHolds(t *testing.T) {
	for a := 0; a < 1<<16; a += 251 {
		for b := 0; b < 1<<16; b += 257 {
			x, y := uint16(a), uint16(b)
			n := 0
			for _, holds := range []bool{seqnum.Less(x, y), seqnum.Less(y, x), x == y} {
				if holds {
					n++
				}
			}
			if n != 1 {
				t.Fatalf("%d of Less(%d,%d), Less(%d,%d), equal hold, want exactly 1", n, x, y, y, x)
			}
			if seqnum.LessEqual(x, y) == seqnum.Less(y, x) {
				t.Fatalf("LessEqual(%d,%d) does not contradict Less(%d,%d)", x, y, y, x)
			}
			if m := seqnum.Max(x, y); m == seqnum.Min(x, y) && x != y {
				t.Fatalf("Max and Min of %d, %d are both %d", x, y, m)
			}
		}
	}
}

func TestExtend(t *testing.T) {
	for _, test := range []struct {
		last uint64
		n    uint16
		want uint64
	}{
		{0, 0, 0},
		{0, 5, 5},
		{0, 65535, 65535}, // never below zero
		{65535, 0, 65536},
		{65536, 65535, 65535},
		{65536, 1, 65537},
		{1<<32 - 1, 0, 1 << 32},
		{3<<16 + 10, 65530, 3<<16 - 6},
	} {
		if got := seqnum.Extend(test.last, test.n); got != test.want {
			t.Errorf("Extend(%d, %d) = %d, want %d", test.last, test.n, got, test.want)
		}
	}
}
