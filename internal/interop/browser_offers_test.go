package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/internal/interop/browser"
	"github.com/sansrtc/rtc/internal/interop/netns"
)

// The offers that were recorded in testdata/sdp are made again by the live browser, which must accept our answers.
func TestChromiumOffers(t *testing.T) { testBrowserOffers(t, chromium) }
func TestFirefoxOffers(t *testing.T)  { testBrowserOffers(t, firefox) }

func testBrowserOffers(t *testing.T, kind browserKind) {
	ns := netns.ForTest(t)
	b := startBrowser(t, kind, ns, browser.Config{})
	loadPage(b)
	names := recordedOffers(t, kind)
	require.Greater(t, len(names), 20)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			b := b.with(t)
			if name == "s-mdns-dc" {
				b = startBrowser(t, kind, ns, browser.Config{HideAddresses: true})
				loadPage(b)
			}
			testBrowserOffer(t, kind, b, ns, name)
		})
	}
}

// recordedOffers returns the names of the cases in which kind was the offerer.
func recordedOffers(t *testing.T, kind browserKind) (names []string) {
	t.Helper()
	paths, err := filepath.Glob("../../testdata/sdp/" + kind.name + "-*.offer*.sdp")
	require.NoError(t, err)
	for _, path := range paths {
		name, _, _ := strings.Cut(filepath.Base(path), ".")
		name = strings.TrimPrefix(name, kind.name+"-")
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func testBrowserOffer(t *testing.T, kind browserKind, b testBrowser, ns *netns.Namespace, name string) {
	s := newBrowserSession(t, b, ns, rtc.Config{})
	var step struct{ Again, Answerer bool }
	s.page(&step, "beginCase", name)
	gathered := name == "s-mdns-dc"
	var offer, answer string
	if step.Answerer {
		offer, answer = s.weOffer(gathered, false)
	} else {
		offer, answer = s.browserOffers(gathered, false)
	}
	if !step.Again {
		require.Equal(t, shape(recordedOffer(t, kind, name)), shape(offer), "the offer is not of the kind recorded")
	}
	if gathered {
		require.Contains(t, offer, ".local ", "candidates must hide the address")
		resolve(s, ns)
	}
	if !strings.Contains(answer, "m=application") {
		// With every m-line rejected there is nothing to connect.
		s.ours.close()
		require.NoError(t, s.ours.waitClosed())
		return
	}
	s.connected()
	label := "case"
	if name == "l-always-dc" || step.Answerer {
		// The data section was there before any channel.
		label = "later"
		s.page(nil, "open", label, map[string]any{})
	}
	s.opened(label)
	id := s.ours.opened(label).ID
	s.exchange(id, label)
	if step.Again {
		testSecondOffer(s, name)
	}
	if name == "f3-stop-first-bundled" {
		// When the section that speaks for the bundle stops, both browsers leave the
		// running transport with a goodbye, even with one another, and begin another.
		require.NoError(t, s.ours.waitClosed())
		return
	}
	s.exchange(id, label)
	s.pageCloses()
}

// resolve plays the multicast DNS for the names that the offer has in place of addresses.
func resolve(s *browserSession, ns *netns.Namespace) {
	s.t.Helper()
	ev := wait(s.ours, "a name to resolve", func(*rtc.ResolveHostname) bool { return true })
	require.True(s.t, strings.HasSuffix(ev.Hostname, ".local"), ev.Hostname)
	s.ours.call(func(r *rtc.Rtc, now time.Time) {
		if err := r.ResolveRemoteCandidate(now, ev.Hostname, ns.V4); err != nil {
			s.t.Errorf("ResolveRemoteCandidate: %v", err)
		}
	})
}

// testSecondOffer takes a case to the offer that was recorded. Media was rejected, so that
// it cannot look as it did when media was flowing.
func testSecondOffer(s *browserSession, name string) {
	s.t.Helper()
	s.page(nil, "caseAgain", name)
	var offer string
	s.page(&offer, "offer", map[string]any{})
	answer := s.ours.acceptOffer(offer)
	require.Equal(s.t, strings.Count(offer, "\r\nm="), strings.Count(answer, "\r\nm="), "m-lines")
	s.page(nil, "accept", answer)
}

func recordedOffer(t *testing.T, kind browserKind, name string) string {
	t.Helper()
	base := "../../testdata/sdp/" + kind.name + "-" + name
	b, err := os.ReadFile(base + ".offer.sdp")
	if os.IsNotExist(err) {
		b, err = os.ReadFile(base + ".offer-gathered.sdp")
	}
	require.NoError(t, err)
	return string(b)
}

var (
	sectionStart = regexp.MustCompile(`(?m)^m=`)
	mediaLine    = regexp.MustCompile(`^(\w+) (\d+) (\S+)`)
	direction    = regexp.MustCompile(`(?m)^a=(sendrecv|sendonly|recvonly|inactive)\r$`)
)

// shape is what is the same in two offers made in the same situation: the m-lines with
// their directions, and how many layers and header extensions each has.
func shape(description string) (lines []string) {
	for _, section := range sectionStart.Split(description, -1)[1:] {
		m := mediaLine.FindStringSubmatch(section)
		if m == nil {
			return append(lines, "malformed: "+section)
		}
		line := fmt.Sprintf("%s %s %d rids %d extmaps", m[1], m[3], strings.Count(section, "a=rid:"), strings.Count(section, "a=extmap:"))
		if m[2] == "0" {
			line += " port 0"
		}
		if d := direction.FindStringSubmatch(section); d != nil {
			line += " " + d[1]
		}
		for _, flag := range []string{"a=bundle-only", "a=rtcp-mux", "a=rtcp-rsize", "a=setup:actpass", "a=simulcast:send"} {
			if strings.Contains(section, flag) {
				line += " " + flag
			}
		}
		lines = append(lines, line)
	}
	return lines
}
