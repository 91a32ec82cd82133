package rtc_test

import (
	"fmt"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/ice"
	"github.com/sansrtc/rtc/internal/datadriven"
	"github.com/sansrtc/rtc/rtp"
	"github.com/sansrtc/rtc/rtp/codec"
	"github.com/sansrtc/rtc/sdp"
)

// Commands of scenarios about sessions without descriptions, and about media.

func (s *scenario) nameUfrags() {
	for _, p := range s.w.peers {
		s.names[p.LocalParameters().ICE.Ufrag] = p.name
	}
}

func (s *scenario) side(c *datadriven.Command) int {
	if s.peer(c) == s.w.r {
		return 1
	}
	return 0
}

func (s *scenario) restart() {
	peers := []*simPeer{s.w.l, s.w.r}
	var remote [2]rtc.Parameters
	for i, p := range peers {
		remote[i] = p.LocalParameters()
		var err error
		remote[i].ICE, err = ice.NewCredentials(seedReader(40 + uint64(i)))
		require.NoError(s.t, err)
	}
	for i, p := range peers {
		s.report(p.RestartICE(s.w.net.Now(), remote[i].ICE, remote[1-i]))
	}
	s.nameUfrags()
}

func directionOf(c *datadriven.Command) sdp.Direction {
	text := c.Text("direction", "sendrecv")
	for _, d := range []sdp.Direction{sdp.SendRecv, sdp.SendOnly, sdp.RecvOnly, sdp.Inactive} {
		if d.String() == text {
			return d
		}
	}
	c.Fail("there is no such direction")
	return 0
}

func (s *scenario) media(c *datadriven.Command) {
	p := rtc.MediaParameters{MID: c.Word(0), ReducedSizeRTCP: true}
	p.Kind = rtc.Video
	if c.Flag("audio") {
		p.Kind = rtc.Audio
	}
	p.Direction, p.RIDs, p.Frames = directionOf(c), c.Values("rids"), c.Flag("frames")
	l, r := s.w.addMedia(p)
	s.sections[p.MID] = [2]rtc.MediaID{l, r}
}

func (s *scenario) set(c *datadriven.Command) {
	for i, p := range []*simPeer{s.w.l, s.w.r} {
		change := rtc.MediaChange{ID: s.sections[c.Word(0)][i], Direction: directionOf(c), Stop: c.Flag("stop")}
		if i == 1 {
			change.Direction = change.Direction.Reverse()
		}
		s.report(p.SetMedia(s.w.net.Now(), change))
	}
}

func (s *scenario) write(c *datadriven.Command) {
	p, id, rid := s.peer(c), s.sections[c.Word(1)][s.side(c)], c.Text("rid", "")
	first, size := c.Int("first", 0), c.Int("size", 0)
	payloadType, audio := uint8(96), c.Flag("audio")
	if audio {
		payloadType = 111
	}
	for n := first; n < first+c.Int("count", 1); n++ {
		var err error
		if size > 0 {
			err = p.WriteFrame(s.w.net.Now(), id, rid, payloadType, codec.Frame{Data: vp8Frame(n, size, n == 0), Timestamp: uint32(n) * 3000})
		} else {
			h := rtp.Header{PayloadType: payloadType, SequenceNumber: uint16(n), Timestamp: uint32(n) * 3000}
			err = p.WriteRTP(s.w.net.Now(), id, rid, &h, make([]byte, 10))
		}
		if err != nil {
			fmt.Fprintln(&s.out, err)
			return
		}
		p.host.Wake()
		s.w.net.Run(c.Duration("every", 20*ms))
	}
}
