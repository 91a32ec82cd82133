package interop

import (
	"fmt"
	"net"
	"strings"

	pionsdp "github.com/pion/sdp/v3"
	"github.com/stretchr/testify/require"
)

// smallMedia is an audio or video section.
type smallMedia struct {
	kind, mid, codec string
	payloadType      uint8
	ssrc             uint32
}

// description returns an offer, or the answer to one that was taken with accept.
func (c *smallClient) description() string {
	s, err := pionsdp.NewJSEPSessionDescription(false)
	require.NoError(c.t, err)
	setup := "actpass"
	if c.answers {
		setup = map[bool]string{true: "active", false: "passive"}[c.cfg.client]
	}
	s.WithPropertyAttribute("ice-lite")
	bundle := "BUNDLE"
	section := func(m *pionsdp.MediaDescription, mid string) {
		bundle += " " + mid
		s.WithMedia(m.WithValueAttribute("mid", mid).WithICECredentials(c.ufrag, c.pwd).WithFingerprint("sha-256", c.print).
			WithValueAttribute("setup", setup).WithCandidate(fmt.Sprintf("1 1 udp 2130706431 %s %d typ host",
			c.socket.LocalAddr().(*net.UDPAddr).IP, c.socket.LocalAddr().(*net.UDPAddr).Port)).
			WithPropertyAttribute("end-of-candidates"))
	}
	for _, m := range c.media {
		codec := strings.Split(m.codec, "/")
		d := pionsdp.NewJSEPMediaDescription(m.kind, nil)
		d.MediaName.Formats = []string{fmt.Sprint(m.payloadType)}
		d.WithValueAttribute("rtpmap", fmt.Sprintf("%d %s", m.payloadType, m.codec)).
			WithValueAttribute("rtcp-fb", fmt.Sprintf("%d nack", m.payloadType)).
			WithValueAttribute("rtcp-fb", fmt.Sprintf("%d nack pli", m.payloadType)).
			WithPropertyAttribute("rtcp-mux").WithPropertyAttribute("sendrecv").
			WithMediaSource(m.ssrc, "small", "small", codec[0])
		section(d, m.mid)
	}
	data := &pionsdp.MediaDescription{
		MediaName: pionsdp.MediaName{
			Media: "application", Port: pionsdp.RangedPort{Value: 9},
			Protos: []string{"UDP", "DTLS", "SCTP"}, Formats: []string{"webrtc-datachannel"},
		},
		ConnectionInformation: &pionsdp.ConnectionInformation{NetworkType: "IN", AddressType: "IP4", Address: &pionsdp.Address{Address: "0.0.0.0"}},
	}
	section(data.WithValueAttribute("sctp-port", "5000"), c.dataMID)
	s.WithValueAttribute("group", bundle)
	b, err := s.Marshal()
	require.NoError(c.t, err)
	return string(b)
}

// accept takes the description of the other side. Its sections must be audio, video and data.
func (c *smallClient) accept(description string, offer bool) {
	var s pionsdp.SessionDescription
	require.NoError(c.t, s.UnmarshalString(description))
	require.Len(c.t, s.MediaDescriptions, len(c.media)+1)
	attribute := func(m *pionsdp.MediaDescription, key string) string {
		v, ok := m.Attribute(key)
		if !ok {
			v, _ = s.Attribute(key)
		}
		return v
	}
	if c.answers = offer; offer {
		c.dataMID = attribute(s.MediaDescriptions[len(c.media)], "mid")
	}
	c.remotePrint = strings.TrimPrefix(attribute(s.MediaDescriptions[0], "fingerprint"), "sha-256 ")
	if !offer {
		c.cfg.client = attribute(s.MediaDescriptions[0], "setup") == "passive"
	}
	for i := range c.media {
		m, theirs := &c.media[i], s.MediaDescriptions[i]
		require.Equal(c.t, m.kind, theirs.MediaName.Media)
		m.mid = attribute(theirs, "mid")
		for _, a := range theirs.Attributes {
			number, codec, _ := strings.Cut(a.Value, " ")
			if a.Key == "rtpmap" && codec == m.codec {
				_, err := fmt.Sscan(number, &m.payloadType)
				require.NoError(c.t, err)
			}
		}
	}
}
