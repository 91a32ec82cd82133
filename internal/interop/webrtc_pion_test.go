package interop

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/transport/v5/vnet"
	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/sctp"
)

// virtualNet is a bubble's network, with us on one host and a peer on the other.
type virtualNet struct {
	router     *vnet.Router
	our, their *vnet.Net

	mu   sync.Mutex
	rand *rand.Rand
	loss float64
}

// pionWorld is a virtualNet with Pion as the peer.
type pionWorld struct {
	*virtualNet
	ours *rtcPeer
	pc   *webrtc.PeerConnection

	mu       sync.Mutex
	channels map[string]*pionChannel
	arrived  chan struct{} // a channel was opened, by either side
}

// pionChannel is a channel of Pion's and what it received.
type pionChannel struct {
	*webrtc.DataChannel
	messages chan webrtc.DataChannelMessage
	opened   chan struct{}
	closed   chan struct{}
}

// newVirtualNet must be called in a bubble.
func newVirtualNet(t *testing.T, loss float64, seed uint64) *virtualNet {
	t.Helper()
	n := &virtualNet{loss: loss, rand: rand.New(rand.NewPCG(seed, 0))}
	var err error
	n.router, err = vnet.NewRouter(&vnet.RouterConfig{CIDR: "10.0.0.0/24", MinDelay: 10 * time.Millisecond, LoggerFactory: quietLogs})
	require.NoError(t, err)
	n.router.AddChunkFilter(func(vnet.Chunk) bool {
		n.mu.Lock()
		defer n.mu.Unlock()
		return n.loss == 0 || n.rand.Float64() >= n.loss
	})
	host := func(ip string) *vnet.Net {
		host, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{ip}})
		require.NoError(t, err)
		require.NoError(t, n.router.AddNet(host))
		return host
	}
	n.our, n.their = host("10.0.0.1"), host("10.0.0.2")
	require.NoError(t, n.router.Start())
	return n
}

// setLoss changes how much is lost.
func (n *virtualNet) setLoss(loss float64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.loss = loss
}

// startRtc runs a session on our host.
func (n *virtualNet) startRtc(t *testing.T, cfg rtc.Config) *rtcPeer {
	t.Helper()
	p := startRtc(t, cfg, listenVirtual(t, n.our, "10.0.0.1"))
	p.patience = 5 * time.Minute // virtual
	return p
}

func listenVirtual(t *testing.T, host *vnet.Net, ip string) net.PacketConn {
	t.Helper()
	socket, err := host.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(ip)})
	require.NoError(t, err)
	return socket
}

// newPionWorld must be called in a bubble.
func newPionWorld(t *testing.T, loss float64, seed uint64, cfg rtc.Config, options ...func(*webrtc.API)) *pionWorld {
	t.Helper()
	w := &pionWorld{
		virtualNet: newVirtualNet(t, loss, seed),
		channels:   map[string]*pionChannel{}, arrived: make(chan struct{}, 100),
	}
	settings := webrtc.SettingEngine{LoggerFactory: quietLogs}
	settings.SetNet(w.their)
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	settings.SetSCTPMaxMessageSize(256 << 10)
	// A farewell closes the PeerConnection in a goroutine that waits with a mutex
	// locked, which a bubble cannot sit out when another goroutine wants the mutex.
	settings.DisableCloseByDTLS(true)
	options = append(options, webrtc.WithSettingEngine(settings))
	var err error
	w.pc, err = webrtc.NewAPI(options...).NewPeerConnection(webrtc.Configuration{})
	require.NoError(t, err)
	w.pc.OnDataChannel(func(d *webrtc.DataChannel) { w.adopt(d) })

	w.ours = w.startRtc(t, cfg)
	return w
}

func (w *pionWorld) stop() {
	w.pc.Close()
	w.ours.stop()
	w.router.Stop()
}

func (w *pionWorld) adopt(d *webrtc.DataChannel) *pionChannel {
	c := &pionChannel{
		DataChannel: d, messages: make(chan webrtc.DataChannelMessage, 10_000),
		opened: make(chan struct{}), closed: make(chan struct{}),
	}
	d.OnMessage(func(m webrtc.DataChannelMessage) { c.messages <- m })
	d.OnOpen(func() { close(c.opened) })
	d.OnClose(func() { close(c.closed) })
	w.mu.Lock()
	w.channels[d.Label()] = c
	w.mu.Unlock()
	w.arrived <- struct{}{}
	return c
}

// channel waits until Pion has a channel of that label and it is open.
func (w *pionWorld) channel(label string) *pionChannel {
	w.ours.t.Helper()
	timeout := time.After(w.ours.patience)
	for {
		w.mu.Lock()
		c := w.channels[label]
		w.mu.Unlock()
		if c != nil {
			<-c.opened
			return c
		}
		select {
		case <-w.arrived:
		case <-timeout:
			w.ours.t.Fatalf("Pion has no channel %q", label)
		}
	}
}

