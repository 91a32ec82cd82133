package matroska

import (
	"bytes"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/at-wat/ebml-go"
	"github.com/at-wat/ebml-go/webm"
	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/examples/record/recorder"
	"github.com/sansrtc/rtc/rtp/codec"
)

// A memory is a file that holds so many bytes, or any number if limit is zero.
type memory struct {
	mu     sync.Mutex
	data   []byte
	limit  int
	closed int
}

var errFull = errors.New("no space left")

func (m *memory) Write(b []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.limit > 0 && len(m.data)+len(b) > m.limit {
		return 0, errFull
	}
	m.data = append(m.data, b...)
	return len(b), nil
}

func (m *memory) WriteAt(b []byte, at int64) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return copy(m.data[at:at+int64(len(b))], b), nil
}

func (m *memory) Close() error {
	m.closed++
	return nil
}

// read parses the file.
func (m *memory) read(t *testing.T) (doc document) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	require.NoError(t, ebml.Unmarshal(bytes.NewReader(m.data), &doc))
	return doc
}

type document struct {
	EBML    webm.EBMLHeader    `ebml:"EBML"`
	Segment webm.SegmentStream `ebml:"Segment,size=unknown"`
}

var (
	vp8  = recorder.Track{Kind: rtc.Video, Codec: codec.VP8, Width: 320, Height: 180}
	h264 = recorder.Track{Kind: rtc.Video, Codec: codec.H264, Width: 640, Height: 360, Private: []byte{1, 2, 3}}
	opus = recorder.Track{
		Kind: rtc.Audio, Codec: codec.Opus, SampleRate: 48000, Channels: 2, Private: []byte("OpusHead"),
		Delay: 6500 * time.Microsecond, PreRoll: 80 * time.Millisecond,
	}
)

// write writes so many seconds, with a key frame every ten.
func write(t *testing.T, m recorder.Muxer, seconds int) {
	t.Helper()
	for n := range seconds * 25 {
		at := time.Duration(n) * 40 * time.Millisecond
		require.NoError(t, m.WriteBlock(recorder.Block{Track: 0, Time: at, KeyFrame: n%250 == 0, Data: []byte{1, byte(n)}}))
		require.NoError(t, m.WriteBlock(recorder.Block{Track: 1, Time: at, KeyFrame: true, Data: []byte{2, byte(n)}}))
	}
}

func TestMuxer(t *testing.T) {
	for _, test := range []struct {
		video        recorder.Track
		doc, id, ext string
		private      []byte
	}{
		{vp8, "webm", "V_VP8", ".webm", nil},
		{recorder.Track{Kind: rtc.Video, Codec: codec.VP9, Width: 320, Height: 180}, "webm", "V_VP9", ".webm", nil},
		{recorder.Track{Kind: rtc.Video, Codec: codec.AV1, Width: 320, Height: 180, Private: []byte{4}}, "webm", "V_AV1", ".webm", []byte{4}},
		{h264, "matroska", "V_MPEG4/ISO/AVC", ".mkv", []byte{1, 2, 3}},
	} {
		var file memory
		tracks := []recorder.Track{test.video, opus}
		require.Equal(t, test.ext, Extension(tracks))
		m, err := New(&file, tracks)
		require.NoError(t, err)
		write(t, m, 35)
		require.NoError(t, m.Close())
		require.Equal(t, 1, file.closed)

		doc := file.read(t)
		require.Equal(t, test.doc, doc.EBML.DocType)
		require.Equal(t, 34960.0, doc.Segment.Info.Duration)
		video, audio := doc.Segment.Tracks.TrackEntry[0], doc.Segment.Tracks.TrackEntry[1]
		require.Equal(t, webm.TrackEntry{
			TrackNumber: 1, TrackUID: 1, TrackType: 1, CodecID: test.id, CodecPrivate: test.private,
			Video: &webm.Video{PixelWidth: uint64(test.video.Width), PixelHeight: uint64(test.video.Height)},
		}, video)
		require.Equal(t, webm.TrackEntry{
			TrackNumber: 2, TrackUID: 2, TrackType: 2, CodecID: "A_OPUS", CodecPrivate: []byte("OpusHead"),
			CodecDelay: 6_500_000, SeekPreRoll: 80_000_000, Audio: &webm.Audio{SamplingFrequency: 48000, Channels: 2},
		}, audio)

		n := 0
		for i, c := range doc.Segment.Cluster {
			if len(c.SimpleBlock) > 0 {
				require.EqualValues(t, i*10_000, c.Timecode, "a cluster begins with a key frame")
				require.True(t, c.SimpleBlock[0].Keyframe)
			}
			for _, b := range c.SimpleBlock {
				require.Equal(t, [][]byte{{byte(n%2 + 1), byte(n / 2)}}, b.Data)
				require.EqualValues(t, n%2+1, b.TrackNumber)
				require.EqualValues(t, n/2*40, int(c.Timecode)+int(b.Timecode))
				n++
			}
		}
		require.Equal(t, 2*35*25, n)
	}
}

