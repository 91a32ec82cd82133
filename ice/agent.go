package ice

import (
	"encoding/binary"
	"io"
	"slices"
	"time"

	"github.com/sansrtc/rtc/stun"
)

// An Agent is one ICE agent. It is not safe for concurrent use.
//
// Invariants:
//
//  1. A pair is Succeeded only after a check of ours on its path was answered with
//     the peer's password, or, in a lite agent, after an authenticated request on it.
//  2. Nothing is stored for a packet before its integrity is verified.
//  3. selected is a nominated, Succeeded pair of its generation.
//  4. After each method, paths says exactly which pairs are Succeeded.
type Agent struct {
	cfg Config
	now time.Time // of the latest call

	controlling bool
	tieBreaker  uint64
	conflicts   int // role conflicts of this generation
	remoteLite  bool

	locals []*Candidate
	cur    *generation
	old    *generation // during a restart, else nil

	dropOldAt time.Time // when the old generation ends, once a new pair is selected
	newAt     time.Time // no first check of a pair before, by Ta
	againAt   time.Time // no triggered or repeated check before, by Ta
	failAt    time.Time // without a valid pair, Failed no earlier; zero before the search
	triggers  uint64    // numbers the triggered checks

	responses []response // owed

	state     State
	connected bool  // there has been a valid pair
	sendPair  *pair // carries our data, nil if nothing may
	sendPath  Path  // its path, which survives Close
	news      news
	stats     Stats
	scratch   [16]byte // for random bytes
}

// maxRoleConflicts is how often an agent disputes its role in one generation. Two
// tie-breakers settle it in one or two; past the limit a peer is broken or hostile,
// and both keep their roles, with which data still flows.
const maxRoleConflicts = 16

// New returns an agent. It fails if Rand is missing or fails, if the credentials are
// not valid, or with ErrFIPS.
func New(now time.Time, cfg Config) (*Agent, error) {
	if cfg.Rand == nil {
		return nil, ErrConfig
	}
	cfg.setDefaults()
	if cfg.Credentials == (Credentials{}) {
		var err error
		if cfg.Credentials, err = NewCredentials(cfg.Rand); err != nil {
			return nil, err
		}
	}
	g, err := newGeneration(cfg.Credentials)
	if err != nil {
		return nil, err
	}
	a := &Agent{cfg: cfg, now: now, cur: g, controlling: cfg.Controlling && !cfg.Lite}
	if _, err := io.ReadFull(cfg.Rand, a.scratch[:8]); err != nil {
		return nil, err
	}
	a.tieBreaker = binary.BigEndian.Uint64(a.scratch[:])
	return a, nil
}

// LocalCredentials returns the credentials to signal to the peer.
func (a *Agent) LocalCredentials() Credentials { return a.cur.local }

// RemoteCredentials returns those of the peer, or the zero value.
func (a *Agent) RemoteCredentials() Credentials { return a.cur.remote }

// Controlling returns the present role, which a role conflict may have changed.
func (a *Agent) Controlling() bool { return a.controlling }

// State returns the present state.
func (a *Agent) State() State { return a.state }

// advance sets the time, which never goes back.
func (a *Agent) advance(now time.Time) {
	if now.After(a.now) {
		a.now = now
	}
}

// random returns n ≤ 16 random bytes, valid until the next call. If the source
// fails, the agent closes: without unpredictable transaction ids anybody could forge
// answers.
func (a *Agent) random(n int) ([]byte, bool) {
	if _, err := io.ReadFull(a.cfg.Rand, a.scratch[:n]); err != nil {
		a.close()
		return nil, false
	}
	return a.scratch[:n], true
}

