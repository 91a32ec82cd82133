package dtls

import (
	"encoding/binary"
	"slices"
	"time"
)

// ackState is what we acknowledge (RFC 9147 section 7).
type ackState struct {
	numbers []recordNumber // records of the peer's current flight, in order
	next    int            // numbers[next:] are in no ACK yet; len(numbers) if owed is false
	owed    bool
	at      time.Time // when an ACK becomes owed; zero: not at all
}

// add notes a record that has to be acknowledged.
func (a *ackState) add(n recordNumber) {
	i, found := slices.BinarySearchFunc(a.numbers, n, compareNumbers)
	if found {
		return
	}
	if len(a.numbers) == maxAcks {
		if i == 0 {
			return
		}
		a.numbers = slices.Delete(a.numbers, 0, 1) // the oldest
		i--
	}
	a.numbers = slices.Insert(a.numbers, i, n)
}

func compareNumbers(a, b recordNumber) int {
	switch {
	case a.epoch != b.epoch && a.epoch < b.epoch, a.epoch == b.epoch && a.seq < b.seq:
		return -1
	case a == b:
		return 0
	}
	return 1
}

// owe makes an ACK owed that holds all numbers, if there are any.
func (a *ackState) owe() {
	a.owed, a.next, a.at = len(a.numbers) > 0, 0, time.Time{}
}

// reset forgets the flight: the peer's next one begins.
func (a *ackState) reset() { *a = ackState{numbers: a.numbers[:0]} }

// appendACK appends the content of an ACK of at most limit bytes.
func (a *ackState) appendACK(dst []byte, limit int) []byte {
	n := min(len(a.numbers)-a.next, (limit-2)/ackEntrySize)
	dst = appendUint16(dst, uint16(n*ackEntrySize))
	for _, r := range a.numbers[a.next : a.next+n] {
		dst = binary.BigEndian.AppendUint64(dst, r.epoch)
		dst = binary.BigEndian.AppendUint64(dst, r.seq)
	}
	a.next += n
	a.owed = a.next < len(a.numbers)
	return dst
}

const ackEntrySize = 16

// consumeACK returns the entries of an ACK, 16 bytes each.
func consumeACK(b []byte) (entries []byte, ok bool) {
	c := cursor{b: b}
	entries = c.vec16()
	return entries, c.done() && len(entries)%ackEntrySize == 0
}

// handleACK handles an ACK of DTLS 1.3, which came in the given epoch.
func (c *Conn) handleACK(content []byte, epoch uint64) {
	entries, ok := consumeACK(content)
	if !ok {
		c.fail(refuse(AlertDecodeError, errMalformed))
		return
	}
	if len(entries) == 0 {
		c.nudge()
		return
	}
	f := &c.flight
	var latest time.Time
	news := false
	for i := 0; i < maxAckEntries && len(entries) > 0; i++ {
		n := recordNumber{binary.BigEndian.Uint64(entries), binary.BigEndian.Uint64(entries[8:])}
		entries = entries[ackEntrySize:]
		// "During the handshake, ACK records MUST be sent with an epoch which is
		// equal to or higher than the record which is being acknowledged."
		// https://www.rfc-editor.org/rfc/rfc9147#section-7
		if n.epoch > epoch {
			continue
		}
		at, isNews := f.acknowledge(n)
		news = news || isNews
		if at.After(latest) {
			latest = at
		}
	}
	if !news {
		return
	}
	if f.complete() {
		c.sampleRTT(c.now.Sub(latest))
		c.acknowledged()
		return
	}
	f.resendUpTo(latest)
}
