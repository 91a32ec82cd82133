// Chat is a video conference: whoever opens the page sees and hears everybody else who has it open.
//
//	go run ./examples/chat
//
// It prints a URL. Open it in two windows; with ?room=tea behind it, in a room of its own. Browsers give camera and microphone to pages
// from this machine and to pages that came by HTTPS only, so to let others in, serve
// beyond this machine, which makes a certificate that browsers will warn about once:
//
//	go run ./examples/chat -addr :8443
//
// Package sfu, in the folder beside this file, is the conference: who sees whom, and which
// packet goes to whom. It has no sockets and no clock, and neither have the
// sessions in it. What drives it, one goroutine that takes datagrams, signalling requests and expired deadlines
// one after another, is package serve, which the examples share; loop.go there is the loop. This folder is
// what is left: the names of sessions (server.go) and the page.
package main

import (
	"embed"
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
	const insecure = false // browsers want HTTPS before they give a camera
	serve.Main("chat", "localhost:8080", insecure, page, newServer)
}
