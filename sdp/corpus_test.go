package sdp_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/sdp"
)

// corpus returns the descriptions of real peers by file name without ".sdp".
func corpus(t testing.TB) map[string]string {
	t.Helper()
	files, err := filepath.Glob("../testdata/sdp/*.sdp")
	require.NoError(t, err)
	require.Len(t, files, 227)
	texts := make(map[string]string, len(files))
	for _, file := range files {
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		texts[strings.TrimSuffix(filepath.Base(file), ".sdp")] = string(b)
	}
	return texts
}

// isOffer tells an offer's file name from an answer's.
func isOffer(name string) bool {
	return strings.Contains(name[strings.LastIndexByte(name, '.'):], "offer")
}

// offerOf returns the name of the offer that an answer belongs to, "" for an offer.
func offerOf(answer string) string {
	dot := strings.LastIndexByte(answer, '.')
	if isOffer(answer) {
		return ""
	}
	return answer[:dot] + strings.Replace(answer[dot:], "answer", "offer", 1)
}

func mustParse(t testing.TB, text string) *sdp.Session {
	t.Helper()
	s, err := sdp.Parse(text)
	require.NoError(t, err, "in\n%s", text)
	return s
}

func TestCorpusParses(t *testing.T) {
	t.Parallel()
	for name, text := range corpus(t) {
		s := mustParse(t, text)
		require.Equal(t, strings.Count(text, "\r\nm="), len(s.Media), name)
		for i := range s.Media {
			m := &s.Media[i]
			require.NotEmpty(t, m.MID, "%s: m-line %d", name, i)
			if m.Rejected() {
				continue
			}
			require.Len(t, m.Fingerprints, 1, "%s: m-line %d", name, i)
			require.True(t, m.Fingerprints[0].Known(), "%s: m-line %d", name, i)
			require.NotEmpty(t, m.ICEPwd, "%s: m-line %d", name, i)
			require.Contains(t, m.ICEOptions, "trickle", "%s: m-line %d", name, i)
			require.Equal(t, m.Kind == "application", m.IsData(), "%s: m-line %d", name, i)
		}
	}
}

// Every line of a browser's description is either understood or kept: written back
// and read again, it is the same value.
func TestCorpusRoundTrip(t *testing.T) {
	t.Parallel()
	for name, text := range corpus(t) {
		first := mustParse(t, text)
		second := mustParse(t, first.String())
		require.Equal(t, first, second, name)
		require.Equal(t, first.String(), second.String(), name)
	}
}

func TestCorpusLosesNoLine(t *testing.T) {
	t.Parallel()
	for name, text := range corpus(t) {
		s := mustParse(t, text)
		have := make(map[string]bool)
		for line := range strings.SplitSeq(s.String(), "\r\n") {
			have[line] = true
		}
		listed := ""
		for line := range strings.SplitSeq(text, "\r\n") {
			if strings.HasPrefix(line, "m=") {
				listed = line + " "
			}
			pt, isFeedback := strings.CutPrefix(line, "a=rtcp-fb:")
			pt, _, _ = strings.Cut(pt, " ")
			switch {
			case have[line]:
			case isFeedback && !strings.Contains(listed, " "+pt+" "):
				// Firefox leaves the feedback of codecs that were taken out.
			case strings.HasPrefix(line, "c="), strings.HasPrefix(line, "o="):
				// The default address is always written as none.
			case line == "a=sendrecv":
				// Means nothing in a section without RTP, and is the default.
			default:
				t.Errorf("%s: %q is lost", name, line)
			}
		}
	}
}
