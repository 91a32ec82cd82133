package rtc

import (
	"fmt"

	"github.com/sansrtc/rtc/srtp"
)

// protectMedia makes the keys of SRTP from those of DTLS (RFC 5764 section 4.2).
// Without a common profile there is no media, but there may be data channels.
func (r *Rtc) protectMedia() error {
	state := r.conn.State()
	profile := srtp.Profile(state.SRTPProfile)
	if profile.KeySize() == 0 {
		return nil
	}
	material, err := r.conn.ExportKeyingMaterial(srtp.ExporterLabel, nil, profile.ExporterSize())
	if err != nil {
		return fmt.Errorf("rtc: exporting SRTP keys: %w", err)
	}
	keys, err := srtp.KeysFromExporter(profile, material, state.Client)
	if err != nil {
		return fmt.Errorf("rtc: %w", err)
	}
	protect := r.cfg.MediaProtection
	if protect == nil {
		protect = func(p srtp.Profile, k srtp.Keys) (srtp.Protection, error) { return srtp.NewSession(p, k) }
	}
	if r.protection, err = protect(profile, keys); err != nil {
		return fmt.Errorf("rtc: %w", err)
	}
	r.payloads, _ = r.protection.(srtp.PayloadProtection)
	return nil
}
