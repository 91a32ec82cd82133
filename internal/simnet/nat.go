package simnet

import (
	"fmt"
	"net/netip"
	"time"
)

// Behavior is how much of the remote address a NAT looks at, for its mapping
// and for its filtering.
// https://www.rfc-editor.org/rfc/rfc4787#section-4.1
// https://www.rfc-editor.org/rfc/rfc4787#section-5
type Behavior uint8

const (
	EndpointIndependent Behavior = iota
	AddressDependent
	AddressAndPortDependent
)

// part reduces a remote address to what the behaviour distinguishes.
func (b Behavior) part(remote netip.AddrPort) netip.AddrPort {
	switch b {
	case AddressDependent:
		return netip.AddrPortFrom(remote.Addr(), 0)
	case AddressAndPortDependent:
		return remote
	default:
		return netip.AddrPort{}
	}
}

// NATConfig describes a NAT. The zero behaviours are a "full cone";
// AddressAndPortDependent for both is a "symmetric" NAT.
type NATConfig struct {
	External  netip.Addr
	Mapping   Behavior
	Filtering Behavior
	Lifetime  time.Duration // of an unused mapping; 0 means 2 minutes
	Outer     *NAT          // the NAT this one is behind, if any
}

// A NAT translates between the hosts attached behind it and the network
// outside. Hosts behind the same NAT reach one another directly, and by their
// external addresses too ("hairpinning").
type NAT struct {
	cfg      NATConfig
	outer    *NAT
	nextPort uint16
	byInner  map[natKey]*mapping
	byPort   map[uint16]*mapping
}

type natKey struct {
	inner  netip.AddrPort
	remote netip.AddrPort // as far as Mapping distinguishes it
}

type mapping struct {
	key    natKey
	port   uint16
	used   time.Time                    // last sent outwards
	passes map[netip.AddrPort]time.Time // remote parts that may send inwards
}

// NAT adds a NAT to the network.
func (n *Net) NAT(cfg NATConfig) *NAT {
	if cfg.Lifetime == 0 {
		cfg.Lifetime = 2 * time.Minute
	}
	nat := &NAT{
		cfg: cfg, outer: cfg.Outer, nextPort: 40000,
		byInner: map[natKey]*mapping{}, byPort: map[uint16]*mapping{},
	}
	n.nats = append(n.nats, nat)
	return nat
}

// Map returns the external address under which remote would see datagrams from
// inner, as if one had been sent.
func (t *NAT) Map(now time.Time, inner, remote netip.AddrPort) netip.AddrPort {
	return t.outbound(now, inner, remote)
}

// Rebind forgets all mappings, as a NAT does that was switched off and on.
func (t *NAT) Rebind() {
	clear(t.byInner)
	clear(t.byPort)
}

// outbound returns the external address for a datagram from inside.
//
// "The NAT mapping Refresh Direction MUST have a 'NAT Outbound refresh
// behavior' of 'True'."
// https://www.rfc-editor.org/rfc/rfc4787#section-4.3
func (t *NAT) outbound(now time.Time, inner, remote netip.AddrPort) netip.AddrPort {
	key := natKey{inner, t.cfg.Mapping.part(remote)}
	m := t.byInner[key]
	if m == nil || now.Sub(m.used) > t.cfg.Lifetime {
		if m != nil {
			delete(t.byPort, m.port)
		}
		if t.nextPort == 0 {
			panic(fmt.Sprintf("simnet: NAT %v has used up its ports", t.cfg.External))
		}
		m = &mapping{key: key, port: t.nextPort, passes: map[netip.AddrPort]time.Time{}}
		t.nextPort++
		t.byInner[key], t.byPort[m.port] = m, m
	}
	m.used = now
	m.passes[t.cfg.Filtering.part(remote)] = now
	return netip.AddrPortFrom(t.cfg.External, m.port)
}

// inbound returns the inner address for a datagram from outside, if it may pass.
func (t *NAT) inbound(now time.Time, remote, external netip.AddrPort) (netip.AddrPort, bool) {
	m := t.byPort[external.Port()]
	if m == nil || now.Sub(m.used) > t.cfg.Lifetime {
		return netip.AddrPort{}, false
	}
	at, ok := m.passes[t.cfg.Filtering.part(remote)]
	if !ok || now.Sub(at) > t.cfg.Lifetime {
		return netip.AddrPort{}, false
	}
	return m.key.inner, true
}

// behind returns an interface inside the NAT, whose link stands for the way to
// it. The mapping decides on arrival who receives.
func (t *NAT) behind(n *Net) *iface {
	for _, h := range n.hosts {
		for _, f := range h.ifaces {
			for nat := f.nat; nat != nil; nat = nat.outer {
				if nat == t {
					return f
				}
			}
		}
	}
	return nil
}
