package rtc

import (
	"slices"
	"time"

	"github.com/sansrtc/rtc/dtls"
	"github.com/sansrtc/rtc/ice"
	"github.com/sansrtc/rtc/rtp"
	"github.com/sansrtc/rtc/rtp/codec"
	"github.com/sansrtc/rtc/sctp"
	"github.com/sansrtc/rtc/sdp"
)

// Event is what an [Rtc] tells the application, one of the types below; read it with
// a type switch. An Event and what it points to are valid until the next call of
// PollOutput or HandleInput. Types with borrowed bytes have a Clone method for
// whoever wants to keep them.
//
// Types may be added. A switch should pass over what it does not know.
//
//sumtype:decl
type Event interface{ isEvent() }

// ICEStateChanged says that the ICE agent is in a new state.
//
// [ice.StateFailed] does not end the session at once: an ICE restart can still save
// it until [Config.FailedTimeout] has passed.
type ICEStateChanged struct{ State ice.State }

// PathSelected says that datagrams are now sent on another path. With a peer that
// changes networks this may happen at any time.
type PathSelected struct{ Path ice.Path }

// LocalUfragAdded says that from now on STUN binding requests whose username begins
// with Ufrag belong to this Rtc. A server keeps a map of these and of the addresses
// of RemoteAddrAdded, and finds the session of any datagram with one look-up;
// Username of package stun reads the ufrag.
type LocalUfragAdded struct{ Ufrag string }

// LocalUfragRemoved takes a LocalUfragAdded back.
type LocalUfragRemoved struct{ Ufrag string }

// RemoteAddrAdded says that the peer proved to receive at Path.Remote: datagrams
// from there to Path.Local belong to this Rtc.
type RemoteAddrAdded struct{ Path ice.Path }

// RemoteAddrRemoved takes a RemoteAddrAdded back. The address may be added again.
type RemoteAddrRemoved struct{ Path ice.Path }

// ResolveHostname asks the caller to look up a host name, usually a ".local" one in
// the multicast DNS (RFC 8828), which a browser's candidate has in place of an
// address. Answer with [Rtc.ResolveRemoteCandidate]. It may be ignored: if the
// peer's checks reach us, its address is learnt from them.
type ResolveHostname struct{ Hostname string }

// Connected says that DTLS is done: the peer holds the key to the certificate whose
// fingerprint was signalled, and data channels can be used. It comes once.
type Connected struct{ DTLS dtls.ConnectionState }

// ChannelOpened says that a data channel can carry messages. Of one that the peer
// opened it is the first mention.
type ChannelOpened struct {
	ID     sctp.ChannelID
	Remote bool               // the peer opened it
	Config sctp.ChannelConfig // with the stream identifier
}

// ChannelMessage is a message that arrived on a data channel.
type ChannelMessage struct {
	ID     sctp.ChannelID
	Binary bool   // an ArrayBuffer or a Blob for a browser, otherwise a string
	Data   []byte // borrowed, as the event is
}

// Clone returns a copy that owns its Data.
func (m *ChannelMessage) Clone() *ChannelMessage {
	return &ChannelMessage{ID: m.ID, Binary: m.Binary, Data: slices.Clone(m.Data)}
}

// ChannelBufferedAmountLow says that the bytes waiting to be sent fell from above the
// threshold set with [Rtc.SetBufferedAmountLowThreshold] to it, or below.
type ChannelBufferedAmountLow struct{ ID sctp.ChannelID }

// ChannelClosed says that a data channel is closed, by whichever side, and its ID is
// void. Err is nil for an orderly close.
type ChannelClosed struct {
	ID  sctp.ChannelID
	Err error
}

