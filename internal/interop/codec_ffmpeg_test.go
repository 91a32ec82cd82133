package interop

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/rtp"
	"github.com/sansrtc/rtc/rtp/codec"
)

// TestStreamsFromFFmpeg receives streams that ffmpeg has put into packets by itself.
func TestStreamsFromFFmpeg(t *testing.T) {
	for _, kind := range videoKinds {
		if kind.format == codec.AV1 {
			continue // packaged versions of ffmpeg do not send it
		}
		t.Run(kind.format.String(), func(t *testing.T) {
			frames := kind.stream(t)
			want := kind.decode(t, frames)
			d, err := codec.NewDepacketizer(codec.DepacketizerConfig{Name: kind.format.String(), FMTP: kind.fmtp})
			require.NoError(t, err)
			var got [][]byte
			for i, b := range packetsOfFFmpeg(t, &kind, frames) {
				header, payload, err := rtp.Parse(b)
				require.NoError(t, err)
				require.NoError(t, d.Push(codec.Packet{
					Payload: payload, Timestamp: header.Timestamp, Marker: header.Marker,
				}), "packet %d: %x", i, payload)
				for f, ok := d.Next(); ok; f, ok = d.Next() {
					got = append(got, bytes.Clone(f.Data))
				}
			}
			require.Equal(t, want, kind.decode(t, got), "digests of the pictures")
		})
	}
}

// packetsOfFFmpeg returns the RTP packets that ffmpeg sends of a stream.
func packetsOfFFmpeg(t *testing.T, kind *videoKind, frames [][]byte) (packets [][]byte) {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer conn.Close()
	name := filepath.Join(t.TempDir(), kind.file)
	require.NoError(t, os.WriteFile(name, kind.join(frames), 0o600))

	received := make(chan [][]byte)
	go func() {
		var packets [][]byte
		for b := make([]byte, 2000); ; {
			n, _, err := conn.ReadFrom(b)
			if err != nil {
				received <- packets
				return
			}
			if n > 1 && !rtp.IsRTCP(b[:n]) {
				packets = append(packets, bytes.Clone(b[:n]))
			}
		}
	}()
	port := conn.LocalAddr().(*net.UDPAddr).Port
	ffmpeg(t, append(strings.Fields("-readrate 8 -i"), name, "-c", "copy", "-strict", "experimental",
		"-f", "rtp", fmt.Sprintf("rtp://127.0.0.1:%d?pkt_size=900", port))...)
	conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond)) // for what is in the socket
	packets = <-received
	for i, b := range packets {
		require.Equal(t, packets[0][2:4], sequence(b, -i), "a packet was lost on the loopback interface")
	}
	return packets
}

// sequence returns the sequence number of a packet, by so much later.
func sequence(b []byte, offset int) []byte {
	n := int(b[2])<<8 | int(b[3])
	n += offset
	return []byte{byte(n >> 8), byte(n)}
}
