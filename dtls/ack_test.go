package dtls

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
	"time"
)

// TestDoublingPath: a path that doubles each datagram costs no datagrams but the
// doubles.
func TestDoublingPath(t *testing.T) {
	for _, v := range []Version{VersionDTLS13, VersionDTLS12} {
		var sent [2][2]int
		for i := range sent {
			test := newPair(t, pairOptions{client: only(v), config: Config{RTT: 50 * time.Millisecond, MTU: 400}})
			test.filter = func(_ *peer, _ int, b []byte) [][]byte {
				if i == 1 {
					return [][]byte{b, b}
				}
				return [][]byte{b}
			}
			test.connect()
			test.talk()
			test.run(time.Second)
			sent[i] = [2]int{test.client.sent, test.server.sent}
		}
		// The last flight of the client is answered each time.
		if sent[1][0] > sent[0][0] || sent[1][1] > sent[0][1]+3 {
			t.Errorf("%v: %v datagrams, and %v when they are doubled", v, sent[0], sent[1])
		}
	}
}

// ackContent is the content of an ACK.
func ackContent(numbers ...recordNumber) []byte {
	b := appendUint16(nil, uint16(len(numbers)*ackEntrySize))
	for _, n := range numbers {
		b = binary.BigEndian.AppendUint64(b, n.epoch)
		b = binary.BigEndian.AppendUint64(b, n.seq)
	}
	return b
}

// flightInTheAir returns a pair whose server has sent its flight, in several
// datagrams that are lost.
func flightInTheAir(t *testing.T) *pair {
	test := newPair(t, pairOptions{client: only(VersionDTLS13), config: Config{MTU: 300, Groups: []Group{X25519}}})
	test.drain(test.client)
	for _, b := range test.client.datagrams {
		test.receive(test.server, b)
	}
	test.drain(test.server)
	test.now = test.now.Add(20 * time.Millisecond)
	test.server.conn.HandleTimeout(test.now)
	return test
}

// TestACKs: what an ACK makes a server send again.
func TestACKs(t *testing.T) {
	first := recordNumber{2, 0}
	for _, tt := range []struct {
		name  string
		epoch uint64
		acks  [][]byte
		want  int // records of the flight left to send; -1: all but those acknowledged
	}{
		{"one record", 2, [][]byte{ackContent(first)}, -1},
		{"twice the same", 2, [][]byte{ackContent(first), ackContent(first)}, -1},
		{"a record never sent", 2, [][]byte{ackContent(recordNumber{2, 99})}, 0},
		{"a record of no epoch", 2, [][]byte{ackContent(recordNumber{1 << 60, 1 << 60})}, 0},
		{"nothing, too soon", 2, [][]byte{ackContent()}, 0},
		{"without protection", 0, [][]byte{ackContent(first)}, 0},
	} {
		test := flightInTheAir(t)
		s := test.server.conn
		for i, content := range tt.acks {
			before := test.server.sent
			if tt.epoch == 0 {
				s.handlePlain(recordACK, 0, content)
			} else {
				s.handleACK(content, tt.epoch)
			}
			owed, acked := 0, 0
			for _, r := range s.flight.records {
				if r.owed {
					owed++
				}
				if r.acked {
					acked++
				}
			}
			want := tt.want
			switch {
			case want < 0 && i == 0:
				want = len(s.flight.records) - 1
			case want < 0:
				want = 0 // no news
			}
			if owed != want || tt.want == 0 && acked != 0 {
				t.Errorf("%s, ACK %d: %d records owed, %d acknowledged, want %d owed", tt.name, i, owed, acked, want)
			}
			test.drain(test.server)
			if (test.server.sent > before) != (want > 0) {
				t.Errorf("%s, ACK %d: %d datagrams sent", tt.name, i, test.server.sent-before)
			}
		}
	}
	// An ACK does not reach into a later epoch than its own.
	test := newPair(t, pairOptions{client: only(VersionDTLS13)})
	test.connect()
	test.run(time.Second)
	test.updateKeys(test.server)
	test.drain(test.server)
	s := test.server.conn
	number := s.flight.records[0].sent[0].number
	s.handleACK(ackContent(number), 2)
	if s.flight.empty() {
		t.Errorf("a KeyUpdate of epoch 3 was acknowledged in epoch 2")
	}
	s.handleACK(ackContent(number), 3)
	if !s.flight.empty() {
		t.Errorf("the KeyUpdate is not acknowledged")
	}
	// Malformed ones are authentic, hence fatal.
	for _, content := range [][]byte{{}, {0}, {0, 1, 0}, {0, 16, 1}, append(ackContent(number), 0)} {
		test := flightInTheAir(t)
		test.server.conn.handleACK(content, 2)
		test.drain(test.server)
		wantAlert(t, test.server, AlertDecodeError, false)
	}
}

