package rtc

import (
	"errors"
	"fmt"
	"time"
)

// LastPacket returns the packet of SCTP or RTCP that was last sealed, until ClearPacket.
func (r *Rtc) LastPacket() []byte { return r.plain }

// ClearPacket forgets it.
func (r *Rtc) ClearPacket() { r.plain = r.plain[:0] }

// Seal protects plaintext as the session's next DTLS record, so that tests can send
// what no session of ours would, to the other side of its connection.
func (r *Rtc) Seal(plain []byte) ([]byte, error) {
	return r.conn.AppendData(r.now, nil, plain)
}

// OpenRTCP opens what the session has received, or what was meant for it.
func (r *Rtc) OpenRTCP(b []byte) ([]byte, error) { return r.protection.AppendDecryptRTCP(nil, b) }

// Disturb has everybody asked again, as if there were no rest.
func (r *Rtc) Disturb() { r.disturb() }

// CheckRest holds what is noted of a rest against those who rest.
func (r *Rtc) CheckRest() error {
	later := func(noted, now time.Time) bool { return !now.IsZero() && (noted.IsZero() || now.Before(noted)) }
	switch path, ok := r.agent.SendPath(); {
	case !r.rest.below && r.rest.media:
		return errors.New("media rests above layers that do not")
	case !r.rest.below:
		return nil
	case r.connectedOwed || len(r.mediaEvents) > 0 && r.rest.media:
		return errors.New("there are events")
	case r.rest.open != (ok && r.conn != nil) || r.rest.open && r.rest.path != path:
		return fmt.Errorf("the path is %v, not %v", path, r.rest.path)
	case later(r.rest.belowUntil, r.belowDeadline()):
		return fmt.Errorf("below media something is due at %v, not at %v", r.belowDeadline(), r.rest.belowUntil)
	case r.rest.media && later(r.rest.mediaUntil, r.mediaDeadline()):
		return fmt.Errorf("media is due at %v, not at %v", r.mediaDeadline(), r.rest.mediaUntil)
	}
	return nil
}

// RaceEnabled reports whether this is a build with -race, which is several times slower.
func RaceEnabled() bool {
	b := []byte{0}
	poison(b)
	return b[0] != 0
}

// Work returns how many look-ups the endpoint has made to route datagrams, and how many
// deadlines it has compared.
func (e *Endpoint[S]) Work() (lookups, comparisons uint64) { return e.routes.looked, e.timers.compared }

// Leftovers returns how much the endpoint keeps for its sessions.
func (e *Endpoint[S]) Leftovers() int {
	return len(e.members) + len(e.routes.byUfrag) + len(e.routes.byPath) + len(e.routes.byRequest) + len(e.routes.byCheck) +
		len(e.timers.heap)
}

// SealRTP and SealRTCP protect plaintext as the session's own, so that tests can send what no
// session of ours would.
func (r *Rtc) SealRTP(plain []byte) ([]byte, error) {
	return r.protection.AppendEncryptRTP(nil, plain)
}

func (r *Rtc) SealRTCP(plain []byte) ([]byte, error) {
	return r.protection.AppendEncryptRTCP(nil, plain)
}

// MediaSizes returns how much of what a peer can make grow is held.
func (r *Rtc) MediaSizes() (sources, streams, packets, events, byes, references int) {
	for _, m := range r.media {
		streams += len(m.streams)
	}
	return len(r.sources), streams, len(r.packets.ring), len(r.mediaEvents), len(r.byes), len(r.references)
}
