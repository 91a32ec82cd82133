package browser

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// process is a browser's main process, in a process group of its own, with a
// directory for its profile.
type process struct {
	cmd    *exec.Cmd
	dir    string
	errors tail
	exited chan struct{}
}

// newDir makes the directory for a profile.
func newDir() (string, error) { return os.MkdirTemp("", "sansrtc-browser-") }

// start runs the program at path. It removes dir if that fails.
func start(cfg Config, dir, path string, args []string, files ...*os.File) (*process, error) {
	p := &process{dir: dir, exited: make(chan struct{})}
	p.cmd = exec.Command(path, args...)
	p.cmd.Dir = dir
	p.cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+filepath.Join(dir, "config"),
		"XDG_CACHE_HOME="+filepath.Join(dir, "cache"), "MOZ_CRASHREPORTER_DISABLE=1",
		fmt.Sprint("MOZ_HEADLESS_WIDTH=", cfg.Width), fmt.Sprint("MOZ_HEADLESS_HEIGHT=", cfg.Height))
	p.cmd.ExtraFiles = files
	p.cmd.Stderr = &p.errors
	p.cmd.WaitDelay = 5 * time.Second
	// The browser must not outlive a test that is killed. The signal is tied to
	// the thread that starts the process, so that thread stays until the end.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}

	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with this goroutine
		ran := false
		err := cfg.Enter(func() error {
			ran = true
			if err := p.cmd.Start(); err != nil {
				return err
			}
			started <- nil
			p.cmd.Wait()
			close(p.exited)
			return nil
		})
		if err == nil && !ran {
			err = errors.New("Config.Enter did not call its function")
		}
		if err != nil {
			started <- err
		}
	}()
	if err := <-started; err != nil {
		os.RemoveAll(dir)
		return nil, fmt.Errorf("browser: starting %s: %w", path, err)
	}
	return p, nil
}

// end waits a little for the process to exit, kills what is left of its group,
// and removes its directory.
func (p *process) end(patience time.Duration) error {
	select {
	case <-p.exited:
	case <-time.After(patience):
	}
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.exited
	// A dying helper process may still write to the profile.
	var err error
	for range 50 {
		if err = os.RemoveAll(p.dir); err == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return err
}

// explain adds the last words of the process to err.
func (p *process) explain(err error) error {
	return fmt.Errorf("browser: %s: %w\n%s", p.cmd.Path, err, p.errors.String())
}

// tail is a writer that keeps the last few kilobytes written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(b []byte) (int, error) {
	const limit = 8 << 10
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b...)
	if n := len(t.buf) - limit; n > 0 {
		t.buf = append(t.buf[:0], t.buf[n:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}
