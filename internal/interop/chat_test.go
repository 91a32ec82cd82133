package interop

import (
	"bytes"
	"fmt"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/internal/interop/browser"
	"github.com/sansrtc/rtc/internal/interop/netns"
)

// Everybody who opens the page of the example must see everybody else, also who comes late; and who
// goes must be gone.
func TestChatExample(t *testing.T) {
	ns := netns.ForTest(t)
	chat, url := startExample(t, ns, "./examples/chat")
	url += "?video=320x180@15"
	ada, bob := joinTwo(t, ns, ns, url)

	var text string
	bob.eval(nil, `() => { document.querySelector("#text").value = "Hello all"; document.querySelector("#send").requestSubmit(); }`)
	ada.eval(&text, `async () => {
		for (let i = 0; i < 200 && !document.querySelector("#log").textContent.includes("Hello all"); i++)
			await new Promise(done => setTimeout(done, 50));
		return document.querySelector("#log").textContent;
	}`)
	require.Contains(t, text, "BobHello all")

	// Who comes late sees a picture within five seconds.
	cy := startBrowser(t, chromium, ns, browser.Config{})
	joinChat(cy, url, "Cy")
	waitPictures(cy, 2)
	waitPictures(ada, 2)
	waitPictures(bob, 2)
	cy.screenshot("chat")

	// Who goes is gone.
	bob.eval(nil, `() => document.querySelector("#leave").click()`)
	waitPictures(ada, 1)
	waitPictures(cy, 1)

	require.NoError(t, syscall.Kill(-chat.Process.Pid, syscall.SIGINT))
	_ = chat.Wait() // go run, when interrupted, always exits with 1
	require.Empty(t, chat.Stderr.(*bytes.Buffer).String(), "the server must end cleanly")
	var status string
	ada.eval(&status, `async () => {
		const status = document.querySelector("#status");
		for (let i = 0; i < 200 && status.dataset.state !== "closed"; i++) await new Promise(done => setTimeout(done, 50));
		return status.textContent;
	}`)
	require.Equal(t, "closed by the server", status)
}

// Three pages of Chromium and one of Firefox must all see each other.
func TestChatExampleFour(t *testing.T) {
	ns := netns.ForTest(t)
	_, url := startExample(t, ns, "./examples/chat")
	url += "?video=320x180@15"
	var all []testBrowser
	for i, kind := range []browserKind{chromium, firefox, chromium, chromium} {
		b := startBrowser(t, kind, ns, browser.Config{})
		joinChat(b, url, []string{"Ada", "Fay", "Bob", "Cy"}[i])
		all = append(all, b)
	}
	for _, b := range all {
		waitPictures(b, 3)
	}
	ada, fay := all[0], all[1]
	fay.screenshot("chat-four")

	// What Fay switches off, Ada is shown to be off.
	fay.eval(nil, `() => { document.querySelector("#mute").click(); document.querySelector("#camera").click(); }`)
	var marks string
	ada.eval(&marks, `async () => {
		const marks = [...document.querySelectorAll(".tile[data-stream]")].find(t => t.textContent.includes("Fay")).querySelector(".marks");
		for (let i = 0; i < 200 && !marks.textContent.includes("camera"); i++) await new Promise(done => setTimeout(done, 50));
		return marks.textContent;
	}`)
	require.Equal(t, "muted · camera off", marks)

	// A shared screen takes the place of the camera, in another size.
	ada.eval(nil, `() => document.querySelector("#screen").click()`)
	var shown struct {
		Mark   string
		Width  int
		Height int
	}
	all[2].eval(&shown, `async () => {
		const tile = () => [...document.querySelectorAll(".tile[data-stream]")].find(t => t.textContent.includes("Ada"));
		const video = tile().querySelector("video");
		for (let i = 0; i < 300 && (video.videoWidth === 320 || !tile().textContent.includes("screen")); i++)
			await new Promise(done => setTimeout(done, 50));
		return {mark: tile().querySelector(".marks").textContent, width: video.videoWidth, height: video.videoHeight};
	}`)
	t.Logf("%+v", shown)
	require.Equal(t, "screen", shown.Mark)
	require.NotEqual(t, 320, shown.Width, "the camera is 320 pixels wide, the screen is not")
}

