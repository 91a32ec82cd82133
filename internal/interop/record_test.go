package interop

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/internal/interop/browser"
	"github.com/sansrtc/rtc/internal/interop/netns"
)

// Whatever codec a browser has must be in a file that ffmpeg decodes without a complaint, whole, with sound and pictures in
// step, and that the browser itself plays. Two browsers at once have a file each.
func TestRecordExample(t *testing.T) {
	ns := netns.ForTest(t)
	record, url, dir := startRecord(t, ns)
	t.Run("browsers", func(t *testing.T) {
		for _, kind := range []browserKind{chromium, firefox} {
			t.Run(kind.name, func(t *testing.T) {
				t.Parallel()
				b := startBrowser(t, kind, ns, recordBrowser)
				openRecord(b, url)
				flashAndBeep(b)
				codecs := recordCodecs(b)
				t.Log(codecs)
				require.Subset(t, codecs, []string{"VP8", "VP9"})
				for _, codec := range codecs {
					testRecordCodec(b, dir, codec)
				}
				b.screenshot("record-" + kind.name)
			})
		}
	})
	require.Empty(t, record.Stderr.(*bytes.Buffer).String(), "nothing must have gone wrong")
}

func testRecordCodec(b testBrowser, dir, codec string) {
	b.t.Helper()
	for attempt := 1; ; attempt++ {
		beginRecording(b, codec)
		time.Sleep(5 * time.Second)
		files, sent := endRecording(b)
		require.Len(b.t, files, 1)
		f := readRecording(b.t, filepath.Join(dir, files[0].Name))
		b.t.Logf("%s: %+v, %+v", codec, sent, f)
		// A browser that does not get the processor leaves out sound, and does not know it.
		if !f.steady() && attempt < 3 {
			continue
		}
		f.requireWhole(b.t, codec, sent)
		f.requireSync(b.t)
		requirePlays(b, files[0], f)
		return
	}
}

// The codec may change while a recording goes on, which then goes on in another file; and the size of the picture, which
// does not matter to the file.
func TestRecordExampleChanges(t *testing.T) {
	ns := netns.ForTest(t)
	_, url, dir := startRecord(t, ns)
	b := startBrowser(t, chromium, ns, recordBrowser)
	openRecord(b, url)
	b.screenshot("record-ready")

	beginRecording(b, "VP8")
	time.Sleep(3500 * time.Millisecond)
	b.screenshot("record-recording")
	var answer string
	b.eval(&answer, `() => window.connection.remoteDescription.sdp`)
	require.NotContains(t, answer, "video-orientation", "the browser must turn the pictures itself")
	b.eval(nil, `() => {
		const select = document.querySelector("#codec");
		select.value = "VP9";
		select.dispatchEvent(new Event("change"));
	}`)
	time.Sleep(3500 * time.Millisecond)
	files, sent := endRecording(b)
	require.Len(t, files, 2)
	one, two := readRecording(t, filepath.Join(dir, files[0].Name)), readRecording(t, filepath.Join(dir, files[1].Name))
	t.Logf("%+v, %+v, %+v", sent, one, two)
	require.Equal(t, []string{"vp8", "opus"}, one.codecs)
	require.Equal(t, []string{"vp9", "opus"}, two.codecs)
	require.InDelta(t, sent.Seconds, one.duration+two.duration, 1.5)
	require.InDelta(t, sent.Sounds, one.sounds+two.sounds, 20)

	codec := "H264"
	if !slices.Contains(recordCodecs(b), codec) {
		codec = "VP8" // a Chromium that is not allowed to
	}
	beginRecording(b, codec)
	time.Sleep(2500 * time.Millisecond)
	b.eval(nil, `async () => {
		const sender = window.connection.getSenders().find(s => s.track.kind === "video"), parameters = sender.getParameters();
		parameters.encodings[0].scaleResolutionDownBy = 2;
		await sender.setParameters(parameters);
	}`)
	time.Sleep(2500 * time.Millisecond)
	files, _ = endRecording(b)
	require.Len(t, files, 1)
	f := readRecording(t, filepath.Join(dir, files[0].Name))
	t.Logf("%+v", f)
	require.Equal(t, []string{"320x180", "160x90"}, f.sizes)
	b.screenshot("record-finished")
}

