// Package seqnum compares and extends the wrapping sequence numbers of
// Internet protocols, by the rules of RFC 1982: TSNs, stream sequence numbers,
// RTP sequence numbers and timestamps.
package seqnum

// Number is a wrapping sequence number.
type Number interface {
	~uint16 | ~uint32
}

// Less reports whether a comes before b: whether the way from a up to b is
// shorter than half the number space. Of two numbers exactly half the space
// apart neither comes before the other by RFC 1982; here the numerically
// larger one does, so that exactly one of Less(a, b), Less(b, a) and a == b
// holds for every pair.
func Less[T Number](a, b T) bool {
	d := b - a // wraps
	half := ^T(0)/2 + 1
	return d != 0 && (d < half || d == half && a > b)
}

// LessEqual reports whether a is b or comes before it.
func LessEqual[T Number](a, b T) bool {
	return a == b || Less(a, b)
}

// Max returns the later one of a and b.
func Max[T Number](a, b T) T {
	if Less(a, b) {
		return b
	}
	return a
}

// Min returns the earlier one of a and b.
func Min[T Number](a, b T) T {
	if Less(b, a) {
		return b
	}
	return a
}

// Extend returns the 64-bit number closest to last whose low bits are n: the
// roll-over counter of a sequence that is followed without gaps of half the
// number space. A number before the first roll-over is never extended to one
// below zero.
func Extend[T Number](last uint64, n T) uint64 {
	half := uint64(^T(0)/2) + 1
	low := T(last)
	if !Less(n, low) {
		return last + uint64(n-low)
	}
	back := uint64(low - n)
	if back > last {
		return last + 2*half - back
	}
	return last - back
}
