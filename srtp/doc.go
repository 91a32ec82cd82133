// Package srtp protects RTP and RTCP packets: SRTP and SRTCP (RFC 3711) with AES in counter
// mode and HMAC-SHA1, or with AES-GCM (RFC 7714), keyed by DTLS (RFC 5764).
//
// A [Context] protects one direction. A [Session] is a pair of contexts with the keys of
// [KeysFromExporter]. It implements [Protection], the interface behind which a user may put
// another implementation.
//
// Packets are appended to a slice of the caller, which may be the memory of the packet itself.
// Nothing is allocated in the steady state. A packet that is refused, for whatever reason,
// changes no state, however often that happens: drop it and go on.
package srtp
