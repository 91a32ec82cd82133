package dtls

// fragment is one piece of a handshake message, as it is in a record.
type fragment struct {
	typ    uint8
	total  int
	seq    uint16
	offset int
	data   []byte
}

// consumeFragment reads a fragment from the front of b and returns its length,
// or n < 0 if it cannot be decoded.
func consumeFragment(b []byte) (f fragment, n int) {
	c := cursor{b: b}
	f.typ = c.u8()
	f.total = int(c.uint(3))
	f.seq = c.u16()
	f.offset = int(c.uint(3))
	f.data = c.vec24()
	if !c.ok() || f.offset+len(f.data) > f.total {
		return f, -1
	}
	return f, len(b) - len(c.b)
}

// appendFragment appends a fragment: the bytes from offset to end of body.
func appendFragment(dst []byte, typ uint8, seq uint16, body []byte, offset, end int) []byte {
	dst = append(dst, typ)
	dst = appendUint24(dst, len(body))
	dst = appendUint16(dst, seq)
	dst = appendUint24(dst, offset)
	dst = appendUint24(dst, end-offset)
	return append(dst, body[offset:end]...)
}

// partial is a message of which some fragments have arrived. Its parts are keyed
// by message_seq, and have to agree on type and length.
type partial struct {
	typ   uint8
	body  []byte // as long as the message
	holes []span // what is missing, in order
}

// span is the bytes from lo up to hi.
type span struct{ lo, hi int }

func newPartial(f fragment) *partial {
	p := &partial{typ: f.typ, body: make([]byte, f.total)}
	if f.total > 0 {
		p.holes = []span{{0, f.total}}
	}
	return p
}

func (p *partial) complete() bool { return len(p.holes) == 0 }

// add copies what is new in a fragment. It reports false if the fragment does
// not fit to what is there, or would make too many holes.
func (p *partial) add(f fragment) (ok, news bool) {
	if f.typ != p.typ || f.total != len(p.body) {
		return false, false
	}
	lo, hi := f.offset, f.offset+len(f.data)
	kept := make([]span, 0, len(p.holes)+1)
	for _, h := range p.holes {
		if hi <= h.lo || h.hi <= lo {
			kept = append(kept, h)
			continue
		}
		news = true
		if h.lo < lo {
			kept = append(kept, span{h.lo, lo})
		}
		if hi < h.hi {
			kept = append(kept, span{hi, h.hi})
		}
	}
	if !news {
		return true, false
	}
	if len(kept) > maxRanges {
		return false, false
	}
	// Only holes are filled: what has arrived once does not change.
	for _, h := range p.holes {
		from, to := max(lo, h.lo), min(hi, h.hi)
		if from < to {
			copy(p.body[from:to], f.data[from-lo:])
		}
	}
	p.holes = kept
	return true, true
}

// inbox collects handshake messages and puts them in order.
type inbox struct {
	next  uint16 // message_seq expected next
	epoch uint64 // of the records in which messages are accepted
	slots [1 + maxLookAhead]*partial
	ahead int // bytes of memory in slots[1:]
}

// verdict is what became of a fragment.
type verdict uint8

const (
	fragmentDropped   verdict = iota // inconsistent, past a limit, or of a wrong epoch
	fragmentKnown                    // of a message that has been handled, or without news
	fragmentAccepted                 // has news
	fragmentOversized                // of the message expected next, which is too long
)

// add takes a fragment that came in a record of the given epoch.
func (in *inbox) add(f fragment, epoch uint64) verdict {
	ahead := int(int16(f.seq - in.next))
	if ahead < 0 {
		if epoch > in.epoch {
			return fragmentDropped
		}
		return fragmentKnown
	}
	if epoch != in.epoch || ahead >= len(in.slots) {
		return fragmentDropped
	}
	if f.total > maxMessage {
		if ahead == 0 {
			return fragmentOversized
		}
		return fragmentDropped
	}
	p := in.slots[ahead]
	if p == nil {
		if len(f.data) == 0 && f.total > 0 {
			return fragmentKnown // says nothing
		}
		if ahead > 0 {
			if in.ahead+f.total > maxAheadBytes {
				return fragmentDropped
			}
			in.ahead += f.total
		}
		p = newPartial(f)
		in.slots[ahead] = p
		p.add(f)
		return fragmentAccepted
	}
	switch ok, news := p.add(f); {
	case !ok:
		return fragmentDropped
	case !news:
		return fragmentKnown
	}
	return fragmentAccepted
}

// take returns the next message, if it is complete.
func (in *inbox) take() (p *partial, seq uint16, ok bool) {
	p = in.slots[0]
	if p == nil || !p.complete() {
		return nil, 0, false
	}
	copy(in.slots[:], in.slots[1:])
	in.slots[len(in.slots)-1] = nil
	if in.slots[0] != nil {
		in.ahead -= len(in.slots[0].body)
	}
	seq = in.next
	in.next++
	return p, seq, true
}

// setEpoch says that the following messages have to come in records of another
// epoch. What has been collected from the old one is of no use.
func (in *inbox) setEpoch(epoch uint64) {
	in.epoch = epoch
	in.slots = [len(in.slots)]*partial{}
	in.ahead = 0
}

// waiting reports whether there is something that is not complete.
func (in *inbox) waiting() bool {
	for _, p := range in.slots {
		if p != nil {
			return true
		}
	}
	return false
}
