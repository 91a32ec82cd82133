package main

import (
	"sync/atomic"
	"time"

	"github.com/pion/interceptor"
	pionrtp "github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// pionSender is a track of pion/webrtc that is sent on one PeerConnection.
type pionSender struct {
	b      *board
	leg    *pionLeg
	track  *webrtc.TrackLocalStaticRTP
	packet pionrtp.Packet
}

// pionTrack returns a video to be sent.
func (b *board) pionTrack() *webrtc.TrackLocalStaticRTP {
	track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "video", "stream")
	b.must(err)
	return track
}

// newPionSender connects a sender, with the default interceptors or without any.
func (b *board) newPionSender(interceptors bool) *pionSender {
	var options []func(*webrtc.API)
	if !interceptors {
		options = append(options, webrtc.WithInterceptorRegistry(&interceptor.Registry{}))
	}
	s := &pionSender{b: b, leg: b.newPionLeg(options...), track: b.pionTrack()}
	_, err := s.leg.AddTransceiverFromTrack(s.track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	b.must(err)
	s.leg.connect(b)
	s.packet.Header = pionrtp.Header{Version: 2}
	s.packet.Payload = make([]byte, mediaPayload)
	b.until("pion/webrtc sends", func() bool {
		s.send()
		return s.leg.wire.sent.Load() > 0
	})
	return s
}

// send is Pion's whole send path, from the track to where the kernel would take the datagram.
func (s *pionSender) send() {
	s.packet.SequenceNumber++
	if s.packet.SequenceNumber%framePackets == 0 {
		s.packet.Timestamp += 3000
	}
	s.b.must(s.track.WriteRTP(&s.packet))
}

func (s *pionSender) close() { s.leg.close() }

// pionReceiver is a track of pion/webrtc that is received, with the default interceptors.
type pionReceiver struct {
	leg       *pionLeg
	now       time.Time
	datagrams [][]byte // made,
	next      int      // and not received yet
	left      atomic.Int64
	done      chan struct{} // none is left
}

func (b *board) newPionReceiver() *pionReceiver {
	r := &pionReceiver{leg: b.newPionLeg(), done: make(chan struct{}, 1)}
	_, err := r.leg.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
	b.must(err)
	r.leg.OnTrack(func(remote *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for buf := make([]byte, 1500); ; {
			if _, _, err := remote.Read(buf); err != nil {
				return
			}
			if r.left.Add(-1) == 0 {
				r.done <- struct{}{}
			}
		}
	})
	r.leg.connect(b)
	r.now = time.Now()
	// The first packets may come before Pion is ready.
	b.until("pion/webrtc receives", func() bool {
		r.prepare(1)
		r.leg.wire.in <- r.datagrams[0]
		select {
		case <-r.done:
			return true
		case <-time.After(10 * time.Millisecond):
			return false
		}
	})
	return r
}

// prepare lets the peer make the next n packets.
func (r *pionReceiver) prepare(n int) {
	r.datagrams, r.next = r.leg.makePackets(r.now, n), 0
	r.left.Store(int64(n))
}

// receive is Pion's receive path, from where the kernel would hand over a datagram to the track. The last
// call waits until all packets have been read: Pion's goroutines need not take turns for each.
func (r *pionReceiver) receive() {
	r.leg.wire.in <- r.datagrams[r.next]
	if r.next++; r.next == len(r.datagrams) {
		<-r.done
	}
}

func (r *pionReceiver) close() { r.leg.close() }
