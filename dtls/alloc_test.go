package dtls

import (
	"runtime"
	"testing"
	"time"
)

// TestAllocs pins what must not allocate.
func TestAllocs(t *testing.T) {
	for _, v := range []Version{VersionDTLS13, VersionDTLS12} {
		client, server := connectedPair(t, v)
		now := testEpoch.Add(time.Hour)
		plaintext := make([]byte, 1200)
		var buf []byte
		wantZero := func(what string, f func()) {
			t.Helper()
			if n := testing.AllocsPerRun(200, f); n != 0 {
				t.Errorf("%v: %s: %v allocations", v, what, n)
			}
		}
		wantZero("a record sent and received", func() {
			buf, _ = client.AppendData(now, buf[:0], plaintext)
			server.HandlePacket(now, buf)
			if e, ok := server.NextEvent(); !ok || len(e.Data) != len(plaintext) {
				t.Fatalf("event %v", e.Kind)
			}
		})
		wantZero("a replay", func() { server.HandlePacket(now, buf) })
		buf[len(buf)-1] ^= 1
		buf[10] ^= 0x80
		wantZero("a record that fails authentication", func() { server.HandlePacket(now, buf) })
		junk := []byte{99, 1, 2, 3}
		wantZero("noise", func() { server.HandlePacket(now, junk) })
		alert := plainAlert(2, 40)
		wantZero("a forged alert", func() { server.HandlePacket(now, alert) })
		wantZero("idle", func() {
			server.HandleTimeout(now)
			server.AppendPacket(now, buf[:0])
			server.NextEvent()
			server.Deadline()
		})
	}
}

// TestIdleMemory: a connection without traffic is small.
func TestIdleMemory(t *testing.T) {
	const (
		n     = 50
		limit = 8 * 1024
	)
	for _, v := range []Version{VersionDTLS13, VersionDTLS12} {
		configs := benchConfigs(t, v, X25519)
		conns := make([]*Conn, 0, 2*n)
		heap := func() uint64 {
			runtime.GC()
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return m.HeapAlloc
		}
		before := heap()
		for range n {
			a, b := handshakeOnce(t, configs)
			for _, c := range []*Conn{a, b} {
				c.HandleTimeout(testEpoch.Add(time.Hour))
				c.HandlePacket(testEpoch.Add(time.Hour), nil)
				conns = append(conns, c)
			}
		}
		each := (heap() - before) / (2 * n)
		runtime.KeepAlive(conns)
		t.Logf("%v: %d bytes", v, each)
		if each > limit {
			t.Errorf("%v: an idle Conn holds %d bytes, want %d at most", v, each, limit)
		}
	}
}
