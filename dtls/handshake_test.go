package dtls

import (
	"bytes"
	"testing"
)

func only(v Version) func(*Config) {
	return func(cfg *Config) { cfg.MinVersion, cfg.MaxVersion = v, v }
}

func TestHandshake(t *testing.T) {
	for _, v := range []Version{VersionDTLS13, VersionDTLS12} {
		t.Run(v.String(), func(t *testing.T) {
			test := newPair(t, pairOptions{client: only(v), config: Config{SRTPProfiles: []SRTPProfile{SRTP_AEAD_AES_128_GCM}}})
			test.connect()
			test.talk()
			a, b := test.client.conn.State(), test.server.conn.State()
			if a.Version != v || b.Version != v {
				t.Errorf("versions %v and %v, want %v", a.Version, b.Version, v)
			}
			if a.SRTPProfile != SRTP_AEAD_AES_128_GCM || b.SRTPProfile != a.SRTPProfile {
				t.Errorf("SRTP profiles %v and %v", a.SRTPProfile, b.SRTPProfile)
			}
			k1, err1 := test.client.conn.ExportKeyingMaterial("EXTRACTOR-dtls_srtp", nil, 60)
			k2, err2 := test.server.conn.ExportKeyingMaterial("EXTRACTOR-dtls_srtp", nil, 60)
			if err1 != nil || err2 != nil || !bytes.Equal(k1, k2) || len(k1) != 60 {
				t.Errorf("keying material differs: %x %v, %x %v", k1, err1, k2, err2)
			}
			t.Logf("\n%s", test.trace.String())
		})
	}
}
