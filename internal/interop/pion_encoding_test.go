package interop

import (
	"sync/atomic"
	"testing"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	pionrtp "github.com/pion/rtp"
	pionsdp "github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/rtp/codec"
)

// pionEncoding is one encoding that Pion sends.
type pionEncoding struct {
	*mediaSender
	track *webrtc.TrackLocalStaticRTP
	rtp   *webrtc.RTPSender
	asked atomic.Int32 // how often for a key frame
}

// pionSends adds a track of Pion's, which begins to send when start is called.
func (m *pionMedia) pionSends(kind *mediaKind) *pionEncoding {
	t := m.ours.t
	t.Helper()
	track := newPionTrack(t, kind, "")
	sender, err := m.pc.AddTrack(track)
	require.NoError(t, err)
	return m.addEncoding(kind, track, sender)
}

func newPionTrack(t *testing.T, kind *mediaKind, rid string) *webrtc.TrackLocalStaticRTP {
	t.Helper()
	capability := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}
	id := "sound"
	if kind.format != codec.Opus {
		id, capability.MimeType = "picture", "video/"+kind.format.String()
	}
	var options []func(*webrtc.TrackLocalStaticRTP)
	if rid != "" {
		options = append(options, webrtc.WithRTPStreamID(rid))
	}
	track, err := webrtc.NewTrackLocalStaticRTP(capability, id, "pion", options...)
	require.NoError(t, err)
	return track
}

func (m *pionMedia) addEncoding(kind *mediaKind, track *webrtc.TrackLocalStaticRTP, sender *webrtc.RTPSender) *pionEncoding {
	p := &pionEncoding{mediaSender: newMediaSender(kind), track: track, rtp: sender}
	p.write = func(number uint16, packet mediaPacket) error {
		h := pionrtp.Header{Version: 2, Marker: packet.marker, SequenceNumber: number, Timestamp: packet.timestamp}
		if err := m.name(p, &h); err != nil {
			return err
		}
		return track.WriteRTP(&pionrtp.Packet{Header: h, Payload: packet.payload})
	}
	m.mu.Lock()
	m.encoded = append(m.encoded, p)
	m.mu.Unlock()
	go m.readRTCP(func() ([]rtcp.Packet, interceptor.Attributes, error) {
		if rid := track.RID(); rid != "" {
			return sender.ReadSimulcastRTCP(rid)
		}
		return sender.ReadRTCP()
	}, func(packet rtcp.Packet) {
		m.mu.Lock()
		m.reports[rtcpName(packet)]++
		m.mu.Unlock()
		if _, ok := packet.(*rtcp.PictureLossIndication); ok {
			p.asked.Add(1)
			p.source.wish.Store(true)
		}
	})
	return p
}

// name writes section and encoding into a packet of a simulcast, which Pion leaves to the application.
func (m *pionMedia) name(p *pionEncoding, h *pionrtp.Header) error {
	rid := p.track.RID()
	if rid == "" {
		return nil
	}
	for _, x := range p.rtp.GetParameters().HeaderExtensions {
		value := ""
		switch x.URI {
		case pionsdp.SDESMidURI:
			value = m.mid(p)
		case pionsdp.SDESRTPStreamIDURI:
			value = rid
		default:
			continue
		}
		if err := h.SetExtension(uint8(x.ID), []byte(value)); err != nil {
			return err
		}
	}
	return nil
}

// readRTCP reads what is there for a sender or a receiver of Pion's, which does nothing with it unless
// it is read.
func (m *pionMedia) readRTCP(read func() ([]rtcp.Packet, interceptor.Attributes, error), take func(rtcp.Packet)) {
	for {
		packets, _, err := read()
		if err != nil {
			return
		}
		for _, packet := range packets {
			take(packet)
		}
	}
}

// mid returns the section of what Pion sends.
func (m *pionMedia) mid(p *pionEncoding) string {
	for _, transceiver := range m.pc.GetTransceivers() {
		if transceiver.Sender() == p.rtp {
			return transceiver.Mid()
		}
	}
	m.ours.t.Fatal("Pion's sender has no transceiver")
	panic("unreachable")
}
