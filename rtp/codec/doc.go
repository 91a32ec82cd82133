// Package codec splits encoded frames into RTP payloads and puts payloads together again,
// by the payload format of each codec: VP8 (RFC 7741), VP9 (RFC 9628), H.264 (RFC 6184),
// H.265 (RFC 7798), AV1 (RTP Payload Format For AV1, version 1.0.0), Opus (RFC 7587), and
// PCMU, PCMA and G.722 (RFC 3551). RED, comfort noise and telephone events pass through:
// their frame is the payload.
//
// It encodes and decodes no media. A frame is, on both sides:
//
//   - VP8: one frame as the encoder made it;
//   - VP9: one picture; pictures of several spatial layers come with a superframe index;
//   - H.264 and H.265: one access unit in the byte stream format of Annex B, with start
//     codes; a frame at which decoding can start has its parameter sets in front;
//   - AV1: one temporal unit of OBUs that have size fields, without temporal delimiters;
//   - audio: one packet.
//
// A [Depacketizer] is fed with the packets of one stream in the order of their sequence
// numbers, with a mark where some are missing, and yields frames that can be decoded: after
// a loss it passes over frames until decoding can go on. A [Packetizer] is given a frame and
// yields payloads. A [Format] answers questions about single payloads, for those that
// forward packets without putting frames together.
//
// Lengths in a payload are never believed, and frames are limited in bytes and packets.
// Nothing allocates once buffers have grown to the size of the stream's frames. Packetizers
// and depacketizers are not safe for concurrent use.
package codec
