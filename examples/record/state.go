package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/examples/record/recorder"
	"github.com/sansrtc/rtc/rtp/codec"
)

// state is what the page is told of its recording.
type state struct {
	Error string      `json:"error,omitempty"`
	Files []fileState `json:"files"`
}

type fileState struct {
	Name     string  `json:"name"`
	Tracks   string  `json:"tracks"`
	Size     int64   `json:"size"`    // bytes
	Seconds  float64 `json:"seconds"` // of its length
	Finished bool    `json:"finished"`
	URL      string  `json:"url,omitempty"` // of a finished one
}

func (p *session) state() (string, error) {
	v := state{Files: []fileState{}}
	if err := p.recorder.Err(); err != nil {
		v.Error = err.Error()
	}
	for _, f := range p.files {
		s := fileState{
			Name: f.name, Tracks: describe(f.tracks), Size: p.archive.size(f.name),
			Seconds: f.length.Seconds(), Finished: f.finished,
		}
		if f.finished {
			s.URL = f.url
		}
		v.Files = append(v.Files, s)
	}
	b, err := json.Marshal(v)
	return string(b), err
}

// describe names tracks for people.
func describe(tracks []recorder.Track) string {
	names := map[codec.Format]string{codec.H264: "H.264", codec.Opus: "Opus"}
	var all []string
	for _, t := range tracks {
		name := names[t.Codec]
		if name == "" {
			name = t.Codec.String()
		}
		if t.Kind == rtc.Video {
			name += fmt.Sprintf(" %d×%d", t.Width, t.Height)
		}
		all = append(all, name)
	}
	return strings.Join(all, ", ")
}
