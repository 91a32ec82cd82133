package browser_test

import (
	"bytes"
	"context"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sansrtc/rtc/internal/interop/browser"
	"github.com/sansrtc/rtc/internal/interop/netns"
	"github.com/stretchr/testify/require"
)

// Starting takes a second or two, and much longer on a machine that is busy.
const patience = 60 * time.Second

var starters = map[string]func(context.Context, browser.Config) (browser.Browser, error){
	"chromium": browser.StartChromium,
	"firefox":  browser.StartFirefox,
}

func TestBrowser(t *testing.T) {
	for _, name := range []string{"chromium", "firefox"} {
		t.Run(name, func(t *testing.T) {
			home := t.TempDir()
			t.Setenv("TMPDIR", home)
			ns := netns.ForTest(t)
			ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
			defer cancel()
			b, err := starters[name](ctx, browser.Config{Enter: ns.Do})
			require.NoError(t, err)
			defer b.Close()
			t.Log(b.Name())

			testEval(t, ctx, b)
			testNavigate(t, ctx, b)
			testPeerConnections(t, ctx, b, ns)

			require.NoError(t, b.Close())
			left, err := os.ReadDir(home)
			require.NoError(t, err)
			require.Empty(t, left, "profiles must not be left behind")
		})
	}
}

func testEval(t *testing.T, ctx context.Context, b browser.Browser) {
	var got struct {
		Sum  int
		Text string
	}
	err := b.Eval(ctx, &got, `async (a, b, text) => {
		await new Promise(done => setTimeout(done, 10));
		return {sum: a + b, text};
	}`, 40, 2, "ünïcödé ☃ \u0000")
	require.NoError(t, err)
	require.Equal(t, 42, got.Sum)
	require.Equal(t, "ünïcödé ☃ \u0000", got.Text)

	require.NoError(t, b.Eval(ctx, nil, `() => {}`), "no result is fine")
	err = b.Eval(ctx, nil, `() => { throw new Error("on purpose") }`)
	require.ErrorContains(t, err, "on purpose")

	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	err = b.Eval(short, nil, `() => new Promise(done => setTimeout(done, 500))`)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, b.Eval(ctx, nil, `() => {}`), "the browser must be usable after an abandoned call")
}

func testNavigate(t *testing.T, ctx context.Context, b browser.Browser) {
	page := filepath.Join(t.TempDir(), "page.html")
	require.NoError(t, os.WriteFile(page, []byte(`<!doctype html><title>a page</title><body style="background:#080">`), 0o600))
	require.NoError(t, b.Navigate(ctx, "file://"+page))
	var title string
	require.NoError(t, b.Eval(ctx, &title, `() => document.title`))
	require.Equal(t, "a page", title)
	require.Error(t, b.Navigate(ctx, "http://127.0.0.1:1/"), "nobody listens there")
	require.NoError(t, b.Navigate(ctx, "file://"+page))

	shot, err := b.Screenshot(ctx)
	require.NoError(t, err)
	img, err := png.Decode(bytes.NewReader(shot))
	require.NoError(t, err)
	require.Greater(t, img.Bounds().Dx(), 600)
	r, g, bl, _ := img.At(img.Bounds().Dx()/2, img.Bounds().Dy()/2).RGBA()
	require.Equal(t, []uint32{0, 0x8888, 0}, []uint32{r, g, bl}, "the page's colour")
}

// Two connections in one page must reach each other by the namespace's addresses.
func testPeerConnections(t *testing.T, ctx context.Context, b browser.Browser, ns *netns.Namespace) {
	var got struct {
		Echo       string
		Candidates []string
	}
	err := b.Eval(ctx, &got, `async () => {
		const a = new RTCPeerConnection(), b = new RTCPeerConnection(), candidates = [];
		a.onicecandidate = e => { if (e.candidate) candidates.push(e.candidate.candidate); b.addIceCandidate(e.candidate) };
		b.onicecandidate = e => a.addIceCandidate(e.candidate);
		b.ondatachannel = e => e.channel.onmessage = m => e.channel.send("echo " + m.data);
		const channel = a.createDataChannel("x");
		const echo = new Promise(done => channel.onmessage = m => done(m.data));
		channel.onopen = () => channel.send("hello");
		await a.setLocalDescription();
		await b.setRemoteDescription(a.localDescription);
		await b.setLocalDescription();
		await a.setRemoteDescription(b.localDescription);
		const result = {echo: await echo, candidates};
		a.close(); b.close();
		return result;
	}`)
	require.NoError(t, err)
	require.Equal(t, "echo hello", got.Echo)
	t.Logf("candidates: %q", got.Candidates)
	require.Contains(t, strings.Join(got.Candidates, "\n"), ns.V4.String(), "a candidate must show the address of the namespace")
}

func TestNotInstalled(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for name, start := range starters {
		_, err := start(t.Context(), browser.Config{})
		require.ErrorContains(t, err, "apt-get install -y chromium firefox-esr iproute2", name)
	}
}

// A browser that ends at once must not be waited for.
func TestStartFails(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	t.Setenv("CHROMIUM", "/bin/false")
	t.Setenv("FIREFOX", "/bin/false")
	for name, start := range starters {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		_, err := start(ctx, browser.Config{})
		cancel()
		require.Error(t, err, name)
		require.NotErrorIs(t, err, context.DeadlineExceeded, name)
	}
}
