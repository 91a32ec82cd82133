package srtp

import "encoding/binary"

// An element of GF(2^128) as GCM writes it: the highest bit of hi is the coefficient of x^0,
// the lowest of lo that of x^127. (NIST SP 800-38D section 6.3)
type element struct{ hi, lo uint64 }

func loadElement(b []byte) element {
	return element{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}
}

func (a element) add(b element) element { return element{a.hi ^ b.hi, a.lo ^ b.lo} }

// mul multiplies without branches that depend on the values, and without tables.
func (a element) mul(b element) (z element) {
	for _, bits := range [2]uint64{a.hi, a.lo} {
		for range 64 {
			mask := uint64(int64(bits) >> 63) // all ones if the highest bit is one
			z.hi ^= b.hi & mask
			z.lo ^= b.lo & mask
			b = b.timesX()
			bits <<= 1
		}
	}
	return z
}

// timesX multiplies by x, modulo x^128 + x^7 + x^2 + x + 1.
func (a element) timesX() element {
	carry := -(a.lo & 1)
	return element{a.hi>>1 ^ carry&(0xe1<<56), a.lo>>1 | a.hi<<63}
}

// inverse returns a^(2^128-2), which is 1/a, and zero for zero.
//
// The exponent is 127 ones and a zero in binary. From a power of n ones come those of 2n and
// of 2n+1 ones, and 127 is six times that from one.
func (a element) inverse() element {
	power, ones := a, 1
	for range 6 {
		shifted := power
		for range ones {
			shifted = shifted.mul(shifted)
		}
		power = shifted.mul(power)
		power, ones = power.mul(power).mul(a), 2*ones+1
	}
	return power.mul(power)
}
