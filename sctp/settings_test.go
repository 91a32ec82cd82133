package sctp

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Ports and roles are settled before the association begins, and not after.
func TestSettings(t *testing.T) {
	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	a, err := New(Config{Rand: zeros{}})
	require.NoError(t, err)
	require.NoError(t, a.SetRemotePort(6000))
	require.NoError(t, a.SetClient(now, true))
	a.SetRTT(40 * time.Millisecond)
	a.Connect(now)
	b, ok := a.AppendPacket(now, nil)
	require.True(t, ok, "an INIT")
	require.Equal(t, uint16(6000), binary.BigEndian.Uint16(b[2:]), "destination port")
	require.Equal(t, now.Add(200*time.Millisecond), a.Deadline(), "the INIT is repeated after the minimum, with a short RTT")

	require.NoError(t, a.SetRemotePort(6000), "no change")
	require.NoError(t, a.SetClient(now, true), "no change")
	require.ErrorIs(t, a.SetRemotePort(0), ErrStarted, "the default port is another")
	require.ErrorIs(t, a.SetClient(now, false), ErrStarted)
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
