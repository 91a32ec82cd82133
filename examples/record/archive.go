package main

import (
	"net/http"
	"os"
	"path"
	"sync"
	"time"

	"github.com/sansrtc/rtc/examples/record/matroska"
	"github.com/sansrtc/rtc/examples/record/recorder"
)

// archive is the folder that the recordings are in. It gives out those that this program has written, and nothing else
// that may be there. Its methods may be called from several goroutines.
type archive struct {
	folder *os.Root

	mu    sync.Mutex
	files map[string]string // name by URL
}

func newArchive(dir string) (*archive, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	folder, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &archive{folder: folder, files: make(map[string]string)}, nil
}

// A file is a recording, or a part of one.
type file struct {
	recorder.Muxer
	archive *archive

	name     string
	url      string // of use when the file is finished, to those who have been told
	tracks   []recorder.Track
	length   time.Duration // so far
	finished bool
}

// create begins a file.
//
// It is written to by the goroutine that owns the sessions, as the blocks come. What the system buffers is enough for that. A
// server that records hundreds puts a queue between, with a limit, so that a slow disk ends a recording and does not
// delay the others.
func (a *archive) create(name, secret string, tracks []recorder.Track) (*file, error) {
	name += matroska.Extension(tracks)
	out, err := a.folder.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return nil, err
	}
	muxer, err := matroska.New(out, tracks)
	if err != nil {
		out.Close()
		return nil, err
	}
	return &file{Muxer: muxer, archive: a, name: name, url: path.Join("/recordings", secret, name), tracks: tracks}, nil
}

func (f *file) WriteBlock(b recorder.Block) error {
	f.length = b.Time
	return f.Muxer.WriteBlock(b)
}

func (f *file) Close() error {
	err := f.Muxer.Close()
	if err != nil {
		return err
	}
	f.finished = true
	f.archive.mu.Lock()
	defer f.archive.mu.Unlock()
	f.archive.files[f.url] = f.name
	return nil
}

// size returns how large a file is now, in bytes.
func (a *archive) size(name string) int64 {
	info, err := a.folder.Stat(name)
	if err != nil {
		return 0 // somebody has moved it
	}
	return info.Size()
}

// ServeHTTP gives out a finished file, or a part of it as players want.
func (a *archive) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	a.mu.Lock()
	name, ok := a.files[req.URL.Path]
	a.mu.Unlock()
	if !ok {
		http.NotFound(w, req)
		return
	}
	f, err := a.folder.Open(name)
	if err != nil {
		http.NotFound(w, req)
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	kind := "video/webm"
	if path.Ext(name) == ".mkv" {
		kind = "video/x-matroska"
	}
	w.Header().Set("Content-Type", kind)
	// A long recording takes its time.
	http.NewResponseController(w).SetWriteDeadline(time.Time{})
	http.ServeContent(w, req, name, info.ModTime(), f)
}
