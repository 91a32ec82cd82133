package rtc_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/internal/simnet"
)

var errNoEntropy = errors.New("no entropy")

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errNoEntropy }

// A random source that does not work is found out by New, with and without a certificate to make.
func TestRandBroken(t *testing.T) {
	_, err := rtc.New(simnet.Epoch, rtc.Config{Rand: brokenReader{}})
	require.ErrorIs(t, err, errNoEntropy)
	_, err = rtc.New(simnet.Epoch, rtc.Config{Rand: brokenReader{}, Certificate: testCertificates[0]})
	require.ErrorIs(t, err, errNoEntropy)
}
