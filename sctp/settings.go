package sctp

import "time"

// What is in Config, but may be known only after [New], because a description of the
// peer or a path to it comes later.

// SetClient says whether this side is the DTLS client (Config.Client). It must
// be called before Connect; after that it fails with ErrStarted, unless it
// changes nothing.
func (a *Association) SetClient(now time.Time, client bool) error {
	a.advance(now)
	if a.started && client != a.cfg.Client {
		return ErrStarted
	}
	a.cfg.Client = client
	return nil
}

// SetRemotePort sets Config.RemotePort. It must be called before Connect; after that
// it fails with ErrStarted, unless it changes nothing.
func (a *Association) SetRemotePort(port uint16) error {
	orDefault(&port, defaultPort)
	if a.started && port != a.cfg.RemotePort {
		return ErrStarted
	}
	a.cfg.RemotePort = port
	return nil
}

// SetRemoteMaxMessageSize sets Config.RemoteMaxMessageSize. Zero means that
// the peer said nothing, hence 65536; negative that there is no limit.
func (a *Association) SetRemoteMaxMessageSize(n int) {
	orDefault(&n, defaultRemoteMessageSize)
	a.cfg.RemoteMaxMessageSize = n
}

// SetRTT sets Config.RTT. It is ignored when it is not positive, and once the
// association has measured the round-trip time itself.
func (a *Association) SetRTT(rtt time.Duration) {
	if rtt <= 0 || a.rtt.srtt != 0 {
		return
	}
	a.cfg.RTT = rtt
	a.rtt.init(rtt, &a.cfg)
}
