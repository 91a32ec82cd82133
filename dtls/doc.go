// Package dtls implements DTLS 1.3 (RFC 9147) and DTLS 1.2 (RFC 6347) as WebRTC
// uses them: both roles, mutual authentication by certificate fingerprint,
// ephemeral key exchange with AES-GCM, and the use_srtp extension.
//
// A [Conn] is a state machine without input or output of its own. It owns no
// socket, reads no clock and starts no goroutine. The caller
//
//  1. gives it each datagram of the peer with [Conn.HandlePacket],
//  2. calls [Conn.AppendPacket] until it reports false, and sends what it
//     returns,
//  3. calls [Conn.NextEvent] until it reports false,
//  4. calls [Conn.HandleTimeout] when the time of [Conn.Deadline] has come.
//
// These calls may be made in any order and any number of times. A late or a
// needless call of HandleTimeout is harmless. The first argument of a method
// named now is the current time; time that runs backwards stands still.
//
// Application data is sealed with [Conn.AppendData] and arrives as
// [EventData].
//
// # What is trusted
//
// A peer is who it says it is when the SHA-2 fingerprint of its certificate is
// one of Config.Fingerprints, or when Config.VerifyPeerCertificate says so.
// One of them must be given; with both, both must agree. Names, dates and issuers in
// certificates are not looked at (RFC 8122, RFC 8827).
//
// Only datagrams from an address that ICE has validated should be passed to
// HandlePacket. Records that cannot be decoded or decrypted are counted and
// dropped. A handshake message that is well framed but illegal ends the
// connection with the alert the RFC asks for, which the last AppendPacket
// returns. An alert that is not protected by keys ends the connection only as
// long as there are no keys.
//
// # What is left out
//
// Pre-shared keys, resumption, tickets, early data, renegotiation, compression,
// connection ids, CBC and NULL suites, and static key exchange do not exist
// in this package.
//
// # Determinism
//
// The same calls with the same Config.Rand give the same bytes, with one
// exception: a server that negotiates X25519MLKEM768 uses ML-KEM encapsulation,
// which the standard library offers only with its own randomness. Set
// Config.Groups to leave the hybrid out where a transcript has to repeat.
package dtls
