package rtc

import (
	"context"
	"log/slog"

	"github.com/sansrtc/rtc/ice"
)

// levelPacket is below Debug: a line for each datagram.
const levelPacket = slog.LevelDebug - 4

// trace writes one record if the application asked for a log of this level. The
// record carries the time of the inputs. A slog.Logger would read the clock.
//
// Callers on the path of a packet ask r.tracing first, since arguments in attrs
// would allocate even when nobody listens.
func (r *Rtc) trace(level slog.Level, msg string, attrs ...slog.Attr) {
	if !r.tracing(level) {
		return
	}
	rec := slog.NewRecord(r.now, level, msg, 0)
	rec.AddAttrs(attrs...)
	// A handler's failure is its own affair; the session goes on.
	_ = r.cfg.Log.Handle(context.Background(), rec)
}

func (r *Rtc) tracing(level slog.Level) bool {
	return r.cfg.Log != nil && r.cfg.Log.Enabled(context.Background(), level)
}

// pathAttr names a path in a log, if addresses may appear there.
func (r *Rtc) pathAttr(p ice.Path) slog.Attr {
	if !r.cfg.LogAddresses {
		return slog.Attr{}
	}
	return slog.Group("path", slog.String("local", p.Local.String()), slog.String("remote", p.Remote.String()))
}

// tracePacket logs one datagram. Ask tracing(levelPacket) before.
func (r *Rtc) tracePacket(what string, class packetClass, path ice.Path, n int) {
	r.trace(levelPacket, what, slog.String("class", class.String()), slog.Int("bytes", n), r.pathAttr(path))
}
