package rtp

import "time"

// keyFrameState merges the wishes for a key frame into requests: the first one leaves at
// once, the next ones an interval later, for as long as no key frame comes.
type keyFrameState struct {
	wanted bool
	sent   int   // requests since the last key frame
	sentAt int64 // of the last request
	dueAt  int64 // of the next one
	number uint8 // of the wish, as FIR counts them
}

// maxKeyBackoff is how many times the interval doubles, beginning with the fifth request.
const maxKeyBackoff = 3

func (k *keyFrameState) want(at int64, interval time.Duration) {
	if k.wanted {
		return
	}
	k.wanted, k.sent = true, 0
	k.number++
	k.dueAt = at
	if k.sentAt != 0 {
		k.dueAt = max(at, k.sentAt+int64(interval))
	}
}

func (k *keyFrameState) take(at int64, interval time.Duration) bool {
	if !k.wanted || at < k.dueAt {
		return false
	}
	k.sent++
	k.sentAt = at
	k.dueAt = at + int64(interval)<<min(max(k.sent-4, 0), maxKeyBackoff)
	return true
}

func (k *keyFrameState) arrived() { k.wanted, k.dueAt = false, 0 }

func (k *keyFrameState) nextAt() int64 { return k.dueAt }

// needKeyFrame asks for a key frame after a loss, if the stream has such frames.
func (r *Receiver) needKeyFrame(at int64) {
	if r.cfg.KeyFrames && !r.paused {
		r.keys.want(at, r.keyInterval())
	}
}

func (r *Receiver) keyInterval() time.Duration { return max(r.cfg.KeyInterval, r.rtt) }

// RequestKeyFrame asks for a key frame: the stream is new, or somebody new looks at it. Requests
// are merged: one leaves per interval, and further ones while none comes.
func (r *Receiver) RequestKeyFrame(now time.Time) {
	at := r.time.advance(now)
	if !r.paused {
		r.keys.want(at, r.keyInterval())
	}
}

// KeyFrameNeeded reports whether a key frame has been asked for and has not come.
func (r *Receiver) KeyFrameNeeded() bool { return r.keys.wanted }

// HandleKeyFrame says that a key frame has begun to arrive, which ends the requests.
func (r *Receiver) HandleKeyFrame(now time.Time) {
	r.time.advance(now)
	r.keys.arrived()
}

// TakeKeyFrameRequest reports whether a request (PLI or FIR) is to be sent now, and takes it
// as sent. number is the command sequence number for a FIR, which stays the same as long as
// the request is repeated.
//
// "The sequence number [...] SHALL be increased by 1 modulo 256 for each new command. A
// repetition SHALL NOT increase the sequence number."
// https://www.rfc-editor.org/rfc/rfc5104#section-4.3.1.1
func (r *Receiver) TakeKeyFrameRequest(now time.Time) (number uint8, ok bool) {
	at := r.time.advance(now)
	if r.paused || !r.keys.take(at, r.keyInterval()) {
		return 0, false
	}
	r.stats.KeyRequests++
	return r.keys.number, true
}
