package main

import (
	"io"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// pionFanout is a forwarder with pion/webrtc: a PeerConnection that receives a video, and others that it is sent to, all with
// the default interceptors: NACK generator and responder, receiver and sender reports, statistics, TWCC feedback. The
// interceptor that numbers packets for TWCC is added, since ours are numbered.
type pionFanout struct {
	b         *board
	publisher *pionLeg
	viewers   []*pionViewer
	done      chan struct{} // a packet was written to all viewers
	handled   chan struct{} // a datagram of RTCP was read
	now       time.Time     // of the publisher's side
	datagrams [][]byte
	next      int
	forwarded int
}

type pionViewer struct {
	*pionLeg
	ssrc    uint32
	reports viewerReports
}

func (b *board) newPionFanout() *pionFanout {
	f := &pionFanout{b: b, done: make(chan struct{}), handled: make(chan struct{}, fanoutViewers)}
	media, registry := &webrtc.MediaEngine{}, &interceptor.Registry{}
	b.must(media.RegisterDefaultCodecs())
	b.must(webrtc.RegisterDefaultInterceptorsWithOptions(media, registry, webrtc.WithInterceptorLoggerFactory(quietLoggers())))
	b.must(webrtc.ConfigureTWCCHeaderExtensionSender(media, registry))
	options := []func(*webrtc.API){webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(registry)}

	track := b.pionTrack()
	for range fanoutViewers {
		v := &pionViewer{pionLeg: b.newPionLeg(options...)}
		transceiver, err := v.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		b.must(err)
		v.connect(b)
		sender := transceiver.Sender()
		v.ssrc = uint32(sender.GetParameters().Encodings[0].SSRC)
		// As Pion's documentation asks for: otherwise the interceptors see no RTCP.
		go func() {
			for buf := make([]byte, 1500); ; f.handled <- struct{}{} {
				if _, _, err := sender.Read(buf); err != nil {
					return
				}
			}
		}()
		f.viewers = append(f.viewers, v)
	}

	f.publisher = b.newPionLeg(options...)
	_, err := f.publisher.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
	b.must(err)
	f.publisher.OnTrack(func(remote *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		var packet rtp.Packet
		for buf := make([]byte, 1500); ; {
			n, _, err := remote.Read(buf)
			if err != nil {
				return
			}
			b.must(packet.Unmarshal(buf[:n]))
			packet.Extension, packet.Extensions = false, nil // each viewer's are its own
			if err := track.WriteRTP(&packet); err != nil && err != io.ErrClosedPipe {
				panic(err)
			}
			f.done <- struct{}{}
		}
	})
	f.publisher.connect(b)
	f.now = time.Now()
	// The first packets may come before Pion's tracks are ready.
	b.until("pion/webrtc forwards", func() bool {
		f.prepare(1)
		f.publisher.wire.in <- f.datagrams[0]
		select {
		case <-f.done:
		case <-time.After(10 * time.Millisecond):
		}
		return f.allSent()
	})
	return f
}

func (f *pionFanout) allSent() bool {
	for _, v := range f.viewers {
		if v.wire.sent.Load() == 0 {
			return false
		}
	}
	return true
}

// prepare makes the publisher's next packets and the viewers' next reports.
func (f *pionFanout) prepare(n int) {
	f.datagrams, f.next = f.publisher.makePackets(f.now, n), 0
	for i := range n {
		if !reportsDue(f.forwarded + i) {
			continue
		}
		for _, v := range f.viewers {
			v.reports.make(f.b, v.sealing, v.ssrc, f.forwarded+i)
		}
	}
}

// forward is what is measured: a datagram comes in, and the packet in it goes out to all viewers, from which reports
// come in.
func (f *pionFanout) forward() {
	f.publisher.wire.in <- f.datagrams[f.next]
	f.next++
	<-f.done
	if reportsDue(f.forwarded) {
		for _, v := range f.viewers {
			v.wire.in <- v.reports.take()
		}
		for range f.viewers {
			<-f.handled
		}
	}
	f.forwarded++
}

// copies returns how many datagrams of media have been sent to viewers.
func (f *pionFanout) copies() (n int) {
	for _, v := range f.viewers {
		n += int(v.wire.sent.Load())
	}
	return n
}

func (f *pionFanout) close() {
	f.publisher.close()
	for _, v := range f.viewers {
		v.close()
	}
}
