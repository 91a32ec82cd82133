// Package rtp reads and writes RTP and RTCP (RFC 3550): packet headers with one- and
// two-byte header extensions (RFC 8285), the typed extensions that WebRTC uses, and RTCP
// packets with the feedback messages of RFC 4585, RFC 5104, RFC 3611 and transport-wide
// congestion control.
//
// Everything that is parsed is a view: byte slices in the results are parts of the packet
// and live as long as it does. Parsing and appending allocate nothing. Malformed packets
// give one of the package's errors; which one is for logs, as the answer to all of them is
// to drop the packet.
package rtp
