package sctp

import "math/bits"

// Sizes of buffers are rounded up to one of four steps between powers of two,
// so that at most a fifth of a large buffer is unused.
const (
	minBuffer     = 64
	maxPooled     = 1 << 20
	maxPooledHeld = 8 << 20
	keptWhenIdle  = 64 << 10
)

// sizeClass returns the class of buffers that hold n bytes, and their size.
func sizeClass(n int) (class, size int) {
	if n <= minBuffer {
		return 0, minBuffer
	}
	top := bits.Len(uint(n - 1)) // 1<<(top-1) < n <= 1<<top
	low := 1 << (top - 1)
	step := low / 4
	q := (n - low + step - 1) / step
	return (top-7)*4 + q, low + q*step
}

// bufferPool keeps buffers for reuse. It needs no lock: an association has one
// owner.
type bufferPool struct {
	free [][][]byte // by class
	held int        // bytes in free
}

// get returns a buffer of n bytes with arbitrary contents.
func (p *bufferPool) get(n int) []byte {
	class, size := sizeClass(n)
	if class < len(p.free) {
		if list := p.free[class]; len(list) > 0 {
			b := list[len(list)-1]
			list[len(list)-1] = nil
			p.free[class] = list[:len(list)-1]
			p.held -= size
			return b[:n]
		}
	}
	if size > maxPooled {
		size = n
	}
	return make([]byte, n, size)
}

// put takes back a buffer of get.
func (p *bufferPool) put(b []byte) {
	n := cap(b)
	if n < minBuffer || n > maxPooled || p.held+n > maxPooledHeld {
		return
	}
	class, size := sizeClass(n)
	if size != n {
		return
	}
	for class >= len(p.free) {
		p.free = append(p.free, nil)
	}
	p.free[class] = append(p.free[class], b)
	p.held += n
}

// trim lets go of most of what is kept.
func (p *bufferPool) trim() {
	if p.held > keptWhenIdle {
		*p = bufferPool{}
	}
}