// Ctrl-C finishes what is being recorded. If not even that was possible, the file has what was written, and is played to
// there.
func TestRecordExampleEnds(t *testing.T) {
	ns := netns.ForTest(t)
	b := startBrowser(t, chromium, ns, recordBrowser)
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		record, url, dir := startRecord(t, ns)
		openRecord(b, url)
		beginRecording(b, "VP8")
		time.Sleep(4500 * time.Millisecond)
		require.NoError(t, syscall.Kill(-record.Process.Pid, signal))
		_ = record.Wait()
		require.Empty(t, record.Stderr.(*bytes.Buffer).String())
		names, err := filepath.Glob(filepath.Join(dir, "*"))
		require.NoError(t, err)
		require.Len(t, names, 1)
		f := readRecording(t, names[0])
		t.Logf("%v: %+v", signal, f)
		require.Equal(t, signal == syscall.SIGINT, f.told > 0)
		require.False(t, f.cut && signal == syscall.SIGINT)
		require.Greater(t, f.duration, 1.0)
		require.Greater(t, f.pictures, 10)
		require.Greater(t, f.sounds, 50)
		var status string
		b.eval(&status, `async () => {
			const status = document.querySelector("#status");
			for (let i = 0; i < 600 && status.dataset.state !== "closed"; i++) await new Promise(done => setTimeout(done, 50));
			return status.textContent;
		}`)
		require.Contains(t, []string{"the server is gone", "the connection is lost"}, status)
	}
}

var recordBrowser = browser.Config{Args: []string{"--autoplay-policy=no-user-gesture-required"}, Height: 860}

// startRecord runs the example inside ns, with a folder of its own.
func startRecord(t *testing.T, ns *netns.Namespace) (cmd *exec.Cmd, url, dir string) {
	t.Helper()
	dir = t.TempDir()
	if artifacts := os.Getenv("ARTIFACTS"); artifacts != "" {
		dir = filepath.Join(artifacts, fmt.Sprintf("%s-%d", t.Name(), time.Now().UnixNano()))
	}
	cmd, url = startServer(t, ns, "-C", "examples/record", "run", ".", "-dir", dir)
	return cmd, url, dir
}

// openRecord opens the page, and waits until it can record.
func openRecord(b testBrowser, url string) {
	b.t.Helper()
	b.navigate(url + "?video=320x180@15")
	b.eval(nil, `async () => {
		// The page keeps its connection to itself, so that is noted when it is made.
		window.RTCPeerConnection = class extends RTCPeerConnection {
			constructor(...args) { super(...args); window.connection = this; }
		};
		const button = document.querySelector("#record");
		for (let i = 0; i < 1200 && button.disabled; i++) await new Promise(done => setTimeout(done, 50));
		if (button.disabled) throw new Error(document.querySelector("#status").textContent);
	}`)
}

func recordCodecs(b testBrowser) (names []string) {
	b.t.Helper()
	b.eval(&names, `() => [...document.querySelector("#codec").options].map(o => o.value)`)
	return names
}

// flashAndBeep has the page send, in place of camera and microphone, pictures that are white and a tone that sounds for
// the first 200 ms of each second.
func flashAndBeep(b testBrowser) {
	b.t.Helper()
	b.eval(nil, `async () => {
		const microphone = document.querySelector("#preview").srcObject;
		microphone.getVideoTracks()[0].stop(); // which takes time from what is measured
		const canvas = Object.assign(document.createElement("canvas"), {width: 320, height: 180});
		const paint = canvas.getContext("2d"), firefox = navigator.userAgent.includes("Firefox");
		// Each picture that is painted is to be sent: Firefox does so by itself, Chromium when told.
		const video = canvas.captureStream(firefox ? 60 : 0).getVideoTracks()[0];
		let audio, sound;
		if (firefox) {
			// Its microphone is a tone that never ends; its AudioContext needs a loudspeaker.
			audio = microphone.getAudioTracks()[0];
			sound = on => { audio.enabled = on; };
		} else {
			const context = new AudioContext(), out = context.createMediaStreamDestination();
			const tone = new OscillatorNode(context, {frequency: 1000}), gain = new GainNode(context, {gain: 0});
			tone.connect(gain).connect(out);
			tone.start();
			await context.resume();
			audio = out.stream.getAudioTracks()[0];
			sound = on => { gain.gain.value = on ? 0.5 : 0; };
		}
		const start = performance.now();
		let n = 0;
		setInterval(() => {
			const t = (performance.now() - start) / 1000;
			if (t < n / 15) return;
			n = Math.floor(t * 15) + 1;
			const on = t % 1 < 0.2;
			sound(on);
			paint.fillStyle = on ? "#fff" : "#000";
			paint.fillRect(0, 0, 320, 180);
			paint.fillStyle = "#777";
			paint.fillRect(n * 3 % 300, 80, 20, 20);
			if (!firefox) video.requestFrame();
		}, 5);
		window.RTCPeerConnection = class extends RTCPeerConnection {
			addTransceiver(track, init) { return super.addTransceiver({audio, video}[track.kind], init); }
		};
	}`)
}

