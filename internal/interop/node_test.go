package interop

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/sctp"
)

const installNode = "apt-get install nodejs npm, then npm --prefix internal/interop/node ci"

// nodePeers are the WebRTC implementations that npm has, each with what it can do.
var nodePeers = []driverKind{
	{name: "libdatachannel", module: "node-datachannel", maxMessage: 256 << 10, hidesOptions: true, hasty: true},
	{name: "libwebrtc", module: "@roamhq/wrtc", maxMessage: 256 << 10, restarts: true},
	{name: "werift", module: "werift", maxMessage: 64 << 10, restarts: true, noEmpty: true, forgetsUnordered: true, silent: true},
}

// startNode runs one of them: see node/driver.mjs for what it understands.
func startNode(t *testing.T, kind driverKind) *driver {
	t.Helper()
	if _, err := os.Stat(filepath.Join("node", "node_modules", kind.module)); err != nil {
		t.Fatalf("%s is not installed: %s", kind.module, installNode)
	}
	return startDriver(t, kind, installNode, "node", filepath.Join("node", kind.name+".mjs"))
}

func TestNodePeers(t *testing.T) {
	for _, kind := range nodePeers {
		for _, weOffer := range []bool{true, false} {
			name := map[bool]string{true: "/answers", false: "/offers"}[weOffer]
			t.Run(kind.name+name, func(t *testing.T) {
				t.Parallel()
				testNode(t, kind, weOffer)
			})
		}
	}
}

// testNode sets a session up over loopback and runs through what data channels can do.
func testNode(t *testing.T, kind driverKind, weOffer bool) {
	theirs := startNode(t, kind)
	ours := startRtc(t, rtc.Config{FailedTimeout: time.Millisecond}, newUDPSocket(t))
	defer ours.stop()

	id := ours.open(sctp.ChannelConfig{Label: "ours"})
	theirs.tell("open", labelled("theirs"))
	if weOffer {
		nodeAnswers(ours, theirs, false)
	} else {
		nodeOffers(ours, theirs, false)
	}
	wait(ours, "connected", func(*rtc.Connected) bool { return true })
	ours.opened("ours")
	theirs.waitLabel("open", "ours")
	theirs.waitLabel("open", "theirs")
	fromThem := ours.opened("theirs")
	require.True(t, fromThem.Remote)

	testNodeKinds(t, ours, theirs)
	testNodeMessages(t, ours, theirs, id, "ours")
	testNodeMessages(t, ours, theirs, fromThem.ID, "theirs")
	if kind.restarts {
		testNodeRestart(t, ours, theirs, id)
	}

	ours.closeChannel(id)
	wait(ours, "our channel closed", func(c *rtc.ChannelClosed) bool { return c.ID == id && c.Err == nil })
	theirs.waitLabel("closed", "ours")
	theirs.tell("close-channel", labelled("theirs"))
	wait(ours, "their channel closed", func(c *rtc.ChannelClosed) bool { return c.ID == fromThem.ID && c.Err == nil })
	if weOffer {
		ours.close()
		require.NoError(t, ours.waitClosed())
		theirs.waitLabel("closed", "plain") // which was open still
	} else {
		theirs.tell("close", nil)
		theirs.wait("gone", nil)
		if !kind.silent {
			wait(ours, "a channel closed with the association", func(c *rtc.ChannelClosed) bool { return c.Err == nil })
		}
		// Not each close_notify leaves before its sender does: libdatachannel's is
		// missing now and then, werift's always. Then consent expires after 30 s.
		ours.patience = time.Minute
		if err := ours.waitClosed(); err != nil || kind.silent {
			require.ErrorIs(t, err, rtc.ErrICEFailed)
		}
	}
}

// nodeAnswers negotiates with an offer of ours.
func nodeAnswers(ours *rtcPeer, theirs *driver, restart bool) {
	ours.t.Helper()
	nodeAnswersTo(ours, theirs, rtc.Changes{DataChannels: true, ICERestart: restart})
}

