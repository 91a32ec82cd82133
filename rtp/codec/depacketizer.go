package codec

// A DepacketizerConfig says what a Depacketizer receives.
type DepacketizerConfig struct {
	// Name is the encoding name of the session description, in any case.
	Name string
	// FMTP is the format parameters of the session description, as they follow the payload
	// type: "key=value;key=value". Parameter sets of H.264 and H.265 in it are used for
	// frames that come without.
	FMTP string
	// MaxFrameSize is the limit of a frame in bytes. If zero, 4 MiB.
	MaxFrameSize int
	// MaxFramePackets is the limit of a frame in packets. If zero, 4096.
	MaxFramePackets int
}

const (
	defaultMaxFrameSize    = 4 << 20
	defaultMaxFramePackets = 4096
)

// A Depacketizer puts the payloads of one stream together to frames.
type Depacketizer struct {
	// Dropped counts the frames that packets have come of but that were not yielded.
	Dropped uint64

	format     Format
	reader     reader
	maxSize    int
	maxPackets int

	// buf holds the frames that the last Push has completed and, from start, the frame that
	// is being put together.
	buf   []byte
	start int
	frame Frame // the one being put together; Data is not set

	lost    bool // packets right before the next one are missing
	cut     bool // packets right before the first one of frame were missing
	open    bool // packets of frame have come, and its end has not
	broken  bool // frame has lost something: what comes of it is passed over
	waiting bool // for a key frame
	gap     bool // something was lost that the reader does not know of yet
	missing bool // something was not yielded since the last frame that was
	started bool // a frame was yielded

	done  [2]doneFrame // completed by the last Push and not taken
	doneN int
}

// A doneFrame is a frame whose data is buf[from:to]. buf may move while a Push goes on.
type doneFrame struct {
	frame    Frame
	from, to int
}

// A reader knows one payload format.
type reader interface {
	// begin forgets the frame before; a new one is being put together.
	begin()
	// add appends the payload of one packet, which is not empty, to the frame.
	add(d *Depacketizer, payload []byte) error
	// complete is told that the frame ends here, and may add to it.
	complete(d *Depacketizer) completeness
	// judge is told each complete frame in order, and whether something was lost since the
	// last. It decides what is done with the frame.
	judge(f *Frame, gap bool) verdict
}

type completeness uint8

const (
	incomplete completeness = iota
	complete
	noFrame // complete, but nothing to decode
)

type verdict uint8

const (
	frameYielded verdict = iota
	frameSkipped         // cannot be decoded, but what follows can
	frameAwaited         // cannot be decoded, nor anything before a key frame
)

// NewDepacketizer returns a depacketizer that waits for a frame at which decoding can start.
// It returns ErrUnknownFormat, or ErrUnsupported for a mode of the format.
func NewDepacketizer(cfg DepacketizerConfig) (*Depacketizer, error) {
	d := &Depacketizer{
		format:     FormatByName(cfg.Name),
		maxSize:    cfg.MaxFrameSize,
		maxPackets: cfg.MaxFramePackets,
	}
	if d.maxSize == 0 {
		d.maxSize = defaultMaxFrameSize
	}
	if d.maxPackets == 0 {
		d.maxPackets = defaultMaxFramePackets
	}
	switch d.format {
	case VP8:
		d.reader = &vp8Reader{}
	case VP9:
		d.reader = &vp9Reader{}
	case H264, H265:
		r, err := newNALReader(d.format, parameters(cfg.FMTP))
		if err != nil {
			return nil, err
		}
		d.reader = r
	case AV1:
		d.reader = &av1Reader{}
	case Opus, PCMU, PCMA, G722, RED, CN, TelephoneEvent:
		d.reader = wholeReader{}
	default:
		return nil, ErrUnknownFormat
	}
	d.Reset()
	return d, nil
}

// Format returns the format of the depacketizer.
func (d *Depacketizer) Format() Format { return d.format }

