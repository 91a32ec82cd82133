// Echo is a WebRTC server that echoes what browsers send on data channels.
//
//	go run ./examples/echo
//
// It prints a URL. Open it in a browser: a data channel opens, and the page shows
// messages, round-trip times, throughput, and what was negotiated.
//
// The server (server.go) is a machine without sockets and clock, around an rtc.Endpoint with all sessions. What
// drives it, one goroutine that takes datagrams, signalling requests and expired deadlines one after another,
// is package serve, which the examples share; loop.go there is the loop.
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
	const insecure = true // no camera, no need
	serve.Main("echo", ":8080", insecure, page, newServer)
}
