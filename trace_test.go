package rtc_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/internal/simnet"
)

// tracedSession runs a session, with a datagram of a stranger in it, and returns what L logged.
func tracedSession(t *testing.T, level slog.Level, addresses bool) (log string, end time.Time) {
	t.Helper()
	var out bytes.Buffer
	w := newWorld(t, worldConfig{
		link: simnet.LinkConfig{Delay: 10 * ms},
		change: func(l, _ *rtc.Config) {
			l.Log = slog.NewTextHandler(&out, &slog.HandlerOptions{Level: level})
			l.LogAddresses = addresses
		},
	})
	w.connect()
	w.l.HandleInput(rtc.Input{Now: w.net.Now(), Local: w.l.addr, Remote: attacker, Data: []byte{22, 0xfe}})
	w.net.Run(time.Second)
	w.l.Close(w.net.Now())
	w.net.Run(time.Second)
	require.True(t, w.l.closed)
	return out.String(), w.net.Now()
}

func TestLogHasNoAddresses(t *testing.T) {
	log, _ := tracedSession(t, slog.LevelDebug-8, false)
	require.NotEmpty(t, log)
	for _, secret := range []string{"10.0.0.", ":5000", attacker.Addr().String()} {
		require.NotContains(t, log, secret)
	}
}

func TestLogAddresses(t *testing.T) {
	log, _ := tracedSession(t, slog.LevelDebug-8, true)
	for _, want := range []string{"10.0.0.1:5000", "10.0.0.2:5000", attacker.String()} {
		require.Contains(t, log, want)
	}
}

// Each level is quieter than the one below, and records carry the time of the inputs.
func TestLogLevels(t *testing.T) {
	lines := func(level slog.Level) int {
		log, end := tracedSession(t, level, false)
		for line := range strings.Lines(log) {
			stamp, _, _ := strings.Cut(strings.TrimPrefix(line, "time="), " ")
			at, err := time.Parse(time.RFC3339Nano, stamp)
			require.NoError(t, err, line)
			require.False(t, at.Before(simnet.Epoch) || at.After(end), "outside of the session: %s", line)
		}
		return strings.Count(log, "\n")
	}
	packets, rare, info := lines(slog.LevelDebug-4), lines(slog.LevelDebug), lines(slog.LevelInfo)
	require.Greater(t, packets, rare)
	require.Greater(t, rare, info)
	require.Positive(t, info)
	require.Zero(t, lines(slog.LevelWarn), "a session has nothing to warn of")
}

// A handler that refuses every level is not called.
func TestLogDisabled(t *testing.T) {
	w := newWorld(t, worldConfig{
		link:   simnet.LinkConfig{Delay: ms},
		change: func(l, _ *rtc.Config) { l.Log = deafHandler{t} },
	})
	w.connect()
}

type deafHandler struct{ t *testing.T }

func (h deafHandler) Enabled(context.Context, slog.Level) bool { return false }
func (h deafHandler) WithAttrs([]slog.Attr) slog.Handler       { return h }
func (h deafHandler) WithGroup(string) slog.Handler            { return h }
func (h deafHandler) Handle(_ context.Context, r slog.Record) error {
	h.t.Errorf("handled although not enabled: %s", r.Message)
	return nil
}
