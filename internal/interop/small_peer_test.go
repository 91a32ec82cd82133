package interop

import (
	"context"
	"encoding/binary"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	dtls2 "github.com/pion/dtls/v2"
	"github.com/pion/rtcp"
	pionsctp "github.com/pion/sctp"
	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/sctp"
	"github.com/sansrtc/rtc/srtp"
)

// TestSmallPeer connects with a client that is put together from small libraries, in every role, and
// exchanges data and media with it.
func TestSmallPeer(t *testing.T) {
	for _, weOffer := range []bool{true, false} {
		for _, weServe := range []bool{true, false} {
			for _, profile := range []dtls2.SRTPProtectionProfile{dtls2.SRTP_AES128_CM_HMAC_SHA1_80, dtls2.SRTP_AEAD_AES_128_GCM} {
				for _, loss := range []float64{0, 0.05} {
					name := fmt.Sprintf("weOffer=%t/weServe=%t/%v/loss=%g", weOffer, weServe, srtp.Profile(profile), 100*loss)
					t.Run(name, func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) {
							testSmallPeer(t, weOffer, loss, smallConfig{client: weServe, profile: profile})
						})
					})
				}
			}
		}
	}
}

// smallSession is a session of ours with a smallClient.
type smallSession struct {
	t       *testing.T
	ours    *rtcPeer
	theirs  *smallClient
	streams map[string]*rtc.MediaChanged // by kind

	got map[rtc.MediaID]map[uint16]*rtc.RTPReceived // by sequence number; the goroutine of the Rtc owns it
}

func (s *smallSession) react(_ *rtc.Rtc, ev rtc.Event) bool {
	p, ok := ev.(*rtc.RTPReceived)
	if ok {
		if s.got[p.ID] == nil {
			s.got[p.ID] = map[uint16]*rtc.RTPReceived{}
		}
		s.got[p.ID][p.Header.SequenceNumber] = p.Clone()
	}
	return ok
}

func testSmallPeer(t *testing.T, weOffer bool, loss float64, cfg smallConfig) {
	network := newVirtualNet(t, loss, 1)
	defer network.router.Stop()
	s := &smallSession{
		t: t, ours: network.startRtc(t, rtc.Config{PreferDTLSServer: cfg.client}),
		theirs:  newSmallClient(t, listenVirtual(t, network.their, "10.0.0.2"), cfg),
		streams: map[string]*rtc.MediaChanged{}, got: map[rtc.MediaID]map[uint16]*rtc.RTPReceived{},
	}
	s.ours.call(func(*rtc.Rtc, time.Time) { s.ours.react = s.react })
	defer s.ours.stop()
	defer s.theirs.close()
	id := s.ours.open(sctp.ChannelConfig{Label: "ours"})
	if weOffer {
		offer := s.ours.offer(rtc.Changes{DataChannels: true, AddMedia: []rtc.MediaConfig{{Kind: rtc.Audio}, {Kind: rtc.Video}}})
		s.theirs.accept(offer.SDP(), true)
		s.ours.acceptAnswer(offer, s.theirs.description())
	} else {
		s.theirs.accept(s.ours.acceptOffer(s.theirs.description()), false)
	}
	require.Equal(t, cfg.client, s.theirs.cfg.client)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	require.NoError(t, s.theirs.connect(ctx))
	connected := wait(s.ours, "connected", func(*rtc.Connected) bool { return true })
	require.Equal(t, uint16(cfg.profile), uint16(connected.DTLS.SRTPProfile))
	for range s.theirs.media {
		c := wait(s.ours, "a section", func(c *rtc.MediaChanged) bool { return c.Added })
		s.streams[c.Kind.String()] = c
	}
	s.data(id)
	for i := range s.theirs.media {
		s.receive(&s.theirs.media[i])
		s.send(&s.theirs.media[i])
	}
	s.feedback(&s.theirs.media[1])

	network.setLoss(0)
	require.Empty(t, s.theirs.invalid)
	if weOffer {
		s.theirs.close()
		require.NoError(t, s.ours.waitClosed())
		return
	}
	s.ours.close()
	require.NoError(t, s.ours.waitClosed())
	s.rtcp("our goodbye", func(p rtcp.Packet) bool {
		bye, ok := p.(*rtcp.Goodbye)
		return ok && len(bye.Sources) >= 2
	})
	_, err := s.theirs.dtls.Read(make([]byte, 1))
	require.Error(t, err, "close_notify")
}

// Messages of DCEP (RFC 8832 section 5).
func dcepOpen(label string) []byte {
	b := []byte{3, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0} // reliable and ordered, of normal priority
	binary.BigEndian.PutUint16(b[8:], uint16(len(label)))
	return append(b, label...)
}

var dcepAck = []byte{2}

// data opens a channel from either side and sends a message each way.
func (s *smallSession) data(id sctp.ChannelID) {
	t := s.t
	t.Helper()
	buf := make([]byte, 1000)
	read := func(stream *pionsctp.Stream, want pionsctp.PayloadProtocolIdentifier) string {
		t.Helper()
		n, kind, err := stream.ReadSCTP(buf)
		require.NoError(t, err)
		require.Equal(t, want, kind)
		return string(buf[:n])
	}
	accepted, err := s.theirs.sctp.AcceptStream()
	require.NoError(t, err)
	require.Equal(t, string(dcepOpen("ours")), read(accepted, pionsctp.PayloadTypeWebRTCDCEP))
	_, err = accepted.WriteSCTP(dcepAck, pionsctp.PayloadTypeWebRTCDCEP)
	require.NoError(t, err)
	s.ours.opened("ours")
	s.ours.send(id, false, []byte("from us"))
	require.Equal(t, "from us", read(accepted, pionsctp.PayloadTypeWebRTCString))
	_, err = accepted.WriteSCTP([]byte("back"), pionsctp.PayloadTypeWebRTCString)
	require.NoError(t, err)
	require.Equal(t, "back", string(s.ours.message(id).Data))

	number := uint16(9) // clients open even streams
	if s.theirs.cfg.client {
		number = 8
	}
	opened, err := s.theirs.sctp.OpenStream(number, pionsctp.PayloadTypeWebRTCDCEP)
	require.NoError(t, err)
	_, err = opened.WriteSCTP(dcepOpen("theirs"), pionsctp.PayloadTypeWebRTCDCEP)
	require.NoError(t, err)
	require.Equal(t, string(dcepAck), read(opened, pionsctp.PayloadTypeWebRTCDCEP))
	channel := s.ours.opened("theirs")
	require.True(t, channel.Remote)
	require.Equal(t, number, channel.Config.StreamID)
	_, err = opened.WriteSCTP([]byte{1, 2, 3}, pionsctp.PayloadTypeWebRTCBinary)
	require.NoError(t, err)
	m := s.ours.message(channel.ID)
	require.True(t, m.Binary)
	require.Equal(t, []byte{1, 2, 3}, m.Data)
	s.ours.send(channel.ID, true, pattern(100))
	require.Equal(t, string(pattern(100)), read(opened, pionsctp.PayloadTypeWebRTCBinary))
}
