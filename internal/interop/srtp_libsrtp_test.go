package interop

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	pionrtcp "github.com/pion/rtcp"
	pionrtp "github.com/pion/rtp"
	"github.com/sansrtc/rtc/srtp"
	"github.com/stretchr/testify/require"
)

// buildLibsrtp compiles the program of testdata/libsrtp.c and returns its path.
func buildLibsrtp(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "libsrtp")
	out, err := exec.Command("gcc", "-o", program, "testdata/libsrtp.c", "-lsrtp2").CombinedOutput()
	require.NoError(t, err, "apt-get install gcc libsrtp2-dev\n%s", out)
	return program
}

// libsrtp is one direction of libsrtp, in a process of its own.
type libsrtp struct {
	in  io.Writer
	out *bufio.Reader
}

func startLibsrtp(t *testing.T, program string, p srtp.Profile, m srtp.MasterKey) (srtpOracle, error) {
	cmd := exec.Command(program, strconv.Itoa(int(p)), hex.EncodeToString(m.Key)+hex.EncodeToString(m.Salt))
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		in.Close() // which ends it
		cmd.Wait()
	})
	return &libsrtp{in, bufio.NewReader(out)}, nil
}

// do has libsrtp carry out one operation.
func (l *libsrtp) do(operation byte, dst, packet []byte) ([]byte, error) {
	request := binary.BigEndian.AppendUint16([]byte{operation}, uint16(len(packet)))
	if _, err := l.in.Write(append(request, packet...)); err != nil {
		return nil, err
	}
	var head [3]byte
	if _, err := io.ReadFull(l.out, head[:]); err != nil {
		return nil, err
	}
	answer := make([]byte, binary.BigEndian.Uint16(head[1:]))
	if _, err := io.ReadFull(l.out, answer); err != nil {
		return nil, err
	}
	if head[0] != 0 {
		return nil, fmt.Errorf("libsrtp: status %d", head[0])
	}
	return append(dst, answer...), nil
}

func (l *libsrtp) EncryptRTP(dst, packet []byte, _ *pionrtp.Header) ([]byte, error) {
	return l.do(0, dst, packet)
}

func (l *libsrtp) DecryptRTP(dst, packet []byte, _ *pionrtp.Header) ([]byte, error) {
	return l.do(1, dst, packet)
}

func (l *libsrtp) EncryptRTCP(dst, packet []byte, _ *pionrtcp.Header) ([]byte, error) {
	return l.do(2, dst, packet)
}

func (l *libsrtp) DecryptRTCP(dst, packet []byte, _ *pionrtcp.Header) ([]byte, error) {
	return l.do(3, dst, packet)
}