func nodeAnswersTo(ours *rtcPeer, theirs *driver, changes rtc.Changes) {
	ours.t.Helper()
	offer := ours.offer(changes)
	theirs.tell("accept-offer", map[string]any{"sdp": offer.SDP()})
	answer := theirs.wait("answer", nil)
	ours.acceptAnswer(offer, answer.SDP)
	trickleFrom(ours, theirs, answer.SDP)
}

// nodeOffers negotiates with an offer of theirs.
func nodeOffers(ours *rtcPeer, theirs *driver, restart bool) {
	ours.t.Helper()
	theirs.passCandidates(func(string) {}) // of another generation
	theirs.tell("offer", map[string]any{"restart": restart})
	offer := theirs.wait("offer", nil)
	if !theirs.kind.hasty {
		theirs.tell("accept-answer", map[string]any{"sdp": ours.acceptOffer(offer.SDP)})
		trickleFrom(ours, theirs, offer.SDP)
		return
	}
	offered, theirLines := withoutCandidates(offer.SDP)
	answer, ourLines := withoutCandidates(ours.acceptOffer(offered))
	theirs.tell("accept-answer", map[string]any{"sdp": answer})
	theirs.wait("accepted", nil)
	for _, line := range ourLines {
		theirs.tell("candidate", map[string]any{"candidate": line, "mid": "0"})
	}
	for _, line := range theirLines {
		ours.addCandidate(line)
	}
}

// withoutCandidates takes the candidates out of a description.
func withoutCandidates(description string) (rest string, candidates []string) {
	for line := range strings.Lines(description) {
		if candidate, ok := strings.CutPrefix(line, "a=candidate:"); ok {
			candidates = append(candidates, "candidate:"+strings.TrimSpace(candidate))
		} else if !strings.HasPrefix(line, "a=end-of-candidates") {
			rest += line
		}
	}
	return rest, candidates
}

// trickleFrom waits for a candidate on loopback, in the description or after it.
func trickleFrom(ours *rtcPeer, theirs *driver, description string) {
	ours.t.Helper()
	if strings.Contains(description, " 127.0.0.1 ") && strings.Contains(description, "a=candidate") {
		return
	}
	ours.addCandidate(theirs.wait("candidate", func(r driverReport) bool {
		return strings.Contains(r.Candidate, " 127.0.0.1 ") && strings.Contains(strings.ToLower(r.Candidate), " udp ")
	}).Candidate)
}

// testNodeKinds opens channels of each kind from both sides.
func testNodeKinds(t *testing.T, ours *rtcPeer, theirs *driver) {
	t.Helper()
	two, lifetime := uint16(2), 500*time.Millisecond
	kinds := []struct {
		config  sctp.ChannelConfig
		options map[string]any
	}{
		{sctp.ChannelConfig{Label: "plain"}, nil},
		{sctp.ChannelConfig{Label: "protocol", Protocol: "pr/1"}, map[string]any{"protocol": "pr/1"}},
		{sctp.ChannelConfig{Label: "unordered", Unordered: true}, map[string]any{"ordered": false}},
		{sctp.ChannelConfig{Label: "rexmit", Unordered: true, MaxRetransmits: &two}, map[string]any{"ordered": false, "maxRetransmits": 2}},
		{sctp.ChannelConfig{Label: "timed", MaxLifetime: &lifetime}, map[string]any{"maxPacketLifeTime": 500}},
	}
	for _, k := range kinds {
		label := k.config.Label
		id := ours.open(k.config)
		seen := theirs.waitLabel("channel", label)
		require.Equal(t, k.config.Protocol, seen.Protocol, label)
		if !theirs.kind.hidesOptions {
			require.Equal(t, !k.config.Unordered, seen.Ordered, label)
			require.Equal(t, k.config.MaxRetransmits != nil, seen.Retransmits == 2, label)
			require.Equal(t, k.config.MaxLifetime != nil, seen.Lifetime == 500, label)
		}
		ours.send(id, false, []byte("hello "+label))
		require.Equal(t, "hello "+label, theirs.waitLabel("message", label).Text)
		theirs.tell("send", map[string]any{"label": label, "text": "hello back"})
		require.Equal(t, "hello back", string(ours.message(id).Data))

		theirs.tell("open", map[string]any{"label": "their " + label, "options": k.options})
		opened := ours.opened("their " + label)
		require.True(t, opened.Remote)
		require.Equal(t, k.config.Protocol, opened.Config.Protocol, label)
		limited := k.config.MaxRetransmits != nil || k.config.MaxLifetime != nil
		if !limited || !theirs.kind.forgetsUnordered {
			require.Equal(t, k.config.Unordered, opened.Config.Unordered, label)
		}
		require.Equal(t, k.config.MaxRetransmits, opened.Config.MaxRetransmits, label)
		require.Equal(t, k.config.MaxLifetime, opened.Config.MaxLifetime, label)
		theirs.waitLabel("open", "their "+label)
		theirs.tell("send", map[string]any{"label": "their " + label, "text": "hello " + label})
		require.Equal(t, "hello "+label, string(ours.message(opened.ID).Data))
	}
}

