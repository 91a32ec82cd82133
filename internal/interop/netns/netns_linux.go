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
	n, err := add("1")
	if err != nil {
		return nil, err
	}
	// Both ends of the cable stay inside at first: the far end only keeps the near one
	// running.
	err = ip("-n", n.Name, "link", "add", "near", "type", "veth", "peer", "name", "far")
	if err == nil {
		err = n.configure("near")
	}
	if err == nil {
		err = n.quiet("far")
	}
	if err == nil {
		err = ip("-n", n.Name, "link", "set", "far", "up")
	}
	if err != nil {
		n.Close()
		return nil, err
	}
	return n, nil
}

// Neighbour makes another namespace at the far end of the cable of n, for a second machine on
// the same network. There can be one.
func (n *Namespace) Neighbour() (*Namespace, error) {
	m, err := add("2")
	if err != nil {
		return nil, err
	}
	err = ip("-n", n.Name, "link", "set", "far", "netns", m.Name)
	if err == nil {
		err = m.configure("far")
	}
	if err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

// add makes a namespace for the host of that number, without an interface.
func add(host string) (*Namespace, error) {
	n := &Namespace{
		Name: fmt.Sprintf("%s%d-%d", prefix, os.Getpid(), made.Add(1)),
		V4:   netip.MustParseAddr("10.77.0." + host),
		V6:   netip.MustParseAddr("fd77::" + host),
	}
	return n, ip("netns", "add", n.Name)
}

// quiet keeps an interface from getting a link-local address, which would appear a second or two later. Chromium gives up what
// it is doing then.
func (n *Namespace) quiet(name string) error {
	return ip("-n", n.Name, "link", "set", name, "addrgenmode", "none")
}

// configure gives the interface its addresses.
func (n *Namespace) configure(name string) error {
	if err := n.quiet(name); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"link", "set", "lo", "up"},
		{"addr", "add", n.V4.String() + "/24", "dev", name},
		{"addr", "add", n.V6.String() + "/64", "dev", name, "nodad"},
		{"link", "set", name, "up"},
		// Firefox gathers no candidates without a default route, and Chromium
		// shows a page without permissions only the default route's address.
		{"route", "add", "default", "dev", name},
		{"-6", "route", "add", "default", "dev", name},
	} {
		if err := ip(append([]string{"-n", n.Name}, args...)...); err != nil {
			return err
		}
	}
	return nil
}

// ForTest is New for a test, which fails if there can be no namespace. The
// namespace goes when the test ends.
func ForTest(t testing.TB) *Namespace {
	t.Helper()
	n, err := New()
	if err != nil {
		t.Fatal(err)
	}
	closeAtEnd(t, n)
	return n
}

// NeighbourForTest is Neighbour for a test, as ForTest is New.
func (n *Namespace) NeighbourForTest(t testing.TB) *Namespace {
	t.Helper()
	m, err := n.Neighbour()
	if err != nil {
		t.Fatal(err)
	}
	closeAtEnd(t, m)
	return m
}

func closeAtEnd(t testing.TB, n *Namespace) {
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
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

// Narrow limits what the namespace sends to its neighbour, in kbit/s. Beyond 200 ms of queue datagrams are lost. The
// namespace must have been made by New.
func (n *Namespace) Narrow(kbits int) error {
	return ip("netns", "exec", n.Name, "tc", "qdisc", "replace", "dev", "near", "root", "tbf",
		"rate", fmt.Sprint(kbits, "kbit"), "burst", "4kb", "latency", "200ms")
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
