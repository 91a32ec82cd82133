package codec

import "errors"

// Errors of packetizers and depacketizers.
var (
	// ErrUnknownFormat is returned for an encoding name that the package does not know.
	ErrUnknownFormat = errors.New("codec: unknown encoding name")
	// ErrUnsupported is returned for format parameters or payload structures of modes that
	// WebRTC does not use, such as the interleaved modes of H.264 and H.265.
	ErrUnsupported = errors.New("codec: unsupported mode")
	// ErrMalformed is returned for a payload or frame that is cut short or contradicts itself.
	ErrMalformed = errors.New("codec: malformed payload")
	// ErrIncomplete is returned for the packet that shows that its frame cannot be
	// completed: a fragment without its beginning or without its end.
	ErrIncomplete = errors.New("codec: incomplete frame")
	// ErrFrameTooLarge is returned when a frame exceeds a limit of the depacketizer.
	ErrFrameTooLarge = errors.New("codec: frame exceeds the limit")
	// ErrEmptyFrame is returned for a frame without data.
	ErrEmptyFrame = errors.New("codec: empty frame")
	// ErrPayloadSize is returned when a frame cannot be sent in payloads of the given size.
	ErrPayloadSize = errors.New("codec: payload size is too small")
)
