// Package matroska writes Matroska and WebM files for package recorder. The format of the bytes is the business of
// ebml-go: it is kept up, depends on nothing, and knows all that is needed here, which is VP8, VP9, AV1 and H.264 with
// Opus in one container, an index in front, and files that can be played while they grow. (MP4 could be written
// with mediacommon, but has no VP8.)
//
// A file whose end was never written, because the program was killed, plays up to there: it has no duration then, and no
// index.
package matroska

import (
	"fmt"
	"io"

	"github.com/at-wat/ebml-go/mkvcore"
	"github.com/at-wat/ebml-go/webm"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/examples/record/recorder"
	"github.com/sansrtc/rtc/rtp/codec"
)

// A File is what is written to. An os.File is one.
type File interface {
	io.Writer
	io.WriterAt // for the duration and the index, which go to the front at the end
	io.Closer
}

const (
	// indexSize is reserved for the index, in bytes: enough for two hours with a key frame every ten seconds, and for
	// longer with larger steps.
	indexSize = 16 << 10

	// A cluster is what players jump to. It begins with a key frame of the first track if it can.
	minCluster = 1_000 // milliseconds
	maxCluster = 30_000
)

// Extension returns the extension of the name of a file with these tracks: ".webm" if a web page may play it, and else
// ".mkv".
func Extension(tracks []recorder.Track) string {
	for _, t := range tracks {
		if t.Codec == codec.H264 {
			return ".mkv"
		}
	}
	return ".webm"
}

// muxer writes one file. Ebml-go does so in a goroutine of its own.
type muxer struct {
	out    *output
	tracks []mkvcore.BlockWriteCloser
}

// New writes the beginning of a file, which the muxer closes at the end. If New fails, it stays open.
func New(f File, tracks []recorder.Track) (recorder.Muxer, error) {
	header := *webm.DefaultEBMLHeader
	if Extension(tracks) == ".mkv" {
		header.DocType = "matroska"
	}
	var entries []mkvcore.TrackDescription
	for i, t := range tracks {
		e, err := entry(uint64(i+1), t)
		if err != nil {
			return nil, err
		}
		entries = append(entries, mkvcore.TrackDescription{TrackNumber: e.TrackNumber, TrackEntry: e})
	}
	m := &muxer{out: &output{file: f}}
	var err error
	m.tracks, err = mkvcore.NewSimpleBlockWriter(m.out, entries,
		mkvcore.WithEBMLHeader(&header),
		mkvcore.WithSegmentInfo(&info{TimecodeScale: 1e6, MuxingApp: "ebml-go", WritingApp: "sansrtc record"}),
		mkvcore.WithSeekHead(true),
		mkvcore.WithCues(indexSize),
		mkvcore.WithMinMaxClusterDuration(1, minCluster, maxCluster),
		mkvcore.WithOnFatalHandler(m.out.fail), // it would panic
		mkvcore.WithOnErrorHandler(m.out.fail),
	)
	if err != nil {
		return nil, err
	}
	return m, nil
}

// info is the description of the whole. The library sets a duration that stands for one until the end; what
// players understand is none, which is zero.
type info struct {
	TimecodeScale uint64 // nanoseconds in a unit of time
	MuxingApp     string
	WritingApp    string
	Duration      float64
}

// SetDuration is called by the library.
func (*info) SetDuration(float64) {}

// WriteBlock writes a frame. A failure may come out with a later one, or with Close.
func (m *muxer) WriteBlock(b recorder.Block) error {
	if err := m.out.failed(); err != nil {
		return err
	}
	_, err := m.tracks[b.Track].Write(b.KeyFrame, b.Time.Milliseconds(), b.Data)
	return err
}

// Close writes index and duration, and closes the file.
func (m *muxer) Close() error {
	for _, t := range m.tracks {
		t.Close() // never fails
	}
	return m.out.failed()
}

// entry describes a track.
func entry(number uint64, t recorder.Track) (webm.TrackEntry, error) {
	ids := map[codec.Format]string{
		codec.VP8: "V_VP8", codec.VP9: "V_VP9", codec.AV1: "V_AV1", codec.H264: "V_MPEG4/ISO/AVC", codec.Opus: "A_OPUS",
	}
	const video, audio = 1, 2
	e := webm.TrackEntry{
		TrackNumber: number, TrackUID: number, CodecID: ids[t.Codec], CodecPrivate: t.Private,
		CodecDelay: uint64(t.Delay), SeekPreRoll: uint64(t.PreRoll), TrackType: video,
	}
	if e.CodecID == "" {
		return e, fmt.Errorf("matroska: no name for %v", t.Codec)
	}
	if t.Kind == rtc.Audio {
		e.TrackType = audio
		e.Audio = &webm.Audio{SamplingFrequency: float64(t.SampleRate), Channels: uint64(t.Channels)}
	} else {
		e.Video = &webm.Video{PixelWidth: uint64(t.Width), PixelHeight: uint64(t.Height)}
	}
	return e, nil
}
