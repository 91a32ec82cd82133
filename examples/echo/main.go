// Echo is a WebRTC server that echoes what browsers send on data channels.
//
//	go run ./examples/echo
//
// It prints a URL. Open it in a browser: a data channel opens, and the page shows
// messages, round-trip times, throughput, and what was negotiated.
//
// One goroutine owns every session (server.go): it takes datagrams, signalling
// requests and expired deadlines one after another, so nothing is locked. One map
// look-up finds the session of a datagram (routes.go), one heap knows who is to be
// called next (timers.go). The rest is a program like any other: signalling by HTTP
// (signalling.go), sockets (sockets.go) and flags (this file).
package main

import (
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"syscall"
	"time"
)

//go:embed page
var files embed.FS

func main() {
	addr := flag.String("addr", ":8080", "serve the page and the signalling at this `address`")
	udp := flag.String("udp", ":0", "take datagrams at this `address`; without a host, at every address of this machine")
	verbose := flag.Bool("v", false, "log what happens, with addresses")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var log slog.Handler = slog.DiscardHandler
	if *verbose {
		log = slog.NewTextHandler(os.Stderr, nil)
	}
	if err := run(ctx, *addr, *udp, log); err != nil {
		fmt.Fprintln(os.Stderr, "echo:", err)
		os.Exit(1)
	}
}

// run serves until ctx is done. It returns when every session has said goodbye.
func run(ctx context.Context, addr, udp string, log slog.Handler) error {
	sockets, err := listenUDP(udp)
	if err != nil {
		return err
	}
	defer closeAll(sockets)
	s, err := newServer(sockets, log)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	page, err := fs.Sub(files, "page")
	if err != nil {
		return err
	}
	web := &http.Server{Handler: s.handler(page), ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- web.Serve(listener) }()
	defer web.Close()

	fmt.Println(pageURL(listener.Addr()))

	loop := make(chan struct{})
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { s.run(ctx); close(loop) }()
	select {
	case <-loop:
		return nil
	case err := <-failed:
		cancel()
		<-loop
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return err
	}
}

// pageURL is what to open on this machine for a server that listens at a.
func pageURL(a net.Addr) string {
	at, err := netip.ParseAddrPort(a.String())
	if err != nil || at.Addr().IsUnspecified() {
		return fmt.Sprintf("http://localhost:%d/", at.Port())
	}
	return fmt.Sprintf("http://%v/", at)
}
