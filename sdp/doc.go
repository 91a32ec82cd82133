// Package sdp reads and writes the session descriptions of WebRTC, and works
// out what an offer and an answer agree on.
//
// [Parse] turns text into a [Session] of typed [Media] sections, in which every
// attribute that may stand at session or at media level has been resolved into
// the section. [Session.String] writes it back, always in the same order.
//
// Negotiation is a set of pure functions on these values; nothing is kept
// between calls, so a description that is not applied leaves no trace. What two
// descriptions settled is an [Agreement], and the next round starts from it:
//
//	offer, err := sdp.NewOffer(params, agreed, want)        // we offer
//	next, err := sdp.Agree(agreed, offer, answer, true)     // and read the answer
//
//	answer, err := sdp.NewAnswer(params, agreed, offer, accept) // the peer offers
//	next, err := sdp.Agree(agreed, offer, answer, false)
//
// What a section of audio or video can be is a [Capabilities] value, which makes the
// contents of a section to offer or of the answer to an offered one; [AgreeMedia]
// reads from the two sections what may be sent and received.
//
// One transport carries a session: all accepted sections are bundled
// (RFC 9143), with RTP and RTCP on one port (RFC 5761). What does not fit is
// rejected section by section.
//
// The grammar below this layer is that of github.com/pion/sdp/v3. Candidates
// are plain text here; package ice reads them.
package sdp
