package browser

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// chromium speaks the DevTools protocol: JSON messages that end with a NUL
// byte, over a pair of pipes which the browser knows as files 3 and 4. No port
// is opened, so the browser may live in any network namespace.
// https://chromedevtools.github.io/devtools-protocol/
type chromium struct {
	*process
	calls
	name    string
	write   *os.File
	writing sync.Mutex
	session string // of the page

	mu      sync.Mutex
	loaded  map[string]bool // loader ids of documents that have loaded
	changed chan struct{}   // closed and renewed when loaded changes
}

// StartChromium starts a headless Chromium.
func StartChromium(ctx context.Context, cfg Config) (Browser, error) {
	cfg = cfg.withDefaults()
	path, err := find("CHROMIUM", "chromium", "chromium-browser", "google-chrome")
	if err != nil {
		return nil, err
	}
	dir, err := newDir()
	if err != nil {
		return nil, err
	}
	toRead, toWrite, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	fromRead, fromWrite, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p, err := start(cfg, dir, path, chromiumArgs(cfg, dir), toRead, fromWrite)
	toRead.Close()
	fromWrite.Close()
	if err != nil {
		toWrite.Close()
		fromRead.Close()
		return nil, err
	}
	c := &chromium{process: p, write: toWrite, loaded: make(map[string]bool), changed: make(chan struct{})}
	go c.read(fromRead)
	if err := c.open(ctx); err != nil {
		err = p.explain(err)
		c.Close()
		return nil, err
	}
	return c, nil
}

func chromiumArgs(cfg Config, dir string) []string {
	args := []string{
		"--headless",
		"--no-sandbox", // the sandbox refuses to run as root
		"--remote-debugging-pipe",
		"--user-data-dir=" + dir + "/profile",
		fmt.Sprintf("--window-size=%d,%d", cfg.Width, cfg.Height),
		"--hide-scrollbars",
		"--mute-audio",
		"--disable-gpu",
		"--disable-dev-shm-usage",
		// Nothing may talk to the world on its own.
		"--no-first-run", "--disable-background-networking", "--disable-component-update",
		"--disable-sync", "--disable-quic", "--disable-breakpad",
		// A page that is not in front must run at full speed all the same.
		"--disable-background-timer-throttling", "--disable-renderer-backgrounding",
		"--use-fake-device-for-media-stream",
	}
	if !cfg.HideAddresses {
		// This grants the use of camera and microphone, and a page that has
		// the grant sees addresses.
		args = append(args, "--use-fake-ui-for-media-stream", "--allow-loopback-in-peer-connection")
	}
	return append(append(args, cfg.Args...), "about:blank")
}

// open makes the page and attaches to it.
func (c *chromium) open(ctx context.Context) error {
	var version struct{ Product string }
	if err := c.call(ctx, "Browser.getVersion", nil, &version); err != nil {
		return err
	}
	c.name = version.Product
	var target struct{ TargetID string }
	if err := c.call(ctx, "Target.createTarget", map[string]any{"url": "about:blank"}, &target); err != nil {
		return err
	}
	var attached struct{ SessionID string }
	err := c.call(ctx, "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	if err != nil {
		return err
	}
	c.session = attached.SessionID
	if err := c.call(ctx, "Page.enable", nil, nil); err != nil {
		return err
	}
	return c.call(ctx, "Page.setLifecycleEventsEnabled", map[string]any{"enabled": true}, nil)
}

// read takes what the browser says until it closes the pipe.
func (c *chromium) read(from *os.File) {
	defer from.Close()
	r := bufio.NewReaderSize(from, 1<<16)
	for {
		b, err := r.ReadBytes(0)
		if err != nil {
			c.fail(errors.New("browser: Chromium has gone"))
			return
		}
		var m struct {
			ID     int             `json:"id"`
			Result json.RawMessage `json:"result"`
			Error  *struct {
				Message string `json:"message"`
			} `json:"error"`
			Method string `json:"method"`
			Params struct {
				Name     string `json:"name"`
				LoaderID string `json:"loaderId"`
			} `json:"params"`
		}
		if err := json.Unmarshal(bytes.TrimSuffix(b, []byte{0}), &m); err != nil {
			// An event whose parameters have other types is not one of ours.
			if m.ID == 0 {
				continue
			}
		}
		switch {
		case m.ID != 0 && m.Error != nil:
			c.finish(m.ID, reply{err: errors.New("browser: Chromium: " + m.Error.Message)})
		case m.ID != 0:
			c.finish(m.ID, reply{result: m.Result})
		case m.Method == "Page.lifecycleEvent" && m.Params.Name == "load":
			c.mu.Lock()
			c.loaded[m.Params.LoaderID] = true
			close(c.changed)
			c.changed = make(chan struct{})
			c.mu.Unlock()
		}
	}
}

func (c *chromium) call(ctx context.Context, method string, params map[string]any, out any) error {
	if params == nil {
		params = map[string]any{}
	}
	id, ch, err := c.begin()
	if err != nil {
		return err
	}
	m := map[string]any{"id": id, "method": method, "params": params}
	if c.session != "" {
		m["sessionId"] = c.session
	}
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	c.writing.Lock()
	_, err = c.write.Write(append(b, 0))
	c.writing.Unlock()
	if err != nil {
		return err
	}
	return c.await(ctx, id, ch, out)
}

func (c *chromium) Name() string { return c.name }

func (c *chromium) Navigate(ctx context.Context, url string) error {
	var r struct{ LoaderID, ErrorText string }
	if err := c.call(ctx, "Page.navigate", map[string]any{"url": url}, &r); err != nil {
		return err
	}
	if r.ErrorText != "" {
		return fmt.Errorf("browser: Chromium: %s: %s", url, r.ErrorText)
	}
	for r.LoaderID != "" { // empty: the same document, moved to a fragment
		c.mu.Lock()
		loaded, changed := c.loaded[r.LoaderID], c.changed
		c.mu.Unlock()
		if loaded {
			break
		}
		select {
		case <-changed:
		case <-c.exited:
			return errors.New("browser: Chromium has gone")
		case <-ctx.Done():
			return fmt.Errorf("browser: Chromium: loading %s: %w", url, ctx.Err())
		}
	}
	return nil
}

func (c *chromium) Eval(ctx context.Context, out any, fn string, args ...any) error {
	list, err := json.Marshal(args)
	if err != nil {
		return err
	}
	if args == nil {
		list = []byte("[]")
	}
	var r struct {
		Result           struct{ Value json.RawMessage } // a string, or an exception's value
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	err = c.call(ctx, "Runtime.evaluate", map[string]any{
		"expression":    fmt.Sprintf("(async () => JSON.stringify((await (%s)(...%s)) ?? null))()", fn, list),
		"awaitPromise":  true,
		"returnByValue": true,
		"userGesture":   true,
	}, &r)
	if err != nil {
		return err
	}
	if e := r.ExceptionDetails; e != nil {
		return fmt.Errorf("browser: in the page: %s %s", e.Text, e.Exception.Description)
	}
	if out == nil {
		return nil
	}
	var value string
	if err := json.Unmarshal(r.Result.Value, &value); err != nil {
		return err
	}
	return json.Unmarshal([]byte(value), out)
}

func (c *chromium) Screenshot(ctx context.Context) ([]byte, error) {
	var r struct{ Data []byte } // JSON holds base64
	err := c.call(ctx, "Page.captureScreenshot", map[string]any{"format": "png"}, &r)
	return r.Data, err
}

func (c *chromium) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = c.call(ctx, "Browser.close", nil, nil) // if it fails, the process is killed
	c.write.Close()
	return c.end(5 * time.Second)
}
