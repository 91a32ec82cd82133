package rtp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"
	"time"
)

// script reads a fuzz input as a list of calls.
type script struct{ b []byte }

func (s *script) byte() byte {
	if len(s.b) == 0 {
		return 0
	}
	v := s.b[0]
	s.b = s.b[1:]
	return v
}

func (s *script) uint16() uint16 { return uint16(s.byte())<<8 | uint16(s.byte()) }

// FuzzReceiver gives a Receiver and a Reorder any packets at any times. No number may be accepted
// twice, packets come out in order, and what is held and asked for stays bounded.
func FuzzReceiver(f *testing.F) {
	f.Add([]byte{0, 1, 0, 2, 0, 5, 3, 9, 0, 1, 4, 7, 0, 2})
	f.Add([]byte{1, 0xff, 0xfe, 2, 0x80, 0, 2, 0x80, 1, 2, 0, 0, 2, 0, 1, 3, 255, 5})
	f.Fuzz(func(t *testing.T, b []byte) {
		s := script{b}
		r := NewReceiver(ReceiverConfig{SSRC: 1, RTXSSRC: 2, ClockRate: 90_000, NACK: true, KeyFrames: true})
		q := NewReorder(ReorderConfig{MaxPackets: 128, MaxBytes: 400})
		now, number := epoch, uint16(0)
		accepted := map[uint64]bool{}
		last, anything := uint64(0), false
		for len(s.b) > 0 {
			var a Arrival
			var h Header
			payload := []byte{0, 0, 1, 2, 3}
			switch s.byte() % 8 {
			case 0:
				number++
			case 1:
				number += uint16(s.byte())
			case 2:
				number = s.uint16()
			case 3:
				now = now.Add(time.Duration(s.byte()) * 10 * ms)
			case 4:
				number -= uint16(s.byte())
			case 5:
				now = now.Add(-time.Hour)
			case 6:
				h.SequenceNumber = number
				binary.BigEndian.PutUint16(payload, number-uint16(s.byte())+2)
				a, payload = r.HandleRTX(now, &h, payload, 96)
			case 7:
				r.SetPaused(now, s.byte()&1 != 0)
			}
			if a == (Arrival{}) {
				h = Header{SequenceNumber: number, Timestamp: uint32(s.uint16()) << 16}
				a = r.HandlePacket(now, &h, payload)
			}
			if a.OK() {
				if accepted[a.Sequence] {
					t.Fatalf("number %d is accepted again", a.Sequence)
				}
				accepted[a.Sequence] = true
				if a.Restarted {
					q.Reset()
				}
				q.Push(now, a.Sequence, &h, payload)
			}
			q.SetDelay(r.RepairTime())
			r.HandleTimeout(now)
			if n := len(r.AppendNACK(now, nil)); n > maxMissing {
				t.Fatalf("%d packets asked for", n)
			}
			r.TakeKeyFrameRequest(now)
			if at := r.Deadline(); !at.IsZero() && !at.After(now) && now.After(r.time.time(r.time.now).Add(-1)) {
				t.Fatalf("deadline %v is not after %v", at, now)
			}
			r.Report(now)
			for {
				p, ok := q.Pop(now)
				if !ok {
					break
				}
				if anything && p.Sequence <= last {
					t.Fatalf("%d comes out after %d", p.Sequence, last)
				}
				last, anything = p.Sequence, true
			}
			if packets, bytes := q.Held(); packets > 128 || bytes > 400 {
				t.Fatalf("%d packets and %d bytes are held", packets, bytes)
			}
		}
	})
}