// A browser on another machine of the network gives its camera to a page that came by HTTPS
// only.
func TestChatExampleFromAfar(t *testing.T) {
	ns := netns.ForTest(t)
	_, url := startExample(t, ns, "./examples/chat", "-addr", ":8443")
	require.Equal(t, fmt.Sprintf("https://%v:8443/", ns.V4), url)
	url += "?video=320x180@15"
	joinTwo(t, ns, ns.NeighbourForTest(t), url)
}

// Both browsers send their camera in several sizes. Who wants to save data is shown a small one.
func TestChatExampleLayers(t *testing.T) {
	ns := netns.ForTest(t)
	_, url := startExample(t, ns, "./examples/chat")
	url += "?video=640x360@15"
	ada, fay := startBrowser(t, chromium, ns, browser.Config{}), startBrowser(t, firefox, ns, browser.Config{})
	joinChat(ada, url, "Ada")
	joinChat(fay, url, "Fay")
	waitPictures(ada, 1)
	waitPictures(fay, 1)
	for _, b := range []testBrowser{ada, fay} {
		waitWidth(b, 640)
		b.eval(nil, `() => document.querySelector("#saving").click()`)
		waitWidth(b, 320)
		b.eval(nil, `() => document.querySelector("#saving").click()`)
		waitWidth(b, 640)
		waitPictures(b, 1)
	}
}

// A viewer whose connection is too narrow for the large picture is given the small one.
func TestChatExampleNarrow(t *testing.T) {
	ns := netns.ForTest(t)
	_, url := startExample(t, ns, "./examples/chat", "-addr", ":8443")
	url += "?video=640x360@15"
	_, bob := joinTwo(t, ns, ns.NeighbourForTest(t), url)
	waitWidth(bob, 640)
	require.NoError(t, ns.Narrow(250))
	waitWidth(bob, 320)
	waitPictures(bob, 1)
}

// waitWidth waits until the picture of the other is so many pixels wide.
func waitWidth(b testBrowser, want int) {
	b.t.Helper()
	var width int
	b.eval(&width, `async want => {
		const video = () => document.querySelector(".tile[data-stream] video");
		for (let i = 0; i < 600 && video()?.videoWidth !== want; i++) await new Promise(done => setTimeout(done, 50));
		return video()?.videoWidth ?? 0;
	}`, want)
	require.Equal(b.t, want, width)
}

// logPage says how far a page has come, and what it sends and receives.
func logPage(b testBrowser) {
	var page string
	b.eval(&page, `async () => {
		const pc = window.connection, status = document.querySelector("#status")?.textContent;
		if (!pc) return document.location + ": no connection, " + status;
		const all = [...(await pc.getStats()).values()];
		return [status, pc.signalingState, pc.iceConnectionState, pc.connectionState, pc.remoteDescription?.sdp,
			JSON.stringify(all.filter(s => /^(in|out)bound-rtp$|^remote-inbound-rtp$|^candidate-pair$/.test(s.type)))].join("\n");
	}`)
	b.t.Log(page)
}

