package interop

import (
	"bufio"
	"bytes"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/internal/interop/netns"
)

// startExample runs an example inside ns as the README says, and returns the URL that it prints. What it
// writes to its standard error is in cmd.Stderr, a *bytes.Buffer.
func startExample(t *testing.T, ns *netns.Namespace, example string, args ...string) (cmd *exec.Cmd, url string) {
	t.Helper()
	return startServer(t, ns, append([]string{"run", example}, args...)...)
}

// startServer runs the go command with these arguments, as in the repository's root, which starts a server.
func startServer(t *testing.T, ns *netns.Namespace, args ...string) (cmd *exec.Cmd, url string) {
	t.Helper()
	cmd = exec.Command("go", args...)
	cmd.Dir = "../.."
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, ns.Do(cmd.Start))
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
	})
	line := make(chan string, 1)
	go func() {
		text, _ := bufio.NewReader(stdout).ReadString('\n') // the check below sees what is missing
		line <- strings.TrimSpace(text)
	}()
	select {
	case url := <-line:
		require.True(t, strings.HasPrefix(url, "http"), "%q is not a URL; %s", url, &stderr)
		return cmd, url
	case <-time.After(2 * time.Minute): // a compilation is part of it
		t.Fatalf("the example printed no URL: %s", &stderr)
		return nil, ""
	}
}
