package interop

import (
	"bytes"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/internal/interop/browser"
	"github.com/sansrtc/rtc/internal/interop/netns"
)

// The example must work as the README says, in a browser that hides its addresses as
// browsers do, and end cleanly.
func TestEchoExample(t *testing.T) {
	for _, kind := range []browserKind{chromium, firefox} {
		t.Run(kind.name, func(t *testing.T) {
			ns := netns.ForTest(t)
			echo, url := startExample(t, ns, "./examples/echo")
			b := startBrowser(t, kind, ns, browser.Config{HideAddresses: true, Height: 1150})
			b.navigate(url)

			waitEcho(b)
			b.screenshot("echo-" + kind.name + "-connected")

			var note string
			b.eval(&note, `async () => {
				const button = document.querySelector("#rate-start"), note = document.querySelector("#rate-note");
				button.click();
				const started = performance.now();
				while (!note.textContent.includes("in each direction") && performance.now() - started < 60_000)
					await new Promise(done => setTimeout(done, 100));
				await new Promise(done => setTimeout(done, 3000));
				return note.textContent;
			}`)
			t.Log(note)
			require.Contains(t, note, "in each direction")
			b.screenshot("echo-" + kind.name + "-throughput")

			testEchoMany(b)

			// An interrupt as by Ctrl-C reaches the whole group. The page must hear of it.
			// Go run, when interrupted, always exits with 1; an error would be on stderr.
			require.NoError(t, syscall.Kill(-echo.Process.Pid, syscall.SIGINT))
			_ = echo.Wait()
			require.Empty(t, echo.Stderr.(*bytes.Buffer).String(), "the server must end cleanly")
			var status string
			b.eval(&status, `async () => {
				const status = document.querySelector("#status"), started = performance.now();
				while (status.dataset.state !== "closed" && performance.now() - started < 10_000)
					await new Promise(done => setTimeout(done, 50));
				return status.textContent;
			}`)
			require.Equal(t, "closed by the server", status)
		})
	}
}

// The example must also work for a browser on another machine of the network.
func TestEchoExampleFromAfar(t *testing.T) {
	for _, kind := range []browserKind{chromium, firefox} {
		t.Run(kind.name, func(t *testing.T) {
			ns := netns.ForTest(t)
			_, url := startExample(t, ns, "./examples/echo")
			url = strings.Replace(url, "localhost", ns.V4.String(), 1)
			b := startBrowser(t, kind, ns.NeighbourForTest(t), browser.Config{HideAddresses: true})
			b.navigate(url)
			waitEcho(b)
		})
	}
}

// waitEcho waits until the page shows an echo and what was negotiated.
func waitEcho(b testBrowser) {
	b.t.Helper()
	var shown struct{ Status, Echo, DTLS, Group, Pair, Browser string }
	b.eval(&shown, `async () => {
		const text = selector => document.querySelector(selector)?.textContent ?? "";
		const started = performance.now();
		while (performance.now() - started < 60_000) {
			if (text("li[data-echoed]") && text("#server-group").length > 1 && text("#rtt-median").includes("ms")) break;
			await new Promise(done => setTimeout(done, 50));
		}
		return {
			status: text("#status"), echo: text("li[data-echoed]"), dtls: text("#server-dtls"),
			group: text("#server-group"), pair: text("#server-pair"), browser: text("#browser-dtls"),
		};
	}`)
	b.t.Logf("%+v", shown)
	require.Contains(b.t, shown.Status, "connected")
	require.Contains(b.t, shown.Echo, "Hello from")
	require.Contains(b.t, shown.DTLS, "1.3")
	require.Equal(b.t, "X25519MLKEM768", shown.Group)
	require.Contains(b.t, shown.Pair, "↔")
}

// testEchoMany holds several sessions with the server at once, from one page, and restarts
// ICE in each. Every one must get its own echoes.
func testEchoMany(b testBrowser) {
	b.t.Helper()
	const sessions = 12
	var got []string
	b.eval(&got, `async n => Promise.all(Array.from({length: n}, async (_, i) => {
		const pc = new RTCPeerConnection(), channel = pc.createDataChannel("many");
		const negotiate = async url => {
			await pc.setLocalDescription();
			const response = await fetch(url, {method: "POST", body: pc.localDescription.sdp});
			if (!response.ok) throw new Error(await response.text());
			await pc.setRemoteDescription({type: "answer", sdp: await response.text()});
			return response.headers.get("Location");
		};
		const echo = text => new Promise(done => {
			channel.onmessage = ({data}) => done(data);
			channel.send(text);
		});
		const open = new Promise(done => channel.onopen = done);
		const session = await negotiate("/session");
		await open;
		const first = await echo("first of " + i), before = await (await fetch(session)).json();
		pc.restartIce();
		await negotiate(session);
		let after = before;
		for (let tries = 0; after.remote === before.remote && tries < 200; tries++) {
			await new Promise(done => setTimeout(done, 50));
			after = await (await fetch(session)).json();
		}
		const second = await echo("second of " + i), last = await (await fetch(session)).json();
		pc.close();
		for (let tries = 0; (await fetch(session)).ok && tries < 200; tries++) await new Promise(done => setTimeout(done, 50));
		const gone = (await fetch(session)).status;
		return [first, second, last.messages, last.group, gone].join(", ");
	}))`, sessions)
	require.Len(b.t, got, sessions)
	for i, text := range got {
		require.Equal(b.t, fmt.Sprintf("first of %d, second of %d, 2, X25519MLKEM768, 404", i, i), text)
	}

	var errors []int
	b.eval(&errors, `async () => Promise.all([
		fetch("/session", {method: "POST", body: "v=0 nonsense"}), fetch("/session", {method: "POST"}),
		fetch("/session/nobody", {method: "POST", body: "v=0"}), fetch("/session/nobody/candidate", {method: "POST"}),
		fetch("/session", {method: "POST", body: "x".repeat(1e6)}),
	].map(async r => (await r).status))`)
	require.Equal(b.t, []int{400, 400, 404, 404, 400}, errors)
}
