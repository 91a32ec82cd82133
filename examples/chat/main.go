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
// sessions in it. The program around it has: one goroutine (server.go) that takes datagrams,
// requests and expired deadlines one after another, so nothing is locked. One map look-up
// finds the session of a datagram (routes.go), one heap knows who is to be called next
// (timers.go).
package main

import (
	"context"
	"crypto/tls"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	stdlog "log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

//go:embed page
var files embed.FS

func main() {
	addr := flag.String("addr", "localhost:8080", "serve the page at this `address`; by HTTPS if others than this machine can reach it")
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
		fmt.Fprintln(os.Stderr, "chat:", err)
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
	url, cert, err := pageURL(listener.Addr(), time.Now())
	if err != nil {
		return err
	}
	if cert != nil {
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{*cert}, NextProtos: []string{"http/1.1"}})
	}
	web := &http.Server{Handler: s.handler(page), ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, ErrorLog: quiet}
	failed := make(chan error, 1)
	go func() { failed <- web.Serve(listener) }()
	defer web.Close()

	fmt.Println(url)

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

// quiet drops what net/http would print about every browser that does not know our
// certificate.
var quiet = stdlog.New(io.Discard, "", 0)
