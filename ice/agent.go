package ice

import (
	"net/netip"
	"time"
)

// An Agent is one ICE agent. It is not safe for concurrent use.
type Agent struct {
	cfg Config
}

// New returns an agent with its credentials made.
func New(now time.Time, cfg Config) (*Agent, error) {
	cfg.setDefaults()
	return &Agent{cfg: cfg}, nil
}

func (a *Agent) LocalCredentials() Credentials  { return a.cfg.Credentials }
func (a *Agent) RemoteCredentials() Credentials { return Credentials{} }
func (a *Agent) Controlling() bool              { return false }
func (a *Agent) SetRemoteCredentials(now time.Time, c Credentials, lite bool) error {
	return nil
}
func (a *Agent) SetControlling(now time.Time, controlling bool)        {}
func (a *Agent) AddLocalCandidate(now time.Time, c Candidate) error    { return nil }
func (a *Agent) RemoveLocalCandidate(now time.Time, c Candidate) error { return nil }
func (a *Agent) AppendLocalCandidates(dst []Candidate) []Candidate     { return dst }
func (a *Agent) AddRemoteCandidate(now time.Time, c Candidate) error   { return nil }
func (a *Agent) EndOfRemoteCandidates(now time.Time)                   {}
func (a *Agent) ResolveRemoteCandidate(now time.Time, hostname string, addr netip.Addr) error {
	return nil
}
func (a *Agent) Restart(now time.Time, c Credentials) error      { return nil }
func (a *Agent) Close(now time.Time)                             {}
func (a *Agent) HandlePacket(now time.Time, path Path, b []byte) {}
func (a *Agent) HandleTimeout(now time.Time)                     {}
func (a *Agent) AppendPacket(now time.Time, dst []byte) ([]byte, Path, bool) {
	return dst, Path{}, false
}
func (a *Agent) NextEvent() (Event, bool)          { return Event{}, false }
func (a *Agent) Deadline() time.Time               { return time.Time{} }
func (a *Agent) NoteData(now time.Time, path Path) {}
func (a *Agent) Validated(path Path) bool          { return false }
func (a *Agent) Requested(path Path) bool          { return false }
func (a *Agent) SendPath() (Path, bool)            { return Path{}, false }
func (a *Agent) RTT() time.Duration                { return 0 }
func (a *Agent) State() State                      { return StateNew }
func (a *Agent) AppendPairs(dst []Pair) []Pair     { return dst }
func (a *Agent) Stats() Stats                      { return Stats{} }
