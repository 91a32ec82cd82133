// Package netns makes Linux network namespaces for tests: small worlds with
// addresses and a default route, in which real browsers can be let loose.
//
// Making one needs root and the ip command of iproute2.
package netns

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// Namespace is a network namespace with one interface beside the loopback.
type Namespace struct {
	Name string

	// V4 and V6 are the addresses of the interface.
	V4, V6 netip.Addr
}

var made atomic.Uint32

// prefix begins the name of every namespace, before the process id of its maker.
const prefix = "sansrtc-"

// New makes a namespace. Namespaces left behind by processes that are no more
// are removed on the way.
func New() (*Namespace, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("netns: making a network namespace needs root: run the test as root, or under sudo -E")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		return nil, errors.New("netns: ip is not installed; run: apt-get install -y iproute2")
	}
	sweep()
	n := &Namespace{
		Name: fmt.Sprintf("%s%d-%d", prefix, os.Getpid(), made.Add(1)),
		V4:   netip.MustParseAddr("10.77.0.1"),
		V6:   netip.MustParseAddr("fd77::1"),
	}
	if err := ip("netns", "add", n.Name); err != nil {
		return nil, err
	}
	for _, args := range [][]string{
		{"link", "set", "lo", "up"},
		// Both ends of the cable stay inside: the far end only keeps the near
		// one running.
		{"link", "add", "near", "type", "veth", "peer", "name", "far"},
		{"addr", "add", n.V4.String() + "/24", "dev", "near"},
		{"addr", "add", n.V6.String() + "/64", "dev", "near", "nodad"},
		{"link", "set", "far", "up"},
		{"link", "set", "near", "up"},
		// Firefox gathers no candidates without a default route, and Chromium
		// shows a page without permissions only the default route's address.
		{"route", "add", "default", "dev", "near"},
		{"-6", "route", "add", "default", "dev", "near"},
	} {
		if err := ip(append([]string{"-n", n.Name}, args...)...); err != nil {
			n.Close()
			return nil, err
		}
	}
	return n, nil
}

// ForTest is New for a test, which fails if there can be no namespace. The
// namespace goes when the test ends.
func ForTest(t testing.TB) *Namespace {
	t.Helper()
	n, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

// Do calls f on a thread inside the namespace, and returns when f does. Sockets
// that f opens and processes that it starts belong to the namespace for good.
// Goroutines that f starts do not.
func (n *Namespace) Do(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with this goroutine
		done <- func() error {
			file, err := os.Open(filepath.Join("/run/netns", n.Name))
			if err != nil {
				return err
			}
			err = unix.Setns(int(file.Fd()), unix.CLONE_NEWNET)
			file.Close()
			if err != nil {
				return fmt.Errorf("netns: entering %s: %w", n.Name, err)
			}
			return f()
		}()
	}()
	return <-done
}

// Close removes the namespace.
func (n *Namespace) Close() error { return ip("netns", "del", n.Name) }

// sweep removes the namespaces of processes that have ended without doing so.
func sweep() {
	entries, _ := os.ReadDir("/run/netns") // it may not exist yet
	for _, e := range entries {
		id, _, ok := strings.Cut(strings.TrimPrefix(e.Name(), prefix), "-")
		pid, err := strconv.Atoi(id)
		if !strings.HasPrefix(e.Name(), prefix) || !ok || err != nil {
			continue
		}
		if errors.Is(unix.Kill(pid, 0), unix.ESRCH) {
			_ = ip("netns", "del", e.Name()) // another test may have been faster
		}
	}
}

func ip(args ...string) error {
	out, err := exec.Command("ip", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("netns: ip %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
