package rtc

import (
	"slices"

	"github.com/sansrtc/rtc/dtls"
	"github.com/sansrtc/rtc/ice"
	"github.com/sansrtc/rtc/sctp"
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
