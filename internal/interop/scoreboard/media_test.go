package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/rtp"
	"github.com/sansrtc/rtc/srtp"
)

// The floor of AES-CM makes what SRTP makes, in both ways.
func TestCMFloor(t *testing.T) {
	b := newBoard(t)
	packet := srtpPacket()
	header, err := rtp.HeaderSize(packet)
	require.NoError(t, err)
	for _, way := range []func(*cmFloor){(*cmFloor).withCTR, (*cmFloor).withGCM} {
		f := b.srtpCMFloor(header, packet)
		way(f)
		sealed, err := b.srtpSession(srtp.AES128_CM_HMAC_SHA1_80).AppendEncryptRTP(nil, f.packet)
		require.NoError(t, err)
		require.Equal(t, sealed, f.sealed[:len(f.packet)+cmTagSize])
		require.Equal(t, f.packet[header:], f.opened[header:len(f.packet)])
	}
}

func TestGCMFloor(t *testing.T) {
	packet := srtpPacket()
	f := newGCMFloor(32, 24, packet)
	f.both()
	require.Len(t, f.sealed, len(packet)-24+gcmTagSize)
	require.Equal(t, packet[24:], f.opened)
}

// What is measured has the extensions and the retransmissions that it is said to have.
func TestMediaSender(t *testing.T) {
	s := newBoard(t).newMediaSender()
	s.send()
	h, _, err := rtp.Parse(s.sent[:len(s.sent)-gcmTagSize])
	require.NoError(t, err)
	number, ok := h.Extensions.Get(2)
	require.True(t, ok)
	require.Len(t, number, 2)
	mid, ok := h.Extensions.Get(1)
	require.True(t, ok)
	require.Equal(t, s.near.sections[rtc.Video].MID, string(mid))
	require.NotZero(t, s.near.sections[rtc.Video].Codecs[0].Send.RTX)

	feedback := 0
	for range 30 * framePackets { // a second
		s.send()
		s.peer.receive(s.now, s.near, s.sent)
		s.peer.drain(func(b []byte) {
			if isMedia(b) && rtp.IsRTCP(b) {
				feedback++
			}
		})
	}
	require.Equal(t, 30*framePackets, s.peer.packets)
	require.Greater(t, feedback, 5)
}

func TestMediaReceiver(t *testing.T) {
	r := newBoard(t).newMediaReceiver()
	r.prepare(100)
	payloads := 0
	for range 100 {
		r.receive(func(p *rtc.RTPReceived) { payloads += len(p.Payload) })
	}
	require.Equal(t, 100*mediaPayload, payloads)
}

// Every viewer gets every packet, under its own number, and its reports are taken in.
func TestFanout(t *testing.T) {
	f := newBoard(t).newFanout()
	const packets = reportsFrames * framePackets
	f.prepare(packets)
	for range packets {
		f.forward()
	}
	require.Equal(t, packets*fanoutViewers, f.copies)
	for _, v := range f.viewers {
		stats := v.near.AppendStreamStats(nil)[0]
		require.EqualValues(t, packets, stats.Sent.Packets)
		require.NotZero(t, stats.Sent.Remote)
		require.Zero(t, v.near.Stats().Dropped)
	}
}

func TestWorkloadAllocations(t *testing.T) {
	var keep []*int
	prepared := 0
	l := workload{prepare: func(n int) { prepared += n; keep = nil }, call: func() {
		keep = append(keep[:0], new(int))
		prepared--
	}}
	require.InDelta(t, 1, workloadAllocations(l), 0)
	require.Zero(t, prepared)
}
