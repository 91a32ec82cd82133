package rtc_test

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/dtls"
	"github.com/sansrtc/rtc/ice"
	"github.com/sansrtc/rtc/internal/datadriven"
	"github.com/sansrtc/rtc/internal/simnet"
	"github.com/sansrtc/rtc/sctp"
)

// TestScenario runs the scripts in testdata/scenario. Each tells what two peers, L and R, say
// to one another. Lines of the transcript begin with the virtual time in seconds;
// "L → R" is a datagram, "L → ×" one that is lost, and "L" alone an event at L.
//
// The commands:
//
//	world [seed=1] [link arguments] [dtls=1.2] [lite=R] [mtu=1200] [groups-L=p256] [groups-R=(p384,p256)]
//	link [delay=20ms] [jitter=5ms] [loss=0.1] [rate=1000000] [queue=30000]
//	channel L chat [unordered] [retransmits=0] [lifetime=100ms] [id=5]
//	offer L [restart]            and the other peer's answer, at once
//	lose L 2                     the next datagrams that L sends
//	run for=1s | until=connected | until=closed; quiet prints nothing
//	send L chat hello            or: send L chat size=5000 [count=3]
//	close L [chat]               the session, or a channel
//	move L 10.0.0.9:5000         to another address, without a word to the peer
//	stats L                      what was dropped, by reason
//	start                        sets the session up without descriptions
//	restart                      restarts ICE of such a session
//	media v [audio] [direction=sendonly] [rids=(q,h)] [frames]
//	                             adds a section to it, by its mid; direction and rids are L's
//	set v direction=inactive     or: set v stop
//	write L v [rid=q] [audio] [size=4000] [first=0] [count=1] [every=20ms]
//	                             packets of ten bytes, or frames of size bytes, by their numbers
//	keyframe R v [rid=q]         asks for one
func TestScenario(t *testing.T) {
	datadriven.Walk(t, "testdata/scenario", func(t *testing.T, path string) {
		s := &scenario{t: t}
		datadriven.Run(t, path, s.command)
	})
}

type scenario struct {
	t        *testing.T
	w        *world
	out      strings.Builder
	names    map[string]string         // of ufrags
	channels map[string]sctp.ChannelID // by peer and label, where this side opened it
	sections map[string][2]rtc.MediaID // by mid, of L and of R
}

func (s *scenario) command(c *datadriven.Command) string {
	if c.Name == "world" {
		s.world(c)
		return ""
	}
	s.out.Reset()
	now := s.w.net.Now()
	switch c.Name {
	case "link":
		s.w.net.Link(s.w.l.host, s.w.r.host, linkOf(c))
	case "channel":
		p, label := s.peer(c), c.Word(1)
		id, err := p.OpenChannel(now, channelOf(c, label))
		s.channels[p.name+label] = id
		s.report(err)
	case "offer":
		s.w.negotiate(s.peer(c), rtc.Changes{DataChannels: true, ICERestart: c.Flag("restart")})
		s.nameUfrags()
	case "lose":
		p := s.peer(c)
		n, err := strconv.Atoi(c.Word(1))
		s.report(err)
		p.lose = n
	case "run":
		s.run(c)
	case "send":
		s.send(c)
	case "close":
		if p, label := s.peer(c), c.Word(1); label != "" {
			s.report(p.CloseChannel(now, s.channel(p, label)))
		} else {
			p.Close(now)
		}
	case "move":
		s.move(c)
	case "stats":
		s.stats(s.peer(c))
	case "start":
		s.w.start()
		s.nameUfrags()
	case "restart":
		s.restart()
	case "media":
		s.media(c)
	case "set":
		s.set(c)
	case "write":
		s.write(c)
	case "keyframe":
		s.report(s.peer(c).RequestKeyFrame(now, s.sections[c.Word(1)][s.side(c)], c.Text("rid", "")))
	default:
		c.Fail("there is no such command")
	}
	return s.out.String()
}

func (s *scenario) report(err error) {
	if err != nil {
		fmt.Fprintln(&s.out, err)
	}
}

func (s *scenario) peer(c *datadriven.Command) *simPeer {
	p := s.w.peers[c.Word(0)]
	if p == nil {
		c.Fail("the first argument is L or R")
	}
	return p
}

