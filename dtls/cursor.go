package dtls

// cursor reads the presentation language of TLS (RFC 8446 section 3). Past the
// end it yields zeros and remembers that the input was bad.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) take(n int) []byte {
	if c.bad || n > len(c.b) {
		c.bad = true
		c.b = nil
		return nil
	}
	v := c.b[:n:n]
	c.b = c.b[n:]
	return v
}

func (c *cursor) uint(n int) (v uint64) {
	for _, x := range c.take(n) {
		v = v<<8 | uint64(x)
	}
	return v
}

func (c *cursor) u8() uint8   { return uint8(c.uint(1)) }
func (c *cursor) u16() uint16 { return uint16(c.uint(2)) }

// vec8, vec16 and vec24 read a vector with a length of one, two and three bytes.
func (c *cursor) vec8() []byte  { return c.take(int(c.uint(1))) }
func (c *cursor) vec16() []byte { return c.take(int(c.uint(2))) }
func (c *cursor) vec24() []byte { return c.take(int(c.uint(3))) }

// ok reports whether all went well so far.
func (c *cursor) ok() bool { return !c.bad }

// done reports whether all went well and nothing is left.
func (c *cursor) done() bool { return !c.bad && len(c.b) == 0 }

// list16 reads a vector of 16-bit numbers that has at least one. It sets bad
// otherwise.
func list16[T ~uint16](c *cursor, vec []byte) []T {
	if len(vec) < 2 || len(vec)%2 != 0 {
		c.bad = true
		return nil
	}
	out := make([]T, 0, len(vec)/2)
	for ; len(vec) > 0; vec = vec[2:] {
		out = append(out, T(uint16(vec[0])<<8|uint16(vec[1])))
	}
	return out
}

// openVec begins a vector with a length of n bytes; closeVec ends it. at is what
// openVec returned.
func openVec(dst []byte, n int) (_ []byte, at int) {
	for range n {
		dst = append(dst, 0)
	}
	return dst, len(dst)
}

func closeVec(dst []byte, at, n int) []byte {
	length := len(dst) - at
	for i := range n {
		dst[at-1-i] = byte(length >> (8 * i))
	}
	return dst
}

func appendUint16[T ~uint16](dst []byte, v T) []byte { return append(dst, byte(v>>8), byte(v)) }

func appendUint24(dst []byte, v int) []byte {
	return append(dst, byte(v>>16), byte(v>>8), byte(v))
}

// appendVec appends a vector with a length of n bytes.
func appendVec(dst []byte, n int, v []byte) []byte {
	dst, at := openVec(dst, n)
	return closeVec(append(dst, v...), at, n)
}

// appendList16 appends a vector, with a length of two bytes, of 16-bit numbers.
func appendList16[T ~uint16](dst []byte, list []T) []byte {
	dst = appendUint16(dst, uint16(2*len(list)))
	for _, v := range list {
		dst = appendUint16(dst, v)
	}
	return dst
}
