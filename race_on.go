//go:build race

package rtc

// poison overwrites bytes whose loan has ended, so that a test of a program that
// keeps them fails at once instead of seldom. It is compiled in with -race only.
func poison(b []byte) {
	for i := range b {
		b[i] = 0xDB
	}
}
