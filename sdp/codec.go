package sdp

import (
	"strconv"
	"strings"
)

// Parameter returns a format parameter. Keys are compared without regard to case.
func (c *Codec) Parameter(key string) (value string, ok bool) {
	for part := range strings.SplitSeq(c.Fmtp, ";") {
		k, v, _ := strings.Cut(part, "=")
		if strings.EqualFold(strings.TrimSpace(k), key) {
			return strings.TrimSpace(v), true
		}
	}
	return "", false
}

// parameter returns a format parameter, or what its absence means.
func (c *Codec) parameter(key, absent string) string {
	if v, ok := c.Parameter(key); ok {
		return v
	}
	return absent
}

// Is reports whether the codec has the encoding name, without regard to case.
func (c *Codec) Is(name string) bool { return strings.EqualFold(c.Name, name) }

// Repair reports whether the payload type repairs or wraps another one and is of no
// use alone: retransmission, redundancy and forward error correction.
func (c *Codec) Repair() bool {
	switch strings.ToLower(c.Name) {
	case "rtx", "red", "ulpfec", "flexfec-03", "flexfec":
		return true
	}
	return false
}

// AssociatedPayloadType returns the payload type that an RTX codec retransmits
// (RFC 4588, section 8.1).
func (c *Codec) AssociatedPayloadType() (uint8, bool) {
	if !c.Is("rtx") {
		return 0, false
	}
	v, _ := c.Parameter("apt")
	pt, err := parsePayloadType(v)
	return pt, err == nil
}

// Matches reports whether c and d are the same codec in two descriptions, in which
// their payload types may differ: same name, clock rate and channels, and same
// format as far as a decoder of one must be able to read the other. What may be
// lower on one side, such as a level, is not compared.
//
// RTX never matches here, since it depends on the codec it retransmits.
func (c *Codec) Matches(d *Codec) bool {
	if c.Name == "" || !c.Is(d.Name) || c.ClockRate != d.ClockRate || max(c.Channels, 1) != max(d.Channels, 1) {
		return false
	}
	same := func(key, absent string) bool {
		return strings.EqualFold(c.parameter(key, absent), d.parameter(key, absent))
	}
	switch strings.ToLower(c.Name) {
	case "rtx":
		return false
	case "h264":
		// https://www.rfc-editor.org/rfc/rfc6184.html#section-8.2.2
		return same("packetization-mode", "0") && c.h264().sameProfile(d.h264())
	case "h265":
		// https://www.rfc-editor.org/rfc/rfc7798.html#section-7.2.2
		return same("profile-space", "0") && same("profile-id", "1") && same("tier-flag", "0") &&
			same("tx-mode", "SRST")
	case "vp9":
		// https://www.rfc-editor.org/rfc/rfc9628.html#section-6
		return same("profile-id", "0")
	case "av1":
		// https://aomediacodec.github.io/av1-rtp-spec/#722-sdp-offeranswer
		return same("profile", "0")
	}
	return true
}

// h264Format is a profile-level-id (RFC 6184, section 8.1).
type h264Format struct {
	idc, iop, level uint8
	valid           bool
}

// h264 returns the profile and level of an H.264 codec.
func (c *Codec) h264() h264Format {
	// Without one, the Baseline profile at level 1 is meant.
	id, err := strconv.ParseUint(c.parameter("profile-level-id", "42000A"), 16, 24)
	if err != nil {
		return h264Format{}
	}
	return h264Format{uint8(id >> 16), uint8(id >> 8), uint8(id), true}
}

// h264Profiles are the ways to write the profiles that have more than one: Table 5
// of RFC 6184. The constraint flags are compared under the mask.
var h264Profiles = []struct {
	idc, mask, iop uint8
	profile        uint8
}{
	{0x42, 0x4f, 0x40, h264ConstrainedBaseline},
	{0x4d, 0x8f, 0x80, h264ConstrainedBaseline},
	{0x58, 0xcf, 0xc0, h264ConstrainedBaseline},
	{0x42, 0x4f, 0x00, h264Baseline},
	{0x58, 0xcf, 0x80, h264Baseline},
	{0x4d, 0xaf, 0x00, h264Main},
	{0x58, 0xcf, 0x00, h264Extended},
}

const (
	h264Other uint8 = iota
	h264ConstrainedBaseline
	h264Baseline
	h264Main
	h264Extended
)

func (f h264Format) profile() uint8 {
	for _, p := range h264Profiles {
		if f.idc == p.idc && f.iop&p.mask == p.iop {
			return p.profile
		}
	}
	return h264Other
}

func (f h264Format) sameProfile(g h264Format) bool {
	if !f.valid || !g.valid {
		return false
	}
	if p := f.profile(); p != h264Other || g.profile() != h264Other {
		return p == g.profile()
	}
	return f.idc == g.idc && f.iop == g.iop
}

// rank orders levels. Level 1b, between 1 and 1.1, is written as 9, or as 11 with
// constraint_set3_flag in the profiles below High.
func (f h264Format) rank() int {
	if f.level == 9 || f.level == 11 && f.iop&0x10 != 0 && f.profile() != h264Other {
		return 105
	}
	return int(f.level) * 10
}

// answerFmtp returns the format parameters with which local answers an offered
// codec that it matches.
func answerFmtp(local, offered *Codec) string {
	if !local.Is("H264") {
		return local.Fmtp
	}
	// Both sides use the lower level, unless both allow the two directions to differ.
	// https://www.rfc-editor.org/rfc/rfc6184.html#section-8.2.2
	l, o := local.h264(), offered.h264()
	asymmetric := local.parameter("level-asymmetry-allowed", "0") == "1" &&
		offered.parameter("level-asymmetry-allowed", "0") == "1"
	if asymmetric || l.rank() <= o.rank() {
		return local.Fmtp
	}
	lower := offered.parameter("profile-level-id", "42000A")
	var b strings.Builder
	for part := range strings.SplitSeq(local.Fmtp, ";") {
		if k, _, _ := strings.Cut(part, "="); strings.EqualFold(strings.TrimSpace(k), "profile-level-id") {
			continue
		}
		b.WriteString(part)
		b.WriteByte(';')
	}
	return b.String() + "profile-level-id=" + lower
}
