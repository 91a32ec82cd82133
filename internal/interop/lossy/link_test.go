package lossy

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLinkDelaysAndKeepsOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := Pipe(Config{Delay: 20 * time.Millisecond, Rate: 1_000_000, Queue: 1 << 20})
		defer a.Close()
		defer b.Close()
		start := time.Now()
		for i := range 100 {
			_, err := a.Write(append(make([]byte, 999), byte(i)))
			require.NoError(t, err)
		}
		buf := make([]byte, 1500)
		for i := range 100 {
			n, err := b.Read(buf)
			require.NoError(t, err)
			require.Equal(t, byte(i), buf[n-1], "datagram out of order")
			require.Equal(t, 20*time.Millisecond+time.Duration(i+1)*time.Millisecond, time.Since(start))
		}
		require.NoError(t, b.SetReadDeadline(time.Now().Add(time.Second)))
		_, err := b.Read(buf)
		require.ErrorAs(t, err, new(timeoutError))
		require.Equal(t, 1120*time.Millisecond, time.Since(start))
	})
}

func TestLinkQueueAndLoss(t *testing.T) {
	received := func(cfg Config) (n int) {
		synctest.Test(t, func(t *testing.T) {
			a, b := Pipe(cfg)
			defer a.Close()
			defer b.Close()
			for range 1000 {
				a.Write(make([]byte, 1000))
			}
			b.SetReadDeadline(time.Now().Add(time.Minute))
			for buf := make([]byte, 1500); ; n++ {
				if _, err := b.Read(buf); err != nil {
					return
				}
			}
		})
		return n
	}
	require.Equal(t, 1000, received(Config{}))
	require.Equal(t, 50, received(Config{Rate: 1_000_000, Queue: 50_000}), "a queue of 50 datagrams")
	require.InDelta(t, 750, received(Config{Loss: 0.25, Seed: 1}), 40)
}