func (w *pionWorld) open(label string, options *webrtc.DataChannelInit) {
	w.ours.t.Helper()
	d, err := w.pc.CreateDataChannel(label, options)
	require.NoError(w.ours.t, err)
	w.adopt(d)
}

func (c *pionChannel) message(t *testing.T) webrtc.DataChannelMessage {
	t.Helper()
	select {
	case m := <-c.messages:
		return m
	case <-time.After(5 * time.Minute):
		t.Fatalf("no message arrived at Pion on %q", c.Label())
		panic("unreachable")
	}
}

// weOffer and theyOffer negotiate, with all candidates in the descriptions.
func (w *pionWorld) weOffer(changes rtc.Changes) *rtc.Offer {
	t := w.ours.t
	t.Helper()
	offer := w.ours.offer(changes)
	require.NoError(t, w.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer.SDP()}))
	gathered := webrtc.GatheringCompletePromise(w.pc)
	answer, err := w.pc.CreateAnswer(nil)
	require.NoError(t, err)
	require.NoError(t, w.pc.SetLocalDescription(answer))
	<-gathered
	w.ours.acceptAnswer(offer, w.pc.LocalDescription().SDP)
	return offer
}

func (w *pionWorld) theyOffer(options *webrtc.OfferOptions) {
	t := w.ours.t
	t.Helper()
	offer, err := w.pc.CreateOffer(options)
	require.NoError(t, err)
	gathered := webrtc.GatheringCompletePromise(w.pc)
	require.NoError(t, w.pc.SetLocalDescription(offer))
	<-gathered
	answer := w.ours.acceptOffer(w.pc.LocalDescription().SDP)
	require.NoError(t, w.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
}

// TestWebRTCPion runs through what data channels can do, against pion/webrtc in
// virtual time, over links that lose up to a tenth of the datagrams.
func TestWebRTCPion(t *testing.T) {
	for _, weOffer := range []bool{true, false} {
		for _, weServe := range []bool{false, true} {
			if weServe && weOffer {
				continue // the answerer chooses
			}
			for _, loss := range []float64{0, 0.02, 0.1} {
				t.Run(fmt.Sprintf("weOffer=%t/weServe=%t/loss=%g", weOffer, weServe, 100*loss), func(t *testing.T) {
					for seed := range uint64(3) {
						synctest.Test(t, func(t *testing.T) {
							w := newPionWorld(t, loss, seed, rtc.Config{PreferDTLSServer: weServe})
							defer w.stop()
							testWebRTCPion(t, w, weOffer)
						})
					}
				})
			}
		}
	}
}

func testWebRTCPion(t *testing.T, w *pionWorld, weOffer bool) {
	id := w.ours.open(sctp.ChannelConfig{Label: "ours"})
	w.open("theirs", nil)
	if weOffer {
		w.weOffer(rtc.Changes{DataChannels: true})
	} else {
		w.theyOffer(nil)
	}
	wait(w.ours, "connected", func(*rtc.Connected) bool { return true })
	w.ours.opened("ours")
	theirs := w.ours.opened("theirs")
	require.True(t, theirs.Remote)

	testPionKinds(t, w)
	testPionMessages(t, w, id, w.channel("ours"))
	testPionMessages(t, w, theirs.ID, w.channel("theirs"))
	testPionRestart(t, w, id, w.channel("ours"))

	w.ours.closeChannel(id)
	wait(w.ours, "our channel closed", func(c *rtc.ChannelClosed) bool { return c.ID == id && c.Err == nil })
	<-w.channel("ours").closed
	require.NoError(t, w.channel("theirs").Close())
	wait(w.ours, "their channel closed", func(c *rtc.ChannelClosed) bool { return c.ID == theirs.ID && c.Err == nil })

	w.setLoss(0) // nobody repeats a farewell
	if weOffer {
		w.ours.close()
		require.NoError(t, w.ours.waitClosed())
		<-w.channel("plain").closed
		time.Sleep(time.Second) // until Pion's goroutines are done with it: see above
		return
	}
	require.NoError(t, w.pc.Close())
	wait(w.ours, "a channel closed by Pion's ABORT", func(c *rtc.ChannelClosed) bool { return c.Err == nil })
	if err := w.ours.waitClosed(); err != nil {
		// Now and then Pion's close_notify does not leave, and consent expires instead.
		require.ErrorIs(t, err, rtc.ErrICEFailed)
	}
}

// testPionKinds opens channels of each kind from both sides, and pre-negotiated ones.
func testPionKinds(t *testing.T, w *pionWorld) {
	t.Helper()
	two, ms, lifetime, unordered := uint16(2), uint16(500), 500*time.Millisecond, false
	negotiated, stream, protocol := true, uint16(100), "pr/1"
	kinds := []struct {
		config  sctp.ChannelConfig
		options *webrtc.DataChannelInit
	}{
		{sctp.ChannelConfig{Label: "plain"}, nil},
		{sctp.ChannelConfig{Label: "protocol", Protocol: protocol}, &webrtc.DataChannelInit{Protocol: &protocol}},
		{sctp.ChannelConfig{Label: "unordered", Unordered: true}, &webrtc.DataChannelInit{Ordered: &unordered}},
		{sctp.ChannelConfig{Label: "rexmit", Unordered: true, MaxRetransmits: &two}, &webrtc.DataChannelInit{Ordered: &unordered, MaxRetransmits: &two}},
		{sctp.ChannelConfig{Label: "timed", MaxLifetime: &lifetime}, &webrtc.DataChannelInit{MaxPacketLifeTime: &ms}},
	}
	for _, k := range kinds {
		label, partial := k.config.Label, k.config.MaxRetransmits != nil || k.config.MaxLifetime != nil
		id := w.ours.open(k.config)
		c := w.channel(label)
		require.Equal(t, k.config.Protocol, c.Protocol(), label)
		require.Equal(t, !k.config.Unordered, c.Ordered(), label)
		require.Equal(t, k.config.MaxRetransmits, c.MaxRetransmits(), label)
		if k.config.MaxLifetime != nil {
			require.Equal(t, &ms, c.MaxPacketLifeTime(), label)
		}
		echo(t, w, id, c, partial)

		w.open("their "+label, k.options)
		opened := w.ours.opened("their " + label)
		require.True(t, opened.Remote)
		require.Equal(t, k.config.Protocol, opened.Config.Protocol, label)
		require.Equal(t, k.config.Unordered, opened.Config.Unordered, label)
		require.Equal(t, k.config.MaxRetransmits, opened.Config.MaxRetransmits, label)
		require.Equal(t, k.config.MaxLifetime, opened.Config.MaxLifetime, label)
		echo(t, w, opened.ID, w.channel("their "+label), partial)
	}
	w.open("negotiated", &webrtc.DataChannelInit{Negotiated: &negotiated, ID: &stream})
	id := w.ours.open(sctp.ChannelConfig{Label: "negotiated", Negotiated: true, StreamID: stream})
	w.channel("negotiated")
	time.Sleep(time.Second) // nobody is told when the other side is ready
	echo(t, w, id, w.channel("negotiated"), false)
}

// echo sends a message each way. On a partially reliable channel it may take several.
func echo(t *testing.T, w *pionWorld, id sctp.ChannelID, c *pionChannel, partial bool) {
	t.Helper()
	tries := 1
	if partial {
		tries = 20
	}
	for range tries {
		w.ours.send(id, false, []byte("hello "+c.Label()))
		require.NoError(t, c.SendText("hello back"))
	}
	require.Equal(t, "hello "+c.Label(), string(c.message(t).Data))
	require.Equal(t, "hello back", string(w.ours.message(id).Data))
}

// testPionMessages sends 1,000 messages each way, then empty and large ones.
func testPionMessages(t *testing.T, w *pionWorld, id sctp.ChannelID, c *pionChannel) {
	t.Helper()
	const messages = 1000
	for i := range messages {
		w.ours.send(id, false, []byte(strconv.Itoa(i)))
		require.NoError(t, c.SendText(strconv.Itoa(i)))
	}
	for i := range messages {
		m := c.message(t)
		require.True(t, m.IsString)
		require.Equal(t, strconv.Itoa(i), string(m.Data))
		got := w.ours.message(id)
		require.False(t, got.Binary)
		require.Equal(t, strconv.Itoa(i), string(got.Data))
	}
	for _, size := range []int{0, 1, 1200, 16 << 10, 64 << 10, 256 << 10} {
		data := pattern(size)
		w.ours.send(id, true, data)
		m := c.message(t)
		require.False(t, m.IsString)
		require.Equal(t, len(data), len(m.Data))
		require.Equal(t, string(data), string(m.Data), "message of %d bytes", size)

		require.NoError(t, c.Send(data))
		got := w.ours.message(id)
		require.True(t, got.Binary)
		require.Equal(t, string(data), string(got.Data), "message of %d bytes", size)
	}
}

// testPionRestart restarts ICE from either side, with messages before, during and after.
func testPionRestart(t *testing.T, w *pionWorld, id sctp.ChannelID, c *pionChannel) {
	t.Helper()
	for _, ours := range []bool{true, false} {
		before := w.pc.LocalDescription().SDP
		w.ours.send(id, false, []byte("during"))
		require.NoError(t, c.SendText("during"))
		if ours {
			w.weOffer(rtc.Changes{DataChannels: true, ICERestart: true})
		} else {
			w.theyOffer(&webrtc.OfferOptions{ICERestart: true})
		}
		require.NotEqual(t, ufragOf(t, before), ufragOf(t, w.pc.LocalDescription().SDP), "a restart has new credentials")
		require.Equal(t, "during", string(c.message(t).Data))
		require.Equal(t, "during", string(w.ours.message(id).Data))
		wait(w.ours, "the old credentials to be dropped", func(*rtc.LocalUfragRemoved) bool { return true })
		echo(t, w, id, c, false)
	}
}
