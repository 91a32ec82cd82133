package sdp

import (
	"slices"
	"strconv"
	"strings"
)

// Capabilities are what the local endpoint can and wants to do in one RTP section.
type Capabilities struct {
	// Direction wanted; the zero value is sendrecv.
	Direction Direction

	// Codecs in order of preference, with the payload types to offer them under if
	// they are free. RTX codecs name theirs with "apt". Fmtp says what can be
	// received.
	Codecs []Codec

	// Extmaps are the header extensions, with the identifiers to offer them under if
	// they are free.
	Extmaps []Extmap

	// RTCPRsize allows reduced-size RTCP.
	RTCPRsize bool

	// RTCPXR are the extended reports wanted. An answer names those that were offered, in the
	// offer's words.
	RTCPXR []string

	// MaxSimulcast is the number of simulcast streams that can be received. If
	// zero, simulcast is not accepted.
	MaxSimulcast int

	// Receiving are the simulcast streams that an offer asks for while the direction allows
	// receiving. Those agreed on before are to be there: an offer without them would end the simulcast.
	Receiving [][]AgreedRID

	// RecvRIDs, if not nil, are the only encodings of a simulcast that an answer accepts.
	RecvRIDs []string

	// What is sent, used while the direction allows sending.
	MSIDs      []MSID
	SSRCs      []SSRC
	SSRCGroups []SSRCGroup

	// RIDs are the encodings of a simulcast to send. In an answer, those that the
	// peer asks for are sent.
	RIDs []RID
}

// Offer returns a section to offer under a mid, which may be empty for a new one.
func (c *Capabilities) Offer(kind, mid string) Media {
	m := Media{
		Kind:      kind,
		Protocol:  "UDP/TLS/RTP/SAVPF",
		MID:       mid,
		Direction: c.Direction,
		Codecs:    slices.Clone(c.Codecs),
		Extmaps:   slices.Clone(c.Extmaps),
		RTCPMux:   true,
		RTCPRsize: c.RTCPRsize,
		RTCPXR:    c.RTCPXR,
	}
	if m.Direction.Receives() {
		c.receive(&m)
	}
	// A RID has one direction. https://www.rfc-editor.org/rfc/rfc8851.html#section-4
	c.send(&m, slices.DeleteFunc(slices.Clone(c.RIDs), func(r RID) bool { return m.rid(r.ID, true) != nil }))
	return m
}

// receive asks for simulcast streams.
func (c *Capabilities) receive(m *Media) {
	for _, alternatives := range c.Receiving {
		var asked []SimulcastRID
		for _, a := range alternatives {
			m.RIDs = append(m.RIDs, RID{ID: a.ID, Recv: true, Restrictions: a.Restrictions})
			asked = append(asked, SimulcastRID{ID: a.ID, Paused: a.Paused})
		}
		m.Simulcast.Recv = append(m.Simulcast.Recv, asked)
	}
}

// send fills in what is only said by a sender.
func (c *Capabilities) send(m *Media, rids []RID) {
	if !m.Direction.Sends() {
		return
	}
	m.MSIDs, m.SSRCs, m.SSRCGroups = c.MSIDs, c.SSRCs, c.SSRCGroups
	for _, r := range rids {
		m.RIDs = append(m.RIDs, r)
		m.Simulcast.Send = append(m.Simulcast.Send, []SimulcastRID{{ID: r.ID}})
	}
}

// Answer returns the contents of the section that accepts an offered one, for
// NewAnswer; nil if there is no codec in common or the section does not carry RTP.
//
// Payload types and identifiers of header extensions are those of the offer.
func (c *Capabilities) Answer(offered *Media) *Media {
	if !offered.rtp() {
		return nil
	}
	m := &Media{
		Kind:             offered.Kind,
		Protocol:         offered.Protocol,
		MID:              offered.MID,
		Direction:        c.Direction.Intersect(offered.Direction.Reverse()),
		RTCPMux:          true,
		RTCPRsize:        c.RTCPRsize && offered.RTCPRsize,
		ExtmapAllowMixed: offered.ExtmapAllowMixed,
	}
	m.Codecs = c.answerCodecs(offered)
	if !slices.ContainsFunc(m.Codecs, func(codec Codec) bool { return !codec.Repair() }) {
		return nil
	}
	m.Extmaps = c.answerExtmaps(offered)
	m.RTCPXR = c.answerRTCPXR(offered)
	c.answerSimulcast(offered, m)
	return m
}