// testNodeMessages sends 1,000 messages each way, then empty and large ones.
func testNodeMessages(t *testing.T, ours *rtcPeer, theirs *driver, id sctp.ChannelID, label string) {
	t.Helper()
	const messages = 1000
	theirs.tell("burst", map[string]any{"label": label, "count": messages})
	for i := range messages {
		ours.send(id, false, []byte(strconv.Itoa(i)))
	}
	for i := range messages {
		m := ours.message(id)
		require.Equal(t, strconv.Itoa(i), string(m.Data))
		require.False(t, m.Binary)
		require.Equal(t, strconv.Itoa(i), theirs.waitLabel("message", label).Text)
	}
	theirs.waitLabel("done", label)

	for _, size := range []int{0, 1, 1200, 16 << 10, theirs.kind.maxMessage} {
		data := pattern(size)
		ours.send(id, true, data)
		got := theirs.waitLabel("message", label)
		sum := sha256.Sum256(data)
		require.Equal(t, size > 0 || !theirs.kind.swapsEmpty, got.Binary)
		require.Equal(t, size, got.Size)
		if got.Binary {
			require.Equal(t, hex.EncodeToString(sum[:]), got.SHA256, "message of %d bytes", size)
		}

		if size == 0 && theirs.kind.noEmpty {
			continue
		}
		theirs.tell("send", map[string]any{"label": label, "size": size})
		m := ours.message(id)
		require.Equal(t, size > 0 || !theirs.kind.swapsEmpty, m.Binary, "message of %d bytes", size)
		require.Equal(t, data, m.Data, "message of %d bytes", size)
	}
	ours.send(id, false, nil)
	got := theirs.waitLabel("message", label)
	require.Equal(t, 0, got.Size)
	require.Equal(t, theirs.kind.swapsEmpty, got.Binary, "an empty string is a string")
}

// pattern is the content that node/driver.mjs sends: byte i is i mod 251.
func pattern(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i % 251)
	}
	return b
}

// testNodeRestart restarts ICE from either side, with messages under way.
func testNodeRestart(t *testing.T, ours *rtcPeer, theirs *driver, id sctp.ChannelID) {
	t.Helper()
	exchange := func(text string) {
		t.Helper()
		ours.send(id, false, []byte(text))
		require.Equal(t, text, theirs.waitLabel("message", "ours").Text)
		theirs.tell("send", map[string]any{"label": "ours", "text": text})
		require.Equal(t, text, string(ours.message(id).Data))
	}
	for round := range 2 {
		exchange(fmt.Sprintf("before restart %d", round))
		if round == 0 {
			nodeAnswers(ours, theirs, true)
		} else {
			nodeOffers(ours, theirs, true)
		}
		wait(ours, "the old credentials to be dropped", func(*rtc.LocalUfragRemoved) bool { return true })
		exchange(fmt.Sprintf("after restart %d", round))
	}
}
