package sdp

import (
	"slices"
	"strconv"
)

// MIDs returns the mids of the sections of an offer. Where the text has none, it is the one that
// the agreement has for the line, or a new one: an answer to the offer has the same.
// a is nil in the first round.
func (a *Agreement) MIDs(offer *Session) []string {
	mids := make([]string, len(offer.Media))
	for i := range offer.Media {
		mids[i] = offer.Media[i].MID
	}
	for i := range mids {
		if mids[i] != "" {
			continue
		}
		if a != nil && i < len(a.Lines) && !a.Lines[i].Rejected {
			mids[i] = a.Lines[i].MID
		} else {
			mids[i] = freeMID(i, func(mid string) bool { return slices.Contains(mids, mid) })
		}
	}
	return mids
}

// FreeMID returns a mid for a new section: the smallest number that no line has, in use or
// rejected, and that taken does not report. A mid is not used again, since packets under it may
// be on the way. a is nil in the first round.
func (a *Agreement) FreeMID(taken func(mid string) bool) string {
	return freeMID(0, func(mid string) bool {
		return taken(mid) || a != nil && slices.ContainsFunc(a.Lines, func(l Line) bool { return l.MID == mid })
	})
}

// freeMID returns the first number from i on that is not used as a mid.
func freeMID(i int, used func(mid string) bool) string {
	for ; ; i++ {
		if mid := strconv.Itoa(i); !used(mid) {
			return mid
		}
	}
}