// answerCodecs returns the codecs both know, in the local order.
func (c *Capabilities) answerCodecs(offered *Media) []Codec {
	pairs := matchCodecs(c.Codecs, offered.Codecs)
	var codecs []Codec
	for i := range c.Codecs {
		local := &c.Codecs[i]
		j := pairs[i]
		if j < 0 {
			continue
		}
		o := &offered.Codecs[j]
		answer := *local
		answer.PayloadType = o.PayloadType
		answer.Channels = o.Channels
		answer.Fmtp = answerFmtp(local, o)
		if local.Repair() {
			answer.Fmtp = o.Fmtp // names payload types of the offer
		}
		answer.Feedback = intersectFeedback(local.Feedback, o.Feedback)
		codecs = append(codecs, answer)
	}
	return codecs
}

// matchCodecs pairs the codecs of two descriptions, each with at most one other. It
// returns for each of a the index into b, or -1.
func matchCodecs(a, b []Codec) []int {
	pairs := make([]int, len(a))
	var taken [128]bool // indices into b
	for i := range a {
		pairs[i] = slices.IndexFunc(b, func(d Codec) bool {
			return a[i].Matches(&d) && usable(d.PayloadType) && !taken[indexOfPT(b, d.PayloadType)]
		})
		if pairs[i] >= 0 {
			taken[pairs[i]] = true
		}
	}
	// What refers to other payload types follows them.
	for i := range a {
		if a[i].Is("red") && pairs[i] >= 0 && !redAgrees(&a[i], &b[pairs[i]], a, b, pairs) {
			pairs[i] = -1
		}
	}
	for i := range a {
		if a[i].Is("rtx") {
			pairs[i] = matchRTX(a, b, i, pairs)
		}
	}
	return pairs
}

// usable reports whether a payload type can be told from RTCP on the same port.
// https://www.rfc-editor.org/rfc/rfc5761.html#section-4
func usable(pt uint8) bool { return pt < 64 || pt > 95 }

func indexOfPT(codecs []Codec, pt uint8) int {
	return slices.IndexFunc(codecs, func(c Codec) bool { return c.PayloadType == pt })
}

// matchRTX finds in b the RTX of the codec that a[i] is the RTX of.
func matchRTX(a, b []Codec, i int, pairs []int) int {
	apt, ok := a[i].AssociatedPayloadType()
	primary := indexOfPT(a, apt)
	if !ok || primary < 0 || pairs[primary] < 0 || a[primary].Is("rtx") {
		return -1
	}
	want := b[pairs[primary]].PayloadType
	return slices.IndexFunc(b, func(d Codec) bool {
		apt, ok := d.AssociatedPayloadType()
		return ok && apt == want && d.ClockRate == a[i].ClockRate && usable(d.PayloadType)
	})
}

// redAgrees reports whether two RED codecs wrap the same codecs. Video RED has no
// parameters (RFC 2198, section 5).
func redAgrees(r, s *Codec, a, b []Codec, pairs []int) bool {
	if r.Fmtp == "" || s.Fmtp == "" {
		return r.Fmtp == s.Fmtp
	}
	wrapped := func(c *Codec, in []Codec) int {
		first, _, _ := strings.Cut(c.Fmtp, "/")
		pt, err := parsePayloadType(first)
		if err != nil {
			return -1
		}
		return indexOfPT(in, pt)
	}
	i, j := wrapped(r, a), wrapped(s, b)
	return i >= 0 && j >= 0 && pairs[i] == j
}

func intersectFeedback(a, b []Feedback) []Feedback {
	var both []Feedback
	for _, f := range a {
		if slices.Contains(b, f) {
			both = append(both, f)
		}
	}
	return both
}

