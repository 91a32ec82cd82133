package rtc

import (
	"log/slog"
	"time"
)

// Close ends the session. It says goodbye on every layer and never waits for the
// peer: the datagrams still owed come out of PollOutput, and after them, as well as the
// events not yet polled, OutputClosed with a nil error. Data that waits to be sent is given up.
// Closing twice is harmless.
func (r *Rtc) Close(now time.Time) {
	r.advance(now)
	r.end(nil)
}

// end is the one way a session ends. err is nil for an orderly end.
func (r *Rtc) end(err error) {
	if r.ending {
		return
	}
	r.ending, r.err = true, err
	r.disturb()
	if err != nil {
		r.trace(slog.LevelInfo, "session failed", slog.Any("err", err))
	} else {
		r.trace(slog.LevelInfo, "session closed")
	}
	r.closeMedia()
	if r.assoc != nil {
		r.assoc.Close(r.now)
	}
	if r.conn != nil {
		r.conn.Close(r.now)
	}
	r.agent.Close(r.now)
	r.held.clear()
	r.early = nil
}
