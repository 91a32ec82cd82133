package rtc_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/internal/simnet"
)

// Without a path to the peer nothing that media owes can be sent, and no deadline of it may
// keep the caller awake: simnet fails a machine whose deadline is not after now.
func TestMediaOutage(t *testing.T) {
	w := newWorld(t, worldConfig{seed: 6, link: simnet.LinkConfig{Delay: 20 * ms}})
	l := watchMedia(w.l)
	w.negotiate(w.l, rtc.Changes{AddMedia: []rtc.MediaConfig{{Kind: rtc.Audio}, {Kind: rtc.Video}}})
	w.until(time.Second, "connect", func() bool { return w.l.connected != nil && w.r.connected != nil })
	w.write(l, rtc.Video, 0, 50, 10*ms)
	w.net.Link(w.l.host, w.r.host, simnet.LinkConfig{Loss: simnet.RandomLoss(1)})
	w.until(2*time.Minute, "the end", func() bool { return w.l.closed && w.r.closed })
	require.ErrorIs(t, w.l.err, rtc.ErrICEFailed)
	require.ErrorIs(t, w.r.err, rtc.ErrICEFailed)
}
