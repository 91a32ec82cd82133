package codec

// A Packet is what a depacketizer has to know about an RTP packet.
type Packet struct {
	Payload   []byte // without padding; neither kept nor changed. Empty for padding alone.
	Timestamp uint32
	Marker    bool
	// Lost says that packets between the previous one and this one are missing.
	Lost bool
}

// A Frame is an encoded frame: see the package documentation for what that is in each format.
type Frame struct {
	Data []byte
	// Timestamp is that of the frame's packets, in units of the format's clock rate. A
	// packetizer does not look at it.
	Timestamp uint32
	// KeyFrame says that decoding can start here; it is always set for received audio. A
	// packetizer finds out by itself; set it where the data is encrypted, so that it cannot.
	KeyFrame bool
	// Gap says that something between the frame before this one and this one is missing,
	// what is left being decodable. Not used by a packetizer.
	Gap bool
	// Marker is the marker bit of the frame's last packet: with audio, the beginning of a
	// talkspurt or event. A packetizer sets it so for audio; with video it is the end of the
	// picture and follows from Layer.More.
	Marker bool
	// Packets is the number of packets that the frame came in. Not used by a packetizer.
	Packets int
	// Layer is the frame's place in a scalable VP8 or VP9 stream.
	Layer Layer
}

// A Layer is the place of a frame in a scalable stream. The zero value is right for a stream
// of one layer.
type Layer struct {
	SpatialID  uint8 // VP9: 0 is the base; of a received picture, that of its highest layer
	TemporalID uint8 // VP8 and VP9: 0 is the base
	// Sync says that a receiver can begin here to receive more temporal layers: LAYERSYNC of
	// VP8 ("the frame depends only on the base layer"), switching up point of VP9.
	Sync bool
	// Discardable says that no later frame depends on this one (VP8).
	Discardable bool
	// InterLayer says that the frame depends on the next lower spatial layer of its
	// picture. Only used by a packetizer of layered VP9.
	InterLayer bool
	// More says that a higher spatial layer of the same picture follows as the next frame.
	// Only used by a packetizer of layered VP9.
	More bool
	// References are the pictures that the frame depends on, each as the number of pictures
	// between 1 and 127 to go back. Zeros are unused. Only used by a packetizer of layered VP9.
	References [3]uint8
}

// An Info is what one payload says about the frame that it is a part of.
type Info struct {
	// KeyFrame says that a key frame starts in this packet: decoding can start here.
	KeyFrame bool
	// Start says that the packet is, as far as it tells, the first of a frame.
	Start bool
	// Discardable says that no other frame depends on this packet's.
	Discardable bool
	// SpatialID and TemporalID are the layers of VP8 and VP9 descriptors and of H.265 and
	// AV1 headers. Zero if the packet does not say.
	SpatialID  uint8
	TemporalID uint8
	// Sync is as in Layer.
	Sync bool
	// PictureID is the picture id of VP8 and VP9, of 7 or 15 bits, or -1.
	PictureID int
	// TL0PICIDX is the running index of base layer frames of VP8 and VP9, or -1.
	TL0PICIDX int
}

// IsKeyFrame reports whether a key frame starts in the payload of a video packet. It is
// always true of audio.
func (f Format) IsKeyFrame(payload []byte) bool {
	info, err := f.Inspect(payload)
	return err == nil && info.KeyFrame
}
