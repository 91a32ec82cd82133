package rtp

// cacheMin is for how many packets a cache has room at first.
const cacheMin = 32

// evictTogether is how many packets leave at once.
const evictTogether = 8

// A cache keeps the packets of a stream that have been sent, for the time in which the peer
// may ask for them again, and those that have not been sent yet. It is a ring over the
// sequence numbers that grows while the packets in it are young, up to its limits.
type cache struct {
	maxPackets int
	maxBytes   int
	maxAge     int64

	ring   []cachedPacket // by sequence number, modulo its length
	briefs []cachedBrief  // like ring
	low    uint64         // no packet before
	high   uint64         // no packet behind
	bytes  int            // held
	memory packetMemory   // where their payloads lie

	unsent  int    // bytes held that have not been sent
	dropped uint64 // packets dropped that had not been sent
}

// cachedPacket is one packet. A sequence number of zero says that there is none. It has all but the payload of most
// packets in it: with many streams little is in the processor's caches, and each other place takes time to find.
type cachedPacket struct {
	seq     uint64
	at      int64 // written, or once it is, sent for the first time
	againAt int64 // sent for the last time; 0: not yet

	payload []byte
	header  []byte // room for the header of a retransmission, with the header at its end; most often in room
	room    [40]byte

	head       uint16 // where the header begins
	extensions uint16 // bytes of extensions as written
	own        uint16 // bytes of the Sender's own extensions behind them

	payloadType uint8 // as written
	owed        bool  // to be sent again
	again       uint8 // how often it was
}

// place keeps a payload, or a copy of it, and makes room for a header.
func (c *cache) place(p *cachedPacket, header int, payload []byte, shared bool) {
	if p.payload = payload; !shared {
		p.payload = c.memory.take(p.seq, len(payload), c.low)
		copy(p.payload, payload)
	}
	if header > len(p.room) {
		p.header = c.memory.take(p.seq, header, c.low)
	} else {
		p.header = p.room[:header]
	}
}

// cachedBrief is what is asked of a packet when it leaves. Four of them are a line of the processor's caches, from which the
// packet itself has long gone by then, and which need not wait for it to empty it.
type cachedBrief struct {
	at   int64  // that of the packet; 0: there is none
	size uint16 // of the payload
	sent bool
}

func (p *cachedPacket) sent() bool { return p.againAt != 0 }

func (c *cache) slot(seq uint64) *cachedPacket { return &c.ring[seq&uint64(len(c.ring)-1)] }
func (c *cache) brief(seq uint64) *cachedBrief { return &c.briefs[seq&uint64(len(c.briefs)-1)] }

// find returns a packet, nil if it is not there.
func (c *cache) find(seq uint64) *cachedPacket {
	if len(c.ring) == 0 || seq < c.low || seq > c.high {
		return nil
	}
	if p := c.slot(seq); p.seq == seq {
		return p
	}
	return nil
}

// add makes room for a packet, whose number must not be in the cache, with a payload of some size. It
// returns nil if the packet is older than all that there is room for.
func (c *cache) add(at int64, seq uint64, size int) *cachedPacket {
	if len(c.ring) == 0 {
		n := min(cacheMin, c.maxPackets)
		c.ring, c.briefs = make([]cachedPacket, n), make([]cachedBrief, n)
		c.low, c.high = seq, seq
	}
	if seq < c.low {
		if c.high-seq >= uint64(len(c.ring)) {
			return nil
		}
		c.low = seq
	}
	for seq-c.low >= uint64(len(c.ring)) && c.low <= c.high {
		if c.young(at) && len(c.ring) < c.maxPackets {
			c.grow()
			continue
		}
		c.evict()
		// Some more that are old: what is done to neighbours is quicker, and their places are at hand then.
		for n := 1; n < evictTogether && c.low <= c.high && !c.young(at); n++ {
			c.evict()
		}
	}
	c.high = max(c.high, seq)
	if c.low > c.high || seq-c.low >= uint64(len(c.ring)) {
		c.low = seq // everything has left
	}
	for c.bytes+size > c.maxBytes && c.low < seq {
		c.evict()
	}
	p := c.slot(seq)
	p.seq, p.at = seq, at
	*c.brief(seq) = cachedBrief{at: at, size: uint16(size)}
	c.bytes += size
	c.unsent += size
	return p
}

// sent takes a packet as sent for the first time.
func (c *cache) sent(p *cachedPacket, at int64) {
	p.at, p.againAt = at, at
	b := c.brief(p.seq)
	b.at, b.sent = at, true
	c.unsent -= len(p.payload)
}

// young reports whether the oldest packet may still be asked for.
func (c *cache) young(at int64) bool {
	b := c.brief(c.low)
	return b.at != 0 && (!b.sent || at-b.at < c.maxAge)
}

// evict drops the oldest packet.
func (c *cache) evict() {
	if b := c.brief(c.low); b.at != 0 {
		c.bytes -= int(b.size)
		if !b.sent {
			c.unsent -= int(b.size)
			c.dropped++
		}
		*b = cachedBrief{}
		p := c.slot(c.low)
		p.seq, p.againAt, p.owed, p.again, p.header, p.payload = 0, 0, false, 0, nil, nil
	}
	c.low++
}

// expire drops packets that nobody will ask for any more.
func (c *cache) expire(at int64) {
	for len(c.ring) > 0 && c.low <= c.high && !c.young(at) {
		c.evict()
	}
	if c.low > c.high {
		c.memory.empty()
	}
}

func (c *cache) grow() {
	old, size := *c, min(2*len(c.ring), c.maxPackets)
	c.ring, c.briefs = make([]cachedPacket, size), make([]cachedBrief, size)
	for seq := c.low; seq <= c.high; seq++ {
		from := old.slot(seq)
		if from.seq != seq {
			continue
		}
		to := c.slot(seq)
		*to, *c.brief(seq) = *from, *old.brief(seq)
		if n := len(to.header); n <= len(to.room) {
			to.header = to.room[:n]
		}
	}
}

// reset drops everything, with the memory.
func (c *cache) reset() {
	c.ring, c.briefs, c.memory = nil, nil, packetMemory{}
	c.bytes, c.low, c.high, c.unsent = 0, 0, 0, 0
}
