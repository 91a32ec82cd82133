package interop

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// driver is a WebRTC implementation in a process of its own, which takes commands and gives reports
// as lines of JSON: node/driver.mjs and gstreamer/peer.py say which.
type driver struct {
	t       *testing.T
	kind    driverKind
	install string // the command that installs what it needs
	stdin   io.Writer

	reports chan driverReport
	pending []driverReport // reports read but not yet asked for

	mu  sync.Mutex
	log []string
}

// driverKind is what there is to know of one.
type driverKind struct {
	name, module string // of npm, if it comes from there
	maxMessage   int    // the largest message that goes both ways
	restarts     bool   // it can restart ICE

	// hidesOptions: of a channel that we opened it says only label and protocol.
	hidesOptions bool
	// noEmpty: it cannot send an empty message, or tries with a DATA chunk without data, which SCTP forbids.
	noEmpty bool
	// forgetsUnordered: its OPEN says "ordered" when there is a limit as well.
	forgetsUnordered bool
	// swapsEmpty: what is an empty string to us is an empty binary message to it.
	swapsEmpty bool
	// silent: it leaves without a word.
	silent bool
	// hasty: it can be in the middle of the DTLS handshake before it has taken note of
	// our fingerprint, when a path is found while it accepts an answer.
	hasty bool
}

type driverReport struct {
	Is        string
	SDP       string
	Candidate string
	MID       string
	State     string
	Got       map[string]sinkReport // of media.mjs, by kind
	RTP       []rtpReport
	Label     string
	Protocol  string
	Ordered   bool
	// Retransmits and Lifetime are -1 if there is no limit.
	Retransmits, Lifetime int
	ID                    int
	Text                  string
	Binary                bool
	Size                  int
	SHA256                string

	// Of webrtcbin.
	Decoded  []gstDecoded
	Buffers  map[string]gstBuffer // by SSRC
	Feedback gstFeedback
	Stats    []gstStats
}

// startDriver runs a driver until the end of the test. install is the command that installs
// what it needs.
func startDriver(t *testing.T, kind driverKind, install string, command ...string) *driver {
	t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	p := &driver{t: t, kind: kind, install: install, stdin: stdin, reports: make(chan driverReport, 1<<14)}
	cmd.Stderr = p
	require.NoError(t, cmd.Start(), install)
	var read sync.WaitGroup
	read.Go(func() {
		defer close(p.reports)
		lines := bufio.NewScanner(stdout)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			p.note("→ " + lines.Text())
			var r driverReport
			if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
				continue // a library's own chatter
			}
			p.reports <- r
		}
	})
	t.Cleanup(func() {
		cmd.Process.Kill()
		read.Wait()
		cmd.Wait()
		if t.Failed() {
			t.Logf("%s\n%s", kind.name, strings.Join(p.log, "\n"))
		}
	})
	p.wait("ready", nil)
	return p
}

// Write takes what the process prints on standard error.
func (p *driver) Write(b []byte) (int, error) {
	p.note(strings.TrimSpace(string(b)))
	return len(b), nil
}

// note keeps the last lines for a failure to show.
func (p *driver) note(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = append(p.log, fmt.Sprintf("%s %.3000s", time.Now().Format("05.000"), line))
	if len(p.log) > 100 {
		p.log = slices.Delete(p.log, 20, 21)
	}
}

// tell gives a command.
func (p *driver) tell(do string, fields map[string]any) {
	p.t.Helper()
	command := map[string]any{"do": do}
	for k, v := range fields {
		command[k] = v
	}
	b, err := json.Marshal(command)
	require.NoError(p.t, err)
	p.note("← " + string(b))
	_, err = p.stdin.Write(append(b, '\n'))
	require.NoError(p.t, err)
}

// wait returns the first report of a kind that match accepts.
func (p *driver) wait(is string, match func(driverReport) bool) driverReport {
	p.t.Helper()
	timeout := time.After(patience)
	for i := 0; ; i++ {
		for i >= len(p.pending) {
			select {
			case r, ok := <-p.reports:
				if !ok {
					p.t.Fatalf("%s ended before it reported %s; what it needs: %s", p.kind.name, is, p.install)
				}
				if r.Is == "error" {
					p.t.Errorf("%s reports an error: %s", p.kind.name, r.Text)
				}
				p.pending = append(p.pending, r)
			case <-timeout:
				p.t.Fatalf("%s did not report %s", p.kind.name, is)
			}
		}
		if r := p.pending[i]; r.Is == is && (match == nil || match(r)) {
			p.pending = slices.Delete(p.pending, i, i+1)
			return r
		}
	}
}

func (p *driver) waitLabel(is, label string) driverReport {
	p.t.Helper()
	return p.wait(is, func(r driverReport) bool { return r.Label == label })
}

func labelled(label string) map[string]any { return map[string]any{"label": label} }

// passCandidates hands candidates that the peer reports later to take, until the end
// of the test. Only one goroutine may read reports, so it is called between steps.
func (p *driver) passCandidates(take func(line string)) {
	for {
		select {
		case r, ok := <-p.reports:
			if !ok {
				return
			}
			p.pending = append(p.pending, r)
			continue
		default:
		}
		break
	}
	p.pending = slices.DeleteFunc(p.pending, func(r driverReport) bool {
		if r.Is == "candidate" {
			take(r.Candidate)
		}
		return r.Is == "candidate"
	})
}
