package sdp

// MediaAgreement is what the two descriptions of an RTP section settled, seen from
// the local side.
type MediaAgreement struct {
	Direction Direction
	RTCPRsize bool // both sides accept reduced-size RTCP

	// Codecs in the order the peer wants to receive them. Repair codecs stand
	// beside what they repair, and alone where they repair the whole section.
	Codecs []AgreedCodec

	Extensions []AgreedExtension

	// Send and Receive are the simulcast streams of each direction, as lists of
	// alternatives in order of preference. Nil: no simulcast.
	Send, Receive [][]AgreedRID
}

// AgreedCodec is a codec with its payload types, which may differ per direction.
type AgreedCodec struct {
	Name      string
	ClockRate uint32
	Channels  uint8

	// Send says how to send: payload type and format parameters of the peer's
	// description. Receive is the same of the local one.
	Send, Receive PayloadFormat

	// Feedback is what both sides use.
	Feedback []Feedback
}

// PayloadFormat is how one side writes a codec.
type PayloadFormat struct {
	PayloadType uint8
	Fmtp        string
	RTX         uint8 // payload type of retransmissions; zero: none
}

// AgreedExtension is a header extension both sides know.
type AgreedExtension struct {
	URI        string
	Attributes string
	ID         uint16
	Send       bool // the local side may send it
	Receive    bool // the peer may send it
}

// AgreedRID is one encoding of a simulcast.
type AgreedRID struct {
	ID           string
	Paused       bool
	Restrictions []Parameter
	PayloadTypes []uint8 // as in the peer's description to send, the local one to receive; nil: all
}

// AgreeMedia compares the sections of an accepted m-line, the local and the
// peer's, whoever offered. ok is false if they have no codec in common.
func AgreeMedia(local, remote *Media) (a MediaAgreement, ok bool) {
	a.Direction = local.Direction.Intersect(remote.Direction.Reverse())
	a.RTCPRsize = local.RTCPRsize && remote.RTCPRsize
	a.agreeCodecs(local.Codecs, remote.Codecs)
	a.agreeExtensions(local.Extmaps, remote.Extmaps)
	a.Send = agreeSimulcast(local, remote, local.Simulcast.Send, remote.Simulcast.Recv, false)
	a.Receive = agreeSimulcast(local, remote, local.Simulcast.Recv, remote.Simulcast.Send, true)
	for i := range a.Codecs {
		c := Codec{Name: a.Codecs[i].Name}
		ok = ok || !c.Repair()
	}
	return a, ok
}

func (a *MediaAgreement) agreeCodecs(local, remote []Codec) {
	pairs := matchCodecs(remote, local) // for each of remote, the local one
	for i := range remote {
		r := &remote[i]
		if pairs[i] < 0 || r.Is("rtx") || !usable(r.PayloadType) {
			continue
		}
		l := &local[pairs[i]]
		agreed := AgreedCodec{
			Name:      l.Name,
			ClockRate: l.ClockRate,
			Channels:  l.Channels,
			Send:      PayloadFormat{PayloadType: r.PayloadType, Fmtp: r.Fmtp},
			Receive:   PayloadFormat{PayloadType: l.PayloadType, Fmtp: l.Fmtp},
			Feedback:  intersectFeedback(l.Feedback, r.Feedback),
		}
		for k := range remote {
			if apt, ok := remote[k].AssociatedPayloadType(); ok && apt == r.PayloadType && pairs[k] >= 0 && usable(remote[k].PayloadType) {
				agreed.Send.RTX = remote[k].PayloadType
				agreed.Receive.RTX = local[pairs[k]].PayloadType
				break
			}
		}
		a.Codecs = append(a.Codecs, agreed)
	}
}

func (a *MediaAgreement) agreeExtensions(local, remote []Extmap) {
	for _, l := range local {
		for _, r := range remote {
			if l.URI != r.URI || l.Attributes != r.Attributes {
				continue
			}
			d := l.Direction.Intersect(r.Direction.Reverse())
			id := agreedID(l.ID, r.ID)
			if d == Inactive || id == 0 {
				continue
			}
			a.Extensions = append(a.Extensions, AgreedExtension{
				URI: l.URI, Attributes: l.Attributes, ID: id, Send: d.Sends(), Receive: d.Receives(),
			})
			break
		}
	}
}

// agreedID returns the identifier of an extension, zero if there is none to use. An
// offer leaves those above 255 open, and the answer chooses. 15 has another meaning in
// a one-byte header.
func agreedID(a, b uint16) uint16 {
	low, high := min(a, b), max(a, b)
	if low == 15 || low > 255 || low != high && high <= 255 {
		return 0
	}
	return low
}

// agreeSimulcast returns the streams that one side sends and the other receives.
// Which side offered does not matter: an answer only names what the offer has, so
// that a stream counts if both name it.
func agreeSimulcast(local, remote *Media, ours, theirs [][]SimulcastRID, receive bool) [][]AgreedRID {
	described := remote // whose restrictions and payload types count: the receiver's
	if receive {
		described = local
	}
	var agreed [][]AgreedRID
	for _, alternatives := range ours {
		var kept []AgreedRID
		for _, o := range alternatives {
			t, ok := findSimulcast(theirs, o.ID)
			rid := described.rid(o.ID, true)
			if !ok || rid == nil {
				continue
			}
			kept = append(kept, AgreedRID{o.ID, o.Paused || t.Paused, rid.Restrictions, rid.PayloadTypes})
		}
		if kept != nil {
			agreed = append(agreed, kept)
		}
	}
	return agreed
}

func findSimulcast(streams [][]SimulcastRID, id string) (SimulcastRID, bool) {
	for _, alternatives := range streams {
		for _, a := range alternatives {
			if a.ID == id {
				return a, true
			}
		}
	}
	return SimulcastRID{}, false
}