// FuzzSender writes any numbers and asks for any. Each number is sent for the first time at most once, and what
// is held stays bounded.
func FuzzSender(f *testing.F) {
	f.Add([]byte{0, 0, 0, 3, 2, 0, 3, 4, 50, 2, 1, 3})
	f.Add([]byte{1, 0x80, 0, 1, 0xff, 0xff, 3, 2, 9, 3, 5, 3, 6, 0, 3})
	f.Fuzz(func(t *testing.T, b []byte) {
		s := script{b}
		sender := NewSender(SenderConfig{SSRC: 1, RTXSSRC: 2, CachePackets: 64, QueuePackets: 16, CacheBytes: 2000, QueueBytes: 1000})
		sender.SetRTX(96, 97)
		now, number, written := epoch, uint16(0), uint64(0)
		for len(s.b) > 0 {
			switch s.byte() % 8 {
			case 0:
				number = sender.NextSequenceNumber()
			case 1:
				number = s.uint16()
			case 2:
				sender.HandleNACK(now, number-uint16(s.byte()))
			case 3:
				for {
					p, ok := sender.Poll(now)
					if !ok {
						break
					}
					if err := checkOutgoing(p); err != nil {
						t.Fatal(err)
					}
				}
			case 4:
				now = now.Add(time.Duration(s.byte()) * ms)
			case 5:
				sender.Padding(now, int(s.byte()))
			case 6:
				sender.SetPaused(now, s.byte()&1 != 0)
			case 7:
				now = now.Add(-time.Hour)
			}
			h := Header{SequenceNumber: number, PayloadType: 96 + uint8(number&1)}
			write := sender.Write
			if number&2 != 0 {
				write = sender.WriteShared
			}
			if write(now, &h, bytes.Repeat([]byte{byte(number)}, int(s.byte()))) == nil {
				written++
			}
			st := sender.Stats()
			packets, size := sender.Queued()
			switch {
			case st.CachedPackets > 64 || st.CachedBytes > 2000:
				t.Fatalf("%d packets and %d bytes are held", st.CachedPackets, st.CachedBytes)
			case size < 0 || size > 1000 || packets > 16:
				t.Fatalf("%d packets and %d bytes are queued", packets, size)
			case st.Packets > written:
				t.Fatalf("%d packets sent of %d", st.Packets, written)
			case len(sender.again.ring) > 1024:
				t.Fatalf("%d retransmissions are queued", sender.again.count)
			}
		}
	})
}

// checkOutgoing says whether a packet has the payload that was written with its number, which consists of its last byte.
func checkOutgoing(p *Outgoing) error {
	_, payload, err := Parse(p.packet())
	number := p.Number
	if p.RTX {
		number, payload = p.OSN, payload[min(len(payload), osnSize):]
	}
	for _, b := range payload {
		if b != byte(number) {
			return fmt.Errorf("packet %d has the payload of another: %x", number, payload)
		}
	}
	return err
}

// FuzzRewriter forwards and drops any numbers of any sources. No number may be given to two packets.
func FuzzRewriter(f *testing.F) {
	f.Add([]byte{0, 1, 2, 1, 2, 3, 1, 0, 9, 1, 2, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		s := script{b}
		r := Rewriter{ClockRate: 90_000}
		type packet struct{ source, seq uint64 }
		given := map[uint64]packet{}
		seen := map[packet]bool{}
		p := packet{0, 1 << 16}
		for len(s.b) > 0 {
			switch s.byte() % 4 {
			case 0:
				p.source++
				p.seq = 1<<16 | uint64(s.uint16())
				r.Switch(epoch, p.seq, 0)
				continue
			case 1:
				p.seq += uint64(s.byte()) % 8
			case 2:
				p.seq -= uint64(s.byte()) % 8
			case 3:
				p.seq++
			}
			if seen[p] {
				continue
			}
			seen[p] = true
			var seq uint64
			var ok bool
			if s.byte()&1 == 0 {
				seq, ok = r.Drop(p.seq)
			} else {
				seq, _, ok = r.Forward(epoch, p.seq, 0)
			}
			if !ok {
				continue
			}
			if other, taken := given[seq]; taken {
				t.Fatalf("number %d is given to %v and to %v", seq, other, p)
			}
			given[seq] = p
		}
	})
}

// FuzzVP8Rewriter forwards any payloads. Only the counters may change.
func FuzzVP8Rewriter(f *testing.F) {
	f.Add([]byte{0x90, 0xf0, 0x80, 1, 0x42, 0xa5, 0x50}, []byte{0x90, 0x80, 0x11, 0x50})
	f.Fuzz(func(t *testing.T, a, b []byte) {
		var v VP8Rewriter
		for _, payload := range [][]byte{a, b, a} {
			before, ok := ParseVP8Fields(payload)
			if !ok {
				continue
			}
			before.KeyFrame(payload)
			if len(payload)%2 == 0 {
				v.Switch(&before)
			}
			rest := string(payload[before.size:])
			v.Forward(&before, payload)
			after, ok := ParseVP8Fields(payload)
			if !ok || string(payload[after.size:]) != rest {
				t.Fatalf("%x has another layout than before", payload)
			}
			after.PictureID, after.TL0PICIDX, after.KEYIDX = before.PictureID, before.TL0PICIDX, before.KEYIDX
			if after != before {
				t.Fatalf("%+v became %+v", before, after)
			}
		}
	})
}