// answerExtmaps returns the header extensions both know, in the order of the offer.
func (c *Capabilities) answerExtmaps(offered *Media) []Extmap {
	used := make(map[uint16]bool)
	for _, e := range offered.Extmaps {
		used[e.ID] = true
	}
	var answer []Extmap
	for _, o := range offered.Extmaps {
		i := slices.IndexFunc(c.Extmaps, func(e Extmap) bool { return e.URI == o.URI && e.Attributes == o.Attributes })
		// 15 ends a one-byte header: https://www.rfc-editor.org/rfc/rfc8285.html#section-4.2
		if i < 0 || o.ID == 15 {
			continue
		}
		o.Direction = c.Extmaps[i].Direction.Intersect(o.Direction.Reverse())
		if o.Direction == Inactive {
			continue
		}
		if o.ID > 255 {
			// An offer that has run out of identifiers leaves the choice to the answer.
			if o.ID = freeExtmapID(used); o.ID == 0 {
				continue
			}
			used[o.ID] = true
		}
		answer = append(answer, o)
	}
	return answer
}

func (c *Capabilities) answerRTCPXR(offered *Media) (answer []string) {
	name := func(format string) string {
		name, _, _ := strings.Cut(format, "=")
		return name
	}
	for _, o := range offered.RTCPXR {
		if slices.ContainsFunc(c.RTCPXR, func(ours string) bool { return name(ours) == name(o) }) {
			answer = append(answer, o)
		}
	}
	return answer
}

func freeExtmapID(used map[uint16]bool) uint16 {
	for id := uint16(1); id < 256; id++ {
		if id != 15 && !used[id] {
			return id
		}
	}
	return 0
}

// answerSimulcast accepts the streams offered and sends those asked for.
func (c *Capabilities) answerSimulcast(offered, m *Media) {
	if m.Direction.Receives() {
		for _, alternatives := range offered.Simulcast.Send {
			if len(m.Simulcast.Recv) >= c.MaxSimulcast {
				break
			}
			var kept []SimulcastRID
			for _, a := range alternatives {
				if r, ok := answerRID(offered.rid(a.ID, false), m.Codecs); ok && c.receives(a.ID) && m.rid(a.ID, true) == nil {
					m.RIDs = append(m.RIDs, r)
					kept = append(kept, a)
				}
			}
			if kept != nil {
				m.Simulcast.Recv = append(m.Simulcast.Recv, kept)
			}
		}
	}
	var send []RID
	for _, alternatives := range offered.Simulcast.Recv {
		for _, a := range alternatives {
			ours := slices.IndexFunc(c.RIDs, func(r RID) bool { return r.ID == a.ID && !r.Recv })
			named := slices.ContainsFunc(send, func(r RID) bool { return r.ID == a.ID })
			if r, ok := answerRID(offered.rid(a.ID, true), m.Codecs); ok && ours >= 0 && !named {
				send = append(send, r)
				break
			}
		}
	}
	c.send(m, send)
}

func (c *Capabilities) receives(rid string) bool {
	return c.RecvRIDs == nil || slices.Contains(c.RecvRIDs, rid)
}

// rid finds the a=rid line of an identifier.
func (m *Media) rid(id string, recv bool) *RID {
	i := slices.IndexFunc(m.RIDs, func(r RID) bool { return r.ID == id && r.Recv == recv })
	if i < 0 {
		return nil
	}
	return &m.RIDs[i]
}

// ridRestrictions are the ones of RFC 8851, section 5. A stream with others is
// refused: https://www.rfc-editor.org/rfc/rfc8851.html#section-6.2.2
var ridRestrictions = []string{
	"max-width", "max-height", "max-fps", "max-fs", "max-br", "max-pps", "max-bpp", "depend",
}

// answerRID turns an offered identifier around, if we understand it and one of its
// codecs was agreed.
func answerRID(offered *RID, codecs []Codec) (RID, bool) {
	if offered == nil {
		return RID{}, false
	}
	for _, p := range offered.Restrictions {
		if !slices.Contains(ridRestrictions, p.Key) {
			return RID{}, false
		}
	}
	answer := RID{ID: offered.ID, Recv: !offered.Recv, Restrictions: offered.Restrictions}
	for _, pt := range offered.PayloadTypes {
		if indexOfPT(codecs, pt) >= 0 {
			answer.PayloadTypes = append(answer.PayloadTypes, pt)
		}
	}
	return answer, len(offered.PayloadTypes) == 0 || len(answer.PayloadTypes) > 0
}

// RTX returns the codec that retransmits c under the given payload type.
func (c *Codec) RTX(payloadType uint8) Codec {
	return Codec{
		PayloadType: payloadType,
		Name:        "rtx",
		ClockRate:   c.ClockRate,
		Fmtp:        "apt=" + strconv.Itoa(int(c.PayloadType)),
	}
}
