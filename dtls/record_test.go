package dtls

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// TestReplayWindow compares the window with a plain set.
func TestReplayWindow(t *testing.T) {
	draw := rand.New(seeded(1))
	var w replayWindow
	seen := map[uint64]bool{}
	var top uint64
	for range 20000 {
		seq := top + uint64(draw.IntN(300))
		switch draw.IntN(20) {
		case 0:
			seq = top + uint64(draw.IntN(2000))
		default:
			seq -= min(seq, uint64(draw.IntN(400)))
		}
		old := top > 0 && seq < top && top-seq > replaySize
		if got, want := w.seen(seq), old || seen[seq]; got != want {
			t.Fatalf("seen(%d) with %d next: got %v, want %v", seq, top, got, want)
		}
		w.add(seq)
		if !old {
			seen[seq] = true
		}
		top = max(top, seq+1)
	}
}

func TestReplayWindowEdges(t *testing.T) {
	var w replayWindow
	w.add(maxSequence)
	if !w.seen(maxSequence) || w.seen(maxSequence-1) || w.seen(maxSequence-replaySize+1) || !w.seen(maxSequence-replaySize) {
		t.Errorf("wrong at the last sequence number")
	}
	if w = (replayWindow{}); w.seen(0) {
		t.Errorf("an empty window has seen 0")
	}
	w.add(0)
	if !w.seen(0) || w.seen(1) {
		t.Errorf("wrong after 0")
	}
}

// keysFor returns the two ends of a direction.
func keysFor(t testing.TB, v Version) (write, read *protection) {
	t.Helper()
	ends := [2]*protection{}
	for i := range ends {
		var err error
		if v == VersionDTLS12 {
			ends[i], err = newProtection12(make([]byte, 16), []byte{1, 2, 3, 4})
		} else {
			ends[i], err = newProtection13(TLS_AES_128_GCM_SHA256, 3, make([]byte, 32))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return ends[0], ends[1]
}

// TestNonce12: "the nonce_explicit MAY be the 64-bit sequence number", and here it is,
// with the epoch, so that it cannot repeat.
// https://www.rfc-editor.org/rfc/rfc5288#section-3
func TestNonce12(t *testing.T) {
	write, _ := keysFor(t, VersionDTLS12)
	for seq := range uint64(1000) {
		record := write.seal(nil, recordApplicationData, []byte("x"))
		header, explicit := record[3:11], record[plainHeaderSize:plainHeaderSize+explicitNonceSize]
		if !bytes.Equal(header, explicit) || binary.BigEndian.Uint64(explicit) != 1<<48|seq {
			t.Fatalf("record %d has number %x and nonce %x", seq, header, explicit)
		}
	}
}

// TestUnifiedHeaderForms seals records with all forms of the header, and opens them.
func TestUnifiedHeaderForms(t *testing.T) {
	for _, seqLen := range []int{1, 2} {
		for _, withLength := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d/%v", seqLen, withLength), func(t *testing.T) {
				write, read := keysFor(t, VersionDTLS13)
				for _, seq := range []uint64{0, 1, 100, 127, 200, 255, 256, 300, 390, 65535 - 100} {
					if seqLen == 1 && seq > 1000 {
						continue
					}
					if seq > 1000 {
						read.window.add(seq - 5)
					}
					padding := int(seq) % 3
					record := sealForm(write, seq, seqLen, withLength, recordHandshake, []byte("content"), padding)
					h, n := parseUnified(record)
					if n != len(record) || len(h.body) != len("content")+1+padding+tagSize {
						t.Fatalf("record %d: parsed %d of %d bytes", seq, n, len(record))
					}
					if got := read.number(&h, record); got != seq {
						t.Fatalf("number %d, want %d", got, seq)
					}
					content, typ, ok := read.open13(nil, &h, seq)
					if !ok || typ != recordHandshake || string(content) != "content" {
						t.Fatalf("record %d: opened %q, type %d, %v", seq, content, typ, ok)
					}
					read.window.add(seq)
				}
			})
		}
	}
}

// sealForm seals a record with a header of a form that we do not send.
func sealForm(p *protection, seq uint64, seqLen int, withLength bool, typ uint8, content []byte, padding int) []byte {
	first := byte(unifiedFixed | p.epoch&3)
	if seqLen == 2 {
		first |= unifiedSeq16
	}
	if withLength {
		first |= unifiedLength
	}
	record := []byte{first}
	if seqLen == 2 {
		record = append(record, byte(seq>>8))
	}
	record = append(record, byte(seq))
	inner := append(append(bytes.Clone(content), typ), make([]byte, padding)...)
	if withLength {
		record = binary.BigEndian.AppendUint16(record, uint16(len(inner)+tagSize))
	}
	size := len(record)
	p.prepareNonce13(seq)
	record = p.aead.Seal(record, p.nonce[:], inner, bytes.Clone(record))
	p.sn.Encrypt(p.mask[:], record[size:])
	for i := range seqLen {
		record[1+i] ^= p.mask[i]
	}
	return record
}

