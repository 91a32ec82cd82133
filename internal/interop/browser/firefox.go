package browser

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// firefox speaks Marionette: over TCP, each message is its length in decimal
// digits, a colon, and JSON.
// https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html
type firefox struct {
	*process
	calls
	name    string
	conn    net.Conn
	writing sync.Mutex
}

// StartFirefox starts a headless Firefox.
func StartFirefox(ctx context.Context, cfg Config) (Browser, error) {
	cfg = cfg.withDefaults()
	path, err := find("FIREFOX", "firefox-esr", "firefox")
	if err != nil {
		return nil, err
	}
	dir, err := newDir()
	if err != nil {
		return nil, err
	}
	if err := writePrefs(filepath.Join(dir, "user.js"), firefoxPrefs(cfg)); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	p, err := start(cfg, dir, path, []string{"--headless", "--no-remote", "--profile", dir, "--marionette", "about:blank"})
	if err != nil {
		return nil, err
	}
	f := &firefox{process: p}
	if err := f.open(ctx, cfg); err != nil {
		err = p.explain(err)
		f.Close()
		return nil, err
	}
	return f, nil
}

func firefoxPrefs(cfg Config) map[string]any {
	prefs := map[string]any{
		"marionette.port": 0, // a free one, written to the profile
		"media.peerconnection.ice.obfuscate_host_addresses": cfg.HideAddresses,
		"media.navigator.streams.fake":                      true,
		"media.navigator.permission.disabled":               true,
		"media.autoplay.default":                            0,
		// Nothing may talk to the world on its own.
		"app.normandy.enabled":                                 false,
		"app.update.auto":                                      false,
		"browser.safebrowsing.update.enabled":                  false,
		"browser.shell.checkDefaultBrowser":                    false,
		"browser.newtabpage.enabled":                           false,
		"browser.startup.homepage_override.mstone":             "ignore",
		"datareporting.policy.dataSubmissionEnabled":           false,
		"extensions.systemAddon.update.enabled":                false,
		"media.gmp-manager.updateEnabled":                      false,
		"network.captive-portal-service.enabled":               false,
		"network.connectivity-service.enabled":                 false,
		"network.manage-offline-status":                        false,
		"services.settings.server":                             "http://127.0.0.1:1/",
		"toolkit.telemetry.enabled":                            false,
		"toolkit.telemetry.reportingpolicy.firstRun":           false,
		"dom.min_background_timeout_value":                     4,
		"dom.timeout.enable_budget_timer_throttling":           false,
		"browser.tabs.remote.separatePrivilegedContentProcess": false,
	}
	maps.Copy(prefs, cfg.Prefs)
	return prefs
}

func writePrefs(path string, prefs map[string]any) error {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(prefs)) {
		value, err := json.Marshal(prefs[name])
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "user_pref(%q, %s);\n", name, value)
	}
	return os.WriteFile(path, []byte(b.String()), 0o600)
}

// open connects to the browser and begins a session.
func (f *firefox) open(ctx context.Context, cfg Config) error {
	port, err := f.port(ctx)
	if err != nil {
		return err
	}
	err = cfg.Enter(func() (err error) {
		f.conn, err = net.Dial("tcp", "127.0.0.1:"+port)
		return err
	})
	if err != nil {
		return err
	}
	r := bufio.NewReaderSize(f.conn, 1<<16)
	if _, err := readMessage(r); err != nil { // the greeting
		return err
	}
	go f.read(r)
	var session struct {
		Capabilities struct{ BrowserName, BrowserVersion string }
	}
	if err := f.call(ctx, "WebDriver:NewSession", map[string]any{}, &session); err != nil {
		return err
	}
	f.name = session.Capabilities.BrowserName + "/" + session.Capabilities.BrowserVersion
	// How long a call may take is for its context to say.
	const long = 10 * 60 * 1000
	return f.call(ctx, "WebDriver:SetTimeouts", map[string]any{"script": long, "pageLoad": long}, nil)
}

