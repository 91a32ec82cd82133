package interop

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/rtp/codec"
	"github.com/sansrtc/rtc/sctp"
	"github.com/sansrtc/rtc/sdp"
)

// TestPionMediaRestart restarts ICE from both sides while media flows, of which nothing is lost for good.
func TestPionMediaRestart(t *testing.T) {
	audio, video := mediaStream(t, codec.Opus), mediaStream(t, codec.VP8)
	for _, weOffer := range []bool{true, false} {
		for _, loss := range []float64{0, 0.05} {
			t.Run(fmt.Sprintf("weOffer=%t/loss=%g", weOffer, 100*loss), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					m := newPionMedia(t, pionMediaConfig{loss: loss, seed: 1, audioNACK: true})
					defer m.stop()
					m.begin(weOffer, audio, video)
					m.flows()
					for _, ours := range []bool{weOffer, !weOffer} {
						before := m.pc.LocalDescription().SDP
						if ours {
							m.weOffer(rtc.Changes{ICERestart: true})
						} else {
							m.theyOffer(&webrtc.OfferOptions{ICERestart: true})
						}
						require.NotEqual(t, ufragOf(t, before), ufragOf(t, m.pc.LocalDescription().SDP), "a restart has new credentials")
						wait(m.ours, "the old credentials to be dropped", func(*rtc.LocalUfragRemoved) bool { return true })
						m.goesOn()
					}
					m.arrivedWell(2 * time.Second)
				})
			})
		}
	}
}

// goesOn waits until each stream that is sent has grown by a second's worth of packets.
func (m *pionMedia) goesOn() {
	m.ours.t.Helper()
	for _, p := range m.encodings() {
		m.grows(m.log(m.atUs, m.mid(p)+p.track.RID()), "Pion's "+p.track.ID())
	}
	for key := range m.ourSenders {
		m.grows(m.log(m.atPion, key), "our "+key)
	}
}

func (m *pionMedia) grows(l *mediaLog, what string) {
	m.ours.t.Helper()
	before := l.count()
	m.waitUntil("more of "+what, func() bool { return l.count() >= before+40 })
}

// TestPionMediaChanges adds, changes and stops sections while others run.
func TestPionMediaChanges(t *testing.T) {
	audio, video := mediaStream(t, codec.Opus), mediaStream(t, codec.VP8)
	for _, weOffer := range []bool{true, false} {
		t.Run(fmt.Sprintf("weOffer=%t", weOffer), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newPionMedia(t, pionMediaConfig{loss: 0.05, seed: 1, audioNACK: true})
				defer m.stop()
				testPionChanges(m, weOffer, audio, video)
			})
		})
	}
}

func testPionChanges(m *pionMedia, weOffer bool, audio, video *mediaKind) {
	t := m.ours.t
	m.begin(weOffer, audio)
	m.goesOn()

	// Pion adds a picture, and we send one back.
	theirs := m.pionSends(video)
	m.theyChange()
	mid := m.mid(theirs)
	section := m.changed(mid)
	require.True(t, section.Added)
	require.Equal(t, sdp.SendRecv, section.Direction)
	theirs.start()
	m.weSend(video, mid, "").start()
	m.goesOn()

	// We add one that goes one way.
	added := m.weAdd(rtc.MediaConfig{Kind: rtc.Video, Direction: sdp.SendOnly})
	require.Equal(t, sdp.SendOnly, added.Direction)
	m.weSend(video, added.MID, "").start()
	m.goesOn()

	theirs = m.changeDirection(section, theirs)
	m.goesOn()

	// Data channels come last.
	channel := m.ours.open(sctp.ChannelConfig{Label: "late"})
	m.weOffer(rtc.Changes{DataChannels: true})
	m.ours.opened("late")
	echo(t, m.pionWorld, channel, m.channel("late"), false)
	m.goesOn()

	// We stop the section that we have added, and begin another one.
	m.endOurs(added.MID)
	m.weOffer(rtc.Changes{SetMedia: []rtc.MediaChange{{ID: added.ID, Stop: true}}})
	wait(m.ours, "the end of our section", func(s *rtc.MediaStopped) bool { return s.ID == added.ID })
	m.goesOn()
	again := m.weAdd(rtc.MediaConfig{Kind: rtc.Video, Direction: sdp.SendOnly})
	require.Greater(t, again.ID, added.ID)
	m.weSend(video, again.MID, "").start()
	m.goesOn()

	// Pion stops its section, which it writes as inactive.
	mid = m.mid(theirs)
	m.endOurs(mid)
	m.endTheirs(theirs)
	for _, transceiver := range m.pc.GetTransceivers() {
		if transceiver.Mid() == mid {
			require.NoError(t, transceiver.Stop())
		}
	}
	m.theyChange()
	require.Equal(t, sdp.Inactive, m.changed(mid).Direction)
	m.goesOn()

	m.arrivedWell(time.Second)
}

// weChange and theyChange negotiate; changed returns what that meant for a section.
func (m *pionMedia) weChange(changes rtc.Changes) *rtc.Offer {
	m.ours.t.Helper()
	m.ours.forget()
	return m.weOffer(changes)
}

func (m *pionMedia) theyChange() {
	m.ours.t.Helper()
	m.ours.forget()
	m.theyOffer(nil)
}

