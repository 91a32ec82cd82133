package main

import (
	"net"
	"runtime"
	"time"

	"github.com/pion/logging"
	"github.com/pion/sctp"
	"github.com/pion/transport/v5/dpipe"

	"github.com/sansrtc/rtc/internal/interop/lossy"
)

// pionTransfer sends messages over a pion/sctp association on the ends of a link and
// returns how long that took, from the association's start of life on. before, if
// not nil, is called when the association stands.
func (b *board) pionTransfer(one, two net.Conn, messages int, before func()) time.Duration {
	config := func(conn net.Conn) sctp.Config {
		return sctp.Config{
			NetConn:       conn,
			LoggerFactory: quietLoggers(),
			BlockWrite:    true,
			MTU:           sctpMTU,
		}
	}
	accepted := make(chan *sctp.Association, 1)
	go func() {
		a, err := sctp.Server(config(two))
		b.must(err)
		accepted <- a
	}()
	sender, err := sctp.Client(config(one))
	b.must(err)
	receiver := <-accepted

	out, err := sender.OpenStream(1, sctp.PayloadTypeWebRTCBinary)
	b.must(err)
	start := time.Now()
	if before != nil {
		before()
	}
	go func() {
		for message := make([]byte, messageSize); messages > 0; messages-- {
			if _, err := out.Write(message); err != nil {
				return // closed below
			}
		}
	}()
	in, err := receiver.AcceptStream()
	b.must(err)
	buf := make([]byte, messageSize)
	for range messages {
		n, err := in.Read(buf)
		b.must(err)
		if n != messageSize {
			b.t.Fatalf("pion/sctp delivered %d bytes of %d", n, messageSize)
		}
	}
	took := time.Since(start)
	sender.Close()
	receiver.Close()
	return took
}

// quietLoggers log nothing.
func quietLoggers() logging.LoggerFactory {
	f := logging.NewDefaultLoggerFactory()
	f.DefaultLogLevel = logging.LogLevelDisabled
	return f
}

// pionMemory returns the processor time per megabyte, in ms, and the allocations per
// packet of a pion/sctp pair in memory, on one processor.
func (b *board) pionMemory(megabytes int) (cpu, allocs float64) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	messages := megabytes << 20 / messageSize
	one, two := dpipe.Pipe()
	var start time.Duration
	var before, after runtime.MemStats
	b.pionTransfer(one, two, messages, func() {
		runtime.ReadMemStats(&before)
		start = cpuTime()
	})
	used := cpuTime() - start
	runtime.ReadMemStats(&after)
	packets := float64(messages) * ceilDiv(messageSize, sctpMTU-28) // DATA packets
	return milliseconds(used) / float64(megabytes), float64(after.Mallocs-before.Mallocs) / packets
}

func ceilDiv(a, b int) float64 { return float64((a + b - 1) / b) }

// pionLink returns the speed of pion/sctp over the virtual link in MB/s: the median of
// some seeds.
func (b *board) pionLink(c cell, megabytes, seeds int) float64 {
	var speeds []float64
	for seed := range seeds {
		b.bubble(func() {
			one, two := lossy.Pipe(lossy.Config{
				Delay: c.rtt / 2, Loss: c.loss, Rate: linkRate / 8, Queue: linkQueue, Seed: uint64(seed),
			})
			defer one.Close()
			defer two.Close()
			took := b.pionTransfer(one, two, megabytes*1_000_000/messageSize, nil)
			speeds = append(speeds, float64(megabytes)/took.Seconds())
		})
	}
	return median(speeds)
}