// channel finds a channel that either side opened.
func (s *scenario) channel(p *simPeer, label string) sctp.ChannelID {
	if id, ok := s.channels[p.name+label]; ok {
		return id
	}
	id, _ := p.channel(label)
	return id
}

func (s *scenario) world(c *datadriven.Command) {
	groups := map[string]dtls.Group{"x25519": dtls.X25519, "p256": dtls.P256, "p384": dtls.P384}
	s.channels, s.sections = map[string]sctp.ChannelID{}, map[string][2]rtc.MediaID{}
	s.w = newWorld(s.t, worldConfig{
		seed: uint64(c.Int("seed", 1)),
		link: linkOf(c),
		change: func(l, r *rtc.Config) {
			for name, cfg := range map[string]*rtc.Config{"L": l, "R": r} {
				cfg.MTU = c.Int("mtu", 0)
				cfg.ICELite = c.Text("lite", "") == name
				if c.Text("dtls", "1.3") == "1.2" {
					cfg.MaxDTLSVersion = dtls.VersionDTLS12
				}
				if names := c.Values("groups-" + name); names != nil {
					cfg.Groups = nil
					for _, group := range names {
						cfg.Groups = append(cfg.Groups, groups[group])
					}
				}
			}
		},
	})
	s.names = s.w.transcribe(&s.out).names
}

func linkOf(c *datadriven.Command) simnet.LinkConfig {
	return simnet.LinkConfig{
		Delay: c.Duration("delay", 20*ms), Jitter: c.Duration("jitter", 0),
		Loss: simnet.RandomLoss(c.Float("loss", 0)), Rate: c.Int("rate", 0), Queue: c.Int("queue", 0),
	}
}

func channelOf(c *datadriven.Command, label string) sctp.ChannelConfig {
	cfg := sctp.ChannelConfig{Label: label, Unordered: c.Flag("unordered")}
	if n := c.Int("retransmits", -1); n >= 0 {
		v := uint16(n)
		cfg.MaxRetransmits = &v
	}
	if d := c.Duration("lifetime", 0); d > 0 {
		cfg.MaxLifetime = &d
	}
	if id := c.Int("id", -1); id >= 0 {
		cfg.Negotiated, cfg.StreamID = true, uint16(id)
	}
	return cfg
}

func (s *scenario) run(c *datadriven.Command) {
	l, r := s.w.l, s.w.r
	switch until := c.Text("until", ""); until {
	case "":
		s.w.net.Run(c.Duration("for", time.Second))
	case "connected":
		s.w.until(time.Minute, until, func() bool { return l.connected != nil && r.connected != nil })
	case "closed":
		s.w.until(10*time.Minute, until, func() bool { return l.closed && r.closed })
	default:
		c.Fail("until what?")
	}
	if c.Flag("quiet") {
		s.out.Reset()
	}
}

func (s *scenario) send(c *datadriven.Command) {
	p, label, text := s.peer(c), c.Word(1), c.Word(2)
	data := []byte(text)
	if size := c.Int("size", 0); size > 0 {
		data = make([]byte, size)
	}
	for range c.Int("count", 1) {
		s.report(p.Send(s.w.net.Now(), s.channel(p, label), text == "", data))
	}
}

// move is what happens to a phone that leaves the house: one address is gone, another there.
func (s *scenario) move(c *datadriven.Command) {
	p, addr := s.peer(c), netip.MustParseAddrPort(c.Word(1))
	now := s.w.net.Now()
	s.report(p.RemoveLocalCandidate(now, ice.Candidate{Type: ice.Host, Addr: p.addr}))
	p.host.Detach(p.addr.Addr())
	p.host.Attach(addr.Addr(), nil)
	p.addr = addr
	s.w.net.Link(s.w.l.host, s.w.r.host, simnet.LinkConfig{Delay: 20 * ms})
	s.report(p.AddLocalCandidate(now, ice.Candidate{Type: ice.Host, Addr: addr}))
}

func (s *scenario) stats(p *simPeer) {
	fmt.Fprintf(&s.out, "%s dropped %+v\n", p.name, p.Stats().Dropped)
}
