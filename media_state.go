package rtc

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/sansrtc/rtc/rtp"
	"github.com/sansrtc/rtc/srtp"
)

// maxUnread is how many packets wait for the application. Two hundred milliseconds of
// a fast video are less.
const maxUnread = 512

const cnameSize = 16

// mediaState is what a session keeps of audio and video. It is empty without.
type mediaState struct {
	protection srtp.Protection        // nil until DTLS is done
	payloads   srtp.PayloadProtection // the same, if it is one
	usual      target                 // of WriteRTP
	turns      turns                  // at sending
	departures rtp.DepartureHistory
	packets    packetQueue
	lastSource struct {
		ssrc uint32
		source
	}
	extensions  extensionIDs
	arrivals    rtp.TransportCCRecorder
	feedbackDue rtp.FeedbackSchedule

	media     []*media
	lastMedia MediaID // the last id given
	cname     string
	ownSSRC   uint32 // of reports, in a session that sends nothing

	early       []heldDatagram // waits for protection
	reducedSize bool           // the peer takes reduced-size RTCP

	sources     map[uint32]source // of the peer, by SSRC
	reportAt    time.Time
	reportsOwed bool // of streams that say so
	references  referenceTimes
	byes        []uint32 // sources that have ended, not told yet
	endsOwed    bool     // StreamEnded, of streams that say so

	mediaEvents []Event // one for each section of a description, at most
	frameEvent  FrameReceived

	// Scratch memory.
	inbound  []byte
	feedback []byte
	blocks   rtp.ReportBlocks
	answers  rtp.DLRRs
	lost     []uint16
}

// init is called for the first section: a session without media draws nothing for it.
func (s *mediaState) init(rand io.Reader) error {
	if s.cname != "" {
		return nil
	}
	var b [16]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return fmt.Errorf("rtc: reading Config.Rand: %w", err)
	}
	// A name that tells nothing and links no sessions (RFC 7022 section 4.2): cnameSize bytes.
	s.cname = base64.StdEncoding.EncodeToString(b[:12])
	s.ownSSRC = binary.BigEndian.Uint32(b[12:]) | 1
	s.sources = make(map[uint32]source)
	s.packets.limit = maxUnread
	return nil
}

// nextMediaEvent returns the next event of audio and video, or nil.
func (r *Rtc) nextMediaEvent() Event {
	if len(r.mediaEvents) > 0 {
		ev := r.mediaEvents[0]
		if r.mediaEvents = r.mediaEvents[1:]; len(r.mediaEvents) == 0 {
			r.mediaEvents = nil
		}
		return ev
	}
	if ev := r.nextPacket(); ev != nil {
		return ev
	}
	if ev := r.nextFrame(); ev != nil {
		return ev
	}
	if ev := r.nextStreamEnd(); ev != nil {
		return ev
	}
	return r.nextKeyFrameRequest()
}

// pollMedia is PollOutput while the layers below media have nothing to do.
func (r *Rtc) pollMedia(out *Output) {
	var ev Event
	if !r.rest.media {
		ev = r.nextMediaEvent()
	} else if r.packets.count > 0 {
		ev = r.nextPacket()
	}
	if ev != nil {
		out.Kind, out.Event = OutputEvent, ev
		return
	}
	var b []byte
	ok := false
	switch {
	case !r.rest.open:
	case !r.rest.media:
		b, ok = r.appendMedia(r.out[:0])
	case r.turns.some():
		b, ok = r.appendRTP(r.out[:0])
	}
	if ok {
		out.Kind = OutputTransmit
		r.transmit(&out.Transmit, &r.rest.path, b)
		return
	}
	if !r.rest.media {
		r.noteRest()
	}
	out.Deadline = r.rest.until
}

// appendMedia appends the next RTCP or RTP datagram owed.
func (r *Rtc) appendMedia(dst []byte) ([]byte, bool) {
	if out, ok := r.appendRTCP(dst); ok {
		return out, true
	}
	return r.appendRTP(dst)
}
