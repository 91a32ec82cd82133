package sdp

import (
	"slices"
	"strconv"
	"strings"
)

// numbering gives payload types and header extensions their numbers in our offers.
//
// In a bundle a number means the same in every section (RFC 9143, section 9.1.1), and
// it keeps its meaning while packets with it may be on the way: Firefox refuses an
// offer that gives an identifier to another extension.
type numbering struct {
	codecs  []Codec  // each payload type once
	extmaps []Extmap // each identifier once
}

// add takes over what a section says. What is known stays.
func (n *numbering) add(codecs []Codec, extmaps []Extmap) {
	for _, c := range codecs {
		if indexOfPT(n.codecs, c.PayloadType) < 0 {
			c.Feedback = nil
			n.codecs = append(n.codecs, c)
		}
	}
	for _, e := range extmaps {
		if e.ID <= 255 && !n.hasID(e.ID) {
			e.Direction = SendRecv
			n.extmaps = append(n.extmaps, e)
		}
	}
}

func (n *numbering) hasID(id uint16) bool {
	return slices.ContainsFunc(n.extmaps, func(e Extmap) bool { return e.ID == id })
}

// numberingOf collects the numbers in use: ours before the peer's, and new ones
// before old ones.
func numberingOf(local, remote *Session, lines []Line, before *Agreement) numbering {
	var n numbering
	for _, s := range []*Session{local, remote} {
		for i := range s.Media {
			if m := &s.Media[i]; m.rtp() && !lines[i].Rejected {
				n.add(m.Codecs, m.Extmaps)
			}
		}
	}
	if before != nil {
		n.add(before.numbers.codecs, before.numbers.extmaps)
	}
	return n
}

// clone returns a copy that can be added to.
func (n numbering) clone() numbering {
	return numbering{slices.Clone(n.codecs), slices.Clone(n.extmaps)}
}

// apply gives a section its numbers: known ones to what is known, its own to the
// rest if they are free, otherwise new ones. What finds no number is left out.
func (n *numbering) apply(m *Media) {
	var extmaps []Extmap
	for _, e := range m.Extmaps {
		if e.ID = n.extmapID(e); e.ID != 0 {
			n.add(nil, []Extmap{e})
			extmaps = append(extmaps, e)
		}
	}
	m.Extmaps = extmaps

	var to [128]uint8 // old payload type → 1 + new one
	var used [128]bool
	codecs := slices.Clone(m.Codecs)
	kept := make([]bool, len(codecs))
	// What others refer to comes first.
	for _, class := range []func(*Codec) bool{
		func(c *Codec) bool { return !c.Is("rtx") && !c.Is("red") },
		func(c *Codec) bool { return c.Is("red") },
		func(c *Codec) bool { return c.Is("rtx") },
	} {
		for i := range codecs {
			c := &codecs[i]
			if !class(c) || c.PayloadType > 127 || !c.refer(&to) {
				continue
			}
			pt, ok := n.payloadType(c, &used)
			if !ok {
				continue
			}
			to[c.PayloadType], used[pt], kept[i] = pt+1, true, true
			c.PayloadType = pt
			n.add([]Codec{*c}, nil)
		}
	}
	m.Codecs = nil
	for i := range codecs {
		if kept[i] {
			m.Codecs = append(m.Codecs, codecs[i])
		}
	}
	m.RIDs = slices.Clone(m.RIDs)
	for i := range m.RIDs {
		var pts []uint8
		for _, pt := range m.RIDs[i].PayloadTypes {
			if to[pt&127] != 0 {
				pts = append(pts, to[pt&127]-1)
			}
		}
		m.RIDs[i].PayloadTypes = pts
	}
}

// extmapID returns the identifier for an extension, zero if there is none left.
func (n *numbering) extmapID(e Extmap) uint16 {
	for _, known := range n.extmaps {
		if known.URI == e.URI && known.Attributes == e.Attributes {
			return known.ID
		}
	}
	if 0 < e.ID && e.ID <= 255 && e.ID != 15 && !n.hasID(e.ID) {
		return e.ID
	}
	for id := uint16(1); id <= 255; id++ {
		if id != 15 && !n.hasID(id) {
			return id
		}
	}
	return 0
}

// refer rewrites the payload types in the parameters of a repair codec. It fails if
// they have none.
func (c *Codec) refer(to *[128]uint8) bool {
	switch {
	case c.Is("rtx"):
		apt, ok := c.AssociatedPayloadType()
		if !ok || to[apt] == 0 {
			return false
		}
		c.Fmtp = "apt=" + strconv.Itoa(int(to[apt]-1))
	case c.Is("red") && c.Fmtp != "":
		words := strings.Split(c.Fmtp, "/")
		for i, w := range words {
			pt, err := parsePayloadType(w)
			if err != nil || to[pt] == 0 {
				return false
			}
			words[i] = strconv.Itoa(int(to[pt] - 1))
		}
		c.Fmtp = strings.Join(words, "/")
	}
	return true
}

// payloadType returns the payload type for a codec, other than those used in its
// section already.
func (n *numbering) payloadType(c *Codec, used *[128]bool) (uint8, bool) {
	for i := range n.codecs {
		known := &n.codecs[i]
		same := known.Matches(c)
		switch {
		case c.Is("rtx"):
			apt, ok := known.AssociatedPayloadType()
			want, _ := c.AssociatedPayloadType()
			same = ok && apt == want && known.ClockRate == c.ClockRate
		case c.Is("red"):
			same = same && known.Fmtp == c.Fmtp
		}
		if same && !used[known.PayloadType] {
			return known.PayloadType, true
		}
	}
	if usable(c.PayloadType) && indexOfPT(n.codecs, c.PayloadType) < 0 {
		return c.PayloadType, true
	}
	// The dynamic range, and the one below that RTCP leaves.
	for _, span := range [][2]uint8{{96, 127}, {35, 63}} {
		for pt := span[0]; pt <= span[1]; pt++ {
			if indexOfPT(n.codecs, pt) < 0 {
				return pt, true
			}
		}
	}
	return 0, false
}
