package rtp

import "testing"

// BenchmarkSender writes, builds and takes away packets of 1,200 bytes.
func BenchmarkSender(b *testing.B) {
	s := NewSender(SenderConfig{SSRC: 1, RTXSSRC: 2, ClockRate: 90_000})
	s.SetRTX(96, 97)
	h := Header{PayloadType: 96}
	s.SetExtensions(Extensions{Profile: ExtensionOneByte, Data: []byte{0x31, 0, 0}}, Extensions{})
	payload := make([]byte, 1200)
	now := epoch
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(ms)
		h.SequenceNumber++
		h.Timestamp += 90
		s.Write(now, &h, payload)
		for {
			p, ok := s.Poll(now)
			if !ok {
				break
			}
			p.Own.Data[1]++
		}
	}
}

// BenchmarkReceiver takes packets, with all that has to be asked after each.
func BenchmarkReceiver(b *testing.B) {
	r := NewReceiver(ReceiverConfig{SSRC: 1, RTXSSRC: 2, ClockRate: 90_000, NACK: true, KeyFrames: true})
	h := Header{PayloadType: 96}
	payload := make([]byte, 1200)
	now := epoch
	var nacks []uint16
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(ms)
		h.SequenceNumber++
		h.Timestamp += 90
		r.HandlePacket(now, &h, payload)
		r.HandleTimeout(now)
		nacks = r.AppendNACK(now, nacks[:0])
		r.Deadline()
	}
}

// BenchmarkReorder takes packets through the buffer.
func BenchmarkReorder(b *testing.B) {
	q := NewReorder(ReorderConfig{})
	h := Header{PayloadType: 96}
	payload := make([]byte, 1200)
	seq := uint64(1 << 16)
	b.ReportAllocs()
	for b.Loop() {
		seq++
		q.Push(epoch, seq, &h, payload)
		q.Pop(epoch)
	}
}

// BenchmarkRewriter forwards packets of a stream of which a third is left out.
func BenchmarkRewriter(b *testing.B) {
	r := Rewriter{ClockRate: 90_000}
	seq := uint64(1 << 16)
	r.Switch(epoch, seq, 0)
	b.ReportAllocs()
	for b.Loop() {
		seq++
		if seq%3 == 0 {
			r.Drop(seq)
		} else {
			r.Forward(epoch, seq, uint32(seq))
		}
	}
}