func TestUnifiedHeaderMalformed(t *testing.T) {
	write, _ := keysFor(t, VersionDTLS13)
	record := write.seal(nil, recordApplicationData, []byte("content"))
	for i := 1; i < len(record); i++ {
		if _, n := parseUnified(record[:i]); n >= 0 {
			t.Errorf("the first %d bytes of %d are parsed", i, len(record))
		}
	}
	cid := bytes.Clone(record)
	cid[0] |= unifiedCID
	if _, n := parseUnified(cid); n >= 0 {
		t.Errorf("a record with a connection id is parsed")
	}
}

// TestPlainDataNeverDelivered: before, during and after the handshake.
func TestPlainDataNeverDelivered(t *testing.T) {
	for _, v := range []Version{VersionDTLS13, VersionDTLS12} {
		test := newPair(t, pairOptions{client: only(v)})
		plain := append(appendPlainHeader(nil, recordApplicationData, VersionDTLS12, 0, 7, 5), "plain"...)
		for range 30 {
			test.receive(test.client, plain)
			test.receive(test.server, plain)
			test.step()
		}
		test.connect()
		test.receive(test.client, plain)
		test.receive(test.server, plain)
		test.talk()
		for _, p := range test.peers() {
			if len(p.data) != 1 {
				t.Errorf("%v: %s has data %q", v, p.name, p.data)
			}
			if p.conn.Stats().RecordsUnprotected < 2 {
				t.Errorf("%v: %s has counted %+v", v, p.name, p.conn.Stats())
			}
		}
	}
}

// TestReplays: a record counts once, in any order.
func TestReplays(t *testing.T) {
	for _, v := range []Version{VersionDTLS13, VersionDTLS12} {
		test := newPair(t, pairOptions{client: only(v)})
		test.connect()
		var records [][]byte
		for i := range 300 {
			b, err := test.client.conn.AppendData(test.now, nil, fmt.Appendf(nil, "%d", i))
			if err != nil {
				t.Fatal(err)
			}
			records = append(records, b)
		}
		for i := 0; i < len(records); i += 100 { // mixed, but within the window
			rand.New(seeded(3)).Shuffle(100, func(a, b int) {
				records[i+a], records[i+b] = records[i+b], records[i+a]
			})
		}
		for range 2 {
			for _, b := range records {
				test.receive(test.server, b)
				test.drain(test.server)
			}
			if len(test.server.data) != 300 {
				t.Fatalf("%v: %d records delivered, want 300", v, len(test.server.data))
			}
		}
		got := map[string]int{}
		for _, d := range test.server.data {
			got[string(d)]++
		}
		if len(got) != 300 || len(test.server.data) != 300 {
			t.Errorf("%v: %d records delivered, %d of them different, want 300", v, len(test.server.data), len(got))
		}
		if n := test.server.conn.Stats().RecordsReplayed; n != 300 {
			t.Errorf("%v: %d replays counted", v, n)
		}
	}
}

// TestRecordsInOneDatagram: several kinds of records together.
func TestRecordsInOneDatagram(t *testing.T) {
	for _, v := range []Version{VersionDTLS13, VersionDTLS12} {
		test := newPair(t, pairOptions{client: only(v)})
		test.connect()
		test.run(time.Second)
		var b []byte
		for i := range 3 {
			b, _ = test.client.conn.AppendData(test.now, b, fmt.Appendf(nil, "record %d", i))
		}
		test.client.conn.Close(test.now)
		b, ok := test.client.conn.AppendPacket(test.now, b)
		if !ok {
			t.Fatal("no close_notify")
		}
		test.receive(test.server, b)
		test.drain(test.server)
		if len(test.server.data) != 3 || !test.server.closed || test.server.err != nil {
			t.Errorf("%v: data %q, closed %v by %v", v, test.server.data, test.server.closed, test.server.err)
		}
	}
}

// TestLastSequenceNumber: a connection ends before its numbers wrap.
func TestLastSequenceNumber(t *testing.T) {
	for _, v := range []Version{VersionDTLS13, VersionDTLS12} {
		test := newPair(t, pairOptions{client: only(v)})
		test.connect()
		test.run(time.Second)
		p := test.client.conn.writeApp
		p.next = p.limits.hard - 2
		for range 2 {
			if _, err := test.client.conn.AppendData(test.now, nil, []byte("x")); err != nil {
				t.Fatalf("%v: %v", v, err)
			}
		}
		if _, err := test.client.conn.AppendData(test.now, nil, []byte("x")); err != ErrKeyLimit {
			t.Errorf("%v: %v, want %v", v, err, ErrKeyLimit)
		}
		test.drain(test.client)
		if !test.client.closed || test.client.err != ErrKeyLimit {
			t.Errorf("%v: closed %v by %v", v, test.client.closed, test.client.err)
		}
		if _, err := test.client.conn.AppendData(test.now, nil, []byte("x")); err != ErrClosed {
			t.Errorf("%v: after the end: %v, want %v", v, err, ErrClosed)
		}
	}
}
