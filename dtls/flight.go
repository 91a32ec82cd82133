package dtls

import "time"

// recordNumber identifies a record (RFC 9147 section 4).
type recordNumber struct{ epoch, seq uint64 }

// transmission is one sending of a record.
type transmission struct {
	number recordNumber
	at     time.Time
}

// outRecord is a record of a flight. Its content stays the same when it is sent
// again; its number does not.
type outRecord struct {
	typ     uint8
	version Version // in the header of a record without protection
	epoch   uint64
	payload []byte

	owed  bool
	acked bool
	sent  []transmission // the latest
}

// flight is the messages that we send together, and send again until
// the peer has them.
type flight struct {
	messages []outMessage // not yet cut into records
	records  []outRecord
	timer    time.Time // when everything is sent again; zero: it is not
	first    time.Time // when it was sent first, and last
	last     time.Time
	repeats  int // timeouts so far
	repeated bool
}

// outMessage is a handshake message or, if ccs, a ChangeCipherSpec.
type outMessage struct {
	ccs     bool
	typ     uint8
	version Version
	seq     uint16
	epoch   uint64
	body    []byte
}

// empty reports whether there is nothing to send, ever.
func (f *flight) empty() bool { return len(f.records) == 0 }

// owed reports whether a record has to be sent now.
func (f *flight) owed() bool {
	for i := range f.records {
		if f.records[i].owed {
			return true
		}
	}
	return false
}

// resend makes all records owed that the peer does not have.
func (f *flight) resend() {
	for i := range f.records {
		r := &f.records[i]
		r.owed = !r.acked
	}
}

// cut divides the messages into records, so that records fill datagrams of mtu
// bytes when they are sent in order.
func (f *flight) cut(mtu int, v13 bool) {
	var room int // left in the current datagram
	var open *outRecord
	for _, m := range f.messages {
		if m.ccs {
			f.records = append(f.records, outRecord{
				typ: recordChangeCipherSpec, version: m.version, epoch: m.epoch, payload: []byte{1}, owed: true,
			})
			room -= plainHeaderSize + 1
			open = nil
			continue
		}
		overhead := recordOverhead(m.epoch, v13)
		for offset := 0; ; {
			// DTLS 1.3 may put several messages into a record. In DTLS 1.2 some
			// peers look at the first one only.
			share := open != nil && v13 && m.epoch > 0 && open.epoch == m.epoch
			need := messageHeaderSize
			if !share {
				need += overhead
			}
			rest := len(m.body) - offset
			if room < need+min(rest, minFragment) {
				room, open = mtu, nil
				continue
			}
			if !share {
				f.records = append(f.records, outRecord{typ: recordHandshake, version: m.version, epoch: m.epoch, owed: true})
				open = &f.records[len(f.records)-1]
			}
			n := min(rest, room-need)
			open.payload = appendFragment(open.payload, m.typ, m.seq, m.body, offset, offset+n)
			room -= need + n
			offset += n
			if offset == len(m.body) {
				break
			}
		}
	}
	f.messages = nil
}

// minFragment is the least a fragment carries, if the message is not shorter.
const minFragment = 32

func recordOverhead(epoch uint64, v13 bool) int {
	switch {
	case epoch == 0:
		return plainHeaderSize
	case v13:
		return overhead13
	default:
		return overhead12
	}
}

// acknowledge marks the record with the given number. It returns when it was
// sent with that number, zero if it was not, and whether the peer had not
// acknowledged it before.
func (f *flight) acknowledge(n recordNumber) (at time.Time, news bool) {
	for i := range f.records {
		r := &f.records[i]
		for _, t := range r.sent {
			if t.number == n {
				news = !r.acked
				r.acked, r.owed = true, false
				return t.at, news
			}
		}
	}
	return time.Time{}, false
}

// complete reports whether the peer has acknowledged all records.
func (f *flight) complete() bool {
	for i := range f.records {
		if !f.records[i].acked {
			return false
		}
	}
	return true
}

// resendUpTo makes the records owed that are not acknowledged although they were
// sent no later than one that is: they are lost.
func (f *flight) resendUpTo(at time.Time) {
	for i := range f.records {
		r := &f.records[i]
		if n := len(r.sent); !r.acked && n > 0 && !r.sent[n-1].at.After(at) {
			r.owed = true
		}
	}
}

// note remembers a transmission.
func (r *outRecord) note(t transmission) {
	if len(r.sent) == maxTransmitted {
		copy(r.sent, r.sent[1:])
		r.sent = r.sent[:maxTransmitted-1]
	}
	r.sent = append(r.sent, t)
}
