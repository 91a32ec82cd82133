package rtp

// An ExtensionProfile says how the data of a header extension is laid out.
type ExtensionProfile uint16

// The two forms of RFC 8285. The low four bits of the two-byte form are for the
// application and are ignored here.
const (
	ExtensionOneByte ExtensionProfile = 0xBEDE // ids 1 to 14, values of 1 to 16 bytes
	ExtensionTwoByte ExtensionProfile = 0x1000 // ids 1 to 255, values of 0 to 255 bytes
)

func (p ExtensionProfile) twoByte() bool { return p&0xfff0 == ExtensionTwoByte }

// maxExtensionData is the most that the length field can say.
const maxExtensionData = 0xffff * 4

// Extensions is the header extension of a packet: a list of small elements, each with an
// id that the session description maps to a meaning. The zero value is no extension; to
// build one, append elements.
type Extensions struct {
	// Profile is the form of Data. Data of a profile that is neither the one-byte nor the
	// two-byte form is carried as it is and has no elements. Zero with Data empty: the
	// first Append chooses the one-byte form.
	Profile ExtensionProfile
	// Data is the elements as they are on the wire, perhaps with padding.
	Data []byte
}

// Get returns the value of the first element with an id. The value is a part of Data and
// may be empty.
func (e *Extensions) Get(id uint8) (value []byte, ok bool) {
	for c := e.Elements(); ; {
		got, value, ok := c.Next()
		if !ok || got == id {
			return value, ok
		}
	}
}

// Elements returns a cursor before the first element.
func (e *Extensions) Elements() ExtensionCursor {
	switch {
	case e.Profile == ExtensionOneByte:
		return ExtensionCursor{b: e.Data}
	case e.Profile.twoByte():
		return ExtensionCursor{b: e.Data, twoByte: true}
	default:
		return ExtensionCursor{}
	}
}

// An ExtensionCursor walks over the elements of a header extension.
type ExtensionCursor struct {
	b       []byte
	twoByte bool
}

// Next returns the next element, passing over padding. It returns false at the end, and at
// an element that is not to be understood, behind which nothing is.
func (c *ExtensionCursor) Next() (id uint8, value []byte, ok bool) {
	// Bytes of zero between and behind elements are padding.
	// https://www.rfc-editor.org/rfc/rfc8285#section-4.1
	for len(c.b) > 0 && c.b[0] == 0 {
		c.b = c.b[1:]
	}
	if len(c.b) == 0 {
		return 0, nil, false
	}
	var start, size int
	if c.twoByte {
		if len(c.b) < 2 {
			c.b = nil
			return 0, nil, false
		}
		id, start, size = c.b[0], 2, int(c.b[1])
	} else {
		// "If the ID value 15 is encountered, its length field MUST be ignored, processing of the
		// entire extension MUST terminate at that point", and so for an id of zero with a
		// length above zero. https://www.rfc-editor.org/rfc/rfc8285#section-4.2
		id, start, size = c.b[0]>>4, 1, int(c.b[0]&0xf)+1
		if id == 0 || id == 15 {
			c.b = nil
			return 0, nil, false
		}
	}
	end := start + size
	if end > len(c.b) {
		c.b = nil
		return 0, nil, false
	}
	value = c.b[start:end:end]
	c.b = c.b[end:]
	return id, value, true
}

// Append adds an element and reports whether it could: it cannot if the id or the size of
// the value does not fit the profile, or if the profile is unknown. The value is copied.
// Data grows as a slice does by append, so that a caller who keeps his Data[:0] for the next
// packet allocates nothing. Data of a parsed packet is not written to but copied first.
func (e *Extensions) Append(id uint8, value []byte) bool {
	if e.Profile == 0 && len(e.Data) == 0 {
		e.Profile = ExtensionOneByte
	}
	if len(e.Data)+2+len(value) > maxExtensionData {
		return false
	}
	switch {
	case e.Profile == ExtensionOneByte:
		if id < 1 || id > 14 || len(value) < 1 || len(value) > 16 {
			return false
		}
		e.Data = append(e.Data, id<<4|byte(len(value)-1))
	case e.Profile.twoByte():
		if id == 0 || len(value) > 255 {
			return false
		}
		e.Data = append(e.Data, id, byte(len(value)))
	default:
		return false
	}
	e.Data = append(e.Data, value...)
	return true
}

// Widen turns the one-byte form into the two-byte form, in which every id and every size up
// to 255 bytes fits. A peer must have agreed to both forms in one stream
// (extmap-allow-mixed, RFC 8285 section 6). Other forms are left as they are.
func (e *Extensions) Widen() {
	if e.Profile == 0 && len(e.Data) == 0 {
		e.Profile = ExtensionTwoByte
	}
	if e.Profile != ExtensionOneByte {
		return
	}
	narrow := len(e.Data)
	// The wide elements are built behind the narrow ones, which they then replace.
	for c := e.Elements(); ; {
		id, value, ok := c.Next()
		if !ok {
			break
		}
		e.Data = append(e.Data, id, byte(len(value)))
		e.Data = append(e.Data, value...)
	}
	e.Data = e.Data[:copy(e.Data, e.Data[narrow:])]
	e.Profile = ExtensionTwoByte
}
