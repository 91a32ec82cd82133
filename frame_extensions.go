package rtc

import "github.com/sansrtc/rtc/rtp"

// frameExtensions keeps the header extensions of the frame that packets are being put together
// to, and of the one before, which may still have to be handed out.
type frameExtensions struct {
	open   bool // more packets of the frame are to come
	frames [2]extendedFrame
}

type extendedFrame struct {
	timestamp  uint32
	extensions rtp.Extensions
}

// packet is told each packet in order.
func (f *frameExtensions) packet(h *rtp.Header, video bool) {
	first := !f.open || h.Timestamp != f.frames[0].timestamp
	f.open = video && !h.Marker
	if first {
		f.frames[0], f.frames[1] = f.frames[1], f.frames[0]
		frame := &f.frames[0]
		frame.timestamp = h.Timestamp
		frame.extensions.Profile = h.Extensions.Profile
		frame.extensions.Data = append(frame.extensions.Data[:0], h.Extensions.Data...)
		return
	}
	if f.open {
		return
	}
	// The orientation of a camera is only in the last packet of a picture.
	x := &f.frames[0].extensions
	for c := h.Extensions.Elements(); ; {
		id, value, ok := c.Next()
		if !ok {
			return
		}
		if _, known := x.Get(id); known || x.Append(id, value) {
			continue
		}
		x.Widen()
		x.Append(id, value)
	}
}

// of returns the extensions of the frame with a timestamp.
func (f *frameExtensions) of(timestamp uint32) rtp.Extensions {
	for i := range f.frames {
		if f.frames[i].timestamp == timestamp {
			return f.frames[i].extensions
		}
	}
	return rtp.Extensions{}
}
