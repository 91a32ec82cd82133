package interop

import (
	"io"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long a peer in another process may take for one step. Steps take
// milliseconds; a loaded machine takes seconds.
const patience = time.Minute

// process is a peer in a process of its own. What it prints is kept, so that a failure
// can show it.
type process struct {
	t     *testing.T
	name  string
	stdin io.WriteCloser
	done  chan struct{} // closed when the process has left

	mu     sync.Mutex
	output strings.Builder
	grown  chan struct{} // closed and replaced when output grows
}

// startProcess runs a program until the end of the test. install is the command that
// installs it.
func startProcess(t *testing.T, install, name string, args ...string) *process {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Fatalf("%s is not installed: %s", name, install)
	}
	cmd := exec.Command(name, args...)
	p := &process{t: t, name: name, done: make(chan struct{}), grown: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p, p // the same Writer: exec calls it from one goroutine
	var err error
	if p.stdin, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-p.done
		if t.Failed() {
			t.Logf("%s %s\n%s", name, strings.Join(args, " "), p.printed())
		}
	})
	return p
}

// Write takes what the process prints.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.output.Write(b)
	close(p.grown)
	p.grown = make(chan struct{})
	return len(b), nil
}

// printed returns all that the process has printed so far.
func (p *process) printed() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

// wait returns what was printed once it satisfies ok.
func (p *process) wait(why string, ok func(printed string) bool) string {
	p.t.Helper()
	timeout := time.After(patience)
	for {
		p.mu.Lock()
		printed, grown := p.output.String(), p.grown
		p.mu.Unlock()
		if ok(printed) {
			return printed
		}
		select {
		case <-grown:
		case <-timeout:
			p.t.Fatalf("%s did not print what was expected: %s", p.name, why)
		}
	}
}

// waitFor waits for a text.
func (p *process) waitFor(text string) string {
	p.t.Helper()
	return p.wait(text, func(printed string) bool { return strings.Contains(printed, text) })
}

// waitDone waits until the process has left.
func (p *process) waitDone() {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatalf("%s did not end", p.name)
	}
}

// say writes a line to the standard input of the process.
func (p *process) say(line string) {
	p.t.Helper()
	if _, err := io.WriteString(p.stdin, line+"\n"); err != nil {
		p.t.Fatalf("%s does not listen: %v", p.name, err)
	}
}
