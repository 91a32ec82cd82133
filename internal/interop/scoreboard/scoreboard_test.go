package main

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc/dtls"
	"github.com/sansrtc/rtc/stun"
)

func newBoard(t *testing.T) *board { return &board{t: t, short: true, progress: io.Discard} }

func TestGates(t *testing.T) {
	b := newBoard(t)
	b.short = false
	b.atMost("a", 1.5, "×", 1.5, 3)
	b.atLeast("b", 9, "MB/s", 9)
	b.shown("c", 100, "ns")
	require.Equal(t, 0, b.exitCode())
	b.atMost("d", 1.51, "×", 1.5)
	b.atLeast("e", 8.9, "MB/s", 9)
	require.Equal(t, 1, b.exitCode())

	var text bytes.Buffer
	printTable(&text, b.rows)
	var got []string
	for line := range strings.Lines(text.String()) {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	require.Equal(t, []string{
		"| name | value | unit | gate | holds | Pion |",
		"|--- |--- |--- |--- |--- |--- |",
		"| a | 1.5 | × | ≤ 1.5 | yes | 3 |",
		"| b | 9 | MB/s | ≥ 9 | yes | |",
		"| c | 100 | ns | | | |",
		"| d | 1.51 | × | ≤ 1.5 | NO | |",
		"| e | 8.9 | MB/s | ≥ 9 | NO | |",
	}, got)

	out, err := json.Marshal(b.rows[:3])
	require.NoError(t, err)
	require.JSONEq(t, `[
		{"name":"a","value":1.5,"unit":"×","gate":1.5,"ok":true,"peer":3},
		{"name":"b","value":9,"unit":"MB/s","gate":9,"ok":true,"peer":null},
		{"name":"c","value":100,"unit":"ns","gate":null,"ok":true,"peer":null}
	]`, string(out))
}

// A short run has patience with ratios, and with nothing else.
func TestSlack(t *testing.T) {
	b := newBoard(t)
	b.atMost("a", 1.65, "× floor", 1.5)
	b.atLeast("b", 2.7, "× Pion", 3)
	require.Equal(t, 0, b.exitCode())
	b.atMost("c", 1, "per packet", 0)
	b.atMost("d", 1.8, "× floor", 1.5)
	b.atLeast("e", 2.4, "× Pion", 3)
	for _, row := range b.rows[2:] {
		require.False(t, row.OK, row.Name)
	}
}

func TestPercentile(t *testing.T) {
	v := []float64{5, 1, 4, 2, 3}
	require.Equal(t, 3.0, median(v))
	require.Equal(t, 5.0, percentile(v, 0.9))
	require.Equal(t, 5.0, percentile(v, 1))
	require.Equal(t, 1.0, percentile(v, 0))
	require.Equal(t, 2.0, ratio([]float64{2, 4, 60}, []float64{1, 2, 20}))
}

// TestFloorSTUN holds the floor to what it claims: it answers a check as the library
// does, and refuses one that was touched.
func TestFloorSTUN(t *testing.T) {
	key, err := stun.NewKey(stunPassword)
	require.NoError(t, err)
	check := stunCheck()
	require.Equal(t, answerCheck(nil, check, key), newStunFloor().answer(check))
	for i := range check {
		changed := bytes.Clone(check)
		changed[i] ^= 1
		require.Panics(t, func() { newStunFloor().answer(changed) }, "byte %d", i)
	}
}

// TestHandshakesNegotiate shows that the handshakes measured are the ones named.
func TestHandshakesNegotiate(t *testing.T) {
	b := newBoard(t)
	for _, v := range []dtls.Version{dtls.VersionDTLS12, dtls.VersionDTLS13} {
		for _, g := range []dtls.Group{dtls.X25519, dtls.P256, dtls.X25519MLKEM768} {
			if v == dtls.VersionDTLS12 && g == dtls.X25519MLKEM768 {
				continue
			}
			client, server := b.dtlsHandshake(v, g)
			for _, c := range []*dtls.Conn{client, server} {
				require.Equal(t, v, c.State().Version)
				require.Equal(t, g, c.State().Group)
				require.Len(t, c.State().PeerCertificates, 1, "mutual authentication")
			}
		}
	}
}