// beginRecording presses the button, and waits until the page is connected.
func beginRecording(b testBrowser, codec string) {
	b.t.Helper()
	b.eval(nil, `async codec => {
		const $ = id => document.getElementById(id);
		$("codec").value = codec;
		if ($("codec").value !== codec) throw new Error("the page does not offer " + codec);
		$("record").click();
		for (let i = 0; i < 1200 && $("status").textContent !== "recording"; i++) await new Promise(done => setTimeout(done, 50));
		if ($("status").textContent !== "recording") throw new Error($("status").textContent + ", " + $("note").textContent);
		window.began = performance.now();
	}`, codec)
}

// recordedFile is a file as the page shows it.
type recordedFile struct{ Name, URL, About string }

// sentMedia is what a browser says that it has sent.
type sentMedia struct {
	Seconds          float64
	Pictures, Sounds int
}

// endRecording presses the button again, and returns the new files in their order.
func endRecording(b testBrowser) (files []recordedFile, sent sentMedia) {
	b.t.Helper()
	var got struct {
		Files []recordedFile
		Sent  sentMedia
	}
	b.eval(&got, `async () => {
		const $ = id => document.getElementById(id), known = window.known ??= new Set();
		const outbound = [...(await window.connection.getStats()).values()].filter(s => s.type === "outbound-rtp");
		const sent = {
			seconds: (performance.now() - window.began) / 1000,
			pictures: outbound.find(s => s.kind === "video").framesSent, sounds: outbound.find(s => s.kind === "audio").packetsSent,
		};
		$("record").click();
		for (let i = 0; i < 1200 && $("status").textContent !== "finished"; i++) await new Promise(done => setTimeout(done, 50));
		if ($("status").textContent !== "finished") throw new Error($("status").textContent + ", " + $("note").textContent);
		const files = [...document.querySelectorAll("#files li")].reverse().filter(item => !known.has(item.id)).map(item => {
			known.add(item.id);
			return {name: item.id, url: item.querySelector("a").href, about: item.querySelector(".about").textContent};
		});
		return {files, sent};
	}`)
	return got.Files, got.Sent
}

// requirePlays has the page open a file, and jump in it.
func requirePlays(b testBrowser, file recordedFile, f recording) {
	b.t.Helper()
	if filepath.Ext(file.Name) == ".mkv" && strings.Contains(b.Name(), "Firefox") {
		return // which takes Matroska for downloads only
	}
	var played struct {
		Width, Height int
		Duration, At  float64
	}
	b.eval(&played, `async url => {
		const player = document.getElementById("player");
		const happens = (name, what) => new Promise((done, failed) => {
			player.addEventListener(name, done, {once: true});
			player.addEventListener("error", () => failed(player.error), {once: true});
			setTimeout(() => failed(new Error("no " + name)), 60_000);
			what();
		});
		player.muted = true;
		await happens("loadeddata", () => { player.src = url; });
		await happens("seeked", () => { player.currentTime = player.duration / 2; });
		return {width: player.videoWidth, height: player.videoHeight, duration: player.duration, at: player.currentTime};
	}`, file.URL)
	require.Equal(b.t, []int{320, 180}, []int{played.Width, played.Height})
	require.InDelta(b.t, f.duration, played.Duration, 0.3)
	require.InDelta(b.t, f.duration/2, played.At, 0.3)
}
