package main

import (
	"runtime"
	"time"

	"github.com/sansrtc/rtc"
)

// mediaIdleRows measure the memory of a session with audio and video each way, of which one packet has
// come and gone.
func mediaIdleRows(b *board) {
	pairs := b.idlePairs()
	pionKiB, pionGoroutines := b.pionIdle(pairs, b.pionMedia)
	before, running := settledMemory(), runtime.NumGoroutine()
	var all []*rtc.Rtc
	for range pairs {
		offerer, answerer, now := b.mediaPair(rtc.MediaConfig{Kind: rtc.Audio}, rtc.MediaConfig{Kind: rtc.Video})
		for _, kind := range []rtc.MediaKind{rtc.Audio, rtc.Video} {
			offerer.write(now, kind)
			answerer.write(now, kind)
		}
		for range 100 {
			now = now.Add(50 * time.Millisecond)
			offerer.HandleInput(rtc.Input{Now: now})
			answerer.HandleInput(rtc.Input{Now: now})
			for offerer.exchange(now, answerer) || answerer.exchange(now, offerer) {
			}
		}
		if offerer.packets != 2 || answerer.packets != 2 {
			b.t.Fatal("the packets did not come")
		}
		all = append(all, offerer.Rtc, answerer.Rtc)
	}
	n := float64(len(all))
	b.atMost("media.idle.heap", (settledMemory()-before)/n/1024, "KiB", 128, pionKiB)
	b.atMost("media.idle.goroutines", float64(runtime.NumGoroutine()-running)/n, "", 0, pionGoroutines)
	runtime.KeepAlive(all)
}