// A page that finds itself in another network comes back by itself.
func TestChatExampleRestart(t *testing.T) {
	ns := netns.ForTest(t)
	_, url := startExample(t, ns, "./examples/chat")
	url += "?video=320x180@15"
	ada, bob := joinTwo(t, ns, ns, url)

	// What the page does when its connection breaks, with a connection that has not: the
	// credentials must change on both sides, and the picture go on.
	var changed bool
	bob.eval(&changed, `async () => {
		const pc = window.connection, ufrag = d => /a=ice-ufrag:(\S+)/.exec(d.sdp)[1];
		const before = [ufrag(pc.localDescription), ufrag(pc.remoteDescription)];
		Object.defineProperty(pc, "connectionState", {get: () => "disconnected", configurable: true});
		pc.dispatchEvent(new Event("connectionstatechange"));
		await new Promise(done => setTimeout(done, 1200));
		delete pc.connectionState;
		for (let i = 0; i < 200; i++) {
			if (pc.signalingState === "stable" && ufrag(pc.localDescription) !== before[0] && ufrag(pc.remoteDescription) !== before[1])
				return true;
			await new Promise(done => setTimeout(done, 50));
		}
		return false;
	}`)
	require.True(t, changed, "ICE must begin anew on both sides")
	waitPictures(bob, 1)
	waitPictures(ada, 1)
}

// joinTwo opens the page here and there, and waits until both see each other.
func joinTwo(t *testing.T, here, there *netns.Namespace, url string) (ada, bob testBrowser) {
	t.Helper()
	cfg := browser.Config{Args: []string{"--ignore-certificate-errors"}}
	ada, bob = startBrowser(t, chromium, here, cfg), startBrowser(t, chromium, there, cfg)
	t.Cleanup(func() {
		if t.Failed() {
			logPage(ada)
			logPage(bob)
		}
	})
	joinChat(ada, url, "Ada")
	joinChat(bob, url, "Bob")
	waitPictures(ada, 1)
	waitPictures(bob, 1)
	return ada, bob
}

// joinChat opens the page under a name.
func joinChat(b testBrowser, url, name string) {
	b.t.Helper()
	// The page keeps its connection to itself, so that is noted when it is made.
	b.navigate(url + "&name=" + name)
	b.eval(nil, `() => {
		window.RTCPeerConnection = class extends RTCPeerConnection {
			constructor(...args) { super(...args); window.connection = this; }
		};
		document.querySelector("#join").requestSubmit();
	}`)
}

// waitPictures waits until the page shows n others, and new pictures and sound of each are
// decoded, without end.
func waitPictures(b testBrowser, n int) {
	b.t.Helper()
	var seen struct {
		OK     bool
		Took   float64 // milliseconds until each had a picture
		Status string
		Tiles  int
		Frames []int
		Audio  []int
	}
	b.eval(&seen, `async n => {
		const pause = ms => new Promise(done => setTimeout(done, ms));
		const count = async () => {
			const pc = window.connection, videos = [...document.querySelectorAll(".tile[data-stream] video")];
			const stats = pc ? [...(await pc.getStats()).values()].filter(s => s.type === "inbound-rtp") : [];
			const of = (video, kind) => {
				const track = video.srcObject?.getTracks().find(t => t.kind === kind);
				const mid = pc.getTransceivers().find(t => t.receiver.track === track)?.mid;
				return stats.find(s => s.mid === mid && s.kind === kind);
			};
			return {
				tiles: videos.length,
				frames: videos.map(v => of(v, "video")?.framesDecoded ?? 0),
				audio: videos.map(v => of(v, "audio")?.totalSamplesReceived && of(v, "audio")?.packetsReceived || 0),
			};
		};
		const started = performance.now();
		let first = null, last = null, took = 0;
		for (;;) {
			last = await count();
			const grown = (what, by) => first && last[what].length === n && last[what].every((v, i) => v >= first[what][i] + by);
			if (last.tiles === n && last.frames.every(v => v > 0) && last.audio.every(v => v > 0)) {
				took ||= performance.now() - started;
				first ??= last;
			} else {
				first = null;
			}
			const ok = !!grown("frames", 10) && !!grown("audio", 20);
			if (ok || performance.now() - started > 40_000)
				return {ok, took, status: document.querySelector("#status").textContent, ...last};
			await pause(100);
		}
	}`, n)
	b.t.Logf("%+v", seen)
	require.True(b.t, seen.OK, "the page must decode %d others: %+v", n, seen)
	require.Less(b.t, seen.Took, 5000.0, "the first pictures must be there within five seconds")
}
