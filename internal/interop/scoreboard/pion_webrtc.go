package main

import (
	"net"
	"runtime"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/transport/v5"
	"github.com/pion/transport/v5/vnet"
	"github.com/pion/webrtc/v4"
)

// newPeerConnection returns a PeerConnection of pion/webrtc with its defaults, on a
// network of the caller's or, if that is nil, on loopback.
func (b *board) newPeerConnection(network transport.Net) *webrtc.PeerConnection {
	settings := webrtc.SettingEngine{LoggerFactory: quietLoggers()}
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	settings.DisableCloseByDTLS(true) // which can hang a bubble: see pionSetup
	if network != nil {
		settings.SetNet(network)
	} else {
		settings.SetIncludeLoopbackCandidate(true)
		settings.SetIPFilter(func(ip net.IP) bool { return ip.IsLoopback() && ip.To4() != nil })
		settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	}
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{})
	b.must(err)
	return pc
}

// negotiate exchanges descriptions with all candidates in them. When it returns, both
// sides know both descriptions.
func (b *board) negotiate(offerer, answerer *webrtc.PeerConnection) {
	gathered := webrtc.GatheringCompletePromise(offerer)
	offer, err := offerer.CreateOffer(nil)
	b.must(err)
	b.must(offerer.SetLocalDescription(offer))
	<-gathered
	b.must(answerer.SetRemoteDescription(*offerer.LocalDescription()))
	gathered = webrtc.GatheringCompletePromise(answerer)
	answer, err := answerer.CreateAnswer(nil)
	b.must(err)
	b.must(answerer.SetLocalDescription(answer))
	<-gathered
	b.must(offerer.SetRemoteDescription(*answerer.LocalDescription()))
}

// pionSetup returns the virtual time from the moment both descriptions are known to
// the first message, in each direction.
func (b *board) pionSetup() (toAnswerer, toOfferer time.Duration) {
	b.bubble(func() {
		router, err := vnet.NewRouter(&vnet.RouterConfig{CIDR: "10.0.0.0/24", MinDelay: rtt / 2, LoggerFactory: quietLoggers()})
		b.must(err)
		host := func(ip string) transport.Net {
			n, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{ip}})
			b.must(err)
			b.must(router.AddNet(n))
			return n
		}
		offererNet, answererNet := host("10.0.0.1"), host("10.0.0.2")
		b.must(router.Start())
		offerer, answerer := b.newPeerConnection(offererNet), b.newPeerConnection(answererNet)

		var start time.Time
		var arrived sync.WaitGroup
		arrived.Add(2)
		// Each side opens a channel and writes as soon as it may.
		greet := func(pc *webrtc.PeerConnection) {
			channel, err := pc.CreateDataChannel("first", nil)
			b.must(err)
			channel.OnOpen(func() { channel.SendText("hello") })
		}
		greet(offerer)
		greet(answerer)
		receive := func(pc *webrtc.PeerConnection, took *time.Duration) {
			pc.OnDataChannel(func(channel *webrtc.DataChannel) {
				channel.OnMessage(func(webrtc.DataChannelMessage) {
					*took = time.Since(start)
					arrived.Done()
				})
			})
		}
		receive(offerer, &toOfferer)
		receive(answerer, &toAnswerer)
		b.negotiate(offerer, answerer)
		start = time.Now()
		arrived.Wait()
		// Close waits with a mutex locked. When another goroutine wants the mutex
		// meanwhile, time stands still in a bubble: one side after the other.
		offerer.Close()
		time.Sleep(time.Second)
		answerer.Close()
		router.Stop()
	})
	return toAnswerer, toOfferer
}

// pionIdle returns heap and stacks in KiB, and goroutines, of one idle connected
// PeerConnection: half of what a pair takes, over some pairs. What is to be in it, add adds, and tells
// twice that it is there.
func (b *board) pionIdle(pairs int, add func(offerer, answerer *webrtc.PeerConnection, there chan<- struct{})) (kib, goroutines float64) {
	before := settledMemory()
	running := runtime.NumGoroutine()
	var all []*webrtc.PeerConnection
	for range pairs {
		offerer, answerer := b.newPeerConnection(nil), b.newPeerConnection(nil)
		all = append(all, offerer, answerer)
		there := make(chan struct{}, 2)
		add(offerer, answerer, there)
		b.negotiate(offerer, answerer)
		<-there
		<-there
	}
	n := float64(len(all))
	goroutines = float64(runtime.NumGoroutine()-running) / n
	kib = (settledMemory() - before) / n / 1024
	for _, pc := range all {
		pc.Close()
	}
	return kib, goroutines
}

// pionChannel adds a data channel.
func (b *board) pionChannel(offerer, answerer *webrtc.PeerConnection, there chan<- struct{}) {
	channel, err := offerer.CreateDataChannel("idle", nil)
	b.must(err)
	channel.OnOpen(func() { there <- struct{}{} })
	answerer.OnDataChannel(func(channel *webrtc.DataChannel) {
		channel.OnOpen(func() { there <- struct{}{} })
	})
}

// pionMedia adds audio and video, each way.
func (b *board) pionMedia(offerer, answerer *webrtc.PeerConnection, there chan<- struct{}) {
	for _, pc := range []*webrtc.PeerConnection{offerer, answerer} {
		for _, mime := range []string{webrtc.MimeTypeOpus, webrtc.MimeTypeVP8} {
			track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: mime}, mime, "idle")
			b.must(err)
			_, err = pc.AddTrack(track)
			b.must(err)
		}
		pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
			if state == webrtc.PeerConnectionStateConnected {
				there <- struct{}{}
			}
		})
	}
}

// settledMemory returns the bytes of live heap objects and of stacks.
func settledMemory() float64 {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc + m.StackInuse)
}
