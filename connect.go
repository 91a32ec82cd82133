package rtc

import (
	"fmt"
	"log/slog"

	"github.com/sansrtc/rtc/dtls"
	"github.com/sansrtc/rtc/ice"
	"github.com/sansrtc/rtc/sctp"
)

// maxRecordOverhead is what DTLS 1.2, the wordier version, adds to a packet: header 13,
// explicit nonce 8, tag 16.
const maxRecordOverhead = 37

// srtpProfiles are offered and accepted in every session, best first, although without
// media nothing uses them: pion/webrtc refuses a client that does not offer any.
var srtpProfiles = []dtls.SRTPProfile{
	dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80,
}

// startDTLS makes the connection to the peer that the description names.
func (r *Rtc) startDTLS() error {
	conn, err := dtls.NewConn(r.now, dtls.Config{
		Rand:                  r.cfg.Rand,
		Client:                r.negotiation.dtlsClient,
		Certificate:           r.cfg.Certificate,
		Fingerprints:          r.negotiation.fingerprints,
		VerifyPeerCertificate: r.cfg.VerifyPeerCertificate,
		MinVersion:            r.cfg.MinDTLSVersion,
		MaxVersion:            r.cfg.MaxDTLSVersion,
		Groups:                r.cfg.Groups,
		SRTPProfiles:          srtpProfiles,
		MTU:                   r.cfg.MTU,
		KeyLogWriter:          r.cfg.KeyLogWriter,
		RTT:                   r.agent.RTT(),
		HandshakeTimeout:      r.cfg.HandshakeTimeout,
	})
	if err != nil {
		return err
	}
	r.conn = conn
	return nil
}

// pumpDTLS applies what the connection has to tell. Path is where the last datagram
// came from.
func (r *Rtc) pumpDTLS(path ice.Path) {
	for {
		ev, ok := r.conn.NextEvent()
		if !ok {
			return
		}
		switch ev.Kind {
		case dtls.EventHandshakeDone:
			r.connected()
		case dtls.EventData:
			r.agent.NoteData(r.now, path)
			if r.assoc != nil {
				r.assoc.HandlePacket(r.now, ev.Data)
			} else {
				r.dropped.NoChannels++
			}
		case dtls.EventClosed:
			r.end(ev.Err)
			return
		}
	}
}

// connected is told once, when the peer has proved who it is.
func (r *Rtc) connected() {
	state := r.conn.State()
	r.trace(slog.LevelInfo, "connected",
		slog.String("version", state.Version.String()), slog.String("group", state.Group.String()))
	r.held.clear()
	r.connectedOwed = true
	if err := r.protectMedia(); err != nil {
		r.end(err)
		return
	}
	r.releaseMedia()
	r.startSCTP()
}

// startSCTP begins the association as soon as both the keys and an agreement to have
// one exist. Both sides begin it, and neither waits for the other.
func (r *Rtc) startSCTP() {
	if !r.negotiation.dataAgreed || r.conn == nil || !r.conn.State().HandshakeDone {
		return
	}
	r.assoc.SetRTT(r.agent.RTT())
	r.assoc.Connect(r.now)
}

// settleChannels ends a session without media whose association is over: nothing is left
// that it could do. Some peers say goodbye in SCTP only.
func (r *Rtc) settleChannels() {
	if r.ending || r.assoc == nil || len(r.media) > 0 {
		return
	}
	if done, err := r.assoc.Done(); done {
		r.end(err)
	}
}

// association returns the SCTP association, made when first needed: a session
// without data channels does not pay for one.
func (r *Rtc) association() (*sctp.Association, error) {
	if r.assoc != nil {
		return r.assoc, nil
	}
	a, err := sctp.New(sctp.Config{
		Rand:           r.cfg.Rand,
		MTU:            r.cfg.MTU - maxRecordOverhead,
		MaxMessageSize: r.cfg.MaxMessageSize,
		SendBuffer:     r.cfg.SendBuffer,
		ReceiveBuffer:  r.cfg.ReceiveBuffer,
		MaxChannels:    r.cfg.MaxChannels,
		// Whether the peer is still there is for ICE consent to say.
		MaxRetransmits:    -1,
		HeartbeatInterval: -1,
	})
	if err != nil {
		return nil, fmt.Errorf("rtc: %w", err)
	}
	r.assoc = a
	return a, nil
}

// appendSCTP appends the next SCTP packet owed, sealed in a DTLS record.
func (r *Rtc) appendSCTP(dst []byte) ([]byte, bool) {
	if r.assoc == nil {
		return dst, false
	}
	plain, ok := r.assoc.AppendPacket(r.now, r.plain[:0])
	if !ok {
		return dst, false
	}
	r.plain = plain
	out, err := r.conn.AppendData(r.now, dst, plain)
	if err != nil {
		// Only a connection that has ended refuses, and then the session ends too.
		return dst, false
	}
	return out, true
}