// MediaChanged says what is agreed on about an audio or video section, the first time
// (Added) and whenever a description changes it.
type MediaChanged struct {
	ID        MediaID
	MID       string
	Kind      MediaKind
	Added     bool
	Direction sdp.Direction // ours: SendOnly means that we send

	// Codecs are those that both sides know, in the order of the peer's preference, with the
	// payload types of each direction.
	Codecs []sdp.AgreedCodec

	// Extensions are the header extensions that both sides know, with their identifiers.
	// The session writes MID, RID, transport-wide sequence number and send time itself;
	// the others are for RTPReceived.Header and WriteRTP.
	Extensions []sdp.AgreedExtension

	MSIDs    []sdp.MSID // of what the peer sends
	RIDs     []string   // encodings that the peer may send
	SendRIDs []string   // those of MediaConfig.RIDs to send now: the first, if the peer knows no simulcast
}

// MediaStopped says that a section is no more.
type MediaStopped struct{ ID MediaID }

// RTPReceived is a packet of a section that delivers packets. It comes as the packets arrive:
// perhaps out of order, but never twice. Retransmissions look like the packets they repair.
// A packet without payload is padding, by which some peers probe the network: who forwards the stream leaves it
// out with [rtp.Rewriter.Drop], or there would be a gap.
type RTPReceived struct {
	ID       MediaID
	RID      string // of the encoding; empty without simulcast
	Sequence uint64 // the sequence number without roll-over
	Received time.Time
	Header   rtp.Header // borrowed, as the event is
	Payload  []byte     // borrowed
}

// Clone returns a copy that owns its bytes.
func (p *RTPReceived) Clone() *RTPReceived {
	c := *p
	c.Header.CSRCs = slices.Clone(p.Header.CSRCs)
	c.Header.Extensions.Data = slices.Clone(p.Header.Extensions.Data)
	c.Payload = slices.Clone(p.Payload)
	return &c
}

// FrameReceived is a whole frame of a section that delivers frames, in order.
type FrameReceived struct {
	ID    MediaID
	RID   string
	Codec *sdp.AgreedCodec
	Frame codec.Frame // Data is borrowed, as the event is

	// Extensions are the header extensions of the frame's first packet, and those that only
	// its last packet has, under the identifiers of MediaChanged. Data is borrowed. What they
	// mean, functions like [rtp.ParseVideoOrientation] tell: many senders give
	// that one with key frames, and when it changes.
	Extensions rtp.Extensions

	// Time is when the frame was captured, by the clock of the peer: what synchronises
	// its streams. It is zero until the first sender report.
	Time time.Time

	// Received is when the packet came that was missing last, by our clock.
	Received time.Time
}

// Clone returns a copy that owns its bytes.
func (f *FrameReceived) Clone() *FrameReceived {
	c := *f
	c.Frame.Data = slices.Clone(f.Frame.Data)
	c.Extensions.Data = slices.Clone(f.Extensions.Data)
	return &c
}

// StreamEnded says that the peer has stopped sending a stream, with an RTCP BYE: a track was stopped, or an
// encoding of a simulcast switched off. It comes after the packets before it. If packets come
// again, they are delivered as before.
type StreamEnded struct {
	ID   MediaID
	RID  string
	SSRC uint32
}

// KeyFrameRequested asks for a key frame in what we send: a receiver is new, or has lost
// too much. Requests that come fast are merged.
type KeyFrameRequested struct {
	ID  MediaID
	RID string
}

func (*ICEStateChanged) isEvent()          {}
func (*PathSelected) isEvent()             {}
func (*LocalUfragAdded) isEvent()          {}
func (*LocalUfragRemoved) isEvent()        {}
func (*RemoteAddrAdded) isEvent()          {}
func (*RemoteAddrRemoved) isEvent()        {}
func (*ResolveHostname) isEvent()          {}
func (*Connected) isEvent()                {}
func (*ChannelOpened) isEvent()            {}
func (*ChannelMessage) isEvent()           {}
func (*ChannelBufferedAmountLow) isEvent() {}
func (*ChannelClosed) isEvent()            {}
func (*MediaChanged) isEvent()             {}
func (*MediaStopped) isEvent()             {}
func (*RTPReceived) isEvent()              {}
func (*FrameReceived) isEvent()            {}
func (*StreamEnded) isEvent()              {}
func (*KeyFrameRequested) isEvent()        {}
