package netns

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNamespace(t *testing.T) {
	n, err := New()
	require.NoError(t, err)
	defer n.Close()

	var conn *net.UDPConn
	require.NoError(t, n.Do(func() (err error) {
		conn, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(n.V4, 0)))
		return err
	}))
	defer conn.Close()

	outside, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(n.V4, 0)))
	if err == nil {
		outside.Close()
		t.Fatalf("%v can be bound outside of the namespace", n.V4)
	}

	require.NoError(t, n.Do(func() error {
		from, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(n.V4, 0)))
		if err != nil {
			return err
		}
		defer from.Close()
		_, err = from.WriteToUDPAddrPort([]byte("hello"), conn.LocalAddr().(*net.UDPAddr).AddrPort())
		return err
	}))
	buf := make([]byte, 16)
	size, err := conn.Read(buf)
	require.NoError(t, err)
	require.Equal(t, "hello", string(buf[:size]))

	require.NoError(t, n.Close())
	_, err = os.Stat(filepath.Join("/run/netns", n.Name))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestNeighbour(t *testing.T) {
	n := ForTest(t)
	m := n.NeighbourForTest(t)
	for _, v6 := range []bool{false, true} {
		to, from := n.V4, m.V4
		if v6 {
			to, from = n.V6, m.V6
		}
		var here, there *net.UDPConn
		require.NoError(t, n.Do(func() (err error) {
			here, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, 0)))
			return err
		}))
		defer here.Close()
		require.NoError(t, m.Do(func() (err error) {
			there, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(from, 0)))
			return err
		}))
		defer there.Close()
		_, err := there.WriteToUDPAddrPort([]byte("hello"), here.LocalAddr().(*net.UDPAddr).AddrPort())
		require.NoError(t, err)
		buf := make([]byte, 16)
		size, sender, err := here.ReadFromUDPAddrPort(buf)
		require.NoError(t, err)
		require.Equal(t, "hello", string(buf[:size]))
		require.Equal(t, from, sender.Addr().Unmap())
	}
}