// The index says where the clusters are, and the head where the index is.
func TestIndex(t *testing.T) {
	var file memory
	m, err := New(&file, []recorder.Track{vp8, opus})
	require.NoError(t, err)
	write(t, m, 35)
	require.NoError(t, m.Close())
	var indexed struct {
		EBML    webm.EBMLHeader `ebml:"EBML"`
		Segment struct {
			SeekHead webm.SeekHead  `ebml:"SeekHead"`
			Info     webm.Info      `ebml:"Info"`
			Tracks   webm.Tracks    `ebml:"Tracks"`
			Cues     webm.Cues      `ebml:"Cues"`
			Cluster  []webm.Cluster `ebml:"Cluster,size=unknown"`
		} `ebml:"Segment,size=unknown"`
	}
	require.NoError(t, ebml.Unmarshal(bytes.NewReader(file.data), &indexed))
	segment := file.data[bytes.Index(file.data, []byte{0x18, 0x53, 0x80, 0x67})+12:]
	at := func(position uint64, id ...byte) {
		t.Helper()
		require.Equal(t, id, segment[position:position+uint64(len(id))])
	}
	for i, id := range [][]byte{{0x15, 0x49, 0xa9, 0x66}, {0x16, 0x54, 0xae, 0x6b}, {0x1c, 0x53, 0xbb, 0x6b}} {
		require.Equal(t, id, indexed.Segment.SeekHead.Seek[i].SeekID)
		at(indexed.Segment.SeekHead.Seek[i].SeekPosition, id...)
	}
	require.Len(t, indexed.Segment.Cues.CuePoint, 4)
	for i, cue := range indexed.Segment.Cues.CuePoint {
		require.EqualValues(t, i*10_000, cue.CueTime)
		require.EqualValues(t, 1, cue.CueTrackPositions[0].CueTrack)
		at(cue.CueTrackPositions[0].CueClusterPosition, 0x1f, 0x43, 0xb6, 0x75)
	}
}

// A file that was never ended says that it has no duration, and has all that was written.
func TestUnfinished(t *testing.T) {
	var file memory
	m, err := New(&file, []recorder.Track{vp8, opus})
	require.NoError(t, err)
	write(t, m, 5)
	doc := file.read(t)
	require.Zero(t, doc.Segment.Info.Duration)
	n := 0
	for _, c := range doc.Segment.Cluster {
		n += len(c.SimpleBlock)
	}
	require.GreaterOrEqual(t, n, 2*5*25-1)
	require.NoError(t, m.Close())
}

// Clusters of sound alone, and of pictures without key frames, do not grow for ever: the time in a block has 16 bits.
func TestClusters(t *testing.T) {
	for _, kind := range []string{"sound", "pictures"} {
		var file memory
		tracks := []recorder.Track{opus}
		if kind == "pictures" {
			tracks = []recorder.Track{vp8}
		}
		m, err := New(&file, tracks)
		require.NoError(t, err)
		const seconds = 200
		for n := range seconds * 10 {
			at := time.Duration(n) * 100 * time.Millisecond
			require.NoError(t, m.WriteBlock(recorder.Block{Time: at, KeyFrame: n == 0 || kind == "sound", Data: []byte{1}}))
		}
		require.NoError(t, m.Close())
		doc := file.read(t)
		n := 0
		for _, c := range doc.Segment.Cluster {
			for _, b := range c.SimpleBlock {
				require.EqualValues(t, n*100, int(c.Timecode)+int(b.Timecode))
				n++
			}
		}
		require.Equal(t, seconds*10, n)
		require.Greater(t, len(doc.Segment.Cluster), seconds/31)
	}
}

// A disk that is full makes an error, and nothing waits for ever.
func TestFull(t *testing.T) {
	for _, limit := range []int{1, 100, indexSize + 1000} {
		file := memory{limit: limit}
		m, err := New(&file, []recorder.Track{vp8, opus})
		require.NoError(t, err)
		for n := 0; err == nil; n++ {
			require.Less(t, n, 1000)
			err = m.WriteBlock(recorder.Block{Time: time.Duration(n) * time.Millisecond, KeyFrame: true, Data: make([]byte, 100)})
		}
		require.ErrorIs(t, err, errFull)
		require.ErrorIs(t, m.Close(), errFull)
		require.Equal(t, 1, file.closed)
	}
}

func TestUnknownCodec(t *testing.T) {
	_, err := New(&memory{}, []recorder.Track{{Kind: rtc.Audio, Codec: codec.PCMU}})
	require.ErrorContains(t, err, "PCMU")
}
