package rtc_test

import (
	"time"

	"github.com/sansrtc/rtc"
)

// exchange drains from into to at once, for tests that need to stand between the two. What lose
// reports is lost, and events go to handle while they are valid; both may be nil.
func exchange(now time.Time, from, to *simPeer, lose func(b []byte) bool, handle func(rtc.Event)) {
	for {
		out := from.PollOutput()
		switch out.Kind {
		case rtc.OutputTransmit:
			t := out.Transmit
			if lose == nil || !lose(t.Data) {
				to.HandleInput(rtc.Input{Now: now, Local: t.Remote, Remote: t.Local, Data: t.Data})
			}
		case rtc.OutputEvent:
			if handle != nil {
				handle(out.Event)
			}
		case rtc.OutputTimeout, rtc.OutputClosed:
			return
		}
	}
}