// TestNoACKForDiscarded: a record with a fragment that was dropped is not
// acknowledged, nor is an ACK without content sent.
func TestNoACKForDiscarded(t *testing.T) {
	test := newPair(t, pairOptions{client: only(VersionDTLS13)})
	test.connect()
	test.run(time.Second)
	c := test.client.conn
	sent := test.server.sent
	content := appendFragment(nil, typeKeyUpdate, c.out, []byte{0}, 0, 1)
	content = appendFragment(content, typeKeyUpdate, c.out+500, []byte{0}, 0, 1)
	b, _ := c.appendRecord(nil, recordHandshake, 0, 3, content)
	test.send(test.client, b)
	test.run(100 * time.Millisecond)
	if test.server.conn.readApp.epoch != 4 || test.server.sent != sent {
		t.Errorf("the server reads epoch %d and has sent %d datagrams, want 4 and 0", test.server.conn.readApp.epoch, test.server.sent-sent)
	}
}

// TestACKList: numbers are in order, without repetition, and bounded.
func TestACKList(t *testing.T) {
	var a ackState
	for _, seq := range []uint64{5, 3, 9, 3, 5} {
		a.add(recordNumber{2, seq})
	}
	a.add(recordNumber{0, 100})
	want := []recordNumber{{0, 100}, {2, 3}, {2, 5}, {2, 9}}
	if !slices.Equal(a.numbers, want) {
		t.Errorf("numbers %v, want %v", a.numbers, want)
	}
	for seq := range uint64(1000) {
		a.add(recordNumber{3, seq})
	}
	if len(a.numbers) != maxAcks || a.numbers[maxAcks-1].seq != 999 {
		t.Errorf("%d numbers, the last %v", len(a.numbers), a.numbers[len(a.numbers)-1])
	}
	// They are spread over as many ACKs as it takes.
	a.owe()
	var got []byte
	for range 100 {
		if !a.owed {
			break
		}
		entries, ok := consumeACK(a.appendACK(nil, 100))
		if !ok {
			t.Fatal("malformed ACK")
		}
		got = append(got, entries...)
	}
	if all := ackContent(a.numbers...)[2:]; !bytes.Equal(got, all) {
		t.Errorf("%d bytes of entries, want %d", len(got), len(all))
	}
}

// TestBadProtectedRecords: what is authentic and wrong has its alert.
func TestBadProtectedRecords(t *testing.T) {
	for _, v := range []Version{VersionDTLS13, VersionDTLS12} {
		for _, tt := range []struct {
			typ     uint8
			content []byte
			want    Alert
		}{
			{recordApplicationData, make([]byte, maxPlaintext+1), AlertRecordOverflow},
			{recordAlert, []byte{2}, AlertDecodeError},
			{recordAlert, []byte{2, 40, 2, 40}, AlertDecodeError},
		} {
			test := newPair(t, pairOptions{client: only(v)})
			test.connect()
			p := test.client.conn.writeApp
			test.receive(test.server, p.seal(nil, tt.typ, tt.content))
			test.drain(test.server)
			wantAlert(t, test.server, tt.want, false)
		}
	}
}

// TestRecordVersions: the first ClientHello and its repetition after a
// HelloVerifyRequest go out as DTLS 1.0, all else as DTLS 1.2.
func TestRecordVersions(t *testing.T) {
	for _, v := range []Version{VersionDTLS13, VersionDTLS12} {
		test := newPair(t, pairOptions{client: only(v), config: Config{Cookie: true, Groups: []Group{X25519}}})
		test.connect()
		version := func(b []byte) Version { return Version(binary.BigEndian.Uint16(b[1:])) }
		want := []Version{versionDTLS10, VersionDTLS12}
		if v == VersionDTLS12 {
			want = []Version{versionDTLS10, versionDTLS10, VersionDTLS12}
		}
		for i, w := range want {
			if got := version(test.client.datagrams[i]); got != w && test.client.datagrams[i][0] == recordHandshake {
				t.Errorf("%v: datagram %d of the client has version %#04x, want %#04x", v, i, got, w)
			}
		}
	}
}

// TestFutureVersion: a ClientHello of a version that we do not know yet.
func TestFutureVersion(t *testing.T) {
	test := newPair(t, pairOptions{client: only(VersionDTLS12)})
	test.filter = func(from *peer, n int, b []byte) [][]byte {
		if from == test.client && n == 0 {
			b = rewriteHello(t, b, func(m *clientHello) { m.version = 0xfe00 })
		}
		return [][]byte{b}
	}
	test.step()
	test.step()
	if v := test.server.conn.State().Version; v != VersionDTLS12 {
		t.Errorf("the server has chosen %v, closed by %v", v, test.server.err)
	}
}