// port waits until the browser has written the port it listens on.
func (f *firefox) port(ctx context.Context) (string, error) {
	for {
		b, err := os.ReadFile(filepath.Join(f.dir, "MarionetteActivePort"))
		if port := strings.TrimSpace(string(b)); err == nil && port != "" {
			return port, nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-f.exited:
			return "", errors.New("ended before it listened")
		case <-ctx.Done():
			return "", fmt.Errorf("waiting until it listens: %w", ctx.Err())
		}
	}
}

func readMessage(r *bufio.Reader) ([]byte, error) {
	digits, err := r.ReadString(':')
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(strings.TrimSuffix(digits, ":"))
	if err != nil || n < 0 {
		return nil, fmt.Errorf("browser: bad length %q from Firefox", digits)
	}
	b := make([]byte, n)
	_, err = io.ReadFull(r, b)
	return b, err
}

// read takes the replies until the connection ends. A reply is the array
// [1, number of the call, error or null, result or null].
func (f *firefox) read(r *bufio.Reader) {
	for {
		b, err := readMessage(r)
		if err != nil {
			f.fail(errors.New("browser: Firefox has gone"))
			return
		}
		var m [4]json.RawMessage
		var id int
		if json.Unmarshal(b, &m) != nil || json.Unmarshal(m[1], &id) != nil {
			continue
		}
		if string(m[2]) == "null" {
			f.finish(id, reply{result: m[3]})
			continue
		}
		var e struct{ Error, Message string }
		_ = json.Unmarshal(m[2], &e) // what cannot be read is an empty message
		f.finish(id, reply{err: fmt.Errorf("browser: Firefox: %s: %s", e.Error, e.Message)})
	}
}

func (f *firefox) call(ctx context.Context, command string, params map[string]any, out any) error {
	id, ch, err := f.begin()
	if err != nil {
		return err
	}
	b, err := json.Marshal([]any{0, id, command, params})
	if err != nil {
		return err
	}
	f.writing.Lock()
	_, err = fmt.Fprintf(f.conn, "%d:%s", len(b), b)
	f.writing.Unlock()
	if err != nil {
		return err
	}
	return f.await(ctx, id, ch, out)
}

func (f *firefox) Name() string { return f.name }

func (f *firefox) Navigate(ctx context.Context, url string) error {
	return f.call(ctx, "WebDriver:Navigate", map[string]any{"url": url}, nil)
}

func (f *firefox) Eval(ctx context.Context, out any, fn string, args ...any) error {
	if args == nil {
		args = []any{}
	}
	// The function's last argument takes the result.
	script := fmt.Sprintf(`const args = [...arguments], done = args.pop();
(async () => JSON.stringify((await (%s)(...args)) ?? null))()
	.then(value => done({value}), error => done({error: error + "\n" + (error?.stack ?? "")}));`, fn)
	var r struct {
		Value struct{ Value, Error *string }
	}
	err := f.call(ctx, "WebDriver:ExecuteAsyncScript", map[string]any{
		"script": script, "args": args, "sandbox": nil, "newSandbox": false,
	}, &r)
	if err != nil {
		return err
	}
	switch v := r.Value; {
	case v.Error != nil:
		return fmt.Errorf("browser: in the page: %s", *v.Error)
	case out == nil:
		return nil
	case v.Value == nil:
		return errors.New("browser: Firefox returned no result")
	default:
		return json.Unmarshal([]byte(*v.Value), out)
	}
}

func (f *firefox) Screenshot(ctx context.Context) ([]byte, error) {
	var r struct{ Value []byte } // JSON holds base64
	err := f.call(ctx, "WebDriver:TakeScreenshot", map[string]any{"full": false}, &r)
	return r.Value, err
}

func (f *firefox) Close() error {
	if f.conn != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		_ = f.call(ctx, "Marionette:Quit", map[string]any{"flags": []string{"eForceQuit"}}, nil) // if it fails, the process is killed
		cancel()
		f.conn.Close()
		return f.end(5 * time.Second)
	}
	return f.end(0)
}
