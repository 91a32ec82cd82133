package codec

// A PacketizerConfig says what a Packetizer sends.
type PacketizerConfig struct {
	// Name is the encoding name of the session description, in any case.
	Name string
	// FMTP is the format parameters of the receiver: "key=value;key=value". H.264 is sent by
	// its packetization-mode, which is 0 (no fragments, no aggregation) if it is not given.
	FMTP string
	// PictureID is the first picture id of VP8 and VP9, of which 15 bits count.
	PictureID uint16
	// Layered makes VP8 and VP9 tell the receiver each frame's Layer, VP9 in the flexible
	// mode with References. Otherwise the stream is one of a single layer.
	Layered bool
	// SpatialLayers is the number of spatial layers of layered VP9, up to 8. If zero, one.
	SpatialLayers int
}

// A Packetizer splits the frames of one stream into payloads.
type Packetizer struct {
	format Format
	writer writer
}

// A writer knows one payload format.
type writer interface {
	// start begins a frame, or returns an error and has changed nothing. Neither the data
	// nor the size is empty.
	start(f Frame, size int) error
	// next appends the next payload, and reports false and no payload behind the last.
	next(dst []byte) (payload []byte, marker, ok bool)
	// stop forgets the rest of the frame.
	stop()
}

// NewPacketizer returns a packetizer. It returns ErrUnknownFormat, or ErrUnsupported for a
// mode of the format.
func NewPacketizer(cfg PacketizerConfig) (*Packetizer, error) {
	p := &Packetizer{format: FormatByName(cfg.Name)}
	switch p.format {
	case VP8:
		p.writer = newVP8Writer(cfg)
	case VP9:
		w, err := newVP9Writer(cfg)
		if err != nil {
			return nil, err
		}
		p.writer = w
	case H264, H265:
		w, err := newNALWriter(p.format, parameters(cfg.FMTP))
		if err != nil {
			return nil, err
		}
		p.writer = w
	case AV1:
		p.writer = &av1Writer{}
	case Opus, PCMU, PCMA, G722, RED, CN, TelephoneEvent:
		p.writer = &wholeWriter{}
	default:
		return nil, ErrUnknownFormat
	}
	return p, nil
}

// Format returns the format of the packetizer.
func (p *Packetizer) Format() Format { return p.format }

// Start begins a frame, which is sent in payloads of at most size bytes. The data is
// borrowed until the last payload has been taken, or until the next Start, which forgets
// what is left of the frame before. It returns ErrEmptyFrame; ErrPayloadSize; or
// ErrMalformed, if the data is not a frame of the format. There are no payloads then.
// Otherwise all payloads will come.
func (p *Packetizer) Start(f Frame, size int) error {
	p.writer.stop()
	if len(f.Data) == 0 {
		return ErrEmptyFrame
	}
	if size <= 0 {
		return ErrPayloadSize
	}
	return p.writer.start(f, size)
}

// AppendPayload appends the next payload of the frame to dst and reports whether it is to be
// sent with the marker bit. It returns false if there is none: all have been taken.
func (p *Packetizer) AppendPayload(dst []byte) (payload []byte, marker, ok bool) {
	return p.writer.next(dst)
}

// pieces is data that is handed out in as few pieces as possible, all of nearly the same
// size: a small last packet would cost as much as a full one.
type pieces struct {
	rest  []byte
	count int // pieces that are left
	extra int // bytes by which the first one is smaller than the others
}

// split returns pieces of at most size bytes. The first is smaller by extra, for something
// that comes along with it. Size is above extra.
func split(data []byte, size, extra int) pieces {
	return pieces{data, (len(data) + extra + size - 1) / size, extra}
}

func (p *pieces) next() []byte {
	share := (len(p.rest) + p.extra + p.count - 1) / p.count
	n := max(share-p.extra, 1)
	p.extra = 0
	piece := p.rest[:n]
	p.rest = p.rest[n:]
	p.count--
	return piece
}