// SetRemoteCredentials tells the agent how the peer authenticates itself, and that
// it is a lite agent, which makes this one controlling. Checks begin now.
//
// To call it again with the same credentials does nothing; with others, Restart
// must have come before.
func (a *Agent) SetRemoteCredentials(now time.Time, c Credentials, lite bool) error {
	a.advance(now)
	g := a.cur
	switch {
	case a.state == StateClosed:
		return ErrClosed
	case !c.Valid():
		return ErrCredentials
	case lite && a.cfg.Lite:
		return ErrBothLite
	case g.remoteKey != nil && g.remote != c:
		return ErrRemoteCredentials
	case g.remoteKey != nil:
		return nil
	}
	key, err := stun.NewKey(c.Pwd)
	if err != nil {
		return ErrFIPS
	}
	g.remote, g.remoteKey = c, key
	a.remoteLite = lite
	if lite {
		a.setControlling(true)
	}
	a.dropForeignCandidates(g)
	a.failAt = a.now.Add(a.cfg.FailedTimeout)
	a.settle()
	return nil
}

// SetControlling sets the role, which is best done before checks begin. A lite agent
// stays controlled, and the peer of a lite agent controlling.
func (a *Agent) SetControlling(now time.Time, controlling bool) {
	a.advance(now)
	if a.state == StateClosed || a.cfg.Lite || a.remoteLite {
		return
	}
	a.setControlling(controlling)
	a.settle()
}

// setControlling changes the role. What was nominated in the other role is not.
// The priorities of pairs depend on the role:
// https://www.rfc-editor.org/rfc/rfc8445#section-7.2.5.1
func (a *Agent) setControlling(controlling bool) {
	if a.controlling == controlling {
		return
	}
	a.controlling = controlling
	a.cur.recompute(controlling)
	for _, p := range a.cur.pairs {
		p.nominated = !controlling && p.peerNominated && p.state == PairSucceeded
	}
}

// Restart begins a new generation with new credentials, generated if c is the zero
// value (RFC 8445 section 9). The peer's credentials and candidates have to be set
// again; local candidates stay.
//
// The pair selected so far goes on carrying data until a new one is selected, and
// for Config.RestartOverlap after that packets of the old generation are answered.
func (a *Agent) Restart(now time.Time, c Credentials) error {
	a.advance(now)
	if a.state == StateClosed {
		return ErrClosed
	}
	if c == (Credentials{}) {
		var err error
		if c, err = NewCredentials(a.cfg.Rand); err != nil {
			return err
		}
	}
	if c.Ufrag == a.cur.local.Ufrag || a.old != nil && c.Ufrag == a.old.local.Ufrag {
		return ErrSameCredentials
	}
	g, err := newGeneration(c)
	if err != nil {
		return err
	}
	switch {
	case a.cur.selected != nil || a.old == nil && a.cur.bestValid(a.better) != nil:
		a.dropOld()
		a.old = a.cur
		a.old.pairs = slices.DeleteFunc(a.old.pairs, func(p *pair) bool { return p.state != PairSucceeded })
	default:
		a.news.ufragRemoved(a.cur)
	}
	a.cur, a.conflicts, a.remoteLite = g, 0, false
	a.dropOldAt, a.newAt, a.againAt, a.failAt = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	a.connected = a.old != nil
	a.settle()
	return nil
}

// dropOld ends the old generation.
func (a *Agent) dropOld() {
	if a.old == nil {
		return
	}
	a.news.ufragRemoved(a.old)
	a.old, a.dropOldAt = nil, time.Time{}
}

// Close ends everything at once: no check is sent or answered any more, and paths are
// lost. SendPath stays what it was, for the layers above to say goodbye.
func (a *Agent) Close(now time.Time) {
	a.advance(now)
	a.close()
}

func (a *Agent) close() {
	if a.state == StateClosed {
		return
	}
	a.dropOld()
	a.news.ufragRemoved(a.cur)
	a.cur = &generation{local: a.cur.local, remote: a.cur.remote, announced: true}
	a.locals, a.responses, a.sendPair = nil, nil, nil
	a.state = StateClosed
	a.news.sync(nil, nil)
}

// HandleTimeout runs the timers that are due. To call it early, late or in vain does
// no harm.
func (a *Agent) HandleTimeout(now time.Time) {
	a.advance(now)
	if a.state != StateClosed {
		a.settle()
	}
}

// generations calls f for the present generation and the old one, if there is one.
func (a *Agent) generations(f func(g *generation)) {
	f(a.cur)
	if a.old != nil {
		f(a.old)
	}
}
