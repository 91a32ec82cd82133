package rtp

// cacheMin is for how many packets a cache has room at first.
const cacheMin = 32

// A cache keeps the packets of a stream that have been sent, for the time in which the peer
// may ask for them again, and those that have not been sent yet. It is a ring over the
// sequence numbers that grows while the packets in it are young, up to its limits.
type cache struct {
	maxPackets int
	maxBytes   int
	maxAge     int64

	ring   []cachedPacket // by sequence number, modulo its length
	low    uint64         // no packet before
	high   uint64         // no packet behind
	bytes  int            // held
	memory packetMemory   // where they lie

	unsent  int    // bytes held that have not been sent
	dropped uint64 // packets dropped that had not been sent
}

// cachedPacket is one packet. A sequence number of zero says that there is none. Its 64 bytes are a line of
// the processor's cache, and more would cost one more for each packet.
type cachedPacket struct {
	seq     uint64
	at      int64 // written, or once it is, sent for the first time
	againAt int64 // sent for the last time; 0: not yet

	buf        []byte // room for the header of a retransmission, header, payload
	head       uint16 // where the header begins; it ends where the payload begins, or the number of the original before that
	start      uint16 // where the payload begins
	extensions uint16 // bytes of extensions as written
	own        uint16 // bytes of the Sender's own extensions behind them

	payloadType uint8 // as written
	owed        bool  // to be sent again
	again       uint8 // how often it was
}

func (p *cachedPacket) sent() bool      { return p.againAt != 0 }
func (p *cachedPacket) payload() []byte { return p.buf[p.start:] }
func (p *cachedPacket) size() int       { return len(p.buf) - int(p.start) }

func (c *cache) slot(seq uint64) *cachedPacket { return &c.ring[seq&uint64(len(c.ring)-1)] }

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
		c.ring = make([]cachedPacket, min(cacheMin, c.maxPackets))
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
	c.bytes += size
	c.unsent += size
	return p
}

// makeRoom drops the oldest packet if the next one will need its place. It is called when there is time for it: what is
// dropped was sent long ago, and is in no cache of the processor.
func (c *cache) makeRoom(at int64) {
	if c.high+1-c.low >= uint64(len(c.ring)) && !c.young(at) {
		c.evict()
	}
}

// young reports whether the oldest packet may still be asked for.
func (c *cache) young(at int64) bool {
	p := c.slot(c.low)
	return p.seq == c.low && (!p.sent() || at-p.at < c.maxAge)
}

// evict drops the oldest packet.
func (c *cache) evict() {
	if p := c.slot(c.low); p.seq == c.low {
		c.drop(p)
	}
	c.low++
}

// drop empties a slot.
func (c *cache) drop(p *cachedPacket) {
	c.bytes -= p.size()
	if !p.sent() {
		c.unsent -= p.size()
		c.dropped++
	}
	p.seq, p.againAt, p.owed, p.again, p.buf = 0, 0, false, 0, nil
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
	ring := make([]cachedPacket, min(2*len(c.ring), c.maxPackets))
	for seq := c.low; seq <= c.high; seq++ {
		if p := c.slot(seq); p.seq == seq {
			ring[seq&uint64(len(ring)-1)] = *p
		}
	}
	c.ring = ring
}

// reset drops everything, with the memory.
func (c *cache) reset() {
	c.ring, c.memory, c.bytes, c.low, c.high, c.unsent = nil, packetMemory{}, 0, 0, 0, 0
}
