// Record is a WebRTC server that records: whoever opens the page can have camera and microphone written to a file on this machine.
//
//	go -C examples/record run .
//
// It prints a URL. Open it in Chrome or Firefox, press Record, and Stop: the file is in the folder "recordings", as WebM
// for VP8, VP9 and AV1, and as Matroska for H.264, all with Opus. Browsers give camera and microphone to pages
// from this machine and to pages that came by HTTPS only, so to let others in, serve beyond this machine, which makes a
// certificate that browsers will warn about once:
//
//	go -C examples/record run . -addr :8443 -dir videos
//
// Package recorder, in the folder beside this file, is what the example is about: how frames that come over a network get
// into a file, with sound and pictures in step. It has no files and no clock. Package matroska writes the bytes of
// the file. What is left here are sessions and their recordings (server.go), the folder (archive.go), and the page.
package main

import (
	"embed"
	"flag"
	"io/fs"

	"github.com/sansrtc/rtc/examples/internal/serve"
)

//go:embed page
var files embed.FS

func main() {
	page, err := fs.Sub(files, "page")
	if err != nil {
		panic(err) // the directory is embedded
	}
	dir := flag.String("dir", "recordings", "write files to this `folder`")
	const insecure = false // browsers want HTTPS before they give a camera
	serve.Main("record", "localhost:8080", insecure, page, func(site *serve.Site) (serve.Server, error) {
		return newServer(site, *dir)
	})
}