// Push takes the next packet, in the order of sequence numbers. It ends the life of the
// frames that Next has returned. An error says why the packet is of no use, and that its
// frame is dropped; the depacketizer goes on with the next frame that can be decoded.
//
// A loss is the end of the frame that it falls into. What follows depends on the format:
//
//   - VP8 and VP9 streams with picture ids and layer indices go on with the frames that
//     depend on nothing that is missing;
//   - H.264, H.265, AV1 and all other video go on with the next key frame;
//   - audio goes on at once.
func (d *Depacketizer) Push(p Packet) error {
	d.forget()
	if p.Lost {
		d.lost, d.gap, d.missing = true, true, true
		if d.open {
			d.spoil()
		}
	}
	if len(p.Payload) == 0 {
		return nil
	}
	lost := d.lost
	d.lost = false
	if d.open && p.Timestamp != d.frame.Timestamp {
		// A frame without a marker. Nothing was lost, or it would be broken.
		_ = d.endFrame()
	}
	if !d.open {
		d.open, d.broken, d.cut = true, false, lost
		d.frame = Frame{Timestamp: p.Timestamp}
		d.reader.begin()
	}
	err := d.addPacket(p)
	if p.Marker || !d.format.Video() {
		if end := d.endFrame(); err == nil {
			err = end
		}
	}
	return err
}

// forget ends the life of the frames that were handed out.
func (d *Depacketizer) forget() {
	d.doneN = 0
	if d.start > 0 {
		d.buf = d.buf[:copy(d.buf, d.buf[d.start:])]
		d.start = 0
	}
}

// spoil makes the open frame one that is passed over.
func (d *Depacketizer) spoil() {
	d.broken, d.gap, d.missing = true, true, true
	d.buf = d.buf[:d.start]
}

func (d *Depacketizer) addPacket(p Packet) error {
	if d.broken {
		return nil
	}
	d.frame.Packets++
	d.frame.Marker = p.Marker
	err := d.reader.add(d, p.Payload)
	if err == nil && (d.size() > d.maxSize || d.frame.Packets > d.maxPackets) {
		err = ErrFrameTooLarge
	}
	if err != nil {
		d.spoil()
	}
	return err
}

// size returns the bytes that the open frame has so far.
func (d *Depacketizer) size() int { return len(d.buf) - d.start }

// endFrame completes or drops the open frame.
func (d *Depacketizer) endFrame() error {
	d.open = false
	if d.broken {
		d.Dropped++
		return nil
	}
	switch d.reader.complete(d) {
	case complete:
	case noFrame:
		d.buf = d.buf[:d.start]
		return nil
	case incomplete:
		d.spoil()
		d.Dropped++
		return ErrIncomplete
	}
	if d.waiting && !d.frame.KeyFrame {
		d.drop()
		return nil
	}
	v := d.reader.judge(&d.frame, d.gap)
	d.gap = false
	d.waiting = v == frameAwaited
	if v != frameYielded {
		d.drop()
		return nil
	}
	d.frame.Gap = d.missing && d.started
	d.missing, d.started = false, true
	d.done[d.doneN] = doneFrame{d.frame, d.start, len(d.buf)}
	d.doneN++
	d.start = len(d.buf)
	return nil
}

// drop passes over a complete frame that cannot be decoded.
func (d *Depacketizer) drop() {
	d.missing = true
	d.Dropped++
	d.buf = d.buf[:d.start]
}

// Next returns the next frame that the last Push has completed: almost always one or none,
// two if a frame ended without a marker. Its data is valid until the next Push or Reset.
func (d *Depacketizer) Next() (Frame, bool) {
	if d.doneN == 0 {
		return Frame{}, false
	}
	next := d.done[0]
	d.done[0] = d.done[1]
	d.doneN--
	next.frame.Data = d.buf[next.from:next.to:next.to]
	return next.frame, true
}

// NeedsKeyFrame reports whether nothing is yielded until a key frame comes: at the
// beginning, and after a loss that the stream does not recover from by itself. It is the
// time to ask the sender for one.
func (d *Depacketizer) NeedsKeyFrame() bool {
	// Only VP8 and VP9 may find out from the next frame that nothing of importance is lost.
	bridges := d.format == VP8 || d.format == VP9 || !d.format.Video()
	return d.waiting || d.gap && !bridges
}

// Reset makes the depacketizer wait for a frame at which decoding can start, as a new one
// does, keeping its buffer.
func (d *Depacketizer) Reset() {
	d.buf, d.start, d.doneN = d.buf[:0], 0, 0
	d.lost, d.open, d.broken, d.gap = false, false, false, false
	d.missing, d.started = false, false
	d.waiting = d.format.Video()
}
