package interop

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/internal/interop/browser"
	"github.com/sansrtc/rtc/internal/interop/netns"
)

// browserKind is a browser to test with.
type browserKind struct {
	name  string
	start func(context.Context, browser.Config) (browser.Browser, error)
}

var (
	chromium = browserKind{"chromium", browser.StartChromium}
	firefox  = browserKind{"firefox", browser.StartFirefox}
)

// browserPatience is how long a browser may take for anything. A machine that is busy
// with other things makes Firefox start in half a minute.
const browserPatience = 90 * time.Second

// testBrowser is a running browser whose failures fail the test.
type testBrowser struct {
	browser.Browser
	t *testing.T
}

// startBrowser starts a browser inside ns, until the test ends. One that is not
// installed fails the test.
func startBrowser(t *testing.T, kind browserKind, ns *netns.Namespace, cfg browser.Config) testBrowser {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), browserPatience)
	defer cancel()
	cfg.Enter = ns.Do
	b, err := kind.start(ctx, cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Log(b.Name())
	return testBrowser{b, t}
}

// with returns b for a subtest.
func (b testBrowser) with(t *testing.T) testBrowser { return testBrowser{b.Browser, t} }

// navigate loads url.
func (b testBrowser) navigate(url string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), browserPatience)
	defer cancel()
	require.NoError(b.t, b.Navigate(ctx, url))
}

// eval calls a function in the page and decodes what it returns to out.
func (b testBrowser) eval(out any, fn string, args ...any) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), browserPatience)
	defer cancel()
	require.NoError(b.t, b.Eval(ctx, out, fn, args...))
}

// screenshot writes what the page shows to the directory that the environment variable
// ARTIFACTS names, or else to one that goes with the test.
func (b testBrowser) screenshot(name string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), browserPatience)
	defer cancel()
	png, err := b.Screenshot(ctx)
	require.NoError(b.t, err)
	dir := os.Getenv("ARTIFACTS")
	if dir == "" {
		dir = b.t.TempDir()
	}
	path := filepath.Join(dir, name+".png")
	require.NoError(b.t, os.WriteFile(path, png, 0o600))
	b.t.Logf("%s: %d bytes", path, len(png))
}
