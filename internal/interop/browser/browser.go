// Package browser drives a stock Chromium and a stock Firefox with the standard
// library alone: Chromium by the DevTools protocol over a pipe, Firefox by
// Marionette over TCP.
//
// A browser that is not installed is an error that names the command which
// installs it. Tests report it and fail; they do not skip.
package browser

import (
	"context"
	"fmt"
	"os"
	"os/exec"
)

// Browser is one running browser, showing one page.
//
// Calls may come from several goroutines. Firefox evaluates one script at a
// time, so a script that waits for another to run must not be used with it.
type Browser interface {
	// Name is the browser's product name and version.
	Name() string

	// Navigate loads url and returns when the page has loaded.
	Navigate(ctx context.Context, url string) error

	// Eval calls the JavaScript function expression fn in the page with args,
	// awaits what it returns, and decodes that from JSON to out unless out is
	// nil. Args travel as JSON. An exception in the page is an error.
	Eval(ctx context.Context, out any, fn string, args ...any) error

	// Screenshot returns what the page shows, as a PNG file.
	Screenshot(ctx context.Context) ([]byte, error)

	// Close ends the browser with all its processes and removes its profile.
	Close() error
}

// Config says how to start a browser. The zero value is usable.
type Config struct {
	// Enter, if not nil, must call f once on a thread inside the network
	// namespace which the browser is to live in, and return when f does.
	Enter func(f func() error) error

	// Width and Height are the size of the window in pixels.
	// If zero, 1280 and 900 are used.
	Width, Height int

	// HideAddresses leaves host candidates behind .local names, as for a page
	// that has no permission to use camera or microphone. Otherwise candidates
	// show addresses, and getUserMedia gives a generated picture and tone.
	HideAddresses bool

	// Args are further arguments for Chromium. Firefox ignores them.
	Args []string

	// Prefs are further preferences for Firefox. Chromium ignores them.
	Prefs map[string]any
}

func (cfg Config) withDefaults() Config {
	if cfg.Enter == nil {
		cfg.Enter = func(f func() error) error { return f() }
	}
	if cfg.Width == 0 {
		cfg.Width = 1280
	}
	if cfg.Height == 0 {
		cfg.Height = 900
	}
	return cfg
}

// find returns the path of the first of names that is installed. The
// environment variable env, if set, overrides them all.
func find(env string, names ...string) (string, error) {
	if path := os.Getenv(env); path != "" {
		return path, nil
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("browser: %s is not installed; run: apt-get install -y chromium firefox-esr iproute2", names[0])
}
