package rtc

import (
	"time"

	"github.com/sansrtc/rtc/sctp"
)

// OpenChannel opens a data channel. It may be called at any time: before the session
// is connected the channel waits, and so does what is sent on it. ChannelOpened tells
// when the peer can hear.
//
// If no description applied so far has a data section, the channel also waits for
// one: make an offer.
func (r *Rtc) OpenChannel(now time.Time, cfg sctp.ChannelConfig) (sctp.ChannelID, error) {
	if r.ending {
		return 0, ErrClosed
	}
	r.advance(now)
	a, err := r.association()
	if err != nil {
		return 0, err
	}
	id, err := a.Open(r.now, cfg)
	r.settle()
	return id, err
}

// Send queues a message on a data channel: a string, which should be UTF-8, or
// binary data. It may be empty. Data is copied.
//
// It fails with sctp.ErrBufferFull if [Config.SendBuffer] has no room for the message
// now, with sctp.ErrMessageTooLarge if the peer takes no message of that size, and with
// sctp.ErrNoChannel if there is no such channel (any more).
func (r *Rtc) Send(now time.Time, id sctp.ChannelID, binary bool, data []byte) error {
	if r.ending {
		return ErrClosed
	}
	if r.assoc == nil {
		return sctp.ErrNoChannel
	}
	r.advance(now)
	err := r.assoc.Send(r.now, id, binary, data)
	r.settle()
	return err
}

// CloseChannel closes a data channel: what was sent on it is still delivered, then
// both sides reset the stream. ChannelClosed tells when that is done.
func (r *Rtc) CloseChannel(now time.Time, id sctp.ChannelID) error {
	if r.ending {
		return ErrClosed
	}
	if r.assoc == nil {
		return sctp.ErrNoChannel
	}
	r.advance(now)
	err := r.assoc.CloseChannel(r.now, id)
	r.settle()
	return err
}

// BufferedAmount returns how many bytes of messages on the channel wait to be sent
// for the first time, as RTCDataChannel.bufferedAmount does.
func (r *Rtc) BufferedAmount(id sctp.ChannelID) int {
	if r.assoc == nil {
		return 0
	}
	return r.assoc.BufferedAmount(id)
}

// SetBufferedAmountLowThreshold asks for ChannelBufferedAmountLow when the channel's
// buffered amount falls from above n to n or below. It is zero at first.
func (r *Rtc) SetBufferedAmountLowThreshold(id sctp.ChannelID, n int) error {
	if r.assoc == nil {
		return sctp.ErrNoChannel
	}
	return r.assoc.SetBufferedAmountLowThreshold(id, n)
}

// channelEvent turns the association's news into the session's. The frequent ones
// reuse one event each, so that sending and receiving do not allocate.
func (r *Rtc) channelEvent(ev sctp.Event) Event {
	//exhaustive:enforce
	switch ev.Kind {
	case sctp.EventMessage:
		r.message = ChannelMessage{ID: ev.ID, Binary: ev.Binary, Data: ev.Data}
		return &r.message
	case sctp.EventChannelOpened:
		return &ChannelOpened{ID: ev.ID, Remote: ev.Remote, Config: ev.Config}
	case sctp.EventBufferedAmountLow:
		r.low = ChannelBufferedAmountLow{ID: ev.ID}
		return &r.low
	case sctp.EventChannelClosed:
		return &ChannelClosed{ID: ev.ID, Err: ev.Err}
	case sctp.EventNone, sctp.EventConnected, sctp.EventClosed:
		// What follows for the channels is told channel by channel.
	}
	return nil
}
