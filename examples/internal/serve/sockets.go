package serve

import (
	"errors"
	"net"
	"net/netip"
)

// socket is a UDP socket and the address it is bound to.
type socket struct {
	local netip.AddrPort
	conn  *net.UDPConn
}

// maxSockets is how many addresses are told to a browser.
const maxSockets = 16

// listenUDP opens the socket that all sessions share. A machine with several
// addresses gets one socket for each, since an ICE agent must know at which address a
// datagram arrived, and must answer from there.
func listenUDP(at string) ([]socket, error) {
	host, port, err := net.SplitHostPort(at)
	if err != nil {
		return nil, err
	}
	hosts := []string{host}
	if addr, err := netip.ParseAddr(host); host == "" || err == nil && addr.IsUnspecified() {
		if hosts, err = localHosts(); err != nil {
			return nil, err
		}
	}
	var sockets []socket
	var failed error
	for _, host := range hosts {
		conn, err := net.ListenPacket("udp", net.JoinHostPort(host, port))
		if err != nil {
			// An address may be there and not be usable yet, or no more.
			failed = err
			continue
		}
		udp := conn.(*net.UDPConn)
		// Browsers send in bursts. A kernel that grants less will do.
		udp.SetReadBuffer(4 << 20)
		udp.SetWriteBuffer(4 << 20)
		sockets = append(sockets, socket{unmap(udp.LocalAddr().(*net.UDPAddr).AddrPort()), udp})
	}
	if len(sockets) == 0 {
		return nil, failed
	}
	return sockets, nil
}

// localHosts returns the addresses of this machine that others may reach. A machine
// that has none, being offline, has its loopback addresses.
func localHosts() ([]string, error) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	var global, loopback []string
	for _, a := range addrs {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil {
			continue
		}
		switch addr := prefix.Addr(); {
		case addr.IsLoopback():
			loopback = append(loopback, addr.String())
		case addr.IsGlobalUnicast() && len(global) < maxSockets: // private ones are among them
			global = append(global, addr.String())
		}
	}
	if len(global) == 0 {
		global = loopback
	}
	if len(global) == 0 {
		return nil, errors.New("this machine has no IP address")
	}
	return global, nil
}

// read takes datagrams from a socket to the loop until the socket is closed.
func (l *Loop) read(from socket) {
	for {
		b := <-l.free
		n, remote, err := from.conn.ReadFromUDPAddrPort(b)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			l.free <- b
			continue
		}
		select {
		case l.packets <- packet{from.local, remote, b[:n]}:
		case <-l.done:
			return
		}
	}
}

// unmap turns an IPv4 address in the guise of an IPv6 one into itself.
func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