func (m *pionMedia) changed(mid string) *rtc.MediaChanged {
	m.ours.t.Helper()
	return wait(m.ours, "section "+mid, func(c *rtc.MediaChanged) bool { return c.MID == mid })
}

// weAdd adds a section.
func (m *pionMedia) weAdd(cfg rtc.MediaConfig) *rtc.MediaChanged {
	m.ours.t.Helper()
	cfg.Frames = m.cfg.frames
	id := m.weChange(rtc.Changes{AddMedia: []rtc.MediaConfig{cfg}}).Added()[0]
	added := wait(m.ours, "the section that we add", func(c *rtc.MediaChanged) bool { return c.ID == id })
	require.True(m.ours.t, added.Added)
	return added
}

// endOurs ends what we send in a section.
func (m *pionMedia) endOurs(mid string) {
	m.ourSenders[mid].stop()
	m.ours.call(func(*rtc.Rtc, time.Time) { delete(m.ourSenders, mid) })
}

// endTheirs ends what Pion sends.
func (m *pionMedia) endTheirs(theirs *pionEncoding) {
	theirs.stop()
	m.mu.Lock()
	m.encoded = slices.DeleteFunc(m.encoded, func(p *pionEncoding) bool { return p == theirs })
	m.mu.Unlock()
	time.Sleep(time.Second) // until what was lost has come
}

// changeDirection changes what is sent in a section, from both sides.
func (m *pionMedia) changeDirection(section *rtc.MediaChanged, theirs *pionEncoding) *pionEncoding {
	t := m.ours.t
	t.Helper()
	ours, atUs, atPion := m.ourSenders[section.MID], m.log(m.atUs, section.MID), m.log(m.atPion, section.MID)
	set := func(d sdp.Direction) sdp.Direction {
		m.weChange(rtc.Changes{SetMedia: []rtc.MediaChange{{ID: section.ID, Direction: d}}})
		return m.changed(section.MID).Direction
	}
	require.Equal(t, sdp.RecvOnly, set(sdp.RecvOnly))
	m.grows(atUs, "Pion's picture, while we send none")
	require.ErrorIs(t, ours.takeErrors()[0], rtc.ErrNotSending)
	require.Equal(t, sdp.SendRecv, set(sdp.SendRecv))
	m.grows(atUs, "Pion's picture, while we send one again")
	m.grows(atPion, "our picture")

	// Pion goes on sending, and what it sends is dropped.
	require.Equal(t, sdp.SendOnly, set(sdp.SendOnly))
	time.Sleep(time.Second)
	before := atUs.count()
	m.grows(atPion, "our picture, while we receive none")
	require.Equal(t, before, atUs.count())
	require.Equal(t, sdp.SendRecv, set(sdp.SendRecv))
	m.grows(atUs, "Pion's picture, which we receive again")
	m.grows(atPion, "our picture")

	// It takes its track away and adds one again, as a new source.
	m.endTheirs(theirs)
	require.NoError(t, m.pc.RemoveTrack(theirs.rtp))
	m.theyChange()
	require.Equal(t, sdp.SendOnly, m.changed(section.MID).Direction)
	m.grows(atPion, "our picture, while Pion sends none")
	theirs = m.replace(theirs, atUs)
	m.grows(atUs, "Pion's new picture")

	// Nobody sends any more. Pion's next track gets a section of its own.
	require.Equal(t, sdp.Inactive, set(sdp.Inactive))
	m.grows(m.log(m.atUs, "0"), "sound")
	require.NotEmpty(t, ours.takeErrors())
	m.endOurs(section.MID)
	m.endTheirs(theirs)
	theirs = m.replace(theirs, atUs)
	require.NotEqual(t, section.MID, m.mid(theirs))
	m.weSend(ours.source.mediaKind, m.mid(theirs), "").start()
	return theirs
}

// replace lets Pion add a track in the place of one that has ended, whose log is cleared.
func (m *pionMedia) replace(ended *pionEncoding, log *mediaLog) *pionEncoding {
	t := m.ours.t
	t.Helper()
	log.clear()
	next := m.pionSends(ended.source.mediaKind)
	m.theyChange()
	require.Equal(t, sdp.SendRecv, m.changed(m.mid(next)).Direction)
	next.start()
	return next
}

// TestPionMediaRejected rejects what Pion offers of video, and then offers what Pion rejects. Sound goes on.
func TestPionMediaRejected(t *testing.T) {
	audio, video := mediaStream(t, codec.Opus), mediaStream(t, codec.VP8)
	synctest.Test(t, func(t *testing.T) {
		m := newPionMedia(t, pionMediaConfig{audioNACK: true, accept: func(o rtc.MediaOffer) (rtc.MediaConfig, bool) {
			return rtc.MediaConfig{}, o.Kind == rtc.Audio
		}})
		defer m.stop()
		m.begin(false, audio)
		m.goesOn()
		m.pionSends(video)
		m.theyOffer(nil)
		m.endTheirs(m.encodings()[1])
		m.goesOn()

		theora := sdp.Codec{PayloadType: 96, Name: "theora", ClockRate: 90000}
		id := m.weChange(rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Video, Codecs: []sdp.Codec{theora}}}}).Added()[0]
		wait(m.ours, "the end of the section", func(s *rtc.MediaStopped) bool { return s.ID == id })
		m.goesOn()
		m.arrivedWell(time.Second)
	})
}
