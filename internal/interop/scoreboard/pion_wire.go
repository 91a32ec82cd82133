package main

import (
	"bytes"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/transport/v5"
	"github.com/pion/transport/v5/stdnet"
	"github.com/pion/webrtc/v4"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/rtp"
	"github.com/sansrtc/rtc/srtp"
)

// A wire joins a PeerConnection of pion/webrtc to a session of ours without a kernel: it is the socket
// that Pion opens. Media from Pion ends there and RTP is counted; what our session sends is handed over.
type wire struct {
	transport.UDPConn // for the methods that nobody calls

	pion netip.AddrPort
	in   chan []byte // to Pion
	out  chan []byte // from Pion: STUN and DTLS
	sent atomic.Int64
	gone chan struct{}
}

// wireNet is the network in which Pion finds a wire.
type wireNet struct {
	*stdnet.Net
	wire *wire
}

func (n wireNet) ListenUDP(string, *net.UDPAddr) (transport.UDPConn, error) { return n.wire, nil }

// ReadFromAddrPort and WriteToAddrPort are what Pion calls: see ice.AddrPortReaderWriter.
func (w *wire) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	select {
	case datagram := <-w.in:
		return copy(b, datagram), wirePeer, nil
	case <-w.gone:
		return 0, netip.AddrPort{}, net.ErrClosed
	}
}

func (w *wire) WriteToAddrPort(b []byte, _ netip.AddrPort) (int, error) {
	if isMedia(b) {
		if !rtp.IsRTCP(b) {
			w.sent.Add(1)
		}
		return len(b), nil
	}
	select {
	case w.out <- bytes.Clone(b):
	default: // lost
	}
	return len(b), nil
}

func (w *wire) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := w.ReadFromAddrPort(b)
	return n, net.UDPAddrFromAddrPort(from), err
}

func (w *wire) WriteTo(b []byte, to net.Addr) (int, error) {
	return w.WriteToAddrPort(b, to.(*net.UDPAddr).AddrPort())
}

func (w *wire) LocalAddr() net.Addr              { return net.UDPAddrFromAddrPort(w.pion) }
func (w *wire) SetDeadline(time.Time) error      { return nil }
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

func (w *wire) Close() error {
	select {
	case <-w.gone:
	default:
		close(w.gone)
	}
	return nil
}

func isMedia(b []byte) bool { return b[0] >= 128 && b[0] < 192 }

// wirePeer is the address of our end of each wire.
var wirePeer = netip.MustParseAddrPort("127.0.0.1:2")

// pionLeg is a PeerConnection and our session at the other end, which a goroutine drives.
type pionLeg struct {
	*webrtc.PeerConnection
	wire      *wire
	peer      *mediaEnd
	do        chan func()
	stopped   chan struct{}
	connected chan struct{}
	sealing   *srtp.Context // protects like the peer
}

// newPionLeg makes the two ends. SRTP is AES-128-GCM, as for ours.
func (b *board) newPionLeg(options ...func(*webrtc.API)) *pionLeg {
	w := &wire{
		pion: netip.MustParseAddrPort("127.0.0.1:1"), gone: make(chan struct{}),
		in: make(chan []byte, 64), out: make(chan []byte, 64),
	}
	loopback, err := stdnet.NewNet()
	b.must(err)
	settings := webrtc.SettingEngine{LoggerFactory: quietLoggers()}
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetIPFilter(func(ip net.IP) bool { return ip.IsLoopback() && ip.To4() != nil })
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	settings.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM)
	settings.SetNet(wireNet{loopback, w})
	pc, err := webrtc.NewAPI(append(options, webrtc.WithSettingEngine(settings))...).NewPeerConnection(webrtc.Configuration{})
	b.must(err)
	leg := &pionLeg{PeerConnection: pc, wire: w, do: make(chan func()), stopped: make(chan struct{}), connected: make(chan struct{})}
	leg.peer = b.newMediaEnd(rtc.Config{MediaProtection: func(p srtp.Profile, keys srtp.Keys) (srtp.Protection, error) {
		sealing, err := srtp.NewContext(srtp.Config{Profile: p, Master: keys.Local})
		leg.sealing = sealing
		b.must(err)
		return srtp.NewSession(p, keys)
	}}, wirePeer)
	return leg
}

// connect negotiates, lets Pion offer, and returns when both are connected.
func (leg *pionLeg) connect(b *board) {
	gathered := webrtc.GatheringCompletePromise(leg.PeerConnection)
	offer, err := leg.CreateOffer(nil)
	b.must(err)
	b.must(leg.SetLocalDescription(offer))
	<-gathered
	answer, err := leg.peer.AcceptOffer(time.Now(), leg.LocalDescription().SDP)
	b.must(err)
	go leg.run()
	b.must(leg.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
	select {
	case <-leg.connected:
	case <-time.After(time.Minute):
		b.t.Fatal("pion/webrtc does not connect")
	}
}

// run drives our session in real time.
func (leg *pionLeg) run() {
	defer close(leg.stopped)
	connected := false
	timer := time.NewTimer(0)
	for {
		leg.peer.drain(func(b []byte) {
			if !isMedia(b) {
				leg.wire.in <- bytes.Clone(b)
			}
		})
		if leg.peer.connected && !connected {
			connected = true
			close(leg.connected)
		}
		timer.Reset(time.Until(leg.peer.deadline))
		in := rtc.Input{Local: wirePeer, Remote: leg.wire.pion}
		select {
		case in.Data = <-leg.wire.out:
		case <-timer.C:
		case f, ok := <-leg.do:
			if !ok {
				return
			}
			f()
		}
		in.Now = time.Now()
		leg.peer.HandleInput(in)
	}
}

// makePackets lets our session write the next packets of a video, and returns their datagrams.
func (leg *pionLeg) makePackets(now time.Time, n int) (datagrams [][]byte) {
	made := make(chan struct{})
	leg.do <- func() {
		defer close(made)
		for range n {
			leg.peer.step()
			leg.peer.write(now, rtc.Video)
			leg.peer.drain(func(b []byte) {
				if isMedia(b) && !rtp.IsRTCP(b) {
					datagrams = append(datagrams, bytes.Clone(b))
				}
			})
		}
	}
	<-made
	return datagrams
}

func (leg *pionLeg) close() {
	close(leg.do)
	<-leg.stopped
	leg.wire.Close()
	leg.PeerConnection.Close()
}

// until waits for something that goroutines do.
func (b *board) until(what string, done func() bool) {
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("waited in vain: %s", what)
		}
	}
}
