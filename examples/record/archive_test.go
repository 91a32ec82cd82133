package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/examples/record/recorder"
	"github.com/sansrtc/rtc/rtp/codec"
)

// The archive gives out what it has written, when it is finished, and nothing else.
func TestArchive(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	a, err := newArchive(dir)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "other.webm"), []byte("private"), 0o600))
	get := func(url string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		a.ServeHTTP(w, httptest.NewRequest("GET", url, nil))
		return w
	}
	for _, test := range []struct {
		codec     codec.Format
		file, typ string
	}{
		{codec.VP8, "x.webm", "video/webm"},
		{codec.H264, "x.mkv", "video/x-matroska"},
	} {
		tracks := []recorder.Track{{Kind: rtc.Video, Codec: test.codec, Width: 2, Height: 2}}
		f, err := a.create("x", "secret", tracks)
		require.NoError(t, err)
		require.Equal(t, test.file, f.name)
		require.NoError(t, f.WriteBlock(recorder.Block{KeyFrame: true, Data: []byte("picture")}))
		require.Equal(t, http.StatusNotFound, get(f.url).Code, "it is not finished")
		require.NoError(t, f.Close())

		w := get(f.url)
		require.Equal(t, http.StatusOK, w.Code)
		require.Equal(t, test.typ, w.Header().Get("Content-Type"))
		require.Contains(t, w.Body.String(), "picture")
		require.EqualValues(t, w.Body.Len(), a.size(f.name))

		_, err = a.create("x", "secret", tracks)
		require.ErrorIs(t, err, os.ErrExist, "nothing is written over")
	}
	for _, url := range []string{
		"/recordings/secret/other.webm", "/recordings/x.webm", "/recordings/guessed/x.webm", "/recordings/secret/",
		"/recordings/secret/../../x.webm", "/recordings/",
	} {
		require.Equal(t, http.StatusNotFound, get(url).Code, url)
	}
	require.NoError(t, os.Remove(filepath.Join(dir, "x.webm")))
	require.Equal(t, http.StatusNotFound, get("/recordings/secret/x.webm").Code, "somebody has taken it away")
	require.Zero(t, a.size("x.webm"))
}

func TestArchiveCannotBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := newArchive(filepath.Join(file, "dir"))
	require.Error(t, err)
}

func TestDescribe(t *testing.T) {
	require.Equal(t, "H.264 640×360, Opus", describe([]recorder.Track{
		{Kind: rtc.Video, Codec: codec.H264, Width: 640, Height: 360}, {Kind: rtc.Audio, Codec: codec.Opus},
	}))
	require.Equal(t, "AV1 2×2", describe([]recorder.Track{{Kind: rtc.Video, Codec: codec.AV1, Width: 2, Height: 2}}))
}
