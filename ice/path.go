package ice

import "net/netip"

// A Transport is the protocol that carries a candidate's packets.
type Transport uint8

const (
	UDP Transport = iota
	TCP           // RFC 6544, framed by RFC 4571 outside of this package
)

// String returns the name used in candidate lines, in lower case.
func (t Transport) String() string {
	if t == TCP {
		return "tcp"
	}
	return "udp"
}

// A Path is where a packet travels: it names a socket (or a TCP connection) of
// ours and the peer's address. Paths are comparable. Addresses are never
// IPv4-mapped IPv6 ones: those are unmapped on entry.
type Path struct {
	Transport Transport
	Local     netip.AddrPort // the base of the local candidate
	Remote    netip.AddrPort
}

// String returns the path for people to read: "udp 192.0.2.1:5000 → 198.51.100.2:6000".
func (p Path) String() string {
	return p.Transport.String() + " " + p.Local.String() + " → " + p.Remote.String()
}

func (p Path) unmap() Path {
	p.Local = unmap(p.Local)
	p.Remote = unmap(p.Remote)
	return p
}

// unmap turns ::ffff:192.0.2.1, as dual-stack sockets report it, into 192.0.2.1.
func unmap(a netip.AddrPort) netip.AddrPort {
	if a.Addr().Is4In6() {
		return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
	}
	return a
}
