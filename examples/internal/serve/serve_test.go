package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/ice"
)

// A hall takes whoever comes, up to a number.
type hall struct {
	places   int
	sessions map[string]*rtc.Rtc
	queries  []url.Values
	closed   bool
}

func (h *hall) HandleInput(rtc.Input)  {}
func (h *hall) PollOutput() rtc.Output { return rtc.Output{} }
func (h *hall) Close(time.Time)        { h.closed = true }
func (h *hall) Session(id string) *rtc.Rtc {
	return h.sessions[id]
}

func (h *hall) Join(now time.Time, offer string, query url.Values) (id, answer string, err error) {
	if len(h.sessions) == h.places {
		return "", "", fmt.Errorf("%w: all places are taken", ErrBusy)
	}
	site := &Site{Candidates: []ice.Candidate{{Type: ice.Host, Addr: netip.MustParseAddrPort("10.0.0.1:1")}}}
	r, answer, err := site.Accept(now, rtc.Config{}, offer)
	if err != nil {
		return "", "", err
	}
	h.queries = append(h.queries, query)
	id = fmt.Sprint("s", len(h.sessions))
	h.sessions[id] = r
	return id, answer, nil
}

// start runs a site with a hall, and returns what ends it.
func start(t *testing.T, places int) (h *hall, handler http.Handler, stop func()) {
	h = &hall{places: places, sessions: map[string]*rtc.Rtc{}}
	site := &Site{mux: http.NewServeMux(), loop: newLoop(nil)}
	site.loop.server = h
	site.HandleSession("GET /session/{id}", func(_ time.Time, id string, r *rtc.Rtc, _ []byte) (string, error) {
		if id == "s0" {
			return `{"id":"s0"}`, nil
		}
		return "", errors.New("not that one")
	})
	site.Handle("GET /more/", http.RedirectHandler("/", http.StatusSeeOther))
	ctx, cancel := context.WithCancel(t.Context())
	go site.loop.run(ctx)
	stop = func() { cancel(); <-site.loop.done }
	t.Cleanup(stop)
	return h, site.handler(fstest.MapFS{"index.html": {Data: []byte("the page")}}), stop
}

func request(handler http.Handler, method, target, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(method, target, strings.NewReader(body)))
	return w
}

// offer is what a browser with a data channel says.
func offer(t *testing.T) string {
	r, err := rtc.New(time.Now(), rtc.Config{})
	require.NoError(t, err)
	o, err := r.CreateOffer(time.Now(), rtc.Changes{DataChannels: true})
	require.NoError(t, err)
	return o.SDP()
}

func TestSignalling(t *testing.T) {
	h, handler, stop := start(t, 2)
	sdp := offer(t)
	w := request(handler, "POST", "/session?room=tea", sdp)
	require.Equal(t, http.StatusCreated, w.Code, w.Body)
	require.Equal(t, "/session/s0", w.Header().Get("Location"))
	require.Equal(t, "application/sdp", w.Header().Get("Content-Type"))
	require.True(t, strings.HasPrefix(w.Body.String(), "v=0\r\n"))
	require.Equal(t, []url.Values{{"room": {"tea"}}}, h.queries)

	const candidate = "candidate:1 1 udp 2122260223 10.0.0.2 5000 typ host"
	for _, test := range []struct {
		method, target, body string
		want                 int
	}{
		{"POST", "/session/s0/candidate", candidate, http.StatusNoContent},
		{"POST", "/session/s0/candidate", "candidate:1 1 udp 1 hidden.local 5000 typ host", http.StatusNoContent},
		{"POST", "/session/s0/candidate", "candidate:1 1 ssltcp 1 10.0.0.2 5000 typ host", http.StatusNoContent},
		{"POST", "/session/s0/candidate", "nonsense", http.StatusBadRequest},
		{"POST", "/session/s0/candidate", "", http.StatusNoContent},
		{"POST", "/session/s9/candidate", candidate, http.StatusNotFound},
		{"POST", "/session/s0", "v=0", http.StatusBadRequest},
		{"POST", "/session", "", http.StatusBadRequest},
		{"POST", "/session", "v=0", http.StatusBadRequest},
		{"POST", "/session", strings.Repeat("x", maxBody+1), http.StatusBadRequest},
		{"POST", "/session", sdp, http.StatusCreated},
		{"POST", "/session", sdp, http.StatusServiceUnavailable},
		{"GET", "/session/s0", "", http.StatusOK},
		{"GET", "/session/s1", "", http.StatusBadRequest},
		{"GET", "/", "", http.StatusOK},
		{"GET", "/shared/session.js", "", http.StatusOK},
		{"GET", "/shared/nothing", "", http.StatusNotFound},
		{"GET", "/more/of/it", "", http.StatusSeeOther},
		{"DELETE", "/session/s0", "", http.StatusNoContent},
		{"POST", "/session/s0/candidate", candidate, http.StatusNotFound}, // it has ended
	} {
		w := request(handler, test.method, test.target, test.body)
		require.Equal(t, test.want, w.Code, "%s %s: %s", test.method, test.target, w.Body)
		require.NotEmpty(t, w.Header().Get("Content-Security-Policy"))
	}
	require.Equal(t, "application/json", request(handler, "GET", "/session/s0", "").Header().Get("Content-Type"))

	stop()
	require.True(t, h.closed, "everybody must be told goodbye")
	require.Equal(t, http.StatusServiceUnavailable, request(handler, "POST", "/session", sdp).Code)
}

func TestPageURL(t *testing.T) {
	for _, test := range []struct {
		at       string
		insecure bool
		want     string
		secure   bool
	}{
		{"127.0.0.1:80", false, "http://localhost:80/", false},
		{"[::1]:80", false, "http://localhost:80/", false},
		{"0.0.0.0:80", true, "http://localhost:80/", false},
		{"192.0.2.1:80", true, "http://192.0.2.1:80/", false},
		{"192.0.2.1:443", false, "https://192.0.2.1:443/", true},
		{"[2001:db8::1]:443", false, "https://[2001:db8::1]:443/", true},
	} {
		got, cert, err := pageURL(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(test.at)), test.insecure, time.Now())
		require.NoError(t, err)
		require.Equal(t, test.want, got)
		require.Equal(t, test.secure, cert != nil, test.at)
	}
	// At every address, the first that others can reach is as good as any.
	got, cert, err := pageURL(net.TCPAddrFromAddrPort(netip.MustParseAddrPort("0.0.0.0:443")), false, time.Now())
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(got, "https://"), got)
	require.NotNil(t, cert)
}
