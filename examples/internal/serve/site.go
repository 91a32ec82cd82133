package serve

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

	"github.com/sansrtc/rtc/ice"
)

// shared are the parts of pages that the examples have in common.
//
//go:embed page
var shared embed.FS

// Site is what a server is given to work with.
type Site struct {
	Log        slog.Handler
	Candidates []ice.Candidate // where every session can be reached

	mux  *http.ServeMux
	loop *Loop
}

// Main is the main function of an example. It defines the flags that all have, serves the files of page and a
// session to everybody who asks for one, and prints the URL. It returns when the program is interrupted
// and every session has said goodbye.
//
// At a place that others can reach the page is served by HTTPS, which browsers want of pages that use a
// camera; insecure lets it be.
func Main(name, addr string, insecure bool, page fs.FS, newServer func(*Site) (Server, error)) {
	at := flag.String("addr", addr, "serve the page at this `address`")
	udp := flag.String("udp", ":0", "take datagrams at this `address`; without a host, at every address of this machine")
	verbose := flag.Bool("v", false, "log what happens, with addresses")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	site := &Site{Log: slog.DiscardHandler, mux: http.NewServeMux()}
	if *verbose {
		site.Log = slog.NewTextHandler(os.Stderr, nil)
	}
	if err := site.run(ctx, *at, *udp, insecure, page, newServer); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

func (s *Site) run(ctx context.Context, addr, udp string, insecure bool, page fs.FS, newServer func(*Site) (Server, error)) error {
	loop, err := listen(udp)
	if err != nil {
		return err
	}
	defer loop.close()
	s.loop, s.Candidates = loop, loop.candidates()
	if loop.server, err = newServer(s); err != nil {
		return err
	}
	listener, url, err := listenWeb(addr, insecure)
	if err != nil {
		return err
	}
	web := &http.Server{Handler: s.handler(page), ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, ErrorLog: quiet}
	failed := make(chan error, 1)
	go func() { failed <- web.Serve(listener) }()
	defer web.Close()

	fmt.Println(url)

	ended := make(chan struct{})
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { loop.run(ctx); close(ended) }()
	select {
	case <-ended:
		return nil
	case err := <-failed:
		cancel()
		<-ended
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return err
	}
}

// Handle serves further requests, in goroutines of their own.
func (s *Site) Handle(pattern string, handler http.Handler) { s.mux.Handle(pattern, handler) }

// listenWeb opens the web server's socket, and tells the URL of the page.
func listenWeb(addr string, insecure bool) (net.Listener, string, error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, "", err
	}
	url, cert, err := pageURL(listener.Addr(), insecure, time.Now())
	if err != nil {
		listener.Close()
		return nil, "", err
	}
	if cert != nil {
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{*cert}, NextProtos: []string{"http/1.1"}})
	}
	return listener, url, nil
}

// handler serves the files of the page, those that the pages share, and the signalling.
func (s *Site) handler(page fs.FS) http.Handler {
	common, err := fs.Sub(shared, "page")
	if err != nil {
		panic(err) // the directory is embedded
	}
	s.mux.Handle("GET /", http.FileServerFS(page))
	s.mux.Handle("GET /shared/", http.StripPrefix("/shared", http.FileServerFS(common)))
	s.signal()
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		// An isolated page gets clocks that are fine enough to time a local network.
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Embedder-Policy", "require-corp")
		req.Body = http.MaxBytesReader(w, req.Body, maxBody)
		s.mux.ServeHTTP(w, req)
	})
}

// quiet drops what net/http would print about every browser that does not know our
// certificate.
var quiet = stdlog.New(io.Discard, "", 0)
