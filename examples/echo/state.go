package main

import "time"

// state is the server's view of a session, for the page.
type state struct {
	Age    float64 `json:"age"` // seconds
	ICE    string  `json:"ice"`
	Local  string  `json:"local,omitempty"`
	Remote string  `json:"remote,omitempty"`

	DTLS   string `json:"dtls,omitempty"`
	Role   string `json:"role,omitempty"`
	Group  string `json:"group,omitempty"`
	Cipher string `json:"cipher,omitempty"`
	SRTP   string `json:"srtp,omitempty"` // agreed on, if not used

	RTT              float64 `json:"rtt"` // of SCTP, in milliseconds
	CongestionWindow int     `json:"congestionWindow"`
	Retransmitted    uint64  `json:"retransmitted"` // SCTP chunks
	Messages         uint64  `json:"messages"`      // received
	BytesReceived    uint64  `json:"bytesReceived"`
	BytesSent        uint64  `json:"bytesSent"`
	Dropped          uint64  `json:"dropped"` // datagrams that did not belong
}

func (p *session) state(now time.Time) state {
	stats := p.rtc.Stats()
	v := state{
		Age:              now.Sub(p.since).Seconds(),
		ICE:              p.ice.String(),
		RTT:              float64(stats.SCTP.SRTT.Microseconds()) / 1000,
		CongestionWindow: stats.SCTP.CongestionWindow,
		Retransmitted:    stats.SCTP.ChunksRetransmitted,
		Messages:         stats.SCTP.MessagesReceived,
		BytesReceived:    stats.BytesReceived,
		BytesSent:        stats.BytesSent,
		Dropped:          stats.Dropped.Unknown + stats.Dropped.Unvalidated + stats.Dropped.Held + stats.Dropped.Media,
	}
	if p.path.Remote.IsValid() {
		v.Local, v.Remote = p.path.Local.String(), p.path.Remote.String()
	}
	if p.dtls.HandshakeDone {
		v.DTLS, v.Group, v.Cipher = p.dtls.Version.String(), p.dtls.Group.String(), p.dtls.CipherSuite.String()
		if p.dtls.SRTPProfile != 0 {
			v.SRTP = p.dtls.SRTPProfile.String()
		}
		v.Role = "server"
		if p.dtls.Client {
			v.Role = "client"
		}
	}
	return v
}
