package rtc_test

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/internal/simnet"
	"github.com/sansrtc/rtc/sctp"
)

// unreadLimit is the receive buffer of R in these tests.
const unreadLimit = 256 << 10

func unreadWorld(t *testing.T) *world {
	w := newWorld(t, worldConfig{
		link:   simnet.LinkConfig{Delay: ms},
		change: func(_, r *rtc.Config) { r.ReceiveBuffer, r.MaxMessageSize = unreadLimit, 64<<10 },
	})
	w.connect()
	return w
}

// An application that does not poll stops its peer. When it polls again it gets every message.
func TestUnreadMessages(t *testing.T) {
	w := unreadWorld(t)
	l, _ := w.open(sctp.ChannelConfig{Label: "bulk"})
	w.net.Run(time.Second)
	now := w.net.Now()
	// L sends all it may. R gets it and says nothing, since nobody polls.
	sent, message := 0, make([]byte, 1000)
	before := heap()
	for range 2000 {
		now = now.Add(10 * ms)
		w.l.HandleInput(rtc.Input{Now: now})
		for w.l.BufferedAmount(l) < 64<<10 {
			copy(message, fmt.Sprintf("%8d", sent))
			if w.l.Send(now, l, true, message) != nil {
				break
			}
			sent++
		}
		exchange(now, w.l, w.r, nil, nil)
		w.r.HandleInput(rtc.Input{Now: now})
	}
	s := w.r.Stats().SCTP
	require.LessOrEqual(t, s.ReceiveBufferUsed, unreadLimit)
	require.Less(t, int64(heap())-int64(before), int64(2<<20), "both sides together")
	require.Less(t, sent, 200, "messages that L could get rid of")
	require.NoError(t, w.l.Send(now, l, false, []byte("the last")))
	sent++

	// R polls again.
	var got []string
	for range 2000 {
		now = now.Add(10 * ms)
		for _, p := range []*simPeer{w.r, w.l} {
			p.HandleInput(rtc.Input{Now: now})
			exchange(now, p, w.other(p), nil, func(ev rtc.Event) {
				if m, ok := ev.(*rtc.ChannelMessage); ok {
					got = append(got, string(m.Data[:8]))
				}
			})
		}
	}
	require.Len(t, got, sent)
	for i, m := range got[:sent-1] {
		require.Equal(t, fmt.Sprintf("%8d", i), m)
	}
	require.Equal(t, "the last", got[sent-1])
}

// A peer that minds no window fills the receive buffer and no more. What did not fit is dropped
// and counted; what did is read later.
func TestUnreadFlood(t *testing.T) {
	w := unreadWorld(t)
	l, r := w.open(sctp.ChannelConfig{Label: "bulk"})
	w.net.Run(time.Second)
	require.NoError(t, w.l.Send(w.net.Now(), l, true, []byte("before")))
	w.net.Run(time.Second)
	require.Len(t, w.r.received["bulk"], 1)
	now := w.net.Now()

	packet := dataPacket(t, w.l.lastPacket)
	sent, before := 0, heap()
	for ; sent < 4000; sent++ {
		record, err := w.l.Seal(packet.next())
		require.NoError(t, err)
		w.r.HandleInput(rtc.Input{Now: now, Local: w.r.addr, Remote: w.l.addr, Data: record})
	}
	s := w.r.Stats().SCTP
	require.LessOrEqual(t, s.ReceiveBufferUsed, unreadLimit)
	require.Less(t, int64(heap())-int64(before), int64(1<<20), "growth of R")
	require.Positive(t, s.DroppedWindow)
	read := 0
	exchange(now, w.r, w.l, func([]byte) bool { return true }, func(ev rtc.Event) {
		if m, ok := ev.(*rtc.ChannelMessage); ok && m.ID == r {
			read++
		}
	})
	require.Equal(t, sent, read+int(s.DroppedWindow))
	require.False(t, w.r.closed)
}

// A session that is never polled takes no memory for what it would have to say.
func TestNeverPolled(t *testing.T) {
	w := newWorld(t, worldConfig{link: simnet.LinkConfig{Delay: ms}})
	w.connect()
	l, _ := w.open(sctp.ChannelConfig{Label: "chat"})
	now := w.net.Now()
	for range 1000 { // L repeats itself, since it is not answered
		now = now.Add(20 * ms)
		_ = w.l.Send(now, l, true, make([]byte, 100))
		w.l.HandleInput(rtc.Input{Now: now})
		exchange(now, w.l, w.r, nil, nil)
	}
	before := heap()
	for range 10_000 {
		now = now.Add(ms)
		w.l.HandleInput(rtc.Input{Now: now})
		exchange(now, w.l, w.r, nil, nil)
		w.r.HandleInput(rtc.Input{Now: now})
	}
	require.Less(t, int64(heap())-int64(before), int64(64<<10), "growth in 10 s")
	require.Less(t, w.r.Stats().SCTP.ReceiveBufferUsed, 1<<20)
}

// A rawData is an SCTP packet with one DATA chunk, an unordered message of 1,000 bytes.
type rawData struct{ b []byte }

// dataPacket continues after a packet that ends with a DATA chunk.
func dataPacket(t *testing.T, last []byte) *rawData {
	t.Helper()
	require.Equal(t, byte(0), last[12], "the last packet begins with DATA: %x", last)
	p := &rawData{b: append([]byte(nil), last[:28]...)}
	p.b = append(p.b, make([]byte, 1000)...)
	p.b[13] = 7 // unordered, beginning and end
	binary.BigEndian.PutUint16(p.b[14:], 16+1000)
	return p
}

// next returns the packet with the next TSN.
func (p *rawData) next() []byte {
	binary.BigEndian.PutUint32(p.b[16:], binary.BigEndian.Uint32(p.b[16:])+1)
	binary.LittleEndian.PutUint32(p.b[8:], 0)
	binary.LittleEndian.PutUint32(p.b[8:], crc32.Checksum(p.b, crc32.MakeTable(crc32.Castagnoli)))
	return p.b
}
